"""The preset erpnext, where Frappe is unlike others."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from syncd.core.work_order import Field, Status
from syncd.errors import Changed, CredentialsRefused
from tests.cmms.presets.bench import PresetBench, bench_of
from tests.cmms.presets.erpnext_bench import ERPNEXT
from tests.cmms.presets.fake_erpnext import FakeErpnext

TITLE = {Field.TITLE: "Pump leaks"}
MORNING = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)


@pytest.fixture
def bench() -> Iterator[PresetBench]:
    with bench_of(ERPNEXT) as made:
        yield made


def test_an_edit_between_our_read_and_our_write_is_not_overwritten(bench: PresetBench) -> None:
    """`modified` goes along, and a stale one is answered with 417."""
    key = bench.add(TITLE)

    def edit(writes: bool) -> None:
        if writes:
            bench.edit(key, Field.TITLE, "Pump drips")

    bench.on_request = edit
    with pytest.raises(Changed, match="TimestampMismatchError"):
        bench.adapter.update(key, {Field.TITLE: "Pump stands"}, {})
    assert bench.fake.rows[key]["subject"] == "Pump drips"


def test_times_are_those_of_the_site(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    told = bench.adapter.update(key, {Field.DUE_DATE: MORNING}, {})
    assert told.fields[Field.DUE_DATE] == MORNING
    assert bench.fake.rows[key]["custom_due_date"] == "2026-03-10 12:00:00"


def test_a_field_that_the_site_has_not_shows_in_what_is_returned(bench: PresetBench) -> None:
    """It answers 200, and keeps nothing."""
    assert isinstance(bench.fake, FakeErpnext)
    bench.fake.missing = frozenset({"custom_root_cause"})
    key = bench.add(TITLE)
    told = bench.adapter.update(key, {Field.ROOT_CAUSE: "Worn seal"}, {})
    assert told.fields[Field.ROOT_CAUSE] is None


def test_an_id_that_was_taken_meanwhile_leads_to_its_record(bench: PresetBench) -> None:
    """With a unique field: somebody made the record between our look and our create."""
    assert isinstance(bench.fake, FakeErpnext)
    bench.fake.unique = True
    made: list[str] = []

    def race(writes: bool) -> None:
        if writes and not made:
            made.append(bench.add({**TITLE, Field.S2E_ID: "wo_1"}))

    bench.on_request = race
    assert bench.adapter.create("wo_1", TITLE).cmms_id == made[0]
    assert list(bench.fake.rows) == made


def test_what_was_replied_to_is_in_progress_and_what_is_closed_complete(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    for status, ours in (("Replied", Status.IN_PROGRESS), ("Closed", Status.COMPLETED)):
        bench.fake.edit(key, status=status)
        record = bench.adapter.get(key)
        assert record.fields[Field.STATUS] is ours
        assert record.fields[Field.EXTERNAL_STATUS] == status


def test_a_time_of_completion_that_nobody_wrote_is_that_of_the_service_level(
    bench: PresetBench,
) -> None:
    key = bench.add(TITLE)
    told = bench.adapter.update(key, {Field.STATUS: Status.COMPLETED}, {})
    assert told.fields[Field.COMPLETED_AT] is not None
    told = bench.adapter.update(key, {Field.COMPLETED_AT: MORNING}, {})
    assert told.fields[Field.COMPLETED_AT] == MORNING


def test_a_key_that_is_none_is_a_matter_of_credentials() -> None:
    with bench_of(ERPNEXT, ERPNEXT_KEY="wrong") as made, pytest.raises(CredentialsRefused):
        list(made.adapter.fetch(None))
