"""What the fakes of the presets share: a real socket, who asks, a ledger, and how requests fail."""

import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.cmms.standin import listening


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        parts: the path's segments, each decoded on its own.
        headers: by their names in lower case.
        json: the body, where it is JSON.
        pairs: the query, with a name as often as it came.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: Any
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] | None = None


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.answer = Answer(status, body)


class Fake:
    """A CMMS's world. Its own kind says what is asked and what comes of it.

    Attributes:
        rows: its records, as it answers them, by the id that people know them by.
        judge: asked before each request has any effect, told whether it may write; a fault's
            name, or None.
        ledger: what took effect: kind of write, record, what was sent.
    """

    root: ClassVar[str] = "/"

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.judge: Callable[[bool], str | None] = lambda _writes: None
        self.ledger: list[tuple[str, str, Any]] = []
        self.calls: list[Asked] = []
        self.url = ""
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self._numbers = itertools.count(1001)
        self._tokens: dict[str, float] = {}

    # ── for its own kind ──────────────────────────────────────────────────────────────────

    def sign_in(self, asked: Asked) -> Answer | None:
        """The answer to who asks for a token; None: this is another request."""
        return None

    def authorize(self, asked: Asked) -> None:
        """Raise Refusal for whoever is not known."""

    def work(self, asked: Asked) -> Answer:
        """Do what is asked."""
        raise NotImplementedError

    def ignored(self, asked: Asked) -> Answer:
        """What it answers to a write that it passes over."""
        raise NotImplementedError

    def refusal(self) -> Refusal:
        """Any of its errors."""
        raise NotImplementedError

    def reads(self, asked: Asked) -> bool:
        return asked.method == "GET"

    def add(self, **values: Any) -> str:
        """A person makes a record; its id."""
        raise NotImplementedError

    def edit(self, key: str, **values: Any) -> None:
        """A person sets fields."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """A person deletes a record."""
        del self.rows[key]

    # ── what they are made of ─────────────────────────────────────────────────────────────

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_number(self) -> int:
        return next(self._numbers)

    def note(self, what: str, key: str, sent: Any) -> None:
        self.ledger.append((what, key, sent))

    def new_token(self, name: str, life: timedelta) -> str:
        token = f"{name}-{len(self._tokens):04}"
        self._tokens[token] = time.monotonic() + life.total_seconds()
        return token

    def lives(self, token: str) -> bool:
        return time.monotonic() < self._tokens.get(token, 0.0)

    def end_sessions(self) -> None:
        self._tokens.clear()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one packet
    disable_nagle_algorithm = True
    fake: Fake

    def log_message(self, *_: Any) -> None:
        return

    def _any(self) -> None:
        asked = self._read()
        fake = self.fake
        fake.calls.append(asked)
        try:
            token = fake.sign_in(asked)
            if token is not None:
                self.answer(token)
                return
            fake.authorize(asked)
            fault = fake.judge(not fake.reads(asked))
            if fault is not None:
                FAULTS[fault](self, asked)
                return
            self.answer(self.work(asked))
        except Refusal as error:
            self.answer(error.answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def _read(self) -> Asked:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = parse_qsl(query, keep_blank_values=True)
        return Asked(
            self.command,
            urlsplit(path).path,
            dict(pairs),
            headers,
            json.loads(body) if "json" in headers.get("content-type", "") else None,
            tuple(pairs),
        )

    def work(self, asked: Asked) -> Answer:
        with self.fake.lock:
            return self.fake.work(asked)

    def answer(self, told: Answer) -> None:
        body = b"" if told.body is None else json.dumps(told.body).encode()
        self.raw(told.status, body, "application/json; charset=utf-8", told.headers)

    def raw(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None,
        cut: int = 0,
    ) -> None:  # fmt: skip
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + cut))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if cut:
            self.close_connection = True

    def error(self, asked: Asked, status: int, **headers: str) -> None:
        """A server that quotes what it was sent, as some do in their error pages."""
        said = {"trouble": status, "you sent": asked.headers}
        self.answer(Answer(status, said, {it.replace("_", "-"): v for it, v in headers.items()}))

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def say_nothing(self) -> None:
        self.fake.stopping.wait(2)
        self.close_connection = True


# ── how a request fails ───────────────────────────────────────────────────────────────────────

Act = Callable[[_Handler, Asked], None]


def _with(status: int, **headers: str) -> Act:
    return lambda handler, asked: handler.error(asked, status, **headers)


def _applied(act: Act) -> Act:
    """The same after the request has taken effect."""

    def done(handler: _Handler, asked: Asked) -> None:
        handler.work(asked)
        act(handler, asked)

    return done


def _until(handler: _Handler, asked: Asked) -> None:
    handler.error(asked, 429, Retry_After=formatdate(time.time() + 90, usegmt=True))


def _refused_in_200(handler: _Handler, asked: Asked) -> None:
    """The body of an error, under a status of success."""
    handler.answer(Answer(200, handler.fake.refusal().answer.body))


def _html(handler: _Handler, _asked: Asked) -> None:
    handler.raw(200, b"<html>sign in</html>", "text/html")


def _gateway(handler: _Handler, _asked: Asked) -> None:
    handler.raw(502, b"<h1>Bad</h1>", "text/html")


def _cut(handler: _Handler, _asked: Asked) -> None:
    handler.raw(200, b'{"rows": [', "application/json", cut=50)


FAULTS: dict[str, Act] = {
    "unauthorized": _with(401),
    "forbidden": _with(403),
    "throttled": _with(429, Retry_After="7"),
    "throttled_until": _until,
    "refused": _with(422),
    "server_error": _with(500),
    "unavailable": _with(503),
    "bad_gateway": _applied(_gateway),
    "timeout": lambda handler, _asked: handler.say_nothing(),
    "timeout_applied": _applied(lambda handler, _asked: handler.say_nothing()),
    "reset": lambda handler, _asked: handler.reset(),
    "reset_applied": _applied(lambda handler, _asked: handler.reset()),
    "truncated": _applied(_cut),
    "html": _html,
    "error_in_200": _refused_in_200,
    "strange": _applied(lambda handler, _asked: handler.answer(Answer(200, {"weather": "fine"}))),
    "ignored": lambda handler, asked: handler.answer(handler.fake.ignored(asked)),
}


@contextmanager
def serving(fake: Fake) -> Iterator[Fake]:
    """The fake on a port of its own, until the end."""
    handler = type("Handler", (_Handler,), {"fake": fake})
    with listening(handler, fake.stopping) as fake.url:
        yield fake
