"""The newest lines of the mirror, for a support case.

They come as they are kept, newest last, with all values in them. They must not leave the machine
like this: `syncd/jobs/support.py` takes out the values that are confidential.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select

from syncd.mirror.db.bulk import chunks
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import (
    cmms_records,
    cycles,
    intents,
    journal,
    parked,
    s2e_orders,
    sweeps,
)

_PEOPLE = ("assignedTo", "createdBy")  # objects with a name and an e-mail address
_GROUP = "assignedToGroup"


def recent_lines(tx: Tx, limit: int) -> list[dict[str, Any]]:
    """The newest lines of the journal."""
    return _newest(tx, journal, limit)


def recent_writes(tx: Tx, limit: int) -> list[dict[str, Any]]:
    """The newest writes, with the request ids by which the written side knows them."""
    return _newest(tx, intents, limit)


def recent_sweeps(tx: Tx, limit: int) -> list[dict[str, Any]]:
    return _newest(tx, sweeps, limit)


def recent_cycles(tx: Tx, limit: int) -> list[dict[str, Any]]:
    statement = select(cycles).where(cycles.c.connection == tx.connection)
    rows = tx.conn.execute(statement.order_by(cycles.c.started_at.desc()).limit(limit))
    return [_plain(row) for row in rows][::-1]


def holds(tx: Tx, limit: int) -> list[dict[str, Any]]:
    return _newest(tx, parked, limit)


def people_of(tx: Tx, s2e_ids: Collection[str]) -> set[str]:
    """The names and e-mail addresses of people that these orders and their records hold."""
    people: set[str] = set()
    for ids in chunks(s2e_ids):
        raws = select(s2e_orders.c.raw).where(
            s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id.in_(ids)
        )
        for raw in tx.conn.execute(raws).scalars():
            people.update(_people(raw))
        typed = select(cmms_records.c.assigned_to, cmms_records.c.created_by).where(
            cmms_records.c.connection == tx.connection, cmms_records.c.s2e_id.in_(ids)
        )
        for row in tx.conn.execute(typed):
            people.update(str(value) for value in row if value)
    return people


def _people(raw: Any) -> Iterator[str]:
    if not isinstance(raw, dict):
        return
    for key in (*_PEOPLE, _GROUP):
        person = raw.get(key)
        if isinstance(person, dict):
            yield from (str(person[k]) for k in ("name", "email") if person.get(k))
        elif isinstance(person, str):
            yield person
    tasks = raw.get("tasks")
    for task in tasks if isinstance(tasks, list) else ():
        yield from _people(task)


def _newest(tx: Tx, table: Table, limit: int) -> list[dict[str, Any]]:
    statement = select(table).where(table.c.connection == tx.connection)
    rows = tx.conn.execute(statement.order_by(table.c.id.desc()).limit(limit))
    return [_plain(row) for row in rows][::-1]


def _plain(row: Any) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in row._mapping.items()
        if key != "connection" and value is not None
    }
