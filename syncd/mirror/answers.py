"""A person's answers to what waits: holds, conflicts and guards (links: `link_answers.py`).

They are rows that the holder of the lease reads in its next cycle, and need no lease.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select, update

from syncd.core.case import DROPPED, RELEASED
from syncd.core.planning.guards import Guard
from syncd.core.planning.oscillation import OSCILLATION
from syncd.core.planning.unlinked import CREATE_IN_DOUBT
from syncd.core.work_order import Field, Side
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import guards, parked
from syncd.mirror.decided.conflicts import OPEN_CONFLICT
from syncd.mirror.decided.guards import spend_guard
from syncd.mirror.intents import give_up_creates
from syncd.mirror.queries.held import PARKED, TRIED_AGAIN
from syncd.mirror.state import FIRST_SYNC_OVER, set_state


def release_holds(
    tx: Tx, s2e_id: str, name: str | None, *, drop: bool, reason: str | None = None
) -> int:
    """Act on a person's answer to the holds of an order; return how many it concerned.

    Retry forgets the holds, so that the next cycle tries again. Two holds mean more:

        a create in doubt             the person has checked that there is no such record
        a field that went to and fro  it may be written once more

    Drop keeps the holds as `dropped`: the same value is never tried again, and they no longer
    count as parked.

    It concerns what is parked (`queries/held.py`), and nothing that the person was not shown. A
    retry also brings forward what is tried again by itself, and where neither is there, it takes
    back what was dropped. A drop that names the field gives up what is tried again by itself.

    Args:
        name: only the hold of this field; "" is that of the whole order; None: all holds.
        drop: drop; otherwise retry.
        reason: only what is parked for this reason; None: for any.
    """
    here = [parked.c.connection == tx.connection, parked.c.s2e_id == s2e_id]
    if name is not None:
        here.append(parked.c.field == name)
    choices: list[ColumnElement[bool]] = [PARKED | TRIED_AGAIN, parked.c.reason == DROPPED]
    if reason is not None:
        choices = [PARKED & (parked.c.reason == reason)]
    elif drop:
        choices = [PARKED] if name is None else [PARKED, TRIED_AGAIN]
    for chosen in choices:
        if count := _answer_holds(tx, s2e_id, [*here, chosen], drop=drop):
            return count
    return 0


def _answer_holds(tx: Tx, s2e_id: str, here: Sequence[ColumnElement[bool]], *, drop: bool) -> int:
    if drop:
        values = {"reason": DROPPED, "until": None}
        return int(tx.conn.execute(update(parked).where(*here).values(**values)).rowcount)
    mark_attention(tx, [s2e_id])
    in_doubt = select(parked.c.id).where(*here, parked.c.reason == CREATE_IN_DOUBT)
    if tx.conn.execute(in_doubt).first() is not None:
        give_up_creates(tx, s2e_id)
    deleted = tx.conn.execute(delete(parked).where(*here, parked.c.reason != OSCILLATION)).rowcount
    oscillating = update(parked).where(*here, parked.c.reason == OSCILLATION)
    released = tx.conn.execute(oscillating.values(reason=RELEASED, until=tx.now)).rowcount
    return int(released + deleted)


def answer_conflict(tx: Tx, s2e_id: str, name: Field, side: Side) -> bool:
    """Keep a person's choice for the next cycle. False: no such conflict waits."""
    result = tx.run(OPEN_CONFLICT, of=s2e_id, named=name.value, answer=side.value)
    return bool(result.rowcount)


def release_guard(tx: Tx, guard: str | None) -> list[str]:
    """Let refused plans through, on a person's word, up to the count that each guard names.

    A guard against 404s has no plan to let through, and so it is spent at once.

    Args:
        guard: only guards of this name; None: all that wait but MEANING. That one asks another
            question, and its name has to be given.

    Returns:
        The names of the released guards.
    """
    here = [
        guards.c.connection == tx.connection,
        guards.c.released_at.is_(None),
        guards.c.spent_at.is_(None),
    ]
    here.append(guards.c.guard != Guard.MEANING if guard is None else guards.c.guard == guard)
    names = list(tx.conn.execute(select(guards.c.guard).where(*here)).scalars())
    tx.conn.execute(update(guards).where(*here).values(released_at=tx.now))
    if Guard.NOT_FOUND.value in names:
        spend_guard(tx, Guard.NOT_FOUND, None)
    if Guard.FIRST_SYNC.value in names:
        set_state(tx, FIRST_SYNC_OVER, True)  # creations are no longer counted
    return names
