"""What waits for a person: parked writes, conflicts and guards."""

from typing import Any

from sqlalchemy import bindparam, func, or_, select

from syncd.core.case import FORBIDDEN, IntentState
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from syncd.mirror.db.columns import UtcTime
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import conflicts, guards, parked
from syncd.mirror.queries.rows import list_rows

_ANSWERED = ("dropped", UNLINKED, RECREATE)
# A hold for want of access (403) is tried again by itself, but it takes a person to give access.
HOLD_WAITS = (
    or_(parked.c.until.is_(None), parked.c.reason == FORBIDDEN),
    parked.c.reason.not_in(_ANSWERED),
)
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


def parked_list(tx: Tx) -> list[dict[str, Any]]:
    """The parked writes that wait for a person."""
    return list_rows(tx, parked, *HOLD_WAITS)


def conflict_list(tx: Tx, *, every: bool = False) -> list[dict[str, Any]]:
    """The conflicts that wait for a person; with `every`, also those that are over."""
    return list_rows(tx, conflicts, *(() if every else CONFLICT_WAITS))
