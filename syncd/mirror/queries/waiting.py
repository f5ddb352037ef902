"""What waits for a person: conflicts and guards; what is parked: `held.py`. And what fails."""

from typing import Any

from sqlalchemy import bindparam, func, select

from syncd.core.case import IntentState
from syncd.mirror.db.columns import UtcTime
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import conflicts, guards, parked
from syncd.mirror.queries.rows import list_rows

CONFLICT_WAITS = (conflicts.c.winner.is_(None), conflicts.c.resolved_at.is_(None))


_FAILING = select(func.count()).where(
    own(parked),
    parked.c.until > bindparam("now", type_=UtcTime),
    parked.c.reason == IntentState.NOT_APPLIED.value,
)


def count_failing(tx: Tx) -> int:
    """How many writes have failed and are tried again by themselves later."""
    return int(tx.run(_FAILING, now=tx.now).scalar_one())


def guard_list(tx: Tx) -> list[dict[str, Any]]:
    """The guards that wait for a person."""
    return list_rows(tx, guards, guards.c.released_at.is_(None), guards.c.spent_at.is_(None))


def conflict_list(tx: Tx, *, every: bool = False) -> list[dict[str, Any]]:
    """The conflicts that wait for a person; with `every`, also those that are over."""
    return list_rows(tx, conflicts, *(() if every else CONFLICT_WAITS))
