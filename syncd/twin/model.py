"""The twin's organisation: its orders, what people do to them, and what a sync does."""

import copy
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.twin.checks import (
    PAGE_LIMIT,
    SYNC_FIELDS,
    Refusal,
    checked_query,
    checked_sync,
    normalised,
)
from syncd.twin.orders import make_order, make_orders
from syncd.twin.seed import Order, seed_order
from syncd.twin.sorted_ids import SortedIds
from syncd.twin.stamps import Stamps

ORDERS = ("hidden", "createdAt", "-createdAt", "updatedAt", "-updatedAt", "id", "unstable")
FILTERS = ("status", "priority", "siteId", "assetId", "syncStatus")


def utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TwinConfig:
    """The twin's switches. The credentials have defaults, so that an example works as it stands.

    Attributes:
        orders: how many orders there are at first.
        seed: the same seed makes the same orders.
        seed_order: whether the documented wo_def456 is one of them.
        order: the list's order. `hidden` is shuffled by the seed, and stable. `unstable` is
            different in every answer.
        page_max: the largest page that is served, even if a larger limit is requested.
        token_idle_s: for how long an issued token is valid after its last use.
        downstream_active: whether the sync call is switched on (else 403).
        rate_limit: requests in each window of `rate_window_s`; None: no request is refused, and
            the headers show a large number. A window ends on a whole second, as the headers say.
        shared_budget: whether v1 and sync calls spend one budget, or each its own.
        retry_after: whether a 429 carries Retry-After.
        read_lag_s: for how long list and get show the state from before a sync.
        normalise: trim text to NFC, round hours to two decimals, cut times to seconds.
        ignore_fields: fields of a sync that are accepted with success and not stored.
        clock: the twin's time, aware.
    """

    orders: int = 28
    seed: int = 1
    seed_order: bool = True
    order: str = "hidden"
    page_max: int = PAGE_LIMIT
    v1_token: str = "twin-v1-token"
    client_id: str = "twin-client"
    client_secret: str = "twin-secret"
    token_idle_s: float = 86400
    downstream_token: str = "twin-downstream-token"
    downstream_key: str = "twin-downstream-key"
    downstream_active: bool = True
    rate_limit: int | None = None
    rate_window_s: float = 60
    shared_budget: bool = True
    retry_after: bool = True
    read_lag_s: float = 0
    normalise: bool = False
    ignore_fields: frozenset[str] = frozenset()
    clock: Callable[[], datetime] = field(default=utcnow)

    def __post_init__(self) -> None:
        """Raise ValueError for a switch that cannot have its value."""
        unknown = sorted(self.ignore_fields - set(SYNC_FIELDS))
        for wrong, why in (
            (self.orders < 0, "orders is 0 or more"),
            (self.order not in ORDERS, f"order is one of {', '.join(ORDERS)}"),
            (not 1 <= self.page_max <= PAGE_LIMIT, f"page_max is 1 to {PAGE_LIMIT}"),
            (self.rate_limit is not None and self.rate_limit < 1, "rate_limit is 1 or more"),
            (self.rate_window_s <= 0, "rate_window_s is more than 0"),
            (self.read_lag_s < 0, "read_lag_s is 0 or more"),
            (bool(unknown), f"a sync has no field {', '.join(unknown)}"),
        ):
            if wrong:
                raise ValueError(why)


class Organisation:
    """The orders. Every method may be called from any thread.

    An order is never changed in place: an edit replaces it by a new one. So the orders that a
    request has got stay as they were.
    """

    def __init__(self, config: TwinConfig, lock: "threading.RLock | None" = None) -> None:
        self._config = config
        self._lock = lock or threading.RLock()
        made = make_orders(config.orders, config.seed)
        if config.seed_order and made:
            made[-1] = seed_order()
        self._orders: dict[str, Order] = {order["id"]: order for order in made}
        self._numbers = len(made)
        self._added = random.Random(f"added {config.seed}")
        self._unstable = random.Random(f"unstable {config.seed}")
        self._stamps = Stamps()
        self._earlier: dict[str, list[tuple[datetime, Order]]] = {}  # what lagging reads show
        self._refused: dict[str, str] = {}
        self._sorted: SortedIds | None = None  # made with the first list

    # ── what people do ────────────────────────────────────────────────────────────────────

    def add(self, **fields: Any) -> str:
        """Raise a new work order and return its id. It is ASSIGNED unless `fields` say another."""
        with self._lock:
            self._numbers += 1
            stamp = self._stamp()
            times = ("startedAt", "completedAt", "actualHours")
            texts = ("rootCause", "resolution", "closureNote")
            order = make_order(self._added, self._numbers)
            order |= dict.fromkeys((*times, *texts))
            order |= {"status": "ASSIGNED", "tasks": [], "createdAt": stamp, "updatedAt": stamp}
            order |= copy.deepcopy(fields)
            if order["id"] in self._orders:
                raise ValueError(f"there is an order {order['id']} already")
            self._put(order)
            return str(order["id"])

    def edit(self, s2e_id: str, **fields: Any) -> None:
        """Change an order as a person does: these fields, and updatedAt.

        Names and values are not checked, because an API may grow. Reads show the edit at once,
        even those that lag behind a sync. Raises KeyError.
        """
        with self._lock:
            order = self._orders[s2e_id]
            if fields.get("id", s2e_id) != s2e_id:
                raise ValueError("an order keeps its id")
            changes = {"updatedAt": self._stamp(order)} | copy.deepcopy(fields)
            self._put(order | changes)
            if s2e_id in self._earlier:
                lagging = [(until, old | changes) for until, old in self._earlier[s2e_id]]
                self._earlier[s2e_id] = lagging

    def delete(self, s2e_id: str) -> None:
        """Delete an order. Raises KeyError."""
        with self._lock:
            order = self._orders.pop(s2e_id)
            self._earlier.pop(s2e_id, None)
            if self._sorted is not None:
                self._sorted.remove(order)

    def refuse(self, s2e_id: str, message: str | None = "Validation error") -> None:
        """Answer 400 with this text to every sync of this order; None: accept them again."""
        with self._lock:
            if message is None:
                self._refused.pop(s2e_id, None)
            else:
                self._refused[s2e_id] = message

    def order(self, s2e_id: str) -> Order:
        """Return a copy of the order as it really is, with its tasks. Raises KeyError."""
        with self._lock:
            copied: Order = _copied(self._orders[s2e_id])
        return copied

    def orders(self) -> list[Order]:
        """Return a copy of all orders as they really are, in the order of their making."""
        with self._lock:
            return [_copied(order) for order in self._orders.values()]

    def ids(self) -> list[str]:
        """Return the ids of all orders, in the order of their making."""
        with self._lock:
            return list(self._orders)

    # ── the API's three calls ─────────────────────────────────────────────────────────────

    def page(self, query: Mapping[str, str]) -> Order:
        """Return the body of a list answer. Raises Refusal(400)."""
        limit, offset = checked_query(query)
        limit = min(limit, self._config.page_max)
        wanted = {name: query[name] for name in FILTERS if name in query}
        with self._lock:
            ids = self._in_order()
            if wanted:
                ids = [s2e_id for s2e_id in ids if _matches(self._shown(s2e_id), wanted)]
            page = [self._shown(s2e_id) for s2e_id in ids[offset : offset + limit]]
        return {
            "workOrders": [
                {name: value for name, value in order.items() if name != "tasks"} for order in page
            ],
            "pagination": {
                "total": len(ids),
                "limit": limit,
                "offset": offset,
                "hasMore": offset + limit < len(ids),
            },
        }

    def get(self, s2e_id: str) -> Order:
        """Return the body of a get answer, with the tasks. Raises Refusal(404)."""
        with self._lock:
            if s2e_id not in self._orders:
                raise Refusal(404, "Work order not found")
            return self._shown(s2e_id)

    def sync(self, s2e_id: str, body: Any) -> dict[str, tuple[Any, Any]]:
        """Apply a sync body; return each field's value before and after.

        The order is SYNCED after it; lastSyncedAt and updatedAt get the same new stamp.
        Raises Refusal(404 or 400); then nothing is changed.
        """
        with self._lock:
            if s2e_id not in self._orders:
                raise Refusal(404, "Work order not found")
            values = checked_sync(body)
            if s2e_id in self._refused:
                raise Refusal(400, self._refused[s2e_id])
            before = self._orders[s2e_id]
            kept = {n: v for n, v in values.items() if n not in self._config.ignore_fields}
            if self._config.normalise:
                kept = {name: normalised(name, value) for name, value in kept.items()}
            stamp = self._stamp(before)
            synced = {"syncStatus": "SYNCED", "lastSyncedAt": stamp, "updatedAt": stamp}
            after = before | kept | synced
            if self._config.read_lag_s > 0:
                until = self._config.clock() + timedelta(seconds=self._config.read_lag_s)
                self._earlier.setdefault(s2e_id, []).append((until, before))
            self._put(after)
            return {name: (before.get(name), after.get(name)) for name in values}

    # ── inside ────────────────────────────────────────────────────────────────────────────

    def _put(self, order: Order) -> None:
        before = self._orders.get(order["id"])
        self._orders[order["id"]] = order
        if self._sorted is not None:
            if before is not None:
                self._sorted.remove(before)
            self._sorted.add(order)

    def _shown(self, s2e_id: str) -> Order:
        """Return the order as a read shows it: as before the first sync that still lags."""
        earlier = self._earlier.get(s2e_id)
        if earlier is None:
            return self._orders[s2e_id]
        now = self._config.clock()
        lagging = [(until, order) for until, order in earlier if now < until]
        if not lagging:
            del self._earlier[s2e_id]
            return self._orders[s2e_id]
        self._earlier[s2e_id] = lagging
        return lagging[0][1]

    def _in_order(self) -> list[str]:
        by, seed = self._config.order, self._config.seed
        if by == "unstable":
            ids = sorted(self._orders)
            self._unstable.shuffle(ids)
            return ids
        if self._sorted is None or self._sorted.by != by:
            self._sorted = SortedIds(by, seed, self._orders.values())
        return self._sorted.ids()

    def _stamp(self, order: Order | None = None) -> str:
        changed_at = None if order is None else order.get("updatedAt")
        return self._stamps.next(self._config.clock(), changed_at)


def _copied(value: Any) -> Any:
    """Return a copy of a JSON value; `copy.deepcopy` takes five times as long."""
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _matches(order: Order, wanted: Mapping[str, str]) -> bool:
    site = ((order.get("asset") or {}).get("site") or {}).get("id")
    return all(
        (site if name == "siteId" else order.get(name)) == value for name, value in wanted.items()
    )
