"""The parts that every mapping has: `fields`, `maps`, `times` and `url`, made into a RecordMap."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from syncd.cmms.mapping.maps import Maps
from syncd.cmms.mapping.section import Section, nearest
from syncd.cmms.mapping.values.converters import (
    COUNTS,
    Converter,
    Hours,
    HoursWithUnit,
    Mapped,
    Same,
    SplitTime,
    Text,
    Time,
)
from syncd.cmms.mapping.values.hours import UNITS, Decimals
from syncd.cmms.mapping.values.paths import Path, clash, format_path
from syncd.cmms.mapping.values.record_map import NEVER_BLANK, FieldMap, RecordMap
from syncd.cmms.mapping.values.source import Column, Expression, Source
from syncd.cmms.mapping.values.template import Template
from syncd.cmms.mapping.values.times import TimeFormat, pattern_problem
from syncd.core.work_order import Field, ValueKind, kind_of

_NOT_FIELDS = ("id", "address", "updated_at")
_NO_PLACE = Column("")
_URL_NAMES = frozenset({"id", "address"})


def read_records(root: Section, *, flat: bool) -> RecordMap:
    """The mapping's records.

    Args:
        flat: `at`, `read` and `write` are columns, and not paths into a document; the columns of
            the id and of the time of change stand at the top.
    """
    times = _Times.of(root.section("times"), "timestamp" if flat else "iso")
    reader = _Fields(root, times, Maps(root.section("maps")), flat=flat)
    return reader.records()


@dataclass(frozen=True, slots=True)
class _Times:
    """What every time is, unless its field says otherwise."""

    form: str
    zone: ZoneInfo | None

    @classmethod
    def of(cls, section: Section | None, form: str) -> "_Times":
        if section is None:
            return cls(form, None)
        default = section.text("format", form)
        zone = _zone(section)
        problem = pattern_problem(default, zone)
        if problem and not (default == "date" and zone is None):
            section.problem(problem, "format")
        section.done()
        return cls(default, zone)

    def read(self, section: Section) -> TimeFormat:
        """The format of one field."""
        zone = _zone(section) if section.has("zone") else self.zone
        form = section.text("format", self.form)
        also = section.texts("also")
        for one in (form, *also):
            problem = pattern_problem(one, zone)
            if problem:
                section.problem(problem, "also" if one in also else "format")
        return TimeFormat(form, zone, also)


def _zone(section: Section) -> ZoneInfo | None:
    name = section.text("zone")
    if not name:
        return None
    if name not in available_timezones():
        section.problem(f"{name} is no time zone; an example: Europe/Berlin", "zone")
        return None
    return ZoneInfo(name)


class _Fields:
    """Reads `fields`, one method for each kind of value."""

    def __init__(self, root: Section, times: _Times, maps: Maps, *, flat: bool) -> None:
        self._root = root
        self._times = times
        self._maps = maps
        self._flat = flat
        self._fields: dict[Field, FieldMap] = {}
        self._marker: Field | None = None

    def records(self) -> RecordMap:
        section = self._root.section("fields")
        if section is None:
            self._root.missing("fields", "{title: {at: name}}")
            return RecordMap({}, _NO_PLACE)
        named = {name.value: name for name in Field}
        special = () if self._flat else _NOT_FIELDS
        known = [*named, *special]
        for key, entry in section.entries():
            if key not in known:
                section.problem(_unknown(key, known), key)
            elif key in named and entry.node.value is not None:
                # Plain text is short for {at: text}.
                self._field(named[key], section.inner(key, short="at"))
        stamp_source, stamp = self._stamp(section)
        records = RecordMap(
            fields=self._fields,
            id=self._id(section),
            address=None if self._flat else self._extra(section, "address"),
            updated_at=stamp_source,
            stamp=stamp,
            marker=self._marker,
            url=self._url(),
            where=section.where(),
        )
        self._check_marker(section)
        self._check_paths(section)
        return records

    # ── what is no field ──────────────────────────────────────────────────────────────────

    def _id(self, section: Section) -> Source:
        if self._flat:
            return Column(self._root.required_text("id", "id"))
        if not section.has("id"):
            section.missing("id", "{read: id}")
            return _NO_PLACE
        return self._extra(section, "id") or _NO_PLACE

    def _extra(self, section: Section, key: str) -> Source | None:
        if not section.has(key):
            return None
        inner = section.inner(key, short="read")
        source = self._only_read(inner, "id")
        inner.done()
        return source

    def _only_read(self, inner: Section, example: str) -> Source | None:
        """Where something is that is never written: `read`, or `at`."""
        if inner.has("at"):
            path = self._path(inner, "at")
            return None if path is None else self._at(path)
        if not inner.has("read"):
            inner.missing("read", example)
        return self._source(inner, "read")

    def _stamp(self, section: Section) -> tuple[Source | None, Time | None]:
        """The record's time of change."""
        home, key = (self._root, "changed") if self._flat else (section, "updated_at")
        node = home.value(key)
        if node is None or node.value == "none":
            return None, None
        inner = home.inner(key, short="read")
        source = self._only_read(inner, "updatedAt")
        form = self._times.read(inner)
        inner.done()
        return source, Time(form)

    def _url(self) -> Template | None:
        url = self._root.template("url", _URL_NAMES)
        if url is not None and not url.text.startswith(("https://", "http://")):
            self._root.problem("is no http or https URL", "url")
        return url

    # ── a field ───────────────────────────────────────────────────────────────────────────

    def _field(self, name: Field, section: Section) -> None:
        if name is Field.S2E_ID and section.has("marker"):
            self._marker = self._host(section)
            section.done()
            return
        kind = kind_of(name)
        split = section.section("split") if kind is ValueKind.TIME else None
        places = self._split(section, split) if split is not None else self._places(section)
        convert = _CONVERTERS[kind](self, name, section)
        if kind is ValueKind.HOURS and section.has("unit_at"):
            places = self._with_unit(section, places)
        if split is not None and isinstance(convert, Time):
            convert = SplitTime(convert.form, split.flag("edm"))
            split.done()
            if convert.form.zone is None:
                section.problem("a date beside a time needs a zone", "split")
        once = section.flag("once")
        blank = bool(places.writes) and not once and name not in NEVER_BLANK
        clears = section.flag("clears", blank)
        if clears and not blank:
            section.problem("this field cannot be cleared", "clears")
        one = FieldMap(
            field=name,
            where=section.where(),
            reads=places.reads,
            convert=convert,
            writes=places.writes,
            round_trip=places.round_trip,
            once=once,
            clears=clears,
            empty=section.plain("empty"),
            absent=section.scalars("absent"),
        )
        if once and not places.writes:
            section.problem("is never written, so not once either", "once")
        section.done()
        if places.reads:
            self._fields[name] = one

    def _places(self, section: Section) -> "_Places":
        """Where a field is read and written: `at` for both, or each on its own."""
        if section.has("at"):
            for key in ("read", "write"):
                if section.has(key):
                    section.problem("stands beside at, which means both; leave one out", key)
            path = self._path(section, "at")
            return _Places() if path is None else _Places((self._at(path),), (path,))
        source, path = self._source(section, "read"), self._path(section, "write")
        if section.has("write") and not section.has("read"):
            section.problem("needs a read: a write is confirmed by reading", "write")
        elif not section.has("read"):
            section.missing("at", "name")
        if source is None:
            return _Places()
        return _Places((source,), (path,) if path is not None else (), round_trip=False)

    def _split(self, section: Section, split: Section) -> "_Places":
        for key in ("at", "read", "write"):
            if section.has(key):
                section.problem("stands beside split; leave one out", key)
        paths = [self._path(split, key) for key in ("date", "time")]
        for key, path in zip(("date", "time"), paths, strict=True):
            if path is None and not split.has(key):
                split.missing(key, f"due_{key}")
        known = tuple(path for path in paths if path is not None)
        if len(known) < len(paths):
            return _Places()
        writes = () if split.flag("read_only") else known
        return _Places(tuple(self._at(path) for path in known), writes)

    def _with_unit(self, section: Section, places: "_Places") -> "_Places":
        path = self._path(section, "unit_at")
        if path is None:
            return places
        writes = (*places.writes, path) if places.writes else ()
        return _Places((*places.reads, self._at(path)), writes, places.round_trip)

    def _source(self, section: Section, key: str) -> Source | None:
        if self._flat:
            return Column(section.text(key)) if section.has(key) else None
        return section.expression(key)

    def _path(self, section: Section, key: str) -> Path | None:
        if self._flat:
            return (section.text(key),) if section.has(key) else None
        return section.dotted_path(key)

    def _at(self, path: Path) -> Source:
        return Column(path[0]) if self._flat else Expression.at(path)

    # ── converters ────────────────────────────────────────────────────────────────────────

    def _text(self, name: Field, section: Section) -> Converter:
        if section.has("map"):
            return self._mapped(name, section)
        most = section.integer("max", 0, least=1)
        overflow = section.choice("overflow", ("truncate", "park"), "truncate")
        count = section.choice("count", tuple(COUNTS), "utf16")
        for key in ("overflow", "count"):
            if section.has(key) and not section.has("max"):
                section.problem("needs a max", key)
        html, entities = section.flag("html"), section.flag("entities")
        return Text(name, html, most or None, count, overflow == "truncate", entities)

    def _mapped(self, name: Field, section: Section) -> Converter:
        if not section.has("map"):
            return Same(name)
        table = self._maps.get(section, "map", name)
        return Same(name) if table is None else Mapped(name, table)

    def _hours(self, name: Field, section: Section) -> Converter:
        spelled = self._decimals(section)
        if not section.has("unit_at"):
            unit = _unit(section, "unit")
            if spelled is not None and UNITS[unit] is None:
                section.problem(f"is of numbers, and {unit} is none; leave it out", "decimal")
            return Hours(unit, spelled)
        inner = section.section("units")
        if inner is None:
            section.missing("units", "{H: h, MIN: min}")
            return Hours()
        units = {key: _unit(inner, key) for key, _ in inner.entries()}
        written = section.choice("unit", tuple(units), next(iter(units), "h"))
        return HoursWithUnit(units, written, spelled)

    def _decimals(self, section: Section) -> Decimals | None:
        if not section.has("decimal"):
            if section.has("decimals"):
                section.problem('needs decimal: "," or ".", which makes it a text', "decimals")
            return None
        sign = section.choice("decimal", (",", "."), ".")
        places = section.integer("decimals", 0, least=0, most=6)
        return Decimals(sign, places if section.has("decimals") else None)

    def _time(self, name: Field, section: Section) -> Converter:
        return Time(self._times.read(section))

    # ── the whole ─────────────────────────────────────────────────────────────────────────

    def _host(self, section: Section) -> Field | None:
        host = section.text("marker")
        texts = [name.value for name in Field if kind_of(name) is ValueKind.TEXT]
        if host not in texts:
            section.problem(_unknown(host, texts), "marker")
            return None
        return Field(host)

    def _check_marker(self, section: Section) -> None:
        host = self._fields.get(self._marker) if self._marker is not None else None
        if self._marker is not None and (host is None or not isinstance(host.convert, Text)):
            section.problem(f"its marker needs {self._marker} as a plain text field", "s2e_id")

    def _check_paths(self, section: Section) -> None:
        owners = {path: name for name, it in self._fields.items() for path in it.writes}
        every = [path for it in self._fields.values() for path in it.writes]
        pair = clash(every)
        if pair is not None:
            one, other = (format_path(path) for path in pair)
            section.problem(f"{one} and {other} overwrite each other", owners[pair[1]])


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a field is read and written."""

    reads: tuple[Source, ...] = ()
    writes: tuple[Path, ...] = ()
    round_trip: bool = True


_CONVERTERS: Mapping[ValueKind, Callable[[_Fields, Field, Section], Converter]] = {
    ValueKind.TEXT: _Fields._text,
    ValueKind.STATUS: _Fields._mapped,
    ValueKind.PRIORITY: _Fields._mapped,
    ValueKind.HOURS: _Fields._hours,
    ValueKind.TIME: _Fields._time,
}


def _unit(section: Section, key: str) -> str:
    """One of our units."""
    unit = section.text(key, "h")
    if unit in UNITS:
        return unit
    section.problem(
        f"is {unit!r}; there is {', '.join(UNITS)}. Numbers as text, with a comma say, are "
        'decimal: ","',
        key,
    )
    return "h"


def _unknown(name: str, known: list[str]) -> str:
    return f"{name!r} is no field; {nearest(name, known)}"
