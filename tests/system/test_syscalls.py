"""Faults injected into system calls of the real process, by strace."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.conftest import MakeWorld, make_world
from tests.stories.test_main_job import assert_in_step
from tests.stories.world import World

__all__ = ["make_world"]
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def under_strace(world: World, inject: str, *args: str) -> int:
    """Run `syncd once` with a fault in its system calls; its exit code, negative for a signal."""
    strace = shutil.which("strace")
    assert strace is not None, "strace is not installed"
    done = subprocess.run(
        [strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={inject.partition(':')[0]}",
         "-e", f"inject={inject}", sys.executable, "-m", "syncd", "once", *args],
        env=world.environ(),
        cwd=world.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    return done.returncode


@pytest.mark.parametrize("when", [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 66, 78])
def test_a_kill_at_a_commit_doubles_and_loses_nothing(make_world: MakeWorld, when: int) -> None:
    world = make_world(orders=8)
    killed = under_strace(world, f"fdatasync:signal=SIGKILL:when={when}", "--full")
    world.records()
    again = under_strace(world, f"fdatasync:signal=SIGKILL:when={when}")
    assert killed != 0 or again != 0 or when > 50
    for _ in range(5):
        assert world.syncd("once", "--full").code in {0, 75}
    assert_in_step(world)


@pytest.mark.parametrize("when", [5, 25, 60])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_disk_that_fails_stops_writing_and_nothing_is_lost(
    make_world: MakeWorld, error: str, when: int
) -> None:
    world = make_world(orders=8)
    world.once("--full")
    world.sql("UPDATE work_orders SET root_cause = 'Cause ' || id")
    code = under_strace(world, f"pwrite64:error={error}:when={when}+")
    assert code in {0, 65, 69, 74, 75}
    for _ in range(5):
        assert world.syncd("once", "--full").code in {0, 75}
    assert_in_step(world)


def test_a_full_disk_is_said_with_its_code(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    world.once("--full")
    assert under_strace(world, "pwrite64:error=ENOSPC:when=1+") == 74


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_lease_that_cannot_be_written_is_said_with_its_code(
    make_world: MakeWorld, error: str
) -> None:
    """The first thing that is written is who holds the lease, beside the mirror."""
    world = make_world()
    assert under_strace(world, f"write:error={error}:when=1") == 74
    assert world.once("--full")["result"] == "complete"
