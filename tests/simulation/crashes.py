"""Kill a scenario at every one of its effects, and ask whether it ends as if nothing had been.

A scenario is a short history. It is played once to count its effects: requests as they are
sent, take effect and are answered, and commits before and after. Then it is played once more
for each of them, killed there and started anew; with `--double` it is killed a second time at
an effect after that, drawn from the seed.

    python -m tests.simulation.crashes                every scenario, every effect
    python -m tests.simulation.crashes --only edits_on_both_sides --double
"""

import argparse
import random
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from tests.simulation.__main__ import played, quiet
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.steps import History, Step

_IDLE = 2  # cycles at the end, in which nothing may be written
_SECOND_WITHIN = 60  # effects after the first death


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a scenario: killed at effect `first`, and `second` effects later once more."""

    scenario: str
    first: int
    second: int | None = None


def points(name: str, effects: int, *, double: bool = False, seed: int = 1) -> Iterator[Point]:
    """Every death that this scenario can die."""
    rng = random.Random(f"{name} {seed}")
    for number in range(1, effects + 1):
        yield Point(name, number)
        if double:
            yield Point(name, number, rng.randrange(1, _SECOND_WITHIN))


def killed(point: Point, undisturbed: Mapping[str, object]) -> tuple[Point, tuple[str, ...]]:
    """Play it; return what the judge objects to.

    Args:
        undisturbed: what both sides hold after the scenario in which nothing dies.
    """
    death = Step("at", (point.first, Step("crash")))
    if point.second is not None:
        death = Step("at", (point.first, Step("crash_again", (point.second,))))
    hurt = played(_with(SCENARIOS[point.scenario], death), _IDLE)
    faults = list(hurt.faults)
    if undisturbed != hurt.ends:
        faults.append(f"ends otherwise: {_difference(undisturbed, hurt.ends)}")
    if not hurt.counts["deaths"]:
        faults.append("nothing was killed")
    return point, tuple(faults)


def _with(history: History, death: Step) -> History:
    return replace(history, steps=(death, *history.steps))


def _difference(one: Mapping[str, object], other: Mapping[str, object]) -> str:
    apart = [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    return "; ".join(f"{key}: {one.get(key)!r}, not {other.get(key)!r}" for key in apart[:3])


def run(names: list[str], workers: int, *, double: bool) -> int:
    total = failed = 0
    with ProcessPoolExecutor(workers, initializer=quiet) as pool:
        for name in names:
            whole = played(SCENARIOS[name], _IDLE)
            deaths = list(points(name, whole.counts["effects"], double=double))
            told = list(pool.map(killed, deaths, [whole.ends] * len(deaths), chunksize=4))
            bad = [(point, faults) for point, faults in told if faults]
            total, failed = total + len(told), failed + len(bad)
            print(f"{name}: killed at {len(told)} points, {len(bad)} ended badly", flush=True)
            for point, faults in bad[:3]:
                print(f"  {point}: {faults[0]}")
    print(
        f"{len(names)} scenarios killed at every effect{', and twice' if double else ''}: "
        f"{total} runs, {failed} lost, doubled or ended otherwise than undisturbed."
    )
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.crashes")
    parser.add_argument("--only", action="append", choices=sorted(SCENARIOS), default=[])
    parser.add_argument("--double", action="store_true", help="also with a second death")
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    quiet()
    return run(told.only or sorted(SCENARIOS), told.workers, double=told.double)


if __name__ == "__main__":
    sys.exit(main())
