"""The wall clock is set while the daemon runs: it goes on as if nothing had happened."""

import time

from tests.stories.conftest import MakeWorld
from tests.stories.world import cycles, stop, wait_until


def test_ticks_follow_the_monotonic_clock_in_the_real_process(make_world: MakeWorld) -> None:
    """A minute passes in which the wall clock is set back by a minute, three times."""
    world = make_world(orders=4)
    ahead = world.home / "ahead"
    ahead.write_text("0", encoding="utf-8")
    daemon = world.daemon("tests.stories.run_ahead", str(ahead), POLL_EVERY_S="60")
    wait_until(lambda: cycles(world) == 1)
    time.sleep(1.5)
    assert cycles(world) == 1, "no minute has passed"
    for number in range(1, 4):
        ahead.write_text(str(number * 60), encoding="utf-8")
        wait_until(lambda number=number: cycles(world) == number + 1, 5)  # type: ignore[misc]
    assert stop(daemon) == 0
