"""What is held, and what of that is parked: the one definition, for all lists and counts.

state      which holds                               what ends it
────────   ───────────────────────────────────────   ─────────────────────────────────────────
answered   `dropped`, `released`, and a person's     another value; another answer
           answer about the link
parked     those without a time, and those for       a person, a setting, or another value;
           want of access                            access is also tried again by itself
again      those with a time                         the write is tried again then, by itself
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from syncd.core.case import DROPPED, FORBIDDEN, RELEASED
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import parked
from syncd.mirror.queries.rows import list_rows

_ANSWERS = (DROPPED, RELEASED, UNLINKED, RECREATE)
_IS_ANSWER = parked.c.reason.in_(_ANSWERS)
_HAS_NO_TIME = or_(parked.c.until.is_(None), parked.c.reason == FORBIDDEN)
PARKED = and_(~_IS_ANSWER, _HAS_NO_TIME)
TRIED_AGAIN = and_(~_IS_ANSWER, ~_HAS_NO_TIME)


def parked_list(tx: Tx) -> list[dict[str, Any]]:
    """The parked writes, which wait for a person, a setting or another value."""
    return _with_states(list_rows(tx, parked, PARKED))


def parked_fields(tx: Tx, reason: str) -> dict[str, int]:
    """How many orders have each field parked for this reason."""
    counted = select(parked.c.field, func.count()).where(
        parked.c.connection == tx.connection, parked.c.reason == reason, PARKED
    )
    rows = tx.conn.execute(counted.group_by(parked.c.field).order_by(parked.c.field))
    return {field: int(orders) for field, orders in rows}


def held_list(tx: Tx, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    """All that is held, each with its `state`; `until` is when it is tried again."""
    return _with_states(list_rows(tx, parked, *conditions))


def _with_states(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "state": _state_of(row)} for row in rows]


def _state_of(row: Mapping[str, Any]) -> str:
    if row["reason"] in _ANSWERS:
        return "answered"
    return "parked" if row["until"] is None or row["reason"] == FORBIDDEN else "again"
