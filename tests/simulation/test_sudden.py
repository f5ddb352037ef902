"""Days of sixty orders: a busy one is let through, a word that means something else is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.core.planning.guards import Guard
from syncd.core.policy import Scope
from syncd.core.work_order import Side
from syncd.mirror.answers import release_guard
from tests.simulation.cmms import Traits
from tests.simulation.world import Setup as WorldSetup
from tests.simulation.world import World

ORDERS = 60
SUDDEN = (Guard.SUDDEN, Side.S2E)
HOUR = 60  # cycles


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    setup = WorldSetup(
        orders=ORDERS, page=50, guard_min=50, scope=Scope.ALL, traits=Traits(filters=True)
    )
    made = World(setup, tmp_path)
    for _ in range(4):
        tick(made)
        made.clock.sleep(61)
    yield made
    made.close()


def tick(world: World) -> set[Guard]:
    """One cycle; the guards that refused something in it."""
    report = world.tick()
    assert report is not None
    return {latch.guard for latch in report.plan.latches}


def records(world: World) -> list[str]:
    return sorted(world.cmms.records, key=lambda number: int(number[1:]))


def set_status(world: World, numbers: list[str], turn: int) -> None:
    """People move these records on, each to another status than it has."""
    order = ["ASSIGNED", "IN_PROGRESS", "ON_HOLD", "COMPLETED"]
    for number in numbers:
        held = world.cmms.values(world.cmms.records[number])["status"]
        choose = [status for status in order if status != held]
        world.cmms.update("person", number, {"status": choose[(int(number[1:]) + turn) % 3]})


def written(world: World) -> int:
    return sum("status" in event.sent for event in world.ledger.writes("s2e"))


def test_a_first_sync_of_sixty_orders_is_no_sudden_change(tmp_path: Path) -> None:
    """Both sides hold them already, and differ in the status of all: the mirror was lost."""
    setup = WorldSetup(orders=ORDERS, page=50, guard_min=50, scope=Scope.ALL, create=False)
    world = World(setup, tmp_path)
    for s2e_id in world.upstream.ids():
        values = {"title": world.upstream.values(s2e_id)["title"], "status": "CANCELLED"}
        world.cmms.create("person", s2e_id, values)
    latched = {guard for _ in range(5) for guard in tick(world)}
    assert Guard.SUDDEN not in latched
    world.close()


def test_fifty_statuses_in_one_cycle_after_a_quiet_day_wait_for_a_person(world: World) -> None:
    before = written(world)
    set_status(world, records(world)[:50], 0)
    assert tick(world) == {Guard.SUDDEN}
    assert tick(world) == {Guard.SUDDEN}
    assert written(world) == before
    world.person(lambda tx: release_guard(tx, None))
    assert tick(world) == set()
    assert written(world) == before + 50


def test_a_busy_day_is_no_sudden_change(world: World) -> None:
    """Forty changes an hour, by ones and twos, and a round of eight when the shift ends."""
    latched: set[Guard] = set()
    before, numbers = written(world), records(world)
    for cycle in range(3 * HOUR):
        some = numbers[cycle % 30 :: 30] if cycle % 3 == 0 else []
        if cycle % HOUR == HOUR - 1:
            some = numbers[:8]
        set_status(world, some, cycle)
        latched |= tick(world)
    assert latched == set()
    assert written(world) >= before + 3 * 40


def test_a_burst_that_is_usual_is_let_through(world: World) -> None:
    """An import sets thirty statuses at once: released twice, it is what is usual."""
    latched: list[set[Guard]] = []
    for turn in range(3):
        set_status(world, records(world)[:30], turn)
        latched.append(tick(world))
        world.person(lambda tx: release_guard(tx, None))
        tick(world)
        world.clock.sleep(3 * 3600)
        tick(world)
    assert latched == [{Guard.SUDDEN}, {Guard.SUDDEN}, set()]
