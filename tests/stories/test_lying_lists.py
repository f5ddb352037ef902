"""A list that is not what it says: bounded, told, and nothing concluded from who was absent."""

from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.mirror.db.tables import s2e_orders, sweeps
from syncd.twin.lies import LIES
from tests.stories.virtual import VirtualWorld

_ORDERS = 450
_LIST = "api/v1/work-orders$"
# Pages of ten under any limit are honest pages, and a foreign row in a filtered one is passed over.
_HARMLESS = {"limit", "filter"}
_SHORT = ("total",)  # the others take as long, and run with the judge
_LONG = [what for what in LIES if what not in _SHORT]


@pytest.mark.parametrize(
    "what", [*_SHORT, *(pytest.param(it, marks=pytest.mark.judge) for it in _LONG)]
)
def test_nothing_is_concluded_from_a_list_that_lies(what: str, tmp_path: Path) -> None:
    world = VirtualWorld(tmp_path, sweep_every_s=120, orders=_ORDERS, order="-createdAt")
    try:
        world.settle()
        gone = world.twin.orders()[7]["id"]
        world.twin.delete(gone)
        world.twin.faults.add("lie", "GET", _LIST, times=None, what=what)
        seen = len(world.twin.ledger.entries)
        kept = len(world.rows("SELECT id FROM work_orders"))
        for _ in range(9):
            world.tick()
        assert len(world.twin.ledger.entries) - seen <= 9 * 75
        results = set(_results(world)[-2:])
        assert results <= ({"complete"} if what in _HARMLESS else {"partial"}), results
        assert _tombstones(world) <= {gone}  # which says so itself, asked by its id
        world.twin.faults.clear()
        for _ in range(9):
            world.tick()
        assert _results(world)[-1] == "complete"
        assert _tombstones(world) == {gone}
        assert len(world.rows("SELECT id FROM work_orders")) == kept
    finally:
        world.close()


def _results(world: VirtualWorld) -> list[str]:
    with world.mirror.read() as tx:
        ended = select(sweeps.c.result).where(sweeps.c.ended_at.is_not(None)).order_by(sweeps.c.id)
        return list(tx.conn.execute(ended).scalars())


def _tombstones(world: VirtualWorld) -> set[str]:
    with world.mirror.read() as tx:
        gone = select(s2e_orders.c.s2e_id).where(s2e_orders.c.tombstone_at.is_not(None))
        return set(tx.conn.execute(gone).scalars())
