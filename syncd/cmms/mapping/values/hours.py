"""Working time: hours as we keep them, and how a CMMS spells them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from types import MappingProxyType

from syncd.core.values import parse_hours
from syncd.core.work_order import Unreadable

# Each unit with how it is written and what is read; docs/reference/mapping.md shows these texts.
SPELLED_IN: Mapping[str, str] = MappingProxyType(
    {
        "h": "hours, a decimal number",
        "min": "whole minutes",
        "s": "whole seconds",
        "ms": "whole milliseconds",
        "hh:mm": "`04:30`; `4:30`, `04:30:00` and a database's time of day are read",
        "glide": "`1970-01-01 04:30:00`, a ServiceNow duration since 1970",
    }
)
# How many of each make an hour; None: the unit is spelled as a text.
UNITS: Mapping[str, int | None] = MappingProxyType(
    {"h": 1, "min": 60, "s": 3600, "ms": 3_600_000, "hh:mm": None, "glide": None}
)
_PLACES = {"min": 4, "s": 4, "ms": 7}  # decimals of an hour at which no two whole units look alike
_CLOCK = re.compile(r"(\d{1,6}):([0-5]?\d)(?::([0-5]?\d)(?:\.\d*)?)?")
_GLIDE = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)")
_FIRST_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Decimals:
    """How a CMMS spells numbers that it keeps as text.

    Attributes:
        sign: the decimal sign: a comma, or a point.
        places: how many decimals are always written; None: as many as the number has.
    """

    sign: str
    places: int | None = None

    @property
    def grain(self) -> Decimal:
        """How far the number that is read back may lie from the one that was written."""
        return Decimal(0) if self.places is None else Decimal(5).scaleb(-self.places - 1)

    def read(self, native: object) -> object:
        """A text with a point for its decimal sign; a number as it is.

        >>> Decimals(",").read("1,50"), Decimals(",").read(1.5), Decimals(",").read("1.500").why
        ('1.50', 1.5, 'is no number with a decimal ,')
        """
        if not isinstance(native, str) or self.sign == ".":
            return native
        if "." in native:  # it separates thousands, or is a decimal point: nobody can know
            return Unreadable(native[:200], f"is no number with a decimal {self.sign}")
        return native.replace(self.sign, ".")

    def write(self, native: object) -> str:
        """The number as text, with this sign and these decimals.

        >>> Decimals(",", 2).write(Decimal("1.5")), Decimals(",").write(Decimal("4"))
        ('1,50', '4')
        """
        number = Decimal(str(native))
        if self.places is not None:
            number = number.quantize(Decimal(1).scaleb(-self.places), ROUND_HALF_EVEN)
        text = format(number, "f")
        return text.replace(".", self.sign)


def read_hours(native: object, unit: str) -> Decimal | Unreadable | None:
    """Read hours, rounded to as many decimals as the unit needs.

    None: the value is empty. Unreadable: it is no working time in this unit.

    >>> read_hours(16200, "s"), read_hours("1970-01-02 01:00:00", "glide")
    (Decimal('4.5'), Decimal('25'))
    """
    if isinstance(native, str):
        native = native.strip()
    per_hour = UNITS[unit]
    if per_hour == 1 or native is None or native == "":
        return parse_hours(native)
    if per_hour is None:
        seconds = _seconds(native, unit)
        if seconds is None:
            return Unreadable(str(native)[:200], f"is no working time in {unit}")
        return _in_hours(Decimal(seconds), 3600, 4)
    quantity = parse_quantity(native)
    if isinstance(quantity, Unreadable):
        return quantity
    return _in_hours(quantity, per_hour, _PLACES[unit])


def parse_quantity(native: object) -> Decimal | Unreadable:
    """Read a finite number that is not negative."""
    if isinstance(native, bool) or not isinstance(native, int | float | str | Decimal):
        return Unreadable(str(native)[:200], "is not a number")
    try:
        quantity = Decimal(repr(native)) if isinstance(native, float) else Decimal(native)
    except (InvalidOperation, ValueError):
        return Unreadable(str(native)[:200], "is not a number")
    if not quantity.is_finite() or quantity < 0 or quantity.adjusted() > 15:
        return Unreadable(str(native)[:200], "is out of range")
    return quantity


def _in_hours(quantity: Decimal, per_hour: int, places: int) -> Decimal | Unreadable | None:
    hours = quantity / per_hour
    return parse_hours(hours.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN))


def _seconds(native: object, unit: str) -> int | None:
    if isinstance(native, time) and unit == "hh:mm":
        return native.hour * 3600 + native.minute * 60 + native.second
    pattern = _CLOCK if unit == "hh:mm" else _GLIDE
    parts = pattern.fullmatch(native) if isinstance(native, str) else None
    if parts is None:
        return None
    if unit == "hh:mm":
        return int(parts[1]) * 3600 + int(parts[2]) * 60 + int(parts[3] or 0)
    try:
        days = date.fromisoformat(parts[1]).toordinal() - _FIRST_DAY
    except ValueError:
        return None
    seconds = days * 86400 + int(parts[2]) * 3600 + int(parts[3]) * 60 + int(parts[4])
    return seconds if seconds >= 0 else None


def write_hours(hours: Decimal, unit: str) -> object:
    """Spell the hours in this unit, rounded to whole ones where the unit has no decimals.

    >>> write_hours(Decimal("4.5"), "min"), write_hours(Decimal("4.5"), "hh:mm")
    (270, '04:30')
    """
    per_hour = UNITS[unit]
    if per_hour == 1:
        return hours
    if per_hour is not None:
        return int((hours * per_hour).to_integral_value(ROUND_HALF_EVEN))
    if unit == "hh:mm":
        minutes = int((hours * 60).to_integral_value(ROUND_HALF_EVEN))
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    seconds = int((hours * 3600).to_integral_value(ROUND_HALF_EVEN))
    day = date.fromordinal(_FIRST_DAY + seconds // 86400)
    rest = seconds % 86400
    return f"{day.isoformat()} {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
