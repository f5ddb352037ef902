"""Calls on a twin over real sockets: whole requests with httpx, odd ones byte by byte."""

import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from syncd.twin.server import Twin

LIST = "/api/v1/work-orders"


def sync_path(s2e_id: str) -> str:
    return f"/api/downstream/work-orders/{s2e_id}/sync"


class Calls:
    """A client that holds all the twin's credentials and sends each where it belongs."""

    def __init__(self, twin: Twin) -> None:
        config = twin.config
        self.v1 = {"Authorization": f"Bearer {config.v1_token}"}
        self.downstream = {
            "Authorization": f"Bearer {config.downstream_token}",
            "X-API-KEY": config.downstream_key,
        }
        # There is no TLS here, and to load the system's CAs for each test takes longer than most.
        self.client = httpx.Client(base_url=twin.url, timeout=5, trust_env=False, verify=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    def listed(self, **query: object) -> httpx.Response:
        told = {name: str(value) for name, value in query.items()}
        return self.client.get(LIST, params=told, headers=self.v1)

    def page(self, **query: object) -> dict[str, Any]:
        answer = self.listed(**query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def ids(self, **query: object) -> list[str]:
        """The ids of one page."""
        return [order["id"] for order in self.page(**query)["workOrders"]]

    def get(self, s2e_id: str) -> httpx.Response:
        return self.client.get(f"{LIST}/{s2e_id}", headers=self.v1)

    def sync(self, s2e_id: str, body: object) -> httpx.Response:
        return self.client.post(sync_path(s2e_id), json=body, headers=self.downstream)

    def sync_raw(self, s2e_id: str, body: bytes) -> httpx.Response:
        return self.client.post(sync_path(s2e_id), content=body, headers=self.downstream)

    def token(self, **more: object) -> httpx.Response:
        told = {
            "client_id": "twin-client",
            "client_secret": "twin-secret",
            "grant_type": "client_credentials",
        }
        return self.client.post("/api/v1/auth/token", json=told | more)


def connect(twin: Twin) -> socket.socket:
    return socket.create_connection(("127.0.0.1", twin.port), timeout=5)


def request_bytes(
    line: str, headers: Mapping[str, str] | None = None, body: bytes = b"", *, close: bool = True
) -> bytes:
    """One HTTP/1.1 request; `line` is the method and the target."""
    told = {"Host": "twin", **(headers or {})}
    if body:
        told["Content-Length"] = str(len(body))
    if close:
        told["Connection"] = "close"
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the other side closes. Raises ConnectionResetError."""
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def exchange(twin: Twin, request: bytes) -> bytes:
    """Send these bytes on a new connection; return all that comes back."""
    with connect(twin) as connection:
        connection.sendall(request)
        return read_all(connection)
