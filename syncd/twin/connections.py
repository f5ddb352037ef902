"""HTTP/1.1 on loopback sockets, stdlib only: it has to be able to break off anywhere."""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast

from syncd.twin.faults import Fault
from syncd.twin.routes import Answer, Request, read_request
from syncd.twin.sending import deliver, faulty_bytes, honest_bytes

CONTROL = "/__twin/"
_MAX_BODY = 1 << 20  # bytes; the longest sync body the API takes is under 20 kB

Take = Callable[[Request], tuple[Answer, dict[str, str], Fault | None]]
Control = Callable[[Request], tuple[int, Any]]


class Server(ThreadingMixIn, TCPServer):
    """A listening socket, a thread for each connection, and a way to end them all."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        take: Take,
        control: Control | None,
        stopped: threading.Event,
    ) -> None:
        self.take = take
        self.control = control
        self.stopped = stopped
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self.ending = False
        super().__init__(address, _Handler)

    def serve(self) -> None:
        """Accept connections until `end`."""
        while True:
            try:
                connection, address = self.get_request()
            except OSError:  # a client that was gone again, or no file descriptor left just now
                continue
            if self.ending:
                connection.close()
                return
            self.process_request(connection, address)

    def end(self) -> None:
        """Make `serve` return."""
        self.ending = True
        # `accept` waits without end: serve_forever would look every so often instead, which
        # costs each test that wait. A connection of our own wakes it.
        with contextlib.suppress(OSError):
            socket.create_connection(self.socket.getsockname(), timeout=1).close()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close(self) -> None:
        """Close the listening socket and end every connection. Nothing may be accepting."""
        self.server_close()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the client broke is not worth a word; a bug in the twin is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds a connection may be idle
    disable_nagle_algorithm = True

    @property
    def _site(self) -> Server:
        return cast("Server", self.server)

    def __getattr__(self, name: str) -> Callable[[], None]:
        # Every method comes here, unheard-of ones too: which are allowed is for the routes.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:
        """The ledger is the log."""

    def send_error(self, code: int, message: str | None = None, *_: object) -> None:
        """What http.server itself refuses (a malformed line, endless headers), in the API's JSON.

        It stays out of the ledger: there is no request to enter.
        """
        self.close_connection = True
        text = message or "Bad request"
        self._send(honest_bytes(Answer(code, {"error": text}), {}, gzipped=False), "GET")

    def _serve(self) -> None:
        raw = self._read_body()
        if raw is None or self._site.ending:
            self.close_connection = True
            return
        request = read_request(self.command, self.path, dict(self.headers.items()), raw)
        if self._site.control is not None and request.path.startswith(CONTROL):
            status, body = self._site.control(request)
            self._send(honest_bytes(Answer(status, body), {}, gzipped=False), self.command)
            return
        answer, headers, fault = self._site.take(request)
        if self.close_connection:
            headers["Connection"] = "close"
        if fault is None:
            data = honest_bytes(answer, headers, gzipped=_takes_gzip(request))
        else:
            data = faulty_bytes(fault, answer, headers)
        self._send(data, self.command, fault)

    def _send(self, data: bytes, method: str, fault: Fault | None = None) -> None:
        if method == "HEAD":
            data = data[: data.index(b"\r\n\r\n") + 4]
        try:
            if not deliver(self.connection, fault, data, self._site.stopped):
                self.close_connection = True
        except OSError:  # the client has gone, or the twin is being stopped
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """The body; None where it cannot be had whole: it is answered then, or the client gone."""
        if "Transfer-Encoding" in self.headers:
            self.send_error(411, "Length required")
            return None
        told = self.headers.get("Content-Length", "0").strip()
        if not (told.isascii() and told.isdigit()):
            self.send_error(400, "Invalid Content-Length")
            return None
        if len(told) > len(str(_MAX_BODY)) or int(told) > _MAX_BODY:
            self.send_error(413, "The body is too large")
            return None
        try:
            raw = self.rfile.read(int(told))
        except OSError:
            return None
        return raw if len(raw) == int(told) else None


def _takes_gzip(request: Request) -> bool:
    offers = (each.strip() for each in request.headers.get("accept-encoding", "").split(","))
    named = dict(offer.partition(";")[::2] for offer in offers)
    return "gzip" in named and named["gzip"].replace(" ", "") not in {"q=0", "q=0.0"}
