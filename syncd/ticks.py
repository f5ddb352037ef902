"""Ticks on the monotonic clock: a wall clock that is set costs no tick, and brings none.

APScheduler asks the wall clock what time it is. It hands that time to its job store, and waits, by
the monotonic clock, until the time that the store names as the next. Set back by an hour, the wall
clock would have the next tick wait for an hour more. `SteadyJobs` is a job store that moves the
jobs' times along with the wall clock:

    wall clock           is set back by an hour while a job waits that is due at 12:01
    the store is asked   the job is due at 11:01 now, after as many seconds as before

The store can only move what it is asked for. So the daemon wakes the scheduler several times in a
second: whatever the clock did meanwhile, the next look puts it right.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

TICK = "tick"  # the id of the only job


class SteadyJobs(MemoryJobStore):  # type: ignore[misc] # APScheduler has no types
    """Keeps jobs whose times are wall-clock times, and are due after seconds that have passed.

    Args:
        now: what the wall clock shows.
        monotonic: seconds that only go on, and that nobody sets.
    """

    def __init__(self, now: datetime, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._clocks = now, monotonic()

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """The jobs that are due, when the wall clock shows `now`."""
        self._follow(now)
        due: list[Job] = super().get_due_jobs(now)
        return due

    def _follow(self, now: datetime) -> None:
        """Move every job by as much as the wall clock was set since the last look."""
        last, then = self._clocks
        passed = self._monotonic()
        self._clocks = now, passed
        set_by = now - last - timedelta(seconds=passed - then)
        for job in self.get_all_jobs():
            job.next_run_time += set_by
            self.update_job(job)


def make_scheduler(
    tick: Callable[[], None], every_s: float, monotonic: Callable[[], float]
) -> BackgroundScheduler:
    """Make a scheduler that calls `tick` at once and then every `every_s` seconds of `monotonic`.

    Two ticks never run at once: one that comes while another runs is left out, with the event
    EVENT_JOB_MAX_INSTANCES, and several that were missed are one. The caller starts the scheduler,
    and has to wake it up (`wakeup`) a few times in a second.
    """
    now = datetime.now(UTC)
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore(SteadyJobs(now, monotonic))
    scheduler.add_job(
        tick,
        IntervalTrigger(seconds=every_s, timezone=UTC),
        id=TICK,
        next_run_time=now,
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    return scheduler
