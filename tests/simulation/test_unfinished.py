"""Creates that were cut off, or whose answer was lost."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from syncd.core.case import IntentState
from syncd.core.policy import Scope
from syncd.core.work_order import Field
from syncd.mirror.db.tables import conflicts
from syncd.mirror.intents import open_intents
from tests.simulation.__main__ import quiet
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import Fault
from tests.simulation.world import Setup, World


def test_what_it_lacks_is_written_and_what_it_holds_in_its_place_is_in_the_log(
    tmp_path: Path,
) -> None:
    """The search does not show the record yet, and the CMMS hands it out for one made twice."""
    quiet()
    traits = Traits(unique=True, index_lag_s=130)
    world = World(Setup(orders=1, page=2, scope=Scope.ALL, traits=traits), tmp_path)
    world.cycle.policy = replace(
        world.cycle.policy, cmms_creates_with=frozenset({Field.TITLE, Field.DUE_DATE})
    )
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "IN_PROGRESS")
    title = world.upstream.values(s2e_id)["title"]
    world.cmms.create("syncd", s2e_id, {"title": title, "status": "ASSIGNED"})
    for number in range(6):
        world.tick(full=number == 0)
    (record,) = world.cmms.records.values()
    assert record.values["status"] == "IN_PROGRESS"
    assert world.upstream.values(s2e_id)["status"] == "IN_PROGRESS"
    kept = select(conflicts.c.field, conflicts.c.cmms_value, conflicts.c.winner)
    with world.mirror.read() as tx:
        assert [tuple(row) for row in tx.conn.execute(kept)] == [("status", "ASSIGNED", "s2e")]


def test_a_create_stays_in_doubt_while_the_cmms_cannot_be_read(tmp_path: Path) -> None:
    """Else nobody knows any more what the record was made of, and a text that the CMMS has cut
    is taken for somebody's edit."""
    quiet()
    setup = Setup(orders=1, page=2, scope=Scope.ALL, traits=Traits(normalises=True))
    world = World(setup, tmp_path)
    (s2e_id,) = world.upstream.ids()
    text = "worn " * 40 + "out"
    world.upstream.edit(s2e_id, "root_cause", text)
    world.adapter.faults.append(Fault("create", "lost", 0))
    world.tick(full=True)
    world.adapter.faults.append(Fault("fetch", "refused", 0))
    broken = world.tick()
    assert broken is not None
    assert broken.cmms.error is not None
    with world.mirror.read() as tx:
        (doubted,) = open_intents(tx)
    assert doubted.state is IntentState.IN_DOUBT
    for _ in range(4):
        world.tick()
    (record,) = world.cmms.records.values()
    held = str(record.values["root_cause"])
    assert held != text
    assert text.startswith(held)
    assert world.upstream.values(s2e_id)["root_cause"] == text
