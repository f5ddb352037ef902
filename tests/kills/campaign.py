"""Kill a world's process so many times, let it come to rest now and then, and judge."""

import json
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import make_url

from syncd.mirror.db.database import Mirror
from tests.conftest import Postgres
from tests.kills.lives import Drawing, Edit, Life, Trouble
from tests.kills.tally import LOST, edits, logged_in
from tests.kills.upstream import Upstream
from tests.kills.world import World
from tests.simulation import world as simulated
from tests.simulation.clock import Clock
from tests.simulation.cmms import FakeCmms
from tests.simulation.ledger import Ledger
from tests.simulation.oracles import judge, still_apart
from tests.simulation.world import Setup

IDLE_CYCLES = 3
_FIRST_S = 40.0  # from the start of a process to its first request, on a slow machine
_CYCLES = 2  # after which a life ends whose moment does not come
_LONGEST_S = 30.0  # the same, where no cycle comes to its end
_BROKEN_S = 5.0  # and where none can, since the disk stays bad
_STEP_S = 60.0  # to get in step; longer where a write is tried again after a minute
_PATIENCE_S = 200.0
# A disk that fails at the start ends the process: 74, or 65 where it cannot tell it from damage.
_MAY_END = {65, 74}
_WAITING = 6  # faults of one side that nobody has met yet
_BACKENDS = {
    "all": "",
    "lease": "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')",
    "one": "AND strpos(query, 'advisory') = 0 ORDER BY random() LIMIT 1",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What the oracles of the histories ask of a world."""

    setup: Setup
    ledger: Ledger
    upstream: Upstream
    cmms: FakeCmms
    mirror: Mirror
    clock: Clock


@dataclass(slots=True)
class Verdict:
    """What became of a world.

    Attributes:
        seed: `--seed` with `--kills` of one world draws it again.
        objections: what the judge has to say; empty: nothing.
        lives: those since it was last at rest with nothing to object to.
        counts: what happened, for the closing lines.
    """

    seed: int
    objections: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Campaign:
    """One world and its process."""

    def __init__(
        self, world: World, drawing: Drawing, seed: int, postgres: Postgres | None
    ) -> None:
        self.world, self.drawing, self.postgres = world, drawing, postgres
        self.verdict = Verdict(seed)
        self._counts = self.verdict.counts

    def run(self, kills: int, rest_after: int) -> Verdict:
        """Kill it so many times; rest and judge after so many, and at the end."""
        for life in self.drawing.lives():
            self.verdict.lives.append(life)
            self.live(life)
            over = self._counts["kills"] == kills
            if over or len(self.verdict.lives) == rest_after:
                self.rest()
                if over or self.verdict.objections:
                    break
                self.verdict.lives.clear()
        self._tally()
        for kind, sign in (("doubled", "was created"), ("lost", "is lost")):
            self._counts[kind] = sum(sign in each for each in self.verdict.objections)
        return self.verdict

    def _tally(self) -> None:
        """A second opinion, from the two ledgers and what `syncd conflicts` says."""
        done = self.world.syncd("conflicts", "list", "--all", "--json")
        if done.returncode != 0:
            self._object(f"conflicts list: {done.stderr}")
            return
        ledger, logged = self.world.ledger, logged_in(json.loads(done.stdout))
        for event, fate in edits(ledger, logged, locks=self.world.setup.traits.locks):
            self._counts["edits"] += 1
            self._counts[f"edits {fate}"] += 1
            if fate == LOST:
                self._object(f"an edit is lost: {event}")
        made = Counter(e.s2e_id for e in ledger.events if e.actor == "syncd" and e.op == "create")
        self._counts["created"] = made.total()
        self._counts["writes"] = len(ledger.writes())
        for s2e_id in self.world.upstream.ids():
            records = len(self.world.server.store.carrying(s2e_id))
            if records != 1 or made[s2e_id] != 1:
                self._object(
                    f"{s2e_id} was created {made[s2e_id]} times, and has {records} records"
                )

    # ── one life ──────────────────────────────────────────────────────────────────────────

    def live(self, life: Life) -> None:
        world = self.world
        for edit in life.edits:
            if edit.at == 0:
                self._edit(edit)
            else:
                world.moments.at(edit.at, _bound(self._edit, edit))
        for faults in (world.upstream.twin.faults, world.server.faults):
            if faults.waiting >= _WAITING:  # else nothing would go well any more
                faults.clear()
        for trouble in life.troubles:
            self._trouble(trouble)
        if life.terminate is not None:
            number, which = life.terminate
            world.moments.at(number, lambda: self._terminate(which))
        since = world.log.stat().st_size if world.log.exists() else 0
        process = world.start(life.inject)
        if life.dies_at is not None:
            world.moments.at(life.dies_at, lambda: _kill_later(process, life.later_s))
        if life.dies_at_write is not None:
            world.moments.at_write(life.dies_at_write, lambda: _kill_later(process, life.later_s))
        self._await_death(process, life, since)
        world.moments.forget()
        self._lost_answers()
        self._count(process, life)

    def _await_death(self, process: "subprocess.Popen[bytes]", life: Life, since: int) -> None:
        waits = life.dies_at or life.dies_at_write or life.inject or life.terminate
        if life.later_s < 0:
            _ended(process, -life.later_s)
        elif self._until(process, self.world.moments.met.is_set, _FIRST_S):
            if waits:
                longest_s = _LONGEST_S if life.inject is None else _BROKEN_S
                self._until(process, lambda: self._cycles(since) >= _CYCLES, longest_s)
            else:
                _ended(process, life.later_s)
        process.kill()
        process.wait(10)

    @staticmethod
    def _until(
        process: "subprocess.Popen[bytes]", true: Callable[[], bool], seconds: float
    ) -> bool:
        """Whether it has come to that within this time, and the process has not ended."""
        ends = time.monotonic() + seconds
        while not _ended(process, 0.02) and time.monotonic() < ends:
            if true():
                return True
        return False

    def _count(self, process: "subprocess.Popen[bytes]", life: Life) -> None:
        world, code = self.world, process.returncode
        if code == -signal.SIGKILL:
            self._counts["kills"] += 1
            self._counts[f"kills on {'PostgreSQL' if world.postgres else 'SQLite'}"] += 1
        elif life.inject is None or code not in _MAY_END:
            self.verdict.objections.append(f"a process ended by itself with {code}: {life}")
        else:
            self._counts["ended by itself"] += 1
        if life.inject is not None:
            met = world.injected.read_text(errors="replace").count("(INJECTED)")
            world.injected.unlink()
            self._counts["disks that failed"] += met > 0
            self._counts["system calls that failed"] += met

    def _edit(self, edit: Edit) -> None:
        upstream, server = self.world.upstream, self.world.server
        if edit.side == "add":
            upstream.add(status=edit.value)
            return
        ids = upstream.ids()
        s2e_id = ids[edit.who % len(ids)]
        if edit.side == "s2e":
            upstream.edit(s2e_id, edit.name, edit.value)
            return
        with self.world.lock:
            carrying = server.store.carrying(s2e_id)
            if carrying:
                server.edit(carrying[0].number, edit.name, edit.value)

    def _trouble(self, trouble: Trouble) -> None:
        kind, _, arg = trouble.kind.partition(":")
        upstream, cmms = self.world.upstream.twin.faults, self.world.server.faults
        faults = upstream if trouble.side == "s2e" else cmms
        faults.add(kind, trouble.method, after=trouble.after, arg=arg)

    def _lost_answers(self) -> None:
        """How many writes took effect and were not answered with it, on each side."""
        entries = self.world.upstream.twin.ledger.entries
        self._counts["lost answers upstream"] = sum(
            e.applied and e.fault is not None for e in entries
        )
        met = self.world.server.lost_answers
        self._counts["lost answers of the CMMS"] = met

    def _terminate(self, which: str) -> None:
        assert self.postgres is not None, "only PostgreSQL has connections to end"
        name = make_url(self.world.mirror_url).database
        self.postgres.run(
            f"SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE "
            f"datname = '{name}' AND application_name = 'syncd' {_BACKENDS[which]}) AS these"
        )
        self._counts["backends ended"] += 1

    # ── at rest ───────────────────────────────────────────────────────────────────────────

    def rest(self) -> None:
        """Nothing goes wrong any more, or once only: both sides get in step, and then nothing is
        written."""
        self.world.upstream.twin.faults.clear()
        self.world.server.faults.clear()
        for trouble in self.drawing.last_troubles():
            self._trouble(trouble)
        since = self.world.log.stat().st_size
        process = self.world.start()
        apart = self._get_in_step(process, since)
        if apart:
            self._object(f"not in step: {'; '.join(apart)}")
        else:
            self._idle(process, since)
        self._lost_answers()
        if process.poll() is not None:
            return  # said above; there may be no mirror to ask
        process.send_signal(signal.SIGTERM)
        if process.wait(15) != 0:
            self._object(f"SIGTERM ended it with {process.returncode}")
        for error in self.world.moments.errors:
            self._object(f"what was to happen has failed: {error!r}")
        for line in self.world.logged():
            if line.get("exception"):
                self._object(f"a bug: {line['exception'][-600:]}")
        with self.world.opened() as mirror:
            for objection in judge(self._judged(mirror)):
                self._object(objection)

    def _object(self, objection: str) -> None:
        if objection not in self.verdict.objections:
            self.verdict.objections.append(objection)

    def _get_in_step(self, process: "subprocess.Popen[bytes]", since: int) -> list[str]:
        began, apart = time.monotonic(), ["it has not begun"]
        asked = False
        while time.monotonic() - began < _PATIENCE_S:
            time.sleep(0.5)
            if process.poll() is not None:
                return [f"it ended by itself with {process.returncode}"]
            if not self._cycles(since):
                continue
            with self.world.lock, self.world.opened() as mirror:
                apart = still_apart(self._judged(mirror))
            pending = 0 if apart else self.world.pending() + len(self.world.held())
            if not apart and not pending:
                return []
            apart = apart or [f"{pending} pending"]
            if not asked and time.monotonic() - began > _STEP_S:
                self._counts["waits for a person"] += 1
                asked = True
                self._retry()
        return apart

    def _retry(self) -> None:
        """A person does not wait until a write is tried again by itself."""
        listed = json.loads(self.world.syncd("parked", "list", "--json").stdout)
        for s2e_id in {each["s2e_id"] for each in listed} | self.world.held():
            self.world.syncd("parked", "retry", s2e_id)

    def _idle(self, process: "subprocess.Popen[bytes]", since: int) -> None:
        before, cycles = len(self.world.ledger.writes()), self._cycles(since)
        ends = time.monotonic() + 30 + IDLE_CYCLES * 2
        while self._cycles(since) < cycles + IDLE_CYCLES and time.monotonic() < ends:
            time.sleep(0.1)
        idled = self._cycles(since) - cycles
        self._counts["idle cycles"] += idled
        after = self.world.ledger.writes()[before:]
        if after:
            self._counts["idle writes"] += len(after)
            self._object(f"{len(after)} writes in {idled} idle cycles: {after[:3]}")
        if idled < IDLE_CYCLES or process.poll() is not None:
            self._object(f"{idled} cycles in {30 + IDLE_CYCLES * 2} s")

    def _cycles(self, since: int) -> int:
        return self.world.logged_bytes(since).count(b'"event": "cycle.finished"')

    def _judged(self, mirror: Mirror) -> simulated.World:
        world = self.world
        clock = Clock()
        clock.now = world.now()
        judged = Judged(
            world.setup, world.ledger, world.upstream, world.server.store, mirror, clock
        )
        return cast(simulated.World, judged)  # as far as the oracles are concerned


def _bound(action: Callable[[Edit], None], edit: Edit) -> Callable[[], None]:
    return lambda: action(edit)


def _kill_later(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    if seconds == 0:
        process.kill()
    else:
        threading.Timer(seconds, process.kill).start()


def _ended(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether it has ended within this time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
