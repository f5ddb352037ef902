"""ERPNext's Issue over Frappe's REST API, as a running one was measured.

Times are naive, of the site's zone, and to the microsecond. What a document has no field for is
passed over with 200. A stale `modified`, a value that is none and an id that is taken are all 417,
told apart by exc_type. Comparisons know neither case nor accents. Empty fields are left out.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

from tests.cmms.presets.server import Answer, Asked, Fake, Refusal

KEY, SECRET = "erp-key-canary", "erp-canary-4713"
ZONE = ZoneInfo("Asia/Kolkata")
STATUSES = {"Open", "Replied", "On Hold", "Resolved", "Closed"}
PRIORITIES = {"Low", "Medium", "High"}  # records of Issue Priority
TIMES = ("custom_due_date", "custom_completed_at")
COLUMNS = (
    "subject", "description", "status", "priority", "resolution_details", "custom_s2e_id",
    "custom_root_cause", "custom_closure_note", "custom_actual_hours", *TIMES,
)  # fmt: skip


def stamp(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S.%f")


class FakeErpnext(Fake):
    """The server's world: issues by their name.

    Attributes:
        missing: custom fields that the site has not.
        unique: whether the Scan2Evolve id's is a unique one.
    """

    root = "/api/resource/Issue"
    missing: frozenset[str] = frozenset()
    unique = False

    def add(self, **values: Any) -> str:
        name = f"ISS-2026-{self.new_number():05}"
        self.rows[name] = {
            "name": name, "doctype": "Issue", **dict.fromkeys(COLUMNS), "status": "Open",
            "priority": "Medium", "custom_actual_hours": 0.0, "modified": stamp(self.now()),
            **values,
        }  # fmt: skip
        return name

    def edit(self, key: str, **values: Any) -> None:
        self.rows[key] |= {**values, "modified": stamp(self.now())}

    def authorize(self, asked: Asked) -> None:
        told = asked.headers.get("authorization")
        if told is None:
            raise self.error(403, "PermissionError", "User Guest does not have access")
        if told != f"token {KEY}:{SECRET}":
            raise self.error(401, "AuthenticationError", "")

    def error(self, status: int, kind: str, text: str) -> Refusal:
        return Refusal(status, {"exc_type": kind, "exception": f"frappe.exceptions.{kind}: {text}"})

    def refusal(self) -> Refusal:
        return self.error(417, "ValidationError", "not today")

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def work(self, asked: Asked) -> Answer:
        if asked.parts[:3] != ["api", "resource", "Issue"]:
            raise self.error(404, "DoesNotExistError", "no such DocType")
        match asked.method, asked.parts[3:]:
            case "GET", []:
                return Answer(200, {"data": self._list(asked.query)})
            case "GET", [key]:
                return Answer(200, {"data": self._shown(self._row(key))})
            case "POST", []:
                return self._create(asked.json)
            case "PUT", [key]:
                return self._put(self._row(key), asked.json)
        raise self.error(404, "DoesNotExistError", "not found")

    def _row(self, key: str) -> dict[str, Any]:
        # The primary key's collation, too, takes A for a.
        for name, row in self.rows.items():
            if _folded(name) == _folded(key):
                return row
        raise self.error(404, "DoesNotExistError", f"Issue {key} not found")

    def _list(self, query: dict[str, str]) -> list[dict[str, Any]]:
        rows = list(self.rows.values())
        for name, sign, value in json.loads(query.get("filters", "[]")):
            self._column(name)
            rows = [row for row in rows if _holds(row.get(name), sign, value)]
        name, _, direction = query.get("order_by", "modified desc").partition(" ")
        rows.sort(key=lambda row: _folded(row[name]), reverse=direction == "desc")
        start, size = int(query.get("limit_start", 0)), int(query.get("limit_page_length", 20))
        rows = rows[start : start + size] if size else rows[start:]
        fields = json.loads(query.get("fields", '["name"]'))
        if fields == ["*"]:
            return [dict(row) for row in rows]
        return [{name: row[self._column(name)] for name in fields} for row in rows]

    def _column(self, name: str) -> str:
        if name not in {"name", "modified", *COLUMNS} - self.missing:
            raise self.error(417, "DataError", f"Field not permitted in query: {name}")
        return name

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if value is not None}

    # ── what is written ───────────────────────────────────────────────────────────────────

    def _create(self, told: dict[str, Any]) -> Answer:
        if not told.get("subject"):
            raise self.error(417, "MandatoryError", "subject")
        name = self.add(**self._checked(told, None))
        self.note("create", name, told)
        return Answer(200, {"data": self._shown(self.rows[name])})

    def _put(self, row: dict[str, Any], told: dict[str, Any]) -> Answer:
        if "modified" in told and told["modified"] != row["modified"]:
            raise self.error(417, "TimestampMismatchError", "Document has been modified")
        kept = self._checked(told, row)
        if kept.get("status", "Open") in {"Resolved", "Closed"}:
            kept["sla_resolution_date"] = stamp(self.now())
        self.edit(row["name"], **kept)
        self.note("put", row["name"], told)
        return Answer(200, {"data": self._shown(row)})

    def ignored(self, asked: Asked) -> Answer:
        return Answer(200, {"data": self._shown(self._row(asked.parts[3]))})

    def _checked(self, told: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
        kept = {name: told[name] for name in COLUMNS if name in told and name not in self.missing}
        for name in TIMES:
            if kept.get(name) is not None:
                kept[name] = self._time(kept[name])
        if len(kept.get("subject") or "") > 140:
            raise self.error(417, "CharacterLengthExceededError", "Title will get truncated")
        if kept.get("status", "Open") not in STATUSES:
            raise self.error(417, "ValidationError", "Status must be one of those")
        if kept.get("priority", "Low") not in PRIORITIES:
            raise self.error(417, "LinkValidationError", "Could not find Priority")
        others = [it for it in self.rows.values() if it is not row and it["custom_s2e_id"]]
        taken = {_folded(it["custom_s2e_id"]) for it in others}
        if self.unique and _folded(kept.get("custom_s2e_id")) in taken:
            raise self.error(417, "UniqueValidationError", "custom_s2e_id must be unique")
        return kept

    def _time(self, text: str) -> str:
        for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"):
            try:
                moment = datetime.strptime(text, form)
            except ValueError:
                continue
            return moment.isoformat(" ")  # without a fraction, where there is none
        raise self.error(500, "OperationalError", f"(1292, Incorrect datetime value: {text!r})")


def _folded(text: object) -> str:
    """As utf8mb4_unicode_ci compares: without case, accents and trailing blanks."""
    folded = normalize("NFKD", str(text).casefold()).rstrip(" ")
    return "".join(letter for letter in folded if not "\u0300" <= letter <= "\u036f")


def _holds(has: object, sign: str, value: object) -> bool:
    if has is None:
        return False
    one, other = _folded(has), _folded(value)
    signs: dict[str, Callable[[], bool]] = {
        "=": lambda: one == other, ">": lambda: one > other, ">=": lambda: one >= other,
    }  # fmt: skip
    return signs[sign]()
