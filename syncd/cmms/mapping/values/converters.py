"""One value of ours as native values, and back: text, hours, times, mapped values.

A converter reads a tuple of native values, and writes as many: most have one; a quantity with
its unit and a date with its time of day have two.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from syncd.cmms.mapping.values.hours import Decimals, read_hours, write_hours
from syncd.cmms.mapping.values.html_text import (
    from_entities,
    html_to_text,
    text_to_html,
    to_entities,
)
from syncd.cmms.mapping.values.times import TimeFormat
from syncd.cmms.mapping.values.value_map import ValueMap, native_key
from syncd.core.fitting import cut_text, utf16_units
from syncd.core.values import canonical_time, encode_value, parse_value
from syncd.core.work_order import Field, Unreadable, Unwritable, Value

Natives = tuple[object, ...]
NO_EQUIVALENTS: frozenset[str] = frozenset()

PARK = "park"
BLANK = "blank"
COUNTS: Mapping[str, Callable[[str], int]] = MappingProxyType(
    {"utf16": utf16_units, "chars": len, "bytes": lambda text: len(text.encode())}
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a native value means.

    Attributes:
        value: our value.
        equivalents: all of our values that the native one stands for; none if it is only `value`.
    """

    value: Value
    equivalents: frozenset[str] = NO_EQUIVALENTS


class Converter(Protocol):
    """Both directions of one field. It gets no empty values: `FieldMap` handles these."""

    def read(self, natives: Natives) -> Meaning: ...

    def write(self, value: Value) -> Natives | Unwritable: ...


@dataclass(frozen=True, slots=True)
class Text:
    """Text.

    Attributes:
        html: the CMMS keeps it as HTML.
        entities: the CMMS keeps &, < and > as numeric entities, those of markup too.
        most: the longest text that fits, counted by `count`; None: any fits.
        count: the name of a way to count, one of COUNTS.
        cuts: whether a longer text is cut; if not, it cannot be written.
    """

    field: Field
    html: bool = False
    most: int | None = None
    count: str = "utf16"
    cuts: bool = True
    entities: bool = False

    def read(self, natives: Natives) -> Meaning:
        (native,) = natives
        if self.entities and isinstance(native, str):
            native = from_entities(native)
        if self.html and isinstance(native, str):
            native = html_to_text(native)
        return Meaning(parse_value(self.field, native))

    def write(self, value: Value) -> Natives | Unwritable:
        return self.fitted(str(encode_value(value)))

    def fitted(self, text: str, tail: str = "") -> Natives | Unwritable:
        """The text with its tail; where both do not fit, only the text is cut."""
        native = self._native(text + tail)
        size = COUNTS[self.count]
        if self.most is None or size(native) <= self.most:
            return (native,)
        if not self.cuts:
            return Unwritable(
                "text_too_long", f"{size(native)} of at most {self.most} ({self.count})"
            )
        room = self.most
        while room > 0:
            cut = self._native(cut_text(text, room, size) + tail)
            over = size(cut) - self.most
            if over <= 0:
                return (cut,)
            room -= max(over // 8, 1)  # the markup takes room, too
        return (self._native(tail),)

    def _native(self, text: str) -> str:
        native = text_to_html(text) if self.html else text
        return to_entities(native) if self.entities else native


@dataclass(frozen=True, slots=True)
class Mapped:
    """Values that a table of the mapping translates.

    Attributes:
        missing: what becomes of a value that the table has not: PARK; BLANK, it is empty on the
            other side; or our value that is written in its place.
    """

    field: Field
    table: ValueMap
    missing: str = PARK

    def read(self, natives: Natives) -> Meaning:
        (native,) = natives
        entry = self.table.read(native) if _is_scalar(native) else None
        if entry is None and (native_key(native) == "" or self.missing == BLANK):
            return Meaning(None)
        if entry is None:
            return Meaning(
                Unreadable(
                    str(native)[:200], f"is not in maps.{self.table.name} ({self.table.where})"
                )
            )
        both = frozenset(entry.ours) if len(entry.ours) > 1 else NO_EQUIVALENTS
        return Meaning(parse_value(self.field, entry.ours[0]), both)

    def write(self, value: Value) -> Natives | Unwritable:
        entry = self.table.write(str(encode_value(value)))
        if entry is None and self.missing not in {PARK, BLANK}:
            entry = self.table.write(self.missing)
        if entry is None:
            return Unwritable(
                "unmapped",
                f"nothing in maps.{self.table.name} (the map: {self.table.where}) is written "
                "for it",
            )
        return (entry.native,)


def _is_scalar(native: object) -> bool:
    return native is None or isinstance(native, str | int | float | Decimal)


@dataclass(frozen=True, slots=True)
class Same:
    """Values that the CMMS spells as Scan2Evolve does."""

    field: Field

    def read(self, natives: Natives) -> Meaning:
        (native,) = natives
        return Meaning(
            parse_value(self.field, native.strip() if isinstance(native, str) else native)
        )

    def write(self, value: Value) -> Natives | Unwritable:
        return (encode_value(value),)


@dataclass(frozen=True, slots=True)
class Hours:
    """Working time in one unit. It is written in whole units; hours also have decimals.

    Attributes:
        unit: one of UNITS.
        spelled: how the CMMS spells the number as text; None: it keeps a number.
    """

    unit: str = "h"
    spelled: Decimals | None = None

    @property
    def written(self) -> str:
        """Our name of the unit that we write."""
        return self.unit

    def read(self, natives: Natives) -> Meaning:
        (native,) = natives
        return Meaning(_hours(native, self.unit, self.spelled))

    def write(self, value: Value) -> Natives | Unwritable:
        if not isinstance(value, Decimal):
            return Unwritable("invalid", "is no number of hours")
        return (_native_hours(value, self.unit, self.spelled),)


@dataclass(frozen=True, slots=True)
class HoursWithUnit:
    """Working time as a quantity, and beside it the unit of the quantity.

    Attributes:
        units: each unit's name in the CMMS, with ours.
        named: the unit that we write, by its name in the CMMS.
        spelled: as in `Hours`.
    """

    units: Mapping[str, str]
    named: str
    spelled: Decimals | None = None

    @property
    def written(self) -> str:
        """Our name of the unit that we write."""
        return self.units[self.named]

    def read(self, natives: Natives) -> Meaning:
        quantity, unit = natives
        if quantity == "":
            return Meaning(None)
        ours = self.units.get(str(unit).strip())
        if ours is None:
            return Meaning(Unreadable(f"{quantity} {unit}"[:200], "is in a unit we do not know"))
        return Meaning(_hours(quantity, ours, self.spelled))

    def write(self, value: Value) -> Natives | Unwritable:
        if not isinstance(value, Decimal):
            return Unwritable("invalid", "is no number of hours")
        return (_native_hours(value, self.written, self.spelled), self.named)


def _hours(native: object, unit: str, spelled: Decimals | None) -> Decimal | Unreadable | None:
    number = native if spelled is None else spelled.read(native)
    return number if isinstance(number, Unreadable) else read_hours(number, unit)


def _native_hours(hours: Decimal, unit: str, spelled: Decimals | None) -> object:
    native = write_hours(hours, unit)
    return native if spelled is None else spelled.write(native)


@dataclass(frozen=True, slots=True)
class Time:
    """A time in one native value."""

    form: TimeFormat

    @property
    def grain(self) -> timedelta:
        """How far the value that is read back may lie from the one that was written."""
        return self.form.grain

    def read(self, natives: Natives) -> Meaning:
        (native,) = natives
        return Meaning(self.form.read(native))

    def write(self, value: Value) -> Natives | Unwritable:
        if not isinstance(value, datetime):
            return Unwritable("invalid", "is no time")
        try:
            return (self.form.write(value),)
        except (ValueError, OverflowError):
            return Unwritable("invalid", f"cannot be written in the format {self.form.form}")


_EDM_TIME = re.compile(r"PT(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.\d+)?S)?")


@dataclass(frozen=True, slots=True)
class SplitTime:
    """A date and, beside it, the time of day in the zone. An empty time of day is midnight.

    Attributes:
        form: the format of the date, and the zone of both.
        edm: the time of day is written as PT14H30M00S, as in OData; if not, as 14:30:00.
    """

    form: TimeFormat
    edm: bool = False

    @property
    def grain(self) -> timedelta:
        """As in `Time`. The time of day has whole seconds, whatever the format of the date."""
        return TimeFormat("iso_s", self.form.zone).grain

    def read(self, natives: Natives) -> Meaning:
        day, clock = natives
        midnight = self.form.read(day)
        if not isinstance(midnight, datetime):
            return Meaning(midnight)
        at = _clock_time(clock)
        zone = self.form.zone
        if at is None or zone is None:
            return Meaning(Unreadable(str(clock)[:200], "is no time of day"))
        here = midnight.astimezone(zone)
        try:
            return Meaning(canonical_time(datetime.combine(here.date(), at, zone)))
        except (ValueError, OverflowError):
            return Meaning(Unreadable(str(day)[:200], "is out of range"))

    def write(self, value: Value) -> Natives | Unwritable:
        if not isinstance(value, datetime) or self.form.zone is None:
            return Unwritable("invalid", "is no time")
        here = value.astimezone(self.form.zone)
        midnight = here.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        clock = here.strftime("PT%HH%MM%SS" if self.edm else "%H:%M:%S")
        return (self.form.write(midnight), clock)


def _clock_time(native: object) -> time | None:
    if native is None or native == "":
        return time()
    if isinstance(native, time):
        return native.replace(tzinfo=None)
    if not isinstance(native, str):
        return None
    edm = _EDM_TIME.fullmatch(native.strip())
    try:
        if edm:
            hour, minute, second = (int(part or 0) for part in edm.groups())
            return time(hour, minute, second)
        return time.fromisoformat(native.strip()).replace(tzinfo=None)
    except ValueError:
        return None
