"""What becomes of the mirror's times after this machine's clock was set.

Set back, it leaves waits that end tomorrow and answers that came an hour from now: nothing of it
can be compared with what is read from now on, and an order would wait until the clock has caught
up. Set ahead, it ends waits that have only begun: a record would be created again before the CMMS
can show the first.
"""

from datetime import datetime, timedelta

from sqlalchemy import Table, func, select, update

from syncd.core.case import OPEN_STATES
from syncd.mirror import state
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cmms_records, cycles, intents, parked, s2e_orders, sweeps

_LONG_AGO = timedelta(days=1)  # an observation so old is the ground of nothing
_LONGEST_WAIT = timedelta(minutes=15)
_LATELY = timedelta(hours=1)  # before the clock was set, a write that reads may still not show


_LAST_BEGUN = select(func.max(cycles.c.started_at)).where(own(cycles))


def forget_the_future(tx: Tx) -> timedelta | None:
    """Bring every time that lies ahead back to now, if the last cycle began after now.

    Returns by how much the clock was set back, at least; None if it was not.
    """
    last: datetime | None = tx.run(_LAST_BEGUN).scalar_one_or_none()
    if last is None or last <= tx.now:
        return None
    for table in (s2e_orders, cmms_records):
        _bring_back(tx, table, "seen_at", tx.now - _LONG_AGO)
        _bring_back(tx, table, "look_since", tx.now)
    for name in ("started_at", "answered_at"):
        _bring_back(tx, intents, name, tx.now)
    for table in (cycles, sweeps):
        for name in ("started_at", "ended_at"):
            _bring_back(tx, table, name, tx.now)
    _bring_back(tx, parked, "until", tx.now + _LONGEST_WAIT)
    state.set_state(tx, state.CMMS_FULL_READ_AT, None)
    state.set_state(tx, state.LANES, None)
    return last - tx.now


def wait_from_now(tx: Tx, last: datetime) -> None:
    """The clock was set ahead after `last`: what has become of a write is asked from now on, as
    if it had just been sent and answered."""
    open_now = intents.c.state.in_([each.value for each in OPEN_STATES])
    lately = intents.c.started_at > last - _LATELY
    own = (intents.c.connection == tx.connection) & (open_now | lately)
    for name in ("started_at", "answered_at"):
        there = intents.c[name].is_not(None)
        tx.conn.execute(update(intents).where(own, there).values({name: tx.now}))


def _bring_back(tx: Tx, table: Table, name: str, moment: datetime) -> None:
    column = table.c[name]
    ahead = max(moment, tx.now)
    tx.conn.execute(
        update(table)
        .where(table.c.connection == tx.connection, column > ahead)
        .values({name: moment})
    )
