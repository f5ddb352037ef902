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
    none ended yet   -                         read on until the reading time is over (backfill)
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import structlog

from syncd.core.order_json import OrderJson
from syncd.core.paging.list_order import ListOrder
from syncd.core.paging.pages import quiet_pages
from syncd.core.paging.sweep import Phase, Sweep
from syncd.engine.request import ReadRequest
from syncd.engine.s2e_pages import Filters, S2ePages, seen_page
from syncd.errors import NotFound, RemoteError, Throttled
from syncd.mirror import lanes, observations, state
from syncd.mirror.db.database import Mirror, Tx

_LEAST_PAGES = 5  # of a slice: lists of up to a thousand orders are read in one go
_UNHURRIED = 0.8  # the part of the sweep interval in which a sweep should end
_ASKED_IF_ODD = 100  # unseen orders asked for by id, where the server contradicts itself
_LOG_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a first read of the list has come.

    Attributes:
        orders, total: how many of how many orders are in the mirror; total None: unknown.
        ended: the read is at its end, or its time in this cycle is over.
    """

    orders: int
    total: int | None
    ended: bool = False


class SweepReader:
    """Begins, resumes and ends sweeps of one connection's list."""

    def __init__(
        self,
        mirror: Mirror,
        utcnow: Callable[[], datetime],
        sweep_every: timedelta,
        progressed: Callable[[Progress], None],
    ) -> None:
        self._mirror = mirror
        self._utcnow = utcnow
        self._sweep_every = sweep_every
        self._progressed = progressed
        self._logged_at: datetime | None = None
        self._log = structlog.get_logger()

    # ── which sweep, and how much of it ───────────────────────────────────────────────────

    def read_slice(self, request: ReadRequest, pages: S2ePages) -> None:
        """Read what is due of the list. Raises RemoteError; the sweep goes on another time."""
        with self._mirror.read() as tx:
            running, last = state.running_sweep(tx), state.last_sweep(tx)
        backfill = last is None
        if running is not None and not self._usable(running, request, pages, backfill=backfill):
            running = None
        now = self._utcnow()
        due = last is None or now - last["started_at"] >= self._sweep_every
        if running is None and not (due or request.full):
            return
        at_most = None
        if not (backfill or request.full):
            with self._mirror.read() as tx:
                live = observations.live_s2e_count(tx)
            at_most = self._slice_of(running, live, now, pages.client.reads_left())
        sweep = self._open(request, pages, running)
        self._read(request, pages, sweep, at_most, backfill=backfill)

    def _usable(
        self, running: dict[str, Any], request: ReadRequest, pages: S2ePages, *, backfill: bool
    ) -> bool:
        """Whether this sweep may go on; else it is ended here."""
        progress = running["progress"] or {}
        reason = None
        if progress.get("filters") != asdict(pages.filters):
            reason = "the settings have changed"
        elif request.full and not (backfill or progress.get("full")):
            reason = "superseded by a full read"
        if reason is not None:
            with self._mirror.transaction() as tx:
                state.end_sweep(
                    tx, running["id"], result="partial", reason=reason, certificate=None
                )
        return reason is None

    def _slice_of(
        self, running: dict[str, Any] | None, live: int, now: datetime, left: int | None
    ) -> int:
        """List requests that keep a whole sweep within its time, as the budget allows."""
        pages = running["pages"] if running is not None else 0
        total = running["total"] if running is not None else None
        expected = quiet_pages(live if total is None else total)
        elapsed = now - running["started_at"] if running is not None else timedelta()
        # What is due now, and what will be by the next tick, if it comes as soon as this one.
        share = elapsed / (self._sweep_every * _UNHURRIED) if self._sweep_every else 1.0
        due = max(ceil(expected * share) - pages, _LEAST_PAGES)
        return due if left is None else min(due, left // 2)

    def _open(
        self, request: ReadRequest, pages: S2ePages, running: dict[str, Any] | None
    ) -> "_Running":
        about = {"filters": asdict(pages.filters), "full": request.full}
        if running is None:
            with self._mirror.transaction() as tx:
                opened = _Running(state.start_sweep(tx, request.cycle_id), tx.now, Sweep(), about)
                opened.save(tx)
            return opened
        about["full"] = running["progress"]["full"]
        sweep = Sweep.load(running["progress"]["sweep"])
        return _Running(running["id"], running["started_at"], sweep, about)

    # ── a slice ───────────────────────────────────────────────────────────────────────────

    def _read(
        self,
        request: ReadRequest,
        pages: S2ePages,
        running: "_Running",
        at_most: int | None,
        *,
        backfill: bool,
    ) -> None:
        sweep = running.sweep
        pages.sweep, pages.unread = "partial", backfill or request.full
        count = 0
        try:
            while sweep.next_offset is not None and count != at_most and not request.reads_over():
                self._read_page(pages, running)
                count += 1
                if backfill:
                    self._progress(
                        Progress(sweep.met, sweep.total, ended=sweep.next_offset is None)
                    )
            if sweep.phase is Phase.UNSEEN and not request.reads_over():
                self._read_unseen(request, pages, running)
        except Throttled:
            pages.sweep_reason = "waits for the rate limit"
        except RemoteError as error:
            pages.sweep_reason = f"a page failed: {type(error).__name__}"
            raise
        if sweep.phase is Phase.ENDED:
            self._end(pages, running)
        elif pages.sweep_reason is None:
            pages.sweep_reason = f"in progress: {sweep.certificate.pages} pages read"
        if backfill and sweep.phase is not Phase.ENDED:
            self._progress(Progress(sweep.met, sweep.total, ended=True))

    def _read_page(self, pages: S2ePages, running: "_Running") -> None:
        """Read the next page, and keep it together with the place where the sweep goes on."""
        sweep = running.sweep
        seen_at = self._utcnow()
        page = pages.fetch(sweep)
        with self._mirror.transaction(durable=False) as tx:
            saved = observations.save_s2e(tx, page.orders, seen_at=seen_at, sweep=running.number)
            sweep.take(seen_page(page, first=saved.first))
            running.save(tx)
            known = state.get_state(tx, state.LIST_ORDER)
            if known is not None and ListOrder(known) not in sweep.orders:
                state.set_state(tx, state.LIST_ORDER, None)
        pages.count(saved.observed, saved.changed)

    def _read_unseen(self, request: ReadRequest, pages: S2ePages, running: "_Running") -> None:
        """Ask by id for every order that was known when the sweep began and that no page has shown;
        for some of them only, where the server has contradicted itself."""
        sweep = running.sweep
        with self._mirror.read() as tx:
            unseen = lanes.unswept_s2e_ids(tx, running.number, running.began)
        if sweep.anomaly is not None:  # no proof is possible, and all orders may be unseen
            unseen = unseen[:_ASKED_IF_ODD]
        for s2e_id in unseen:
            if request.reads_over():
                return
            seen_at = self._utcnow()
            order: OrderJson | None = None
            try:
                order = pages.client.get_work_order(s2e_id)
            except NotFound:
                pages.not_found.append(s2e_id)
            with self._mirror.transaction() as tx:
                if order is None:
                    sweep.account_for(gone=1)
                    lanes.mark_swept(tx, s2e_id, running.number)
                else:
                    elsewhere = _is_elsewhere(order, pages.filters)
                    sweep.account_for(elsewhere=int(elsewhere), passed_over=int(not elsewhere))
                    observations.save_s2e(tx, [order], seen_at=seen_at, sweep=running.number)
                running.save(tx)
            if order is not None:
                pages.count(1, ())
        sweep.finish()

    def _end(self, pages: S2ePages, running: "_Running") -> None:
        sweep = running.sweep
        pages.sweep, pages.sweep_reason = sweep.verdict()
        pages.unread = False
        proved = sweep.certificate
        known = proved.order[0] if len(proved.order) == 1 else None
        with self._mirror.transaction() as tx:
            state.end_sweep(
                tx,
                running.number,
                result=pages.sweep,
                reason=pages.sweep_reason,
                certificate=proved,
            )
            state.set_state(tx, state.LIST_ORDER, known)
        if sweep.anomaly is not None:
            self._log.warning("api.paging_anomaly", reason=sweep.anomaly)
        self._log.info(
            "sweep.finished",
            result=pages.sweep,
            reason=pages.sweep_reason,
            pages=proved.pages,
            orders=sweep.met,
            overlaps=proved.overlaps,
            head_pages=proved.head_pages,
            unseen=proved.unseen,
            list_order=", ".join(proved.order) or "unknown",
        )

    def _progress(self, progress: Progress) -> None:
        """Report how a backfill goes: to `progressed` each time, to the log every few seconds."""
        self._progressed(progress)
        now = self._utcnow()
        if progress.ended or self._logged_at is None or now - self._logged_at >= _LOG_EVERY:
            self._logged_at = now
            self._log.info("backfill.progressed", orders=progress.orders, total=progress.total)


@dataclass(frozen=True, slots=True)
class _Running:
    """A sweep that goes on.

    Attributes:
        number: its row in the mirror; `began`: when it was started.
        about: the filters that it was begun with, and whether it was asked for (`--full`).
    """

    number: int
    began: datetime
    sweep: Sweep
    about: dict[str, Any]

    def save(self, tx: Tx) -> None:
        state.save_progress(tx, self.number, self.sweep, self.about)


def _is_elsewhere(order: OrderJson, filters: Filters) -> bool:
    """Whether the filter keeps this order out of the list."""
    return filters.site not in {None, order.site_id} or filters.asset not in {
        None,
        order.asset_id,
    }
