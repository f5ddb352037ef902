"""Correct the mirror's times after this machine's clock was set.

Set back by a day, the clock leaves times in the mirror that lie ahead: a hold that ends tomorrow,
an answer that came tomorrow. Orders would wait until the clock has caught up. `forget_the_future`
brings such times back.

Set ahead by a day, the clock ends waits that have only begun. A record in doubt would be created
again before the CMMS can show the first. `wait_from_now` begins such waits again.

Set either way, the clock changes how old everything seems. `keep_ages` moves the times that tell
how long something has waited, so that freshness is as it was.
"""

from datetime import datetime, timedelta

from sqlalchemy import Table, func, select, update

from syncd.core.case import OPEN_STATES
from syncd.mirror import state
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cmms_records, cycles, intents, parked, s2e_orders, sweeps
from syncd.mirror.side_reads import move_reads

_LONG_AGO = timedelta(days=1)  # so old an observation that no decision relies on it
_LONGEST_WAIT = timedelta(minutes=15)
_LATELY = timedelta(hours=1)  # reads may not show yet a write that ended so shortly before

_LAST_BEGUN = select(func.max(cycles.c.started_at)).where(own(cycles))


def forget_the_future(tx: Tx) -> timedelta | None:
    """Bring every time that lies ahead back to now, if the last cycle began after now.

    Returns:
        By how much the clock was set back, at least; None: it was not.
    """
    last: datetime | None = tx.run(_LAST_BEGUN).scalar_one_or_none()
    if last is None or last <= tx.now:
        return None
    for table in (s2e_orders, cmms_records):
        _bring_back(tx, table, "seen_at", tx.now - _LONG_AGO)
        _bring_back(tx, table, "attention_since", tx.now)
    for name in ("started_at", "answered_at"):
        _bring_back(tx, intents, name, tx.now)
    for table in (cycles, sweeps):
        for name in ("started_at", "ended_at"):
            _bring_back(tx, table, name, tx.now)
    _bring_back(tx, parked, "until", tx.now + _LONGEST_WAIT)
    _bring_back(tx, parked, "since", tx.now)
    move_reads(tx, timedelta(0))
    state.set_state(tx, state.CMMS_FULL_READ_AT, None)
    state.set_state(tx, state.LANES, None)
    return last - tx.now


def wait_from_now(tx: Tx, last: datetime) -> None:
    """Treat open and recent writes as if they had just been sent and answered.

    Args:
        last: a time after which the clock was set ahead.
    """
    is_open = intents.c.state.in_([open_state.value for open_state in OPEN_STATES])
    is_recent = intents.c.started_at > last - _LATELY
    of_connection = intents.c.connection == tx.connection
    for name in ("started_at", "answered_at"):
        statement = update(intents).where(
            of_connection & (is_open | is_recent), intents.c[name].is_not(None)
        )
        tx.conn.execute(statement.values({name: tx.now}))


def keep_ages(tx: Tx, set_by: timedelta) -> None:
    """Move the times since when orders and records wait, and the sides were read, along with the
    clock.

    Args:
        set_by: by how much the clock was set ahead; below zero: back.
    """
    move_reads(tx, set_by)
    before = tx.now - set_by  # nothing that was kept before the clock was set is later than this
    for since in (
        s2e_orders.c.attention_since,
        cmms_records.c.attention_since,
        parked.c.since,
    ):
        here = since.table.c.connection == tx.connection
        waiting = select(since).where(here, since <= before).distinct()
        # In this order no time that was moved is met again and moved twice.
        for moment in sorted(tx.conn.execute(waiting).scalars(), reverse=set_by > timedelta(0)):
            moved = update(since.table).where(here, since == moment)
            tx.conn.execute(moved.values({since.name: moment + set_by}))


def _bring_back(tx: Tx, table: Table, name: str, moment: datetime) -> None:
    """Set a time to `moment` where it lies ahead of both `moment` and now."""
    column = table.c[name]
    ahead = max(moment, tx.now)
    tx.conn.execute(
        update(table)
        .where(table.c.connection == tx.connection, column > ahead)
        .values({name: moment})
    )
