"""The least that any mirror does: a bare socket, a compiled parser, one upsert a page.

    python raw_limit.py PORT FILE

Sixteen columns and the JSON as it came, in SQLite, 200 orders a transaction, synchronous=NORMAL.
No headers are read but the length, nothing is checked, and nothing could be resumed.
"""

import os
import socket
import sqlite3
import sys
from typing import Any

import msgspec

_TEXTS = (
    *("id", "title", "status", "priority", "assetId", "syncStatus", "externalId"),
    *("externalStatus", "externalUrl", "rootCause", "resolution", "closureNote"),
    *("completedAt", "createdAt", "updatedAt"),
)
_Order: Any = msgspec.defstruct(
    "_Order", [*((name, str | None) for name in _TEXTS), ("actualHours", float | None)], gc=False
)
_Page: Any = msgspec.defstruct("_Page", [("workOrders", list[msgspec.Raw]), ("pagination", dict)])
_COLUMNS = (*_TEXTS, "actualHours", "json")


def main(port: int, path: str) -> int:
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        f"CREATE TABLE orders ({', '.join(_COLUMNS)}, PRIMARY KEY (id))"
    )
    marks = ", ".join("?" for _ in _COLUMNS)
    changed = ", ".join(f"{name}=excluded.{name}" for name in _COLUMNS[1:])
    upsert = (
        f"INSERT INTO orders ({', '.join(_COLUMNS)}) VALUES ({marks}) "
        f"ON CONFLICT (id) DO UPDATE SET {changed}"
    )
    pages, orders = msgspec.json.Decoder(_Page), msgspec.json.Decoder(_Order)
    tell = msgspec.structs.astuple
    server = socket.create_connection(("127.0.0.1", port))
    buffer = bytearray(1 << 20)
    offset, more = 0, True
    while more:
        page = pages.decode(_get(server, buffer, offset))
        rows = [(*tell(orders.decode(raw)), str(raw, "utf-8")) for raw in page.workOrders]
        database.execute("BEGIN")
        database.executemany(upsert, rows)
        database.execute("COMMIT")
        offset += len(rows)
        more = page.pagination["hasMore"]
    print(offset, flush=True)
    os._exit(0)


def _get(server: socket.socket, buffer: bytearray, offset: int) -> memoryview:
    request = f"GET /api/v1/work-orders?limit=200&offset={offset} HTTP/1.1\r\nHost: x\r\n\r\n"
    server.sendall(request.encode())
    view = memoryview(buffer)
    have, end = 0, -1
    while end < 0:
        have += server.recv_into(view[have:])
        end = buffer.find(b"\r\n\r\n", 0, have)
    head = bytes(view[:end]).lower()
    size = end + 4 + int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    while have < size:
        have += server.recv_into(view[have:])
    return view[end + 4 : size]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
