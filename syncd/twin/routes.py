"""Which of the API's calls a request is, who may make it, and what the answer is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from syncd.twin.checks import Refusal
from syncd.twin.gate import KnownCredentials
from syncd.twin.model import Organisation, TwinConfig

_TOKEN = ["api", "v1", "auth", "token"]
_LIST = ["api", "v1", "work-orders"]
_SYNC = ["api", "downstream", "work-orders"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived: headers by lower-case name, the query's first values."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def downstream(self) -> bool:
        return self.path.startswith("/api/downstream/")


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One answer: a JSON body (None: without one), and what a sync has changed."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    applied: bool = False
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def read_request(method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Request:
    """Make a request from its line and headers. The first value counts for a repeated name."""
    if not target.startswith("/"):  # http://host/path, as a client asks a proxy
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("#")[0].partition("?")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
    first_values = dict(reversed(pairs))
    return Request(method, path, first_values, {k.lower(): v for k, v in headers.items()}, raw)


def parse_body(raw: bytes) -> Any:
    """Read the body as JSON. Raises ValueError if it is not; NaN and Infinity are not JSON."""
    try:
        return json.loads(raw.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def error(status: int, text: str, request_id: str, **headers: str) -> ApiAnswer:
    """Make an error as the API spells it."""
    return ApiAnswer(status, {"error": text, "requestId": request_id}, headers)


class Routes:
    """The honest answers. The caller holds the twin's lock."""

    def __init__(
        self, config: TwinConfig, people: Organisation, credentials: KnownCredentials
    ) -> None:
        self._config = config
        self._people = people
        self._credentials = credentials

    def answer(self, request: Request, request_id: str) -> ApiAnswer:
        """Answer the request and apply it. A refused request changes nothing."""
        try:
            return self._dispatch(request)
        except Refusal as refusal:
            allow = {} if refusal.allow is None else {"Allow": refusal.allow}
            return error(refusal.status, str(refusal), request_id, **allow)

    def _dispatch(self, request: Request) -> ApiAnswer:
        call, s2e_id = _call(request.path)
        allowed = {"list": "GET", "get": "GET", "sync": "POST", "token": "POST"}.get(call)
        if allowed is None:
            raise Refusal(404, "Not found")
        if request.method != allowed:
            raise Refusal(405, "Method not allowed", allowed)
        if call == "token":
            return ApiAnswer(200, self._credentials.issue(_json(request.raw)))
        self._credentials.admit(request.headers, downstream=call == "sync")
        if call == "list":
            return ApiAnswer(200, self._people.page(request.query))
        if call == "get":
            return ApiAnswer(200, self._people.get(s2e_id))
        if not self._config.downstream_active:
            raise Refusal(403, "Downstream integration not active")
        changes = self._people.sync(s2e_id, _json(request.raw))
        body = {"success": True, "message": "Work order updated successfully"}
        return ApiAnswer(200, body, applied=True, changes=changes)


def _call(path: str) -> tuple[str, str]:
    """Return the call's name, "" for an unknown one, and the work order's id."""
    parts = path.split("/")[1:]
    if parts == _TOKEN:
        return "token", ""
    if parts == _LIST:
        return "list", ""
    if len(parts) == len(_LIST) + 1 and parts[:-1] == _LIST and parts[-1]:
        return "get", unquote(parts[-1])
    if len(parts) == len(_SYNC) + 2 and parts[:-2] == _SYNC and parts[-2] and parts[-1] == "sync":
        return "sync", unquote(parts[-2])
    return "", ""


def _json(raw: bytes) -> Any:
    try:
        return parse_body(raw)
    except ValueError:
        raise Refusal(400, "The body must be JSON") from None
