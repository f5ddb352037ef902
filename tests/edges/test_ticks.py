"""Ticks follow the monotonic clock, in the real scheduler and whatever the wall clock shows."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from syncd.ticks import TICK, SteadyJobs, make_scheduler


class Seconds:
    """A monotonic clock that goes on when it is told to. The wall clock goes on by itself."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def ticking(every_s: float, seconds: Seconds) -> Iterator[threading.Semaphore]:
    """The scheduler, woken up as the daemon does; the semaphore counts its ticks."""
    ticks = threading.Semaphore(0)
    scheduler = make_scheduler(ticks.release, every_s, seconds)
    scheduler.start()
    over = threading.Event()
    waking = threading.Thread(target=_wake, args=(scheduler, over))
    waking.start()
    try:
        yield ticks
    finally:
        over.set()
        waking.join()
        scheduler.shutdown()


def _wake(scheduler: BackgroundScheduler, over: threading.Event) -> None:
    while not over.wait(0.05):
        scheduler.wakeup()


def test_a_tick_comes_after_the_interval_though_the_wall_clock_was_set_back() -> None:
    """A minute passes while the wall clock shows the same time: it was set back by a minute."""
    seconds = Seconds()
    with ticking(60, seconds) as ticks:
        assert ticks.acquire(timeout=5), "the first tick comes at once"
        seconds.now += 59
        assert not ticks.acquire(timeout=0.4)
        for _ in range(3):
            seconds.now += 60
            assert ticks.acquire(timeout=5)
            assert not ticks.acquire(timeout=0.2)


def test_no_tick_comes_before_the_interval_though_the_wall_clock_was_set_ahead() -> None:
    """The wall clock shows that several intervals have passed, and no time has."""
    seconds = Seconds()
    with ticking(0.2, seconds) as ticks:
        assert ticks.acquire(timeout=5)
        assert not ticks.acquire(timeout=1)
        seconds.now += 0.25
        assert ticks.acquire(timeout=5)


def test_many_intervals_that_were_missed_are_one_tick() -> None:
    seconds = Seconds()
    with ticking(60, seconds) as ticks:
        assert ticks.acquire(timeout=5)
        seconds.now += 8 * 3600
        assert ticks.acquire(timeout=5)
        assert not ticks.acquire(timeout=0.4)


@pytest.mark.parametrize("set_by", [timedelta(hours=-1), timedelta(days=365), timedelta(0)])
def test_a_job_is_due_when_its_seconds_have_passed(set_by: timedelta) -> None:
    seconds = Seconds()
    began = datetime.now(UTC)
    jobs = SteadyJobs(began, seconds)
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore(jobs)
    scheduler.start(paused=True)
    try:
        scheduler.add_job(
            time.time, "interval", seconds=60, next_run_time=began + timedelta(seconds=60), id=TICK
        )
        for passed, due in ((30, []), (29, []), (2, [TICK])):
            seconds.now += passed
            now = began + timedelta(seconds=seconds.now - 1000) + set_by
            assert [job.id for job in jobs.get_due_jobs(now)] == due
            left = jobs.get_next_run_time() - now
            assert abs(left.total_seconds() - (1060 - seconds.now)) < 0.5
    finally:
        scheduler.shutdown()
