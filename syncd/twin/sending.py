"""How an answer goes out, or does not: honest bytes, and what each fault makes of them."""

import gzip
import json
import socket
import struct
import threading
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from syncd.twin.faults import Fault
from syncd.twin.routes import Answer

_JSON = "application/json"
_MIB = 1 << 20
LOGIN_PAGE = b"<!doctype html><html><body><h1>Please sign in</h1></body></html>"


def replaced(fault: Fault, honest: Answer, request_id: str) -> Answer:
    """The answer instead of the honest one, as the ledger tells it; not all of it arrives."""
    kind, args = fault.kind, fault.args
    refusal = {"error": "A fault on purpose", "requestId": request_id}
    if kind == "status":
        status = int(args["status"])
        return Answer(status, {"success": True} if status < 300 else refusal)
    if kind == "retry_after":
        return Answer(429, refusal, {"Retry-After": str(args["text"])})
    if kind == "success_false":
        return Answer(200, {"success": False, "message": "Not updated"})
    if kind == "redirect":
        return Answer(302, None, {"Location": str(args["location"])})
    if kind in {"html", "not_object", "bad_json", "gzip_bomb"}:
        return Answer(200, None)
    return honest


def honest_bytes(answer: Answer, headers: Mapping[str, str], *, gzipped: bool) -> bytes:
    """The whole response."""
    content = b"" if answer.body is None else to_json(answer.body)
    if gzipped and content:
        content = gzip.compress(content, 1, mtime=0)
        headers = {**headers, "Content-Encoding": "gzip"}
    return response(answer.status, content, _JSON, headers)


def faulty_bytes(fault: Fault, answer: Answer, headers: Mapping[str, str]) -> bytes:
    """The whole response that this fault sends, before it is cut or slowed."""
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
    """JSON in UTF-8; escaped as a whole where a lone surrogate leaves no other way."""
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(body).encode()


def bomb(mib: int) -> bytes:
    """A JSON object of so many MiB, about a thousandth of that on the wire."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = [packer.compress(b'{"workOrders": [], "padding": "')]
    packed += [packer.compress(b"0" * _MIB) for _ in range(mib)]
    return b"".join([*packed, packer.compress(b'"}'), packer.flush()])


def response(status: int, content: bytes, kind: str | None, headers: Mapping[str, str]) -> bytes:
    """Status line, headers, body. 1xx, 204 and 304 have no body, and say no length."""
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
    connection: socket.socket, fault: Fault | None, data: bytes, stopped: threading.Event
) -> bool:
    """Send the response as the fault has it; return whether the connection can be used again.

    Raises OSError where the client is gone.
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
    """End the connection: with RST, or with FIN as a server that closes in good order."""
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
