"""Pages and single orders of Scan2Evolve, read into the mirror and counted.

What was seen is saved, and that is all: nothing here decides what is asked for next.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from syncd.core.order_json import OrderJson
from syncd.core.paging.lane import Lane
from syncd.core.paging.pages import PAGE_LIMIT, SeenPage
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Status
from syncd.engine.request import ReadRequest
from syncd.engine.results import S2eRead
from syncd.errors import NotFound, RemoteError, UnexpectedContent, Unreachable
from syncd.mirror import observations
from syncd.mirror.db.database import Mirror
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.scan2evolve.wire import Page

_FAILURES_IN_A_ROW = 3  # orders asked for by id; after these the side counts as down


@dataclass(frozen=True, slots=True)
class Filters:
    """The site and the asset that the API itself can filter by; None: no such filter."""

    site: str | None
    asset: str | None

    @classmethod
    def of(cls, policy: Policy) -> "Filters":
        """The filters of the settings: a site or an asset, where they name just one of these."""
        return cls(_only(policy.site_ids), _only(policy.asset_ids))


@dataclass(slots=True)
class S2ePages:
    """Reads for one cycle, and counts what it reads.

    Attributes:
        observed, changed, sweep, sweep_reason, unread, not_found, failed: see `S2eRead`.
    """

    client: Scan2EvolveClient
    mirror: Mirror
    utcnow: Callable[[], datetime]
    filters: Filters
    observed: int = 0
    changed: int = 0
    sweep: str = "none"
    sweep_reason: str | None = None
    unread: bool = False
    not_found: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def result(self, error: RemoteError | None) -> S2eRead:
        """What has been read so far."""
        return S2eRead(
            observed=self.observed,
            changed=self.changed,
            error=error,
            sweep=self.sweep,
            sweep_reason=self.sweep_reason,
            unread=self.unread,
            not_found=tuple(self.not_found),
            failed=tuple(self.failed),
        )

    def count(self, observed: int, changed: Collection[str]) -> None:
        """Count what was saved."""
        self.observed += observed
        self.changed += len(changed)

    # ── lists ─────────────────────────────────────────────────────────────────────────────

    def fetch(
        self, lane: Lane, *, status: Status | None = None, sync_status: str | None = None
    ) -> Page:
        """The page that the lane asks for; nothing is saved. Raises RemoteError."""
        return self.client.list_work_orders(
            status=status,
            sync_status=sync_status,
            site_id=self.filters.site,
            asset_id=self.filters.asset,
            limit=PAGE_LIMIT,
            offset=lane.next_offset or 0,
        )

    def read_page(
        self, lane: Lane, *, status: Status | None = None, sync_status: str | None = None
    ) -> list[str]:
        """Read one page of a lane; return the ids that it showed. Raises RemoteError."""
        seen_at = self.utcnow()
        page = self.fetch(lane, status=status, sync_status=sync_status)
        self._save(page.orders, seen_at)
        lane.take(seen_page(page, status=status))
        return [order.s2e_id for order in page.orders]

    def read_to_end(
        self, lane: Lane, *, status: Status | None = None, sync_status: str | None = None
    ) -> None:
        """Read what is left of a lane. Raises RemoteError."""
        while lane.next_offset is not None:
            self.read_page(lane, status=status, sync_status=sync_status)
        if lane.anomaly is not None:
            log = structlog.get_logger()
            log.warning("api.paging_anomaly", reason=lane.anomaly, status=status)

    def read_total(self, sync_status: str) -> int | None:
        """How many orders have this syncStatus, by a page of one."""
        seen_at = self.utcnow()
        page = self.client.list_work_orders(
            sync_status=sync_status,
            limit=1,
            site_id=self.filters.site,
            asset_id=self.filters.asset,
        )
        self._save(page.orders, seen_at)
        return page.total

    # ── single orders ─────────────────────────────────────────────────────────────────────

    def read_orders(
        self, request: ReadRequest, s2e_ids: Iterable[str], *, nothing_else: bool = False
    ) -> None:
        """Read these orders one by one. A 404 only nominates (`absence.py`).

        One order that cannot be read does not end the reading. Several in a row do; so do all of
        them, if nothing else is read of the side. Raises RemoteError.

        Args:
            nothing_else: these orders are all that this cycle reads of Scan2Evolve.
        """
        in_a_row, answered = 0, False
        last: RemoteError | None = None
        for s2e_id in s2e_ids:
            if request.stopping():
                return
            seen_at = self.utcnow()
            try:
                order = self.client.get_work_order(s2e_id)
            except NotFound:
                self.not_found.append(s2e_id)
                answered = True
                continue
            except (Unreachable, UnexpectedContent) as error:
                self.failed.append(s2e_id)
                last = error
                in_a_row += 1
                if in_a_row >= _FAILURES_IN_A_ROW:
                    raise
                continue
            in_a_row, answered = 0, True
            self._save([order], seen_at)
        if nothing_else and last is not None and not answered:
            raise last

    def _save(self, orders: Collection[OrderJson], seen_at: datetime) -> None:
        with self.mirror.transaction(durable=False) as tx:
            saved = observations.save_s2e(tx, list(orders), seen_at=seen_at)
        self.count(saved.observed, saved.changed)


def seen_page(page: Page, *, first: int | None = None, status: Status | None = None) -> SeenPage:
    """A page as paging decisions need it.

    Args:
        first: how many of its orders the sweep had not met before.
        status: the filter that was asked for.
    """
    foreign = 0
    if status is not None:
        foreign = sum(order.field(Field.STATUS) != status for order in page.orders)
    return SeenPage(
        rows=[order.row for order in page.orders],
        total=page.total,
        offset=page.offset,
        has_more=page.has_more,
        first=first,
        unreadable=page.unreadable,
        foreign=foreign,
    )


def _only(names: frozenset[str]) -> str | None:
    """The only name; None where there is none or more than one, since the API filters by one."""
    return next(iter(names)) if len(names) == 1 else None
