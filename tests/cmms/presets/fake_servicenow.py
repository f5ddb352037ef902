"""ServiceNow's work orders over its Table API, as its documentation says.

Every value is text, and an empty one "". Times are naive and UTC. What a query or a body names and
the table has not is passed over. Rows that the user may not see are taken out of a page after it
was cut. States, times of work and their sum follow the tasks, and take nothing from outside.
"""

import base64
import re
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from uuid import uuid4

from tests.cmms.presets.server import Answer, Asked, Fake, Refusal

USER, PASSWORD = "syncd", "sn-canary-5531"
LENGTHS = {
    "short_description": 160, "description": 4000, "close_notes": 4000, "u_root_cause": 4000,
    "correlation_id": 100, "correlation_display": 100, "priority": 40, "due_date": 40,
}  # fmt: skip
ROLLED_UP = ("state", "work_end", "work_duration")
_CLAUSE = re.compile(r"(\w+?)(>=|>|=)(.*)", re.DOTALL)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


class FakeServicenow(Fake):
    """The server's world: work orders by their sys_id.

    Attributes:
        hidden: what the user may not see.
        closed: what a business rule keeps from being changed.
        missing: fields that the instance has not.
        slow: whether lists take too long.
    """

    root = "/api/now/table/wm_order"
    missing: frozenset[str] = frozenset()
    slow = False

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[str] = set()
        self.closed: set[str] = set()

    def add(self, **values: Any) -> str:
        key = uuid4().hex
        self.rows[key] = {
            **dict.fromkeys((*LENGTHS, *ROLLED_UP), ""), "sys_id": key,
            "number": f"WO{self.new_number():07}", "state": "1", "priority": "4",
        }  # fmt: skip
        self.edit(key, **values)
        return key

    def edit(self, key: str, **values: Any) -> None:
        kept = {name: "" if value is None else value for name, value in values.items()}
        self.rows[key] |= {**kept, "sys_updated_on": stamp(self.now())}

    def authorize(self, asked: Asked) -> None:
        kind, _, told = asked.headers.get("authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(told).decode() != f"{USER}:{PASSWORD}":
            raise self.error(401, "User Not Authenticated", "Required to provide Auth information")

    def error(self, status: int, text: str, detail: str) -> Refusal:
        return Refusal(status, {"error": {"message": text, "detail": detail}, "status": "failure"})

    def refusal(self) -> Refusal:
        return self.error(403, "Operation Failed", "aborted by Business Rule 'not today'")

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def work(self, asked: Asked) -> Answer:
        if asked.parts[:4] != ["api", "now", "table", "wm_order"]:
            raise self.error(400, "Invalid table", "")
        match asked.method, asked.parts[4:]:
            case "GET", []:
                return self._list(asked.query)
            case "GET", [key]:
                return Answer(200, {"result": self._shown(self._row(key))})
            case "POST", []:
                key = self.add(**self._kept(asked.json))
                self.note("create", key, asked.json)
                return Answer(201, {"result": self._shown(self.rows[key])})
            case "PATCH", [key]:
                return self._patch(self._row(key), asked.json)
        raise self.error(405, "Method not supported", "")

    def _row(self, key: str) -> dict[str, Any]:
        found = self.rows.get(key.lower())  # the database knows no case
        if found is None or found["sys_id"] in self.hidden:
            raise self.error(404, "No Record found", "Record doesn't exist or ACL restricts it")
        return found

    def _list(self, query: dict[str, str]) -> Answer:
        rows = list(self.rows.values())
        for clause in query.get("sysparm_query", "").split("^"):
            told = _CLAUSE.fullmatch(clause)
            if clause.startswith("ORDERBY"):
                rows.sort(key=itemgetter(clause.removeprefix("ORDERBY")))
            elif told is not None and told[1] in {"sys_id", "sys_updated_on", *LENGTHS}:
                rows = [row for row in rows if _holds(row[told[1]], told[2], told[3])]
        page = rows[: int(query.get("sysparm_limit", 10000))]
        shown = [self._shown(row) for row in page if row["sys_id"] not in self.hidden]
        body: dict[str, Any] = {"result": shown}
        if self.slow:
            text = "Transaction cancelled: maximum execution time exceeded"
            body = {"result": shown[:1], "error": {"message": text, "detail": ""}}
        return Answer(200, body, {"X-Total-Count": str(len(rows))})

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in self.missing}

    # ── what is written ───────────────────────────────────────────────────────────────────

    def _patch(self, row: dict[str, Any], told: dict[str, Any]) -> Answer:
        if row["sys_id"] in self.closed:
            raise self.error(403, "Operation Failed", "ACL Exception Update Failed")
        self.edit(row["sys_id"], **self._kept(told))
        self.note("patch", row["sys_id"], told)
        return Answer(200, {"result": self._shown(row)})

    def _kept(self, told: dict[str, Any]) -> dict[str, Any]:
        """What comes of it: a column's length cuts in silence, and so does a time that is none."""
        kept = {
            name: str(value or "")[: LENGTHS[name]]
            for name, value in told.items()
            if name in LENGTHS and name not in self.missing
        }
        if kept.get("due_date"):
            try:
                kept["due_date"] = str(datetime.fromisoformat(kept["due_date"]))
            except ValueError:
                kept["due_date"] = ""
        return kept

    def ignored(self, asked: Asked) -> Answer:
        return Answer(200, {"result": self._shown(self._row(asked.parts[4]))})


def _holds(has: str, sign: str, value: str) -> bool:
    one, other = has.casefold(), value.casefold()
    return one == other if sign == "=" else one > other or (sign == ">=" and one == other)
