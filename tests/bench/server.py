"""A Scan2Evolve that costs almost nothing: orders serialised once, a page is a join.

`python -m tests.bench.server --orders N --open K` prints its port when it is ready. It knows
what the bench asks for: the list with its filters, one order, and a sync call that it praises
and forgets.
"""

import argparse
import asyncio
from collections import defaultdict
from urllib.parse import parse_qsl, urlsplit

from tests.bench.orders import make_orders

_LIST = "/api/v1/work-orders"
_FILTERS = ("status", "syncStatus")
_DEFAULT_LIMIT, _MOST = 50, 200


class Store:
    """The orders' JSON, whole and by each filter."""

    def __init__(self, count: int, open_ones: int) -> None:
        self._lists: dict[tuple[str, str], list[bytes]] = defaultdict(list)
        self._by_id: dict[str, bytes] = {}
        for order, body in make_orders(count, open_ones):
            self._by_id[order["id"]] = body
            for name, value in (("", ""), *((key, order[key]) for key in _FILTERS)):
                self._lists[name, value].append(body)

    def page(self, asked: dict[str, str]) -> bytes:
        told = [(name, asked[name]) for name in _FILTERS if name in asked]
        rows = self._lists.get(told[0] if told else ("", ""), [])
        limit = min(int(asked.get("limit", _DEFAULT_LIMIT)), _MOST)
        offset = int(asked.get("offset", 0))
        more = b"true" if offset + limit < len(rows) else b"false"
        return (
            b'{"workOrders":[%b],"pagination":{"total":%d,"limit":%d,"offset":%d,"hasMore":%b}}'
            % (b",".join(rows[offset : offset + limit]), len(rows), limit, offset, more)
        )

    def order(self, s2e_id: str) -> bytes | None:
        return self._by_id.get(s2e_id)


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as one polite client needs it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._have = b""
        self._out: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._out = transport

    def data_received(self, data: bytes) -> None:
        self._have += data
        while (end := self._have.find(b"\r\n\r\n")) >= 0:
            line, *rest = self._have[:end].decode("latin-1").split("\r\n")
            size = next(
                (int(told[15:]) for told in rest if told.lower().startswith("content-length:")), 0
            )
            if len(self._have) < end + 4 + size:
                return
            self._have = self._have[end + 4 + size :]
            method, target, _ = line.split(" ", 2)
            self._send(*self._answer(method, target))

    def _answer(self, method: str, target: str) -> tuple[bytes, bytes]:
        url = urlsplit(target)
        if method == "POST":
            return b"200 OK", b'{"success":true,"message":"Work order updated successfully"}'
        if url.path == _LIST:
            return b"200 OK", self._store.page(dict(parse_qsl(url.query)))
        order = self._store.order(url.path.removeprefix(_LIST + "/"))
        if order is None:
            return b"404 Not Found", b'{"error":"Work order not found"}'
        return b"200 OK", order

    def _send(self, status: bytes, body: bytes) -> None:
        assert self._out is not None
        self._out.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


async def serve(store: Store) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(store), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--orders", type=int, required=True)
    told.add_argument("--open", type=int, default=0)
    asked = told.parse_args()
    asyncio.run(serve(Store(asked.orders, asked.open)))
