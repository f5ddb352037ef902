"""The wall clock of the real process is set back and ahead, by libfaketime."""

import json
from pathlib import Path

import pytest

from tests.stories.conftest import MakeWorld, make_world
from tests.stories.world import World, cycles, stop, wait_until

__all__ = ["make_world"]
pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


def set_clock(world: World, shift: str) -> None:
    """Set the wall clock of all processes of this world, and leave the monotonic one alone."""
    (world.home / "shift").write_text(f"{shift}\n", encoding="utf-8")


@pytest.fixture
def shifted(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose processes ask libfaketime what time it is."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert libraries, "faketime is not installed"
    world = make_world(orders=8)
    set_clock(world, "+0")
    for name, value in {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME_TIMESTAMP_FILE": str(world.home / "shift"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return world


def test_a_clock_that_is_set_costs_no_tick_and_no_health(shifted: World) -> None:
    world = shifted
    daemon = world.daemon()
    wait_until(lambda: cycles(world) >= 2)
    for shift in ("-3600", "+86400", "-86400", "+31536000", "+0"):
        before = cycles(world)
        set_clock(world, shift)
        done = world.syncd("health")
        assert (done.code, done.out) == (0, "healthy\n"), shift
        wait_until(lambda before=before: cycles(world) >= before + 3, 8)  # type: ignore[misc]
        assert world.syncd("health").code == 0, shift
        status = world.syncd("status", "--json").json
        assert status["healthy"], (shift, status["unhealthy_because"])
    s2e_id = next(iter(world.records()))
    world.sql("UPDATE work_orders SET root_cause = 'Belt worn' WHERE s2e_id = :id", id=s2e_id)
    wait_until(lambda: bool(world.writes()) and "Belt worn" in json.dumps(world.writes()[-1].body))
    assert stop(daemon) == 0
    told = [line["event"] for line in world.daemon_log() if line["event"].startswith("clock.")]
    assert told == [
        "clock.set_back", "clock.set_ahead", "clock.set_back", "clock.set_ahead", "clock.set_back"
    ]  # fmt: skip


def test_a_clock_that_is_set_does_not_hide_a_daemon_that_has_died(shifted: World) -> None:
    world = shifted
    daemon = world.daemon(CYCLE_DEADLINE_S="1")
    wait_until(lambda: cycles(world) >= 2)
    daemon.kill()
    daemon.wait(10)
    set_clock(world, "-3600")
    wait_until(lambda: world.syncd("health").code == 1, 10)
    assert "last cycle ended" in world.syncd("health").out
