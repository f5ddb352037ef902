"""What several commands share: opening the application, and the exit code of a cycle."""

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

import typer

from syncd.app import App, opened
from syncd.cli.progress import ProgressLine
from syncd.daemon import StopFlag, stop_on_signals
from syncd.errors import SyncdError
from syncd.log import escape
from syncd.settings import Need

PARTIAL = 75
_GRAVEST = (70, 78, 65, 74, 77, 69, 75, 0)


@contextmanager
def open_app(needs: Collection[Need] = (), *, may_write: bool = False) -> Iterator[App]:
    """The application on this process's environment; SIGTERM and SIGINT stop it."""
    stop = StopFlag()
    stop_on_signals(stop)
    line = ProgressLine(sys.stderr) if sys.stderr.isatty() else None
    stream = sys.stderr if line is None else cast("TextIO", line)
    with opened(os.environ, needs, stderr=stream, stop=stop, may_write=may_write) as app:
        if line is not None:
            app.progressed, app.waits = line.progressed, line.waits
        yield app


def exit_code(errors: Iterable[SyncdError], *, partial: bool = False) -> int:
    """The gravest of these."""
    codes = {error.exit_code for error in errors} | ({PARTIAL} if partial else {0})
    return next(code for code in _GRAVEST if code in codes)


def counted(number: int, word: str) -> str:
    """The number with its word: 1 line, 2 lines."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=True, default=str))


def print_rows(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table: columns as wide as they need be, the last one wrapped to the terminal.

    On a pipe the same, without colours, so that it can be searched.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False)
    for head in heads:
        table.add_column(head.upper(), overflow="fold", no_wrap=head in {"order", "side"})
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    width = None if sys.stdout.isatty() else 120
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)


def _plain(cell: Any) -> str:
    return "" if cell is None else escape(str(cell))
