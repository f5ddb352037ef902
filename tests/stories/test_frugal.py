"""What reading and writing cost, against the twin, on a clock that need not be waited for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.mirror.queries.status import status_counts
from tests.stories.virtual import VirtualWorld

MakeVirtual = Callable[..., VirtualWorld]


@pytest.fixture
def make_virtual(tmp_path: Path) -> Iterator[MakeVirtual]:
    made: list[VirtualWorld] = []

    def make(**given: Any) -> VirtualWorld:
        made.append(VirtualWorld(tmp_path, **given))
        return made[-1]

    yield make
    for world in made:
        world.close()


def _also(order: str) -> Any:
    """One more order of the list, for the longer tests."""
    return pytest.param(order, marks=pytest.mark.judge)


def requests_since(world: VirtualWorld, seen: int) -> list[Any]:
    return world.twin.ledger.entries[seen:]


@pytest.mark.judge
def test_a_backfill_within_60_a_minute_meets_no_429_and_wastes_little(
    make_virtual: MakeVirtual,
) -> None:
    """1,000 orders, each created in the CMMS and told upstream."""
    world = make_virtual(orders=1000, seed_order=False, rate_limit=60, order="-createdAt")
    began = world.now
    while len(world.twin.ledger.writes()) < 1000:
        world.tick(every_s=1)
        assert world.now < 3600, len(world.twin.ledger.writes())
    minutes = (world.now - began) / 60
    assert [entry for entry in world.twin.ledger.entries if entry.status == 429] == []
    sent = len(world.twin.ledger.entries)
    assert sent / (60 * minutes) >= 0.9, (sent, minutes)
    assert len(world.rows("SELECT id FROM work_orders")) == 1000


@pytest.mark.judge
@pytest.mark.parametrize("order", ["hidden", "-updatedAt"])
def test_an_idle_tick_with_500_open_orders_takes_at_most_8_requests(
    make_virtual: MakeVirtual, order: str
) -> None:
    world = make_virtual(orders=1200, order=order)
    open_orders = [o for o in world.twin.orders() if o["status"] not in {"COMPLETED", "CANCELLED"}]
    for extra in open_orders[500:]:
        world.twin.people.edit(extra["id"], status="CANCELLED")
    for each in open_orders[:500]:
        if each["status"] == "DRAFT":
            world.twin.people.edit(each["id"], status="ASSIGNED")
    world.settle()
    for _ in range(3):  # until no slice of a sweep is due
        world.tick()
    seen = len(world.twin.ledger.entries)
    report = world.tick()
    assert report.result == "complete"
    assert len(requests_since(world, seen)) <= 8


@pytest.mark.judge
@pytest.mark.parametrize("order", ["hidden", "-updatedAt"])
def test_a_push_costs_two_requests_at_most_and_nearly_one_in_bulk(
    make_virtual: MakeVirtual, order: str
) -> None:
    world = make_virtual(orders=400, order=order)
    world.settle()
    ids = [row[0] for row in world.rows("SELECT s2e_id FROM work_orders ORDER BY id")]
    for count in (1, 10, 300):
        world.tick()
        seen = len(world.twin.ledger.entries)
        world.tick()
        idle = len(requests_since(world, seen))
        seen, ticks = len(world.twin.ledger.entries), 0
        for s2e_id in ids[:count]:
            world.sql(
                "UPDATE work_orders SET closure_note = :note WHERE s2e_id = :id",
                note=f"Seen again {count}",
                id=s2e_id,
            )
        while ticks < 3 or (_pending(world) and ticks < 90):
            world.tick()
            ticks += 1
        sweeps = sum(_is_sweep_page(entry) for entry in requests_since(world, seen))
        spent = len(requests_since(world, seen)) - idle * ticks - sweeps
        assert spent <= (2 * count if count < 300 else 1.2 * count), (count, spent, ticks)


def _pending(world: VirtualWorld) -> int:
    with world.mirror.read() as tx:
        return status_counts(tx)["pending"]


def _is_sweep_page(entry: Any) -> bool:
    filters = {"status", "syncStatus"} & set(entry.query)
    return entry.path.endswith("/work-orders") and not filters


@pytest.mark.parametrize("order", ["hidden", _also("-updatedAt"), _also("createdAt")])
def test_orders_completed_upstream_reach_the_cmms_with_the_next_tick(
    make_virtual: MakeVirtual, order: str
) -> None:
    world = make_virtual(orders=600, order=order)
    world.settle()
    done = [o["id"] for o in world.twin.orders() if o["status"] == "IN_PROGRESS"][:20]
    for s2e_id in done:
        world.twin.people.edit(s2e_id, status="COMPLETED")
    world.tick()
    closed = {
        row[0] for row in world.rows("SELECT s2e_id FROM work_orders WHERE status = 'COMPLETED'")
    }
    assert set(done) <= closed


@pytest.mark.judge
@pytest.mark.timeout(400)  # a list of many pages, on a machine that others use
def test_a_quiet_sweep_costs_a_twentieth_more_than_the_list(make_virtual: MakeVirtual) -> None:
    world = make_virtual(orders=3000, order="createdAt")
    world.cycle.sweep_every = world.cycle.sweep_every * 0
    world.settle()
    seen = len(world.twin.ledger.entries)
    report = world.tick(full=True)
    assert report.s2e.sweep == "complete"
    pages = [entry for entry in requests_since(world, seen) if _is_sweep_page(entry)]
    assert len(pages) <= 1.15 * 15 + 3
