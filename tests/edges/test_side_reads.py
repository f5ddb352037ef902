"""A side that cannot be read is as old as its last good read."""

from datetime import timedelta

import pytest

from syncd.core.work_order import Side
from syncd.engine.results import CmmsRead, S2eRead
from syncd.errors import Unreachable
from syncd.mirror import state
from syncd.mirror.clock_jumps import forget_the_future, keep_ages
from syncd.mirror.db.database import Mirror
from syncd.mirror.queries.status import freshness_s
from syncd.mirror.side_reads import note_read, side_reads
from tests.conftest import Clock


def read(mirror: Mirror, clock: Clock, *, good: bool) -> None:
    with mirror.transaction() as tx:
        note_read(tx, Side.CMMS, clock.now, good=good)


def age(mirror: Mirror, poll_every_s: float = 60) -> float | None:
    with mirror.read() as tx:
        read = side_reads(tx).get(Side.CMMS)
    return None if read is None else read.unread_s(poll_every_s)


def test_it_ages_while_it_fails_and_is_fresh_again_with_a_good_read(
    mirror: Mirror, clock: Clock
) -> None:
    read(mirror, clock, good=True)
    clock.now += timedelta(seconds=60)
    assert age(mirror) is None  # between two cycles nothing is wrong
    for _ in range(3):
        read(mirror, clock, good=False)
        clock.now += timedelta(seconds=60)
    assert age(mirror) == 240
    with mirror.read() as tx:
        assert freshness_s(tx) == 240
    read(mirror, clock, good=True)
    assert age(mirror) is None
    with mirror.read() as tx:
        assert freshness_s(tx) == 0


def test_it_ages_when_nobody_reads_it_any_more(mirror: Mirror, clock: Clock) -> None:
    """A cycle hangs, or raises each time: no cycle ends that could say so."""
    read(mirror, clock, good=True)
    clock.now += timedelta(seconds=75)
    assert age(mirror) is None  # a cycle takes a while
    clock.now += timedelta(seconds=50)
    assert age(mirror) == 125
    with mirror.read() as tx:
        assert freshness_s(tx, 60) == 65  # it was good until the next read was due
        assert freshness_s(tx) == 0  # without a daemon no read is due


def test_a_side_of_which_the_first_cycle_does_not_end_ages_from_its_start(
    mirror: Mirror, clock: Clock
) -> None:
    assert age(mirror) is None
    with mirror.transaction() as tx:
        state.start_cycle(tx, "c1")
    clock.now += timedelta(seconds=125)
    assert age(mirror) == 125
    with mirror.read() as tx:
        assert freshness_s(tx, 60) == 65


def test_a_side_that_was_never_read_ages_from_the_first_try(mirror: Mirror, clock: Clock) -> None:
    for _ in range(2):
        read(mirror, clock, good=False)
        clock.now += timedelta(seconds=60)
    assert age(mirror) == 120


@pytest.mark.parametrize(
    ("read", "good"),
    [
        (S2eRead(), True),  # nothing was due but the open orders, and there are none
        (S2eRead(observed=3, unread=True), True),  # a first read goes on
        (S2eRead(unread=True), False),  # and has shown nothing: the server answers 429
        (S2eRead(observed=3, error=Unreachable("no", side="s2e")), False),
        (CmmsRead(), True),
        (CmmsRead(observed=3, error=Unreachable("no", side="cmms")), False),
    ],
)
def test_what_counts_as_a_good_read(read: S2eRead | CmmsRead, good: bool) -> None:
    assert read.is_good is good


def test_a_mirror_of_an_earlier_version_knows_the_last_good_cycle(
    mirror: Mirror, clock: Clock
) -> None:
    with mirror.transaction() as tx:
        state.start_cycle(tx, "c1")
        state.end_cycle(tx, "c1", "complete", {})
    clock.now += timedelta(seconds=90)
    read(mirror, clock, good=False)
    assert age(mirror) == 90


def test_a_clock_that_is_set_moves_no_age(mirror: Mirror, clock: Clock) -> None:
    read(mirror, clock, good=False)
    clock.now += timedelta(seconds=60)
    for by in (timedelta(days=1), timedelta(days=-2)):
        clock.now += by
        with mirror.transaction() as tx:
            keep_ages(tx, by)
        assert age(mirror) == 60


def test_a_read_of_the_future_is_of_now(mirror: Mirror, clock: Clock) -> None:
    """The clock was set back while no daemon ran."""
    with mirror.transaction() as tx:
        state.start_cycle(tx, "c1")
    read(mirror, clock, good=False)
    clock.now -= timedelta(days=1)
    with mirror.transaction() as tx:
        assert forget_the_future(tx) == timedelta(days=1)
    clock.now += timedelta(seconds=30)
    assert age(mirror) == 30
