"""Rows of the mirror as JSON-ready values."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, select

from syncd.mirror.db.database import Tx


def list_rows(tx: Tx, table: Table, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The rows of a table as JSON-ready dictionaries, oldest first where they have a number."""
    statement = select(table).where(table.c.connection == tx.connection, *conditions)
    if "id" in table.c:
        statement = statement.order_by(table.c.id)
    rows = tx.conn.execute(statement)
    return [
        {key: _plain(value) for key, value in row._mapping.items() if key != "connection"}
        for row in rows
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    return value if isinstance(value, str | int | bool | dict | list | None) else str(value)


def time_text(moment: datetime | None) -> str | None:
    """The time in ISO 8601 with milliseconds and Z; None: there is none."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
