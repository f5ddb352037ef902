"""Read and write many rows at once.

`find`, `assign` and `upsert` are for the hot path, the rows of a page. SQLAlchemy composes each of
their statements once, and the values are put into the driver's form here, one column after the
other. All ids travel as one parameter, so that their number does not matter. Other statements use
`IDS` with `chunks`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Dialect,
    Function,
    Table,
    any_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from syncd.mirror.db.columns import PlainText, UtcTime, dump_json, plain_text
from syncd.mirror.db.database import Tx

_CHUNK = 400  # ids in one IN list
IDS: BindParameter[Any] = bindparam("ids", expanding=True)  # of an IN list, for `Tx.run`

Composed = tuple[str, Sequence[str]]  # a statement, and the names of its values in their order


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in lists that are short enough for one IN."""
    rest = list(ids)
    for start in range(0, len(rest), _CHUNK):
        yield rest[start : start + _CHUNK]


def find(
    tx: Tx, table: Table, key: str, ids: Sequence[str], names: tuple[str, ...]
) -> Sequence[Any]:
    """The rows that have one of these ids: for each its key, and the named columns."""
    statement, order = _find(table, key, names, tx.conn.dialect)
    parameters = {"own": tx.connection, "ids": _together(ids, tx.conn.dialect)}
    return tx.conn.exec_driver_sql(statement, _in_order(order, parameters, tx.conn.dialect)).all()


def assign(tx: Tx, table: Table, key: str, ids: Sequence[str], values: Mapping[str, Any]) -> None:
    """Set these columns, to the same values in all rows that have one of these ids."""
    dialect = tx.conn.dialect
    statement, order = _assign(table, key, tuple(values), dialect)
    parameters = {
        name: _converted(table.c[name], [value], dialect)[0] for name, value in values.items()
    }
    parameters |= {"own": tx.connection, "ids": _together(ids, dialect)}
    tx.conn.exec_driver_sql(statement, _in_order(order, parameters, dialect))


def upsert(
    tx: Tx,
    table: Table,
    columns: Mapping[str, Sequence[Any]],
    same: Mapping[str, Any],
    kept: frozenset[str],
) -> None:
    """Insert rows; where a row exists, replace all its columns but those in `kept`.

    A row that already had to be decided about keeps the time since when (`attention_since`).

    Args:
        columns: the values of all rows, by column. JSON may be bytes, as `kept_json` makes them.
        same: the values that all rows have in common, by column.
        kept: columns that an existing row keeps.
    """
    dialect = tx.conn.dialect
    statement, order = _upsert(table, (*columns, *same), kept, dialect)
    by_column: dict[str, Iterable[Any]] = {
        name: _converted(table.c[name], [value], dialect) * len(next(iter(columns.values())))
        for name, value in same.items()
    }
    for name, column in columns.items():
        by_column[name] = _converted(table.c[name], column, dialect)
    values: Any = list(zip(*[by_column[name] for name in order], strict=True))
    if not dialect.positional:
        values = [dict(zip(order, row, strict=True)) for row in values]
    tx.conn.exec_driver_sql(statement, values)


# ── statements ────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=16)
def _find(table: Table, key: str, names: tuple[str, ...], dialect: Dialect) -> Composed:
    columns = [table.c[name] for name in (key, *names)]
    return _composed(select(*columns).where(*_these(table, key, dialect)), (), dialect)


@lru_cache(maxsize=16)
def _assign(table: Table, key: str, names: tuple[str, ...], dialect: Dialect) -> Composed:
    return _composed(update(table).where(*_these(table, key, dialect)), names, dialect)


@lru_cache(maxsize=16)
def _upsert(
    table: Table, names: tuple[str, ...], kept: frozenset[str], dialect: Dialect
) -> Composed:
    insert = (postgresql if dialect.name == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key]
    new = {name: insert.excluded[name] for name in names if name not in {*keys, *kept}}
    new["attention_since"] = func.coalesce(table.c.attention_since, insert.excluded.attention_since)
    return _composed(insert.on_conflict_do_update(index_elements=keys, set_=new), names, dialect)


def _these(table: Table, key: str, dialect: Dialect) -> tuple[ColumnElement[bool], ...]:
    """The rows that have one of the ids which `_together` has put into one parameter."""
    if dialect.name == "postgresql":
        among = table.c[key] == any_(bindparam("ids", type_=ARRAY(PlainText)))
    else:
        ids = Function("json_each", bindparam("ids")).table_valued("value")
        among = table.c[key].in_(select(ids.c.value))
    return table.c.connection == bindparam("own"), among


def _composed(statement: ClauseElement, names: Sequence[str], dialect: Dialect) -> Composed:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), compiled.positiontup if compiled.positional else list(compiled.params)


# ── values, in the driver's form ──────────────────────────────────────────────────────────


def _in_order(order: Sequence[str], values: Mapping[str, Any], dialect: Dialect) -> Any:
    return tuple(values[name] for name in order) if dialect.positional else dict(values)


def _together(ids: Sequence[str], dialect: Dialect) -> Any:
    clean = list(_texts(ids))
    return clean if dialect.name == "postgresql" else orjson.dumps(clean).decode()


def _converted(column: Column[Any], values: Sequence[Any], dialect: Dialect) -> list[Any]:
    if isinstance(column.type, UtcTime) and dialect.name == "sqlite":
        return [_time_text(value) for value in values]
    if isinstance(column.type, PlainText):
        return _texts(values)
    if isinstance(column.type, JSON):
        return [value.decode() if isinstance(value, bytes) else _json(value) for value in values]
    return list(values)


def _texts(values: Sequence[str | None]) -> list[str | None]:
    together = "".join(filter(None, values))
    if together.isascii() and "\x00" not in together:
        return list(values)
    return [None if value is None else plain_text(value) for value in values]


def _json(value: Any) -> str | None:
    return None if value is None else dump_json(value)


def _time_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return f"{utc.isoformat(timespec='microseconds')[:-6]}Z"
