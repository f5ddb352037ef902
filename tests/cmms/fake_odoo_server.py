"""The fake Odoo on a real socket: JSON-RPC, and JSON-2 where its version has it.

Errors of JSON-RPC are HTTP 200 with the exception in the body; those of JSON-2 have statuses,
an unknown field is a 500. Before version 19 /json/2 leads to the login page.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.cmms.fake_odoo import FakeOdoo
from tests.cmms.fake_odoo_models import WRITES, OdooError

# How one call fails: before it has any effect, or with the answer going wrong after it.
BEFORE = frozenset({
    "unauthorized", "forbidden", "throttled", "throttled_until", "refused", "server_error",
    "unavailable", "timeout", "reset", "html", "error_in_200", "ignored", "not_now",
})  # fmt: skip
APPLIED = frozenset({"bad_gateway", "timeout_applied", "reset_applied", "truncated", "strange"})
_STATUS = {  # JSON-2
    "AccessDenied": 401,
    "AccessError": 403,
    "MissingError": 404,
    "ValidationError": 422,
    "UserError": 422,
}
_TRACEBACK = 'Traceback (most recent call last):\n  File "/opt/odoo/secret-path.py", line 1'


class OdooServer:
    """`with OdooServer(odoo) as server`: `server.url` is its address.

    Attributes:
        on_request: asked before each call of a model, with whether it may write; how it fails.
    """

    def __init__(self, odoo: FakeOdoo) -> None:
        self.odoo = odoo
        self.on_request: Callable[[bool], str | None] = lambda _writes: None
        self.stopping = threading.Event()
        self._http = _Listener(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "OdooServer":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join(5)
        self._http.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: OdooServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One request; the connection is closed after it, as Odoo's own server does."""

    protocol_version = "HTTP/1.1"

    @property
    def owner(self) -> OdooServer:
        assert isinstance(self.server, _Listener)
        return self.server.owner

    @property
    def odoo(self) -> FakeOdoo:
        return self.owner.odoo

    def log_message(self, *_args: Any) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        if self.path == "/web/version" and self.odoo.version >= 19:
            self._json({"version": f"{self.odoo.version}.0", "version_info": [self.odoo.version]})
        else:
            self._page(404, "Not Found")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length) or b"{}")
        if self.path == "/jsonrpc":
            self._json_rpc(body)
        elif self.path.startswith("/json/2/") and self.odoo.version >= 19:
            self._json_2(body)
        elif self.path.startswith("/json/2/"):
            self._send(303, b"<html>login</html>", "text/html", {"Location": "/web/login"})
        else:
            self._page(404, "Not Found")

    # ── JSON-RPC ──────────────────────────────────────────────────────────────────────────

    def _json_rpc(self, body: dict[str, Any]) -> None:
        params = body["params"]
        service, method, args = params["service"], params["method"], params["args"]
        if (service, method) == ("common", "version"):
            self._result({"server_version": f"{self.odoo.version}.0", "protocol_version": 1})
            return
        if args[0] != self.odoo.database:
            text = f'FATAL:  database "{args[0]}" does not exist'
            self._rpc_error(OdooError("psycopg2.OperationalError", text))
            return
        if (service, method) == ("common", "authenticate"):
            self._result(self.odoo.sign_in(args[1], args[2]))
            return
        _, uid, key, model, name, positional, named = args
        login = self.odoo.login_of(key)
        if login is None or self.odoo.sign_in(login, key) != uid:
            self._rpc_error(OdooError("odoo.exceptions.AccessDenied", "Access Denied"))
            return
        if "vals" in named or "vals_list" in named:
            # The models of a real Odoo call it by several names.
            text = f"{name}() got an unexpected keyword argument"
            self._rpc_error(OdooError("builtins.TypeError", text))
            return
        if name == "create":
            named = {**named, "vals_list": positional[0]}
            positional = positional[1:]
        elif name == "write":
            named = {**named, "vals": positional[1]}
        ids = positional[0] if positional else None
        self._run(login, model, name, ids, named, self._result, self._rpc_error)

    def _result(self, result: Any) -> None:
        told: dict[str, Any] = {"jsonrpc": "2.0", "id": 1}
        if result is not None:  # a method that returns None answers without
            told["result"] = result
        self._json(told)

    def _rpc_error(self, error: OdooError) -> None:
        data = {**_data(error), "arguments": [error.message]}
        about = {"code": 200, "message": "Odoo Server Error", "data": data}
        self._json({"jsonrpc": "2.0", "id": 1, "error": about})

    # ── JSON-2 ────────────────────────────────────────────────────────────────────────────

    def _json_2(self, body: dict[str, Any]) -> None:
        _, _, _, model, method = self.path.split("/")
        database = self.headers.get("X-Odoo-Database", self.odoo.database)
        if database != self.odoo.database:
            self._page(404, "Not Found")
            return
        login = self.odoo.login_of(self.headers.get("Authorization", "").removeprefix("bearer "))
        if login is None:
            self._error(401, OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey"))
            return
        if model not in self.odoo.models:
            text = f"the model {model!r} does not exist"
            self._error(404, OdooError("werkzeug.exceptions.NotFound", text))
            return
        ids = body.pop("ids", None)
        self._run(login, model, method, ids, body, self._json, self._json_2_error)

    def _json_2_error(self, error: OdooError) -> None:
        self._error(_STATUS.get(error.name.rpartition(".")[2], 500), error)

    def _error(self, status: int, error: OdooError) -> None:
        self._json({**_data(error), "arguments": [error.message]}, status)

    # ── one call, and how it may fail ─────────────────────────────────────────────────────

    def _run(
        self,
        login: str,
        model: str,
        method: str,
        ids: Any,
        named: dict[str, Any],
        answer: Callable[[Any], None],
        refuse: Callable[[OdooError], None],
    ) -> None:
        fault = self.owner.on_request(method in WRITES)
        if fault in BEFORE:
            self._fail(str(fault), answer, refuse)
            return
        try:
            result = self.odoo.call(login, model, method, ids, named)
        except OdooError as error:
            refuse(error)
            return
        if fault is None:
            answer(result)
        elif fault == "strange":
            answer({"strange": True})
        else:
            self._fail(str(fault), answer, refuse)

    def _fail(
        self,
        fault: str,
        answer: Callable[[Any], None],
        refuse: Callable[[OdooError], None],
    ) -> None:
        if fault in {"timeout", "timeout_applied"}:
            self.owner.stopping.wait(20)
            self.close_connection = True
        elif fault in {"reset", "reset_applied"}:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
        elif fault == "truncated":
            self._send(200, b'{"jsonrpc": "2.0", "res', "application/json", {}, promised=900)
        elif fault == "unauthorized":
            refuse(OdooError("odoo.exceptions.AccessDenied", "Access Denied"))
        elif fault == "forbidden":
            refuse(OdooError("odoo.exceptions.AccessError", "You are not allowed to do this."))
        elif fault in {"refused", "error_in_200"}:
            refuse(OdooError("odoo.exceptions.ValidationError", "These values are not taken."))
        elif fault == "not_now":
            refuse(OdooError("psycopg2.errors.SerializationFailure", "could not serialize access"))
        elif fault == "ignored":
            answer(True)
        elif fault == "throttled":
            self._page(429, "Too Many Requests", {"Retry-After": "7"})
        elif fault == "throttled_until":
            until = self.odoo.utcnow() + timedelta(seconds=90)
            self._page(429, "Too Many Requests", {"Retry-After": format_datetime(until, True)})
        elif fault == "html":
            self._page(200, "Please sign in")
        else:
            self._page({"unavailable": 503, "bad_gateway": 502}.get(fault, 500), fault)

    # ── the wire ──────────────────────────────────────────────────────────────────────────

    def _json(self, body: Any, status: int = 200) -> None:
        self._send(status, json.dumps(body).encode(), "application/json; charset=utf-8", {})

    def _page(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        page = f"<!doctype html><title>{text}</title>".encode()
        self._send(status, page, "text/html; charset=utf-8", headers or {})

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str,
        headers: dict[str, str],
        *,
        promised: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(promised or len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


def _data(error: OdooError) -> dict[str, Any]:
    return {"name": error.name, "message": error.message, "context": {}, "debug": _TRACEBACK}
