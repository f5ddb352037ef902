"""A CMMS of its own: a small server with a ledger, which knows nothing of who talks to it.

Its habits are the awkward ones of real systems: tokens that die after half a minute, pages by
cursor, working time in minutes, local times without an offset, numbers for urgency, a state that
changes only along legal moves at an address of its own, If-Match on every change, a search whose
index lags, an address of the new record in a header, and fields that are passed over in silence
where they cannot be set.
"""

import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
FORMAT = "%Y-%m-%d %H:%M:%S"
MOVES = {
    "NEW": ["OPEN", "VOID"],
    "OPEN": ["WIP", "HOLD", "VOID"],
    "WIP": ["DONE", "HOLD"],
    "HOLD": ["WIP", "VOID"],
    "DONE": ["WIP"],
}
TEXTS = ("summary", "details", "cause", "remedy", "note", "place", "machine")
SETTABLE = (*TEXTS, "urgency", "minutes_planned", "minutes_spent", "due", "finished")
LONGEST = {"summary": 80}
USER, SECRET = "sync-user", "standin-canary-7777"


@dataclass
class Entry:
    """One change that took effect.

    Attributes:
        answered: whether whoever asked was told.
    """

    what: str
    number: int
    values: dict[str, Any]
    answered: bool


@dataclass
class Standin:
    """The server's world.

    Attributes:
        life_s: of a token.
        lag_s: for so long the search does not know a new ticket.
        judge: asked before each request of a ticket or list has any effect, told whether it
            may write; a fault's name, or None.
        slow: while this is set it works on each create that has arrived, whoever waits for it.
        page: tickets in a page; a larger limit is not honoured.
        broken: what stands on each page that is no ticket.
    """

    life_s: float = 30.0
    lag_s: float = 0.0
    slow: threading.Event = field(default_factory=threading.Event)
    page: int = 5
    judge: Callable[[bool], str | None] = lambda _writes: None
    broken: list[Any] = field(default_factory=list)
    tickets: dict[int, dict[str, Any]] = field(default_factory=dict)
    ledger: list[Entry] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)
    born: dict[int, float] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    lag_now: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    url: str = ""

    def now(self) -> str:
        return datetime.now(ZONE).strftime(FORMAT)

    # ── what people do ────────────────────────────────────────────────────────────────────

    def add(self, **values: Any) -> int:
        """A ticket that a person makes."""
        with self.lock:
            number = next(self.numbers)
            self.tickets[number] = {
                "no": number, "ref": None, "state": "NEW", "urgency": 3, "rev": 1,
                "changed": self.now(), **dict.fromkeys(TEXTS), "minutes_planned": None,
                "minutes_spent": None, "due": None, "finished": None, **values,
            }  # fmt: skip
            self.born[number] = time.monotonic()
            return number

    def edit(self, number: int, **values: Any) -> None:
        """A person changes a ticket; people may set every field."""
        with self.lock:
            ticket = self.tickets[number]
            ticket |= values | {"changed": self.now(), "rev": ticket["rev"] + 1}

    def delete(self, number: int) -> None:
        with self.lock:
            del self.tickets[number]

    def by_ref(self) -> dict[str, list[dict[str, Any]]]:
        """The tickets by the foreign id that they carry."""
        found: dict[str, list[dict[str, Any]]] = {}
        with self.lock:
            for ticket in self.tickets.values():
                if ticket["ref"]:
                    found.setdefault(ticket["ref"], []).append(dict(ticket))
        return found


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one packet
    disable_nagle_algorithm = True
    world: Standin
    told = False  # whether an answer has been begun

    def log_message(self, *_: Any) -> None:
        return

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        self.world.calls.append(f"{self.command} {url.path}")
        try:
            if parts == ["auth", "token"]:
                self._sign_in(json.loads(body))
                return
            self._signed_in()
            while (self.command, parts) == ("POST", ["tickets"]) and self.world.slow.is_set():
                time.sleep(0.05)
            writes = self.command in {"POST", "PATCH"}
            fault = self.world.judge(writes)
            if fault is not None:
                FAULTS[fault](self, lambda: self._work(parts, body, answered=False))
                return
            self._answer(*self._work(parts, body, answered=True))
        except Refusal as error:
            self._answer(error.status, {"error": {"code": error.code, "text": str(error)}}, {})

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _any

    # ── who asks ──────────────────────────────────────────────────────────────────────────

    def _sign_in(self, asked: dict[str, Any]) -> None:
        if (asked.get("user"), asked.get("secret")) != (USER, SECRET):
            raise Refusal(403, "LOGIN", "no such user")
        token = f"session-canary-{len(self.world.tokens):06}"
        self.world.tokens[token] = time.monotonic() + self.world.life_s
        self._answer(200, {"session": {"token": token}}, {})

    def _signed_in(self) -> None:
        until = self.world.tokens.get(self.headers.get("X-Session", ""), 0.0)
        if time.monotonic() >= until:
            raise Refusal(401, "SESSION", "the session has ended")

    # ── what is asked ─────────────────────────────────────────────────────────────────────

    def _work(
        self, parts: list[str], body: bytes, *, answered: bool
    ) -> tuple[int, Any, dict[str, str]]:
        with self.world.lock:
            match self.command, parts:
                case "GET", ["tickets"]:
                    return self._list()
                case "GET", ["search"]:
                    return self._search()
                case "POST", ["tickets"]:
                    return self._create(json.loads(body)["ticket"], answered)
                case "GET", ["tickets", number]:
                    ticket = self._ticket(number)
                    return 200, {"ticket": ticket}, {"ETag": _etag(ticket)}
                case "PATCH", ["tickets", number]:
                    return self._patch(number, json.loads(body)["ticket"], answered)
                case "POST", ["tickets", number, "transition"]:
                    return self._move(number, json.loads(body)["to"], answered)
        raise Refusal(404, "PATH", "there is nothing here")

    def _ticket(self, number: str) -> dict[str, Any]:
        found = self.world.tickets.get(int(number)) if number.isdigit() else None
        if found is None or number != str(found["no"]):
            raise Refusal(404, "TICKET", f"no ticket {number}")
        return found

    def _list(self) -> tuple[int, Any, dict[str, str]]:
        since = self.query.get("changed_from", "")
        if since:
            datetime.strptime(since, FORMAT)
        after = int(self.query.get("cursor", "c0")[1:])
        rows = [
            ticket
            for number, ticket in sorted(self.world.tickets.items())
            if number > after and ticket["changed"] >= since
        ]
        page = rows[: min(self.world.page, int(self.query.get("limit", "20")))]
        following = f"c{page[-1]['no']}" if len(rows) > len(page) else None
        return 200, {"rows": [*self.world.broken, *page], "next": following}, {}

    def _search(self) -> tuple[int, Any, dict[str, str]]:
        """By part of the reference, without case; a new ticket only after a while."""
        asked = self.query.get("ref", "").casefold()
        until = time.monotonic() - self.world.lag_s
        newest = max(self.world.tickets, default=0) if self.world.lag_now else None
        hits = [
            ticket
            for number, ticket in self.world.tickets.items()
            if ticket["ref"]
            and asked in ticket["ref"].casefold()
            and self.world.born[number] <= until
            and number != newest
        ]
        return 200, {"hits": hits}, {}

    def _create(self, asked: dict[str, Any], answered: bool) -> tuple[int, Any, dict[str, str]]:
        if not asked.get("summary"):
            raise Refusal(422, "SUMMARY", "a ticket needs a summary")
        number = self.world.add(ref=asked.get("ref"), **_settable(asked))
        self.world.ledger.append(Entry("create", number, dict(asked), answered))
        return 201, {"ok": True}, {"Location": f"{self.world.url}/tickets/{number}"}

    def _patch(
        self, number: str, asked: dict[str, Any], answered: bool
    ) -> tuple[int, Any, dict[str, str]]:
        ticket = self._guarded(number)
        self.world.edit(ticket["no"], **_settable(asked))
        self.world.ledger.append(Entry("patch", ticket["no"], dict(asked), answered))
        return 200, {"ok": True}, {}

    def _move(self, number: str, to: str, answered: bool) -> tuple[int, Any, dict[str, str]]:
        ticket = self._guarded(number)
        if to not in MOVES.get(ticket["state"], []):
            raise Refusal(422, "MOVE", f"{ticket['state']} does not become {to}")
        self.world.edit(ticket["no"], state=to)
        self.world.ledger.append(Entry("move", ticket["no"], {"to": to}, answered))
        return 200, {"ok": True}, {}

    def _guarded(self, number: str) -> dict[str, Any]:
        ticket = self._ticket(number)
        match = self.headers.get("If-Match")
        if match is None:
            raise Refusal(428, "IF-MATCH", "say which version you have seen")
        if match != _etag(ticket):
            raise Refusal(412, "VERSION", "somebody has changed it")
        return ticket

    # ── answers ───────────────────────────────────────────────────────────────────────────

    def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
        self._raw(status, json.dumps(body).encode(), "application/json; charset=utf-8", headers)

    def _raw(
        self, status: int, body: bytes, kind: str, headers: dict[str, str], cut: int = 0
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + cut))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if cut:
            self.close_connection = True

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def _error(self, status: int, **headers: str) -> None:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        # A server that quotes what it was sent, as some do in their error pages.
        said = f"trouble {status}; you sent {self.headers.get('X-Session')} and {SECRET}"
        self._answer(status, {"error": {"code": "TROUBLE", "text": said}}, told)


def _etag(ticket: dict[str, Any]) -> str:
    return f'"{ticket["no"]}-{ticket["rev"]}"'


def _settable(asked: dict[str, Any]) -> dict[str, Any]:
    """What may be set, cut to what fits; the rest is passed over without a word."""
    kept = {name: value for name, value in asked.items() if name in SETTABLE}
    for name in ("due", "finished"):
        if kept.get(name) is not None:
            datetime.strptime(kept[name], FORMAT)
    for name, most in LONGEST.items():
        if isinstance(kept.get(name), str):
            kept[name] = kept[name][:most]
    return kept


Work = Callable[[], Any]


def _then(act: Callable[[_Handler], None], *, works: bool = False) -> Callable[..., None]:
    def fault(handler: _Handler, work: Work) -> None:
        if works:
            work()
        act(handler)

    return fault


def _say_nothing(handler: _Handler) -> None:
    handler.world.stopping.wait(2)
    handler.close_connection = True


def _until(handler: _Handler) -> None:
    from email.utils import formatdate

    handler._error(429, Retry_After=formatdate(time.time() + 90, usegmt=True))


def _lagging(handler: _Handler, work: Work) -> None:
    handler.world.lag_now = True
    try:
        handler._answer(*work())
    finally:
        handler.world.lag_now = False


FAULTS: dict[str, Callable[..., None]] = {
    "unauthorized": _then(lambda h: h._error(401)),
    "forbidden": _then(lambda h: h._error(403)),
    "throttled": _then(lambda h: h._error(429, Retry_After="7")),
    "throttled_until": _then(_until),
    "refused": _then(lambda h: h._error(422)),
    "server_error": _then(lambda h: h._error(500)),
    "unavailable": _then(lambda h: h._error(503)),
    "bad_gateway": _then(lambda h: h._raw(502, b"<h1>Bad</h1>", "text/html", {}), works=True),
    "timeout": _then(_say_nothing),
    "timeout_applied": _then(_say_nothing, works=True),
    "reset": _then(_Handler._reset),
    "reset_applied": _then(_Handler._reset, works=True),
    "truncated": _then(
        lambda h: h._raw(200, b'{"rows": [', "application/json", {}, cut=50), works=True
    ),
    "html": _then(lambda h: h._raw(200, b"<html>sign in</html>", "text/html", {})),
    "error_in_200": _then(
        lambda h: h._answer(200, {"error": {"code": "NO", "text": "not today"}}, {})
    ),
    "strange": _then(lambda h: h._answer(200, {"weather": "fine"}, {}), works=True),
    "ignored": _then(lambda h: h._answer(200, {"ok": True}, {})),
    "lagging": _lagging,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # whoever asked has hung up


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], stopping: threading.Event) -> Iterator[str]:
    """A server on a port of its own, until the end; its URL."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def standin(**settings: Any) -> Iterator[Standin]:
    """The stand-in, until the end."""
    world = Standin(**settings)
    handler = type("Handler", (_Handler,), {"world": world})
    with listening(handler, world.stopping) as world.url:
        yield world
