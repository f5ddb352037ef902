"""People's edits, faults and the ledger over HTTP, for tests whose twin is another process.

    GET  /__twin/ledger        the requests; ?after=N: those numbered above N
    GET  /__twin/orders        all orders as they really are
    POST /__twin/edit          {"id": …, "fields": {…}}
    POST /__twin/add           {…fields} → {"id": …}
    POST /__twin/delete        {"id": …}
    POST /__twin/refuse        {"id": …, "message": …}
    POST /__twin/fault         {"kind": …, "method": …, "path": …, "times": …, "after": …, …}
    POST /__twin/clear_faults  {}
    POST /__twin/expire_tokens {}
    POST /__twin/configure     {…switches of TwinConfig}

These calls need no credentials, spend no budget and get no ledger entry.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from syncd.twin.ledger import as_json
from syncd.twin.routes import Request, parse_body

if TYPE_CHECKING:
    from syncd.twin.server import Twin

_OK = {"ok": True}


def controlled(twin: "Twin", request: Request) -> tuple[int, Any]:
    """Do what the request asks; return status and JSON body. A 400 names the problem."""
    name = request.path.rpartition("/")[2]
    if name in _SHOWN or name in _DONE:
        wanted = "GET" if name in _SHOWN else "POST"
        if request.method != wanted:
            return 405, {"error": f"{name} is a {wanted}"}
    else:
        return 404, {"error": f"there are {', '.join((*_SHOWN, *_DONE))}"}
    try:
        if name in _SHOWN:
            return 200, _SHOWN[name](twin, request)
        body = parse_body(request.raw) if request.raw else {}
        if not isinstance(body, dict):
            raise TypeError("the body has to be a JSON object")
        return 200, _DONE[name](twin, body) or _OK
    except KeyError as missing:
        return 400, {"error": f"there is no {missing}"}
    except (ValueError, TypeError) as wrong:
        return 400, {"error": str(wrong)}


def _ledger(twin: "Twin", request: Request) -> Any:
    after = int(request.query.get("after", "0"))
    return [as_json(entry) for entry in twin.ledger.entries if entry.n > after]


_SHOWN: dict[str, Callable[["Twin", Request], Any]] = {
    "ledger": _ledger,
    "orders": lambda twin, _: twin.orders(),
}
_DONE: dict[str, Callable[["Twin", dict[str, Any]], Any]] = {
    "edit": lambda twin, body: twin.people.edit(body["id"], **body["fields"]),
    "add": lambda twin, body: {"id": twin.people.add(**body)},
    "delete": lambda twin, body: twin.people.delete(body["id"]),
    "refuse": lambda twin, body: twin.people.refuse(**{"s2e_id": body.pop("id"), **body}),
    "fault": lambda twin, body: twin.faults.add(**body),
    "clear_faults": lambda twin, _: twin.faults.clear(),
    "expire_tokens": lambda twin, _: twin.expire_tokens(),
    "configure": lambda twin, body: twin.configure(**body),
}
