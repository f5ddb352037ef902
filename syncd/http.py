"""HTTP, bounded in every direction. The only importer of httpx.

What httpx leaves to its caller, and what is done about it here (docs/decisions.md, 6):

    its timeouts are per read              one deadline for connect, headers and body together
    it inflates a whole read at once       raw bytes, inflated under a cap
    it offers what is installed            only gzip and identity are offered
    it keeps X-API-KEY on a redirect       redirects are never followed
    it trusts the environment's proxies    only the proxy that is set is used
    its loggers print URLs                 they are quiet
    some of its errors have no text        the type's name is told
"""

import json
import logging
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpcore
import httpx

from syncd.errors import ConfigurationError, UnexpectedContent, Unreachable

MAX_BODY = 8 * 1024 * 1024  # decoded bytes
DEADLINE_S = 30.0  # for one request, whole
_READ_TIMEOUT_S = 15.0
_CONNECT_TIMEOUT_S = 10.0
_MAX_DIGITS = 400  # of one number in an answer; Python's own limit raises beyond 4300
_SNIPPET = 200  # characters of an unexpected body that are told
_GZIP = 31  # zlib's window bits for a gzip stream
_OK = range(200, 300)
_REDIRECTS = range(300, 400)

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whole. Header names are lower case; the body is decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status in _OK


class HttpClient:
    """Requests to one origin. Safe to use from several threads.

    Args:
        base_url: scheme, host and an optional path.
        side: "s2e" or "cmms", for the errors.
        ca_bundle: a file of CA certificates to trust instead of the system's.
        proxy: the only proxy that is used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        side: str,
        ca_bundle: str | None = None,
        proxy: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._side = side
        self._monotonic = monotonic
        self._deadlines = _Deadlines(monotonic)
        try:
            context = ssl.create_default_context(cafile=ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"SYNCD_CA_BUNDLE cannot be read as certificates: {_text(error)}"
            ) from error
        try:
            transport = _BoundedTransport(self._deadlines, context, proxy)
            self._client = httpx.Client(
                base_url=base_url,
                transport=transport,
                timeout=httpx.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
                follow_redirects=False,
                trust_env=False,
                headers={"Accept-Encoding": "gzip, identity", "User-Agent": "syncd"},
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ConfigurationError(f"a URL cannot be used: {type(error).__name__}") from None
        self._host = self._client.base_url.host

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json_body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Response:
        """Send one request and read its whole answer, whatever its status.

        A GET whose kept connection was closed by the server is sent once more; nothing else is
        repeated.

        Raises:
            Unreachable: no whole answer; `may_have_applied` is False if it was never sent.
            UnexpectedContent: a redirect, an unknown encoding, a body over the cap.
            ConfigurationError: a credential holds what a header cannot.
        """
        where = f"{method} {self._host}{path}"
        sent = dict(headers or {})
        if json_body is not None:
            sent["Content-Type"] = "application/json"
        for attempt in (1, 2):
            try:
                with self._deadlines.within(deadline_s):
                    return self._exchange(where, method, path, params, json_body, sent)
            except httpx.RemoteProtocolError as error:
                if method != "GET" or attempt > 1 or "without sending" not in str(error):
                    raise self._unreachable(where, error, may_have_applied=True) from error
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                raise self._unreachable(where, error, may_have_applied=False) from error
            except (httpx.LocalProtocolError, UnicodeEncodeError):
                # The error's own text would quote the header's value.
                raise ConfigurationError(
                    f"{where} cannot be sent: a credential holds a character that a header "
                    "cannot hold; look for line breaks or accents in the tokens"
                ) from None
            except httpx.HTTPError as error:
                raise self._unreachable(where, error, may_have_applied=True) from error
        raise AssertionError("not reached")

    def _exchange(
        self,
        where: str,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Response:
        with self._client.stream(
            method, path, params=params, content=body, headers=headers
        ) as answer:
            told = {name.lower(): value for name, value in answer.headers.items()}
            if answer.status_code in _REDIRECTS:
                raise UnexpectedContent(
                    f"{where} answered with a redirect ({answer.status_code}), which is never "
                    "followed; is the URL the API's own?",
                    side=self._side,
                    status=answer.status_code,
                )
            encoding = told.get("content-encoding", "identity").strip().lower()
            try:
                content = _read(answer.iter_raw(), encoding)
            except (ValueError, zlib.error) as error:
                raise UnexpectedContent(
                    f"{where}: {_text(error)}", side=self._side, status=answer.status_code
                ) from error
        return Response(answer.status_code, told, content)

    def _unreachable(self, where: str, error: Exception, *, may_have_applied: bool) -> Unreachable:
        return Unreachable(
            f"{where}: {_text(error)}", side=self._side, may_have_applied=may_have_applied
        )

    def close(self) -> None:
        self._client.close()


def _read(chunks: Iterable[bytes], encoding: str) -> bytes:
    """The decoded body. Never holds more than the cap and one network read."""
    if encoding not in {"identity", "gzip", ""}:
        raise ValueError(f"the answer is encoded as {encoding[:20]!r}, which was not offered")
    inflater = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        part = chunk
        if inflater is not None:
            part = inflater.decompress(chunk, MAX_BODY - size + 1)
        size += len(part)
        if size > MAX_BODY:
            raise ValueError(f"the answer is larger than {MAX_BODY // 1024 // 1024} MiB")
        parts.append(part)
    if inflater is not None and not inflater.eof:
        raise ValueError("the compressed answer is cut off")
    return b"".join(parts)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


# ── one deadline for a whole request ──────────────────────────────────────────────────────


class _Deadlines:
    """The deadline of the request that this thread is sending."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._local = threading.local()

    def within(self, seconds: float) -> "_Deadlines":
        self._local.ends = self._monotonic() + seconds
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exc: object) -> None:
        self._local.ends = None

    def left(self, timeout: float | None) -> float:
        """The shorter of httpx's own timeout and what is left; 0 when nothing is."""
        ends = getattr(self._local, "ends", None)
        rest = _READ_TIMEOUT_S if timeout is None else timeout
        return rest if ends is None else max(min(rest, ends - self._monotonic()), 0.0)


class _BoundedTransport(httpx.HTTPTransport):
    """httpx's transport over sockets that know the deadline of the request they serve."""

    def __init__(self, deadlines: _Deadlines, context: ssl.SSLContext, proxy: str | None) -> None:
        super().__init__(
            verify=context,
            http1=True,
            http2=False,
            trust_env=False,
            proxy=proxy,
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=4),
        )
        # httpx passes no network backend through. The pinned version keeps its pool here, and
        # tests/edges/test_http.py fails if a deadline is not kept.
        self._pool._network_backend = _BoundedBackend(deadlines)


class _BoundedBackend(httpcore.SyncBackend):
    def __init__(self, deadlines: _Deadlines) -> None:
        self._deadlines = deadlines

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        left = self._deadlines.left(timeout)
        if left <= 0:
            raise httpcore.ConnectTimeout("the deadline has passed")
        stream = super().connect_tcp(host, port, left, local_address, socket_options)
        return _BoundedStream(stream, self._deadlines)


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadlines: _Deadlines) -> None:
        self._stream = stream
        self._deadlines = deadlines

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadlines.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline has passed")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadlines.left(timeout)
        if left <= 0:
            raise httpcore.WriteTimeout("the deadline has passed")
        self._stream.write(buffer, left)

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


# ── JSON ──────────────────────────────────────────────────────────────────────────────────


def parse_json_object(response: Response, *, side: str, where: str) -> dict[str, Any]:
    """The JSON object in the body; numbers are ints or Decimals.

    Raises UnexpectedContent for anything else: HTML, truncated text, NaN, too deep, not an object.
    """

    def wrong(what: str) -> UnexpectedContent:
        return UnexpectedContent(
            f"{where} answered {response.status} with {what}: {snippet(response.body)}",
            side=side,
            status=response.status,
        )

    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise wrong(f"{kind[:40] or 'no content type'}, not JSON")
    try:
        text = response.body.decode("utf-8", "surrogatepass")
        parsed = json.loads(text, parse_float=Decimal, parse_int=_int, parse_constant=_no_constant)
    except RecursionError:
        raise wrong("JSON nested too deeply") from None
    except ValueError as error:
        raise wrong(f"what is not JSON ({_text(error)[:80]})") from None
    if not isinstance(parsed, dict):
        raise wrong("JSON that is not an object")
    cleaned: dict[str, Any] = _no_lone_surrogates(parsed) if "\\u" in text else parsed
    return cleaned


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _no_lone_surrogates(value: Any) -> Any:
    """Half a surrogate pair is no character: no database and no UTF-8 takes it."""
    if isinstance(value, dict):
        return {_no_lone_surrogates(key): _no_lone_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_no_lone_surrogates(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def snippet(body: bytes) -> str:
    """The head of a body in one printable line, for a person."""
    text = " ".join(body[:_SNIPPET].decode("utf-8", "replace").split())
    return repr(text) if text else "(empty)"
