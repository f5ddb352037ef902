"""The parts that every mapping has, `fields`, `maps`, `times` and `url`, made into a RecordMap."""

from syncd.cmms.mapping.convert import ConverterReader, Times
from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.maps import Maps
from syncd.cmms.mapping.places import PlaceReader
from syncd.cmms.mapping.problems import nearest
from syncd.cmms.mapping.schema import (
    FieldKeys,
    HoursKeys,
    HoursWithUnitKeys,
    MappedKeys,
    MarkerKeys,
    RecordKeys,
    StampAtKeys,
    StampReadKeys,
    TextKeys,
    TimeKeys,
)
from syncd.cmms.mapping.validation import Loc
from syncd.cmms.mapping.values.converters import Text, Time
from syncd.cmms.mapping.values.paths import clash, format_path
from syncd.cmms.mapping.values.record_map import NEVER_BLANK, FieldMap, RecordMap
from syncd.cmms.mapping.values.source import Column, Source
from syncd.cmms.mapping.values.template import Template
from syncd.core.work_order import Field, ValueKind, kind_of

_NOT_FIELDS = ("id", "address", "updated_at")
_NOWHERE = Column("")
_URL_NAMES = frozenset({"id", "address"})
_FIELDS: Loc = ("fields",)
# The key that decides which others a field of this kind has.
_DECIDING = {ValueKind.TEXT: "map", ValueKind.HOURS: "unit_at"}


def read_records(document: Document, *, flat: bool) -> RecordMap:
    """Make the mapping's records; what is wrong with them is a problem of the document.

    Args:
        flat: `at`, `read` and `write` are columns, and not paths into a document; the columns of
            the id and of the time of change stand at the top.
    """
    times = Times.of(document, "timestamp" if flat else "iso")
    keys = document.validate(RecordKeys)
    if keys is None:
        return RecordMap({}, _NOWHERE)
    return _RecordReader(document, times, Maps(document, list(keys.maps)), flat=flat).read(keys)


class _RecordReader:
    """Reads the fields one by one, then what is no field."""

    def __init__(self, document: Document, times: Times, maps: Maps, *, flat: bool) -> None:
        self._document = document
        self._times = times
        self._flat = flat
        self._places = PlaceReader(document, flat=flat)
        self._converters = ConverterReader(document, times, maps)
        self._fields: dict[Field, FieldMap] = {}
        self._marker: Field | None = None

    def read(self, keys: RecordKeys) -> RecordMap:
        """The whole mapping."""
        names = {name.value: name for name in Field}
        known = [*names, *(() if self._flat else _NOT_FIELDS)]
        for key in keys.fields:
            if key not in known:
                self._document.problem((*_FIELDS, key), _unknown(key, known))
            elif key in names and self._document.has((*_FIELDS, key)):
                self._read_field(names[key], (*_FIELDS, key))
        updated_at, stamp = self._stamp()
        records = RecordMap(
            fields=self._fields,
            id=self._id(),
            address=None if self._flat else self._places.read_only((*_FIELDS, "address")),
            updated_at=updated_at,
            stamp=stamp,
            marker=self._marker,
            url=self._url(keys.url),
            where=self._document.where(_FIELDS),
        )
        self._check_marker()
        self._check_paths()
        return records

    # ── a field ───────────────────────────────────────────────────────────────────────────

    def _read_field(self, name: Field, loc: Loc) -> None:
        if name is Field.S2E_ID and self._document.has((*loc, "marker")):
            self._marker = self._marker_host(loc)
            return
        keys = self._keys(name, loc)
        if keys is None:
            return
        places = self._places.of_field(loc, keys)
        convert = self._converters.of_field(name, loc, keys)
        blank = bool(places.writes) and not keys.once and name not in NEVER_BLANK
        clears = blank if keys.clears is None else keys.clears
        if clears and not blank:
            self._document.problem((*loc, "clears"), "this field cannot be cleared")
        if keys.once and not places.writes:
            self._document.problem((*loc, "once"), "is never written, so not once either")
        if places.reads:
            self._fields[name] = FieldMap(
                field=name,
                where=self._document.where(loc),
                reads=places.reads,
                convert=convert,
                writes=places.writes,
                round_trip=places.round_trip,
                once=keys.once,
                clears=clears,
                empty=keys.empty,
                absent=keys.absent,
            )

    def _keys(self, name: Field, loc: Loc) -> FieldKeys | None:
        """The keys of the field, of those that its kind has."""
        kind = kind_of(name)
        deciding = _DECIDING.get(kind, "")
        decided = self._document.has((*loc, deciding))
        model: type[FieldKeys] = MappedKeys
        if kind is ValueKind.TIME:
            model = TimeKeys
        elif kind is ValueKind.HOURS:
            model = HoursWithUnitKeys if decided else HoursKeys
        elif kind is ValueKind.TEXT and not decided:
            model = TextKeys
        # These may be null, which is as if they were left out; other blocks do not know them.
        leave_out = {"" if decided else deciding, "marker" if name is Field.S2E_ID else ""}
        return self._document.validate(model, loc, short="at", leave_out=leave_out - {""})

    def _marker_host(self, loc: Loc) -> Field | None:
        """The text field that carries the Scan2Evolve id."""
        keys = self._document.validate(MarkerKeys, loc)
        if keys is None:
            return None
        texts = [name.value for name in Field if kind_of(name) is ValueKind.TEXT]
        if keys.marker not in texts:
            self._document.problem((*loc, "marker"), _unknown(keys.marker, texts))
            return None
        return Field(keys.marker)

    # ── what is no field ──────────────────────────────────────────────────────────────────

    def _id(self) -> Source:
        if self._flat:
            _, node = self._document.find(("id",))
            return _NOWHERE if node is None else Column(str(node.value))
        if not self._document.has((*_FIELDS, "id")):
            self._document.missing((*_FIELDS, "id"), "{read: id}")
        return self._places.read_only((*_FIELDS, "id")) or _NOWHERE

    def _stamp(self) -> tuple[Source | None, Time | None]:
        """The record's time of change: where it is, and how it is spelled."""
        loc: Loc = ("changed",) if self._flat else (*_FIELDS, "updated_at")
        _, node = self._document.find(loc)
        if node is None or node.value is None or node.value == "none":
            return None, None
        if self._document.has((*loc, "at")):
            at = self._document.validate(StampAtKeys, loc)
            if at is None:
                return None, None
            source = self._places.at((*loc, "at"), at.at)
            return source, Time(self._times.format_of(loc, at))
        read = self._document.validate(StampReadKeys, loc, short="read", leave_out=("at",))
        if read is None:
            return None, None
        source = self._places.source((*loc, "read"), read.read)
        return source, Time(self._times.format_of(loc, read))

    def _url(self, text: str | None) -> Template | None:
        if text is None:
            return None
        try:
            url = Template.parse(text, _URL_NAMES)
        except ValueError as error:
            self._document.problem(("url",), str(error))
            return None
        if not text.startswith(("https://", "http://")):
            self._document.problem(("url",), "is no http or https URL")
        return url

    # ── the whole ─────────────────────────────────────────────────────────────────────────

    def _check_marker(self) -> None:
        host = self._fields.get(self._marker) if self._marker is not None else None
        if self._marker is not None and (host is None or not isinstance(host.convert, Text)):
            what = f"its marker needs {self._marker} as a plain text field"
            self._document.problem((*_FIELDS, "s2e_id"), what)

    def _check_paths(self) -> None:
        owners = {path: name for name, it in self._fields.items() for path in it.writes}
        every = [path for it in self._fields.values() for path in it.writes]
        pair = clash(every)
        if pair is not None:
            one, other = (format_path(path) for path in pair)
            what = f"{one} and {other} overwrite each other"
            self._document.problem((*_FIELDS, owners[pair[1]].value), what)


def _unknown(name: str, known: list[str]) -> str:
    return f"{name!r} is no field; {nearest(name, known)}"
