"""The preset servicenow, where ServiceNow is unlike others."""

from collections.abc import Iterator

import pytest

from syncd.core.work_order import Field, Status
from syncd.errors import CredentialsRefused, Refused, Unreachable
from tests.cmms.presets.bench import PAGE, PresetBench, bench_of
from tests.cmms.presets.fake_servicenow import FakeServicenow
from tests.cmms.presets.servicenow_bench import SERVICENOW

TITLE = {Field.TITLE: "Pump leaks"}


@pytest.fixture
def bench() -> Iterator[PresetBench]:
    with bench_of(SERVICENOW) as made:
        yield made


@pytest.fixture
def fake(bench: PresetBench) -> FakeServicenow:
    assert isinstance(bench.fake, FakeServicenow)
    return bench.fake


def test_a_page_that_rights_make_shorter_is_not_the_last(
    bench: PresetBench, fake: FakeServicenow
) -> None:
    keys = sorted(bench.add(TITLE) for _ in range(3 * PAGE))
    fake.hidden = set(keys[PAGE : PAGE + 2])  # after a full page
    assert [record.cmms_id for record in bench.adapter.fetch(None)] == [
        key for key in keys if key not in fake.hidden
    ]


def test_a_list_that_took_too_long_is_an_error_though_its_status_is_200(
    bench: PresetBench, fake: FakeServicenow
) -> None:
    bench.add(TITLE)
    fake.slow = True
    with pytest.raises(Unreachable, match="Transaction cancelled"):
        list(bench.adapter.fetch(None))


def test_what_a_rule_forbids_is_refused_and_no_matter_of_credentials(
    bench: PresetBench, fake: FakeServicenow
) -> None:
    """As credentials it would stop everything."""
    key = bench.add(TITLE)
    fake.closed = {key}
    with pytest.raises(Refused, match="Operation Failed, ACL Exception"):
        bench.adapter.update(key, {Field.TITLE: "Pump drips"}, {})
    wrong = bench_of(SERVICENOW, SERVICENOW_PASSWORD="wrong")
    with wrong as other, pytest.raises(CredentialsRefused):
        other.adapter.get(key)


def test_a_field_that_the_instance_has_not_shows_in_what_is_returned(
    bench: PresetBench, fake: FakeServicenow
) -> None:
    """It answers 200, and keeps nothing."""
    fake.missing = frozenset({"u_root_cause"})
    told = bench.adapter.update(bench.add(TITLE), {Field.ROOT_CAUSE: "Worn seal"}, {})
    assert told.fields[Field.ROOT_CAUSE] is None


def test_a_long_title_is_cut_with_a_mark_before_the_server_cuts_it(bench: PresetBench) -> None:
    told = bench.adapter.update(bench.add(TITLE), {Field.TITLE: "Pump " * 40}, {})
    (kept,) = [row["short_description"] for row in bench.fake.rows.values()]
    assert len(kept) <= 160
    assert told.fields[Field.TITLE] == kept
    assert not ("Pump " * 40).startswith(kept)


def test_a_status_follows_the_tasks_and_is_read_only(bench: PresetBench) -> None:
    assert Field.STATUS not in bench.adapter.capabilities.writes
    key = bench.add({**TITLE, Field.STATUS: Status.COMPLETED})
    assert bench.adapter.get(key).fields[Field.STATUS] is Status.COMPLETED
    bench.fake.edit(key, work_duration="1970-01-02 01:30:00")
    assert str(bench.adapter.get(key).fields[Field.ACTUAL_HOURS]) == "25.5"
