"""`make sweeps`: the whole table of docs/sweeps.md. Takes about an hour; `--only 1000` minutes."""

import argparse
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import structlog

from syncd.core.paging.pages import quiet_pages
from tests.sweeps.trial import ORDERS, WRITES, Trial, fill, sweep

SEEDS = {1_000: 20, 10_000: 5, 100_000: 1}
_HEAD = (
    "| orders | in the order | writes a page | mirror | sweeps | complete | missed | partial, why "
    "| lists (quiet) | gets |\n|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--only", type=int, action="append", help="orders in the list")
    told.add_argument("--out", type=Path, help="write the table there, in the place of the old")
    asked = told.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows, missed = [], 0
    print(_HEAD, flush=True)
    for orders in asked.only or SEEDS:
        for row, lost in _rows(orders):
            rows.append(row)
            missed += lost
            print(row, flush=True)
    print(f"\norders missed in sweeps called complete: {missed}")
    if asked.out is not None:
        _write(asked.out, rows)
    return 1 if missed else 0


def _rows(orders: int) -> Iterator[tuple[str, int]]:
    seeds = range(1, 1 + SEEDS.get(orders, 1))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        filled = {seed: fill(orders, seed, home) for seed in seeds}
        for order in (*ORDERS, "unstable"):
            for writes in WRITES if order != "unstable" else (0,):
                for before in (False, True):
                    trials = [
                        sweep(
                            orders=orders,
                            order=order,
                            writes=writes,
                            seed=seed,
                            home=home,
                            filled=filled[seed] if before else None,
                        )
                        for seed in seeds
                    ]
                    yield _row(orders, order, writes, before, trials)


def _row(
    orders: int, order: str, writes: int, filled: bool, trials: Sequence[Trial]
) -> tuple[str, int]:
    complete = [trial for trial in trials if trial.complete]
    missed = sum(trial.missed for trial in complete)
    why = Counter(trial.reason for trial in trials if not trial.complete)
    cells = (
        f"{orders:,}",
        order,
        writes,
        "filled" if filled else "empty",
        len(trials),
        len(complete),
        missed,
        "; ".join(f"{count} x {reason}" for reason, count in why.items()) or "-",
        f"{median(trial.lists for trial in trials):.0f} ({quiet_pages(orders)})",
        f"{median(trial.gets for trial in trials):.0f}",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |", missed


def _write(path: Path, rows: list[str]) -> None:
    """The table between its two marks; what people wrote around it stays."""
    begin, end = "<!-- table -->", "<!-- /table -->"
    text = path.read_text()
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    stamp = f"Measured on {datetime.now(UTC):%Y-%m-%d}."
    path.write_text("\n".join([before + begin, stamp, "", _HEAD, *rows, end]) + after)


if __name__ == "__main__":
    sys.exit(main())
