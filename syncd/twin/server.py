"""The twin, and one request from its arrival to its ledger entry."""

import threading
from dataclasses import fields, replace
from functools import partial
from ipaddress import ip_address
from typing import Any

from syncd.twin import lies
from syncd.twin.connections import Server
from syncd.twin.control import controlled
from syncd.twin.faults import Faults, ScriptedFault
from syncd.twin.gate import Budget, KnownCredentials
from syncd.twin.ledger import Ledger, LedgerEntry, masked
from syncd.twin.model import Organisation, TwinConfig
from syncd.twin.routes import ApiAnswer, Request, Routes, error, parse_body
from syncd.twin.seed import Order
from syncd.twin.sending import replaced

__all__ = ["Ledger", "LedgerEntry", "Twin", "TwinConfig"]

_FIXED = {"orders", "seed", "seed_order", "clock"}  # used only when the twin is made


class Twin:
    """A Scan2Evolve in this process: `with Twin(TwinConfig(orders=300)) as twin:`.

    It listens as soon as it is made, so that `url` is known. It answers from `start` to `stop`.
    After `stop` it refuses connections, as a server that is down. `start` brings it back at the
    same address, with the same orders.

    Attributes:
        config: its switches; change them with `configure`.
        people: the organisation, whose edits are methods of the twin too.
        faults: the faults still to come.
        ledger: the requests.
    """

    def __init__(
        self,
        config: TwinConfig | None = None,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        control: bool = False,
    ) -> None:
        """Make a twin; `control` offers people's edits and the ledger over HTTP too.

        Raises ValueError for a host that is not loopback, OSError for a port in use.
        """
        if not ip_address(host).is_loopback:
            raise ValueError(f"the twin listens on loopback only, not on {host}")
        self.config = config or TwinConfig()
        self.faults: Faults = Faults()
        self.ledger = Ledger()
        self.control = partial(controlled, self) if control else None
        self.stopped = threading.Event()
        self._lock = threading.RLock()
        self.people: Organisation = Organisation(self.config, self._lock)
        self._credentials = KnownCredentials(self.config)
        self._budget = Budget(self.config)
        self._routes = Routes(self.config, self.people, self._credentials)
        self._n = 0
        self._server: Server | None = self._listen((host, port))
        self._address = (host, self._server.port)
        self._thread: threading.Thread | None = None

    def _listen(self, address: tuple[str, int]) -> Server:
        return Server(address, self.take, self.control, self.stopped)

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self.port}"

    def start(self) -> "Twin":
        """Begin to answer, unless it does already."""
        if self._thread is not None:
            return self
        self.stopped.clear()
        server = self._server = self._server or self._listen(self._address)
        self._thread = threading.Thread(target=server.serve, name="twin", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and end every connection, even in the middle of an answer."""
        server, self._server = self._server, None
        thread, self._thread = self._thread, None
        self.stopped.set()
        if server is None:
            return
        if thread is not None:
            server.end()
            thread.join(timeout=5)
        server.close()

    def __enter__(self) -> "Twin":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # ── what people do upstream ───────────────────────────────────────────────────────────

    def order(self, s2e_id: str) -> Order:
        return self.people.order(s2e_id)

    def orders(self) -> list[Order]:
        return self.people.orders()

    def edit(self, s2e_id: str, **changes: Any) -> None:
        self.people.edit(s2e_id, **changes)

    def add(self, **values: Any) -> str:
        return self.people.add(**values)

    def delete(self, s2e_id: str) -> None:
        self.people.delete(s2e_id)

    def refuse(self, s2e_id: str, message: str | None = "Validation error") -> None:
        self.people.refuse(s2e_id, message)

    def expire_tokens(self) -> None:
        """Make every issued token invalid."""
        with self._lock:
            self._credentials.expire()

    def configure(self, **switches: Any) -> None:
        """Change switches while it runs. Raises ValueError; then no switch is changed."""
        names = {field.name for field in fields(TwinConfig)}
        unknown = sorted(set(switches) - (names - _FIXED))
        if unknown:
            raise ValueError(f"no switch to change while it runs: {', '.join(unknown)}")
        if "ignore_fields" in switches:
            switches["ignore_fields"] = frozenset(switches["ignore_fields"])
        with self._lock:
            replace(self.config, **switches)  # raises ValueError for a wrong value
            for name, value in switches.items():
                setattr(self.config, name, value)

    # ── one request ───────────────────────────────────────────────────────────────────────

    def take(self, request: Request) -> tuple[ApiAnswer, dict[str, str], ScriptedFault | None]:
        """Answer a request and enter it in the ledger, one request at a time.

        So the ledger's order is the order in which syncs took effect, and the entry is there
        before the client has its answer.
        """
        with self._lock:
            credentials = self._credentials.presented(request.headers)
            headers, over = self._budget.spend(downstream=request.downstream)
            fault = None if over else self.faults.take(request.method, request.path)
            self._n += 1
            request_id = f"req_{self._n:06}"
            if over:
                honest = error(429, "Rate limit exceeded", request_id)
            elif fault is not None and fault.kind == "lie":
                what = str(fault.args["what"])
                answer = self._routes.answer(lies.distort_request(what, request), request_id)
                honest = lies.distort_answer(what, request, answer)
            elif fault is None or fault.applied:
                honest = self._routes.answer(request, request_id)
            else:
                honest = ApiAnswer(0, None)
            answer = honest if fault is None else replaced(fault, honest, request_id)
            self.ledger.append(
                LedgerEntry(
                    n=self._n,
                    at=self.config.clock(),
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    headers=masked(request.headers),
                    credentials=credentials,
                    body=_body_shown(request),
                    status=answer.status,
                    applied=honest.applied,
                    fault=fault.kind if fault is not None else None,
                    changes=honest.changes,
                )
            )
        return answer, {**headers, **answer.headers}, fault


def _body_shown(request: Request) -> Any:
    """Return the body as the ledger keeps it, without a client's secret."""
    try:
        body = parse_body(request.raw) if request.raw else None
    except ValueError:
        return request.raw.decode("utf-8", "replace")
    if isinstance(body, dict) and "client_secret" in body:
        return {**body, "client_secret": "***"}
    return body
