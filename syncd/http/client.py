"""Requests to one origin, each with a deadline; every failure becomes one of `syncd.errors`."""

import logging
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import httpx

from syncd.core.budget import parse_http_date
from syncd.errors import ConfigurationError, UnexpectedContent, Unreachable
from syncd.http.response import Response, read_body
from syncd.http.sockets import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    BoundedTransport,
    Deadlines,
    Resolve,
)

DEADLINE_S = 30.0  # for one whole request
_LONGEST_TEXT = 200  # characters of a library's error text that are shown
_REDIRECTS = range(300, 400)
_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, identity",
    "Connection": "keep-alive",
    "User-Agent": "syncd",
}
_TIMEOUTS = {"connect": CONNECT_TIMEOUT_S, "read": READ_TIMEOUT_S, "write": READ_TIMEOUT_S}
# Without a connection the request was certainly not sent.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def resolve(host: str, port: int) -> list[str]:
    """The system's addresses for a name, the preferred ones first. Raises OSError."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in entries))


class HttpClient:
    """Requests to one origin. Safe to use from several threads.

    Args:
        base_url: scheme, host and an optional path; no credentials, no query.
        side: "s2e" or "cmms", for the errors.
        ca_bundle: a file of CA certificates to trust instead of the system's.
        proxy: the only proxy that is used; None: none.
        resolve: returns the addresses of a host and port.

    Raises ConfigurationError for a URL, bundle or proxy that cannot be used.
    """

    _last_date: tuple[datetime, float] | None = None  # the last Date, and our monotonic time then

    def __init__(
        self,
        base_url: str,
        *,
        side: str,
        ca_bundle: str | None = None,
        proxy: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        resolve: Resolve = resolve,
    ) -> None:
        for name in ("httpx", "httpcore"):  # at INFO they print whole URLs, at DEBUG headers
            logging.getLogger(name).setLevel(logging.WARNING)
        self._side = side
        self._monotonic = monotonic
        self._deadlines = Deadlines(monotonic)
        url = _checked(base_url)
        self._host = url.host
        self._base = str(url).rstrip("/")
        # Not httpx.Client: it adds redirects, cookies and credentials, which we do not want, and
        # it takes half the time of a request.
        self._transport = _transport(self._deadlines, ca_bundle, proxy, resolve)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json_body: bytes | None = None,
        body: tuple[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Response:
        """Send one request and return its whole answer, whatever the status.

        A GET is sent a second time if the server has closed the kept connection. Nothing else is
        repeated.

        Args:
            path: below the base URL, or a whole URL of the same origin. Errors do not show a
                query in it.
            body: a content type and the bytes, in the place of `json_body`. A Content-Type in
                `headers` replaces this type.
            deadline_s: seconds for the whole request.

        Raises:
            Unreachable: no whole answer; `may_have_applied` is False if it was never sent.
            UnexpectedContent: a redirect, a URL of another origin, an unknown encoding, a body
                that is too large or cut off, or an answer that is not HTTP.
            ConfigurationError: a credential holds a character that a header cannot hold.
        """
        where = f"{method} {self.shown(path)}"
        sent = {**_HEADERS, **(headers or {})}
        kind, content = ("application/json", json_body) if body is None else body
        if content is not None and "content-type" not in {name.lower() for name in sent}:
            sent["Content-Type"] = kind
        request = httpx.Request(
            method,
            self._whole(where, path),
            params=params,
            content=content,
            headers=_encoded(where, sent),
            extensions={"timeout": {**_TIMEOUTS, "pool": min(CONNECT_TIMEOUT_S, deadline_s)}},
        )
        with self._deadlines.within(deadline_s):
            try:
                return self._exchange(where, request)
            except httpx.RemoteProtocolError as error:
                if method != "GET" or not _hung_up(error):
                    raise self._protocol_error(where, error) from error
            try:
                return self._exchange(where, request)
            except httpx.RemoteProtocolError as error:
                raise self._protocol_error(where, error) from error

    def server_now(self) -> datetime | None:
        """The server's clock now, by the Date of its last answer; None before one has told it."""
        if self._last_date is None:
            return None
        date, received_at = self._last_date
        return date + timedelta(seconds=self._monotonic() - received_at)

    def _hear_date(self, headers: Mapping[str, str]) -> None:
        # An answer with an Age comes out of a cache, and so does its Date.
        date = parse_http_date(headers.get("date")) if "age" not in headers else None
        if date is not None:
            self._last_date = date, self._monotonic()

    def shown(self, path: str) -> str:
        """The host and the path without a query, for errors."""
        bare = path.partition("?")[0].partition("#")[0]
        return bare.partition("://")[2] or f"{self._host}{bare}"

    def _whole(self, where: str, path: str) -> str:
        """The URL of a path. A whole URL stays as it is; raises UnexpectedContent for one of
        another origin, to which our credentials must not go."""
        if "://" not in path.partition("?")[0]:
            return self._base + path
        if _origin(httpx.URL(path)) != _origin(httpx.URL(self._base)):
            raise UnexpectedContent(
                f"{where} would leave {self._host}", side=self._side, may_have_applied=False
            )
        return path

    def _exchange(self, where: str, request: httpx.Request) -> Response:
        try:
            answer = self._transport.handle_request(request)
        except httpx.RemoteProtocolError:
            raise
        except _NOT_SENT as error:
            raise self._unreachable(where, error, may_have_applied=False) from error
        except httpx.LocalProtocolError:
            raise _unsendable(where) from None
        except httpx.HTTPError as error:
            raise self._unreachable(where, error, may_have_applied=True) from error
        try:
            return self._answer(where, answer)
        finally:
            answer.close()

    def _answer(self, where: str, answer: httpx.Response) -> Response:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        self._hear_date(headers)

        def unexpected(what: str) -> UnexpectedContent:
            return UnexpectedContent(
                f"{where} {what}",
                side=self._side,
                status=answer.status_code,
                request_id=headers.get("x-request-id"),
            )

        if answer.status_code in _REDIRECTS:
            raise unexpected(
                f"answered with a redirect ({answer.status_code}), which is never followed; "
                "is the URL the API's own?"
            )
        encoding = headers.get("content-encoding", "identity").strip().lower()
        try:
            body = read_body(answer.iter_raw(), encoding)
        except (ValueError, zlib.error) as error:
            raise unexpected(f"answered {answer.status_code}: {_text(error)}") from error
        except httpx.RemoteProtocolError as error:
            raise unexpected(f"answered {answer.status_code}, and the answer is cut off") from error
        except httpx.HTTPError as error:
            raise self._unreachable(where, error, may_have_applied=True) from error
        return Response(answer.status_code, headers, body)

    def _protocol_error(
        self, where: str, error: httpx.RemoteProtocolError
    ) -> Unreachable | UnexpectedContent:
        if _hung_up(error):
            return self._unreachable(where, error, may_have_applied=True)
        return UnexpectedContent(
            f"{where}: the server does not speak HTTP: {_text(error)}", side=self._side
        )

    def _unreachable(self, where: str, error: Exception, *, may_have_applied: bool) -> Unreachable:
        text = _text(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            text += "; SYNCD_CA_BUNDLE names the certificates to trust"
        return Unreachable(f"{where}: {text}", side=self._side, may_have_applied=may_have_applied)

    def close(self) -> None:
        self._transport.close()


def _checked(base_url: str) -> httpx.URL:
    try:
        _ = urlsplit(base_url).port  # stricter than httpx, which takes "[" for a host
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError) as error:
        # Without the error's text: it quotes the URL, which may hold a secret.
        raise ConfigurationError(f"a URL cannot be used: {type(error).__name__}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("a URL cannot be used: it has to begin with https:// and a host")
    if url.userinfo or url.query or url.fragment:
        # Without the host: where a password holds an @ and a /, it is a part of the password.
        raise ConfigurationError(
            "a URL cannot be used: it holds credentials, a query or a fragment; "
            "they belong into settings of their own"
        )
    return url


@lru_cache(maxsize=8)
def _trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """The TLS context, made once for all clients: it loads hundreds of certificates."""
    return ssl.create_default_context(cafile=ca_bundle)


def _transport(
    deadlines: Deadlines, ca_bundle: str | None, proxy: str | None, resolve: Resolve
) -> BoundedTransport:
    try:
        context = _trusting(ca_bundle)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"SYNCD_CA_BUNDLE cannot be read as certificates: {_text(error)}"
        ) from error
    try:
        _ = urlsplit(proxy or "").port
        return BoundedTransport(deadlines, context, proxy, resolve)
    except (httpx.InvalidURL, ValueError, ImportError) as error:
        raise ConfigurationError(
            f"SYNCD_PROXY cannot be used ({type(error).__name__}); an example: "
            "http://proxy.example:3128"
        ) from None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _encoded(where: str, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    for value in headers.values():
        if not value.isascii():
            raise _unsendable(where)
    return list(headers.items())


def _unsendable(where: str) -> ConfigurationError:
    """The error for a header that cannot be sent, without the library's text, which quotes it."""
    return ConfigurationError(
        f"{where} cannot be sent: a credential holds a character that a header cannot hold; "
        "look for line breaks or accents in the tokens"
    )


def _hung_up(error: httpx.RemoteProtocolError) -> bool:
    """Whether the server closed the connection before the first byte of an answer."""
    return "without sending" in str(error)


def _text(error: BaseException) -> str:
    """The error's type and text; some of httpx's errors have no text."""
    text = " ".join(str(error).split())[:_LONGEST_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
