"""Sockets that keep the deadline of the request they serve.

httpx counts its timeout anew for each read, so a server that sends one byte now and then can hold
a request for ever. Here no wait is longer than the time that is left for the whole request: not
for a name, a connection or a handshake, and not for a byte of a header or body.
"""

import ipaddress
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

READ_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 10.0
_PIECE = 16 * 1024  # bytes written under one timeout

Resolve = Callable[[str, int], list[str]]


class Deadlines:
    """The deadline of the request that the calling thread is sending."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._local = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self._local.ends = self._monotonic() + seconds
        try:
            yield
        finally:
            self._local.ends = None

    def left(self, timeout: float | None) -> float:
        """Seconds: httpx's own timeout or the time that is left, the shorter one; at least 0."""
        ends = getattr(self._local, "ends", None)
        rest = READ_TIMEOUT_S if timeout is None else timeout
        return rest if ends is None else max(min(rest, ends - self._monotonic()), 0.0)

    def now(self) -> float:
        return self._monotonic()


class BoundedTransport(httpx.HTTPTransport):
    """httpx's transport over these sockets. It uses only the proxy that is given."""

    def __init__(
        self,
        deadlines: Deadlines,
        context: ssl.SSLContext,
        proxy: str | None,
        resolve: Resolve,
    ) -> None:
        super().__init__(
            verify=context,
            http1=True,
            http2=False,
            trust_env=False,
            proxy=None
            if proxy is None
            else httpx.Proxy(proxy, ssl_context=_for_proxy(proxy, context)),
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=4),
        )
        # httpx takes no network backend as an argument. The pinned version has its pool here;
        # tests/edges/test_http_deadlines.py fails if a deadline is not kept.
        self._pool._network_backend = _BoundedBackend(deadlines, resolve)


def _for_proxy(proxy: str, context: ssl.SSLContext) -> ssl.SSLContext | None:
    """The TLS context for the proxy; None for an http proxy, for which httpcore refuses one."""
    return context if proxy.lower().startswith("https:") else None


class _BoundedBackend(httpcore.SyncBackend):
    def __init__(self, deadlines: Deadlines, resolve: Resolve) -> None:
        self._deadlines = deadlines
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that accepts.

        Each address gets an equal share of the time that is left, so that one that does not
        answer leaves time for the next.
        """
        ends = self._deadlines.now() + self._deadlines.left(timeout)
        addresses = self._addresses(host, port, ends - self._deadlines.now())
        last_error: Exception = httpcore.ConnectError("the name has no address")
        for number, address in enumerate(addresses):
            share = (ends - self._deadlines.now()) / (len(addresses) - number)
            if share <= 0:
                raise httpcore.ConnectTimeout("the deadline has passed")
            try:
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last_error = error
            else:
                return _BoundedStream(stream, self._deadlines)
        raise last_error

    def _addresses(self, host: str, port: int, left: float) -> list[str]:
        """The addresses of a name. The resolver cannot be interrupted, so it runs in a thread of
        its own, which is abandoned when it takes too long."""
        if _is_address(host):
            return [host]
        answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answer.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                answer.put(error)

        threading.Thread(target=ask, name="syncd-resolve", daemon=True).start()
        try:
            addresses = answer.get(timeout=max(left, 0.0))
        except queue.Empty:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        if isinstance(addresses, Exception):
            raise httpcore.ConnectError(f"the name cannot be resolved: {addresses}") from addresses
        return addresses


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadlines: Deadlines) -> None:
        self._stream = stream
        self._deadlines = deadlines

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadlines.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline has passed")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = self._deadlines.left(timeout)
            if left <= 0:
                raise httpcore.WriteTimeout("the deadline has passed")
            self._stream.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadlines.left(timeout)
        if left <= 0:
            raise httpcore.ConnectTimeout("the deadline has passed")
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return _BoundedStream(stream, self._deadlines)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
