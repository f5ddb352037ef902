"""What the mirror holds from the future, after this machine's clock was set back.

A wait that ends tomorrow, an answer that came an hour from now: nothing of it can be compared
with what is read from now on, and an order would wait until the clock has caught up.
"""

from datetime import datetime, timedelta

from sqlalchemy import Table, func, select, update

from syncd.mirror import state
from syncd.mirror.database import Tx, own
from syncd.mirror.tables import cmms_records, cycles, intents, parked, s2e_orders, sweeps

_LONG_AGO = timedelta(days=1)  # an observation so old is the ground of nothing
_LONGEST_WAIT = timedelta(minutes=15)


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


def _bring_back(tx: Tx, table: Table, name: str, moment: datetime) -> None:
    column = table.c[name]
    ahead = max(moment, tx.now)
    tx.conn.execute(
        update(table)
        .where(table.c.connection == tx.connection, column > ahead)
        .values({name: moment})
    )
