"""The line beneath the log: what it shows, and that it stays out of the log's way."""

import io

import pytest

from syncd.cli.progress import ProgressLine, describe
from syncd.engine.read_sweep import Progress

CLEAR = "\r\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def at(terminal: Terminal, *times: float) -> ProgressLine:
    moments = iter(times)
    return ProgressLine(terminal, lambda: next(moments))


def test_it_tells_the_rate_of_this_read_and_what_remains(terminal: Terminal) -> None:
    line = at(terminal, 0.0, 10.0)
    line.progressed(Progress(5_000, 100_000))  # from before: a read that was resumed
    line.progressed(Progress(25_000, 100_000))
    shown = terminal.getvalue().split(CLEAR)[-1]
    assert shown == "25,000 of 100,000 orders [=====               ] 25 %  2,000/s  38 s left"


def test_it_says_why_nothing_moves(terminal: Terminal) -> None:
    line = at(terminal, 0.0)
    line.progressed(Progress(200, 1_000))
    line.waits(41.2, "rate limit resets")
    line.waits(1.0, "tries again")
    assert terminal.getvalue().split(CLEAR)[-2].endswith("  (rate limit resets in 41 s)")
    assert terminal.getvalue().endswith("  (tries again in 1 s)")


def test_the_log_goes_above_it(terminal: Terminal) -> None:
    line = at(terminal, 0.0)
    line.progressed(Progress(200, 1_000))
    line.write("a line of the log\n")
    assert terminal.getvalue().split(CLEAR)[-1].startswith("a line of the log\n200 of 1,000")


def test_it_goes_when_the_read_is_over(terminal: Terminal) -> None:
    line = at(terminal, 0.0, 1.0)
    line.progressed(Progress(200, 1_000))
    line.progressed(Progress(1_000, 1_000, ended=True))
    line.write("later\n")
    line.waits(5, "rate limit resets")
    assert terminal.getvalue().endswith(CLEAR + "later\n")


def test_it_fits_a_terminal_of_80_columns() -> None:
    told = describe(Progress(123_456, 1_000_000), 1000.0)
    assert len(told) <= 79
    assert describe(Progress(7, None), 0.0) == "7 orders"
