"""The table that syncd makes, `work_orders`: its columns, its rows as records, values for it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Identity,
    Integer,
    MetaData,
    Table,
    literal,
    select,
)

from syncd.cmms.sql.database import AsIs
from syncd.core.values import encode_value, parse_value
from syncd.core.work_order import CmmsRecord, Field, Fields, Value, ValueKind, kind_of

_MAX_ID = 2**63 - 1

# Each column with its field. assigned_to holds an e-mail address, or a name.
COLUMNS: Mapping[str, Field] = MappingProxyType(
    {
        "s2e_id": Field.S2E_ID,
        "title": Field.TITLE,
        "description": Field.DESCRIPTION,
        "priority": Field.PRIORITY,
        "status": Field.STATUS,
        "location": Field.LOCATION,
        "asset_code": Field.ASSET_CODE,
        "asset_name": Field.ASSET_NAME,
        "site_code": Field.SITE_CODE,
        "assigned_to": Field.ASSIGNED_TO,
        "due_at": Field.DUE_DATE,
        "estimated_hours": Field.ESTIMATED_HOURS,
        "started_at": Field.STARTED_AT,
        "completed_at": Field.COMPLETED_AT,
        "actual_hours": Field.ACTUAL_HOURS,
        "root_cause": Field.ROOT_CAUSE,
        "resolution": Field.RESOLUTION,
        "closure_note": Field.CLOSURE_NOTE,
    }
)
_COLUMN_OF = {name: column for column, name in COLUMNS.items()}


def _column(name: str, field: Field) -> Column[Any]:
    # Hours are NUMERIC, so that people can add them up. SQLite accepts text in such a column, and
    # PostgreSQL accepts NaN: either parks the field, and the row stays readable.
    spec = "NUMERIC" if kind_of(field) is ValueKind.HOURS else "TEXT"
    return Column(name, AsIs(spec), unique=field is Field.S2E_ID)


work_orders = Table(
    "work_orders",
    MetaData(),
    Column("id", Integer, Identity(), primary_key=True),
    *(_column(name, field) for name, field in COLUMNS.items()),
    Column("url", AsIs("TEXT")),
    Column("updated_at", AsIs("TEXT")),
    sqlite_autoincrement=True,  # an id is never given twice; see `given_ids`
)


def select_records(
    conn: Connection, condition: ColumnElement[bool], *, lock: bool = False
) -> list[CmmsRecord]:
    """The records that meet the condition, by their ids; with `lock`, their rows are locked."""
    statement = select(work_orders).where(condition).order_by(work_orders.c.id)
    if lock:
        statement = statement.with_for_update()
    return [to_record(row) for row in conn.execute(statement)]


def has_id(cmms_id: str) -> ColumnElement[bool] | None:
    """The condition that a row has this id; None if no id is spelled like that."""
    try:
        number = int(cmms_id)
    except ValueError:
        return None
    if str(number) != cmms_id or abs(number) > _MAX_ID:
        return None
    return work_orders.c.id == literal(number, BigInteger)


def column_values(fields: Fields) -> dict[str, Any]:
    """The values of these fields, by column."""
    return {_COLUMN_OF[name]: _column_value(value) for name, value in fields.items()}


def _column_value(value: Value) -> Any:
    encoded = encode_value(value)
    return encoded.replace("\x00", "") if isinstance(encoded, str) else encoded


def to_record(row: Any) -> CmmsRecord:
    """Read a row of the table."""
    native = row._mapping
    fields: dict[Field, Value] = {
        name: parse_value(name, _stripped(name, native[column])) for column, name in COLUMNS.items()
    }
    fields[Field.EXTERNAL_ID] = str(native["id"])
    fields[Field.EXTERNAL_STATUS] = parse_value(Field.EXTERNAL_STATUS, native["status"])
    fields[Field.EXTERNAL_URL] = parse_value(Field.EXTERNAL_URL, native["url"])
    s2e_id = native["s2e_id"]
    return CmmsRecord(
        cmms_id=str(native["id"]),
        s2e_id=s2e_id if s2e_id and isinstance(s2e_id, str) else None,
        fields=fields,
        native={key: _plain(value) for key, value in native.items()},
    )


def _stripped(name: Field, value: Any) -> Any:
    """The value without white space around a number, a time or a status; text as it is."""
    return (
        value.strip() if isinstance(value, str) and kind_of(name) is not ValueKind.TEXT else value
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | None) else str(value)
