"""A second edit of a field waits for no sweep, though the first is not read back yet."""

from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.core.policy import Scope
from syncd.mirror.queries.status import freshness_s
from tests.simulation.__main__ import quiet
from tests.simulation.cmms import Traits
from tests.simulation.effects import crash
from tests.simulation.world import Setup, World

_EFFECTS = 40  # more than the cycle that pushes has


class MirrorLocked(Exception):
    """Somebody holds the mirror for longer than syncd waits; the process lives on."""


def lock() -> None:
    raise MirrorLocked


def closed(home: Path, *, s2e_lag_s: float = 0.0, traits: Traits | None = None) -> World:
    """A world with a completed order whose record is linked, at rest."""
    quiet()
    setup = Setup(orders=3, page=2, scope=Scope.ALL, s2e_lag_s=s2e_lag_s, traits=traits or Traits())
    world = World(setup, home)
    world.tick(full=True)
    world.upstream.edit(world.upstream.ids()[0], "status", "COMPLETED")
    for _ in range(4):
        world.tick(full=True)
    return world


def edit(world: World, value: str) -> None:
    """A person edits the record of the completed order."""
    (record,) = world.cmms.carrying(world.upstream.ids()[0])
    world.cmms.update("person", record.number, {"resolution": value})


def tick(world: World) -> None:
    try:
        world.tick()
    except MirrorLocked:
        world.clock.sleep(60)


def upstream(world: World) -> object:
    return world.upstream.values(world.upstream.ids()[0])["resolution"]


@pytest.mark.parametrize("s2e_lag_s", [0.0, 90.0])
@pytest.mark.parametrize("ticks", [0, 1])
@pytest.mark.parametrize("trouble", [None, lock, crash])
def test_a_second_edit_arrives_with_the_next_cycles(
    tmp_path: Path, trouble: Callable[[], None] | None, ticks: int, s2e_lag_s: float
) -> None:
    """Whatever happens at whichever moment of the cycle that carries the first over."""
    for moment in range(1, _EFFECTS, 3) if trouble else (0,):
        world = closed(tmp_path, s2e_lag_s=s2e_lag_s)
        edit(world, "first")
        if trouble is not None:
            world.effects.at(moment, trouble)
        tick(world)
        for _ in range(ticks):
            tick(world)
        edit(world, "second")
        for _ in range(4 if s2e_lag_s else 2):
            tick(world)
        assert upstream(world) == "second", f"at moment {moment}"
        world.close()


@pytest.mark.parametrize("moment", range(1, _EFFECTS, 3))
def test_an_edit_in_the_middle_of_the_push_arrives_with_the_next_cycles(
    tmp_path: Path, moment: int
) -> None:
    world = closed(tmp_path)
    edit(world, "first")
    world.effects.at(moment, lambda: edit(world, "second"))
    for _ in range(3):
        tick(world)
    assert upstream(world) == "second"


def test_what_waits_behind_an_unconfirmed_write_counts_for_freshness(tmp_path: Path) -> None:
    """Scan2Evolve cannot show the order, so that the first write is not read back."""
    world = closed(tmp_path)
    edit(world, "first")
    tick(world)
    assert upstream(world) == "first"
    edit(world, "second")
    by_id = f"/{world.upstream.ids()[0]}"
    world.upstream.twin.faults.add("status", "GET", by_id, times=99, arg="503")
    for _ in range(3):
        tick(world)
    assert upstream(world) == "first"
    with world.mirror.read() as tx:
        assert freshness_s(tx) > 60
    world.upstream.twin.faults.clear()
    for _ in range(3):
        tick(world)
    assert upstream(world) == "second"
    with world.mirror.read() as tx:
        assert freshness_s(tx) == 0
