"""The line under the log of a terminal that shows how the first read of the list goes."""

import time
from collections.abc import Callable
from typing import TextIO

from syncd.engine.read_sweep import Progress

_BAR = 20  # characters
_WIDTH = 79  # of an 80-column terminal
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """A terminal's stream on which the last line is redrawn.

    What is written to it, the log, goes above the line.
    """

    def __init__(self, stream: TextIO, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._began: tuple[float, int] | None = None
        self._line = ""

    def write(self, text: str) -> int:
        if not self._line:
            return self._stream.write(text)
        self._stream.write(_CLEAR + text)
        if text.endswith("\n"):
            self._stream.write(self._line)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def progressed(self, progress: Progress) -> None:
        """Redraw the line; remove it when the read has ended."""
        now = self._monotonic()
        if self._began is None:
            self._began = now, progress.orders
        began, orders = self._began
        self._draw("" if progress.ended else describe(progress, now - began, orders))

    def waits(self, seconds: float, why: str) -> None:
        """Write at the end of the line why nothing moves."""
        if self._line:
            self._draw(f"{self._line.partition('  (')[0]}  ({why} in {seconds:.0f} s)")

    def _draw(self, line: str) -> None:
        self._line = line[:_WIDTH]
        self._stream.write(_CLEAR + self._line)
        self._stream.flush()


def describe(progress: Progress, seconds: float, orders_before: int = 0) -> str:
    """Return the line: how many orders are read, how fast, and how long it still takes.

    >>> describe(Progress(25_000, 100_000), seconds=10)
    '25,000 of 100,000 orders [=====               ] 25 %  2,500/s  30 s left'
    """
    rate = (progress.orders - orders_before) / seconds if seconds > 0 else 0.0
    speed = f"  {rate:,.0f}/s" if rate >= 1 else ""
    if progress.total is None or progress.total <= 0:
        return f"{progress.orders:,} orders{speed}"
    share = min(progress.orders / progress.total, 1.0)
    bar = ("=" * round(share * _BAR)).ljust(_BAR)
    left = max(progress.total - progress.orders, 0)
    remaining = f"  {left / rate:,.0f} s left" if rate >= 1 else ""
    return (
        f"{progress.orders:,} of {progress.total:,} orders [{bar}] {share:.0%}".replace("%", " %")
        + speed
        + remaining
    )
