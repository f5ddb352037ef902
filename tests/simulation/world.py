"""One engine, its mirror, and the two sides it keeps in step, on a clock of their own.

Everything of syncd but its sockets runs here as it does in the daemon. The mirror is a real
SQLite file; a crash drops all that is in memory and rolls back what was not committed.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

from syncd.core.budget import RateBudget
from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.planning.plan import Decider, decide
from syncd.core.policy import Mode, Policy, Scope
from syncd.core.work_order import SHARED, Field, Side
from syncd.engine.cycle import Cycle
from syncd.engine.pinning import resume_pinned
from syncd.engine.request import CycleRequest
from syncd.engine.results import CycleReport
from syncd.errors import LeaseLost
from syncd.http import DEADLINE_S, HttpClient
from syncd.mirror import state
from syncd.mirror.db import schema
from syncd.mirror.db.database import Mirror, Tx, open_mirror
from syncd.mirror.db.lease import Lease
from syncd.scan2evolve.auth import BearerAuth, DownstreamAuth
from syncd.scan2evolve.client import Scan2EvolveClient
from syncd.twin.model import TwinConfig
from tests.simulation.clock import Clock
from tests.simulation.cmms import FakeCmms, Traits
from tests.simulation.cmms_adapter import FakeAdapter
from tests.simulation.effects import Crash, Effects, crash
from tests.simulation.ledger import Ledger, Look
from tests.simulation.rules import Rules
from tests.simulation.upstream import DirectHttp, Upstream

POLL_EVERY_S = 60.0
SWEEP_EVERY_S = 600.0
READ_LAG_S = 60.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What a world is like.

    Attributes:
        owners: per shared field cmms, s2e, or None for a person.
        page: orders on one page of the list.
        s2e_lag_s, s2e_normalises, s2e_ignores: see `TwinConfig`.
        guard_min: changes allowed at once before the guard latches.
        reverts: fields that other systems set back on both sides, see `rules.py`.
    """

    seed: int = 1
    orders: int = 4
    create: bool = True
    scope: Scope = Scope.OPEN
    owners: tuple[tuple[str, str | None], ...] = ()
    list_order: str = "createdAt"
    page: int = 3
    s2e_lag_s: float = 0.0
    s2e_normalises: bool = False
    s2e_ignores: frozenset[str] = frozenset()
    allow_reopen: bool = True
    guard_min: int = 1000
    reverts: frozenset[str] = frozenset()
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True, slots=True)
class CountedMirror(Mirror):
    """A mirror whose commits are effects."""

    effects: Effects = field(default_factory=Effects)
    ledger: Ledger = field(default_factory=Ledger)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Tx]:
        with Mirror.transaction(self, durable=durable) as tx:
            yield tx
            self.effects.happen("mirror.commit")
        self.ledger.committed()
        self.effects.happen("mirror.committed")


class FreeLease(Lease):
    """Its lock is always free, as that of a holder whose machine has gone silent."""

    def _try_lock(self) -> bool:
        return True


class World:
    """See the module. `tick` runs one cycle; whatever dies in it is started anew by `start`.

    Attributes:
        deaths: how often the engine was killed; `takeovers`: how often it was overtaken.
        began: when each cycle began, those that died among them.
        dies_again_after: so many effects after its next start; None: it does not.
        dies_deciding: in the next cycle, once it has read, and before it has decided.
    """

    def __init__(self, setup: Setup, home: Path, decide: Decider = decide) -> None:
        self.setup, self._decide = setup, decide
        self.clock, self.ledger, self.effects = Clock(), Ledger(), Effects()
        config = TwinConfig(
            orders=setup.orders,
            seed=setup.seed,
            seed_order=False,
            order=setup.list_order,
            page_max=setup.page,
            read_lag_s=setup.s2e_lag_s,
            normalise=setup.s2e_normalises,
            ignore_fields=setup.s2e_ignores,
            clock=self.clock.true_utc,
        )
        self.upstream = Upstream(config, self.clock, self.ledger, self.effects)
        self.cmms = FakeCmms(setup.traits, self.clock, self.ledger)
        self.adapter = FakeAdapter(self.cmms, self.clock, self.ledger, self.effects)
        self._rules = Rules(setup.reverts, self.upstream, self.cmms, self.ledger, self.clock)
        self.deaths = self.takeovers = self.cycles = 0
        self.began: list[float] = []
        self.dies_again_after: int | None = None
        self.dies_deciding = False
        self._path = home / "mirror.db"
        for old in home.glob("mirror.db*"):
            old.unlink()
        shutil.copyfile(_template(), self._path)
        self.mirror, self.cycle = self._engine()

    def _engine(self) -> tuple[CountedMirror, Cycle]:
        """A process that has just been started, and holds the lease."""
        opened = _opened(self._path)
        mirror = CountedMirror(
            opened.engine,
            opened.connection,
            self.clock.utcnow,
            opened.path,
            None,
            self.effects,
            self.ledger,
        )
        lease = FreeLease(mirror, "simulated", self.clock.sleep, self.clock.monotonic)
        lease.acquire(0.0)
        lease.announce()
        self.adapter.restarted()
        resume_pinned(mirror, self.adapter)
        return mirror, Cycle(
            client=self._client(),
            adapter=self.adapter,
            mirror=mirror,
            lease=lease,
            policy=self.policy(),
            utcnow=self.clock.utcnow,
            new_id=self._cycle_id,
            stop=lambda: False,
            deadline_s=300,
            sweep_every=timedelta(seconds=SWEEP_EVERY_S),
            fresh=timedelta(seconds=POLL_EVERY_S),
            monotonic=self.clock.monotonic,
        )

    def _client(self) -> Scan2EvolveClient:
        config = self.upstream.twin.config
        http = cast(HttpClient, DirectHttp(self.upstream.exchange))
        return Scan2EvolveClient(
            reading=http,
            writing=http,
            auth=BearerAuth(lambda: config.v1_token),
            downstream=DownstreamAuth(
                lambda: config.downstream_token, lambda: config.downstream_key
            ),
            budget=RateBudget(),
            wait=self.clock.sleep,
            monotonic=self.clock.monotonic,
            utcnow=self.clock.utcnow,
            random=lambda: 0.5,
        )

    def policy(self) -> Policy:
        can = self.adapter.capabilities
        owners: dict[Field, Side | None] = dict.fromkeys(SHARED, Side.CMMS)
        owners |= {Field(n): Side(s) if s is not None else None for n, s in self.setup.owners}
        return Policy(
            owners=owners,
            cmms_writes=can.writes & can.reads,
            cmms_clears=can.clears,
            cmms_creates=can.creates,
            cmms_finds=can.finds,
            cmms_keeps=self.adapter.settled,
            cmms_needs=can.status_needs or {},
            mode=Mode.CREATE if self.setup.create else Mode.ADOPT,
            create=self.setup.scope,
            allow_reopen=self.setup.allow_reopen,
            s2e_longest_request=timedelta(seconds=DEADLINE_S),
            cmms_longest_request=timedelta(seconds=can.longest_request_s),
            s2e_read_lag=timedelta(seconds=READ_LAG_S),
            cmms_read_lag=timedelta(seconds=can.read_lag_s),
            cmms_index_lag=timedelta(seconds=can.index_lag_s),
            guard_min=self.setup.guard_min,
        )

    def _cycle_id(self, _started: datetime) -> str:
        self.cycles += 1
        return f"c{self.cycles:04}"

    # ── running ───────────────────────────────────────────────────────────────────────────

    def tick(self, *, full: bool = False, soon: bool = False) -> CycleReport | None:
        """One cycle, and the time to the next; None if it did not live to its end.

        Args:
            soon: the next begins a second later, as that of a process which is started again.
        """
        self._rules.follow()
        began, first = self.clock.now, len(self.ledger.events)
        self.began.append(began)
        with self.mirror.read() as tx:
            whole = full and state.running_sweep(tx) is None
        report = None
        try:
            report = self.cycle.run(self._order(full=full))
            self._looked(report, first, whole=whole)
        except Crash:
            self.die()
        except LeaseLost:
            self.restart()
        self.clock.sleep(1.0 if soon else began + POLL_EVERY_S - self.clock.now)
        return report

    def _order(self, *, full: bool) -> CycleRequest:
        dies, self.dies_deciding = self.dies_deciding, False
        return CycleRequest(full=full, decide=_dying if dies else self._decide)

    def _looked(self, report: CycleReport, first: int, *, whole: bool) -> None:
        s2e, cmms = report.s2e, report.cmms
        swept = whole and s2e.sweep == "complete"
        read = s2e.error is None and not s2e.failed, cmms.error is None and not cmms.owed
        self.ledger.looks.append(Look(first, len(self.ledger.events), *read, swept))

    def die(self) -> None:
        """Memory is gone; what was committed is there."""
        self.deaths += 1
        self.ledger.died()
        self.restart()
        if self.dies_again_after is not None:
            self.effects.at(self.dies_again_after, crash)
            self.dies_again_after = None

    def restart(self) -> None:
        self.effects.forget()
        self.mirror.close()
        self.mirror, self.cycle = self._engine()

    def take_over(self) -> None:
        """Another process takes the lease while this one sleeps in the middle of its work."""
        self.takeovers += 1
        mirror, cycle = self._engine()
        try:
            cycle.run(CycleRequest())
        except Crash:
            self.ledger.died()
        finally:
            mirror.close()

    def person(self, does: Callable[[Tx], object]) -> None:
        """A person's command on the mirror."""
        with Mirror.transaction(self.mirror) as tx:
            does(tx)

    def close(self) -> None:
        self.mirror.close()


def _dying(_case: Case, _policy: Policy, _now: datetime) -> Decision:
    raise Crash


@lru_cache(maxsize=4)
def _opened(path: Path) -> Mirror:
    """The mirror at a path. It is opened once, since an engine forgets with its pool every
    connection, and keeps the statements that it has compiled."""
    return open_mirror(f"sqlite:///{path}", Clock().utcnow)


@lru_cache(maxsize=1)
def _template() -> Path:
    """An empty mirror, made once in a process."""
    path = Path(mkdtemp(prefix="syncd-simulation-")) / "template.db"
    mirror = open_mirror(f"sqlite:///{path}", Clock().utcnow)
    schema.upgrade(mirror)
    with mirror.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    mirror.close()
    return path
