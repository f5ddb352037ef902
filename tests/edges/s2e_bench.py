"""A Scan2Evolve client on a real socket, with a clock that only waiting moves."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import trustme

from syncd.core.budget import RateBudget
from syncd.http import HttpClient
from syncd.scan2evolve.auth import BearerAuth, ClientCredentials, DownstreamAuth, V1Auth
from syncd.scan2evolve.client import Scan2EvolveClient
from tests.edges.raw_server import Behaviour, RawServer, answer_json

V1_TOKEN = "v1-canary-1111"
SYNC_TOKEN = "sync-canary-2222"
API_KEY = "key-canary-3333"
CLIENT_ID = "id-canary-4444"
CLIENT_SECRET = "secret-canary-5555"
SECRETS = (V1_TOKEN, SYNC_TOKEN, API_KEY, CLIENT_ID, CLIENT_SECRET)

EMPTY_PAGE = {
    "workOrders": [],
    "pagination": {"total": 0, "limit": 200, "offset": 0, "hasMore": False},
}
EMPTY = answer_json(EMPTY_PAGE)
DONE = answer_json({"success": True, "message": "Work order updated successfully"})


@dataclass
class Bench:
    """A client, the server that it talks to, and what it waited for.

    Attributes:
        now: the monotonic clock; waiting moves it, and nothing else does.
        waits: each wait, in seconds.
        stopping: waits are cut short, as when the daemon is told to stop.
    """

    server: RawServer
    now: float = 1000.0
    waits: list[float] = field(default_factory=list)
    stopping: bool = False
    client: Scan2EvolveClient = field(init=False)
    budget: RateBudget = field(init=False)

    def wait(self, seconds: float) -> bool:
        if self.stopping:
            return False
        self.waits.append(seconds)
        self.now += seconds
        return True

    def exchanging(self, client_secret: Callable[[], str] = lambda: CLIENT_SECRET) -> V1Auth:
        """Credentials that are exchanged for a token, as the composition root makes them."""
        return ClientCredentials(
            self.client._reading,
            lambda: CLIENT_ID,
            client_secret,
            self.client.check_token_answer,
            monotonic=lambda: self.now,
        )

    def use(self, auth: V1Auth) -> None:
        self.client._auth = auth


@cache
def _bundle() -> str:
    """One certificate is read in a tenth of the time that the system's hundreds take."""
    path = Path(tempfile.mkdtemp(prefix="syncd-ca-")) / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    return str(path)


@contextmanager
def bench(
    *behaviours: Behaviour,
    auth: V1Auth | None = None,
    downstream: DownstreamAuth | None = None,
    per_minute: int | None = None,
    utcnow: datetime = datetime(2026, 3, 10, 14, 30, tzinfo=UTC),
    **server: Any,
) -> Iterator[Bench]:
    with RawServer(*behaviours, **server) as running:
        made = Bench(running)
        made.budget = RateBudget(per_minute)
        made.client = Scan2EvolveClient(
            reading=HttpClient(running.url, side="s2e", ca_bundle=_bundle()),
            writing=HttpClient(running.url, side="s2e", ca_bundle=_bundle()),
            auth=auth or BearerAuth(lambda: V1_TOKEN),
            downstream=downstream or DownstreamAuth(lambda: SYNC_TOKEN, lambda: API_KEY),
            budget=made.budget,
            wait=made.wait,
            monotonic=lambda: made.now,
            utcnow=lambda: utcnow,
            random=lambda: 1.0,
        )
        try:
            yield made
        finally:
            made.client.close()
