"""A CMMS on a loopback port that fails on demand; its author writes what it answers.

class FakeAcme(FakeCmms):
    def answer(self, request: CmmsRequest) -> tuple[int, object]:
        if request.method == "POST":
            return 201, self.rows[self.save(request.body)]
        ...
"""

import copy
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from syncd.cmms.conformance.bench import THROTTLE_S, THROTTLE_UNTIL_S, BenchFault, no_fault
from syncd.cmms.port import CmmsAdapter
from syncd.core.work_order import Field, Fields, Value, ValueKind, kind_of

_APPLIED = frozenset(
    {
        BenchFault.BAD_GATEWAY,
        BenchFault.TIMEOUT_APPLIED,
        BenchFault.RESET_APPLIED,
        BenchFault.TRUNCATED,
        BenchFault.STRANGE,
    }
)
_COUNTED = {ValueKind.HOURS, ValueKind.TIME}
_STATUS = {
    BenchFault.UNAUTHORIZED: 401,
    BenchFault.FORBIDDEN: 403,
    BenchFault.THROTTLED: 429,
    BenchFault.THROTTLED_UNTIL: 429,
    BenchFault.REFUSED: 422,
    BenchFault.SERVER_ERROR: 500,
    BenchFault.UNAVAILABLE: 503,
    BenchFault.BAD_GATEWAY: 502,
}
_PAGE = b"<!doctype html><html><title>Sign in</title><form>...</form></html>"
_PATIENCE_S = 30.0  # after that, a client that still waits for an answer is let go
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


@dataclass(frozen=True, slots=True)
class CmmsRequest:
    """A request. The path is decoded, in parts: /orders/7 is ("orders", "7")."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True, slots=True)
class CmmsAnswer:
    """What is sent; `lost` is the fault by which it does not arrive whole."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: BenchFault | None = None


class FakeCmms:
    """Rows, the faults of `BenchFault`, and a port that listens while it is entered.

    Attributes:
        rows: what it holds, by id; `save` adds and changes rows.
        stamp: the name of a row's time of change; "": rows have none.
        error_in_200: the body by which this CMMS reports an error with status 200.
    """

    stamp: ClassVar[str] = "updated_at"
    error_in_200: ClassVar[object] = {"error": "not today"}

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.on_request: Callable[[bool], BenchFault | None] = no_fault
        self._numbers = count(1)
        self._last = datetime.now(UTC)
        self._lock = threading.RLock()

    def answer(self, request: CmmsRequest) -> tuple[int, object]:
        """The status and the JSON of an answer without a fault."""
        raise NotImplementedError

    def writes(self, request: CmmsRequest) -> bool:
        """Whether a request may write."""
        return request.method not in {"GET", "HEAD"}

    def save(self, values: Mapping[str, Any], row_id: str | None = None) -> str:
        """Make a row or change one, and return its id. No two times of change are the same."""
        with self._lock:
            known = row_id or str(next(self._numbers))
            row = self.rows.setdefault(known, {"id": known})
            row.update(values)
            if self.stamp:
                self._last = max(self._last + timedelta(milliseconds=1), datetime.now(UTC))
                row[self.stamp] = self._last.isoformat(timespec="milliseconds")
            return known

    # ── faults ────────────────────────────────────────────────────────────────────────────

    def exchange(self, request: CmmsRequest) -> CmmsAnswer:
        """The answer to a request, or how it fails if the suite wants that."""
        fault = self.on_request(self.writes(request))
        with self._lock:
            if fault is None:
                return _json(*self.answer(request))
            return self._failing(request, fault)

    def _failing(self, request: CmmsRequest, fault: BenchFault) -> CmmsAnswer:
        if fault in _APPLIED:
            whole = _json(*self.answer(request))
            if fault is BenchFault.STRANGE:
                return _json(200, {"strange": True})
            if fault is not BenchFault.BAD_GATEWAY:
                return CmmsAnswer(whole.status, whole.body, whole.headers, fault)
        if fault in {BenchFault.TIMEOUT, BenchFault.RESET}:
            return CmmsAnswer(0, b"", {}, fault)
        if fault is BenchFault.HTML:
            return CmmsAnswer(200, _PAGE, {"Content-Type": "text/html"})
        if fault is BenchFault.ERROR_IN_200:
            return _json(200, self.error_in_200)
        if fault is BenchFault.IGNORED:
            held = copy.deepcopy(self.rows)
            self.answer(request)
            self.rows = held
            return _json(*self.answer(CmmsRequest("GET", request.path, {}, request.headers)))
        if fault is BenchFault.LAGGING:
            newest = self.rows.popitem()
            without_newest = _json(*self.answer(request))
            self.rows[newest[0]] = newest[1]
            return without_newest
        refused = _json(_STATUS[fault], {"error": f"{fault}: not today"})
        later = {
            BenchFault.THROTTLED: f"{THROTTLE_S:.0f}",
            BenchFault.THROTTLED_UNTIL: formatdate(time.time() + THROTTLE_UNTIL_S, usegmt=True),
        }.get(fault)
        more = {"Retry-After": later} if later else {}
        return CmmsAnswer(refused.status, refused.body, {**refused.headers, **more})

    # ── the port ──────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> "FakeCmms":
        fake = self

        class Handler(_CmmsHandler):
            exchange = staticmethod(fake.exchange)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"


def _json(status: int, content: object) -> CmmsAnswer:
    return CmmsAnswer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


class _CmmsHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    exchange: Callable[[CmmsRequest], CmmsAnswer]

    def _serve(self) -> None:
        target = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        answer = type(self).exchange(
            CmmsRequest(
                self.command,
                tuple(unquote(part) for part in target.path.split("/")[1:]),
                dict(parse_qsl(target.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(body) if body else None,
            )
        )
        if answer.lost in {BenchFault.TIMEOUT, BenchFault.TIMEOUT_APPLIED}:
            select.select([self.connection], [], [], _PATIENCE_S)  # until the client hangs up
        if answer.lost not in {None, BenchFault.TRUNCATED}:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        cut = answer.lost is not None
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.close_connection = self.close_connection or cut

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Print nothing: the tests report what went wrong."""


class FastClock:
    """A clock on which a wait takes no time, for an adapter that waits. Its `wait` and `monotonic`
    go into the AdapterContext."""

    def __init__(self) -> None:
        self._waited_s = 0.0

    def wait(self, seconds: float) -> bool:
        self._waited_s += seconds
        return True

    def monotonic(self) -> float:
        return time.monotonic() + self._waited_s


class FakeBench:
    """An adapter and a `FakeCmms`, as a `Bench`.

    Args:
        names: the CMMS's names of our fields.
        spell: returns a value as the CMMS spells it. Write it from the CMMS's documentation and
            not with the adapter's own functions: a mistake in those would be made twice.
    """

    def __init__(
        self,
        adapter: CmmsAdapter,
        fake: FakeCmms,
        *,
        page_size: int,
        names: Mapping[Field, str],
        spell: Callable[[Field, Value], object],
    ) -> None:
        self.adapter, self.page_size = adapter, page_size
        self._fake, self._names, self._spell = fake, names, spell

    @property
    def on_request(self) -> Callable[[bool], BenchFault | None]:
        return self._fake.on_request

    @on_request.setter
    def on_request(self, decide: Callable[[bool], BenchFault | None]) -> None:
        self._fake.on_request = decide

    def records(self) -> dict[str, dict[str, object]]:
        ours = {name: str(field) for field, name in self._names.items()}
        return {
            row_id: {
                ours.get(name, name): it for name, it in row.items() if name != self._fake.stamp
            }
            for row_id, row in self._fake.rows.items()
        }

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        self._fake.save({self._names[name]: self._spell(name, value)}, cmms_id)

    def add(self, fields: Fields) -> str:
        return self._fake.save(
            {self._names[name]: self._spell(name, value) for name, value in fields.items()}
        )

    def delete(self, cmms_id: str) -> None:
        del self._fake.rows[cmms_id]

    def spoil(self, cmms_id: str) -> Field:
        """See `BreaksValues`: an object stands where a time or a number should."""
        name = next(it for it in self._names if kind_of(it) in _COUNTED)
        self._fake.save({self._names[name]: {"no": "value"}}, cmms_id)
        return name
