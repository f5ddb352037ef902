"""Guards: plans that are refused until a person lets them through."""

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
    """Guards that wait, and per guard the count that a person has released."""

    latched: set[tuple[Guard, Side | None]] = field(default_factory=set)
    released: dict[tuple[Guard, Side | None], int] = field(default_factory=dict)


_GUARDS = select(guards).where(own(guards), guards.c.spent_at.is_(None))


def guard_facts(tx: Tx) -> GuardFacts:
    facts = GuardFacts()
    rows = tx.run(_GUARDS)
    for row in rows:
        key = (Guard(row.guard), Side(row.side) if row.side else None)
        if row.released_at is None:
            facts.latched.add(key)
        else:
            facts.released[key] = max(facts.released.get(key, 0), row.counted)
    return facts


def latch_guard(tx: Tx, latch: Latch) -> bool:
    """Keep that a plan was refused. False: this guard waits already, and now names this count."""
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
    """A person lets the refused plan through, up to the count it named; return the guards.

    Guards against 404s have nothing to let through: they are over once released.
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
    """A released guard is no longer needed: the next plan over the limit latches anew."""
    here = _guard(tx, guard, side)
    used = (*here, guards.c.released_at.is_not(None), guards.c.spent_at.is_(None))
    tx.conn.execute(update(guards).where(*used).values(spent_at=tx.now))


def _guard(tx: Tx, guard: Guard, side: Side | None) -> tuple[Any, ...]:
    return (
        guards.c.connection == tx.connection,
        guards.c.guard == guard.value,
        guards.c.side == (side.value if side is not None else ""),
    )
