"""JSON over HTTP, for adapters of CMMSs that use HTTP's methods and statuses in the usual way."""

import ipaddress
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, SecretStr

from syncd.cmms.load import AdapterContext
from syncd.core.budget import retry_after_s
from syncd.core.work_order import Field, Fields
from syncd.errors import ConfigurationError, NotFound, Refused, UnexpectedContent
from syncd.http import (
    DEADLINE_S,
    HttpClient,
    Response,
    StatusMeaning,
    error_of,
    meaning_of,
    parse_json_object,
    snippet,
)

R = TypeVar("R")
JsonObject = dict[str, Any]
_NO_PART = {"", ".", ".."}  # as a part of a path, these lead elsewhere, quoted or not
_PATIENCE_S = 60.0  # to wait after a 429 that does not say how long


def raise_for_status(response: Response, where: str, utcnow: Callable[[], datetime]) -> None:
    """Return for 2xx; else raise the error for the status, by the table of `syncd.http.status`.

    Args:
        where: method, host and path, for the operator.
    """
    meaning = meaning_of(response.status)
    if meaning is StatusMeaning.OK:
        return
    asked_s = retry_after_s(response.headers.get("retry-after"), utcnow())
    raise error_of(
        meaning,
        f"{where} answered {response.status}: {snippet(response.body)}",
        side="cmms",
        status=response.status,
        wait_s=_PATIENCE_S if asked_s is None else asked_s,
    )


class TokenOptions(BaseModel):
    """The options SYNCD_CMMS_URL, SYNCD_CMMS_TOKEN and SYNCD_CMMS_TIMEOUT_S, and no others."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
    url: str
    token: SecretStr
    timeout_s: float = DEADLINE_S


def open_http(url: str, context: AdapterContext, what: str = "SYNCD_CMMS_URL") -> HttpClient:
    """A client of the CMMS at this address.

    Args:
        what: the setting that holds the address, for errors.

    Raises ConfigurationError for an address that cannot be used, and for http to another machine
    unless SYNCD_ALLOW_HTTP is set.
    """
    if not context.allow_http and _is_clear(url):
        raise ConfigurationError(
            f"{what} is http, which shows the credentials to the network; use https, or set "
            "SYNCD_ALLOW_HTTP=1"
        )
    return HttpClient(url, side="cmms", ca_bundle=context.ca_bundle, proxy=context.proxy)


def _is_clear(url: str) -> bool:
    """Whether the address is http and on another machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False  # HttpClient raises the error
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return parts.scheme == "http" and not loopback


class JsonApi:
    """Calls to one CMMS with a Bearer token, each answered with a JSON object.

    Args:
        error_key: the key of an error in an answer with status 200; None: there is no such key.
    """

    def __init__(
        self, options: TokenOptions, context: AdapterContext, *, error_key: str | None = None
    ) -> None:
        self._http = open_http(options.url, context)
        self._options, self._utcnow, self._error_key = options, context.utcnow, error_key

    def call(
        self,
        read: Callable[[JsonObject], R],
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> R:
        """Send a request, and return what `read` makes of the JSON object in the answer.

        Each element of `path` is one part of the path, whatever it holds. If `read` misses a key
        or meets another type, the answer is not what the API promises.

        Raises what `raise_for_status` and `HttpClient.request` raise, and UnexpectedContent.
        """
        where = f"{method} {'/'.join(path)}"
        if not _NO_PART.isdisjoint(path):
            raise NotFound(f"{where}: that is no id", side="cmms")
        response = self._http.request(
            method,
            "/" + "/".join(quote(part, safe="") for part in path),
            params=query,
            json_body=None if body is None else orjson.dumps(body),
            headers={"Authorization": f"Bearer {self._options.token.get_secret_value()}"},
            deadline_s=self._options.timeout_s,
        )
        raise_for_status(response, where, self._utcnow)
        answer = parse_json_object(response, side="cmms", where=where)
        if self._error_key in answer:
            kind = UnexpectedContent if method == "GET" else Refused
            raise kind(f"{where} answered an error: {snippet(response.body)}", side="cmms")
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnexpectedContent(
                f"{where} answered {response.status} with another shape than promised "
                f"({type(error).__name__}: {error}): {snippet(response.body)}",
                side="cmms",
                status=response.status,
            ) from error

    def close(self) -> None:
        self._http.close()


def refuse_blanks(fields: Fields, clears: Collection[Field]) -> None:
    """Raise Refused if a field outside `clears` is to be emptied."""
    blank = [name for name, value in fields.items() if value is None and name not in clears]
    if blank:
        raise Refused(f"a work order is never without {', '.join(blank)}", side="cmms")
