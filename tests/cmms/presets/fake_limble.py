"""Limble's API v2, as its vendor's text tells it.

No path reads one task: a filter does. A list is bare, by cursor (an id) or by page, and says in
headers what is left of two windows. A change answers with nothing. Completing wants an assignee,
and stamps a time of its own; the statuses Open and Complete are moved by `status`, and by nothing
else. Text in place of a number is an error.
"""

import base64
from datetime import datetime
from typing import Any

from tests.cmms.presets.server import Answer, Asked, Fake, Refusal

CLIENT, SECRET = "limble-client", "limble-canary-4715"
BASIC = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
LOCATION, JOE, TEAM = 34190, 340, 436
OPEN, COMPLETE, IN_PROGRESS, ON_HOLD = 1, 2, 11, 12
STATUS_IDS = {IN_PROGRESS, ON_HOLD, 13}  # custom ones
TEXTS = ("name", "description", "meta1", "meta2", "meta3")
NUMBERS = (
    "locationID", "due", "type", "assignment", "priority", "estimatedTime", "status", "statusID",
)  # fmt: skip
PLAIN = (*TEXTS, "locationID", "due", "type", "priority", "estimatedTime")
FILTERS = {
    "tasks": "taskID", "type": "type", "locations": "locationID", "start": "lastEdited",
    "cursor": "taskID",
}  # fmt: skip
REQUIRED = ("name", "locationID", "due", "type")


def stamp(moment: datetime) -> int:
    return int(moment.timestamp())


class FakeLimble(Fake):
    """The account's world: tasks by their number.

    Attributes:
        spent: whether the minute's calls are used up.
    """

    root = "/v2/tasks"
    spent = False

    # ── what people do ────────────────────────────────────────────────────────────────────

    def add(self, **values: Any) -> str:
        number = self.new_number()
        self.rows[str(number)] = {
            "taskID": number, "name": "", "locationID": LOCATION, "type": 2, "template": False,
            "userID": 0, "teamID": 0, "due": 0, "description": "", "priority": 0,
            "estimatedTime": 0, "dateCompleted": 0, "completionNotes": None, "meta1": None,
            "meta2": None, "meta3": None, "status": 0, "statusID": OPEN,
        }  # fmt: skip
        self.edit(str(number), **values)
        return str(number)

    def edit(self, key: str, **values: Any) -> None:
        row = self.rows[key]
        done = values.get("statusID", row["statusID"]) == COMPLETE
        if done != (row["status"] == 1):
            row |= {"status": int(done), "dateCompleted": stamp(self.now()) if done else 0}
        row |= {**values, "lastEdited": stamp(self.now())}

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def authorize(self, asked: Asked) -> None:
        told = asked.headers.get("authorization")
        if told != BASIC:
            status = 401 if told is None else 403
            raise Refusal(status, {"error": status, "success": False, "msg": "Not authorized"})
        if self.spent:
            refused = self.error(429, "Too Many Requests")
            refused.answer = Answer(429, refused.answer.body, self._left(0))
            raise refused

    def error(self, status: int, text: str) -> Refusal:
        return Refusal(status, {"message": text, "success": False})

    def refusal(self) -> Refusal:
        return self.error(422, "not today")

    def _left(self, calls: int) -> dict[str, str]:
        ttl = {} if calls else {"X-RateLimit-Minute-TTL": "21"}
        return {"X-RateLimit-Remaining": "3000", "X-RateLimit-Minute-Remaining": str(calls), **ttl}

    def work(self, asked: Asked) -> Answer:
        match asked.method, asked.parts[1:]:
            case "GET", ["tasks"]:
                return self._list(asked)
            case "POST", ["tasks"]:
                return self._create(asked.json)
            case "PATCH", ["tasks", key]:
                return self._patch(self._row(key), asked.json)
        raise self.error(404, "Not found")

    def _row(self, key: str) -> dict[str, Any]:
        if key not in self.rows:
            raise self.error(404, "The task does not exist")
        return self.rows[key]

    def _list(self, asked: Asked) -> Answer:
        told = dict(asked.query)
        limit = self._number(told.pop("limit", "100"))
        if limit > 1000 or ("page" in told and "cursor" in told):
            raise self.error(400, "limit is 1000 at most, and page excludes cursor")
        page = self._number(told.pop("page", "1"))
        fits = [self._filter(name, value) for name, value in told.items()]
        rows = [row for row in self.rows.values() if all(fit(row) for fit in fits)]
        rows.sort(key=lambda row: row["taskID"])
        return Answer(200, rows[(page - 1) * limit : page * limit], self._left(300))

    def _filter(self, name: str, value: str) -> Any:
        """What this parameter lets through; one that it does not know lets through all."""
        if name == "meta1":  # as its database compares: without case
            return lambda row: (row["meta1"] or "").lower() == value.lower()
        if name not in FILTERS:
            return lambda _row: True
        key, numbers = FILTERS[name], [self._number(one) for one in value.split(",")]
        if name in ("start", "cursor"):  # later than, and never equal
            return lambda row: row[key] > numbers[0]
        return lambda row: row[key] in numbers

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise self.error(400, f"{text} must be a number")
        return int(text)

    # ── what is written ───────────────────────────────────────────────────────────────────

    def _create(self, told: dict[str, Any]) -> Answer:
        self._check(told)
        missing = [name for name in REQUIRED if told.get(name) is None]
        if missing:
            raise self.error(400, f"{', '.join(missing)} is required")
        key = self.add(**{name: told[name] for name in PLAIN if name in told})
        self.note("create", key, told)
        headers = {"Location": f"/v2/tasks/?tasks={key}", **self._left(200)}
        return Answer(201, {"taskID": int(key)}, headers)

    def _patch(self, row: dict[str, Any], told: dict[str, Any]) -> Answer:
        self._check(told)
        kept = {name: told[name] for name in PLAIN if name in told}
        if "statusID" in told:
            if told["statusID"] not in STATUS_IDS:
                raise self.error(400, "Cannot update custom status to 1 (Open) or 2 (Complete)")
            kept["statusID"] = told["statusID"]
        if told.get("status") == 1:
            kept["statusID"] = COMPLETE
            if not told.get("assignment"):
                raise self.error(400, "assignment and assignmentType must also be set")
        elif told.get("status") == 0 and row["status"] == 1:
            kept["statusID"] = OPEN
        if "assignment" in told:
            user = told["assignmentType"] == "user"
            kept["userID"] = told["assignment"] if user else 0
            kept["teamID"] = 0 if user else told["assignment"]
        self.edit(str(row["taskID"]), **kept)
        self.note("patch", str(row["taskID"]), told)
        return Answer(200, None, self._left(200))

    def ignored(self, asked: Asked) -> Answer:
        return Answer(200, None)

    def _check(self, told: dict[str, Any]) -> None:
        """What it is strict about; names that it does not know are passed over."""
        for name, value in told.items():
            kind = int if name in NUMBERS else str if name in TEXTS else object
            if not isinstance(value, kind):
                raise self.error(400, f"{name} is of an incorrect data type")
        if ("assignment" in told) != ("assignmentType" in told):
            raise self.error(400, "assignment and assignmentType go together")
        if not 0 <= told.get("priority", 0) <= 6:
            raise self.error(400, "priority must be between 0 and 6")
