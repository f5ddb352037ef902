"""Read both sides into the mirror: lists, gets, and what the CMMS has.

Lanes (decisions.md, 5): *hot* is read every tick, each open status on its own, and an open
order that it did not meet is asked by id; a *sweep* reads the whole list when it is due.
Nothing here decides what is written; what was seen is saved, and that is all.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import structlog

from syncd.cmms.port import CmmsAdapter
from syncd.core.case import Kind
from syncd.core.plan import not_found_latch
from syncd.core.policy import Policy
from syncd.core.sweep import PAGE_LIMIT, SeenPage, Sweep
from syncd.core.work_order import OPEN_STATUSES, CmmsRecord, S2eOrder, Side, Status
from syncd.errors import NotFound, RemoteError, UnexpectedContent, Unreachable
from syncd.mirror import journal, links, observations, state, waiting
from syncd.mirror.database import Mirror
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.scan2evolve.wire import Page

_CHUNK = 500  # CMMS records saved in one transaction
_FAILURES_IN_A_ROW = 3  # orders asked by id, after which the side is taken for down
_UNKNOWN_CLAIMS = 50  # ids that only the CMMS knows, asked upstream in one cycle


@dataclass(slots=True)
class Seen:
    """What one cycle has read of one side.

    Attributes:
        error: why reading ended early; None if everything that was due has been read.
        sweep: complete, partial or none; `sweep_reason` says why it is partial.
        not_found, failed: ids that answered 404, or could not be read, in this cycle.
        requests: calls of the CMMS adapter (Scan2Evolve's are counted by its client).
    """

    observed: int = 0
    changed: int = 0
    error: RemoteError | None = None
    sweep: str = "none"
    sweep_reason: str | None = None
    not_found: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What one cycle is asked to read."""

    cycle_id: str
    started: datetime
    full: bool
    only: str | None = None
    stopping: Callable[[], bool] = lambda: False


class S2ePoll:
    """Reads Scan2Evolve's work orders into the mirror."""

    def __init__(
        self,
        client: Scan2EvolveClient,
        mirror: Mirror,
        policy: Policy,
        utcnow: Callable[[], datetime],
        sweep_every: timedelta,
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._policy = policy
        self._utcnow = utcnow
        self._sweep_every = sweep_every
        self._log = structlog.get_logger()
        self._site = _only(policy.site_ids)
        self._asset = _only(policy.asset_ids)

    def read(self, reading: Reading) -> Seen:
        """Read what is due. An error ends the reading, keeps what was read, and is returned."""
        seen = Seen()
        try:
            if reading.only is not None:
                self.get(reading, seen, [reading.only])
            elif reading.full or self._sweep_is_due():
                self._sweep(reading, seen)
                self._ask_by_id(reading, seen)
            else:
                self._hot(seen)
                self._ask_by_id(reading, seen)
        except RemoteError as error:
            seen.error = error
        self.nominate(reading, seen.not_found)
        return seen

    def _sweep_is_due(self) -> bool:
        with self._mirror.read() as tx:
            last = state.last_whole_sweep_at(tx)
        return last is None or self._utcnow() - last >= self._sweep_every

    def _sweep(self, reading: Reading, seen: Seen) -> None:
        """Read the whole list. Pages already read stay read when a later one fails."""
        with self._mirror.transaction() as tx:
            backfill = observations.live_s2e_count(tx) == 0
            sweep_id = state.start_sweep(tx, reading.cycle_id)
        sweep = Sweep()
        seen.sweep, seen.sweep_reason = "partial", "interrupted"
        try:
            self._read_list(seen, sweep, backfill=backfill)
            seen.sweep, seen.sweep_reason = sweep.verdict()
        except RemoteError as error:
            seen.sweep_reason = f"a page failed: {type(error).__name__}"
            raise
        finally:
            with self._mirror.transaction() as tx:
                state.end_sweep(
                    tx,
                    sweep_id,
                    result=seen.sweep,
                    reason=seen.sweep_reason,
                    pages=sweep.pages,
                    orders=len(sweep.seen),
                    total=sweep.total,
                )
            self._log.info(
                "sweep.finished",
                result=seen.sweep,
                reason=seen.sweep_reason,
                pages=sweep.pages,
                orders=len(sweep.seen),
            )

    def _hot(self, seen: Seen) -> None:
        for status in OPEN_STATUSES:
            self._read_list(seen, Sweep(), status=status)
        for sync_status in ("PENDING", "FAILED"):
            with self._mirror.read() as tx:
                known = observations.sync_status_count(tx, sync_status)
            page = self._client.list_work_orders(
                sync_status=sync_status, limit=1, site_id=self._site, asset_id=self._asset
            )
            if page.total != known:
                self._read_list(seen, Sweep(), sync_status=sync_status)

    def _read_list(
        self,
        seen: Seen,
        sweep: Sweep,
        *,
        status: Status | None = None,
        sync_status: str | None = None,
        backfill: bool = False,
    ) -> None:
        while (offset := sweep.next_offset) is not None:
            seen_at = self._utcnow()
            page = self._client.list_work_orders(
                status=status,
                sync_status=sync_status,
                site_id=self._site,
                asset_id=self._asset,
                limit=PAGE_LIMIT,
                offset=offset,
            )
            self._save(seen, page.orders, seen_at)
            sweep.take(_seen_page(page))
            if backfill:
                self._log.info("backfill.progressed", orders=len(sweep.seen), total=page.total)
        if sweep.anomaly is not None:
            self._log.warning("api.paging_anomaly", reason=sweep.anomaly, status=status)

    def _save(self, seen: Seen, orders: Iterable[S2eOrder], seen_at: datetime) -> None:
        with self._mirror.transaction() as tx:
            saved = observations.save_s2e(tx, list(orders), seen_at=seen_at)
        seen.observed += saved.observed
        seen.changed += len(saved.changed)

    def _ask_by_id(self, reading: Reading, seen: Seen) -> None:
        """Ask for what the lists should have shown, and for what a write left open."""
        with self._mirror.read() as tx:
            wanted = set(observations.open_s2e_ids(tx)) | set(observations.nominated_s2e_ids(tx))
            wanted |= {
                intent.s2e_id for intent in journal.open_intents(tx) if intent.side is Side.S2E
            }
            unknown = observations.unknown_claims(tx, limit=_UNKNOWN_CLAIMS)
            met = observations.s2e_seen_since(tx, wanted, reading.started)
        self.get(reading, seen, [*sorted(wanted - met), *unknown])

    def get(self, reading: Reading, seen: Seen, s2e_ids: Iterable[str]) -> None:
        """Read these orders one by one. A 404 only nominates; see `nominate`.

        One order that cannot be read does not keep us from the others; several in a row do.
        """
        in_a_row = 0
        for s2e_id in s2e_ids:
            if reading.stopping():
                return
            seen_at = self._utcnow()
            try:
                order = self._client.get_work_order(s2e_id)
            except NotFound:
                seen.not_found.append(s2e_id)
                continue
            except (Unreachable, UnexpectedContent):
                seen.failed.append(s2e_id)
                in_a_row += 1
                if in_a_row >= _FAILURES_IN_A_ROW:
                    raise
                continue
            in_a_row = 0
            self._save(seen, [order], seen_at)

    def refresh(self, reading: Reading, seen: Seen, s2e_ids: Iterable[str]) -> None:
        """Look at these orders again before something is based on what they hold."""
        nominated = len(seen.not_found)
        try:
            self.get(reading, seen, s2e_ids)
        except RemoteError as error:
            seen.error = error
        if len(seen.not_found) > nominated:
            self.nominate(reading, seen.not_found)

    def nominate(self, reading: Reading, not_found: Collection[str]) -> None:
        """Note each 404 of a cycle; the second, in another cycle, makes a tombstone.

        So many that the credentials must be wrong latch a guard, and nothing is noted.
        """
        if not not_found:
            return
        with self._mirror.transaction() as tx:
            # Ids that only the CMMS knows say nothing of the credentials.
            known = observations.known_s2e_ids(tx, not_found)
            latch = not_found_latch(len(known), observations.live_s2e_count(tx))
            if latch is not None:
                if waiting.latch_guard(tx, latch):
                    self._log.error("guard.latched", guard=latch.guard, reason=latch.detail)
                return
            for s2e_id in sorted(known):
                if observations.note_not_found(tx, s2e_id, reading.cycle_id):
                    journal.write(tx, "order.tombstoned", cycle_id=reading.cycle_id, s2e_id=s2e_id)
                    self._log.warning("order.tombstoned", s2e_id=s2e_id)


class CmmsPoll:
    """Reads the CMMS's records into the mirror."""

    def __init__(
        self,
        adapter: CmmsAdapter,
        mirror: Mirror,
        utcnow: Callable[[], datetime],
        full_every: timedelta,
        overlap: timedelta = timedelta(minutes=10),
    ) -> None:
        self._adapter = adapter
        self._mirror = mirror
        self._utcnow = utcnow
        self._full_every = full_every
        self._overlap = overlap
        self._log = structlog.get_logger()

    def read(self, reading: Reading) -> Seen:
        """Read what changed, or everything when a full read is due."""
        seen = Seen()
        try:
            if reading.only is not None:
                self._find(seen, [reading.only])
            else:
                self._fetch(reading, seen)
            self._settle(seen)
        except RemoteError as error:
            seen.error = error
        return seen

    def _fetch(self, reading: Reading, seen: Seen) -> None:
        since = None if reading.full else self._changed_since()
        began = self._utcnow()
        newest: datetime | None = None
        seen.requests += 1
        for chunk in _chunks(self._adapter.fetch(since)):
            self._save(seen, chunk, began)
            stamps = [record.updated_at for record in chunk if record.updated_at is not None]
            newest = max([*stamps, *([newest] if newest else [])], default=None)
        if since is None:
            self._look_for_missing(reading, seen, began)
            with self._mirror.transaction() as tx:
                state.set_moment(tx, state.CMMS_FULL_READ_AT, began)
        if newest is not None:
            with self._mirror.transaction() as tx:
                state.set_moment(tx, state.CMMS_WATERMARK, newest)

    def _changed_since(self) -> datetime | None:
        """The watermark less an overlap; None when everything has to be read."""
        if not self._adapter.capabilities.filters_changes:
            return None
        with self._mirror.read() as tx:
            last_full = state.get_moment(tx, state.CMMS_FULL_READ_AT)
            watermark = state.get_moment(tx, state.CMMS_WATERMARK)
        if last_full is None or watermark is None:
            return None
        if self._utcnow() - last_full >= self._full_every:
            return None
        return watermark - self._overlap

    def _look_for_missing(self, reading: Reading, seen: Seen, began: datetime) -> None:
        """Ask by id for each record that a full read did not show."""
        with self._mirror.read() as tx:
            unseen = links.linked_unseen_since(tx, began)
            strangers = set(observations.claims_unseen_since(tx, began)) - set(unseen)
        self._forget_strangers(reading, seen, sorted(strangers))
        for cmms_id in unseen:
            if reading.stopping():
                return
            seen.requests += 1
            try:
                record = self._adapter.get(cmms_id)
            except NotFound:
                with self._mirror.transaction() as tx:
                    if links.note_missing(tx, cmms_id, reading.cycle_id):
                        journal.write(tx, "link.lost", cycle_id=reading.cycle_id, cmms_id=cmms_id)
                        self._log.warning("link.lost", cmms_id=cmms_id)
                continue
            self._save(seen, [record], began)

    def _forget_strangers(self, reading: Reading, seen: Seen, cmms_ids: list[str]) -> None:
        """A record that carries an id, is linked to nothing and is gone claims nothing more."""
        for cmms_id in cmms_ids:
            if reading.stopping():
                return
            seen.requests += 1
            try:
                self._adapter.get(cmms_id)
            except NotFound:
                with self._mirror.transaction() as tx:
                    observations.forget_record(tx, cmms_id)

    def _settle(self, seen: Seen) -> None:
        """Read back every write to the CMMS whose outcome is not known."""
        with self._mirror.read() as tx:
            intents = [i for i in journal.open_intents(tx) if i.side is Side.CMMS]
        self._find(seen, [i.s2e_id for i in intents if i.kind is Kind.CREATE])
        for intent in intents:
            if intent.kind is Kind.UPDATE and intent.cmms_id is not None:
                began = self._utcnow()
                seen.requests += 1
                try:
                    record = self._adapter.get(intent.cmms_id)
                except NotFound:
                    continue
                self._save(seen, [record], began)

    def _find(self, seen: Seen, s2e_ids: Iterable[str]) -> None:
        if not self._adapter.capabilities.finds:
            return
        for s2e_id in s2e_ids:
            began = self._utcnow()
            seen.requests += 1
            self._save(seen, self._adapter.find(s2e_id), began)

    def _save(self, seen: Seen, records: list[CmmsRecord], seen_at: datetime) -> None:
        if not records:
            return
        with self._mirror.transaction() as tx:
            saved = observations.save_cmms(tx, records, seen_at=seen_at)
        seen.observed += saved.observed
        seen.changed += len(saved.changed)


def _seen_page(page: Page) -> SeenPage:
    return SeenPage(
        ids=[order.s2e_id for order in page.orders],
        total=page.total,
        offset=page.offset,
        has_more=page.has_more,
        unreadable=page.unreadable,
    )


def _chunks(records: Iterator[CmmsRecord]) -> Iterator[list[CmmsRecord]]:
    while chunk := list(islice(records, _CHUNK)):
        yield chunk


def _only(names: frozenset[str]) -> str | None:
    """The one name that the API's own filter can be asked for."""
    return next(iter(names)) if len(names) == 1 else None
