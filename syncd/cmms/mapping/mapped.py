"""What adapters that work by a mapping share: records out of native ones, bodies out of fields."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from syncd.cmms.mapping.values.paths import put
from syncd.cmms.mapping.values.record_map import Assignment, RecordMap
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    Priority,
    Status,
    Unreadable,
    Unwritable,
    ValueKind,
    kind_of,
)
from syncd.errors import Refused, UnexpectedContent


def to_record(records: RecordMap, native: Mapping[str, object]) -> CmmsRecord:
    """The record that this native one is. Raises UnexpectedContent if it has no id."""
    told = records.read(native)
    if told.cmms_id is None:
        raise UnexpectedContent(
            f"a record has no id at {records.id.text}: it holds {', '.join(sorted(native)[:20])}",
            side="cmms",
            may_have_applied=False,
        )
    stamp = told.updated_at
    return CmmsRecord(
        cmms_id=told.cmms_id,
        s2e_id=told.s2e_id,
        fields=told.fields,
        native=native,
        equivalents=told.equivalents,
        updated_at=None if isinstance(stamp, Unreadable) else stamp,
    )


def assignments(records: RecordMap, fields: Fields, held: Fields | None = None) -> list[Assignment]:
    """Where each native value goes. Raises Refused before anything is sent.

    Args:
        held: what the record holds, where `records.needs_record(fields)`.
    """
    done = records.write(fields, held)
    if isinstance(done, Unwritable):
        raise Refused(done.detail, side="cmms")
    return done


def body_of(assigned: Iterable[Assignment]) -> dict[str, object]:
    """The JSON object that holds these values at their paths."""
    body: dict[str, object] = {}
    for one in assigned:
        put(body, one.path, json_value(one.native))
    return body


def json_value(native: object) -> object:
    """A native value as JSON can say it: decimals are numbers."""
    if isinstance(native, Decimal):
        whole = native == native.to_integral_value()
        return int(native) if whole else float(native)
    return native


def _every(name: Field) -> frozenset[str]:
    kind = kind_of(name)
    if kind is ValueKind.STATUS:
        return frozenset(Status.__members__)
    return frozenset(Priority.__members__) if kind is ValueKind.PRIORITY else frozenset()


def notes(records: RecordMap) -> list[str]:
    """What this mapping cannot do, for the one who has written it."""
    told = [
        f"{one.field} {value} cannot be written: nothing in maps.{table.name} stands for it"
        f" ({table.where})"
        for one, table in records.tables()
        for value in sorted(_every(one.field) - table.writable())
        if one.writes
    ]
    if Field.S2E_ID not in records.reads:
        told.append(f"s2e_id is not mapped: no record can be found by it ({records.where})")
    return told
