"""What several commands share: options, the application, the exit code, and how results print."""

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import typer

from syncd.app import App, opened
from syncd.cli.progress import ProgressLine
from syncd.daemon import StopFlag, stop_on_signals
from syncd.errors import SyncdError
from syncd.log import escape
from syncd.settings import Need

READING = (Need.S2E, Need.CMMS)
WRITING = (Need.S2E, Need.SYNC, Need.CMMS)
PARTIAL = 75
_GRAVEST = (70, 78, 65, 74, 77, 69, 75, 0)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Full = Annotated[bool, typer.Option("--full", help="Read the whole list, due or not.")]
Order = Annotated[str | None, typer.Option("--order", help="One work order alone, for a pilot.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write the plan to this file.")]


@contextmanager
def open_app(needs: Collection[Need] = (), *, may_write: bool = False) -> Iterator[App]:
    """Open the application on this process's environment; SIGTERM and SIGINT stop it."""
    stop = StopFlag()
    stop_on_signals(stop)
    line = ProgressLine(sys.stderr) if sys.stderr.isatty() else None
    stream = sys.stderr if line is None else cast("TextIO", line)
    with opened(os.environ, needs, stderr=stream, stop=stop, may_write=may_write) as app:
        if line is not None:
            app.progressed, app.waits = line.progressed, line.waits
        yield app


def exit_code(errors: Iterable[SyncdError], *, partial: bool = False) -> int:
    """Return the gravest code of these errors."""
    codes = {error.exit_code for error in errors} | ({PARTIAL} if partial else {0})
    return next(code for code in _GRAVEST if code in codes)


def exit_with(errors: Sequence[SyncdError], *, partial: bool = False) -> typer.Exit:
    """Print the errors on stderr; return what ends the command with their gravest code."""
    for error in errors:
        typer.echo(f"syncd: {error}", err=True)
    return typer.Exit(exit_code(errors, partial=partial))


def counted(number: int, word: str) -> str:
    """Return the number with its word: 1 line, 2 lines."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def print_json(document: object) -> None:
    """Print one JSON document on stdout."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=True, default=str))


def print_rows(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table. Columns are as wide as they need be, and long cells are wrapped.

    On a pipe it has no colours, so that it can be searched.
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
