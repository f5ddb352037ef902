"""HTTP/1.1 on loopback sockets. Standard library only, so that a fault can break off anywhere."""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast

from syncd.twin.faults import ScriptedFault
from syncd.twin.routes import ApiAnswer, Request, read_request
from syncd.twin.sending import deliver, faulty_bytes, honest_bytes

CONTROL = "/__twin/"
_MAX_BODY = 1 << 20  # bytes; the longest sync body that the API accepts is under 20 kB

Take = Callable[[Request], tuple[ApiAnswer, dict[str, str], ScriptedFault | None]]
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
        super().__init__(address, _ConnectionHandler)

    def serve(self) -> None:
        """Accept connections until `end`."""
        while True:
            try:
                connection, address = self.get_request()
            except OSError:  # the client has gone already, or no file descriptor is free
                continue
            if self.ending:
                connection.close()
                return
            self.process_request(connection, address)

    def end(self) -> None:
        """Make `serve` return."""
        self.ending = True
        # `accept` waits without a time limit, and a connection of our own wakes it. serve_forever
        # would poll instead, and each test would wait for the next poll.
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
        """Print a bug in the twin; stay silent about a connection that the client broke."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _ConnectionHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds a connection may be idle
    disable_nagle_algorithm = True

    @property
    def _site(self) -> Server:
        return cast("Server", self.server)

    def __getattr__(self, name: str) -> Callable[[], None]:
        # Every method comes here, invented ones too: the routes decide which are allowed.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:
        """The ledger is the log."""

    def send_error(self, code: int, message: str | None = None, *_: object) -> None:
        """Answer in the API's JSON what http.server refuses: a malformed line, endless headers.

        The ledger gets no entry, because there is no request.
        """
        self.close_connection = True
        text = message or "Bad request"
        self._send(honest_bytes(ApiAnswer(code, {"error": text}), {}, gzipped=False), "GET")

    def _serve(self) -> None:
        raw = self._read_body()
        if raw is None or self._site.ending:
            self.close_connection = True
            return
        request = read_request(self.command, self.path, dict(self.headers.items()), raw)
        if self._site.control is not None and request.path.startswith(CONTROL):
            status, body = self._site.control(request)
            self._send(honest_bytes(ApiAnswer(status, body), {}, gzipped=False), self.command)
            return
        answer, headers, fault = self._site.take(request)
        if self.close_connection:
            headers["Connection"] = "close"
        if fault is None:
            data = honest_bytes(answer, headers, gzipped=_takes_gzip(request))
        else:
            data = faulty_bytes(fault, answer, headers)
        self._send(data, self.command, fault)

    def _send(self, data: bytes, method: str, fault: ScriptedFault | None = None) -> None:
        if method == "HEAD":
            data = data[: data.index(b"\r\n\r\n") + 4]
        try:
            if not deliver(self.connection, fault, data, self._site.stopped):
                self.close_connection = True
        except OSError:  # the client has gone, or the twin is being stopped
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """Return the body, or None: it is not complete, and an error was sent or nobody reads."""
        if "Transfer-Encoding" in self.headers:
            self.send_error(411, "Length required")
            return None
        length = self.headers.get("Content-Length", "0").strip()
        if not (length.isascii() and length.isdigit()):
            self.send_error(400, "Invalid Content-Length")
            return None
        if len(length) > len(str(_MAX_BODY)) or int(length) > _MAX_BODY:
            self.send_error(413, "The body is too large")
            return None
        try:
            raw = self.rfile.read(int(length))
        except OSError:
            return None
        return raw if len(raw) == int(length) else None


def _takes_gzip(request: Request) -> bool:
    offers = (offer.strip() for offer in request.headers.get("accept-encoding", "").split(","))
    qualities = dict(offer.partition(";")[::2] for offer in offers)
    return "gzip" in qualities and qualities["gzip"].replace(" ", "") not in {"q=0", "q=0.0"}
