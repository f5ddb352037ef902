"""Requests that are applied when nobody waits for them any more, and searches that take long."""

from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.core.case import Intent, IntentState
from syncd.core.policy import Scope
from syncd.mirror.db.tables import conflicts, links
from syncd.mirror.intents import open_intents
from tests.simulation.__main__ import quiet
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import Fault, Trouble
from tests.simulation.world import Setup, World

_LONGEST_S = 30.0


def make_world(path: Path, traits: Traits | None = None) -> World:
    quiet()
    traits = traits or Traits(longest_request_s=_LONGEST_S)
    return World(Setup(orders=1, page=2, scope=Scope.ALL, traits=traits), path)


@pytest.mark.parametrize("trouble", ["late", "dies"])
@pytest.mark.parametrize("seconds", [6.0, 29.0])
def test_a_create_that_arrives_after_its_client_is_gone_makes_one_record(
    tmp_path: Path, trouble: Trouble, seconds: float
) -> None:
    """Each restart searches at once, before the create is applied; an edit made meanwhile is an
    edit, and no first meeting."""
    world = make_world(tmp_path)
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    world.adapter.faults.append(Fault("create", trouble, 0, seconds))
    world.tick(full=True, soon=True)
    for _ in range(3):
        world.tick(soon=True)
    assert not world.cmms.records
    assert [one.state for one in _open(world)] == [IntentState.IN_DOUBT]
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    for _ in range(4):
        world.tick()
    (record,) = world.cmms.records.values()
    assert record.values["status"] == "COMPLETED"
    assert world.upstream.values(s2e_id)["status"] == "COMPLETED"
    assert _how(world) == ["created"]


def test_a_create_that_never_arrived_is_made_soon_after_it_can_no_longer_arrive(
    tmp_path: Path,
) -> None:
    """It waits for the longest request and one more tick, and not for a sweep."""
    world = make_world(tmp_path)
    world.adapter.faults.append(Fault("create", "dropped", 0))
    world.tick(full=True, soon=True)
    sent = world.clock.now
    while not world.cmms.records:
        world.tick(soon=True)
        assert world.clock.now - sent < _LONGEST_S + 40, "it waits for too long"
    assert world.clock.now - sent >= _LONGEST_S - 5


def test_a_search_that_was_asked_too_early_proves_nothing_however_late_it_is_answered(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path)
    world.adapter.faults.append(Fault("create", "late", 0, 25.0))
    world.tick(full=True, soon=True)
    world.adapter.faults.append(Fault("find", "slow", 0, 3 * _LONGEST_S))
    world.tick(soon=True)
    assert [one.state for one in _open(world)] == [IntentState.IN_DOUBT]
    for _ in range(2):
        world.tick()
    assert not _open(world)
    assert len(world.cmms.records) == 1
    assert _how(world) == ["created"]


def test_a_record_that_arrives_later_than_the_setting_says_is_still_our_own(
    tmp_path: Path,
) -> None:
    """The create was given up and its second try was refused. What appears then is the first."""
    world = make_world(tmp_path, Traits(longest_request_s=5.0))
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "IN_PROGRESS")
    world.adapter.faults.append(Fault("create", "late", 0, 300.0))
    world.tick(full=True)
    world.adapter.faults.append(Fault("create", "refused", 0))
    world.tick()
    assert not _open(world)
    world.adapter.faults.append(Fault("create", "refused", 0))
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    while not world.cmms.records:
        world.adapter.faults[:] = [Fault("create", "refused", 0)]
        world.tick()
    world.adapter.faults.clear()
    for _ in range(4):
        world.tick(full=True)
    (record,) = world.cmms.records.values()
    assert _how(world) == ["created"]
    assert record.values["status"] == "COMPLETED"
    assert world.upstream.values(s2e_id)["status"] == "COMPLETED"


def test_what_a_write_in_doubt_overwrites_when_it_arrives_is_in_the_log(tmp_path: Path) -> None:
    """A person has entered something upstream while our own write was still under way there."""
    world = make_world(tmp_path)
    (s2e_id,) = world.upstream.ids()
    for _ in range(3):
        world.tick(full=True)
    (number,) = world.cmms.records
    world.cmms.update("person", number, {"root_cause": "ours"})
    world.upstream.late.append((20.0, True))
    world.tick(soon=True)
    world.upstream.edit(s2e_id, "root_cause", "theirs")
    world.tick(soon=True)
    assert world.upstream.values(s2e_id)["root_cause"] == "theirs"
    for _ in range(4):
        world.tick()
    assert world.upstream.values(s2e_id)["root_cause"] == "ours"
    with world.mirror.read() as tx:
        kept = [
            tuple(row) for row in tx.conn.execute(select(conflicts.c.field, conflicts.c.s2e_value))
        ]
    assert kept == [("root_cause", "theirs")]


def _open(world: World) -> list[Intent]:
    with world.mirror.read() as tx:
        return open_intents(tx)


def _how(world: World) -> list[str]:
    with world.mirror.read() as tx:
        return list(tx.conn.execute(select(links.c.how)).scalars())
