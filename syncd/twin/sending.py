"""How an answer is sent: its honest bytes, and how each fault changes, cuts or slows them."""

import gzip
import json
import socket
import struct
import threading
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from syncd.twin.faults import ScriptedFault
from syncd.twin.routes import ApiAnswer

_JSON = "application/json"
_MIB = 1 << 20
LOGIN_PAGE = b"<!doctype html><html><body><h1>Please sign in</h1></body></html>"


def replaced(fault: ScriptedFault, honest: ApiAnswer, request_id: str) -> ApiAnswer:
    """Return the answer that the ledger shows: the fault's, which may not arrive whole."""
    kind, args = fault.kind, fault.args
    refusal = {"error": "A fault on purpose", "requestId": request_id}
    if kind == "status":
        status = int(args["status"])
        return ApiAnswer(status, {"success": True} if status < 300 else refusal)
    if kind == "retry_after":
        return ApiAnswer(429, refusal, {"Retry-After": str(args["text"])})
    if kind == "success_false":
        return ApiAnswer(200, {"success": False, "message": "Not updated"})
    if kind == "redirect":
        return ApiAnswer(302, None, {"Location": str(args["location"])})
    if kind in {"html", "not_object", "bad_json", "gzip_bomb"}:
        return ApiAnswer(200, None)
    return honest


def honest_bytes(answer: ApiAnswer, headers: Mapping[str, str], *, gzipped: bool) -> bytes:
    """Return the whole response, as bytes."""
    content = b"" if answer.body is None else to_json(answer.body)
    if gzipped and content:
        content = gzip.compress(content, 1, mtime=0)
        headers = {**headers, "Content-Encoding": "gzip"}
    return response(answer.status, content, _JSON, headers)


def faulty_bytes(fault: ScriptedFault, answer: ApiAnswer, headers: Mapping[str, str]) -> bytes:
    """Return the whole response that this fault sends, before it is cut or slowed."""
    kind, args = fault.kind, fault.args
    if kind == "html":
        return response(200, LOGIN_PAGE, "text/html; charset=utf-8", headers)
    if kind in {"not_object", "bad_json"}:
        return response(200, str(args["body"]).encode(), _JSON, headers)
    if kind == "gzip_bomb":
        packed = {**headers, "Content-Encoding": "gzip"}
        return response(200, bomb(int(args["mib"])), _JSON, packed)
    if kind == "headers":
        merged = {**headers, "Content-Type": _JSON}
        for name, value in args["headers"].items():
            merged = {k: v for k, v in merged.items() if k.lower() != name.lower()}
            if value is not None:
                merged[name] = str(value)
        return response(answer.status, to_json(answer.body), None, merged)
    return honest_bytes(answer, headers, gzipped=False)


def to_json(body: Any) -> bytes:
    """Return JSON in UTF-8; as ASCII with escapes if it holds a lone surrogate."""
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(body).encode()


def bomb(mib: int) -> bytes:
    """Return a gzipped JSON object of so many MiB; the bytes are about a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = [packer.compress(b'{"workOrders": [], "padding": "')]
    packed += [packer.compress(b"0" * _MIB) for _ in range(mib)]
    return b"".join([*packed, packer.compress(b'"}'), packer.flush()])


def response(status: int, content: bytes, kind: str | None, headers: Mapping[str, str]) -> bytes:
    """Return status line, headers and body. 204 and 304 have no body and no length."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    bodiless = status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
    if kind is not None and not bodiless:
        lines.append(f"Content-Type: {kind}")
    if not bodiless:
        lines.append(f"Content-Length: {len(content)}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    return head if bodiless else head + content


def deliver(
    connection: socket.socket, fault: ScriptedFault | None, data: bytes, stopped: threading.Event
) -> bool:
    """Send the response as the fault wants; return whether the connection can be used again.

    Raises OSError if the client has gone.
    """
    kind, args = ("", {}) if fault is None else (fault.kind, fault.args)
    if kind in {"drop_before", "drop_after_fin"}:
        hang_up(connection, reset=False)
    elif kind == "drop_after":
        hang_up(connection, reset=True)
    elif kind == "hang":
        stopped.wait()
        hang_up(connection, reset=True)
    elif kind == "truncate":
        head, blank, body = data.partition(b"\r\n\r\n")
        connection.sendall(head + blank + body[: len(body) // 2])
        hang_up(connection, reset=False)
    elif kind == "dribble":
        start = 0 if args["head"] else data.index(b"\r\n\r\n") + 4
        connection.sendall(data[:start])
        for place in range(start, len(data)):
            if stopped.wait(float(args["interval"])):
                return False
            connection.sendall(data[place : place + 1])
        return True
    elif kind == "slow" and stopped.wait(float(args["seconds"])):
        return False
    else:
        connection.sendall(data)
        return True
    return False


def hang_up(connection: socket.socket, *, reset: bool) -> None:
    """End the connection: with RST, or with FIN as an orderly server does."""
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
