"""JSON over HTTP, for adapters of CMMSs that use HTTP's methods and statuses as everybody does."""

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
from syncd.errors import (
    AccessRefused,
    Changed,
    ConfigurationError,
    CredentialsRefused,
    NotFound,
    Refused,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import DEADLINE_S, HttpClient, Response, parse_json_object, snippet

R = TypeVar("R")
JsonObject = dict[str, Any]
_NO_PART = {"", ".", ".."}  # of a path: each would lead to another one, however it is quoted
_PATIENCE_S = 60.0  # after a 429 that does not say how long


def raise_for_status(response: Response, where: str, utcnow: Callable[[], datetime]) -> None:
    """Return for 2xx; else raise what the status says.

    A 5xx may have applied, whatever it was that failed. Nothing that a 4xx answers has.

    Args:
        where: method, host and path, for the operator.
    """
    status = response.status
    if response.ok:
        return
    said = f"{where} answered {status}: {snippet(response.body)}"
    if status == 429:
        asked = retry_after_s(response.headers.get("retry-after"), utcnow())
        wait_s = _PATIENCE_S if asked is None else asked
        raise Throttled(said, side="cmms", status=status, wait_s=wait_s, may_have_applied=False)
    if status in {408, 425} or status >= 500:
        raise Unreachable(said, side="cmms", status=status)
    if status == 403:
        raise AccessRefused(said, side="cmms", status=status)
    if status in {401, 407}:
        raise CredentialsRefused(said, side="cmms", status=status)
    if status in {404, 410}:
        raise NotFound(said, side="cmms", status=status)
    if status in {409, 412}:
        raise Changed(said, side="cmms", status=status)
    if status >= 400:
        raise Refused(said, side="cmms", status=status)
    raise UnexpectedContent(said, side="cmms", status=status)


class TokenOptions(BaseModel):
    """SYNCD_CMMS_URL, SYNCD_CMMS_TOKEN and SYNCD_CMMS_TIMEOUT_S, for adapters that need no more."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
    url: str
    token: SecretStr
    timeout_s: float = DEADLINE_S


def open_http(url: str, context: AdapterContext, what: str = "SYNCD_CMMS_URL") -> HttpClient:
    """A client of the CMMS at this address, which `what` names.

    Raises ConfigurationError for an address that cannot be used, or that shows credentials to the
    network where nobody has allowed that.
    """
    if not context.allow_http and _is_clear(url):
        raise ConfigurationError(
            f"{what} is http, which shows the credentials to the network; use https, or set "
            "SYNCD_ALLOW_HTTP=1"
        )
    return HttpClient(url, side="cmms", ca_bundle=context.ca_bundle, proxy=context.proxy)


def _is_clear(url: str) -> bool:
    """Whether it is spoken to in the clear, beyond this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False  # what is wrong with it, the client says
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return parts.scheme == "http" and not loopback


class JsonApi:
    """Calls to one CMMS with a Bearer token, each answered with a JSON object.

    Args:
        error_key: the key under which it tells an error in a 200; None: it does not.
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
        """What `read` makes of the object that is answered.

        Each part of the path stays one part, whatever it holds. Where `read` misses a key or
        meets another type, the answer is not what the API promises.

        Raises what `raise_for_status` and `HttpClient.request` raise, and UnexpectedContent.
        """
        where = f"{method} {'/'.join(path)}"
        if not _NO_PART.isdisjoint(path):
            raise NotFound(f"{where}: that is no id", side="cmms")
        answer = self._http.request(
            method,
            "/" + "/".join(quote(part, safe="") for part in path),
            params=query,
            json_body=None if body is None else orjson.dumps(body),
            headers={"Authorization": f"Bearer {self._options.token.get_secret_value()}"},
            deadline_s=self._options.timeout_s,
        )
        raise_for_status(answer, where, self._utcnow)
        told = parse_json_object(answer, side="cmms", where=where)
        if self._error_key in told:
            kind = UnexpectedContent if method == "GET" else Refused
            raise kind(f"{where} answered an error: {snippet(answer.body)}", side="cmms")
        try:
            return read(told)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnexpectedContent(
                f"{where} answered {answer.status} with another shape than promised "
                f"({type(error).__name__}: {error}): {snippet(answer.body)}",
                side="cmms",
                status=answer.status,
            ) from error

    def close(self) -> None:
        self._http.close()


def refuse_blanks(fields: Fields, clears: Collection[Field]) -> None:
    """Raise Refused where a field is to be emptied that the CMMS never has empty."""
    blank = [name for name, value in fields.items() if value is None and name not in clears]
    if blank:
        raise Refused(f"a work order is never without {', '.join(blank)}", side="cmms")
