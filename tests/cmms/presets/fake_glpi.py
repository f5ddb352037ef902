"""GLPI's REST API with its tickets, as a running 10.0.6 was measured.

A session is begun and dies. Texts are stored and answered with &, < and > as numeric entities.
A search tells rows keyed by number, and no `data` where nothing is found; an id that is no number
lists everything. Most of what it does not do it answers with 200 and true.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.cmms.presets.server import Answer, Asked, Fake, Refusal

TOKEN, SESSION = "glpi-canary-4714", "glpi-session-canary"
ZONE = ZoneInfo("Europe/Paris")
FORMAT = "%Y-%m-%d %H:%M:%S"
SOLVED, CLOSED = 5, 6
TEXTS = ("name", "content")
TIMES = ("time_to_resolve", "solvedate")
COLUMNS = (*TEXTS, "status", "priority", "actiontime", "type", *TIMES)
OPTIONS = {1: "name", 2: "id", 12: "status", 19: "date_mod", 21: "content", 45: "actiontime"}
MOST = 1000
ENTITIES = {"&": "&#38;", "<": "&#60;", ">": "&#62;"}
_RAW = re.compile(r"<|>|&(?!#?[a-z0-9]+;)", re.IGNORECASE)
_STORED = re.compile("&#38;|&#60;|&#62;|&lt;|&gt;")


def stamp(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime(FORMAT)


def stored(text: str) -> str:
    """What a text is stored as; one that is encoded already stays as it is."""
    if not _RAW.search(text) and _STORED.search(text):
        return text
    return re.sub("[&<>]", lambda found: ENTITIES[found.group()], text)


class FakeGlpi(Fake):
    """The server's world: tickets by their id."""

    root = "/apirest.php"
    life = timedelta(minutes=20)

    def add(self, **values: Any) -> str:
        number, now = self.new_number(), stamp(self.now())
        row = {
            "id": number, **dict.fromkeys(COLUMNS), "name": "", "content": "", "status": 1,
            "priority": 3, "actiontime": 0, "type": 1, "is_deleted": 0, "date": now,
            "date_mod": now, **values,
        }  # fmt: skip
        self.rows[str(number)] = row | {name: stored(row[name] or "") for name in TEXTS}
        return str(number)

    def edit(self, key: str, **values: Any) -> None:
        texts = {name: stored(values[name] or "") for name in TEXTS if name in values}
        self.rows[key] |= {**values, **texts, "date_mod": stamp(self.now())}

    def delete(self, key: str) -> None:
        """A person puts it into the trash."""
        self.edit(key, is_deleted=1)

    # ── who asks ──────────────────────────────────────────────────────────────────────────

    def sign_in(self, asked: Asked) -> Answer | None:
        if asked.parts[1:] != ["initSession"]:
            return None
        if asked.headers.get("authorization") != f"user_token {TOKEN}":
            raise self.error(401, "ERROR_GLPI_LOGIN_USER_TOKEN", "user_token seems invalid")
        return Answer(200, {"session_token": self.new_token(SESSION, self.life)})

    def authorize(self, asked: Asked) -> None:
        token = asked.headers.get("session-token")
        if token is None:
            raise self.error(400, "ERROR_SESSION_TOKEN_MISSING", "session_token is missing")
        if not self.lives(token):
            raise self.error(401, "ERROR_SESSION_TOKEN_INVALID", "session_token seems invalid")

    def error(self, status: int, code: str, text: str) -> Refusal:
        return Refusal(status, [code, text])

    def refusal(self) -> Refusal:
        return self.error(400, "ERROR_GLPI_UPDATE", "not today")

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def work(self, asked: Asked) -> Answer:
        match asked.method, asked.parts[1:]:
            case "GET", ["search", "Ticket"]:
                return self._search(asked.query)
            case "GET", ["Ticket"]:
                return self._all(asked.query)
            case "GET", ["Ticket", key]:
                number = _number(key)
                return self._all(asked.query) if not number else Answer(200, self._row(number))
            case "POST", ["Ticket"]:
                return self._create(asked.json["input"])
            case "PUT", ["Ticket", key]:
                return self._put(_number(key), asked.json["input"])
        raise self.error(400, "ERROR_RESOURCE_NOT_FOUND_NOR_COMMONDBTM", "resource not found")

    def _row(self, number: int) -> dict[str, Any]:
        found = self.rows.get(str(number))
        if found is None:
            raise self.error(404, "ERROR_ITEM_NOT_FOUND", "Item not found")
        return found

    def _all(self, query: dict[str, str]) -> Answer:
        rows = [row for row in self.rows.values() if not row["is_deleted"]]
        page, told = self._page(rows, query)
        return Answer(206 if len(page) < len(rows) else 200, page, {"Content-Range": told})

    def _page(self, rows: list[Any], query: dict[str, str]) -> tuple[list[Any], str]:
        first, _, last = query.get("range", "0-19").partition("-")
        start, end = int(first), min(int(last), int(first) + MOST - 1)
        if rows and start >= len(rows):
            text = f"Provided range exceed total count of data: {len(rows)}"
            raise self.error(400, "ERROR_RANGE_EXCEED_TOTAL", text)
        return rows[start : end + 1], f"{start}-{min(end, len(rows) - 1)}/{len(rows)}"

    def _search(self, query: dict[str, str]) -> Answer:
        rows = [row for row in self.rows.values() if not row["is_deleted"]]
        for number in range(10):
            if f"criteria[{number}][field]" in query:
                told = [query[f"criteria[{number}][{it}]"] for it in ("searchtype", "value")]
                name = OPTIONS[int(query[f"criteria[{number}][field]"])]
                rows = [row for row in rows if _fits(row[name], *told)]
        name = OPTIONS[int(query.get("sort", 1))]
        rows.sort(key=lambda row: row[name], reverse=query.get("order", "ASC") == "DESC")
        page, told_range = self._page(rows, query)
        shown = {1, 2, *(int(v) for k, v in query.items() if k.startswith("forcedisplay"))}
        body: dict[str, Any] = {"totalcount": len(rows), "count": len(page)}
        if page:
            body["data"] = [{str(it): row[OPTIONS[it]] for it in sorted(shown)} for row in page]
        return Answer(206 if len(page) < len(rows) else 200, body, {"Content-Range": told_range})

    # ── what is written ───────────────────────────────────────────────────────────────────

    def _create(self, told: dict[str, Any]) -> Answer:
        if not told.get("name"):
            raise self.error(400, "ERROR_GLPI_ADD", "Mandatory fields are not filled: title")
        key = self.add(**self._settable(told))
        self.note("create", key, told)
        return Answer(201, {"id": int(key), "message": ""})

    def _put(self, number: int, told: dict[str, Any]) -> Answer:
        row = self.rows.get(str(number))
        frozen = row is not None and row["status"] == CLOSED and set(told) != {"status"}
        if row is None or frozen:
            raise self.error(400, "ERROR_GLPI_UPDATE", "You don't have permission to do that")
        kept = self._settable(told)
        now, solved = self.now(), kept.get("status", row["status"]) in {SOLVED, CLOSED}
        if solved and row["status"] not in {SOLVED, CLOSED}:
            kept.setdefault("solvedate", stamp(now))
        elif not solved and row["status"] in {SOLVED, CLOSED}:
            kept["solvedate"] = None
        self.note("put", str(number), told)
        early = solved and (kept.get("solvedate") or row["date"]) < row["date"]
        if early:
            return Answer(200, [{str(number): True, "message": "Invalid dates. Update cancelled."}])
        if any(row[name] != value for name, value in kept.items()):  # else nothing is stamped
            self.edit(str(number), **kept)
        return Answer(200, [{str(number): True, "message": ""}])

    def ignored(self, asked: Asked) -> Answer:
        return Answer(200, [{asked.parts[2]: True, "message": ""}])

    def _settable(self, told: dict[str, Any]) -> dict[str, Any]:
        """What a ticket has; any number is a status to it, and any text is stored encoded."""
        kept = {name: told[name] for name in COLUMNS if name in told}
        for name in TEXTS:
            if name in kept:
                kept[name] = stored(kept[name] or "")
        if "name" in kept:
            kept["name"] = kept["name"][:255]
        for name in TIMES:
            if kept.get(name) is not None:
                datetime.strptime(kept[name], FORMAT)
        return kept


def _number(key: str) -> int:
    """As PHP takes a text for a number: 007 is 7, 1.5 is 1, and no number is 0."""
    found = re.fullmatch(r"\s*([+-]?\d+)(\.\d*)?", key, re.ASCII)
    return min(int(found.group(1)), 2**63 - 1) if found else 0


def _fits(has: Any, kind: str, value: str) -> bool:
    if kind == "morethan":
        return str(has) > value
    if value[:1] == ">" and isinstance(has, int):
        return has > int(value[1:])
    return value.casefold() in str(has).casefold()
