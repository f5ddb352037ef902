"""Holds: writes that are not tried now, and a person's answers to them."""

from sqlalchemy import bindparam, delete, select, update

from syncd.core.case import RELEASED, Hold
from syncd.core.planning.oscillation import OSCILLATION
from syncd.core.planning.unlinked import CREATE_IN_DOUBT, RECREATE, UNLINKED
from syncd.core.work_order import Field, Side
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import parked
from syncd.mirror.intents import give_up_creates

_HOLD = delete(parked).where(
    own(parked),
    parked.c.s2e_id == bindparam("of"),
    parked.c.side == bindparam("held_side"),
    parked.c.field == bindparam("held_field"),
)


def put_hold(tx: Tx, s2e_id: str, hold: Hold) -> None:
    """Keep that a write is not tried now; it replaces an older hold of the same field."""
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
    field = name.value if name is not None else ""
    tx.run(_HOLD, of=s2e_id, held_side=side.value, held_field=field)


def release_holds(tx: Tx, s2e_id: str, name: str | None, *, drop: bool) -> int:
    """A person's answer to what is parked; return how many holds it met.

    Retry forgets the hold, so that the next cycle tries again. Of a create in doubt it says that
    the person has looked, and that there is no such record; of a field that went to and fro, that
    it may be written once more. Drop keeps it as `dropped`: the same
    value is never tried again and no longer counts as parked.
    """
    # What a person has said about the link is not parked, and stays.
    about_link = parked.c.reason.in_((UNLINKED, RECREATE))
    here = [parked.c.connection == tx.connection, parked.c.s2e_id == s2e_id, ~about_link]
    if name is not None:
        here.append(parked.c.field == name)
    if drop:
        values = {"reason": "dropped", "until": None}
        return int(tx.conn.execute(update(parked).where(*here).values(**values)).rowcount)
    mark_attention(tx, [s2e_id])
    doubted = select(parked.c.id).where(*here, parked.c.reason == CREATE_IN_DOUBT)
    if tx.conn.execute(doubted).first() is not None:
        give_up_creates(tx, s2e_id)
    swinging = update(parked).where(*here, parked.c.reason == OSCILLATION)
    again = tx.conn.execute(swinging.values(reason=RELEASED, until=tx.now)).rowcount
    gone = tx.conn.execute(delete(parked).where(*here, parked.c.reason != RELEASED)).rowcount
    return int(again + gone)
