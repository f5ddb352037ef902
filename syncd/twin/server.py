"""The twin's HTTP: credentials, rate limit, ledger, faults. Loopback only."""

import base64
import gzip
import json
import math
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from syncd.twin.faults import Fault, Faults
from syncd.twin.model import Order, Organisation, Refusal, TwinConfig

_LIST = "/api/v1/work-orders"
_TOKEN = "/api/v1/auth/token"
_SYNC = "/api/downstream/work-orders/"
_MAX_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as the twin met it.

    Attributes:
        credentials: v1, basic, token, downstream, or None where they were wrong.
        changes: for a sync that was applied, each field's value before and after.
    """

    number: int
    at: float
    method: str
    path: str
    query: dict[str, str]
    credentials: str | None
    body: Any
    status: int
    fault: str | None
    changes: dict[str, tuple[Any, Any]] | None


@dataclass(slots=True)
class Ledger:
    """Every request, in the order they were taken."""

    entries: list[Entry] = field(default_factory=list)

    def requests(self, method: str | None = None, path: str = "") -> list[Entry]:
        return [e for e in list(self.entries) if method in {None, e.method} and path in e.path]

    def writes(self, s2e_id: str | None = None) -> list[Entry]:
        """Sync calls that were applied."""
        return [
            e
            for e in list(self.entries)
            if e.changes is not None and (s2e_id is None or f"/{s2e_id}/" in e.path)
        ]

    def clear(self) -> None:
        self.entries.clear()


class Twin:
    """A running twin. `with Twin(config) as twin:` starts and stops it."""

    def __init__(
        self, config: TwinConfig | None = None, port: int = 0, *, control: bool = False
    ) -> None:
        self.config = config or TwinConfig()
        self.people = Organisation(self.config)
        self.faults = Faults()
        self.ledger = Ledger()
        self.control = control
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self._issued: dict[str, float] = {}
        self._window: tuple[float, int] = (0.0, 0)
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.twin = self
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Twin":
        run = self._server.serve_forever
        self._thread = threading.Thread(target=run, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "Twin":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def expire_tokens(self) -> None:
        """Every exchanged token dies now."""
        self._issued.clear()

    # ── credentials and the rate limit ────────────────────────────────────────────────────

    def issue(self, body: Any) -> Order:
        """Exchange client id and secret for a token. Raises Refusal."""
        told = body if isinstance(body, dict) else {}
        if set(told) != {"client_id", "client_secret", "grant_type"} or not all(
            isinstance(value, str) for value in told.values()
        ):
            raise Refusal(400, "client_id, client_secret and grant_type are required")
        if told["grant_type"] != "client_credentials":
            raise Refusal(400, "grant_type must be client_credentials")
        pair = (self.config.client_id, self.config.client_secret)
        if (told["client_id"], told["client_secret"]) != pair:
            raise Refusal(401, "Invalid client credentials")
        token = f"twin-issued-{len(self._issued) + 1}-{self.config.seed}"
        self._issued[token] = time.monotonic()
        return {"access_token": token, "token_type": "Bearer", "expires_in": 86400}

    def who(self, authorization: str | None, key: str | None, path: str) -> str | None:
        """Which credentials these are, if they are good for this path."""
        scheme, _, value = (authorization or "").partition(" ")
        if path.startswith(_SYNC):
            good = value == self.config.downstream_token and key == self.config.downstream_key
            return "downstream" if scheme == "Bearer" and good else None
        if scheme == "Basic":
            pair = f"{self.config.client_id}:{self.config.client_secret}"
            return "basic" if value == base64.b64encode(pair.encode()).decode() else None
        if scheme != "Bearer":
            return None
        if value == self.config.v1_token:
            return "v1"
        used = self._issued.get(value)
        if used is None or time.monotonic() - used > self.config.token_idle_s:
            return None
        self._issued[value] = time.monotonic()
        return "token"

    def spend(self) -> tuple[dict[str, str], bool]:
        """Count one request; the rate headers, and whether it is one too many."""
        now = self.config.clock()
        seconds = now.timestamp()
        with self.lock:
            start, used = self._window
            if seconds - start >= self.config.rate_window_s or seconds < start:
                start, used = seconds, 0
            over = used >= self.config.rate_limit
            used = used if over else used + 1
            self._window = (start, used)
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "X-RateLimit-Limit": str(self.config.rate_limit),
            "X-RateLimit-Remaining": str(max(self.config.rate_limit - used, 0)),
            "X-RateLimit-Reset": str(math.ceil(start + self.config.rate_window_s)),
        }
        return headers, over


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    twin: Twin

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that we or the client broke is not worth a traceback."""


@dataclass(slots=True)
class _Answer:
    status: int
    body: Any
    credentials: str | None = None
    changes: dict[str, tuple[Any, Any]] | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    @property
    def twin(self) -> Twin:
        return cast("_Server", self.server).twin

    def log_message(self, format: str, *args: object) -> None:
        """The ledger is the log."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        raw = self._read_body()
        if self.twin.control and parts.path.startswith("/__twin/"):
            from syncd.twin.serve import controlled

            self._send(200, controlled(self.twin, parts.path, raw), {})
            return
        fault = self.twin.faults.meet(self.command, parts.path)
        headers, over = self.twin.spend()
        answer = self._answer(parts.path, dict(parse_qsl(parts.query, True)), raw, fault, over)
        entry = Entry(
            number=len(self.twin.ledger.entries),
            at=time.monotonic(),
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, True)),
            credentials=answer.credentials,
            body=_parsed(raw),
            status=answer.status,
            fault=fault.kind if fault is not None else None,
            changes=answer.changes,
        )
        self.twin.ledger.entries.append(entry)
        if answer.status == 429 and fault is None:
            wait = float(headers["X-RateLimit-Reset"]) - self.twin.config.clock().timestamp()
            headers["Retry-After"] = str(max(math.ceil(wait), 1))
        self._break_or_send(answer, headers, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve
    do_TRACE = _serve

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdigit() else 0
        return self.rfile.read(min(size, _MAX_BODY))

    # ── the honest answer ─────────────────────────────────────────────────────────────────

    def _answer(
        self, path: str, query: dict[str, str], raw: bytes, fault: Fault | None, over: bool
    ) -> _Answer:
        kind = fault.kind if fault is not None else ""
        try:
            if over or kind == "throttle":
                raise Refusal(429, "Rate limit exceeded")
            if kind in {"drop", "hang", "success_false", "html", "redirect", "not_object"}:
                return _Answer(200, {"success": False, "message": "not applied"})
            if kind == "status" and fault is not None:
                raise Refusal(int(fault.arg or 500), "A fault on purpose")
            return self._dispatch(path, query, raw)
        except Refusal as refusal:
            number = len(self.twin.ledger.entries)
            body = {"error": str(refusal), "requestId": f"req_{number:06}"}
            return _Answer(refusal.status, body)

    def _dispatch(self, path: str, query: dict[str, str], raw: bytes) -> _Answer:
        allowed = {_LIST: "GET", _TOKEN: "POST"}.get(path)
        if path.startswith(_LIST + "/"):
            allowed = "GET"
        elif path.startswith(_SYNC) and path.endswith("/sync"):
            allowed = "POST"
        if allowed is None:
            raise Refusal(404, "Not found")
        if self.command != allowed:
            raise Refusal(405, f"Use {allowed}")
        if path == _TOKEN:
            return _Answer(200, self.twin.issue(_parsed(raw)), "client")
        who = self.twin.who(self.headers.get("Authorization"), self.headers.get("X-API-KEY"), path)
        if who is None:
            raise Refusal(401, "Missing or invalid API key / token")
        people = self.twin.people
        if path == _LIST:
            return _Answer(200, people.page(query), who)
        if path.startswith(_LIST):
            return _Answer(200, people.get(unquote(path.removeprefix(_LIST + "/"))), who)
        if not self.twin.config.downstream_active:
            raise Refusal(403, "Downstream integration not active")
        s2e_id = unquote(path.removeprefix(_SYNC).removesuffix("/sync"))
        body = _parsed(raw)
        changes = people.sync(s2e_id, body)
        message = {"success": True, "message": "Work order updated successfully"}
        return _Answer(200, message, who, changes)

    # ── how it is sent, or not ────────────────────────────────────────────────────────────

    def _break_or_send(self, answer: _Answer, headers: dict[str, str], fault: Fault | None) -> None:
        kind, arg = (fault.kind, fault.arg) if fault is not None else ("", "")
        if kind in {"drop", "lost", "lost_fin"}:
            self._hang_up(reset=kind == "lost")
        elif kind == "hang":
            self.twin.stopped.wait(120)
            self._hang_up(reset=True)
        elif kind == "html":
            self._send_raw(200, b"<html><body>Please sign in</body></html>", "text/html", headers)
        elif kind == "redirect":
            self._send_raw(302, b"", "text/plain", {**headers, "Location": arg})
        elif kind == "not_object":
            self._send(200, [], headers)
        elif kind == "bad_json":
            self._send_raw(200, b'{"workOrders": [', "application/json", headers)
        elif kind == "throttle":
            self._send(429, answer.body, {**headers, "Retry-After": arg} if arg else headers)
        elif kind == "applied_status":
            self._send(int(arg or 502), {"error": "A fault on purpose"}, headers)
        else:
            if kind == "slow":
                self.twin.stopped.wait(float(arg or 1))
            if answer.status == 405:
                headers["Allow"] = str(answer.body["error"]).removeprefix("Use ")
            self._send(answer.status, answer.body, headers, kind, arg)

    def _send(
        self, status: int, body: Any, headers: dict[str, str], how: str = "", arg: str = ""
    ) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        if "gzip" in self.headers.get("Accept-Encoding", "") and len(content) > 500 and not how:
            content = gzip.compress(content, 1)
            headers = {**headers, "Content-Encoding": "gzip"}
        self._send_raw(status, content, "application/json", headers, how, arg)

    def _send_raw(
        self,
        status: int,
        content: bytes,
        kind: str,
        headers: dict[str, str],
        how: str = "",
        arg: str = "",
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if how == "truncate":
            self.wfile.write(content[: len(content) // 2])
            self._hang_up(reset=False)
        elif how == "dribble":
            for number in content:
                if self.twin.stopped.wait(float(arg or 0.3)):
                    break
                self.wfile.write(bytes([number]))
        else:
            self.wfile.write(content)

    def _hang_up(self, *, reset: bool) -> None:
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
        self.close_connection = True
        self.connection.close()


def _parsed(raw: bytes) -> Any:
    """The body as JSON; what is not JSON is the text that it is."""
    if not raw:
        return None
    try:
        return json.loads(raw, parse_constant=lambda name: name)
    except ValueError:
        return raw.decode("utf-8", "replace")
