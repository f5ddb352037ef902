"""What waits for a person: parked writes, conflicts and guards."""

from typing import Any

from sqlalchemy import or_

from syncd.core.case import FORBIDDEN
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import conflicts, guards, parked
from syncd.mirror.queries.rows import list_rows

_NOT_WAITING = ("dropped", UNLINKED, RECREATE)
HOLD_WAITS = (
    or_(parked.c.until.is_(None), parked.c.reason == FORBIDDEN),
    parked.c.reason.not_in(_NOT_WAITING),
)
CONFLICT_WAITS = (conflicts.c.winner.is_(None), conflicts.c.resolved_at.is_(None))


def guard_list(tx: Tx) -> list[dict[str, Any]]:
    """The guards that wait for a person."""
    return list_rows(tx, guards, guards.c.released_at.is_(None), guards.c.spent_at.is_(None))


def parked_list(tx: Tx) -> list[dict[str, Any]]:
    return list_rows(tx, parked, *HOLD_WAITS)


def conflict_list(tx: Tx, *, every: bool = False) -> list[dict[str, Any]]:
    """Conflicts that wait for a person; with `every`, the whole log with its losing values."""
    return list_rows(tx, conflicts, *(() if every else CONFLICT_WAITS))
