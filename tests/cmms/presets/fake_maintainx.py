"""MaintainX, written from its OpenAPI document and its notes on polling.

The list leaves out what is not asked for by `expand`, and what starts in the future. A change takes
no status: that has a call of its own, and completing stamps a time that nobody may set. Time is
added in rows and never taken away. Custom fields are keyed by their labels. What is deleted stays
in the list for a while, with a time of deletion.
"""

import base64
from datetime import datetime
from typing import Any

from tests.cmms.presets.server import Answer, Asked, Fake, Refusal

KEY, ORGANIZATION = "maintainx-canary-4719", "77"
S2E, CAUSE = "Scan2Evolve ID", "Root cause"
STATUSES = {"OPEN", "IN_PROGRESS", "ON_HOLD", "DONE", "CANCELED"}  # SKIPPED is only read
PRIORITIES = {"NONE", "LOW", "MEDIUM", "HIGH"}
# What a change takes; whatever else it is sent it passes over.
TAKEN = ("title", "description", "priority", "dueDate")
LABELS = {S2E: "s2e", CAUSE: "cause"}
_EXPANDED = {
    "extra_fields": "extraFields",
    "time_items": "timeItems",
    "estimated_time": "estimatedTime",
}


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class FakeMaintainX(Fake):
    """The server's world: work orders by their id, custom fields under short names.

    Attributes:
        tombs: what was deleted.
        several: whether the key reaches several organisations, and has to name one.
    """

    root = "/v1/workorders"
    several = False

    def __init__(self) -> None:
        super().__init__()
        self.tombs: list[dict[str, Any]] = []

    def add(self, **values: Any) -> str:
        number = self.new_number()
        moment = stamp(self.now())
        self.rows[str(number)] = {
            "id": number, "title": "", "description": None, "status": "OPEN", "priority": "NONE",
            "dueDate": None, "startDate": None, "completedAt": None, "seconds": 0, "estimated": 0,
            "summary": None, "s2e": None, "cause": None, "createdAt": moment, "updatedAt": moment,
            "deletedAt": None, **values,
        }  # fmt: skip
        return str(number)

    def edit(self, key: str, **values: Any) -> None:
        self.rows[key] |= {**values, "updatedAt": stamp(self.now())}

    def delete(self, key: str) -> None:
        moment = stamp(self.now())
        self.tombs.append({**self.rows.pop(key), "updatedAt": moment, "deletedAt": moment})

    # ── who asks ──────────────────────────────────────────────────────────────────────────

    def authorize(self, asked: Asked) -> None:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            raise self.error(401, "Unauthorized")
        if self.several and asked.headers.get("x-organization-id") != ORGANIZATION:
            raise self.error(400, "x-organization-id is required for this token")

    def error(self, status: int, text: str) -> Refusal:
        return Refusal(status, {"errors": [{"error": text}]})

    def refusal(self) -> Refusal:
        return self.error(400, "not today")

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def work(self, asked: Asked) -> Answer:
        match asked.method, asked.parts[2:]:
            case "GET", []:
                return self._list(asked)
            case "POST", []:
                return self._create(asked.json)
            case "GET", [key]:
                return self._told(key)
            case "PATCH", [key]:
                return self._patch(key, asked.json)
            case "PATCH", [key, "status"]:
                return self._change_status(key, asked.json)
            case "POST", [key, "costs"]:
                return self._add_time(key, asked.json)
        raise self.error(404, "Not found")

    def _row(self, key: str) -> dict[str, Any]:
        if not (key.isascii() and key.isdigit() and len(key) < 16):
            raise self.error(400, "id must be an integer")
        if str(int(key)) not in self.rows:
            raise self.error(404, "Work order not found")
        return self.rows[str(int(key))]

    def _told(self, key: str) -> Answer:
        return Answer(200, {"workOrder": _shown(self._row(key), set(_EXPANDED))})

    def _list(self, asked: Asked) -> Answer:
        size = int(asked.query.get("limit", 100))
        if not 1 <= size <= 200:
            raise self.error(400, "limit must be between 1 and 200")
        rows = [*self.rows.values(), *self.tombs]
        since = asked.query.get("updatedAt[gte]")
        if since is not None:
            rows = [row for row in rows if _moment(row["updatedAt"]) >= _moment(since)]
        if asked.query.get("show_upcoming") != "true":
            now = self.now()
            rows = [row for row in rows if not row["startDate"] or _moment(row["startDate"]) <= now]
        by = asked.query.get("sort", "-createdAt").lstrip("-")
        rows.sort(key=lambda row: (row[by], row["id"]))
        last = _decoded(asked.query.get("cursor"))
        rows = [row for row in rows if last is None or [row[by], str(row["id"])] > last]
        page = rows[:size]
        more = _encoded([page[-1][by], str(page[-1]["id"])]) if len(rows) > size else None
        wanted = {value for name, value in asked.pairs if name == "expand"}
        return Answer(
            200, {"workOrders": [_shown(row, wanted) for row in page], "nextCursor": more}
        )

    # ── what is written ───────────────────────────────────────────────────────────────────

    def _create(self, told: dict[str, Any]) -> Answer:
        if not told.get("title"):
            raise self.error(400, "title is required")
        key = self.add(**self._checked(told))
        self.note("create", key, told)
        return Answer(201, {"id": int(key)})

    def _patch(self, key: str, told: dict[str, Any]) -> Answer:
        self._row(key)
        self.edit(key, **self._checked(told))
        self.note("patch", key, told)
        return self._told(key)

    def _change_status(self, key: str, told: dict[str, Any]) -> Answer:
        self._row(key)
        if told.get("status") not in STATUSES:
            raise self.error(400, "status must be one of the known ones")
        completed = stamp(self.now()) if told["status"] == "DONE" else None
        self.edit(key, status=told["status"], completedAt=completed)
        self.note("status", key, told)
        return self._told(key)

    def _add_time(self, key: str, told: dict[str, Any]) -> Answer:
        row = self._row(key)
        if told.get("costType") not in {"INSPECTION", "OTHER", "WORK"}:
            raise self.error(400, "costType must be one of INSPECTION, OTHER, WORK")
        if told.get("type") != "TIME" or not isinstance(told.get("durationTotal"), int):
            raise self.error(400, "durationTotal must be an integer")
        self.edit(key, seconds=row["seconds"] + told["durationTotal"])
        self.note("costs", key, told)
        return Answer(201, {"id": self.new_number()})

    def ignored(self, asked: Asked) -> Answer:
        return self._told(asked.parts[2])

    def _checked(self, told: dict[str, Any]) -> dict[str, Any]:
        if told.get("priority", "NONE") not in PRIORITIES:
            raise self.error(400, "priority must be one of NONE, LOW, MEDIUM, HIGH")
        taken = {name: told[name] for name in TAKEN if name in told}
        if taken.get("dueDate") is not None:
            taken["dueDate"] = stamp(_moment(taken["dueDate"]))
        if "extraFields" in told:  # as a whole: what is not sent is gone
            taken |= dict.fromkeys(LABELS.values())
        for label, value in told.get("extraFields", {}).items():
            if label not in LABELS:
                raise self.error(400, f"unknown extra field {label}")
            if not isinstance(value, str):
                raise self.error(400, f"extra field {label} must be a string")
            taken[LABELS[label]] = value or None
        return taken


def _shown(row: dict[str, Any], expanded: set[str]) -> dict[str, Any]:
    """A work order as an answer holds it."""
    plain = ("id", *TAKEN, "status", "completedAt", "createdAt", "updatedAt", "deletedAt")
    told = {name: row[name] for name in plain}
    half = row["seconds"] // 2
    more = {
        "extraFields": {label: row[name] for label, name in LABELS.items() if row[name]},
        "timeItems": [{"durationTotal": it} for it in (half, row["seconds"] - half) if it],
        "estimatedTime": row["estimated"],
    }
    told |= {name: more[name] for wanted, name in _EXPANDED.items() if wanted in expanded}
    told["workOrderSummary"] = {"content": row["summary"]} if row["summary"] else None
    return told


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _encoded(place: list[str]) -> str:
    return base64.urlsafe_b64encode("\n".join(place).encode()).decode()


def _decoded(cursor: str | None) -> list[str] | None:
    return None if cursor is None else base64.urlsafe_b64decode(cursor).decode().split("\n")
