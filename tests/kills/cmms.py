"""A CMMS with an HTTP interface of its own, a ledger, and faults on request.

GET   /records?after=R2&limit=5    {"records": […], "more": true}
GET   /records?s2e_id=wo_1         {"records": […]}
GET   /records/R2                  the record
POST  /records                     {"s2e_id", "values"}: always a new record, asked twice or not
PATCH /records/R2                  {"values", "expected"}: 409 where it locks and is otherwise
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from syncd.errors import Changed, NotFound
from syncd.twin.connections import Server
from syncd.twin.faults import Faults, ScriptedFault
from syncd.twin.routes import ApiAnswer, Request, parse_body
from syncd.twin.sending import replaced
from tests.kills.moments import Moments
from tests.simulation.clock import Clock
from tests.simulation.cmms import FakeCmms, Record, Traits
from tests.simulation.ledger import Ledger, Plain, plain

Shown = tuple[ApiAnswer, list[Record]]


class CmmsServer:
    """The server. It answers from the first on.

    Attributes:
        store: its records.
        faults: the script of what goes wrong, as with the twin.
        lost_answers: how many writes took effect and were not answered with it.
    """

    def __init__(
        self,
        traits: Traits,
        lock: threading.RLock,
        moments: Moments,
        ledger: Ledger,
        now: Callable[[], float],
    ) -> None:
        self._lock, self._moments, self._ledger, self._now = lock, moments, ledger, now
        self._clock = Clock()
        self.store = FakeCmms(traits, self._clock, ledger)
        self.faults = Faults()
        self.lost_answers = 0
        self._stopped = threading.Event()
        self._server = Server(("127.0.0.1", 0), self._take, None, self._stopped)
        self._thread = threading.Thread(target=self._server.serve, name="cmms", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def stop(self) -> None:
        self._stopped.set()
        self._server.end()
        self._thread.join(5)
        self._server.close()

    def edit(self, number: str, name: str, value: Plain) -> None:
        """What people do."""
        with self._lock:
            self._clock.now = self._now()
            self.store.update("person", number, {name: value})

    # ── one request ───────────────────────────────────────────────────────────────────────

    def _take(self, request: Request) -> tuple[ApiAnswer, dict[str, str], ScriptedFault | None]:
        call = _call(request)
        self._moments.happen(f"cmms.{call}.arrived")
        with self._lock:
            self._clock.now = self._now()
            fault = self.faults.take(request.method, request.path)
            answer, shown = ApiAnswer(0, None), list[Record]()
            if fault is None or fault.applied:
                answer, shown = self._answer(call, request)
            if fault is not None:
                self.lost_answers += call in {"create", "update"} and answer.status == 200
                answer = replaced(fault, answer, "")
            else:
                self._tell(call, request, shown)
        self._moments.happen(f"cmms.{call}.answered")
        return answer, {}, fault

    def _tell(self, call: str, request: Request, shown: Iterable[Record]) -> None:
        as_of = len(self._ledger.events)
        for record in shown:
            self._ledger.add(
                self._now(),
                "cmms",
                "syncd",
                "show",
                s2e_id=record.s2e_id,
                record=record.number,
                after=self.store.values(record),
                as_of=as_of,
            )
        if call == "find":
            s2e_id = request.query["s2e_id"]
            self._ledger.add(self._now(), "cmms", "syncd", "find", s2e_id=s2e_id, as_of=as_of)

    def _answer(self, call: str, request: Request) -> Shown:
        number = request.path.rpartition("/")[2]
        body = parse_body(request.raw) if request.raw else {}
        values, expected = (_plain(body.get(key, {})) for key in ("values", "expected"))
        try:
            if call == "find":
                found = self.store.carrying(request.query["s2e_id"])
                return ApiAnswer(200, {"records": [*map(_told, found)]}), found
            if call == "list":
                return self._page(request.query.get("after"), int(request.query["limit"]))
            if call == "get":
                record = self.store.shown(number)
            elif call == "create":
                record = self.store.create("syncd", body["s2e_id"], values)
            else:
                record = self.store.update("syncd", number, values, expected)
        except NotFound as error:
            return ApiAnswer(404, {"error": str(error)}), []
        except Changed as error:
            return ApiAnswer(409, {"error": str(error)}), []
        return ApiAnswer(200, _told(record)), [record]

    def _page(self, after: str | None, limit: int) -> Shown:
        records = list(self.store.records.values())
        if after is not None:
            numbers = [record.number for record in records]
            records = records[numbers.index(after) + 1 :]
        page = records[:limit]
        answer = {"records": [*map(_told, page)], "more": len(records) > limit}
        return ApiAnswer(200, answer), page


def _call(request: Request) -> str:
    if request.method == "GET" and request.path == "/records":
        return "find" if "s2e_id" in request.query else "list"
    return {"GET": "get", "POST": "create", "PATCH": "update"}[request.method]


def _plain(values: Mapping[str, object]) -> dict[str, Plain]:
    return {name: plain(name, value) for name, value in values.items()}


def _told(record: Record) -> dict[str, Any]:
    return {"number": record.number, "s2e_id": record.s2e_id, "values": dict(record.values)}
