"""Plant bugs in syncd, one at a time, and ask whether the judge finds them.

python -m tests.simulation.teeth                   all of them
python -m tests.simulation.teeth --only fencing    those with this in their name

Each bug is judged in a process of its own (`planted/`).
"""

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.planted import BUGS, Bug

ROOT = Path(__file__).parents[2]
_SOUND = ("tests.simulation", "--histories", "10", "--idle", "4", "--first")
_RAISED = ": raised "  # in the objection to a history in which syncd crashed, see `play.py`
_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Bite:
    """What the judge said of one bug.

    Attributes:
        objection: the first line that it printed.
    """

    bug: Bug
    caught: bool
    objection: str
    seconds: float


def bite(bug: Bug) -> Bite:
    """Plant the bug, run its judge."""
    began = time.monotonic()
    judged = _run("tests.simulation.planted", bug.name)
    lines = judged.stdout.strip().splitlines() or judged.stderr.strip().splitlines() or ["nothing"]
    # 1 is an objection; anything else is a judge that could not do its work. A bug that only
    # makes syncd crash has not been judged either: perhaps it is planted badly.
    caught = judged.returncode == 1 and bool(judged.stdout.strip()) and _RAISED not in lines[0]
    return Bite(bug, caught, lines[0], time.monotonic() - began)


def _run(*module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.teeth")
    parser.add_argument("--only", default="", help="bugs with this in their name")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    bugs = [bug for bug in BUGS.values() if options.only in bug.name]
    sound = _run(*_SOUND)
    if sound.returncode:
        print(f"without a bug the judge objects, too: {sound.stdout}{sound.stderr}")
        return 1
    bites = []
    with ThreadPoolExecutor(options.workers) as pool:
        for bitten in pool.map(bite, bugs):
            bites.append(bitten)
            mark = "caught" if bitten.caught else "MISSED"
            print(f"{mark} in {bitten.seconds:3.0f} s: {bitten.bug.name}")
            print(f"    {bitten.objection[:110]}", flush=True)
    caught = sum(bitten.caught for bitten in bites)
    print(f"{caught} of {len(bugs)} seeded bugs caught.")
    return 0 if caught == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(main())
