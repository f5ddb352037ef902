"""Scan2Evolve: the twin behind real sockets, its edits, writes and answers in the ledger."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from syncd.twin.faults import ScriptedFault
from syncd.twin.model import TwinConfig
from syncd.twin.routes import ApiAnswer, Request
from syncd.twin.server import Twin
from tests.kills.moments import Moments
from tests.simulation.ledger import FIELDS, Ledger, Plain, plain
from tests.simulation.upstream import values_of

_NAMES = {key: name for name, key in FIELDS.items()}


class WatchedTwin(Twin):
    """A twin that tells what it has written and what it has shown."""

    def __init__(
        self,
        config: TwinConfig,
        lock: threading.RLock,
        moments: Moments,
        tell: "Callable[[Request, ApiAnswer, ScriptedFault | None], None]",
    ) -> None:
        self._outer, self._moments, self._tell = lock, moments, tell
        super().__init__(config)

    def take(self, request: Request) -> tuple[ApiAnswer, dict[str, str], ScriptedFault | None]:
        call = "sync" if request.downstream else "list" if request.query else "get"
        self._moments.happen(f"s2e.{call}.arrived")
        with self._outer:
            taken = super().take(request)
            self._tell(request, taken[0], taken[2])
        self._moments.happen(f"s2e.{call}.answered")
        return taken


class Upstream:
    """What people do in Scan2Evolve, and what the oracles ask of it.

    Attributes:
        twin: the server.
    """

    def __init__(
        self,
        config: TwinConfig,
        lock: threading.RLock,
        moments: Moments,
        ledger: Ledger,
        now: Callable[[], float],
    ) -> None:
        self._lock, self._ledger, self._now = lock, ledger, now
        self.twin = WatchedTwin(config, lock, moments, self._took)
        for order in self.twin.orders():
            self._add("person", "create", order["id"], after=values_of(order))

    # ── what people do ────────────────────────────────────────────────────────────────────

    def edit(self, s2e_id: str, name: str, value: Any) -> None:
        with self._lock:
            before = values_of(self.twin.order(s2e_id))
            self.twin.edit(s2e_id, **{FIELDS[name]: value})
            after = values_of(self.twin.order(s2e_id))
            pair = {name: before[name]}, {name: after[name]}
            self._add("person", "set", s2e_id, before=pair[0], after=pair[1])

    def add(self, **values: Any) -> str:
        with self._lock:
            s2e_id = self.twin.add(**values)
            self._add("person", "create", s2e_id, after=self.values(s2e_id))
            return s2e_id

    def ids(self) -> list[str]:
        return [order["id"] for order in self.twin.orders()]

    def values(self, s2e_id: str) -> dict[str, Plain]:
        return values_of(self.twin.order(s2e_id))

    # ── what syncd does ───────────────────────────────────────────────────────────────────

    def _took(self, request: Request, answer: ApiAnswer, fault: ScriptedFault | None) -> None:
        entry = self.twin.ledger.entries[-1]
        if entry.applied:
            changes = {_NAMES[key]: pair for key, pair in entry.changes.items() if key in _NAMES}
            self._add(
                "syncd",
                "set",
                str(entry.s2e_id),
                before={name: plain(name, old) for name, (old, _) in changes.items()},
                after={name: plain(name, new) for name, (_, new) in changes.items()},
                sent={name: plain(name, entry.body[FIELDS[name]]) for name in changes},
            )
        honest = fault is None or fault.kind == "slow"
        if request.method == "GET" and honest and answer.status == 200:
            for order in answer.body.get("workOrders", [answer.body]):
                self._add(
                    "syncd",
                    "show",
                    order["id"],
                    after=values_of(order),
                    as_of=len(self._ledger.events),
                )

    def _add(self, actor: Any, op: str, s2e_id: str, **more: Mapping[str, Plain] | int) -> None:
        self._ledger.add(self._now(), "s2e", actor, op, s2e_id=s2e_id, **more)
