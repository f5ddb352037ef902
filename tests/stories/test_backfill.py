"""The first read of a list: seen at once, resumed anywhere."""

import signal
from collections.abc import Callable
from functools import partial

from syncd.core.paging.pages import quiet_pages
from tests.stories.world import World, stop, wait_until

MakeWorld = Callable[..., World]


def pages(world: World) -> list[int]:
    """The offsets of the whole list that were asked for."""
    return [
        int(entry.query["offset"])
        for entry in world.twin.ledger.requests("GET", "/work-orders")
        if "offset" in entry.query and not {"status", "syncStatus"} & set(entry.query)
    ]


def has_asked(world: World, count: int) -> bool:
    return len(pages(world)) > count


def test_a_first_read_killed_again_and_again_goes_on_where_it_was(make_world: MakeWorld) -> None:
    world = make_world(orders=600, page_max=10, order="createdAt", env={"CMMS_MODE": "adopt"})
    killed = 0
    for share in (0.1, 0.3, 0.6):
        daemon = world.daemon()
        wait_until(partial(has_asked, world, int(share * quiet_pages(600, 10))))
        stop(daemon, signal.SIGKILL)
        killed += 1
        told = world.syncd("status", "--json").json
        assert told["sweep"]["running"]["orders"] > 0
        assert told["orders"]["total"] >= told["sweep"]["running"]["orders"]
        assert "sweep running" in world.syncd("status").out
    assert world.once()["s2e"]["sweep"] == "complete"
    asked = pages(world)
    assert len(asked) <= quiet_pages(600, 10) + killed, "a page a kill at most is read again"
    assert world.syncd("status", "--json").json["orders"]["total"] == 600


def test_the_first_page_shows_in_status_while_the_rest_is_read(make_world: MakeWorld) -> None:
    world = make_world(orders=600, page_max=10, env={"CMMS_MODE": "adopt"}, rate_limit=20)
    daemon = world.daemon()
    try:
        wait_until(lambda: bool(world.twin.ledger.requests("GET")))
        wait_until(lambda: world.syncd("status", "--json").json["orders"]["total"] >= 10, seconds=5)
        running = world.syncd("status", "--json").json["sweep"]["running"]
        assert running["total"] == 600
        assert 0 < running["orders"] < 600
        wait_until(lambda: any(e["event"] == "backfill.progressed" for e in world.daemon_log()))
    finally:
        stop(daemon)


def test_a_page_that_fails_makes_the_sweep_partial_and_the_next_cycle_goes_on(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=100, page_max=10, order="id", env={"CMMS_MODE": "adopt"})
    world.twin.faults.add("status", "GET", "work-orders$", times=3, after=4, arg="503")
    told = world.once(code=69)["s2e"]
    assert (told["sweep"], told["sweep_reason"]) == ("partial", "a page failed: Unreachable")
    before = pages(world)
    assert world.once()["s2e"]["sweep"] == "complete"
    assert min(offset for offset in pages(world)[len(before) :][:1]) > 0, "it began anew"
