"""Play many histories, judge each, and make what fails small.

python -m tests.simulation --seed 0 --histories 1000
python -m tests.simulation --seed 4711            one history, and all that is wrong with it
"""

import argparse
import atexit
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

import structlog

from syncd.core.planning.plan import Decider, decide
from tests.simulation.history import EVENTS, draw
from tests.simulation.play import IDLE_CYCLES, Verdict, play
from tests.simulation.shrink import shown, shrink
from tests.simulation.steps import History

_CHUNK = 10  # histories that a worker takes at once


def played(history: History, idle: int = IDLE_CYCLES, decide: Decider = decide) -> Verdict:
    """The history in a new world."""
    return play(history, _home(), idle=idle, decide=decide)


def _home() -> Path:
    """This process's place for mirrors. One that was forked has another than its parent."""
    home = _place() / str(os.getpid())
    home.mkdir(exist_ok=True)
    return home


@lru_cache(maxsize=1)
def _place() -> Path:
    """A place for mirrors, in memory where the machine has some, that goes with this process."""
    memory = Path("/dev/shm")
    place = tempfile.mkdtemp(prefix="syncd-", dir=memory if memory.is_dir() else None)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return Path(place)


def quiet() -> None:
    """What the engine logs is not what a history is judged by."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def first_failure(seed: int, histories: int, idle: int) -> int:
    """Play one after the other until one fails; say which and why."""
    for number in range(seed, seed + histories):
        verdict = played(draw(number), idle)
        if verdict.faults:
            print(f"seed {number}: {verdict.faults[0]}")
            return 1
    print(f"{histories} histories, nothing to object to")
    return 0


def run(seed: int, histories: int, idle: int, workers: int) -> int:
    """Play the histories of these seeds; print the failures and the closing line."""
    began = time.monotonic()
    counts: Counter[str] = Counter()
    failed = []
    for number, verdict in _verdicts(seed, histories, idle, workers):
        counts.update(verdict.counts)
        if verdict.faults:
            failed.append(number)
            print(f"seed {number}: {verdict.faults[0]}", flush=True)
    for number in failed[:3]:
        explain(number, idle)
    print(
        f"{histories} histories (seeds {seed} to {seed + histories - 1}) of {EVENTS} events and "
        f"more: {counts['cycles']} cycles, {counts['writes']} writes, {counts['deaths']} deaths, "
        f"{time.monotonic() - began:.0f} s."
    )
    idled = f"{histories * idle} idle cycles without a write"
    if failed:
        print(f"{len(failed)} failed: seeds {', '.join(map(str, failed))}")
        return 1
    print(
        "0 edits lost, 0 records doubled, 0 values made up or taken back; "
        f"all in step within 3 complete sweeps; {idled}."
    )
    return 0


def _verdicts(seed: int, histories: int, idle: int, workers: int) -> Iterator[tuple[int, Verdict]]:
    seeds = range(seed, seed + histories)
    _place()  # before there are workers, who end without clearing up
    with ProcessPoolExecutor(workers, initializer=quiet) as pool:
        idles = [idle] * histories
        yield from zip(seeds, pool.map(_one, seeds, idles, chunksize=_CHUNK), strict=True)


def _one(seed: int, idle: int) -> Verdict:
    return played(draw(seed), idle)


def explain(seed: int, idle: int) -> int:
    """Play one history; where it fails, say what the judge objects to and what it takes."""
    history = draw(seed)
    verdict = played(history, idle)
    if not verdict.faults:
        print(f"seed {seed}: nothing to object to; {verdict.counts}; ledgers {verdict.digest}")
        return 0
    kind = _kind(verdict.faults[0])

    def fails(candidate: History) -> bool:
        return any(_kind(fault) == kind for fault in played(candidate, idle).faults)

    small = shrink(history, fails)
    digests = {played(small, idle).digest for _ in range(2)}
    print(f"seed {seed}: {len(verdict.faults)} objections")
    for fault in verdict.faults:
        print(f"  {fault}")
    print(f"takes {len(small.steps)} of {len(history.steps)} steps, in {small.setup}:")
    print(shown(small.steps))
    same = "identical" if len(digests) == 1 else "DIFFERENT"
    print(f"played twice: {same} ledgers ({', '.join(sorted(digests))})")
    return 1


def _kind(fault: str) -> str:
    """The objection without its names and values."""
    return re.sub(r"wo_\w+|R?\d+|'[^']*'", "", fault)[:40]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first history's")
    parser.add_argument("--histories", type=int, default=1, help="how many, one seed each")
    parser.add_argument("--idle", type=int, default=IDLE_CYCLES, help="idle cycles after each")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--first", action="store_true", help="stop at the first that fails")
    told = parser.parse_args()
    quiet()
    if told.first:
        return first_failure(told.seed, told.histories, told.idle)
    if told.histories == 1:
        return explain(told.seed, told.idle)
    return run(told.seed, told.histories, told.idle, told.workers)


if __name__ == "__main__":
    sys.exit(main())
