"""The twin's sockets, and one request from its arrival to its ledger entry. Loopback only."""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, cast

from syncd.twin import control
from syncd.twin.faults import Fault, Faults
from syncd.twin.gate import Budget, Credentials
from syncd.twin.ledger import Entry, Ledger, masked
from syncd.twin.model import Organisation, TwinConfig
from syncd.twin.routes import Answer, Request, Routes, error, parse_body, read_request
from syncd.twin.seed import Order
from syncd.twin.sending import deliver, faulty_bytes, honest_bytes, replaced

_MAX_BODY = 1 << 20  # bytes; the longest sync body the API takes is under 20 kB
_FIXED = {"orders", "seed", "include_seed_order", "clock"}  # they only count at the beginning


class Twin:
    """A Scan2Evolve in this process: `with Twin(TwinConfig(orders=300)) as twin:`.

    It listens from the first on, so that `url` is known, and answers from `start` to `stop`.
    Stopped, it refuses connections and has ended those there were, as a server that is down;
    started again it is at the same address and holds what it held.

    Attributes:
        config: its switches; change them with `configure`.
        people: the organisation; its edits are repeated here.
        faults: the script of what goes wrong.
        ledger: the requests.
    """

    def __init__(
        self,
        config: TwinConfig | None = None,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        control: bool = False,
    ) -> None:
        """Raises ValueError for a host that is not loopback, OSError for a port in use."""
        if not ip_address(host).is_loopback:
            raise ValueError(f"the twin listens on loopback only, not on {host}")
        self.config = config or TwinConfig()
        self.faults = Faults()
        self.ledger = Ledger()
        self.control = control
        self.stopped = threading.Event()
        self._lock = threading.RLock()
        self.people = Organisation(self.config, self._lock)
        self._credentials = Credentials(self.config)
        self._budget = Budget(self.config)
        self._routes = Routes(self.config, self.people, self._credentials)
        self._n = 0
        self._server: _Server | None = _Server((host, port), self)
        self._address = cast("tuple[str, int]", self._server.server_address[:2])
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self.port}"

    def start(self) -> "Twin":
        """Begin to answer, if it does not already."""
        if self._thread is not None:
            return self
        self.stopped.clear()
        server = self._server = self._server or _Server(self._address, self)
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="twin", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and end every connection, with the answers under way."""
        server, self._server = self._server, None
        thread, self._thread = self._thread, None
        self.stopped.set()
        if server is None:
            return
        if thread is not None:
            server.shutdown()
            thread.join()
        server.end_connections()
        server.server_close()

    def __enter__(self) -> "Twin":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # ── what people do upstream ───────────────────────────────────────────────────────────

    def order(self, s2e_id: str) -> Order:
        return self.people.order(s2e_id)

    def orders(self) -> list[Order]:
        return self.people.orders()

    def edit(self, s2e_id: str, **changes: Any) -> None:
        self.people.edit(s2e_id, **changes)

    def add(self, **values: Any) -> str:
        return self.people.add(**values)

    def delete(self, s2e_id: str) -> None:
        self.people.delete(s2e_id)

    def refuse(self, s2e_id: str, message: str | None = "Validation error") -> None:
        self.people.refuse(s2e_id, message)

    def expire_tokens(self) -> None:
        """Every exchanged token dies now."""
        with self._lock:
            self._credentials.expire()

    def configure(self, **switches: Any) -> None:
        """Change switches while it runs. Raises ValueError; then none of them is changed."""
        unknown = sorted(
            set(switches) - {each.name for each in fields(TwinConfig)} | _FIXED & set(switches)
        )
        if unknown:
            raise ValueError(f"no switch to change while it runs: {', '.join(unknown)}")
        if "ignore_fields" in switches:
            switches["ignore_fields"] = frozenset(switches["ignore_fields"])
        with self._lock:
            replace(self.config, **switches)  # for its ValueError
            for name, value in switches.items():
                setattr(self.config, name, value)

    # ── one request ───────────────────────────────────────────────────────────────────────

    def take(self, request: Request) -> tuple[Answer, dict[str, str], Fault | None]:
        """Answer a request and enter it in the ledger, one request at a time.

        The ledger's order is therefore the order in which syncs took effect, and a client that
        has its answer finds itself there.
        """
        with self._lock:
            credential = self._credentials.presented(request.headers)
            headers, over = self._budget.spend(downstream=request.downstream)
            fault = None if over else self.faults.meet(request.method, request.path)
            self._n += 1
            request_id = f"req_{self._n:06}"
            honest: Answer | None = None
            if over:
                honest = error(429, "Rate limit exceeded", request_id)
            elif fault is None or fault.applied:
                honest = self._routes.answer(request, request_id)
            answer = replaced(fault, honest, request_id) if fault else cast("Answer", honest)
            self.ledger.append(
                Entry(
                    n=self._n,
                    at=self.config.clock(),
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    headers=masked(request.headers),
                    credential=credential,
                    body=_legible(request.raw),
                    status=answer.status,
                    applied=honest is not None and honest.applied,
                    fault=fault.kind if fault is not None else None,
                    changes=honest.changes if honest is not None else {},
                )
            )
        return answer, {**headers, **answer.headers}, fault


def _legible(raw: bytes) -> Any:
    try:
        return parse_body(raw) if raw else None
    except ValueError:
        return raw.decode("utf-8", "replace")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], twin: Twin) -> None:
        self.twin = twin
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # As HTTPServer does, without asking the name service for the host's name.
        socket_server_bind = super(ThreadingHTTPServer, self).server_bind
        socket_server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that we or the client broke is not worth a traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds a connection may be idle
    disable_nagle_algorithm = True
