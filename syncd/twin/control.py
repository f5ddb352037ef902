"""People's edits, faults and the ledger over HTTP, for tests that see a twin from outside.

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

It needs no credentials, spends no budget and stays out of the ledger.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from syncd.twin.ledger import as_json
from syncd.twin.routes import Request, parse_body

if TYPE_CHECKING:
    from syncd.twin.server import Twin

_OK = {"ok": True}


def controlled(twin: "Twin", request: Request) -> tuple[int, Any]:
    """Do what is asked; return status and JSON body. 400 says what was wrong."""
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
        told = parse_body(request.raw) if request.raw else {}
        if not isinstance(told, dict):
            raise TypeError("the body is a JSON object")
        return 200, _DONE[name](twin, told) or _OK
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
    "edit": lambda twin, told: twin.people.edit(told["id"], **told["fields"]),
    "add": lambda twin, told: {"id": twin.people.add(**told)},
    "delete": lambda twin, told: twin.people.delete(told["id"]),
    "refuse": lambda twin, told: twin.people.refuse(**{"s2e_id": told.pop("id"), **told}),
    "fault": lambda twin, told: twin.faults.add(**told),
    "clear_faults": lambda twin, _: twin.faults.clear(),
    "expire_tokens": lambda twin, _: twin.expire_tokens(),
    "configure": lambda twin, told: twin.configure(**told),
}
