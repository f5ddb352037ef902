"""Guards: plans that are refused until a person lets them through.

latched    a plan was over the limit; writing waits           `latch_guard`
released   a person lets plans through, up to that count      `answers.release_guard`
spent      plans are within the limit again, or the release   `spend_guard`
           was replaced; the next plan over the limit latches a new guard
spent      what it waited for is over                         `unlatch_guard`
"""

from typing import Any

from sqlalchemy import select, update

from syncd.core.planning.guards import Guard, Latch
from syncd.core.work_order import Side
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import guards


def latch_guard(tx: Tx, latch: Latch) -> bool:
    """Keep that a plan was refused. False: this guard waits already.

    A guard that waits takes over a larger count.
    """
    here = _guard(tx, latch.guard, latch.side)
    waits = (*here, guards.c.released_at.is_(None), guards.c.spent_at.is_(None))
    known = tx.conn.execute(select(guards.c.id, guards.c.counted).where(*waits)).one_or_none()
    if known is not None:
        if latch.count > known.counted:
            values = {"counted": latch.count, "allowed": latch.limit, "detail": latch.detail}
            tx.conn.execute(update(guards).where(guards.c.id == known.id).values(**values))
        return False
    spend_guard(tx, latch.guard, latch.side)
    tx.insert(
        guards,
        guard=latch.guard.value,
        side=latch.side.value if latch.side is not None else "",
        counted=latch.count,
        allowed=latch.limit,
        detail=latch.detail,
        latched_at=tx.now,
    )
    return True


def spend_guard(tx: Tx, guard: Guard, side: Side | None) -> None:
    """End the release of a guard, so that the next plan over the limit is refused again."""
    here = _guard(tx, guard, side)
    released = (*here, guards.c.released_at.is_not(None), guards.c.spent_at.is_(None))
    tx.conn.execute(update(guards).where(*released).values(spent_at=tx.now))


def unlatch_guard(tx: Tx, guard: Guard, side: Side | None) -> None:
    """End the guard, whether it waits or was released: its cause is over."""
    here = (*_guard(tx, guard, side), guards.c.spent_at.is_(None))
    tx.conn.execute(update(guards).where(*here).values(spent_at=tx.now))


def _guard(tx: Tx, guard: Guard, side: Side | None) -> tuple[Any, ...]:
    return (
        guards.c.connection == tx.connection,
        guards.c.guard == guard.value,
        guards.c.side == (side.value if side is not None else ""),
    )
