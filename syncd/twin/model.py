"""The twin's organisation: its orders, what people do to them, and what a sync does."""

import copy
import hashlib
import math
import random
import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

STATUSES = ("DRAFT", "ASSIGNED", "IN_PROGRESS", "ON_HOLD", "COMPLETED", "CANCELLED")
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
SYNC_STATUSES = ("PENDING", "SYNCED", "FAILED")
LIMITS = {"rootCause": 500, "resolution": 2000, "closureNote": 2000}  # UTF-16 units
SYNC_FIELDS = (
    "externalId",
    "status",
    "externalStatus",
    "externalUrl",
    "rootCause",
    "resolution",
    "closureNote",
    "completedAt",
    "actualHours",
)
ORDERS = ("hidden", "id", "createdAt", "-createdAt", "updatedAt", "-updatedAt", "unstable")
Order = dict[str, Any]


def utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TwinConfig:
    """The twin's switches. Credentials are fixed, so that an example needs no copying.

    Attributes:
        order: the hidden order of the list; `unstable` changes with every request.
        page_max: the largest page it serves, whatever limit is asked for.
        read_lag_s: for how long reads show the state from before a sync.
        normalise: trim text, round hours to two places, cut times to seconds.
        ignore_fields: taken with success, and not kept.
    """

    orders: int = 28
    seed: int = 1
    seed_order: bool = True
    order: str = "hidden"
    page_max: int = 200
    v1_token: str = "twin-v1-token"
    client_id: str = "twin-client"
    client_secret: str = "twin-secret"
    token_idle_s: float = 86400
    downstream_token: str = "twin-downstream-token"
    downstream_key: str = "twin-downstream-key"
    downstream_active: bool = True
    rate_limit: int = 6000
    rate_window_s: float = 60
    read_lag_s: float = 0
    normalise: bool = False
    ignore_fields: frozenset[str] = frozenset()
    clock: Callable[[], datetime] = field(default=utcnow)


class Refusal(Exception):
    """An answer other than success: status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Organisation:
    """The orders. Safe to use from several threads."""

    def __init__(self, config: TwinConfig) -> None:
        self.config = config
        self.lock = threading.RLock()
        self._random = random.Random(config.seed)
        self._unstable = random.Random(config.seed + 1)
        self._last = config.clock()
        self._orders: dict[str, Order] = {}
        self._tasks: dict[str, list[Order]] = {}
        self._before: dict[str, tuple[datetime, Order]] = {}  # what lagging reads still show
        self._refused: dict[str, str] = {}
        self._made = 0
        count = config.orders
        if config.seed_order and count:
            order, tasks = seed_order()
            self._orders[order["id"]] = order
            self._tasks[order["id"]] = tasks
            count -= 1
        for _ in range(count):
            order = self._make()
            self._orders[order["id"]] = order

    # ── what people do ────────────────────────────────────────────────────────────────────

    def add(self, **fields: Any) -> str:
        """Raise a new work order; return its id."""
        with self.lock:
            order = self._make() | {"status": "ASSIGNED", "syncStatus": "PENDING"}
            for name in (*LIMITS, "completedAt", "actualHours", "startedAt"):
                order[name] = None
            stamp = self._stamp()
            order |= {"createdAt": stamp, "updatedAt": stamp} | fields
            self._orders[order["id"]] = order
            return str(order["id"])

    def edit(self, s2e_id: str, **fields: Any) -> None:
        """Change an order as a person would: it moves updatedAt and nothing else by itself."""
        with self.lock:
            self._orders[s2e_id] |= fields | {"updatedAt": self._stamp()}
            self._before.pop(s2e_id, None)

    def delete(self, s2e_id: str) -> None:
        with self.lock:
            del self._orders[s2e_id]
            self._before.pop(s2e_id, None)

    def refuse(self, s2e_id: str, text: str = "Validation error") -> None:
        """From now on a sync of this order answers 400."""
        self._refused[s2e_id] = text

    def order(self, s2e_id: str) -> Order:
        """The order as it really is."""
        with self.lock:
            return copy.deepcopy(self._orders[s2e_id])

    def orders(self) -> list[Order]:
        with self.lock:
            return [copy.deepcopy(order) for order in self._orders.values()]

    # ── the API's three calls ─────────────────────────────────────────────────────────────

    def page(self, query: Mapping[str, str]) -> Order:
        """The answer to a list request. Raises Refusal(400)."""
        limit, offset = _whole(query, "limit", 50, 1, 200), _whole(query, "offset", 0, 0, None)
        for name, allowed in (
            ("status", STATUSES),
            ("priority", PRIORITIES),
            ("syncStatus", SYNC_STATUSES),
        ):
            if name in query and query[name] not in allowed:
                raise Refusal(400, f"Invalid {name}")
        limit = min(limit, self.config.page_max)
        with self.lock:
            rows = [order for order in self._shown() if _matches(order, query)]
            rows.sort(key=lambda order: str(order["id"]))
            self._sort(rows)
            page = copy.deepcopy(rows[offset : offset + limit])
        return {
            "workOrders": page,
            "pagination": {
                "total": len(rows),
                "limit": limit,
                "offset": offset,
                "hasMore": offset + limit < len(rows),
            },
        }

    def get(self, s2e_id: str) -> Order:
        """One order with its tasks. Raises Refusal(404)."""
        with self.lock:
            shown = {order["id"]: order for order in self._shown()}
            if s2e_id not in shown:
                raise Refusal(404, "Work order not found")
            return {**copy.deepcopy(shown[s2e_id]), "tasks": self._tasks.get(s2e_id, [])}

    def sync(self, s2e_id: str, body: Any) -> dict[str, tuple[Any, Any]]:
        """Apply a sync body; return each field's value before and after. Raises Refusal."""
        with self.lock:
            if s2e_id not in self._orders:
                raise Refusal(404, "Work order not found")
            validate_sync(body)
            if s2e_id in self._refused:
                raise Refusal(400, self._refused[s2e_id])
            order = self._orders[s2e_id]
            before = copy.deepcopy(order)
            kept = {k: v for k, v in body.items() if k not in self.config.ignore_fields}
            if self.config.normalise:
                kept = {name: _normalised(value) for name, value in kept.items()}
            stamp = self._stamp()
            order |= kept | {"syncStatus": "SYNCED", "lastSyncedAt": stamp, "updatedAt": stamp}
            if self.config.read_lag_s > 0:
                self._before[s2e_id] = (self.config.clock(), before)
            return {name: (before.get(name), order.get(name)) for name in body}

    # ── inside ────────────────────────────────────────────────────────────────────────────

    def _shown(self) -> list[Order]:
        """The orders as a read shows them: some as they were before a recent sync."""
        now, lag = self.config.clock(), timedelta(seconds=self.config.read_lag_s)
        shown = []
        for s2e_id, order in self._orders.items():
            since, before = self._before.get(s2e_id, (None, order))
            shown.append(before if since is not None and now - since < lag else order)
        return shown

    def _sort(self, rows: list[Order]) -> None:
        how = self.config.order
        if how == "unstable":
            self._unstable.shuffle(rows)
        elif how == "hidden":
            rows.sort(key=lambda order: _shuffled(self.config.seed, str(order["id"])))
        elif how != "id":
            rows.sort(key=lambda order: str(order[how.removeprefix("-")]))
            if how.startswith("-"):
                rows.reverse()

    def _stamp(self) -> str:
        """Now, and later than every stamp before it, so that no two changes share one."""
        self._last = max(self.config.clock(), self._last + timedelta(milliseconds=1))
        return _text(self._last)

    def _make(self) -> Order:
        self._made += 1
        return make_order(self._random, self._made, self._last)


def _whole(query: Mapping[str, str], name: str, default: int, least: int, most: int | None) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Refusal(400, f"Invalid {name}")
    number = int(text)
    if number < least or (most is not None and number > most):
        raise Refusal(400, f"Invalid {name}")
    return number


def _matches(order: Order, query: Mapping[str, str]) -> bool:
    site = ((order.get("asset") or {}).get("site") or {}).get("id")
    told = {**order, "siteId": site}
    names = ("status", "priority", "siteId", "assetId", "syncStatus")
    return all(told.get(name) == query[name] for name in names if name in query)


def validate_sync(body: Any) -> None:
    """Raise Refusal(400) for whatever the documented call does not take."""
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object")
    for name, value in body.items():
        if name not in SYNC_FIELDS:
            raise Refusal(400, f"Unknown field {name}")
        if name == "actualHours":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Refusal(400, "actualHours must be a number")
            if not math.isfinite(value) or value < 0:
                raise Refusal(400, "actualHours must not be negative")
            continue
        if not isinstance(value, str):
            raise Refusal(400, f"{name} must be a string")
        if name == "status" and value not in STATUSES:
            raise Refusal(400, "Invalid status")
        if name == "completedAt":
            _validate_time(value)
        if name == "externalUrl" and not _is_url(value):
            raise Refusal(400, "externalUrl must be a URL")
        units = len(value.encode("utf-16-le", "surrogatepass")) // 2
        if units > LIMITS.get(name, units):
            raise Refusal(400, f"{name} is longer than {LIMITS[name]} characters")


def _validate_time(text: str) -> None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, "completedAt must be an ISO 8601 datetime") from None
    if moment.tzinfo is None:
        raise Refusal(400, "completedAt needs a time zone")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and " " not in text


def _normalised(value: Any) -> Any:
    if isinstance(value, str):
        text = " ".join(unicodedata.normalize("NFC", value).split())
        if len(text) > 10 and text[10] == "T" and text.endswith("Z") and "." in text:
            return text.partition(".")[0] + ".000Z"
        return text
    return round(value, 2)


def _shuffled(seed: int, name: str) -> str:
    return hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).hexdigest()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_MACHINES = ("Pump", "Conveyor", "Boiler", "Chiller", "Compressor", "Press", "Förderband", "Silo")
_WORK = ("Replace bearing on", "Leak at", "Noise from", "Guard loose on", "Überprüfung:", "Seal on")
_PEOPLE = ("Jane Doe", "John Smith", "Søren Møller", "Ana Gómez", "李伟")
_SITES = (("site_789", "Melbourne Warehouse", "MEL-WH"), ("site_790", "Graz Werk 2", "GRZ-2"))


def make_order(rng: random.Random, number: int, now: datetime) -> Order:
    """One made-up order; the same random state gives the same order."""
    status = rng.choice(STATUSES)
    begun = status in {"IN_PROGRESS", "ON_HOLD", "COMPLETED"}
    done = status == "COMPLETED"
    machine = f"{rng.choice(_MACHINES)} {rng.choice('ABCD')}{rng.randrange(1, 40)}"
    created = now - timedelta(hours=rng.randrange(24, 2000), milliseconds=number)
    site = rng.choice(_SITES) if rng.random() < 0.9 else None
    asset = None
    if rng.random() < 0.9:
        asset = {
            "id": f"asset_{rng.randrange(1000)}",
            "name": machine,
            "code": machine.upper().replace(" ", "-"),
            "site": None if site is None else dict(zip(("id", "name", "code"), site, strict=True)),
        }
    return {
        "id": f"wo_{rng.randrange(16**6):06x}{number:05x}",
        "title": f"{rng.choice(_WORK)} {machine}",
        "description": "Found during inspection." if rng.random() < 0.7 else None,
        "priority": rng.choice(PRIORITIES),
        "status": status,
        "location": f"Building {rng.randrange(1, 9)}" if rng.random() < 0.8 else None,
        "assetId": asset["id"] if asset else None,
        "assetName": asset["name"] if asset else None,
        "estimatedHours": rng.randrange(1, 40) / 4 if rng.random() < 0.8 else None,
        "actualHours": rng.randrange(1, 40) / 4 if done else None,
        "dueDate": _text(created + timedelta(days=rng.randrange(1, 60)))
        if rng.random() < 0.8
        else None,
        "startedAt": _text(created + timedelta(hours=2)) if begun else None,
        "completedAt": _text(created + timedelta(hours=9)) if done else None,
        "createdBy": _person(rng),
        "assignedTo": _person(rng) if status != "DRAFT" else None,
        "assignedToGroup": {"id": "grp_maint", "name": "Maintenance Team"}
        if rng.random() < 0.5
        else None,
        "asset": asset,
        "sourceInspection": {"id": f"ins_{number}", "inspectionNumber": f"INS-2026-{number:04}"}
        if rng.random() < 0.5
        else None,
        "externalId": None,
        "externalStatus": None,
        "externalUrl": None,
        "syncStatus": "PENDING",
        "lastSyncedAt": None,
        "rootCause": "Wear" if done else None,
        "resolution": "Part replaced, test run passed" if done else None,
        "closureNote": "Check again in a month" if done and rng.random() < 0.5 else None,
        "createdAt": _text(created),
        "updatedAt": _text(created + timedelta(hours=10)),
    }


def _person(rng: random.Random) -> Order:
    number = rng.randrange(len(_PEOPLE))
    person: Order = {"id": f"usr_{number:03}", "name": _PEOPLE[number]}
    if rng.random() < 0.8:
        person["email"] = f"user{number}@example.com"
    return person


def seed_order() -> tuple[Order, list[Order]]:
    """The work order of Scan2Evolve's own documentation, and its two tasks."""
    john = {"id": "usr_002", "name": "John Smith"}
    order = {
        "id": "wo_def456",
        "title": "Replace bearing on Pump A",
        "description": "Bearing failure detected during inspection. Replace and realign shaft.",
        "priority": "HIGH",
        "status": "COMPLETED",
        "location": "Building 3, Level 2",
        "assetId": "asset_456",
        "assetName": "Centrifugal Pump A",
        "estimatedHours": 6.0,
        "actualHours": 4.5,
        "dueDate": "2026-03-15T00:00:00.000Z",
        "startedAt": "2026-03-09T08:00:00.000Z",
        "completedAt": "2026-03-10T14:30:00.000Z",
        "createdBy": {"id": "usr_001", "name": "Jane Doe", "email": "jane.doe@example.com"},
        "assignedTo": {**john, "email": "john.smith@example.com"},
        "assignedToGroup": {"id": "grp_maint", "name": "Maintenance Team"},
        "asset": {
            "id": "asset_456",
            "name": "Centrifugal Pump A",
            "code": "PUMP-A-001",
            "site": {"id": "site_789", "name": "Melbourne Warehouse", "code": "MEL-WH"},
        },
        "sourceInspection": {"id": "ins_012", "inspectionNumber": "INS-2026-0042"},
        "externalId": "CMMS-WO-90215",
        "externalStatus": "Closed",
        "externalUrl": "https://cmms.example.com/work-orders/90215",
        "syncStatus": "SYNCED",
        "lastSyncedAt": "2026-03-10T15:00:00.000Z",
        "rootCause": "Equipment Failure",
        "resolution": "Replaced faulty bearing and realigned shaft",
        "closureNote": "Verified pump operating within spec after repair",
        "createdAt": "2026-03-08T09:30:00.000Z",
        "updatedAt": "2026-03-10T15:00:00.000Z",
    }
    first = {
        "id": "task_001",
        "taskNumber": "TSK-2026-0101",
        "title": "Remove old bearing",
        "status": "COMPLETED",
        "assignedTo": john,
        "estimatedHours": 2.0,
        "actualHours": 1.5,
        "completionNote": "Old bearing removed, housing cleaned",
        "createdAt": "2026-03-09T08:00:00.000Z",
        "startedAt": "2026-03-09T08:15:00.000Z",
        "completedAt": "2026-03-09T10:00:00.000Z",
    }
    second = {
        "id": "task_002",
        "taskNumber": "TSK-2026-0102",
        "title": "Install new bearing and realign shaft",
        "status": "COMPLETED",
        "assignedTo": john,
        "estimatedHours": 4.0,
        "actualHours": 3.0,
        "completionNote": "Bearing installed, shaft aligned, test run passed",
        "createdAt": "2026-03-09T10:00:00.000Z",
        "startedAt": "2026-03-09T10:30:00.000Z",
        "completedAt": "2026-03-10T13:45:00.000Z",
    }
    return order, [first, second]
