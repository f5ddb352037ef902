"""Where a field is read and written: `at`, `read`, `write`, `split` and `unit_at` of a mapping.

In rest/1 these are JMESPath expressions and dotted paths, in sql/1 columns.
"""

from dataclasses import dataclass

from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.schema import (
    AtKeys,
    FieldKeys,
    HoursWithUnitKeys,
    ReadKeys,
    SplitKeys,
    TimeKeys,
)
from syncd.cmms.mapping.validation import Loc
from syncd.cmms.mapping.values.paths import Path, parse_path
from syncd.cmms.mapping.values.source import Column, Expression, Source

# The keys that say where a field is.
_PLACES = frozenset({"at", "read", "write", "split", "unit_at", "units"})


@dataclass(frozen=True, slots=True)
class Places:
    """Where a field is read and written.

    Attributes:
        reads: the sources of its native values.
        writes: the paths of its native values; none: it is never written.
        round_trip: whether it is read from the same paths that it is written to.
    """

    reads: tuple[Source, ...] = ()
    writes: tuple[Path, ...] = ()
    round_trip: bool = True


class PlaceReader:
    """Reads the places of one mapping; what is wrong with them is a problem of the document.

    Args:
        flat: places are columns, and not paths into a document.
    """

    def __init__(self, document: Document, *, flat: bool) -> None:
        self._document = document
        self._flat = flat

    def read_only(self, loc: Loc) -> Source | None:
        """Where a value is that is never written, by `at` or `read`; None if there is none."""
        if not self._document.has(loc):
            return None
        if self._document.has((*loc, "at")):
            at = self._document.validate(AtKeys, loc)
            return None if at is None else self.at((*loc, "at"), at.at)
        read = self._document.validate(ReadKeys, loc, short="read", leave_out=("at",))
        return None if read is None else self.source((*loc, "read"), read.read)

    def at(self, loc: Loc, text: str) -> Source | None:
        """The source that reads the value at a path."""
        path = self._path(loc, text)
        return None if path is None else self._source_at(path)

    def source(self, loc: Loc, text: str) -> Source | None:
        """The source of `read`."""
        if self._flat:
            return Column(text)
        try:
            return Expression.parse(text)
        except ValueError as error:
            self._document.problem(loc, f"{self._document.shown(loc)} {error}")
            return None

    def of_field(self, loc: Loc, keys: FieldKeys) -> Places:
        """Where a field is read and written: by `at` for both, or by `read` and `write`."""
        if isinstance(keys, TimeKeys) and keys.split is not None:
            self._refuse_beside(
                loc, keys, ("at", "read", "write"), "stands beside split; leave one out"
            )
            return self._split((*loc, "split"), keys.split)
        if keys.at is None:
            places = self._read_and_written(loc, keys)
        else:
            what = "stands beside at, which means both; leave one out"
            self._refuse_beside(loc, keys, ("read", "write"), what)
            path = self._path((*loc, "at"), keys.at)
            places = Places() if path is None else Places((self._source_at(path),), (path,))
        if isinstance(keys, HoursWithUnitKeys):
            return self._with_unit(loc, keys, places)
        return places

    def _refuse_beside(self, loc: Loc, keys: FieldKeys, names: tuple[str, ...], what: str) -> None:
        for name in names:
            if getattr(keys, name) is not None:
                self._document.problem((*loc, name), what)

    def _read_and_written(self, loc: Loc, keys: FieldKeys) -> Places:
        path = None if keys.write is None else self._path((*loc, "write"), keys.write)
        if keys.read is None:
            given = _PLACES & type(keys).model_fields.keys()
            if any(self._document.is_refused((*loc, key)) for key in given):
                return Places()  # the mapping does say where it is, and that is refused
            if keys.write is None:
                self._document.missing((*loc, "at"), "name")
            else:
                what = "needs a read: a write is confirmed by reading"
                self._document.problem((*loc, "write"), what)
            return Places()
        source = self.source((*loc, "read"), keys.read)
        if source is None:
            return Places()
        return Places((source,), () if path is None else (path,), round_trip=False)

    def _split(self, loc: Loc, keys: SplitKeys) -> Places:
        date = self._path((*loc, "date"), keys.date)
        time = self._path((*loc, "time"), keys.time)
        if date is None or time is None:
            return Places()
        writes = () if keys.read_only else (date, time)
        return Places((self._source_at(date), self._source_at(time)), writes)

    def _with_unit(self, loc: Loc, keys: HoursWithUnitKeys, places: Places) -> Places:
        path = self._path((*loc, "unit_at"), keys.unit_at)
        if path is None:
            return places
        writes = (*places.writes, path) if places.writes else ()
        return Places((*places.reads, self._source_at(path)), writes, places.round_trip)

    def _path(self, loc: Loc, text: str) -> Path | None:
        if self._flat:
            return (text,)
        try:
            return parse_path(text)
        except ValueError as error:
            self._document.problem(loc, f"{self._document.shown(loc)} {error}")
            return None

    def _source_at(self, path: Path) -> Source:
        return Column(path[0]) if self._flat else Expression.at(path)
