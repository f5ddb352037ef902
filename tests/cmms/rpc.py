"""A CMMS of another kind: every call is POST /rpc, every answer is 200, the token is in the body.

Its errors are numbers in the body, hours are texts with a decimal comma, and the texts of a
record are rows of another resource.
"""

import json
from typing import Any

from tests.cmms.rest_bench import item
from tests.edges.raw_server import Asked, Behaviour, answer_json

PASSWORD = "rpc-canary-77"
KINDS = ("CAUSE", "REMEDY")


def error(number: int, text: str, **more: Any) -> Behaviour:
    return answer_json({"ok": False, "error": {"no": number, "text": text, **more}})


def good(data: Any) -> Behaviour:
    return answer_json({"ok": True, "data": data})


class Rpc:
    """The server: `rest(MAPPING, serve=Rpc())`.

    Attributes:
        faults: answered one after the other in place of what is asked, but not to a login.
        texts: of each record, by kind.
        logins: how often somebody has signed in.
    """

    def __init__(self, rows: int = 0) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.texts: dict[str, dict[str, str]] = {}
        self.faults: list[Behaviour] = []
        self.logins = 0
        self.sessions: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        for _ in range(rows):
            self.add()

    def add(self, **values: Any) -> str:
        key = str(len(self.rows) + 1)
        self.rows[key] = item(key, **{"planned": "1,50", "version": 1, **values})
        self.texts[key] = {}
        return key

    def __call__(self, asked: Asked) -> Behaviour:
        assert (asked.method, asked.path) == ("POST", "/api/rpc")
        told: dict[str, Any] = json.loads(asked.body)
        self.asked.append(told)
        if told["do"] == "login":
            if told["password"] != PASSWORD:
                return error(18, f"wrong password {told['password']}")
            self.logins += 1
            self.sessions.add(f"session-canary-{self.logins}")
            return good({"session": f"session-canary-{self.logins}"})
        if told.get("auth", {}).get("session") not in self.sessions:
            return error(17, f"who is {told.get('auth')}?")
        if self.faults:
            return self.faults.pop(0)
        if "id" in told and told["id"] not in self.rows:
            return error(4, f"there is no {told['id']}")
        behave: Behaviour = getattr(self, f"_{told['do'].replace('.', '_')}")(told)
        return behave

    def _list(self, told: dict[str, Any]) -> Behaviour:
        rows = list(self.rows.values())
        start = (told["page"] - 1) * told["size"]
        return good({"rows": rows[start : start + told["size"]], "total": len(rows)})

    def _read(self, told: dict[str, Any]) -> Behaviour:
        return good(self.rows[told["id"]])

    def _search(self, told: dict[str, Any]) -> Behaviour:
        return good({"rows": [row for row in self.rows.values() if row["ref"] == told["ref"]]})

    def _create(self, told: dict[str, Any]) -> Behaviour:
        return good({"id": self.add(**told["fields"])})

    def _change(self, told: dict[str, Any]) -> Behaviour:
        self.rows[told["id"]].update(told["fields"])
        return good({})

    def _texts_read(self, told: dict[str, Any]) -> Behaviour:
        found = self.texts[told["id"]]
        return good([{"kind": kind, "text": text} for kind, text in found.items()])

    def _texts_set(self, told: dict[str, Any]) -> Behaviour:
        self.texts[told["id"]][told["kind"]] = told["text"]
        return good({})


def call(do: str, **more: Any) -> dict[str, Any]:
    return {"request": "POST /rpc", "json": {"do": do, **more}}


MAPPING: dict[str, Any] = {
    "auth": {
        "bearer": None,
        "login": {
            **call("login", password="${PASSWORD}"),
            "token": "data.session",
            "lifetime_s": 300,
            "send": {"json": "auth.session"},
        },
    },
    "errors": [
        {"code": {"at": "error.no", "is": 4}, "as": "not_found"},
        {"code": {"at": "error.no", "is": 17}, "as": "expired"},
        {"code": {"at": "error.no", "is": 18}, "as": "credentials"},
        {"code": {"at": "error.no", "is": 50}, "as": "throttled"},
        {"code": {"at": "error.no", "is": 99}, "as": "unreachable"},
        {"when": "ok == `false`", "as": "refused"},
    ],
    "message": "error.text",
    "list": {
        **call("list", size=2),
        "items": "data.rows",
        "page": {
            "none": None,
            "number": {"send": {"json": "page"}, "size": 2, "total": "data.total", "end": "total"},
        },
    },
    "get": {**call("read", id="{id}"), "item": "data"},
    "find": {**call("search", ref="{s2e_id}"), "query": None, "items": "data.rows"},
    "create": {**call("create"), "under": "fields", "id": "data.id"},
    "update": [
        {
            **call("change", id="{id}"),
            "under": "fields",
            "fields": ["title", "status", "description"],
            "success": "ok == `true`",
        }
    ],
}
