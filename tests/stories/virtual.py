"""The engine in this process on a clock that runs as fast as it is waited for; the twin and both
databases are real, and so are the sockets."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from syncd.app import new_cycle_id
from syncd.cmms.load import AdapterContext
from syncd.cmms.sql.adapter import SqlAdapter
from syncd.core.budget import RateBudget
from syncd.core.policy import Mode, Policy, Scope
from syncd.core.work_order import SHARED, Side
from syncd.engine.cycle import Cycle
from syncd.engine.request import CycleRequest
from syncd.engine.results import CycleReport
from syncd.http import HttpClient
from syncd.mirror.db import schema
from syncd.mirror.db.database import open_mirror
from syncd.mirror.db.lease import Lease
from syncd.scan2evolve.auth import BearerAuth, DownstreamAuth
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.twin.model import TwinConfig
from syncd.twin.server import Twin


class VirtualWorld:
    """One connection; `tick` runs a cycle and lets the clock go on to the next.

    Attributes:
        now: seconds since it began.
    """

    def __init__(self, home: Path, *, sweep_every_s: float = 3600, **twin: Any) -> None:
        self.now = 0.0
        self.cmms_url = f"sqlite:///{home / 'cmms.db'}"
        self.twin = Twin(TwinConfig(clock=self.utcnow, **twin)).start()
        config = self.twin.config
        self._http = [HttpClient(self.twin.url, side="s2e") for _ in range(2)]
        client = Scan2EvolveClient(
            reading=self._http[0],
            writing=self._http[1],
            auth=BearerAuth(lambda: config.v1_token),
            downstream=DownstreamAuth(
                lambda: config.downstream_token, lambda: config.downstream_key
            ),
            budget=RateBudget(),
            wait=self._wait,
            monotonic=lambda: self.now,
            utcnow=self.utcnow,
            random=lambda: 0.5,
        )
        self._adapter = SqlAdapter(self.cmms_url, AdapterContext(True, self.utcnow, None, None))
        self.mirror = open_mirror(f"sqlite:///{home / 'mirror.db'}", self.utcnow)
        schema.upgrade(self.mirror)
        lease = Lease(self.mirror, "virtual", self._wait, lambda: self.now)
        lease.acquire(0.0)
        lease.announce()
        can = self._adapter.capabilities
        self.cycle = Cycle(
            client=client,
            adapter=self._adapter,
            mirror=self.mirror,
            lease=lease,
            policy=Policy(
                owners=dict.fromkeys(SHARED, Side.CMMS),
                cmms_writes=can.writes & can.reads,
                cmms_clears=can.clears,
                mode=Mode.CREATE,
                create=Scope.ALL,
                first_sync_max=10**6,
                guard_percent=100,
                guard_min=10**6,
            ),
            utcnow=self.utcnow,
            new_id=new_cycle_id,
            stop=lambda: False,
            deadline_s=300,
            sweep_every=timedelta(seconds=sweep_every_s),
            monotonic=lambda: self.now,
        )
        self._lease = lease

    def utcnow(self) -> datetime:
        return datetime(2026, 3, 10, 14, 30, tzinfo=UTC) + timedelta(seconds=self.now)

    def _wait(self, seconds: float) -> bool:
        self.now += seconds
        return True

    def tick(self, *, full: bool = False, every_s: float = 60.0) -> CycleReport:
        began = self.now
        report = self.cycle.run(CycleRequest(full=full))
        self.now = max(self.now, began + every_s)
        return report

    def settle(self) -> None:
        """Tick until nothing is left to do."""
        for _ in range(60):
            report = self.tick()
            if report.result == "complete" and not report.waiting["pending"]:
                return
        raise AssertionError(f"still at work: {report.waiting}")

    def sql(self, statement: str, **values: Any) -> None:
        """People's hands in the CMMS."""
        engine = create_engine(self.cmms_url, poolclass=NullPool)
        with engine.begin() as conn:
            conn.execute(text(statement), values)
        engine.dispose()

    def rows(self, statement: str, **values: Any) -> list[Any]:
        engine = create_engine(self.cmms_url, poolclass=NullPool)
        with closing(engine.connect()) as conn:
            return list(conn.execute(text(statement), values))

    def close(self) -> None:
        self._lease.release()
        self.mirror.close()
        self._adapter.close()
        for http in self._http:
            http.close()
        self.twin.stop()
