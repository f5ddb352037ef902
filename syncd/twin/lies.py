"""A list that is not what it says: what the fault `lie` makes of its requests and answers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.twin.model import FILTERS
from syncd.twin.routes import Answer, Request

LIES: Mapping[str, str] = {
    "total": "twice as many orders as there are",
    "few": "half as many orders as there are",
    "more": "there is always another page",
    "offset": "the first page, under any offset",
    "limit": "pages of ten, under any limit",
    "filter": "all orders, under any filter",
    "twice": "the first order of a page is its last one too",
    "empty": "a page without orders, and as many orders in all as before",
}
_SERVED = {"offset": ("offset", "0"), "limit": ("limit", "10")}


def asked(what: str, request: Request) -> Request:
    """The request as such a server takes it."""
    query = dict(request.query)
    if what in _SERVED:
        name, served = _SERVED[what]
        query[name] = served
    if what == "filter":
        query = {name: value for name, value in query.items() if name not in FILTERS}
    return replace(request, query=query)


def told(what: str, request: Request, answer: Answer) -> Answer:
    """The answer as such a server gives it; what is no list stays as it is."""
    body = answer.body
    if not (isinstance(body, dict) and "pagination" in body):
        return answer
    rows: list[Any] = body["workOrders"]
    paging: dict[str, Any] = dict(body["pagination"])
    if what == "total":
        paging["total"] *= 2
    elif what == "few":
        paging["total"] //= 2
    elif what == "more":
        paging["hasMore"] = True
    elif what == "offset":
        paging["offset"] = int(request.query.get("offset", "0"))
        paging["hasMore"] = paging["offset"] + len(rows) < paging["total"]
    elif what == "limit":
        paging["limit"] = int(request.query.get("limit", "50"))
    elif what == "twice":
        rows = [*rows[:-1], *rows[:1]] if len(rows) > 1 else rows
    elif what == "empty":
        rows = []
    return replace(answer, body={"workOrders": rows, "pagination": paging})
