"""A clock that was set: nothing waits for a time that is a day away, and ages stay as they are."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from syncd.core.case import Hold, IntentKind, IntentState, Write
from syncd.core.order_json import OrderJson
from syncd.core.work_order import Field, Side
from syncd.mirror import observations, state
from syncd.mirror.clock_jumps import forget_the_future, keep_ages, wait_from_now
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.tables import intents, parked, s2e_orders
from syncd.mirror.decided.holds import put_hold
from syncd.mirror.intents import finish_intent, start_intent
from syncd.mirror.queries.status import waiting_s
from tests.conftest import Clock

DAY = timedelta(days=1)


def a_day_ahead(mirror: Mirror, clock: Clock) -> datetime:
    """A mirror that was filled while the clock was a day ahead; the right time."""
    now = clock.now
    clock.now = now + DAY
    with mirror.transaction() as tx:
        state.start_cycle(tx, "c1")
        order = OrderJson("wo_1", {"id": "wo_1", "syncStatus": "PENDING"})
        observations.save_s2e(tx, [order], seen_at=tx.now)
        write = {Field.ROOT_CAUSE: Write(None, "a", "a")}
        start_intent(
            tx,
            s2e_id="wo_1",
            cmms_id=None,
            side=Side.S2E,
            kind=IntentKind.UPDATE,
            writes=write,
            last_synced_before=None,
            cycle_id="c1",
            token=1,
        )
        until = tx.now + timedelta(minutes=5)
        put_hold(tx, "wo_1", Hold(Side.S2E, Field.ROOT_CAUSE, "ignored", "a", 1, until))
        state.set_moment(tx, state.CMMS_FULL_READ_AT, tx.now)
    clock.now = now
    return now


def test_times_that_lie_ahead_are_brought_back(mirror: Mirror, clock: Clock) -> None:
    now = a_day_ahead(mirror, clock)
    with mirror.transaction() as tx:
        assert forget_the_future(tx) == DAY
        seen_at = tx.conn.execute(select(s2e_orders.c.seen_at)).scalar_one()
        assert seen_at <= now - DAY  # the ground of nothing: it is read again first
        assert tx.conn.execute(select(intents.c.started_at)).scalar_one() == now
        assert tx.conn.execute(select(parked.c.until)).scalar_one() <= now + timedelta(minutes=15)
        assert tx.conn.execute(select(parked.c.since)).scalar_one() == now
        assert state.get_moment(tx, state.CMMS_FULL_READ_AT) is None


def test_it_is_said_once(mirror: Mirror, clock: Clock) -> None:
    a_day_ahead(mirror, clock)
    with mirror.transaction() as tx:
        assert forget_the_future(tx) is not None
        assert forget_the_future(tx) is None


def test_a_clock_that_goes_on_changes_nothing(mirror: Mirror, clock: Clock) -> None:
    now = a_day_ahead(mirror, clock)
    clock.now = now + DAY
    with mirror.transaction() as tx:
        assert forget_the_future(tx) is None
        assert tx.conn.execute(select(s2e_orders.c.seen_at)).scalar_one() == now + DAY


def test_after_a_jump_ahead_open_writes_wait_from_now_on(mirror: Mirror, clock: Clock) -> None:
    now = a_day_ahead(mirror, clock)
    times = select(intents.c.started_at, intents.c.answered_at)
    for days, answered in ((3, False), (4, True)):
        clock.now = now + days * DAY
        with mirror.transaction() as tx:
            wait_from_now(tx, now + (days - 1) * DAY)
            row = tx.conn.execute(times).one()
            assert row.started_at == clock.now
            assert row.answered_at == (clock.now if answered else None)
            intent = tx.conn.execute(select(intents.c.id)).scalar_one()
            finish_intent(tx, intent, IntentState.ANSWERED)


def test_after_a_jump_ahead_what_was_written_long_ago_stays(mirror: Mirror, clock: Clock) -> None:
    now = a_day_ahead(mirror, clock)
    clock.now = now + 3 * DAY
    with mirror.transaction() as tx:
        intent = tx.conn.execute(select(intents.c.id)).scalar_one()
        finish_intent(tx, intent, IntentState.CONFIRMED)
        wait_from_now(tx, now + 2 * DAY)
        assert tx.conn.execute(select(intents.c.started_at)).scalar_one() == now + DAY


@pytest.mark.parametrize("set_by", [DAY, -DAY, timedelta(minutes=20), timedelta(minutes=-20)])
def test_what_waits_has_waited_as_long_as_before(
    mirror: Mirror, clock: Clock, set_by: timedelta
) -> None:
    """Three orders have waited for 60, 40 and 20 minutes: no time is moved twice."""
    for number in range(1, 4):
        with mirror.transaction() as tx:
            order = OrderJson(f"wo_{number}", {"id": f"wo_{number}"})
            observations.save_s2e(tx, [order], seen_at=tx.now)
        clock.pass_(20 * 60)
    clock.now += set_by
    with mirror.transaction() as tx:
        keep_ages(tx, set_by)
        rows = tx.conn.execute(select(s2e_orders.c.s2e_id, s2e_orders.c.attention_since))
        minutes = {row.s2e_id: (clock.now - row.attention_since) / DAY * 24 * 60 for row in rows}
    assert minutes == {"wo_1": 60, "wo_2": 40, "wo_3": 20}


@pytest.mark.parametrize("set_by", [DAY, -DAY])
def test_a_write_in_back_off_is_as_old_as_before(
    mirror: Mirror, clock: Clock, set_by: timedelta
) -> None:
    """Set ahead, it would make the daemon unhealthy for nothing; set back, hide what waits."""
    with mirror.transaction() as tx:
        until = tx.now + timedelta(hours=1)
        put_hold(tx, "wo_1", Hold(Side.CMMS, Field.TITLE, "not_applied", "a", 1, until))
    clock.pass_(600)
    clock.now += set_by
    with mirror.transaction() as tx:
        keep_ages(tx, set_by)
        assert waiting_s(tx) == 600
