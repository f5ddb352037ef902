"""What the mirror can tell somebody who was not there: for a support case.

Lines as they are kept, newest last, still with all values in them. Nothing here is fit to be sent
to anybody; `syncd/jobs/support.py` takes out what is nobody's business.
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
    """The last lines of the journal."""
    return _newest(tx, journal, limit)


def recent_writes(tx: Tx, limit: int) -> list[dict[str, Any]]:
    """The last writes, with the request ids by which Scan2Evolve knows them."""
    return _newest(tx, intents, limit)


def recent_sweeps(tx: Tx, limit: int) -> list[dict[str, Any]]:
    return _newest(tx, sweeps, limit)


def recent_cycles(tx: Tx, limit: int) -> list[dict[str, Any]]:
    rows = select(cycles).where(cycles.c.connection == tx.connection)
    found = tx.conn.execute(rows.order_by(cycles.c.started_at.desc()).limit(limit))
    return [_plain(row) for row in found][::-1]


def holds(tx: Tx, limit: int) -> list[dict[str, Any]]:
    return _newest(tx, parked, limit)


def people_of(tx: Tx, s2e_ids: Collection[str]) -> set[str]:
    """Names and e-mail addresses that these orders and their records hold."""
    found: set[str] = set()
    for ids in chunks(s2e_ids):
        raws = select(s2e_orders.c.raw).where(
            s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id.in_(ids)
        )
        for raw in tx.conn.execute(raws).scalars():
            found.update(_people(raw))
        typed = select(cmms_records.c.assigned_to, cmms_records.c.created_by).where(
            cmms_records.c.connection == tx.connection, cmms_records.c.s2e_id.in_(ids)
        )
        for row in tx.conn.execute(typed):
            found.update(str(value) for value in row if value)
    return found


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
    rows = select(table).where(table.c.connection == tx.connection)
    found = tx.conn.execute(rows.order_by(table.c.id.desc()).limit(limit))
    return [_plain(row) for row in found][::-1]


def _plain(row: Any) -> dict[str, Any]:
    told = row._mapping.items()
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in told
        if key != "connection" and value is not None
    }
