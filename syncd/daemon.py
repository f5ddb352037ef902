"""When a cycle runs: at regular ticks, never two at once, until a signal stops the daemon.

state      event                       what happens
────────   ─────────────────────────   ─────────────────────────────────────────────────
standby    the lease is free           take it, upgrade the mirror, start ticking: active
active     tick                        one cycle; ticks follow the monotonic clock (`ticks.py`)
active     tick while a cycle runs     no cycle; logged at INFO
active     another one took the lease  stop ticking: standby
any        SIGTERM, SIGINT             finish what is in flight, start nothing new, exit 0;
                                       after STOP_WITHIN_S abandon what is in flight (its
                                       intent stays, and the next start reads it back)
any        a second signal             exit 128 + signal at once
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING

import structlog

from syncd.engine.cycle import Cycle
from syncd.engine.request import CycleRequest
from syncd.errors import ConfigurationError, LeaseHeld, LeaseLost, MirrorUnavailable
from syncd.mirror.db.lease import Lease

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

STOP_WITHIN_S = 8.0  # Docker kills after 10
_STANDBY_WAIT_S = 5.0


class StopFlag:
    """Whether we are to stop, and a sleep that ends as soon as we are."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    def sleep(self, seconds: float) -> bool:
        """Wait for so long; return False if the wait ended early because we are to stop."""
        return not self._event.wait(max(seconds, 0.0))


def stop_on_signals(stop: StopFlag) -> None:
    """Have SIGTERM and SIGINT set `stop`; a second signal ends the process at once."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


class Daemon:
    """Ticks until stopped.

    Args:
        make_cycle: called each time the lease was taken.
        before_cycle, after_cycle: called in each tick; after_cycle only if the cycle did not raise.
        first_delay_s: how long to wait before the first tick.
        dry: cycles write to neither side.
        monotonic: the clock that ticks follow, whatever the wall clock is set to.
        about: logged when the daemon starts: the mapping, and how it is verified.
    """

    def __init__(
        self,
        *,
        lease: Lease,
        make_cycle: Callable[[], Cycle],
        before_cycle: Callable[[], None],
        after_cycle: Callable[[], None],
        poll_every_s: float,
        first_delay_s: Callable[[], float],
        stop: StopFlag,
        dry: bool,
        monotonic: Callable[[], float] = time.monotonic,
        about: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self._lease = lease
        self._make_cycle = make_cycle
        self._before_cycle = before_cycle
        self._after_cycle = after_cycle
        self._poll_every_s = poll_every_s
        self._first_delay_s = first_delay_s
        self._stop = stop
        self._dry = dry
        self._monotonic = monotonic
        self._about = about
        self._lost = threading.Event()
        self._store_down = False
        self._log = structlog.get_logger()

    def run(self) -> int:
        """Take the lease and tick; stand by again if it is lost. Return the exit code."""
        while not self._stop():
            if not self._take_lease():
                break
            self._lost.clear()
            self._tick_until_stopped()
        self._log.info("daemon.stopped")
        return 0

    def _take_lease(self) -> bool:
        """Wait for the lease; return False if we are to stop. Log once why we wait."""
        logged = False
        while not self._stop():
            try:
                self._lease.acquire(0.0)
            except LeaseHeld as held:
                if not logged:
                    self._log.info("daemon.started", role="standby", reason=str(held))
                    logged = True
                self._stop.sleep(_STANDBY_WAIT_S)
            except MirrorUnavailable as error:
                if not logged:
                    self._log.error("store.unavailable", error=str(error))
                    logged = True
                self._stop.sleep(_STANDBY_WAIT_S)
            else:
                return True
        return False

    def _tick_until_stopped(self) -> None:
        # Only `syncd run` needs these, and importing them takes a while.
        from apscheduler.events import EVENT_JOB_MAX_INSTANCES

        from syncd.ticks import make_scheduler

        cycle = self._make_cycle()
        self._log.info(
            "daemon.started", role="active", poll_every_s=self._poll_every_s, **self._about
        )
        if not self._stop.sleep(self._first_delay_s()):
            self._lease.release()
            return
        scheduler = make_scheduler(lambda: self._tick(cycle), self._poll_every_s, self._monotonic)
        scheduler.add_listener(self._skipped, EVENT_JOB_MAX_INSTANCES)
        scheduler.start()
        while not self._stop() and not self._lost.is_set():
            self._stop.sleep(0.2)
            scheduler.wakeup()
        self._drain(scheduler)

    def _drain(self, scheduler: "BackgroundScheduler") -> None:
        """Let the running cycle finish what is in flight; abandon it after STOP_WITHIN_S."""
        waiter = threading.Thread(target=scheduler.shutdown, kwargs={"wait": True}, daemon=True)
        waiter.start()
        waiter.join(STOP_WITHIN_S)
        if waiter.is_alive():
            self._log.warning("daemon.stopped", reason="a request in flight was abandoned")
            os._exit(0)
        with suppress(MirrorUnavailable, LeaseLost):
            self._lease.release()

    def _skipped(self, _event: object) -> None:
        self._log.info("cycle.skipped_overlap", poll_every_s=self._poll_every_s)

    def _tick(self, cycle: Cycle) -> None:
        """Run one cycle. Its errors are logged, and the next tick comes all the same."""
        if self._stop() or self._lost.is_set():
            return
        try:
            self._lease.renew()
            self._before_cycle()
            cycle.run(CycleRequest(dry=self._dry))
            self._after_cycle()
        except LeaseLost as error:
            self._log.error("daemon.stopped", role="active", reason=str(error))
            self._lost.set()
        except MirrorUnavailable as error:
            if not self._store_down:
                event = "store.full" if "full" in str(error) else "store.unavailable"
                self._log.error(event, error=str(error))
            self._store_down = True
        except ConfigurationError as error:
            # Some wrong settings are noticed only when a side is read.
            self._log.error("cycle.finished", result="failed", error=str(error))
        except Exception:  # noqa: BLE001 - logged with its traceback
            # A bug in one cycle must not end the daemon: the next cycle begins from the mirror,
            # which holds what both sides were last seen to hold.
            self._log.exception("cycle.finished", result="failed")
        else:
            if self._store_down:
                self._log.info("store.recovered")
            self._store_down = False


def first_delay(poll_every_s: float, filled: bool, random: Callable[[], float]) -> float:
    """Return the seconds before the first cycle: 0 if the mirror is empty, else a part of a tick.

    The part is random, up to a tenth, so that daemons that are restarted together do not all send
    their requests together.
    """
    return random() * poll_every_s / 10 if filled else 0.0
