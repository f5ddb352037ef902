"""Lists that contradict themselves: how the fault `lie` changes a request and its answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.twin.model import FILTERS
from syncd.twin.routes import ApiAnswer, Request

LIES: Mapping[str, str] = {
    "total": "twice as many orders as there are",
    "few": "half as many orders as there are",
    "more": "there is always another page",
    "offset": "the first page, under any offset",
    "limit": "pages of ten, under any limit",
    "filter": "all orders, under any filter",
    "twice": "the first order of a page stands at its end again, in the place of the last",
    "empty": "a page without orders, beside the true total",
}
_SERVED = {"offset": ("offset", "0"), "limit": ("limit", "10")}


def distort_request(what: str, request: Request) -> Request:
    """Return the request as a server with this lie reads it."""
    query = dict(request.query)
    if what in _SERVED:
        name, served = _SERVED[what]
        query[name] = served
    if what == "filter":
        query = {name: value for name, value in query.items() if name not in FILTERS}
    return replace(request, query=query)


def distort_answer(what: str, request: Request, answer: ApiAnswer) -> ApiAnswer:
    """Return the answer as a server with this lie gives it; other answers than lists unchanged."""
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
