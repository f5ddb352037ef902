"""Single values: parsed as either side spells them, formatted, encoded for the mirror, shown."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from syncd.core.work_order import (
    KINDS,
    SPELLED,
    Field,
    Fields,
    Priority,
    Status,
    Unreadable,
    Value,
    ValueKind,
)

_HOURS_EXPONENT = 9  # hours beyond 10^10 or below 10^-9 are no working time
_SHOWN = 60  # characters of a value that people are shown


def parse_value(name: Field, raw: object) -> Value:
    """Read one value as either side may spell it: JSON scalars, text, Decimal, datetime.

    Empty text is None. Times need an offset; without one they are Unreadable, since a guess
    would move the instant. Hours must be finite and not negative.
    """
    if raw is None:
        return None
    kind = KINDS.get(name, ValueKind.TEXT)
    if kind is ValueKind.TEXT and type(raw) is str:
        return raw or None
    if kind is ValueKind.TIME:
        return parse_time(raw)
    if kind is ValueKind.HOURS:
        return parse_hours(raw)
    if not isinstance(raw, str):
        number = isinstance(raw, int | float | Decimal) and not isinstance(raw, bool)
        if number and kind is ValueKind.TEXT:
            return str(raw)
        return Unreadable(_show(raw), "is not text")
    if raw == "":
        return None
    if kind is ValueKind.STATUS:
        return (
            Status(raw) if raw in Status.__members__ else Unreadable(raw, "is not a status we know")
        )
    if kind is ValueKind.PRIORITY:
        return (
            Priority(raw)
            if raw in Priority.__members__
            else Unreadable(raw, "is not a priority we know")
        )
    return raw


def parse_time(raw: object) -> datetime | Unreadable | None:
    if isinstance(raw, datetime):
        moment = raw
    elif isinstance(raw, str):
        if not raw:
            return None
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            return Unreadable(raw, "is not an ISO 8601 time")
    else:
        return Unreadable(_show(raw), "is not an ISO 8601 time")
    if moment.tzinfo is None:
        return Unreadable(_show(raw), "has no time zone offset")
    try:
        return canonical_time(moment)
    except (OverflowError, ValueError):
        return Unreadable(_show(raw), "is out of range")


def parse_hours(raw: object) -> Decimal | Unreadable | None:
    if raw == "":
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        return Unreadable(_show(raw), "is not a number of hours")
    try:
        hours = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)
    except (InvalidOperation, ValueError):
        return Unreadable(_show(raw), "is not a number of hours")
    if not hours.is_finite():
        return Unreadable(_show(raw), "is not a finite number of hours")
    if hours < 0:
        return Unreadable(_show(raw), "is negative")
    if hours and abs(hours.adjusted()) > _HOURS_EXPONENT:
        return Unreadable(_show(raw), "is out of range")
    # What JSON can carry exactly: the nearest double, in its shortest spelling.
    return Decimal(repr(float(hours))).normalize() + 0


def _show(raw: object) -> str:
    if isinstance(raw, float) and not math.isfinite(raw):
        return repr(raw)
    try:
        return str(raw)[:200]
    except ValueError:  # Python makes no text of an integer of thousands of digits
        return "a number of thousands of digits"


def canonical_time(moment: datetime) -> datetime:
    """The same instant in UTC, cut to milliseconds: what the API can spell."""
    if moment.tzinfo is UTC and not moment.microsecond % 1000:
        return moment
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z, as Scan2Evolve spells it."""
    return canonical_time(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode_value(value: Value) -> object:
    """A JSON scalar (or, for Unreadable, an object) from which `decode_value` gets it back."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, Decimal):
        return format_hours(value)
    if isinstance(value, Unreadable):
        return {"unreadable": value.raw, "why": value.why}
    return str(value)


def format_hours(hours: Decimal) -> str:
    return format(hours, "f")


def decode_value(name: Field, stored: object) -> Value:
    if isinstance(stored, dict):
        return Unreadable(str(stored.get("unreadable")), str(stored.get("why")))
    return parse_value(name, stored)


def encode_fields(fields: Fields) -> dict[str, object]:
    return {
        SPELLED[name]: value if value is None or type(value) is str else encode_value(value)
        for name, value in fields.items()
    }


def decode_fields(stored: Mapping[str, object]) -> dict[Field, Value]:
    return {Field(key): decode_value(Field(key), raw) for key, raw in stored.items()}


def show_value(value: Value) -> str:
    """Format a value for people: on one line; a long text is cut."""
    if value is None:
        return "(empty)"
    text = value.raw if isinstance(value, Unreadable) else str(encode_value(value))
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
