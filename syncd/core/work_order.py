"""The words: what a work order is made of, who owns which field, and how values compare.

A value has three states that are never confused: *absent* (the key is missing: this side
does not tell), *empty* (None: the side says there is none) and a value. A value that a side
holds but that we cannot read is `Unreadable`; it parks its field and nothing else.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType


class Side(StrEnum):
    S2E = "s2e"
    CMMS = "cmms"

    @property
    def other(self) -> "Side":
        return Side.CMMS if self is Side.S2E else Side.S2E


class Status(StrEnum):
    DRAFT = "DRAFT"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    ON_HOLD = "ON_HOLD"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Priority(StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


OPEN_STATUSES = (Status.ASSIGNED, Status.IN_PROGRESS, Status.ON_HOLD)
TERMINAL_STATUSES = frozenset({Status.COMPLETED, Status.CANCELLED})


class ValueKind(StrEnum):
    TEXT = "text"
    HOURS = "hours"  # Decimal, >= 0
    TIME = "time"  # aware UTC datetime, milliseconds
    STATUS = "status"
    PRIORITY = "priority"


class Field(StrEnum):
    """One shared attribute; the value is its name in settings, tables, logs and the CLI."""

    S2E_ID = "s2e_id"
    TITLE = "title"
    DESCRIPTION = "description"
    PRIORITY = "priority"
    LOCATION = "location"
    ASSET_CODE = "asset_code"
    ASSET_NAME = "asset_name"
    SITE_CODE = "site_code"
    ASSIGNED_TO = "assigned_to"
    ASSIGNED_TO_GROUP = "assigned_to_group"
    CREATED_BY = "created_by"
    SOURCE_INSPECTION = "source_inspection"
    DUE_DATE = "due_date"
    ESTIMATED_HOURS = "estimated_hours"
    STARTED_AT = "started_at"
    STATUS = "status"
    ROOT_CAUSE = "root_cause"
    RESOLUTION = "resolution"
    CLOSURE_NOTE = "closure_note"
    COMPLETED_AT = "completed_at"
    ACTUAL_HOURS = "actual_hours"
    EXTERNAL_ID = "external_id"
    EXTERNAL_STATUS = "external_status"
    EXTERNAL_URL = "external_url"


SPELLED: Mapping[Field, str] = MappingProxyType({name: name.value for name in Field})  # fast

# Who may write what (docs/decisions.md, 3). Scan2Evolve's sync call takes SHARED and
# CMMS_OWNED fields and no other.
SHARED = frozenset(
    {
        Field.STATUS,
        Field.ROOT_CAUSE,
        Field.RESOLUTION,
        Field.CLOSURE_NOTE,
        Field.COMPLETED_AT,
        Field.ACTUAL_HOURS,
    }
)
CMMS_OWNED = frozenset({Field.EXTERNAL_ID, Field.EXTERNAL_STATUS, Field.EXTERNAL_URL})
S2E_OWNED = frozenset(Field) - SHARED - CMMS_OWNED
WRITABLE_ON_S2E = SHARED | CMMS_OWNED

KINDS: Mapping[Field, ValueKind] = MappingProxyType(
    {
        Field.PRIORITY: ValueKind.PRIORITY,
        Field.STATUS: ValueKind.STATUS,
        Field.DUE_DATE: ValueKind.TIME,
        Field.STARTED_AT: ValueKind.TIME,
        Field.COMPLETED_AT: ValueKind.TIME,
        Field.ESTIMATED_HOURS: ValueKind.HOURS,
        Field.ACTUAL_HOURS: ValueKind.HOURS,
    }
)


def kind_of(name: Field) -> ValueKind:
    return KINDS.get(name, ValueKind.TEXT)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that a side holds and that we cannot take: kept as it came, never sent."""

    raw: str
    why: str


Value = str | Decimal | datetime | Status | Priority | Unreadable | None
Fields = Mapping[Field, Value]
_HOURS_EXPONENT = 9  # hours beyond 10^10 or below 10^-9 are no working time
_SHOWN = 60  # characters of a value that people are shown


@dataclass(frozen=True, slots=True)
class S2eOrder:
    """One work order as Scan2Evolve holds it, as far as the planner wants to know."""

    s2e_id: str
    fields: Fields
    site_id: str | None = None
    asset_id: str | None = None
    updated_at: datetime | None = None
    last_synced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CmmsRecord:
    """One record as the CMMS holds it.

    Attributes:
        cmms_id: the reference that people use in the CMMS and that `get` takes.
        s2e_id: the Scan2Evolve id that the record carries, if any.
        fields: our words; a field the adapter does not read is missing.
        native: the CMMS's own values, kept beside the base.
        equivalents: where a native value stands for several of ours (a lossy map), all of them.
        updated_at: the CMMS's own change time, where it has one.
    """

    cmms_id: str
    s2e_id: str | None
    fields: Fields
    native: Mapping[str, object] = field(default_factory=dict)
    equivalents: Mapping[Field, frozenset[str]] = field(default_factory=dict)
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unwritable:
    """Why a value may not, or cannot, be written to a side."""

    reason: str
    detail: str


# ── reading and writing single values ────────────────────────────────────────────────────


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
    return str(raw)[:200]


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
    """For people: one line, never the whole of a long text."""
    if value is None:
        return "(empty)"
    text = value.raw if isinstance(value, Unreadable) else str(encode_value(value))
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
