"""Atlas CMMS, written from its source: what a change leaves out it empties.

PATCH takes a whole record: what is not sent becomes null, 0 or NONE. The status has a call of its
own, which stamps the time of completion and overwrites the feedback each time. A search is a POST;
only `ge` and `le` know times, and take their Z for a letter.
"""

from datetime import datetime, timedelta
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

from tests.cmms.presets.server import Answer, Asked, Fake, Refusal

EMAIL, PASSWORD = "sync@example.com", "atlas-canary-4712"
TOKEN = "atlas-session-canary"
ZONE = ZoneInfo("Europe/Paris")  # the server's own
STATUSES = {"OPEN", "IN_PROGRESS", "ON_HOLD", "COMPLETE"}
PRIORITIES = {"NONE", "LOW", "MEDIUM", "HIGH"}
# What PATCH takes, with what each becomes that is not sent.
PATCHED: dict[str, Any] = {
    "dueDate": None, "priority": "NONE", "estimatedDuration": 0.0, "estimatedStartDate": None,
    "description": None, "title": None, "requiredSignature": False, "image": None,
    "category": None, "location": None, "team": None, "primaryUser": None, "assignedTo": None,
    "customers": None, "files": None, "asset": None, "completedBy": None, "completedOn": None,
    "archived": False,
}  # fmt: skip
TIMES = ("dueDate", "completedOn", "estimatedStartDate")


def stamp(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("UTC")).isoformat(timespec="milliseconds")


class FakeAtlas(Fake):
    """The server's world: work orders by their id.

    Attributes:
        open_at_most: so many open ones it takes without a licence.
        hour: requests that are left in this hour.
    """

    root = "/api/work-orders"
    open_at_most = 10**6
    life = timedelta(minutes=30)

    def add(self, **values: Any) -> str:
        number = self.new_number()
        self.rows[str(number)] = {
            "id": number, "customId": f"WO{number:06}", "status": "OPEN", "feedback": None,
            "signature": None, **PATCHED, "customFieldValues": [], "updatedAt": stamp(self.now()),
            **values,
        }  # fmt: skip
        return str(number)

    def edit(self, key: str, **values: Any) -> None:
        self.rows[key] |= {**values, "updatedAt": stamp(self.now())}

    # ── who asks ──────────────────────────────────────────────────────────────────────────

    def sign_in(self, asked: Asked) -> Answer | None:
        if asked.path != "/api/auth/signin":
            return None
        if asked.json != {"email": EMAIL, "password": PASSWORD, "type": "CLIENT"}:
            raise self.error(403, "Invalid credentials")
        return Answer(200, {"accessToken": self.new_token(TOKEN, self.life), "refreshToken": "-"})

    def authorize(self, asked: Asked) -> None:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not self.lives(token):
            raise self.error(401, "Expired or invalid JWT token")

    def error(self, status: int, text: str) -> Refusal:
        return Refusal(status, {"timestamp": stamp(self.now()), "message": text, "status": status})

    def refusal(self) -> Refusal:
        return self.error(400, "not today")

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def reads(self, asked: Asked) -> bool:
        return asked.method == "GET" or asked.path.endswith("/search")

    def work(self, asked: Asked) -> Answer:
        match asked.method, asked.parts[2:]:
            case "POST", ["search"]:
                return Answer(200, self._search(asked.json))
            case "POST", []:
                return self._create(asked.json)
            case "GET", [key]:
                return Answer(200, self._row(key))
            case "PATCH", [key]:
                return self._patch(self._row(key), asked.json)
            case "PATCH", [key, "change-status"]:
                return self._change_status(self._row(key), asked.json)
        raise self.error(404, "Not found")

    def _row(self, key: str) -> dict[str, Any]:
        if not (key.isascii() and key.lstrip("-").isdigit() and len(key) < 19):
            raise self.error(400, "Failed to convert value of type 'String' to type 'Long'")
        found = self.rows.get(str(int(key)))
        if found is None:
            raise self.error(404, "Patient not found")
        return found

    def _search(self, told: dict[str, Any]) -> dict[str, Any]:
        rows = list(self.rows.values())
        for one in told["filterFields"]:
            rows = [row for row in rows if self._fits(row, one)]
        rows.sort(
            key=lambda row: row[told.get("sortField", "id")],
            reverse=told.get("direction", "DESC") == "DESC",
        )
        size, number = told.get("pageSize", 10), told.get("pageNum", 0)
        end = (number + 1) * size
        page = rows[number * size : end]
        return {"content": page, "totalElements": len(rows), "last": len(rows) <= end}

    def _fits(self, row: dict[str, Any], one: dict[str, Any]) -> bool:
        has, value = row.get(one["field"]), one["value"]
        if has is None:
            return False
        match one["operation"]:
            case "cn":
                return _plain(value) in _plain(has)
            case "gt":
                return bool(has > value)
            case "ge" if one.get("enumName") == "JS_DATE":
                asked = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=ZONE)
                return datetime.fromisoformat(has) >= asked
        raise self.error(500, "No enum constant")

    # ── what is written ───────────────────────────────────────────────────────────────────

    def _create(self, told: dict[str, Any]) -> Answer:
        if told.get("customFields") is None or not told.get("title"):
            raise self.error(500, "Cannot invoke isEmpty()")
        if sum(row["status"] != "COMPLETE" for row in self.rows.values()) >= self.open_at_most:
            raise self.error(403, "You need a license to add a new work order. Free Limit reached")
        key = self.add(**self._checked({name: told[name] for name in PATCHED if name in told}))
        self.note("create", key, told)
        return Answer(200, self.rows[key])

    def _patch(self, row: dict[str, Any], told: dict[str, Any]) -> Answer:
        whole = {name: told.get(name, left) for name, left in PATCHED.items()}
        self.edit(str(row["id"]), **self._checked(whole))
        self.note("patch", str(row["id"]), told)
        return Answer(200, row)

    def _change_status(self, row: dict[str, Any], told: dict[str, Any]) -> Answer:
        if told.get("status") not in STATUSES:
            raise self.error(400, "JSON parse error: not one of the values accepted for Status")
        complete = told["status"] == "COMPLETE"
        if complete and row["requiredSignature"] and not told.get("signature"):
            raise self.error(406, "This work order requires a signature")
        self.edit(
            str(row["id"]), status=told["status"], feedback=told.get("feedback"),
            completedOn=stamp(self.now()) if complete else None,
        )  # fmt: skip
        self.note("change-status", str(row["id"]), told)
        return Answer(200, row)

    def ignored(self, asked: Asked) -> Answer:
        return Answer(200, self._row(asked.parts[2]))

    def _checked(self, told: dict[str, Any]) -> dict[str, Any]:
        if told.get("priority", "NONE") not in PRIORITIES:
            raise self.error(400, "JSON parse error: not one of the values accepted for Priority")
        if len(told.get("description") or "") > 10000:
            raise self.error(400, "value too long for type character varying(10000)")
        for name in TIMES:
            if told.get(name) is not None:
                told[name] = stamp(datetime.fromisoformat(told[name]))
        return told


def _plain(text: str) -> str:
    """Without case and accents, as unaccent(lower(…)) makes it."""
    folded = normalize("NFKD", str(text).lower())
    return "".join(letter for letter in folded if not "\u0300" <= letter <= "\u036f")
