"""Native records as ours, and our fields as native values, for every adapter with a mapping."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from syncd.cmms.mapping.values.record_map import Assignment, RecordMap
from syncd.cmms.mapping.values.value_map import native_key
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

_SHOWN = 8  # values of one field


def to_record(records: RecordMap, native: Mapping[str, object]) -> CmmsRecord:
    """Read a native record. Raises UnexpectedContent if it has no id."""
    parsed = records.read(native)
    if parsed.cmms_id is None:
        raise UnexpectedContent(
            f"a record has no id at {records.id.text}: it holds {', '.join(sorted(native)[:20])}",
            side="cmms",
            status=200,  # it was answered, and says nothing of other records
            may_have_applied=False,
        )
    stamp = parsed.updated_at
    return CmmsRecord(
        cmms_id=parsed.cmms_id,
        s2e_id=parsed.s2e_id,
        fields=parsed.fields,
        native=native,
        equivalents=parsed.equivalents,
        updated_at=None if isinstance(stamp, Unreadable) else stamp,
    )


def assignments(records: RecordMap, fields: Fields, held: Fields | None = None) -> list[Assignment]:
    """The native values of these fields, with their paths.

    Args:
        held: what the record holds, if `records.needs_record(fields)`.

    Raises:
        Refused: a value cannot be written; nothing was sent.
    """
    assigned = records.write(fields, held)
    if isinstance(assigned, Unwritable):
        raise Refused(assigned.detail, side="cmms")
    return assigned


def json_value(native: object) -> object:
    """A native value as JSON has it: a decimal becomes a number."""
    if isinstance(native, Decimal):
        whole = native == native.to_integral_value()
        return int(native) if whole else float(native)
    return native


def _every(name: Field) -> frozenset[str]:
    kind = kind_of(name)
    if kind is ValueKind.STATUS:
        return frozenset(Status.__members__)
    return frozenset(Priority.__members__) if kind is ValueKind.PRIORITY else frozenset()


def unmapped(records: RecordMap, read: Sequence[CmmsRecord]) -> Iterator[str]:
    """Warnings of the values that some of these records hold and that no table of the mapping has,
    a line for each field."""
    for one, table in records.tables():
        holding = [native_key(one.reads[0].take(record.native)) for record in read]
        missing = Counter(key for key in holding if key and table.read(key) is None)
        if missing:
            shown = ", ".join(sorted(missing)[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
            yield (
                f"{one.field}: {missing.total()} of {len(read)} records hold what maps."
                f"{table.name} has not ({table.where}): {shown}"
            )


def notes(records: RecordMap) -> list[str]:
    """What this mapping cannot do, each with its line, for the person who wrote it."""
    lines = [
        f"{one.field} {value} cannot be written: nothing in maps.{table.name} stands for it"
        f" ({table.where})"
        for one, table in records.tables()
        for value in sorted(_every(one.field) - table.writable())
        if one.writes
    ]
    if Field.S2E_ID not in records.reads:
        lines.append(f"s2e_id is not mapped: no record can be found by it ({records.where})")
    return lines
