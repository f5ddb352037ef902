"""The page of what sweeps prove: its summary and its table, both made of what was measured."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD = (
    "| orders | in the order | writes a page | mirror | sweeps | complete | missed | partial, why "
    "| lists (quiet) | gets |\n|---|---|---|---|---|---|---|---|---|---|"
)
UNSTABLE = "unstable"
_WIDTH = 100
_ROW = re.compile(r"^\| [\d,]+ \|.*\|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """Some sweeps that were made alike.

    Attributes:
        orders, order, writes, filled: the list, the writes after each page, the mirror before.
        missed: orders that were there all the while and that a complete sweep has not met.
        partial: how many were not complete, by reason, as text; "-": none.
        lists, quiet, gets: list requests (median), those of a quiet list, requests by id (median).
    """

    orders: int
    order: str
    writes: int
    filled: bool
    sweeps: int
    complete: int
    missed: int
    partial: str
    lists: int
    quiet: int
    gets: int

    def text(self) -> str:
        """The row as the table has it."""
        cells = (
            f"{self.orders:,}", self.order, self.writes, "filled" if self.filled else "empty",
            self.sweeps, self.complete, self.missed, self.partial,
            f"{self.lists} ({self.quiet})", self.gets,
        )  # fmt: skip
        return "| " + " | ".join(map(str, cells)) + " |"


def read_rows(text: str) -> list[Row]:
    """The rows of a page's table."""
    return [_parsed(line) for line in _ROW.findall(text)]


def _parsed(line: str) -> Row:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    lists, quiet = cells[8].rstrip(")").split(" (")
    return Row(
        orders=int(cells[0].replace(",", "")),
        order=cells[1],
        writes=int(cells[2]),
        filled=cells[3] == "filled",
        sweeps=int(cells[4]),
        complete=int(cells[5]),
        missed=int(cells[6]),
        partial=cells[7],
        lists=int(lists),
        quiet=int(quiet),
        gets=int(cells[9]),
    )


def summary(rows: Sequence[Row]) -> str:
    """What the rows say, in some ten lines."""
    stable = [row for row in rows if row.order != UNSTABLE]
    unstable = [row for row in rows if row.order == UNSTABLE]
    sizes = sorted({row.orders for row in stable})
    lines = [_of_stable(stable)] if stable else []
    lines += [_missed(rows)]
    lines += [_of_unstable(unstable)] if unstable else []
    lines += [_costs([row for row in stable if row.orders == size]) for size in sizes]
    return "\n".join(
        textwrap.fill(f"- {line}", _WIDTH, subsequent_indent="  ", break_long_words=False)
        for line in lines
    )


def _of_stable(rows: Sequence[Row]) -> str:
    swept, complete = sum(row.sweeps for row in rows), sum(row.complete for row in rows)
    orders = ", ".join(dict.fromkeys(row.order for row in rows))
    return (
        f"{swept} sweeps of lists in a stable order ({orders}), with writes between the pages: "
        f"{complete} were called complete, {swept - complete} partial."
    )


def _missed(rows: Sequence[Row]) -> str:
    missed = sum(row.missed for row in rows)
    return f"Orders that were there all the while and that a complete sweep missed: {missed}."


def _of_unstable(rows: Sequence[Row]) -> str:
    swept, complete = sum(row.sweeps for row in rows), sum(row.complete for row in rows)
    reasons = dict.fromkeys(
        part.partition(" x ")[2] for row in rows for part in row.partial.split("; ")
    )
    why = ", ".join(f'"{reason}"' for reason in reasons if reason)
    return (
        f"{swept} sweeps of a list whose order changes with every request: {complete} were called "
        f"complete. The reason that was given: {why}."
    )


def _costs(rows: Sequence[Row]) -> str:
    """What a sweep of one size costs in requests."""
    most, busy = max(row.lists for row in rows), max(row.writes for row in rows)
    filled = max((row.gets for row in rows if row.filled), default=0)
    empty = max((row.gets for row in rows if not row.filled), default=0)
    return (
        f"{rows[0].orders:,} orders take {rows[0].quiet} list requests while nothing moves, and at "
        f"most {most} with {busy} writes after each page; requests by id: at most {filled:,} with "
        f"a filled mirror, {empty} with an empty one."
    )


def write(path: Path, rows: Sequence[Row], stamp: str) -> None:
    """Write summary and table between their marks; what people wrote around them stays."""
    text = path.read_text(encoding="utf-8")
    text = _between(text, "summary", f"{stamp}\n\n{summary(rows)}")
    table = "\n".join([HEAD, *(row.text() for row in rows)])
    path.write_text(_between(text, "table", table), encoding="utf-8")


def _between(text: str, mark: str, what: str) -> str:
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n{what}\n{end}{rest.split(end)[1]}"
