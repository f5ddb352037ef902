"""How a field's values are spelled: the converter that its keys ask for."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.maps import Maps
from syncd.cmms.mapping.problems import nearest
from syncd.cmms.mapping.schema import (
    FieldKeys,
    HoursKeys,
    HoursWithUnitKeys,
    MappedKeys,
    StampAtKeys,
    StampReadKeys,
    TextKeys,
    TimeKeys,
    TimesKeys,
)
from syncd.cmms.mapping.validation import Loc
from syncd.cmms.mapping.values.converters import (
    BLANK,
    PARK,
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
from syncd.cmms.mapping.values.record_map import NEVER_BLANK
from syncd.cmms.mapping.values.times import TimeFormat, pattern_problem
from syncd.cmms.mapping.values.value_map import ValueMap
from syncd.core.work_order import Field


@dataclass(frozen=True, slots=True)
class Times:
    """The format and the zone of every time that has none of its own."""

    document: Document
    form: str
    zone: ZoneInfo | None

    @classmethod
    def of(cls, document: Document, form: str) -> "Times":
        """Read the mapping's `times`; without them, times have this format and no zone."""
        keys = document.validate(TimesKeys, ("times",))
        if keys is None:
            return cls(document, form, None)
        form = form if keys.format is None else keys.format
        zone = _zone(document, ("times",), keys.zone)
        problem = pattern_problem(form, zone)
        # A date may lack a zone here: each field may have one of its own.
        if problem and not (form == "date" and zone is None):
            document.problem(("times", "format"), problem)
        return cls(document, form, zone)

    def format_of(self, loc: Loc, keys: TimeKeys | StampAtKeys | StampReadKeys) -> TimeFormat:
        """The format of one time."""
        zone = self.zone if keys.zone is None else _zone(self.document, loc, keys.zone)
        form = self.form if keys.format is None else keys.format
        for one in (form, *keys.also):
            problem = pattern_problem(one, zone)
            if problem:
                self.document.problem((*loc, "also" if one in keys.also else "format"), problem)
        return TimeFormat(form, zone, keys.also)


def _zone(document: Document, loc: Loc, name: str | None) -> ZoneInfo | None:
    if not name:
        return None
    if name not in available_timezones():
        document.problem((*loc, "zone"), f"{name} is no time zone; an example: Europe/Berlin")
        return None
    return ZoneInfo(name)


class ConverterReader:
    """Makes the converters of one mapping; what is wrong is a problem of the document."""

    def __init__(self, document: Document, times: Times, maps: Maps) -> None:
        self._document = document
        self._times = times
        self._maps = maps

    def of_field(self, name: Field, loc: Loc, keys: FieldKeys) -> Converter:
        """The converter of a field with these keys."""
        match keys:
            case TextKeys():
                return self._text(name, loc, keys)
            case HoursWithUnitKeys():
                return self._hours_with_unit(loc, keys)
            case HoursKeys():
                return self._hours(loc, keys)
            case TimeKeys():
                return self._time(loc, keys)
            case MappedKeys(map=str(table)):
                values = self._maps.get((*loc, "map"), table, name)
                return Same(name) if values is None else self._mapped(name, loc, keys, values)
        return Same(name)

    def _mapped(self, name: Field, loc: Loc, keys: MappedKeys, table: ValueMap) -> Mapped:
        missing = keys.missing or PARK
        here = (*loc, "missing")
        if missing != PARK and name is Field.STATUS:
            self._document.problem(
                here, "of a status is always park: no other one may stand for it"
            )
        elif missing == BLANK and (name in NEVER_BLANK or keys.clears is False):
            self._document.problem(here, "is blank, and this field cannot be empty")
        elif missing not in {PARK, BLANK} and table.write(missing) is None:
            known = [PARK, BLANK, *sorted(table.writable())]
            self._document.problem(
                here, f"{missing!r} is written by no line; {nearest(missing, known)}"
            )
        return Mapped(name, table, missing)

    def _text(self, name: Field, loc: Loc, keys: TextKeys) -> Text:
        if keys.max is None and not self._document.is_refused((*loc, "max")):
            for key in ("overflow", "count"):
                if getattr(keys, key) is not None:
                    self._document.problem((*loc, key), "needs a max")
        cuts = keys.overflow != "park"
        return Text(name, keys.html, keys.max, keys.count or "utf16", cuts, keys.entities)

    def _hours(self, loc: Loc, keys: HoursKeys) -> Hours:
        unit, spelled = self._unit((*loc, "unit"), keys.unit), self._decimals(loc, keys)
        if spelled is not None and UNITS[unit] is None:
            what = f"is of numbers, and {unit} is none; leave it out"
            self._document.problem((*loc, "decimal"), what)
        return Hours(unit, spelled)

    def _hours_with_unit(self, loc: Loc, keys: HoursWithUnitKeys) -> HoursWithUnit:
        units = {key: self._unit((*loc, "units", key), unit) for key, unit in keys.units.items()}
        if not units:
            self._document.problem((*loc, "units"), "is empty; an example: {H: h, MIN: min}")
        elif keys.unit is not None and keys.unit not in units:
            shown = self._document.shown((*loc, "unit"))
            self._document.problem((*loc, "unit"), f"is {shown}; {nearest(keys.unit, units)}")
        named = keys.unit or next(iter(units), "h")
        return HoursWithUnit(units, named, self._decimals(loc, keys))

    def _unit(self, loc: Loc, name: str | None) -> str:
        """One of our units; hours where none is named."""
        if name is None or name in UNITS:
            return name or "h"
        self._document.problem(
            loc,
            f"is {self._document.shown(loc)}; there is {', '.join(UNITS)}. Numbers as text, with a "
            'comma say, are decimal: ","',
        )
        return "h"

    def _decimals(self, loc: Loc, keys: HoursKeys) -> Decimals | None:
        if keys.decimal is not None:
            return Decimals(keys.decimal, keys.decimals)
        if keys.decimals is not None and not self._document.is_refused((*loc, "decimal")):
            what = 'needs decimal: "," or ".", which makes it a text'
            self._document.problem((*loc, "decimals"), what)
        return None

    def _time(self, loc: Loc, keys: TimeKeys) -> Time | SplitTime:
        form = self._times.format_of(loc, keys)
        if keys.split is None:
            return Time(form)
        if form.zone is None:
            self._document.problem((*loc, "split"), "a date beside a time needs a zone")
        return SplitTime(form, keys.split.edm)
