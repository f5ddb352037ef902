"""Odoo's two protocols.

JSON-RPC (Odoo 16 to 21) reports an error with HTTP 200 and the exception's name in the body, and
a wrong password with `false`. JSON-2 (from Odoo 19) takes named arguments and answers with HTTP
statuses; there an unknown field is a 500, which no repetition mends. `odoo/errors.py` turns both
into error classes.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
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
    """One protocol by which the methods of Odoo's models are called."""

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **named: Any) -> Any:
        """Call a method and return its result. Raises RemoteError.

        Args:
            ids: the records that the method is called on; None: it is a method of the model.
        """

    def may(self, model: str, operation: str) -> bool:
        """Whether the user may read, write or create (`operation`) records of this model at all."""

    def version(self) -> str:
        """The server's version, for example "18.0"."""

    def where(self) -> str:
        """The database and the user, for people."""

    def now(self) -> datetime | None:
        """The server's clock; None: it has told none yet."""

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
        # These by position: some models have another name for them, for example `values`.
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
            self._uid = None  # the key may have been replaced: the next call signs in again
            raise

    def may(self, model: str, operation: str) -> bool:
        try:
            answer = self.call(
                model, "check_access_rights", operation=operation, raise_exception=False
            )
        except Refused:  # later versions do not have this method
            answer = self.call(model, "has_access", [], operation=operation)
        return _yes_or_no(answer)

    def version(self) -> str:
        answer = self._send("common", "version", [], what="version", key="")
        return read_version(answer.get("server_version") if isinstance(answer, dict) else None)

    def where(self) -> str:
        return f"database {self._database} as {self._login}"

    def now(self) -> datetime | None:
        return self._http.server_now()

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
                f"{self._database}; check SYNCD_CMMS_LOGIN, SYNCD_CMMS_API_KEY and "
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
        response = self._http.request(
            "POST", "/jsonrpc", json_body=orjson.dumps(body), deadline_s=self._deadline_s
        )
        if not response.ok:
            raise by_status(response, what, "", key)
        answer = parse_json_object(response, side=SIDE, where=what)
        if answer.get("jsonrpc") != "2.0":
            raise UnexpectedContent(f"{what}: the answer is not JSON-RPC", side=SIDE, status=200)
        if "error" in answer:
            raise by_name(answer["error"], what, key)
        return answer.get("result")  # missing where a method returns None


class Json2:
    """JSON-2 at /json/2, with only an API key."""

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
        response = self._request("POST", f"/json/2/{model}/{method}", orjson.dumps(named), key)
        if response.ok:
            return parse_json(response, side=SIDE, where=what)
        error = error_body(response, what)
        name = str(error.get("name", "")) if error is not None else ""
        if error is None or not name or name.startswith("werkzeug."):
            raise by_status(response, what, str((error or {}).get("message", "")), key)
        raise by_name({"data": error}, what, key, status=response.status)

    def may(self, model: str, operation: str) -> bool:
        return _yes_or_no(self.call(model, "has_access", [], operation=operation))

    def version(self) -> str:
        response = self._request("GET", "/web/version", None, self._key())
        if not response.ok:
            raise by_status(response, "version", "", "")
        return read_version(parse_json_object(response, side=SIDE, where="version").get("version"))

    def where(self) -> str:
        return f"database {self._database}" if self._database else "the only database"

    def now(self) -> datetime | None:
        return self._http.server_now()

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


def _yes_or_no(answer: Any) -> bool:
    if isinstance(answer, bool):
        return answer
    raise UnexpectedContent(f"asked for a right, Odoo answered {str(answer)[:60]!r}", side=SIDE)
