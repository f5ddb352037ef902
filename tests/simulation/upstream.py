"""Scan2Evolve: the twin without its sockets, and what people do there."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from syncd.core.values import format_time
from syncd.errors import UnexpectedContent, Unreachable
from syncd.http.response import Response
from syncd.twin.faults import ScriptedFault
from syncd.twin.model import TwinConfig
from syncd.twin.routes import ApiAnswer, Request
from syncd.twin.sending import LOGIN_PAGE, to_json
from syncd.twin.server import Twin
from tests.simulation.clock import Clock
from tests.simulation.effects import Crash, Effects
from tests.simulation.ledger import FIELDS, Ledger, Plain, plain

_LOST = {"drop_before", "drop_after", "drop_after_fin", "hang"}
_UNCLEAR = {408, 425, 429, *range(500, 600)}
_CUT = {"truncate", "html", "not_object", "bad_json"}


class Upstream:
    """A Scan2Evolve with a ledger.

    Attributes:
        down: it refuses connections; `refuses`: those for these methods.
        refused: how many it has refused.
        late: for the next writes, after how many seconds each is applied, with nobody waiting for
            it any more, and whether the process that sent it is killed.
    """

    def __init__(self, config: TwinConfig, clock: Clock, ledger: Ledger, effects: Effects) -> None:
        self.twin = Twin(config)
        self.twin.stop()  # nobody connects: `exchange` asks it
        self.down = False
        self.late: list[tuple[float, bool]] = []
        self.refuses: frozenset[str] = frozenset()
        self.refused = 0
        self._clock, self._ledger, self._effects = clock, ledger, effects
        for order in self.twin.orders():
            self._tell("create", order["id"], {}, values_of(order))

    # ── what people do ────────────────────────────────────────────────────────────────────

    def edit(self, s2e_id: str, name: str, value: Any) -> None:
        before = values_of(self.twin.order(s2e_id))
        self.twin.edit(s2e_id, **{FIELDS[name]: value})
        after = values_of(self.twin.order(s2e_id))
        self._tell("set", s2e_id, {name: before[name]}, {name: after[name]})

    def post_date(self, s2e_id: str, ahead_s: float) -> None:
        """The order's time of change becomes one that has not come yet."""
        changed = self._clock.true_utc() + timedelta(seconds=ahead_s)
        self.twin.edit(s2e_id, updatedAt=format_time(changed))

    def add(self, **values: Any) -> str:
        s2e_id = self.twin.add(**values)
        self._tell("create", s2e_id, {}, values_of(self.twin.order(s2e_id)))
        return s2e_id

    def delete(self, s2e_id: str) -> None:
        self.twin.delete(s2e_id)
        self._tell("delete", s2e_id, {}, {})

    def ids(self) -> list[str]:
        return self.twin.people.ids()

    def values(self, s2e_id: str) -> dict[str, Plain]:
        return values_of(self.twin.order(s2e_id))

    def _tell(
        self, op: str, s2e_id: str, before: Mapping[str, Plain], after: Mapping[str, Plain]
    ) -> None:
        self._ledger.add(
            self._clock.now, "s2e", "person", op, s2e_id=s2e_id, before=before, after=after
        )

    # ── what syncd asks ───────────────────────────────────────────────────────────────────

    def exchange(self, request: Request, deadline_s: float) -> Response:
        """One request and its answer, as a network would have it. Raises RemoteError."""
        self._effects.happen("s2e.sent")
        if self.down or request.method in self.refuses:
            self.refused += 1
            raise Unreachable("connection refused", side="s2e", may_have_applied=False)
        if request.method == "POST":
            self._sent("try", request)
            self._lose(request)
        before = len(self._ledger.events)
        answer, headers, fault = self.twin.take(request)
        self._tell_write(request)
        self._effects.happen("s2e.applied")
        response = self._deliver(answer, headers, fault, deadline_s)
        self._show(request, answer, before)
        if request.method == "POST" and response.status not in _UNCLEAR:
            self._sent("told", request)
        self._effects.happen("s2e.answered")
        return response

    def _deliver(
        self,
        answer: ApiAnswer,
        headers: Mapping[str, str],
        fault: ScriptedFault | None,
        deadline_s: float,
    ) -> Response:
        kind = "" if fault is None else fault.kind
        if kind in _LOST:
            self._clock.sleep(deadline_s if kind == "hang" else 0.1)
            raise Unreachable(f"{kind} on purpose", side="s2e")
        if kind == "truncate":
            raise UnexpectedContent("cut off on purpose", side="s2e", status=answer.status)
        self._clock.sleep(float(fault.args["seconds"]) if fault and kind == "slow" else 0.05)
        body = LOGIN_PAGE if kind in _CUT else to_json(answer.body)
        told = {name.lower(): value for name, value in headers.items()}
        told["content-type"] = "text/html" if kind in _CUT else "application/json"
        return Response(answer.status, told, body)

    def _lose(self, request: Request) -> None:
        """The connection or the process goes; the request has arrived."""
        if not self.late:
            return
        seconds, dies = self.late.pop(0)

        def applies() -> None:
            self.twin.take(request)
            self._tell_write(request)

        self._clock.later(seconds, self._ledger.late(applies))
        self._clock.sleep(0.1)
        if dies:
            raise Crash
        raise Unreachable("the connection was cut", side="s2e")

    def _tell_write(self, request: Request) -> None:
        """Keep what the request has changed, if it was a write that was applied."""
        entry = self.twin.ledger.entries[-1]
        if not entry.applied:
            return
        names = {key: name for name, key in FIELDS.items()}
        changes = {names[key]: pair for key, pair in entry.changes.items() if key in names}
        self._ledger.add(
            self._clock.now,
            "s2e",
            "syncd",
            "set",
            s2e_id=entry.s2e_id,
            before={name: plain(name, old) for name, (old, _) in changes.items()},
            after={name: plain(name, new) for name, (_, new) in changes.items()},
            sent={name: plain(name, entry.body[FIELDS[name]]) for name in changes},
        )

    def _sent(self, op: str, request: Request) -> None:
        body = json.loads(request.raw)
        named = {name: body[key] for name, key in FIELDS.items() if key in body}
        sent = {name: plain(name, value) for name, value in named.items()}
        s2e_id = request.path.split("/")[4]
        self._ledger.add(self._clock.now, "s2e", "syncd", op, s2e_id=s2e_id, sent=sent)

    def _show(self, request: Request, answer: ApiAnswer, as_of: int) -> None:
        if request.method != "GET" or not isinstance(answer.body, dict):
            return
        orders = answer.body.get("workOrders", [answer.body] if "id" in answer.body else [])
        for order in orders:
            self._ledger.show(
                self._clock.now, "s2e", as_of, s2e_id=order["id"], after=values_of(order)
            )


class DirectHttp:
    """What `syncd.http.HttpClient` is to the client, without a network."""

    def __init__(self, exchange: Callable[[Request, float], Response]) -> None:
        self._exchange = exchange

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json_body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float = 30.0,
    ) -> Response:
        told = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(method, urlsplit(path).path, params or {}, told, json_body or b"")
        return self._exchange(request, deadline_s)

    def close(self) -> None:
        pass


def values_of(order: Mapping[str, Any]) -> dict[str, Plain]:
    return {name: plain(name, order.get(key)) for name, key in FIELDS.items()}
