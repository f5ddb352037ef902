"""One sweep of the twin's list with people at work between its pages, judged from outside."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from syncd.app import utcnow
from syncd.core.budget import RateBudget
from syncd.core.policy import Policy
from syncd.engine.read_s2e import S2eReader
from syncd.engine.request import ReadRequest
from syncd.engine.results import S2eRead
from syncd.http import HttpClient
from syncd.mirror import state
from syncd.mirror.db import schema
from syncd.mirror.db.database import Mirror, open_mirror
from syncd.scan2evolve.auth import BearerAuth
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.scan2evolve.wire import Page
from syncd.twin.model import TwinConfig
from syncd.twin.server import Twin

ORDERS = ("createdAt", "-createdAt", "updatedAt", "-updatedAt", "id")
WRITES = (1, 5, 20)


@dataclass(frozen=True)
class Trial:
    """What one sweep came to.

    Attributes:
        missed: orders that were there all the while and that the mirror has not met in it.
        lists, gets: requests it took.
    """

    complete: bool
    reason: str | None
    missed: int
    lists: int
    gets: int


class People:
    """They raise, edit, delete and move on orders, as often each as any other."""

    def __init__(self, twin: Twin, seed: int) -> None:
        self._twin = twin
        self._random = random.Random(f"people {seed}")
        self._ids = [order["id"] for order in twin.orders()]
        self.there = set(self._ids)

    def work(self, writes: int) -> None:
        people = self._twin.people
        for _ in range(writes):
            kind = self._random.randrange(4)
            if kind == 0 or not self._ids:
                self._ids.append(people.add(title=f"Raised {len(self._ids)}"))
                continue
            place = self._random.randrange(len(self._ids))
            if kind == 1:
                self._ids[place], self._ids[-1] = self._ids[-1], self._ids[place]
                gone = self._ids.pop()
                people.delete(gone)
                self.there.discard(gone)
            elif kind == 2:
                people.edit(self._ids[place], title=f"Edited {self._random.random()}")
            else:
                status = self._random.choice(("ASSIGNED", "IN_PROGRESS", "COMPLETED", "CANCELLED"))
                people.edit(self._ids[place], status=status)


class BetweenPages(Scan2EvolveClient):
    """The client, with something happening after each page."""

    def __init__(self, happens: Callable[[], None], **given: Any) -> None:
        super().__init__(**given)
        self._happens = happens

    def list_work_orders(self, **asked: Any) -> Page:
        page = super().list_work_orders(**asked)
        self._happens()
        return page


def sweep(
    *, orders: int, order: str, writes: int, seed: int, home: Path, filled: Path | None = None
) -> Trial:
    """One whole sweep into a fresh mirror, or into a copy of one that was `filled` before."""
    path = home / "mirror.db"
    for left in home.glob("mirror.db*"):
        left.unlink()
    if filled is not None:
        shutil.copy(filled, path)
    with Twin(TwinConfig(orders=orders, seed=seed, seed_order=False, order=order)) as twin:
        people = People(twin, seed)
        mirror = open_mirror(f"sqlite:///{path}", utcnow)
        schema.upgrade(mirror)
        try:
            seen = _read(twin, mirror, lambda: people.work(writes))
            with mirror.read() as tx:
                met = set(tx.conn.exec_driver_sql(_MET).scalars())
                [last] = [state.last_sweep(tx)]
        finally:
            mirror.close()
        assert last is not None, seen
        requests = twin.ledger.requests("GET")
        lists = sum(entry.path.endswith("/work-orders") for entry in requests)
        return Trial(
            complete=last["result"] == "complete",
            reason=last["reason"],
            missed=len(people.there - met),
            lists=lists,
            gets=len(requests) - lists,
        )


_MET = "SELECT s2e_id FROM s2e_orders WHERE swept = (SELECT max(id) FROM sweeps)"


def fill(orders: int, seed: int, home: Path) -> Path:
    """A mirror that a quiet sweep has filled."""
    trial = sweep(orders=orders, order="id", writes=0, seed=seed, home=home)
    assert trial.complete
    return (home / "mirror.db").rename(home / f"filled-{orders}-{seed}.db")


def _read(twin: Twin, mirror: Mirror, happens: Callable[[], None]) -> S2eRead:
    http = HttpClient(twin.url, side="s2e")
    client = BetweenPages(
        happens,
        reading=http,
        writing=http,
        auth=BearerAuth(lambda: twin.config.v1_token),
        downstream=None,
        budget=RateBudget(),
        wait=lambda _: True,
        monotonic=lambda: 0.0,
        utcnow=utcnow,
        random=lambda: 0.5,
    )
    policy = Policy(owners={}, cmms_writes=frozenset(), cmms_clears=frozenset())
    reader = S2eReader(client, mirror, policy, utcnow, timedelta(hours=1), lambda _: None)
    try:
        return reader.read_sweep(ReadRequest("trial", utcnow(), full=True))
    finally:
        client.close()
