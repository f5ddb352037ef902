"""One bad row of the CMMS is one bad row, and one time of the future hides no edit."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.core.policy import Scope
from syncd.core.work_order import CmmsRecord, Field
from syncd.mirror import state
from syncd.mirror.queries.held import parked_list
from syncd.mirror.queries.status import status_facts
from tests.simulation.cmms import Traits
from tests.simulation.world import Setup, World

_YEAR_S = 365 * 86400.0


def _world(home: Path, **traits: Any) -> World:
    """Two orders with their records; a whole read comes only when it is asked for."""
    structlog.reset_defaults()
    setup = Setup(orders=2, page=5, scope=Scope.ALL, traits=Traits(filters=True, **traits))
    world = World(setup, home)
    world.cycle.cmms_reader._marks._full_every = timedelta(hours=6)
    with capture_logs():
        for number in range(4):
            world.clock.sleep(400)
            _tick(world, full=number == 0)
    return world


def _tick(world: World, *, full: bool = False) -> list[dict[str, Any]]:
    """One cycle in which the CMMS is read; what it warns of."""
    with capture_logs() as logs:
        told = world.tick(full=full)
    assert told is not None
    assert told.cmms.error is None
    return [dict(line) for line in logs if line["log_level"] == "warning"]


def _records(world: World) -> list[str]:
    return sorted(world.cmms.records)


def _goes_upstream(world: World, number: str, value: str) -> bool:
    """Whether a person's edit of this record is upstream after the next cycle."""
    world.cmms.update("person", number, {"root_cause": value})
    _tick(world)
    s2e_id = world.cmms.records[number].s2e_id
    return world.upstream.values(str(s2e_id))["root_cause"] == value


def test_a_value_that_cannot_be_read_parks_its_field_and_the_rest_of_the_record_flows(
    tmp_path: Path,
) -> None:
    world = _world(tmp_path)
    bad, good = _records(world)
    world.cmms.spoil(bad, "actual_hours")
    assert _goes_upstream(world, bad, "worn")
    assert _goes_upstream(world, good, "torn")
    with world.mirror.read() as tx:
        assert {(hold["field"], hold["reason"]) for hold in parked_list(tx)} == {
            ("actual_hours", "unreadable")
        }


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_rows_without_an_id_are_named_once_and_the_read_of_everything_is_complete(
    tmp_path: Path, rows: int
) -> None:
    world = _world(tmp_path)
    world.adapter.broken_rows = rows
    before = world.clock.utcnow()
    told = [line for _ in range(3) for line in _tick(world, full=True)]
    assert [line["event"] for line in told] == ["record.unread"] * rows
    assert told[0]["place"] == "record 1 of the adapter's fetch"
    assert "None" in told[0]["error"]
    assert _goes_upstream(world, _records(world)[0], "worn")
    with world.mirror.read() as tx:
        facts, full_at = status_facts(tx), state.get_moment(tx, state.CMMS_FULL_READ_AT)
    assert len(facts["cmms_nameless"]) == rows
    assert facts["orders"]["cmms_missing"] == 0
    assert full_at is not None
    assert full_at > before


def test_rows_that_are_mended_are_forgotten_by_the_next_read_of_everything(
    tmp_path: Path,
) -> None:
    world = _world(tmp_path)
    world.adapter.broken_rows = 2
    _tick(world, full=True)
    world.adapter.broken_rows = 0
    _tick(world)
    with world.mirror.read() as tx:
        assert status_facts(tx)["cmms_nameless"], "a read of changes does not show all rows"
    _tick(world, full=True)
    with world.mirror.read() as tx:
        assert not status_facts(tx)["cmms_nameless"]


def test_a_record_of_a_broken_adapter_is_kept_field_by_field(tmp_path: Path) -> None:
    world = _world(tmp_path)
    number = _records(world)[0]
    told = world.adapter._told

    def broken(record: Any) -> CmmsRecord:
        made = told(record)
        if record.number == number:
            made.fields[Field.ACTUAL_HOURS] = float("nan")  # type: ignore[index]
            made.fields[Field.COMPLETED_AT] = "soon"  # type: ignore[index]
            made.fields[Field.RESOLUTION] = 7  # type: ignore[index]
        return made

    world.adapter._told = broken  # type: ignore[method-assign]
    assert _goes_upstream(world, number, "worn")
    s2e_id = str(world.cmms.records[number].s2e_id)
    assert world.upstream.values(s2e_id)["resolution"] == "7"
    with world.mirror.read() as tx:
        assert {hold["field"] for hold in parked_list(tx)} == {"actual_hours", "completed_at"}


@pytest.mark.parametrize("tells_time", [True, False])
@pytest.mark.parametrize("ahead_s", [3600.0, _YEAR_S])
def test_a_time_of_change_of_the_future_is_named_once_and_hides_no_edit(
    tmp_path: Path, tells_time: bool, ahead_s: float
) -> None:
    world = _world(tmp_path, tells_time=tells_time)
    dated, other = _records(world)
    world.cmms.post_date(dated, ahead_s)
    (told,) = [line for _ in range(3) for line in _tick(world)]
    assert (told["event"], told["cmms_id"]) == ("record.ahead", dated)
    for value in ("worn", "torn"):
        world.clock.sleep(700)
        assert _goes_upstream(world, other, value)
    with world.mirror.read() as tx:
        mark = state.get_moment(tx, state.CMMS_WATERMARK)
        assert set(status_facts(tx)["cmms_ahead"]) == {dated}
    assert mark is not None
    assert mark <= world.clock.true_utc()


@pytest.mark.parametrize("tells_time", [True, False])
def test_a_mark_of_the_future_that_an_older_version_kept_is_put_right(
    tmp_path: Path, tells_time: bool
) -> None:
    world = _world(tmp_path, tells_time=tells_time)
    mark = world.clock.true_utc() + timedelta(seconds=_YEAR_S)
    world.person(lambda tx: state.set_moment(tx, state.CMMS_WATERMARK, mark))
    number = _records(world)[0]
    world.cmms.update("person", number, {"root_cause": "missed by the older version"})
    world.clock.sleep(3000)
    world.restart()
    assert _goes_upstream(world, _records(world)[1], "worn")
    s2e_id = str(world.cmms.records[number].s2e_id)
    assert world.upstream.values(s2e_id)["root_cause"] == "missed by the older version"
    with world.mirror.read() as tx:
        kept = state.get_moment(tx, state.CMMS_WATERMARK)
    assert kept is not None
    assert kept <= world.clock.true_utc()


def test_a_record_that_is_edited_is_no_longer_one_of_the_future(tmp_path: Path) -> None:
    world = _world(tmp_path)
    number = _records(world)[0]
    world.cmms.post_date(number, _YEAR_S)
    _tick(world)
    assert _goes_upstream(world, number, "worn")
    with world.mirror.read() as tx:
        assert not status_facts(tx)["cmms_ahead"]
