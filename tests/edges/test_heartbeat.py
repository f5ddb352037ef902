"""The heartbeat: where a file cannot be written, or says nothing, health asks the mirror."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.jobs.heartbeat import Age, beat, last_beat

ENVIRON = {"SYNCD_DATABASE_URL": "sqlite:///a.db"}

# Nothing can be written to any file, as on a full disk.
_ON_A_FULL_DISK = """
import resource, tempfile
from syncd.jobs.heartbeat import beat, last_beat

_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
beat("sqlite:///a.db", unhealthy_because=None, counts_for_s=60)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert last_beat({"SYNCD_DATABASE_URL": "sqlite:///a.db"}) is None
beat("sqlite:///a.db", unhealthy_because=None, counts_for_s=60)
health = last_beat({"SYNCD_DATABASE_URL": "sqlite:///a.db"})
assert health is not None and health.healthy
"""


def test_a_full_disk_is_no_reason_to_stop(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def beaten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A heartbeat of a healthy daemon, of which some keys are changed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def change(**keys: object) -> None:
        beat(ENVIRON["SYNCD_DATABASE_URL"], unhealthy_because=None, counts_for_s=60)
        (path,) = tmp_path.glob("*.health")
        path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))

    return change


def test_a_heartbeat_from_before_the_machine_was_started_says_nothing(
    beaten: Callable[..., None],
) -> None:
    """The monotonic clock began anew with the machine: the age of that file is not known."""
    beaten(boot="another start")
    assert last_beat(ENVIRON) is None
    beaten(at=1e12)
    assert last_beat(ENVIRON) is None


def test_a_heartbeat_that_is_too_old_is_of_a_daemon_that_has_died(
    beaten: Callable[..., None],
) -> None:
    beaten()
    health = last_beat(ENVIRON)
    assert health is not None
    assert health.healthy
    beaten(counts_for_s=-1)
    health = last_beat(ENVIRON)
    assert health is not None
    assert not health.healthy
    assert "last cycle ended" in health.line


def test_health_is_about_now_and_not_about_the_last_cycle(beaten: Callable[..., None]) -> None:
    """A cycle that hangs writes no heartbeat: what was noted last goes on to age."""
    beaten(ages=[["the CMMS has not been read for", 3.0, 20.0]])
    health = last_beat(ENVIRON)
    assert health is not None
    assert health.healthy
    beaten(ages=[["the CMMS has not been read for", 3.0, 20.0]], at=time.monotonic() - 18)
    health = last_beat(ENVIRON)
    assert health is not None
    assert not health.healthy
    assert health.line == "NOT healthy: the CMMS has not been read for 21 s"


def test_ages_are_kept_with_the_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ages = [Age("a change has waited for", 1.0, 1e-9)]
    url = ENVIRON["SYNCD_DATABASE_URL"]
    beat(url, unhealthy_because=None, counts_for_s=60, ages=ages)
    health = last_beat(ENVIRON)
    assert health is not None
    assert health.line == "NOT healthy: a change has waited for 1 s"
