"""The counts that the guards judge a plan by."""

from datetime import datetime, timedelta

from sqlalchemy import select

from syncd.core.planning.guards import Guard, GuardCounts
from syncd.core.work_order import Side
from syncd.mirror import links, state
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import guards
from syncd.mirror.intents import recent_writes

_HOUR = timedelta(hours=1)  # the window of the guard against dangerous changes
_GUARDS = select(guards).where(own(guards), guards.c.spent_at.is_(None))


def load_counts(tx: Tx, now: datetime) -> GuardCounts:
    """What is linked, created and written lately, and which guards wait or were released."""
    latched: set[tuple[Guard, Side | None]] = set()
    allowed: dict[tuple[Guard, Side | None], int] = {}
    for row in tx.run(_GUARDS):
        key = (Guard(row.guard), Side(row.side) if row.side else None)
        if row.released_at is None:
            latched.add(key)
        else:
            allowed[key] = max(allowed.get(key, 0), row.counted)
    return GuardCounts(
        linked=links.linked_count(tx),
        first_sync_open=not state.get_state(tx, state.FIRST_SYNC_OVER),
        created=links.created_count(tx),
        latched=frozenset(latched),
        allowed=allowed,
        recent={side: recent_writes(tx, side, now - _HOUR) for side in Side},
    )
