"""From observations to rows and back; what all modules of the mirror need."""

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    S2eOrder,
    Unreadable,
    Value,
    decode_fields,
    encode_fields,
)
from syncd.mirror.columns import dump_json
from syncd.mirror.database import Tx

CHUNK = 500  # ids in one statement; SQLite takes 32,766 parameters, and plans stay small
_Item = TypeVar("_Item")
Row = dict[str, Any]


def chunks(items: Iterable[_Item], size: int = CHUNK) -> Iterator[list[_Item]]:
    """Lists of at most `size` items, in order."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def upsert(
    tx: Tx, table: sa.Table, rows: Sequence[Row], *, keep: Collection[str] = ()
) -> None:
    """Insert the rows, or update those whose primary key is there, but for the columns `keep`."""
    if not rows:
        return
    insert = postgresql.insert if tx.conn.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    changing = [name for name in rows[0] if name not in key and name not in keep]
    statement = statement.on_conflict_do_update(
        index_elements=key, set_={name: statement.excluded[name] for name in changing}
    )
    tx.conn.execute(statement, list(rows))


class Cleaner:
    """Takes out of values what a database cannot store, and counts the values it had to change.

    PostgreSQL stores no NUL character in any text, and JSON has no NaN. Both databases get the
    same, so that a mirror can move from one to the other.
    """

    def __init__(self) -> None:
        self.count = 0

    def text(self, value: str) -> str:
        """The text without NUL characters."""
        if "\0" not in value:
            return value
        self.count += 1
        return value.replace("\0", "")

    def json(self, value: Any) -> Any:
        """The same value, for a JSON column."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            self.count += 1
            return repr(value)
        return value

    def column(self, value: str | None) -> str | None:
        """The text for a typed column, which takes no half surrogate pairs either."""
        if value is None:
            return None
        cleaned = self.text(value)
        if any("\ud800" <= char <= "\udfff" for char in cleaned):
            return "".join("�" if "\ud800" <= c <= "\udfff" else c for c in cleaned)
        return cleaned


def typed(fields: Fields, cleaner: Cleaner) -> Row:
    """The typed columns of an observation: null where a value is absent or cannot be read."""
    return {
        name.value: _typed(fields.get(name), cleaner)
        for name in Field
        if name is not Field.S2E_ID
    }


def _typed(value: Value, cleaner: Cleaner) -> str | Decimal | datetime | None:
    if value is None or isinstance(value, Unreadable):
        return None
    if isinstance(value, Decimal | datetime):
        return value
    return cleaner.column(str(value))


def digest(row: Row) -> str:
    """A hash of a row of observations: equal if and only if nothing has changed."""
    text = dump_json(row, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def s2e_row(order: S2eOrder, cleaner: Cleaner) -> Row:
    """What an observation of Scan2Evolve says, as columns, its digest included."""
    seen: Row = {
        "fields": cleaner.json(encode_fields(order.fields)),
        "raw": cleaner.json(order.raw),
        "sync_status": cleaner.column(order.sync_status),
        "site_id": cleaner.column(order.site_id),
        "asset_id": cleaner.column(order.asset_id),
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "last_synced_at": order.last_synced_at,
    }
    return {"s2e_id": order.s2e_id, **typed(order.fields, Cleaner()), **seen, "digest": digest(seen)}


def cmms_row(record: CmmsRecord, cleaner: Cleaner) -> Row:
    """What an observation of the CMMS says, as columns, its digest included."""
    seen: Row = {
        "s2e_id": cleaner.column(record.s2e_id),
        "fields": cleaner.json(encode_fields(record.fields)),
        "native": cleaner.json(record.native),
        "equivalents": {
            name.value: sorted(values) for name, values in record.equivalents.items()
        },
        "updated_at": record.updated_at,
    }
    return {
        "cmms_id": cleaner.column(record.cmms_id),
        **typed(record.fields, Cleaner()),
        **seen,
        "digest": digest(seen),
    }


def s2e_order(row: sa.RowMapping) -> S2eOrder:
    return S2eOrder(
        s2e_id=row["s2e_id"],
        fields=decode_fields(row["fields"]),
        sync_status=row["sync_status"] or "",
        site_id=row["site_id"],
        asset_id=row["asset_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        last_synced_at=row["last_synced_at"],
        raw=row["raw"],
    )


def cmms_record(row: sa.RowMapping) -> CmmsRecord:
    return CmmsRecord(
        cmms_id=row["cmms_id"],
        s2e_id=row["s2e_id"],
        fields=decode_fields(row["fields"]),
        native=row["native"],
        equivalents={Field(name): frozenset(v) for name, v in row["equivalents"].items()},
        updated_at=row["updated_at"],
    )
