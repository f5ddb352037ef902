"""Their values and ours, in one table for both directions.

    OPEN: [ASSIGNED, DRAFT]      read as ASSIGNED, stands for both; both are written as OPEN
    DONE: COMPLETED              read and written
    SKIPPED: {read: CANCELLED}   read, never written

Native values are compared by their text: 1, "1" and 1.0 are one value. A native value is
written as the table spells it. Case and Unicode form make no difference to our values, and none
to theirs that are e-mail addresses: people spell those either way.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType


def native_key(value: object) -> str:
    """The text by which native values are compared.

    >>> native_key(1), native_key("1 "), native_key(Decimal("1.0")), native_key(True)
    ('1', '1', '1', 'true')
    >>> native_key(1e23), native_key(10**23)
    ('100000000000000000000000', '100000000000000000000000')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        whole = math.isfinite(value) and value == int(value)
        return str(int(Decimal(str(value)))) if whole else str(value)
    return str(value).strip()


def _their_key(native: object) -> str:
    key = unicodedata.normalize("NFC", native_key(native))
    return _our_key(key) if "@" in key else key


def _our_key(ours: str) -> str:
    """
    >>> _our_key("Jose\u0301@Plant.example") == _our_key("jos\u00e9@plant.example")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", ours).casefold())


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One line of the table.

    Attributes:
        native: their value, as the table spells it.
        ours: our values that it stands for; it is read as the first of them.
        written: whether these values of ours are written as `native`.
        where: file and line.
    """

    native: str | int | float | bool | None
    ours: tuple[str, ...]
    written: bool
    where: str


@dataclass(frozen=True, slots=True)
class EntryProblem:
    """What is wrong with one line of the table."""

    entry: MapEntry
    what: str


def _twice(entry: MapEntry, first: MapEntry) -> str:
    native, earlier = native_key(entry.native), native_key(first.native)
    if native == earlier:
        return f"{native!r} stands in {first.where} already"
    return f"{native!r} is {earlier!r} of {first.where}, but for case and Unicode form"


@dataclass(frozen=True, slots=True)
class ValueMap:
    """The table. `make` builds one, and returns what is wrong with it.

    Attributes:
        where: file and line, or the file that holds only this table.
        is_crosswalk: whether it stands in such a file.
    """

    name: str
    where: str
    _read: Mapping[str, MapEntry] = field(repr=False)
    _written: Mapping[str, MapEntry] = field(repr=False)
    is_crosswalk: bool = False

    @classmethod
    def make(
        cls, name: str, where: str, entries: Iterable[MapEntry], *, is_crosswalk: bool = False
    ) -> tuple["ValueMap", list[EntryProblem]]:
        """Build the table; with it come the lines that contradict an earlier one."""
        problems: list[EntryProblem] = []
        read: dict[str, MapEntry] = {}
        written: dict[str, MapEntry] = {}
        for entry in entries:
            key = _their_key(entry.native)
            if key in read:
                problems.append(EntryProblem(entry, _twice(entry, read[key])))
                continue
            read[key] = entry
            for ours in entry.ours if entry.written else ():
                first = written.get(_our_key(ours), entry)
                if first is not entry:
                    other = native_key(first.native)
                    problems.append(
                        EntryProblem(
                            entry,
                            f"{ours} would be written as {native_key(entry.native)} and as {other} "
                            f"({first.where}); make one of them {{read: {ours}}}",
                        )
                    )
                else:
                    written[_our_key(ours)] = entry
        table = cls(name, where, MappingProxyType(read), MappingProxyType(written), is_crosswalk)
        return table, problems

    def read(self, native: object) -> MapEntry | None:
        """The line of this native value; None if the table has none."""
        return self._read.get(_their_key(native))

    def write(self, ours: str) -> MapEntry | None:
        """The line that this value of ours is written by; None if the table has none."""
        return self._written.get(_our_key(ours))

    def writable(self) -> frozenset[str]:
        """Our values that some line writes."""
        return frozenset(ours for entry in self for ours in entry.ours if entry.written)

    def __iter__(self) -> Iterator[MapEntry]:
        return iter(self._read.values())
