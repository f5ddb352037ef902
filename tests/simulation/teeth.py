"""Plant bugs, one at a time, in a copy of the project, and ask whether the judge finds them.

python -m tests.simulation.teeth                   all of them
python -m tests.simulation.teeth --only fencing    those with this in their name
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SIMULATION = ("tests.simulation", "--histories", "60", "--idle", "4", "--first")
_SMALL_SCOPE = ("tests.simulation.small_scope", "--depth", "4")
_COPIED = ("syncd", "migrations", "tests")
_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug.

    Attributes:
        name: what the program does wrong.
        patches: (file, what it says, what it says with the bug).
        judge: the module that has to find it, with its arguments. Histories begin at a seed
            that comes soon before one that finds it.
    """

    name: str
    patches: tuple[tuple[str, str, str], ...]
    judge: tuple[str, ...]


def bugs() -> list[Bug]:
    """All of `bugs.toml`."""
    told = tomllib.loads(Path(__file__).with_name("bugs.toml").read_text(encoding="utf-8"))
    return [
        Bug(
            bug["name"],
            tuple((one["file"], one["right"], one["wrong"]) for one in bug["patch"]),
            _SMALL_SCOPE if "judge" in bug else (*_SIMULATION, "--seed", str(bug.get("seed", 0))),
        )
        for bug in told["bug"]
    ]


@dataclass(frozen=True, slots=True)
class Bite:
    """What the judge said of one bug."""

    bug: Bug
    caught: bool
    said: str
    seconds: float


def bite(bug: Bug) -> Bite:
    """Plant the bug, run its judge. Raises ValueError for a patch that does not fit."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="syncd-bug-") as home:
        plant(bug, Path(home))
        done = subprocess.run(
            [sys.executable, "-m", *bug.judge],
            cwd=home,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["nothing"]
    # 1 is an objection; anything else is a judge that could not do its work.
    caught = done.returncode == 1 and bool(done.stdout.strip())
    return Bite(bug, caught, lines[0], time.monotonic() - began)


def plant(bug: Bug, home: Path) -> None:
    """A copy of the project with this bug, at `home`."""
    for name in _COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, home / name, ignore=ignored)
    for name, right, wrong in bug.patches:
        path = home / name
        text = path.read_text(encoding="utf-8")
        if text.count(right) != 1:
            raise ValueError(f"{bug.name}: {name} has {text.count(right)} times {right!r}")
        path.write_text(text.replace(right, wrong), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.teeth")
    parser.add_argument("--only", default="", help="bugs with this in their name")
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    planted = [bug for bug in bugs() if told.only in bug.name]
    sound = subprocess.run(
        [sys.executable, "-m", *_SIMULATION[:2], "10", *_SIMULATION[3:]], cwd=ROOT, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    if sound.returncode:
        print(f"without a bug the judge objects, too: {sound.stdout}{sound.stderr}")
        return 1
    with ThreadPoolExecutor(told.workers) as pool:
        bites = []
        for found in pool.map(bite, planted):
            bites.append(found)
            mark = "caught" if found.caught else "MISSED"
            print(f"{mark} in {found.seconds:3.0f} s: {found.bug.name}")
            print(f"    {found.said[:110]}", flush=True)
    caught = sum(found.caught for found in bites)
    print(f"{caught} of {len(planted)} seeded bugs caught.")
    return 0 if caught == len(planted) else 1


if __name__ == "__main__":
    sys.exit(main())
