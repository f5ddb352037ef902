"""A server on a real socket that answers exactly the bytes it is told to, or none."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """One request, as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Peer:
    """The connection a request came over, for what answers it."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping
        self.open = True

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hang_up(self) -> None:
        self.open = False

    def reset(self) -> None:
        """Close so that the other end meets ECONNRESET."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open = False

    def dribble(self, data: bytes, every_s: float = 0.05) -> None:
        for number in data:
            if self.stopping.wait(every_s):
                break
            self.send(bytes([number]))
        self.hang_up()

    def say_nothing(self) -> None:
        self.stopping.wait(30)
        self.hang_up()


Behaviour = Callable[[Peer], None]


def answer(
    status: int = 200, body: bytes = b"{}", kind: str = "application/json", **headers: str
) -> Behaviour:
    """An honest answer. Underscores in header names stand for hyphens."""
    lines = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda peer: peer.send(head + body)


def answer_json(body: object, status: int = 200, **headers: str) -> Behaviour:
    return answer(status, json.dumps(body).encode(), **headers)


def raw(data: bytes) -> Behaviour:
    """These bytes, and then the connection is closed."""

    def behave(peer: Peer) -> None:
        peer.send(data)
        peer.hang_up()

    return behave


class RawServer:
    """`with RawServer(first, second, …) as server`: one behaviour a request; the last repeats.

    Attributes:
        asked: every request, in the order they came.
        connections: how many connections were taken.
        route: instead of the list, a behaviour chosen by what was asked.
    """

    def __init__(
        self,
        *behaviours: Behaviour,
        context: ssl.SSLContext | None = None,
        route: Callable[[Asked], Behaviour] | None = None,
    ) -> None:
        self.behaviours = list(behaviours)
        self.context = context
        self.route = route
        self.asked: list[Asked] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port = int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> "RawServer":
        self._start(self._accept)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        for sock in [self._listener, *self._open]:
            with suppress(OSError):  # wakes the thread that waits on it
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._stopping.is_set():
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.add(sock)
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(10)
        with suppress(OSError), sock:
            if self.context is None:
                self._converse(sock)
            else:
                with self.context.wrap_socket(sock, server_side=True) as wrapped:
                    self._open.add(wrapped)
                    self._converse(wrapped)

    def _converse(self, sock: socket.socket) -> None:
        peer = Peer(sock, self._stopping)
        while peer.open and (asked := self._read(sock)) is not None:
            with self._lock:
                self.asked.append(asked)
                behave = self._next(asked)
            behave(peer)

    def _next(self, asked: Asked) -> Behaviour:
        if self.route is not None:
            return self.route(asked)
        return self.behaviours[0] if len(self.behaviours) == 1 else self.behaviours.pop(0)

    def _read(self, sock: socket.socket) -> Asked | None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(body) < length and (piece := sock.recv(65536)):
            body += piece
        return Asked(method, target, headers, body)
