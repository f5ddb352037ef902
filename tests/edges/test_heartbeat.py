"""The heartbeat where a file cannot be written: the daemon goes on, and health asks the mirror."""

import subprocess
import sys
from pathlib import Path

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
