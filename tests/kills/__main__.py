"""Kill the real process many times, and judge what has become of both sides.

python -m tests.kills --kills 1000 --seed 0     worlds of 20 kills each, one a seed
python -m tests.kills --kills 20 --seed 17      the world of this seed alone

Worlds with an even seed have their mirror on SQLite, and now and then a disk that fails; those
with an odd one on PostgreSQL, which now and then ends the process's connections.
"""

import argparse
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context

from tests.conftest import running_postgres, text_of
from tests.kills.campaign import Verdict
from tests.kills.worlds import KILLS_A_WORLD, played


def _verdicts(seed: int, kills: int, workers: int, seconds: float) -> Iterator[Verdict]:
    ends = time.monotonic() + seconds
    worlds = [
        (seed + n, min(KILLS_A_WORLD, kills - n * KILLS_A_WORLD))
        for n in range(-(-kills // KILLS_A_WORLD))
    ]
    with running_postgres() as postgres, ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        one = partial(played, postgres_url=text_of(postgres.url))
        running: set[Future[Verdict]] = set()
        while worlds or running:
            while worlds and len(running) < workers and time.monotonic() < ends:
                running.add(pool.submit(one, *worlds.pop(0)))
            if not running:
                return  # the time is over
            done = next(as_completed(running))
            running.remove(done)
            yield done.result()


def told(verdict: Verdict) -> str:
    """What is wrong with a world, and what it takes to see it again."""
    lines = [f"seed {verdict.seed}:", *(f"  {each}" for each in verdict.objections)]
    lines += [
        f"again: make kills SEED={verdict.seed} KILLS={KILLS_A_WORLD}",
        "  draws the same world and lives; where a signal hits differs by some microseconds.",
        "  The lives since it was last in step:",
        *(f"  {life}" for life in verdict.lives),
    ]
    return "\n".join(lines)


def closing_lines(counts: Counter[str], seconds: float) -> str:
    """All of it in numbers."""
    return (
        f"{counts['kills']} kills ({counts['kills on SQLite']} on a SQLite mirror, "
        f"{counts['kills on PostgreSQL']} on PostgreSQL), "
        f"{counts['disks that failed']} lives with a disk that failed "
        f"({counts['system calls that failed']} system calls, {counts['ended by itself']} ended by "
        f"themselves), {counts['backends ended']} times connections ended by PostgreSQL; "
        f"{seconds:.0f} s.\n"
        f"{counts['edits']} edits: {counts['edits across']} across, "
        f"{counts['edits in the conflict log']} in the conflict log, "
        f"{counts['edits superseded by a later edit']} superseded by a later edit, "
        f"{counts['edits that no merge can see']} that no merge can see (decision 38). "
        f"{counts['created']} records created, {counts['writes']} writes, answers lost: "
        f"{counts['lost answers upstream']} upstream, {counts['lost answers of the CMMS']} "
        "of the CMMS."
    )


def run(seed: int, kills: int, workers: int, seconds: float) -> int:
    """Kill so often; print what is wrong, and the closing lines."""
    began = time.monotonic()
    counts: Counter[str] = Counter()
    failed = []
    for verdict in _verdicts(seed, kills, workers, seconds):
        counts.update(verdict.counts)
        print(f"{counts['kills']} kills, {time.monotonic() - began:.0f} s", file=sys.stderr)
        if verdict.objections:
            failed.append(verdict.seed)
            print(told(verdict), flush=True)
    print(closing_lines(counts, time.monotonic() - began))
    print(
        f"{counts['doubled']} records doubled, {counts['lost']} edits lost; "
        f"{counts['idle cycles']} idle cycles, {counts['idle writes']} writes in them."
    )
    if failed:
        print(f"{len(failed)} worlds failed: seeds {', '.join(map(str, sorted(failed)))}")
        return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS_A_WORLD)
    parser.add_argument("--seed", type=int, default=0, help="the first world's")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=86400, help="begin no world after that")
    told = parser.parse_args()
    # As Ctrl-C: the worlds that are played come to their end, and with them the server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return run(told.seed, told.kills, told.workers, told.seconds)


if __name__ == "__main__":
    sys.exit(main())
