"""Guards: plans that are refused until a person lets them through.

latched    a plan was over the limit; writing waits           `latch_guard`
released   a person lets plans through, up to that count      `release_guard`
spent      plans are within the limit again, or the release   `spend_guard`
           was replaced; the next plan over the limit latches a new guard
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update

from syncd.core.planning.guards import Guard, Latch
from syncd.core.work_order import Side
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import guards
from syncd.mirror.state import FIRST_SYNC_OVER, set_state


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """The guards of a connection, as far as they bear on the next plan.

    Attributes:
        latched: the guards that wait for a person.
        released: per guard, the largest count that a person has let through.
    """

    latched: set[tuple[Guard, Side | None]] = field(default_factory=set)
    released: dict[tuple[Guard, Side | None], int] = field(default_factory=dict)


_GUARDS = select(guards).where(own(guards), guards.c.spent_at.is_(None))


def guard_facts(tx: Tx) -> GuardFacts:
    """The guards that wait, and the releases that still count."""
    facts = GuardFacts()
    for row in tx.run(_GUARDS):
        key = (Guard(row.guard), Side(row.side) if row.side else None)
        if row.released_at is None:
            facts.latched.add(key)
        else:
            facts.released[key] = max(facts.released.get(key, 0), row.counted)
    return facts


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


def release_guard(tx: Tx, guard: str | None) -> list[str]:
    """Let refused plans through, on a person's word, up to the count that each guard names.

    A guard against 404s has no plan to let through, and so it is spent at once.

    Args:
        guard: only guards of this name; None: all that wait.

    Returns:
        The names of the released guards.
    """
    here = [
        guards.c.connection == tx.connection,
        guards.c.released_at.is_(None),
        guards.c.spent_at.is_(None),
    ]
    if guard is not None:
        here.append(guards.c.guard == guard)
    names = list(tx.conn.execute(select(guards.c.guard).where(*here)).scalars())
    tx.conn.execute(update(guards).where(*here).values(released_at=tx.now))
    if Guard.NOT_FOUND.value in names:
        spend_guard(tx, Guard.NOT_FOUND, None)
    if Guard.FIRST_SYNC.value in names:
        set_state(tx, FIRST_SYNC_OVER, True)  # creations are no longer counted
    return names


def spend_guard(tx: Tx, guard: Guard, side: Side | None) -> None:
    """End the release of a guard, so that the next plan over the limit is refused again."""
    here = _guard(tx, guard, side)
    released = (*here, guards.c.released_at.is_not(None), guards.c.spent_at.is_(None))
    tx.conn.execute(update(guards).where(*released).values(spent_at=tx.now))


def _guard(tx: Tx, guard: Guard, side: Side | None) -> tuple[Any, ...]:
    return (
        guards.c.connection == tx.connection,
        guards.c.guard == guard.value,
        guards.c.side == (side.value if side is not None else ""),
    )
