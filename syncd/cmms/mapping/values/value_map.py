"""Their values and ours, in one table for both directions.

    OPEN: [ASSIGNED, DRAFT]      read as ASSIGNED, stands for both; both are written as OPEN
    DONE: COMPLETED              read and written
    SKIPPED: {read: CANCELLED}   read, never written

A native value is told by its text: 1, "1" and 1.0 are one. It is written as it was spelled.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType


def native_key(value: object) -> str:
    """By which a native value is told from others.

    >>> native_key(1), native_key("1 "), native_key(Decimal("1.0")), native_key(True)
    ('1', '1', '1', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        whole = math.isfinite(value) and value == int(value)
        return str(int(value)) if whole else str(value)
    return str(value).strip()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table.

    Attributes:
        ours: what it stands for; the first is what it is read as.
        written: whether what it stands for is written as it.
        where: file and line.
    """

    native: str | int | float | bool | None
    ours: tuple[str, ...]
    written: bool
    where: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one line of the table."""

    entry: Entry
    what: str


@dataclass(frozen=True, slots=True)
class ValueMap:
    """The table. `make` builds one and says what is wrong with it."""

    name: str
    where: str
    _read: Mapping[str, Entry] = field(repr=False)
    _written: Mapping[str, Entry] = field(repr=False)

    @classmethod
    def make(
        cls, name: str, where: str, entries: Iterable[Entry]
    ) -> tuple["ValueMap", list[Problem]]:
        problems: list[Problem] = []
        read: dict[str, Entry] = {}
        written: dict[str, Entry] = {}
        for entry in entries:
            key = native_key(entry.native)
            if key in read:
                problems.append(Problem(entry, f"{key!r} stands in {read[key].where} already"))
                continue
            read[key] = entry
            for ours in entry.ours if entry.written else ():
                if ours in written:
                    other = native_key(written[ours].native)
                    problems.append(
                        Problem(
                            entry,
                            f"{ours} would be written as {key} and as {other} "
                            f"({written[ours].where}); make one of them {{read: {ours}}}",
                        )
                    )
                else:
                    written[ours] = entry
        return cls(name, where, MappingProxyType(read), MappingProxyType(written)), problems

    def read(self, native: object) -> Entry | None:
        """What this native value stands for; None: the table does not know it."""
        return self._read.get(native_key(native))

    def write(self, ours: str) -> Entry | None:
        """What this value of ours is written as; None: nothing stands for it."""
        return self._written.get(ours)

    def writable(self) -> frozenset[str]:
        """Our values that can be written."""
        return frozenset(self._written)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._read.values())
