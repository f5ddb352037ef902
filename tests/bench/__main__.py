"""`make bench`: syncd beside the least work that any program could do.

Whole processes, clocked from outside, from one run in which the contenders take turns: a ratio
is the median of the ratios of each round, since both halves of a round met the same machine.
"""

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.bench.clock import Spent, serving
from tests.bench.contenders import backfill, idle_ticks, raw_limit

ORDERS, FEWER, OPEN = 100_000, 20_000, 500
_RATIO, _PEAK_MB, _GROWTH_MB, _TICK_MS = 3.0, 130.0, 10.0, 100.0
_HEAD = "| what | measured (least to most) | aim | met |\n|---|---|---|---|"


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--ticks", type=int, default=15)
    told.add_argument("--orders", type=int, default=ORDERS)
    told.add_argument("--fewer", type=int, default=FEWER)
    told.add_argument("--open", type=int, default=OPEN, help="open orders of the idle daemon")
    told.add_argument("--records", type=int, default=ORDERS, help="CMMS records of the idle one")
    told.add_argument("--out", type=Path, help="write the table there, in the place of the old")
    asked = told.parse_args()
    rows: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        few = _backfills(home, asked.fewer, asked.rounds, rows)
        many = _backfills(home, asked.orders, asked.rounds, rows)
        rows.append(_growth(many, few))
        rows.append(_idle(home, asked.orders, asked.open, asked.records, asked.ticks))
    table = "\n".join([_HEAD, *rows])
    print(table)
    if asked.out is not None:
        _write(asked.out, table, asked.rounds, asked.ticks)
    return 0


def _backfills(home: Path, orders: int, rounds: int, rows: list[str]) -> list[Spent]:
    limits, ours = [], []
    with serving(orders, 0) as port:
        for turn in range(rounds):
            folder = home / f"{orders}.{turn}"
            folder.mkdir()
            limits.append(raw_limit(port, folder))
            ours.append(backfill(port, folder))
            _say(f"{orders:,} orders: {limits[-1].wall_s:.2f} s and {ours[-1].wall_s:.2f} s")
    ratios = [mine.wall_s / limit.wall_s for mine, limit in zip(ours, limits, strict=True)]
    what = f"of {orders:,} orders"
    rows += [
        _row(f"raw limit {what}, s", [one.wall_s for one in limits], 2),
        _row(f"first read {what}, s", [one.wall_s for one in ours], 2),
        _row(f"first read {what}, s of CPU", [one.cpu_s for one in ours], 2),
        _row(f"first read {what}, times the raw limit", ratios, 1, _RATIO),
        _row(f"first read {what}, MB at the peak", [one.peak_mb for one in ours], 0, _PEAK_MB),
    ]
    return ours


def _growth(many: Sequence[Spent], few: Sequence[Spent]) -> str:
    pairs = zip(many, few, strict=True)
    return _row(
        "more of peak memory for the longer list, MB",
        [one.peak_mb - other.peak_mb for one, other in pairs],
        0,
        _GROWTH_MB,
    )


def _idle(home: Path, orders: int, open_ones: int, records: int, ticks: int) -> str:
    folder = home / "idle"
    folder.mkdir()
    with serving(orders, open_ones) as port:
        spent = idle_ticks(port, folder, orders, open_ones, records, ticks)
    _say(f"{ticks} idle ticks")
    what = f"idle tick, {orders:,} orders, {open_ones:,} of them open and linked, ms of CPU"
    return _row(what, [one * 1000 for one in spent], 0, _TICK_MS)


def _row(what: str, values: Sequence[float], digits: int, aim: float | None = None) -> str:
    middle = median(values)
    measured = f"{middle:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
    if aim is None:
        return f"| {what} | {measured} | | |"
    return f"| {what} | {measured} | {aim:.0f} | {'yes' if middle <= aim else 'no'} |"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(path: Path, table: str, rounds: int, ticks: int) -> None:
    """The table between its two marks; what people wrote around it stays."""
    begin, end = "<!-- table -->", "<!-- /table -->"
    before, rest = path.read_text().split(begin)
    after = rest.split(end)[1]
    stamp = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}; medians "
        f"of {rounds} rounds and of {ticks} ticks."
    )
    path.write_text("\n".join([before + begin, stamp, "", table, end]) + after)


if __name__ == "__main__":
    sys.exit(main())
