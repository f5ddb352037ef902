"""A side that cannot be read is not healthy, although nothing is seen to wait."""

import time
from collections.abc import Callable

import pytest

from tests.stories.world import World, cycles, stop, wait_until

OBJECTIVE_S = 4


def _refuses(world: World) -> None:
    world.twin.faults.add("status", "GET", times=None, arg="401")


def _answers_html(world: World) -> None:
    world.twin.faults.add("html", "GET", times=None)


def _drops(world: World) -> None:
    world.twin.faults.add("drop", "GET", times=None)


def _has_lost_its_table(world: World) -> None:
    world.sql("ALTER TABLE work_orders RENAME TO elsewhere")


@pytest.mark.parametrize(
    ("breaks", "name", "side"),
    [
        (_refuses, "Scan2Evolve", "s2e"),
        (_answers_html, "Scan2Evolve", "s2e"),
        (_drops, "Scan2Evolve", "s2e"),
        (_has_lost_its_table, "the CMMS", "cmms"),
    ],
)
def test_a_side_that_cannot_be_read_is_as_old_as_its_last_good_read(
    world: World, breaks: Callable[[World], None], name: str, side: str
) -> None:
    daemon = world.daemon(FRESHNESS_SLO_S=str(OBJECTIVE_S))
    wait_until(lambda: cycles(world) >= 1)
    assert world.syncd("health").code == 0
    breaks(world)
    broken = time.monotonic()
    wait_until(lambda: world.syncd("health", FRESHNESS_SLO_S=str(OBJECTIVE_S)).code == 1, 30)
    assert time.monotonic() - broken >= OBJECTIVE_S - 2  # a poll before, and the time of a cycle
    said = world.syncd("health").out
    assert f"{name} has not been read for" in said
    status = world.syncd("status", "--json", FRESHNESS_SLO_S=str(OBJECTIVE_S)).json
    assert status["healthy"] is False
    assert list(status["unread_s"]) == [side]
    assert status["freshness_s"] >= status["unread_s"][side] > OBJECTIVE_S - 1
    assert f"not readable    {name}, for" in world.syncd("status").out
    world.twin.faults.clear()
    if side == "cmms":
        world.sql("ALTER TABLE elsewhere RENAME TO work_orders")
    assert stop(daemon) == 0
    world.once()
    status = world.syncd("status", "--json").json
    assert (status["unread_s"], status["healthy"]) == ({}, True)
