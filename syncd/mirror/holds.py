"""Holds: writes that are not tried now, and a person's answers to them.

The table is called `parked`. A hold without `until` is parked: it stays until a person answers or
the value to write changes. Two reasons are no writes at all but a person's answers about the link,
UNLINKED and RECREATE; link_answers.py puts them.
"""

from sqlalchemy import bindparam, delete, select, update

from syncd.core.case import RELEASED, Hold
from syncd.core.planning.oscillation import OSCILLATION
from syncd.core.planning.unlinked import CREATE_IN_DOUBT, RECREATE, UNLINKED
from syncd.core.work_order import Field, Side
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import parked
from syncd.mirror.intents import give_up_creates

_LIFT = delete(parked).where(
    own(parked),
    parked.c.s2e_id == bindparam("of"),
    parked.c.side == bindparam("held_side"),
    parked.c.field == bindparam("held_field"),
)


def put_hold(tx: Tx, s2e_id: str, hold: Hold) -> None:
    """Keep a hold in the place of an older one of the same side and field."""
    lift_hold(tx, s2e_id, hold.side, hold.field)
    tx.insert(
        parked,
        s2e_id=s2e_id,
        side=hold.side.value,
        field=hold.field.value if hold.field is not None else "",
        reason=hold.reason,
        value=hold.value,
        tries=hold.tries,
        until=hold.until,
        detail=hold.detail,
        since=tx.now,
    )


def lift_hold(tx: Tx, s2e_id: str, side: Side, name: Field | None) -> None:
    """Forget the hold of this side and field, if there is one. None: of the whole order."""
    field = name.value if name is not None else ""
    tx.run(_LIFT, of=s2e_id, held_side=side.value, held_field=field)


def release_holds(tx: Tx, s2e_id: str, name: str | None, *, drop: bool) -> int:
    """Act on a person's answer to the holds of an order; return how many it concerned.

    Retry forgets the holds, so that the next cycle tries again. Two holds mean more:

        a create in doubt             the person has checked that there is no such record
        a field that went to and fro  it may be written once more

    Drop keeps the holds as `dropped`: the same value is never tried again, and they no longer
    count as parked.

    Args:
        name: only the hold of this field; "" is that of the whole order; None: all holds.
        drop: drop; otherwise retry.
    """
    # A person's answers about the link are not parked, and stay.
    about_link = parked.c.reason.in_((UNLINKED, RECREATE))
    here = [parked.c.connection == tx.connection, parked.c.s2e_id == s2e_id, ~about_link]
    if name is not None:
        here.append(parked.c.field == name)
    if drop:
        values = {"reason": "dropped", "until": None}
        return int(tx.conn.execute(update(parked).where(*here).values(**values)).rowcount)
    mark_attention(tx, [s2e_id])
    in_doubt = select(parked.c.id).where(*here, parked.c.reason == CREATE_IN_DOUBT)
    if tx.conn.execute(in_doubt).first() is not None:
        give_up_creates(tx, s2e_id)
    oscillating = update(parked).where(*here, parked.c.reason == OSCILLATION)
    released = tx.conn.execute(oscillating.values(reason=RELEASED, until=tx.now)).rowcount
    deleted = tx.conn.execute(delete(parked).where(*here, parked.c.reason != RELEASED)).rowcount
    return int(released + deleted)
