"""The words: what a work order is made of, and who owns which field.

A value has three states that are never confused: *absent* (the key is missing: we do not know
what this side holds), *empty* (None: the side holds nothing) and a value. A value that a side
holds but that we cannot read is `Unreadable`; it parks its field and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
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


# Also the order in which their lanes are read.
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
# CMMS_OWNED fields and no other. A field in neither is Scan2Evolve's own: it is written to a CMMS
# whose adapter lists it.
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
    """A value that a side holds and that we cannot parse: kept as it came, never sent."""

    raw: str
    why: str


Value = str | Decimal | datetime | Status | Priority | Unreadable | None
Fields = Mapping[Field, Value]


@dataclass(frozen=True, slots=True)
class S2eOrder:
    """One work order as Scan2Evolve holds it, with what the planner needs to know."""

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
        fields: by our names; a field that the adapter does not read is absent.
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
