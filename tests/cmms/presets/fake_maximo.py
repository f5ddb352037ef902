"""IBM Maximo's JSON API, as its documentation tells it.

A record's address is no number but an encoded href. Its list leaves empty values out, has tasks
among the work orders, and takes % in a comparison for a wildcard. A change is a POST with headers
that say what it is. Statuses are synonyms of Maximo's own, and change along its own table.
"""

import base64
import re
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from tests.cmms.presets.server import Answer, Asked, Fake, Refusal

KEY, SITE = "maximo-canary-4711", "BEDFORD"
ZONE = ZoneInfo("America/New_York")
WAITS = ["INPRG", "WMATL", "WPCOND", "COMP", "WAPPR", "CLOSE"]
# IBM's "Allowable Status Changes for Work Orders".
MOVES = {
    "WAPPR": ["APPR", "INPRG", "WMATL", "WPCOND", "COMP", "CAN", "CLOSE"],
    **dict.fromkeys(["APPR", "WSCH", "WMATL", "WPCOND"], WAITS),
    "INPRG": ["WMATL", "COMP", "WAPPR", "CLOSE"],
    "COMP": ["CLOSE"],
}
LABELS = {"WAPPR": "Waiting on approval", "INPRG": "In Progress", "COMP": "Completed"}
TEXTS = ("description", "description_longdescription", "externalrefid")
SETTABLE = (*TEXTS, "wopriority", "targcompdate")
FROZEN = {"COMP": {"wopriority", "targcompdate"}, "CLOSE": {*SETTABLE}, "CAN": {*SETTABLE}}
CLAUSE = re.compile(r'(\w+)(>=|<=|=|>|<)("[^"]*"|[^\s"]+)')


def stamp(moment: datetime) -> str:
    """With the server's own offset, to the second."""
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


class FakeMaximo(Fake):
    """The server's world: work orders by their workorderid."""

    root = "/maximo/api/os/mxapiwodetail"

    # ── what people do ────────────────────────────────────────────────────────────────────

    def add(self, **values: Any) -> str:
        number = self.new_number()
        row = {
            "workorderid": 90000 + number, "wonum": str(number), "siteid": SITE, "istask": False,
            "status": "WAPPR", "actlabhrs": 0.0, "changedate": stamp(self.now()), **values,
        }  # fmt: skip
        self.rows[row["wonum"]] = row
        return str(row["wonum"])

    def edit(self, key: str, **values: Any) -> None:
        self.rows[key] |= {**values, "changedate": stamp(self.now())}

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def authorize(self, asked: Asked) -> None:
        if asked.headers.get("apikey") != KEY:
            raise self.error(401, "BMXAA7901E", "You cannot log in at this time")

    def error(self, status: int, code: str, text: str) -> Refusal:
        inner = {"reasonCode": code, "message": f"{code} - {text}", "statusCode": str(status)}
        return Refusal(status, {"Error": inner})

    def refusal(self) -> Refusal:
        return self.error(400, "BMXAA0000E", "not today")

    def work(self, asked: Asked) -> Answer:
        if not asked.path.startswith(self.root):
            raise self.error(404, "BMXAA8727E", "The object structure is not found")
        key = asked.path.removeprefix(self.root).strip("/")
        if asked.method == "GET":
            return Answer(200, self._shown(self._row(key), asked) if key else self._list(asked))
        if asked.method != "POST":
            raise self.error(501, "BMXAA9549E", "Method not supported")
        if not key:
            return self._create(asked)
        if asked.headers.get("x-method-override") != "PATCH":
            raise self.error(400, "BMXAA9301E", "say x-method-override")
        return self._patch(self._row(key), asked)

    def _row(self, key: str) -> dict[str, Any]:
        for row in self.rows.values():
            if _key(row) == key:
                return row
        raise self.error(404, "BMXAA7463E", "Record not found")

    def _list(self, asked: Asked) -> dict[str, Any]:
        rows = [it for it in self.rows.values() if self._fits(it, asked.query.get("oslc.where"))]
        order = asked.query.get("oslc.orderBy", "+workorderid")
        if order[0] not in "+-":
            raise self.error(400, "BMXAA8730E", "say + or - before a name; a + in a URL is %2B")
        rows.sort(key=lambda row: row[order[1:]], reverse=order[0] == "-")
        size, page = int(asked.query.get("oslc.pageSize", 10**6)), int(asked.query.get("pageno", 1))
        end = page * size
        told: dict[str, Any] = {"href": f"{self.url}{self.root}", "pagenum": page}
        if len(rows) > end:
            query = {**asked.query, "pageno": str(page + 1)}
            text = "&".join(f"{quote(name)}={quote(value)}" for name, value in query.items())
            told["nextPage"] = {"href": f"{self.url}{self.root}?{text}"}
        found = [self._shown(row, asked) for row in rows[end - size : end]]
        if asked.query.get("lean") != "1":
            return {"rdfs:member": found, "oslc:responseInfo": told}
        return {"member": found, "responseInfo": told}

    def _shown(self, row: dict[str, Any], asked: Asked) -> dict[str, Any]:
        """The record without what is empty; of a list only addresses, unless it is told."""
        href = f"{self.url}{self.root}/{_key(row)}"
        listed = asked.path.strip("/") == self.root.strip("/") and asked.method == "GET"
        if listed and "oslc.select" not in asked.query:
            return {"href": href}
        own = {
            **row, "href": href, "status_maxvalue": row["status"],
            "status_description": LABELS.get(row["status"], row["status"].title()),
        }  # fmt: skip
        prefix = "" if asked.query.get("lean") == "1" else "spi:"
        return {f"{prefix}{name}": value for name, value in own.items() if value not in (None, "")}

    def _fits(self, row: dict[str, Any], where: str | None) -> bool:
        if where is None:
            return True
        return all(self._holds(row, clause) for clause in where.split(" and "))

    def _holds(self, row: dict[str, Any], clause: str) -> bool:
        found = CLAUSE.fullmatch(clause.strip())
        if found is None:
            raise self.error(400, "BMXAA8733E", f"The where clause {clause} is not valid")
        name, sign, value = found.groups()
        has = row.get(name)
        if has is None:
            return False
        if name == "changedate":
            here, there = datetime.fromisoformat(has), datetime.fromisoformat(value.strip('"'))
            return here >= there if sign == ">=" else here > there
        if value.startswith('"'):
            pattern = ".*".join(map(re.escape, value.strip('"').split("%")))
            return re.fullmatch(pattern, str(has)) is not None
        return int(has) > int(value) if sign == ">" else int(has) == int(value)

    # ── what is written ───────────────────────────────────────────────────────────────────

    def _create(self, asked: Asked) -> Answer:
        if asked.json.get("siteid") != SITE:
            raise self.error(400, "BMXAA4195E", "A value is required for the Site field")
        kept = self._settable(asked.json, set())
        key = self.add(**kept)
        self.note("create", key, asked.json)
        return self._answered(self.rows[key], asked, 201)

    def _patch(self, row: dict[str, Any], asked: Asked) -> Answer:
        told = dict(asked.json)
        kept = self._settable(told, FROZEN.get(row["status"], set()))
        wanted = told.get("status")
        if wanted is not None and wanted != row["status"]:
            if wanted not in MOVES.get(row["status"], []):
                raise self.error(400, "BMXAA4590E", f"{row['status']} does not become {wanted}")
            kept["status"] = wanted
            if wanted == "COMP":
                kept["actfinish"] = row.get("actfinish") or stamp(self.now())
        if asked.headers.get("patchtype") != "MERGE":
            kept["worklog"] = told.get("worklog", [])  # child rows are replaced, by none
        self.edit(row["wonum"], **kept)
        self.note("patch", row["wonum"], told)
        return self._answered(row, asked, 200)

    def ignored(self, asked: Asked) -> Answer:
        """An import that "succeeds" unchanged."""
        key = asked.path.removeprefix(self.root).strip("/")
        return self._answered(self._row(key), asked, 200)

    def _answered(self, row: dict[str, Any], asked: Asked, status: int) -> Answer:
        """The record, if it was asked for in a header; else nothing."""
        address = {"Location": f"{self.url}{self.root}/{_key(row)}"}
        if asked.headers.get("properties") != "*":
            return Answer(204 if status == 200 else status, None, address)
        return Answer(status, self._shown(row, asked), address)

    def _settable(self, told: dict[str, Any], frozen: set[str]) -> dict[str, Any]:
        """What may be set; attributes that it does not know are passed over."""
        kept = {name: told[name] for name in SETTABLE if name in told}
        for name in kept.keys() & frozen:
            raise self.error(400, "BMXAA2256E", f"{name} is read only")
        if len(kept.get("description") or "") > 100:
            raise self.error(400, "BMXAA4049E", "The value of Description is too long")
        if kept.get("targcompdate") is not None:
            kept["targcompdate"] = stamp(datetime.fromisoformat(kept["targcompdate"]))
        if kept.get("description_longdescription"):
            kept["description_longdescription"] += "<!-- RICH TEXT -->"
        return kept


def _key(row: dict[str, Any]) -> str:
    text = f"{row['siteid']}/{row['wonum']}"
    return "_" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
