"""Both sides agree, which one read shows; what the next one shows does not tell of it any more."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.core.case import Case, Conflict
from syncd.core.decision import Decision
from syncd.core.planning.plan import decide
from syncd.core.policy import Policy, Scope
from syncd.core.work_order import Field, Side
from syncd.engine.request import CycleRequest
from syncd.mirror import state
from syncd.mirror.db.tables import conflicts
from tests.simulation.__main__ import quiet
from tests.simulation.cmms_adapter import Fault
from tests.simulation.oracles import judge
from tests.simulation.world import POLL_EVERY_S, Setup, World


def _in_step(home: Path, owner: str) -> tuple[World, str, str]:
    """A world in which both sides hold "dirt"; the ids of its order and its record."""
    quiet()
    owners = (("root_cause", owner),)
    world = World(Setup(orders=1, page=2, scope=Scope.ALL, owners=owners), home)
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "root_cause", "dirt")
    for number in range(3):
        world.tick(full=number == 0)
    (record,) = world.cmms.records
    return world, s2e_id, record


def _causes(world: World) -> list[str | None]:
    (s2e_id,), (record,) = world.upstream.ids(), world.cmms.records.values()
    return [side["root_cause"] for side in (world.upstream.values(s2e_id), record.values)]


@pytest.mark.parametrize("owner", ["cmms", "s2e"])
@pytest.mark.parametrize("deaths", [1, 2])
def test_the_last_edit_survives_a_cycle_that_died_before_it_had_decided(
    tmp_path: Path, owner: str, deaths: int
) -> None:
    """What both held when they last agreed is what the next edits are compared with."""
    world, s2e_id, record = _in_step(tmp_path, owner)
    world.upstream.edit(s2e_id, "root_cause", "wear")
    world.cmms.update("person", record, {"root_cause": "wear"})
    for _ in range(deaths):
        world.dies_deciding = True
        assert world.tick(full=True) is None
    world.upstream.edit(s2e_id, "root_cause", "dirt")
    world.cmms.update("person", record, {"root_cause": "a seal"})
    for _ in range(3):
        world.tick()
    kept = select(conflicts.c.s2e_value, conflicts.c.cmms_value, conflicts.c.winner)
    with world.mirror.read() as tx:
        assert [tuple(row) for row in tx.conn.execute(kept)] == [("dirt", "a seal", owner)]
    assert _causes(world) == ["dirt" if owner == "s2e" else "a seal"] * 2
    assert judge(world) == []


def test_the_last_edit_survives_a_second_look_before_a_write(tmp_path: Path) -> None:
    """The order is closed, so that no tick lists it, and it is read again for another field."""
    world, s2e_id, record = _in_step(tmp_path, "cmms")
    world.person(lambda tx: state.set_state(tx, state.PAUSED, True))
    world.upstream.edit(s2e_id, "root_cause", "wear")
    world.tick(full=True)
    world.cmms.update("person", record, {"root_cause": "wear", "resolution": "cleaned"})
    world.upstream.edit(s2e_id, "root_cause", "dirt")
    world.person(lambda tx: state.set_state(tx, state.PAUSED, False))
    for _ in range(3):
        world.tick()
    assert _causes(world) == ["dirt", "dirt"]
    assert world.upstream.values(s2e_id)["resolution"] == "cleaned"
    assert judge(world) == []


@pytest.mark.parametrize("owner", ["cmms", "s2e"])
def test_the_last_edit_survives_a_dry_cycle_that_alone_saw_both_sides_agree(
    tmp_path: Path, owner: str
) -> None:
    world, s2e_id, record = _in_step(tmp_path, owner)
    world.upstream.edit(s2e_id, "root_cause", "wear")
    world.cmms.update("person", record, {"root_cause": "wear"})
    world.cycle.run(CycleRequest(full=True, dry=True))
    with world.mirror.read() as tx:
        assert state.get_state(tx, state.UNDECIDED) is False
    world.clock.sleep(POLL_EVERY_S + 1)  # so that the order is read again before a write
    world.upstream.edit(s2e_id, "root_cause", "dirt")
    world.cmms.update("person", record, {"root_cause": "a seal"})
    for _ in range(3):
        world.tick()
    kept = select(conflicts.c.s2e_value, conflicts.c.cmms_value, conflicts.c.winner)
    with world.mirror.read() as tx:
        assert [tuple(row) for row in tx.conn.execute(kept)] == [("dirt", "a seal", owner)]
    assert judge(world) == []


def test_the_last_edit_survives_where_the_create_was_still_in_doubt(tmp_path: Path) -> None:
    """The create's answer is lost. Both sides agree, which only a cycle that died was shown."""
    quiet()
    world = World(Setup(orders=1, page=2, scope=Scope.ALL), tmp_path)
    (s2e_id,) = world.upstream.ids()
    world.adapter.faults.append(Fault("create", "lost", 0))
    world.tick(full=True)
    (record,) = world.cmms.records
    world.upstream.edit(s2e_id, "root_cause", "wear")
    world.cmms.update("person", record, {"root_cause": "wear"})
    world.dies_deciding = True
    assert world.tick(full=True) is None
    world.cmms.update("person", record, {"root_cause": None})
    for _ in range(3):
        world.tick(full=True)
    assert _causes(world) == ["wear", None]  # which a person is asked about
    assert judge(world) == []


def test_a_preview_leaves_nothing_in_the_log_of_conflicts(tmp_path: Path) -> None:
    """What `plan --remap` or an undo would overwrite has not been overwritten."""
    world, s2e_id, record = _in_step(tmp_path, "cmms")
    world.upstream.edit(s2e_id, "root_cause", "wear")
    world.cmms.update("person", record, {"root_cause": "wear"})
    lost = Conflict(Field.RESOLUTION, "one", "another", Side.CMMS)

    def preview(case: Case, policy: Policy, now: datetime) -> Decision:
        return replace(decide(case, policy, now), conflicts=(lost,))

    report = world.cycle.run(CycleRequest(full=True, dry=True, decide=preview))
    assert [decision.conflicts for decision in report.plan.decisions] == [(lost,)]
    with world.mirror.read() as tx:
        assert tx.conn.execute(select(conflicts.c.id)).all() == []
