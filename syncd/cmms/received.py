"""What an adapter yields, as syncd can keep it: one bad value is one unreadable field.

The port promises records whose values are of our types. Where one is not (NaN hours, a time
without an offset, a number for a text), that field alone is `Unreadable`, whoever wrote the
adapter.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from syncd.core.values import parse_value
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Priority,
    Status,
    Unreadable,
    Value,
    ValueKind,
    kind_of,
)
from syncd.errors import UnexpectedContent

_FIELDS: Mapping[object, ValueKind] = {name: kind_of(name) for name in Field}
_SHOWN = 80  # characters of what is no record


def id_of(record: object) -> str | None:
    """The id of what an adapter has yielded; None where it is no record, or has none."""
    cmms_id = record.cmms_id if isinstance(record, CmmsRecord) else None
    return cmms_id if isinstance(cmms_id, str) and cmms_id else None


def received(record: CmmsRecord) -> CmmsRecord:
    """The record, with each value that is none of ours made unreadable.

    Raises UnexpectedContent, about this one, for a field that there is not.
    """
    fields = _fields(record.fields)
    if not isinstance(record.s2e_id, str | None):
        fields = {**fields, Field.S2E_ID: Unreadable(shown(record.s2e_id), "is not text")}
        record = replace(record, s2e_id=None)
    if not _is_moment(record.updated_at):
        record = replace(record, updated_at=None)
    return record if fields is record.fields else replace(record, fields=fields)


def shown(value: object) -> str:
    """Anything, for people: on one line, shortened."""
    return " ".join(repr(value).split())[:_SHOWN]


def _fields(fields: Mapping[Field, Value]) -> Mapping[Field, Value]:
    wrong = {
        name: value
        for name, value in fields.items()
        if value is not None and not _fits(_FIELDS.get(name), value)
    }
    if not wrong:
        return fields
    unknown = sorted(str(name) for name in wrong if name not in _FIELDS)
    if unknown:
        raise UnexpectedContent(
            f"the adapter reads a field {unknown[0]!r:.40}, which there is not",
            side="cmms",
            status=200,
            may_have_applied=False,
        )
    return {**fields, **{name: _parsed(name, value) for name, value in wrong.items()}}


def _fits(kind: ValueKind | None, value: object) -> bool:
    match kind:
        case ValueKind.TEXT:
            fits = type(value) is str
        case ValueKind.HOURS:
            fits = isinstance(value, Decimal) and value.is_finite() and value >= 0
        case ValueKind.TIME:
            fits = isinstance(value, datetime) and value.tzinfo is not None
        case ValueKind.STATUS:
            fits = isinstance(value, Status)
        case ValueKind.PRIORITY:
            fits = isinstance(value, Priority)
        case None:
            fits = False
    return fits or isinstance(value, Unreadable)


def _parsed(name: Field, value: object) -> Value:
    parsed = parse_value(name, value)
    # Text where hours or a time should be is a mistake of the adapter; what it means is clear.
    return parsed if parsed is not None else Unreadable(shown(value), "is empty")


def _is_moment(value: object) -> bool:
    return value is None or (isinstance(value, datetime) and value.tzinfo is not None)
