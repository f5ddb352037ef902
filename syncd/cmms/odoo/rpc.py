"""Odoo's two protocols.

JSON-RPC (Odoo 16 to 21) answers errors with HTTP 200 and the exception's name in the body, and
a wrong password with `false`. JSON-2 (from Odoo 19) takes named arguments and answers with HTTP
statuses; an unknown field is a 500 there, which no repeating mends. What the errors mean:
`odoo_errors`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from syncd.cmms.odoo.errors import (
    SIDE,
    by_name,
    by_status,
    error_body,
    read_version,
)
from syncd.errors import AccessRefused, CredentialsRefused, Refused, UnexpectedContent
from syncd.http import DEADLINE_S, HttpClient, Response, parse_json, parse_json_object


class Rpc(Protocol):
    """One way to call Odoo's models."""

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **named: Any) -> Any:
        """Call a method, on the records `ids` if it is one of records. Raises RemoteError."""

    def may(self, model: str, operation: str) -> bool:
        """Whether the user may read, write or create records of this model at all."""

    def version(self) -> str:
        """The server's version, like "18.0"."""

    def where(self) -> str:
        """Database and user, for people."""

    def close(self) -> None: ...


class JsonRpc:
    """JSON-RPC at /jsonrpc, with a login and an API key (or password)."""

    def __init__(
        self,
        http: HttpClient,
        *,
        database: str,
        login: str,
        key: Callable[[], str],
        context: Mapping[str, Any],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._http = http
        self._database, self._login, self._key = database, login, key
        self._context, self._deadline_s = dict(context), deadline_s
        self._uid: int | None = None

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **named: Any) -> Any:
        uid = self._uid if self._uid is not None else self._sign_in()
        arguments: list[Any] = [] if ids is None else [list(ids)]
        # Models call what is written by several names, `values` for one.
        arguments += [named.pop(name) for name in ("vals_list", "vals") if name in named]
        named["context"] = {**self._context, **named.get("context", {})}
        key = self._key()
        try:
            return self._send(
                "object",
                "execute_kw",
                [self._database, uid, key, model, method, arguments, named],
                what=f"{model}.{method}",
                key=key,
            )
        except AccessRefused:
            raise
        except CredentialsRefused:
            self._uid = None  # the key may have been changed: sign in again the next time
            raise

    def may(self, model: str, operation: str) -> bool:
        try:
            told = self.call(
                model, "check_access_rights", operation=operation, raise_exception=False
            )
        except Refused:  # gone from a later version
            told = self.call(model, "has_access", [], operation=operation)
        return _yes_or_no(told)

    def version(self) -> str:
        told = self._send("common", "version", [], what="version", key="")
        return read_version(told.get("server_version") if isinstance(told, dict) else None)

    def where(self) -> str:
        return f"database {self._database} as {self._login}"

    def close(self) -> None:
        self._http.close()

    def _sign_in(self) -> int:
        key = self._key()
        uid = self._send(
            "common",
            "authenticate",
            [self._database, self._login, key, {}],
            what="authenticate",
            key=key,
        )
        if uid is False:
            raise CredentialsRefused(
                f"Odoo knows no user {self._login} with this key in the database "
                f"{self._database}; look at SYNCD_CMMS_LOGIN, SYNCD_CMMS_API_KEY and "
                "SYNCD_CMMS_DATABASE",
                side=SIDE,
            )
        if isinstance(uid, bool) or not isinstance(uid, int):
            raise UnexpectedContent(
                f"authenticate answered {str(uid)[:60]!r}, which is no user's number", side=SIDE
            )
        self._uid = uid
        return uid

    def _send(self, service: str, method: str, args: list[Any], *, what: str, key: str) -> Any:
        params = {"service": service, "method": method, "args": args}
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        answer = self._http.request(
            "POST", "/jsonrpc", json_body=orjson.dumps(body), deadline_s=self._deadline_s
        )
        if not answer.ok:
            raise by_status(answer, what, "", key)
        told = parse_json_object(answer, side=SIDE, where=what)
        if told.get("jsonrpc") != "2.0":
            raise UnexpectedContent(f"{what}: what answers is not JSON-RPC", side=SIDE, status=200)
        if "error" in told:
            raise by_name(told["error"], what, key)
        return told.get("result")  # a method that returns None has none


class Json2:
    """JSON-2 at /json/2, with an API key alone."""

    def __init__(
        self,
        http: HttpClient,
        *,
        database: str | None,
        key: Callable[[], str],
        context: Mapping[str, Any],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._http = http
        self._database, self._key = database, key
        self._context, self._deadline_s = dict(context), deadline_s

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **named: Any) -> Any:
        if ids is not None:
            named["ids"] = list(ids)
        named["context"] = {**self._context, **named.get("context", {})}
        what, key = f"{model}.{method}", self._key()
        answer = self._request("POST", f"/json/2/{model}/{method}", orjson.dumps(named), key)
        if answer.ok:
            return parse_json(answer, side=SIDE, where=what)
        told = error_body(answer, what)
        name = str(told.get("name", "")) if told is not None else ""
        if told is None or not name or name.startswith("werkzeug."):
            raise by_status(answer, what, str((told or {}).get("message", "")), key)
        raise by_name({"data": told}, what, key, status=answer.status)

    def may(self, model: str, operation: str) -> bool:
        return _yes_or_no(self.call(model, "has_access", [], operation=operation))

    def version(self) -> str:
        answer = self._request("GET", "/web/version", None, self._key())
        if not answer.ok:
            raise by_status(answer, "version", "", "")
        return read_version(parse_json_object(answer, side=SIDE, where="version").get("version"))

    def where(self) -> str:
        return f"database {self._database}" if self._database else "the only database"

    def close(self) -> None:
        self._http.close()

    def _request(self, method: str, path: str, body: bytes | None, key: str) -> Response:
        headers = {"Authorization": f"bearer {key}"}
        if self._database:
            headers["X-Odoo-Database"] = self._database
        try:
            return self._http.request(
                method, path, json_body=body, headers=headers, deadline_s=self._deadline_s
            )
        except UnexpectedContent as error:
            if error.status is None or not 300 <= error.status < 400:
                raise
            raise UnexpectedContent(
                f"{error}; an Odoo before 19 does not know JSON-2: set SYNCD_CMMS_PROTOCOL="
                "jsonrpc with SYNCD_CMMS_LOGIN and SYNCD_CMMS_DATABASE; a server with several "
                "databases needs SYNCD_CMMS_DATABASE",
                side=SIDE,
                status=error.status,
            ) from None


def _yes_or_no(told: Any) -> bool:
    if isinstance(told, bool):
        return told
    raise UnexpectedContent(f"asked for a right, Odoo answered {str(told)[:60]!r}", side=SIDE)
