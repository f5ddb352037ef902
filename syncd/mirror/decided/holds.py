"""Holds: writes that are not tried now.

The table is called `parked`. A hold without `until` is parked: it stays until a person answers or
the value to write changes. Two reasons are no writes at all but a person's answers about the link,
UNLINKED and RECREATE; link_answers.py puts them.
"""

from collections.abc import Collection

from sqlalchemy import bindparam, delete, select

from syncd.core.case import Hold
from syncd.core.work_order import Field, Side
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import parked

_OLDER = select(parked.c.value, parked.c.since).where(
    own(parked),
    parked.c.s2e_id == bindparam("of"),
    parked.c.side == bindparam("held_side"),
    parked.c.field == bindparam("held_field"),
)
_LIFT = delete(parked).where(
    own(parked),
    parked.c.s2e_id == bindparam("of"),
    parked.c.side == bindparam("held_side"),
    parked.c.field == bindparam("held_field"),
)


def put_hold(tx: Tx, s2e_id: str, hold: Hold) -> None:
    """Keep a hold in the place of an older one of the same side and field; of the same value it is
    held since then."""
    field = hold.field.value if hold.field is not None else ""
    older = tx.run(_OLDER, of=s2e_id, held_side=hold.side.value, held_field=field).one_or_none()
    same = older is not None and older.value == hold.value
    lift_hold(tx, s2e_id, hold.side, hold.field)
    tx.insert(
        parked,
        s2e_id=s2e_id,
        side=hold.side.value,
        field=field,
        reason=hold.reason,
        value=hold.value,
        tries=hold.tries,
        until=hold.until,
        detail=hold.detail,
        since=older.since if older is not None and same else tx.now,
    )


def retry_holds(tx: Tx, side: Side, reasons: Collection[str]) -> None:
    """Forget the holds of this side that have one of these reasons, of all orders."""
    here = (parked.c.connection == tx.connection, parked.c.side == side.value)
    tx.conn.execute(delete(parked).where(*here, parked.c.reason.in_(reasons)))


def lift_hold(tx: Tx, s2e_id: str, side: Side, name: Field | None) -> None:
    """Forget the hold of this side and field, if there is one. None: of the whole order."""
    field = name.value if name is not None else ""
    tx.run(_LIFT, of=s2e_id, held_side=side.value, held_field=field)
