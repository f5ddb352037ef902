"""`make sweeps`: summary and table of the page on sweeps. An hour; `--only 1000` takes minutes."""

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
from tests.sweeps.page import HEAD, UNSTABLE, Row, summary, write
from tests.sweeps.trial import ORDERS, WRITES, Trial, fill, sweep

SEEDS = {1_000: 20, 10_000: 5, 100_000: 1}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, action="append", help="orders in the list")
    parser.add_argument("--out", type=Path, help="write summary and table there, for the old ones")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows: list[Row] = []
    print(HEAD, flush=True)
    for orders in options.only or SEEDS:
        for row in _rows(orders):
            rows.append(row)
            print(row.text(), flush=True)
    print(f"\n{summary(rows)}")
    if options.out is not None:
        write(options.out, rows, f"Measured on {datetime.now(UTC):%Y-%m-%d}.")
    return 1 if any(row.missed for row in rows) else 0


def _rows(orders: int) -> Iterator[Row]:
    seeds = range(1, 1 + SEEDS.get(orders, 1))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        filled = {seed: fill(orders, seed, home) for seed in seeds}
        for order in (*ORDERS, UNSTABLE):
            for writes in WRITES if order != UNSTABLE else (0,):
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


def _row(orders: int, order: str, writes: int, filled: bool, trials: Sequence[Trial]) -> Row:
    complete = [trial for trial in trials if trial.complete]
    why = Counter(trial.reason for trial in trials if not trial.complete)
    return Row(
        orders=orders,
        order=order,
        writes=writes,
        filled=filled,
        sweeps=len(trials),
        complete=len(complete),
        missed=sum(trial.missed for trial in complete),
        partial="; ".join(f"{count} x {reason}" for reason, count in why.items()) or "-",
        lists=round(median(trial.lists for trial in trials)),
        quiet=quiet_pages(orders),
        gets=round(median(trial.gets for trial in trials)),
    )


if __name__ == "__main__":
    sys.exit(main())
