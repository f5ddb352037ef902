"""Read Scan2Evolve's work orders into the mirror: the lanes of one tick.

    lane    what                                       how
    ─────   ────────────────────────────────────────   ─────────────────────────────────────────
    hot     each open status                           listed every tick; what does not fit into
                                                       the budget in turn (`_rotate`)
            PENDING, FAILED                            their totals; listed if they differ
            open in the mirror, met in no list         found by whatever costs least (`look`)
            a write in doubt, a 404 of last time,      asked by id
            an id that only the CMMS knows
    cold    everything                                 a slice of a sweep (`read_sweep.py`)

Nothing here decides what is written; what was seen is saved, and that is all. An order in which
the list was found saves requests and nothing else: whoever a page does not show is asked by id.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

import structlog

from syncd.core.case import Intent, IntentState
from syncd.core.paging.lane import Lane
from syncd.core.paging.list_order import ListOrder, still_possible
from syncd.core.paging.pages import PAGE_LIMIT, quiet_pages
from syncd.core.planning.guards import not_found_latch
from syncd.core.policy import Policy
from syncd.core.work_order import OPEN_STATUSES, Side, Status
from syncd.engine.read_sweep import Progress, Sweeping
from syncd.engine.request import ReadRequest, Seen, keep, seen_page
from syncd.errors import NotFound, RemoteError, UnexpectedContent, Unreachable
from syncd.mirror import journal, lanes, observations, state
from syncd.mirror.db.database import Mirror
from syncd.mirror.guards import latch_guard
from syncd.mirror.intents import open_intents
from syncd.scan2evolve.client import Scan2EvolveClient

_FAILURES_IN_A_ROW = 3  # orders asked by id, after which the side is taken for down
_UNKNOWN_CLAIMS = 50  # ids that only the CMMS knows, asked upstream in one cycle
_LANE_PAGES = 3  # of a lane whose total has changed, before it is left to the sweep
_WORTH_A_LIST = 2  # orders that one list request has to show, or they are asked by id


class S2ePoll:
    """Reads one side for one connection; made anew for each cycle."""

    def __init__(
        self,
        client: Scan2EvolveClient,
        mirror: Mirror,
        policy: Policy,
        utcnow: Callable[[], datetime],
        sweep_every: timedelta,
        progressed: Callable[[Progress], None],
        read_before: set[str],
    ) -> None:
        """Args:
        read_before: orders that were read by id because something was to be sent to them, and
            have not been confirmed; kept from cycle to cycle.
        """
        self._client = client
        self._mirror = mirror
        self._utcnow = utcnow
        self._sweep_every = sweep_every
        self._read_before = read_before
        self._log = structlog.get_logger()
        self._site, self._asset = _only(policy.site_ids), _only(policy.asset_ids)
        self._sweeping = Sweeping(
            client=client,
            mirror=mirror,
            filters={"site": self._site, "asset": self._asset},
            utcnow=utcnow,
            sweep_every=sweep_every,
            progressed=progressed,
        )

    def read(self, reading: ReadRequest) -> Seen:
        """Read what is due. An error ends the reading, keeps what was read, and is returned."""
        seen = Seen()
        try:
            if reading.only is not None:
                alone = self.look(reading, seen, reading.only, again=True)
                self.get(reading, seen, sorted(alone), nothing_else=True)
            else:
                self._read_lanes(reading, seen)
        except RemoteError as error:
            seen.error = error
        self.nominate(reading, seen.not_found)
        return seen

    def sweep(self, reading: ReadRequest, seen: Seen) -> None:
        """Read what is due of the whole list. Raises RemoteError."""
        self._sweeping.slice(reading, seen)

    def _read_lanes(self, reading: ReadRequest, seen: Seen) -> None:
        with self._mirror.read() as tx:
            empty = not observations.has_live_orders(tx)
            resumed = state.running_sweep(tx) is not None
        open_since: datetime | None = reading.started
        # A whole read that begins now shows the open orders too; one that goes on may have
        # passed them long ago.
        if not empty and (resumed or not reading.full):
            open_since = self._hot(reading, seen)
            self._watch_totals(seen)
        self.sweep(reading, seen)
        self._ask(reading, seen, open_since)

    # ── the hot lanes ─────────────────────────────────────────────────────────────────────

    def _hot(self, reading: ReadRequest, seen: Seen) -> datetime | None:
        """Read the open statuses, or as much as may be spent on them; return since when every
        open order has been fresh that there is, or None while that is not so."""
        fresh = {status: Lane() for status in OPEN_STATUSES}
        for status, lane in fresh.items():
            self._list(seen, lane, status=status)
        left, needed = self._client.reads_left(), sum(lane.pages_left for lane in fresh.values())
        if left is not None and needed > left // 2:
            return self._rotate(reading, seen, fresh, max(left // 2, 1))
        for status, lane in fresh.items():
            self._list_all(seen, lane, status=status)
        # Who is absent from a lane that is not what it says is not asked by id, tick after tick.
        odd = any(lane.anomaly is not None for lane in fresh.values())
        return None if odd else reading.started

    def _rotate(
        self, reading: ReadRequest, seen: Seen, fresh: dict[Status, Lane], at_most: int
    ) -> datetime | None:
        """The first pages were read; read on where the last tick ended, and keep the place."""
        with self._mirror.read() as tx:
            stored = state.get_state(tx, state.LANES)
        began, places = reading.started, fresh
        if stored is not None:
            began = datetime.fromisoformat(stored["began"])
            places = {Status(name): Lane.load(lane) for name, lane in stored["lanes"].items()}
        for status, lane in places.items():
            while lane.next_offset is not None and at_most > 0:
                self._list(seen, lane, status=status)
                at_most -= 1
        through = all(lane.next_offset is None for lane in places.values())
        dumped = {status.value: lane.dump() for status, lane in places.items()}
        kept = None if through else {"began": began.isoformat(), "lanes": dumped}
        with self._mirror.transaction() as tx:
            state.set_state(tx, state.LANES, kept)
        odd = any(lane.anomaly is not None for lane in places.values())
        return began if through and not odd else None

    def _watch_totals(self, seen: Seen) -> None:
        """PENDING and FAILED beyond the open statuses: have there come to be more, or fewer?"""
        for sync_status in ("PENDING", "FAILED"):
            with self._mirror.read() as tx:
                known = observations.sync_status_count(tx, sync_status)
            seen_at = self._utcnow()
            page = self._client.list_work_orders(
                sync_status=sync_status, limit=1, site_id=self._site, asset_id=self._asset
            )
            with self._mirror.transaction(durable=False) as tx:
                saved = observations.save_s2e(tx, page.orders, seen_at=seen_at)
            keep(seen, saved.observed, saved.changed)
            if page.total not in {known, None} and quiet_pages(page.total or 0) <= _LANE_PAGES:
                self._list_all(seen, Lane(), sync_status=sync_status)

    def _list_all(
        self,
        seen: Seen,
        lane: Lane,
        *,
        status: Status | None = None,
        sync_status: str | None = None,
    ) -> None:
        while lane.next_offset is not None:
            self._list(seen, lane, status=status, sync_status=sync_status)
        if lane.anomaly is not None:
            self._log.warning("api.paging_anomaly", reason=lane.anomaly, status=status)

    def _list(
        self,
        seen: Seen,
        lane: Lane,
        *,
        status: Status | None = None,
        sync_status: str | None = None,
    ) -> list[str]:
        """Read one page of a lane; return whom it showed."""
        seen_at = self._utcnow()
        page = self._client.list_work_orders(
            status=status,
            sync_status=sync_status,
            site_id=self._site,
            asset_id=self._asset,
            limit=PAGE_LIMIT,
            offset=lane.next_offset or 0,
        )
        with self._mirror.transaction(durable=False) as tx:
            saved = observations.save_s2e(tx, page.orders, seen_at=seen_at)
        keep(seen, saved.observed, saved.changed)
        lane.take(seen_page(page, status=status))
        return [order.s2e_id for order in page.orders]

    # ── whom the lists should have shown ──────────────────────────────────────────────────

    def _ask(self, reading: ReadRequest, seen: Seen, open_since: datetime | None) -> None:
        with self._mirror.read() as tx:
            sought = set() if open_since is None else set(lanes.open_unseen_since(tx, open_since))
            wanted = set(observations.nominated_s2e_ids(tx))
            intents = [each for each in open_intents(tx) if each.side is Side.S2E]
            # One request has been spent on reading these, and one on the write. The next page
            # that shows them confirms it; a third is spent only when that would be late.
            answered = {each.s2e_id for each in intents if each.state is IntentState.ANSWERED}
            self._read_before &= answered
            unconfirmed = set(self._read_before)
            overdue = self._overdue(intents) | lanes.with_changed_record(tx, unconfirmed)
            wanted |= ({each.s2e_id for each in intents} - unconfirmed) | overdue | sought
            unknown = [] if seen.unread else observations.unknown_claims(tx, _UNKNOWN_CLAIMS)
            met = observations.s2e_seen_since(tx, wanted | unconfirmed, reading.started)
        rest = self.look(reading, seen, wanted - met, may_wait=unconfirmed - met - wanted)
        self.get(reading, seen, [*sorted(rest), *unknown])

    def _overdue(self, intents: Collection[Intent]) -> set[str]:
        """Writes that a page of the sweep should have confirmed by now."""
        now = self._utcnow()
        return {
            intent.s2e_id
            for intent in intents
            if intent.answered_at is not None and now - intent.answered_at >= self._sweep_every
        }

    def look(
        self,
        reading: ReadRequest,
        seen: Seen,
        wanted: Collection[str],
        *,
        may_wait: Collection[str] = frozenset(),
        again: bool = False,
    ) -> set[str]:
        """Look for these orders on pages that show several of them at once; return those of
        `wanted` that are left to be asked by id.

        Args:
            may_wait: also welcome, not asked for.
            again: what this cycle has read of them before does not count.
        """
        since = self._utcnow() if again else reading.started
        rest, welcome = set(wanted), set(may_wait)
        with self._mirror.read() as tx:
            newest_first = state.get_state(tx, state.LIST_ORDER) == ListOrder.UPDATED_DOWN
        if newest_first and not again and len(rest) + len(welcome) > _WORTH_A_LIST:
            self._look_at_head(reading, seen, rest, welcome)
        listed = frozenset[Status]() if again else frozenset(OPEN_STATUSES)
        for status, ids, pages in self._lanes_of(rest | welcome, listed):
            if len(ids) >= _WORTH_A_LIST * pages and not reading.reads_over():
                self._list_all(seen, Lane(), status=status)
                with self._mirror.read() as tx:
                    rest -= observations.s2e_seen_since(tx, rest, since)
        return rest

    def _look_at_head(
        self, reading: ReadRequest, seen: Seen, rest: set[str], welcome: set[str]
    ) -> None:
        """What was changed last stands first, as far as the last sweep could tell."""
        lane = Lane()
        while lane.next_offset is not None and len(rest) + len(welcome) > _WORTH_A_LIST:
            met = set(self._list(seen, lane))
            if not still_possible({ListOrder.UPDATED_DOWN}, lane.line):
                with self._mirror.transaction() as tx:
                    state.set_state(tx, state.LIST_ORDER, None)
                return
            found = len(met & rest) + len(met & welcome)
            rest -= met
            welcome -= met
            if found < _WORTH_A_LIST or reading.reads_over():
                return

    def _lanes_of(
        self, ids: Collection[str], listed: frozenset[Status]
    ) -> list[tuple[Status, set[str], int]]:
        """The statuses last seen of these orders, but for those that have been listed, with the
        pages it takes to list each."""
        by_status: dict[Status, set[str]] = {}
        with self._mirror.read() as tx:
            for s2e_id, status in lanes.statuses_of(tx, ids).items():
                if status in Status.__members__ and status not in listed:
                    by_status.setdefault(Status(status), set()).add(s2e_id)
            return [
                (status, found, quiet_pages(lanes.status_count(tx, status)))
                for status, found in by_status.items()
            ]

    def get(
        self,
        reading: ReadRequest,
        seen: Seen,
        s2e_ids: Iterable[str],
        *,
        nothing_else: bool = False,
    ) -> None:
        """Read these orders one by one. A 404 only nominates; see `nominate`.

        One order that cannot be read does not keep us from the others; several in a row do, or
        all of them where nothing else is asked of the side.
        """
        in_a_row, answered = 0, False
        last: RemoteError | None = None
        for s2e_id in s2e_ids:
            if reading.stopping():
                return
            seen_at = self._utcnow()
            try:
                order = self._client.get_work_order(s2e_id)
            except NotFound:
                seen.not_found.append(s2e_id)
                answered = True
                continue
            except (Unreachable, UnexpectedContent) as error:
                seen.failed.append(s2e_id)
                last = error
                in_a_row += 1
                if in_a_row >= _FAILURES_IN_A_ROW:
                    raise
                continue
            in_a_row, answered = 0, True
            with self._mirror.transaction(durable=False) as tx:
                saved = observations.save_s2e(tx, [order], seen_at=seen_at)
            keep(seen, saved.observed, saved.changed)
        if nothing_else and last is not None and not answered:
            raise last

    def refresh(self, reading: ReadRequest, seen: Seen, s2e_ids: Collection[str]) -> None:
        """Look at these orders again before something is based on what they hold."""
        nominated = len(seen.not_found)
        try:
            alone = self.look(reading, seen, s2e_ids, again=True)
            self._read_before |= alone
            self.get(reading, seen, sorted(alone))
        except RemoteError as error:
            seen.error = error
        if len(seen.not_found) > nominated:
            self.nominate(reading, seen.not_found)

    def nominate(self, reading: ReadRequest, not_found: Collection[str]) -> None:
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
                if latch_guard(tx, latch):
                    self._log.error("guard.latched", guard=latch.guard, reason=latch.detail)
                return
            for s2e_id in sorted(known):
                if observations.note_absence(tx, s2e_id, reading.cycle_id):
                    journal.write(tx, "order.tombstoned", cycle_id=reading.cycle_id, s2e_id=s2e_id)
                    self._log.warning("order.tombstoned", s2e_id=s2e_id)


def _only(names: frozenset[str]) -> str | None:
    """The one name that the API's own filter can be asked for."""
    return next(iter(names)) if len(names) == 1 else None
