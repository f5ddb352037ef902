"""The preset atlas, where Atlas CMMS is unlike others."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.core.work_order import Field, Fields, Status
from syncd.errors import CredentialsRefused, Refused
from tests.cmms.presets.atlas_bench import ATLAS
from tests.cmms.presets.bench import PresetBench, bench_of
from tests.cmms.presets.fake_atlas import FakeAtlas

TITLE = {Field.TITLE: "Pump leaks"}
MORNING = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)


@pytest.fixture
def bench() -> Iterator[PresetBench]:
    with bench_of(ATLAS) as made:
        yield made


def test_a_change_empties_nothing_that_is_not_mapped(bench: PresetBench) -> None:
    """PATCH takes the whole record, and resets what it is not sent."""
    key = bench.add({**TITLE, Field.DESCRIPTION: "Badly"})
    more: dict[str, Any] = {
        "asset": {"id": 7, "name": "Pump"}, "assignedTo": [{"id": 3}], "requiredSignature": True,
        "customFieldValues": [{"value": "x"}], "estimatedDuration": 2.5, "archived": True,
    }  # fmt: skip
    bench.fake.edit(key, **more)
    bench.adapter.update(key, {Field.TITLE: "Pump drips"}, {})
    row = bench.fake.rows[key]
    assert {name: row[name] for name in more} == more
    assert (row["title"], row["description"]) == ("Pump drips", "Badly")


def test_a_change_of_status_keeps_the_feedback(bench: PresetBench) -> None:
    key = bench.add({**TITLE, Field.CLOSURE_NOTE: "Ask Jane"})
    told = bench.adapter.update(key, {Field.STATUS: Status.ON_HOLD}, {})
    assert told.fields[Field.CLOSURE_NOTE] == "Ask Jane"


def test_the_time_of_completion_is_ours_though_the_server_stamps_its_own(
    bench: PresetBench,
) -> None:
    key = bench.add(TITLE)
    wanted: Fields = {Field.STATUS: Status.COMPLETED, Field.COMPLETED_AT: MORNING}
    told = bench.adapter.update(key, wanted, {})
    assert told.fields[Field.COMPLETED_AT] == MORNING
    assert [what for what, _, _ in bench.fake.ledger] == ["change-status", "patch"]


def test_changes_are_asked_for_in_the_servers_own_zone(bench: PresetBench) -> None:
    """Its filter takes the Z for a letter: as UTC we would ask an hour too late, or too early."""
    bench.add(TITLE)
    now = datetime.now(UTC)
    assert len(list(bench.adapter.fetch(now))) == 1
    assert list(bench.adapter.fetch(now + timedelta(minutes=30))) == []


def test_what_the_licence_does_not_allow_is_refused_and_no_matter_of_credentials(
    bench: PresetBench,
) -> None:
    """As credentials it would stop everything."""
    assert isinstance(bench.fake, FakeAtlas)
    bench.fake.open_at_most = 0
    with pytest.raises(Refused, match="need a license"):
        bench.adapter.create("wo_1", TITLE)
    with bench_of(ATLAS, ATLAS_PASSWORD="wrong") as other, pytest.raises(CredentialsRefused):
        other.adapter.get("1001")


def test_what_is_archived_unfinished_reads_as_cancelled(bench: PresetBench) -> None:
    key, done = bench.add(TITLE), bench.add({**TITLE, Field.STATUS: Status.COMPLETED})
    for one in (key, done):
        bench.fake.edit(one, archived=True)
    assert bench.adapter.get(key).fields[Field.STATUS] is Status.CANCELLED
    assert bench.adapter.get(done).fields[Field.STATUS] is Status.COMPLETED


def test_a_session_that_has_ended_is_begun_anew(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    bench.adapter.get(key)
    bench.fake.end_sessions()
    assert bench.adapter.get(key).cmms_id == key
