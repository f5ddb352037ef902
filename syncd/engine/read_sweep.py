"""The cold lane: a whole sweep of the list, in slices, that outlives the process.

Each page is kept together with the place where the sweep goes on, so that a process that dies
anywhere loses at most the page it was reading. What is asked next, and what it all proves, is
decided in `core/paging/sweep.py`.

    there is         it is due or asked for    what a tick does
    ──────────────   ───────────────────────   ──────────────────────────────────────────────
    none running     no                        nothing
    none running     yes                       begin one, read a slice
    one running      -                         read a slice of it
    one running      asked for (`--full`)      end it as superseded, begin another
    no whole yet     -                         read on until the reading time is over (backfill)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import structlog

from syncd.core.order_json import OrderJson
from syncd.core.paging.list_order import ListOrder
from syncd.core.paging.pages import PAGE_LIMIT, quiet_pages
from syncd.core.paging.sweep import Phase, Sweep
from syncd.engine.request import ReadRequest, Seen, keep, seen_page
from syncd.errors import NotFound, RemoteError, Throttled
from syncd.mirror import lanes, observations, state
from syncd.mirror.db.database import Mirror
from syncd.scan2evolve.client import Scan2EvolveClient

_LEAST_PAGES = 5  # of a slice: lists of up to a thousand orders are read in one go
_UNHURRIED = 0.8  # of the sweep interval, in which a sweep should be through
_ASKED_IF_ODD = 100  # by id, each time, of whom a list that is not what it says has not shown
_SAY_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a first read of the list has come.

    Attributes:
        orders, total: how many of how many orders are in the mirror; total None: not told.
        ended: it is through, or its time in this cycle is.
    """

    orders: int
    total: int | None
    ended: bool = False


class Sweeping:
    """Begins, resumes and ends sweeps of one connection's list."""

    def __init__(
        self,
        *,
        client: Scan2EvolveClient,
        mirror: Mirror,
        filters: Mapping[str, str | None],
        utcnow: Callable[[], datetime],
        sweep_every: timedelta,
        progressed: Callable[[Progress], None],
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._filters = filters
        self._utcnow = utcnow
        self._sweep_every = sweep_every
        self._progressed = progressed
        self._said_at: datetime | None = None
        self._log = structlog.get_logger()

    # ── which sweep, and how much of it ───────────────────────────────────────────────────

    def slice(self, reading: ReadRequest, seen: Seen) -> None:
        """Read what is due of the list. Raises RemoteError; the sweep goes on another time."""
        with self._mirror.read() as tx:
            running, last = state.running_sweep(tx), state.last_sweep(tx)
        backfill = last is None
        if running is not None and not self._usable(running, reading, backfill=backfill):
            running = None
        now = self._utcnow()
        due = last is None or now - last["started_at"] >= self._sweep_every
        if running is None and not (due or reading.full):
            return
        at_most = None
        if not (backfill or reading.full):
            with self._mirror.read() as tx:
                live = observations.live_s2e_count(tx)
            at_most = self._slice_of(running, live, now)
        self._advance(reading, seen, running, at_most, backfill=backfill)

    def _usable(self, running: dict[str, Any], reading: ReadRequest, *, backfill: bool) -> bool:
        """Whether this sweep may go on; else it is ended here."""
        progress = running["progress"] or {}
        reason = None
        if progress.get("filters") != dict(self._filters):
            reason = "the settings have changed"
        elif reading.full and not (backfill or progress.get("full")):
            reason = "superseded by a full read"
        if reason is not None:
            with self._mirror.transaction() as tx:
                state.end_sweep(
                    tx, running["id"], result="partial", reason=reason, certificate=None
                )
        return reason is None

    def _slice_of(self, running: dict[str, Any] | None, live: int, now: datetime) -> int:
        """List requests that keep a whole sweep within its time, as the budget allows."""
        pages = running["pages"] if running is not None else 0
        total = running["total"] if running is not None else None
        expected = quiet_pages(live if total is None else total)
        elapsed = now - running["started_at"] if running is not None else timedelta()
        # What is due now, and what will be by the next look, if it comes as soon as this one.
        share = elapsed / (self._sweep_every * _UNHURRIED) if self._sweep_every else 1.0
        due = max(ceil(expected * share) - pages, _LEAST_PAGES)
        left = self._client.reads_left()
        return due if left is None else min(due, left // 2)

    # ── a slice ───────────────────────────────────────────────────────────────────────────

    def _advance(
        self,
        reading: ReadRequest,
        seen: Seen,
        running: dict[str, Any] | None,
        at_most: int | None,
        *,
        backfill: bool,
    ) -> None:
        about = {"filters": dict(self._filters), "full": reading.full}
        if running is None:
            sweep = Sweep()
            with self._mirror.transaction() as tx:
                began, number = tx.now, state.start_sweep(tx, reading.cycle_id)
                state.save_progress(tx, number, sweep, about)
        else:
            began, number = running["started_at"], running["id"]
            about["full"] = running["progress"]["full"]
            sweep = Sweep.load(running["progress"]["sweep"])
        seen.sweep, seen.unread = "partial", backfill or reading.full
        read = 0
        try:
            while sweep.next_offset is not None and read != at_most and not reading.reads_over():
                self._page(seen, sweep, number, about)
                read += 1
                if backfill:
                    self._say(Progress(sweep.met, sweep.total, ended=sweep.next_offset is None))
            if sweep.phase is Phase.UNSEEN and not reading.reads_over():
                self._settle(reading, seen, sweep, number, began, about)
        except Throttled:
            seen.sweep_reason = "waits for the rate limit"
        except RemoteError as error:
            seen.sweep_reason = f"a page failed: {type(error).__name__}"
            raise
        if sweep.phase is Phase.ENDED:
            self._end(seen, sweep, number)
        elif seen.sweep_reason is None:
            seen.sweep_reason = f"in progress: {sweep.certificate.pages} pages read"
        if backfill and sweep.phase is not Phase.ENDED:
            self._say(Progress(sweep.met, sweep.total, ended=True))

    def _page(self, seen: Seen, sweep: Sweep, number: int, about: Mapping[str, Any]) -> None:
        seen_at = self._utcnow()
        page = self._client.list_work_orders(
            site_id=self._filters["site"],
            asset_id=self._filters["asset"],
            limit=PAGE_LIMIT,
            offset=sweep.next_offset or 0,
        )
        with self._mirror.transaction(durable=False) as tx:
            saved = observations.save_s2e(tx, page.orders, seen_at=seen_at, sweep=number)
            sweep.take(seen_page(page, first=saved.first))
            state.save_progress(tx, number, sweep, about)
            known = state.get_state(tx, state.LIST_ORDER)
            if known is not None and ListOrder(known) not in sweep.orders:
                state.set_state(tx, state.LIST_ORDER, None)
        seen.observed += saved.observed
        seen.changed += len(saved.changed)

    def _settle(
        self,
        reading: ReadRequest,
        seen: Seen,
        sweep: Sweep,
        number: int,
        began: datetime,
        about: Mapping[str, Any],
    ) -> None:
        """Ask by id for everybody who was known when the sweep began and whom nobody has met;
        for some of them, where the list is not what it says."""
        with self._mirror.read() as tx:
            unseen = lanes.unswept_s2e_ids(tx, number, began)
        if sweep.anomaly is not None:  # it proves nothing any more, and may have met nobody
            unseen = unseen[:_ASKED_IF_ODD]
        for s2e_id in unseen:
            if reading.reads_over():
                return
            seen_at = self._utcnow()
            order: OrderJson | None = None
            try:
                order = self._client.get_work_order(s2e_id)
            except NotFound:
                seen.not_found.append(s2e_id)
            with self._mirror.transaction() as tx:
                if order is None:
                    sweep.account_for(gone=1)
                    lanes.mark_swept(tx, s2e_id, number)
                else:
                    elsewhere = self._is_elsewhere(order)
                    sweep.account_for(elsewhere=int(elsewhere), passed_over=int(not elsewhere))
                    observations.save_s2e(tx, [order], seen_at=seen_at, sweep=number)
                state.save_progress(tx, number, sweep, about)
            if order is not None:
                keep(seen, 1, ())
        sweep.finish()

    def _is_elsewhere(self, order: OrderJson) -> bool:
        site, asset = self._filters["site"], self._filters["asset"]
        return site not in {None, order.site_id} or asset not in {None, order.asset_id}

    def _end(self, seen: Seen, sweep: Sweep, number: int) -> None:
        seen.sweep, seen.sweep_reason = sweep.verdict()
        seen.unread = False
        proved = sweep.certificate
        known = proved.order[0] if len(proved.order) == 1 else None
        with self._mirror.transaction() as tx:
            state.end_sweep(
                tx, number, result=seen.sweep, reason=seen.sweep_reason, certificate=proved
            )
            state.set_state(tx, state.LIST_ORDER, known)
        if sweep.anomaly is not None:
            self._log.warning("api.paging_anomaly", reason=sweep.anomaly)
        self._log.info(
            "sweep.finished",
            result=seen.sweep,
            reason=seen.sweep_reason,
            pages=proved.pages,
            orders=sweep.met,
            overlaps=proved.overlaps,
            head_pages=proved.head_pages,
            unseen=proved.unseen,
            list_order=", ".join(proved.order) or "unknown",
        )

    def _say(self, progress: Progress) -> None:
        """Tell how a backfill goes: to whoever watches at once, to the log now and then."""
        self._progressed(progress)
        now = self._utcnow()
        if progress.ended or self._said_at is None or now - self._said_at >= _SAY_EVERY:
            self._said_at = now
            self._log.info("backfill.progressed", orders=progress.orders, total=progress.total)
