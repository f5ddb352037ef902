"""One cycle: read both sides, decide, keep what was decided, send.

Start reading here. `Cycle.run` is the sentence; `read_s2e` and `read_cmms` read, `decide` asks the
planner (`core/planning`), `keep` writes what it decided to the mirror, `send` sends. What decides
neither reads nor writes, and what writes decides nothing.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from syncd.cmms.port import AdapterBase
from syncd.core.decision import Decision
from syncd.core.planning.plan import Plan
from syncd.core.planning.unlinked import without_counterpart
from syncd.core.policy import Policy
from syncd.core.work_order import Side
from syncd.engine.absence import nominate
from syncd.engine.closing import Closing, CycleFacts
from syncd.engine.decide import decide_what_was_read, plan_from_mirror
from syncd.engine.ends import End, ends_of
from syncd.engine.intents import IntentLog
from syncd.engine.keep import Keeper
from syncd.engine.opening import Opening
from syncd.engine.outage import Outage
from syncd.engine.read_cmms import CmmsReader
from syncd.engine.read_s2e import S2eReader
from syncd.engine.read_sweep import Progress
from syncd.engine.request import CycleRequest, ReadRequest
from syncd.engine.results import CmmsRead, CycleReport, S2eRead, SendResult
from syncd.engine.send import Sender
from syncd.errors import RemoteError
from syncd.mirror import attention, state
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.lease import Lease
from syncd.scan2evolve.client import Scan2EvolveClient

_READING = 0.6  # of a cycle's time, which a long read may take


@dataclass(slots=True)
class Cycle:
    """Runs cycles of one connection. One thread, one at a time, under the lease.

    Attributes:
        fresh: how old an observation of Scan2Evolve may be when a write is based on it.
        outages: per side, whether it is down; `pushes`: whether writing upstream is.
        opening, closing, s2e_reader, cmms_reader: the stages that remember earlier cycles.
    """

    client: Scan2EvolveClient
    adapter: AdapterBase
    mirror: Mirror
    lease: Lease
    policy: Policy
    utcnow: Callable[[], datetime]
    new_id: Callable[[datetime], str]
    stop: Callable[[], bool]
    deadline_s: float
    sweep_every: timedelta
    fresh: timedelta = timedelta(seconds=60)
    monotonic: Callable[[], float] = time.monotonic
    progressed: Callable[[Progress], None] = lambda _: None
    outages: dict[Side, Outage] = field(default_factory=dict)
    pushes: Outage = field(default_factory=lambda: Outage("pushes"))
    opening: Opening = field(init=False)
    closing: Closing = field(init=False)
    s2e_reader: S2eReader = field(init=False)
    cmms_reader: CmmsReader = field(init=False)

    def __post_init__(self) -> None:
        # A process that was suspended and has lost its lease may neither send nor keep anything.
        self.mirror = self.mirror.fenced(self.lease.check)
        self.opening = Opening(self.mirror, self.policy, self.utcnow, self.monotonic)
        self.closing = Closing(self.mirror, self.policy)
        self.s2e_reader = S2eReader(
            self.client, self.mirror, self.policy, self.utcnow, self.sweep_every, self.progressed
        )
        self.cmms_reader = CmmsReader(self.adapter, self.mirror, self.utcnow, self.sweep_every)

    def run(self, request: CycleRequest) -> CycleReport:
        """Read, decide, keep, send. Raises only what makes a cycle impossible:
        MirrorUnavailable, LeaseLost, or a bug."""
        began, requests = self.monotonic(), self.client.requests
        reading = self._read_request(request, began)
        with structlog.contextvars.bound_contextvars(cycle_id=reading.cycle_id):
            self.opening.open(self._keeper(reading))
            s2e, cmms = self._read(reading, began)
            keeper = self._keeper(reading)
            s2e, plan = self._decide(reading, request, keeper, s2e, cmms)
            sent = SendResult()
            if request.dry:
                self._keep_dry(keeper)
            else:
                keeper.keep_plan(plan)
                sent = self._send(reading, keeper, plan, s2e, cmms)
            return self.closing.close(
                CycleFacts(
                    reading=reading,
                    s2e=s2e,
                    cmms=cmms,
                    plan=plan,
                    sent=sent,
                    seconds=self.monotonic() - began,
                    s2e_requests=self.client.requests - requests,
                    dry=request.dry,
                )
            )

    def _keeper(self, reading: ReadRequest) -> Keeper:
        """With the mapping of now: reading may have changed by what records are read."""
        policy = replace(self.policy, cmms_mapping=self.adapter.mapping_hash)
        return Keeper(self.mirror, reading.cycle_id, policy, self.utcnow)

    def _read_request(self, request: CycleRequest, began: float) -> ReadRequest:
        started = self.utcnow()
        return ReadRequest(
            self.new_id(started),
            started,
            request.full,
            request.only,
            stopping=lambda: self._stopping(began + self.deadline_s),
            reads_over=lambda: self._stopping(began + self.deadline_s * _READING),
        )

    def _stopping(self, ends: float) -> bool:
        return self.stop() or self.monotonic() >= ends

    # ── read ──────────────────────────────────────────────────────────────────────────────

    def _read(self, reading: ReadRequest, began: float) -> tuple[S2eRead, CmmsRead]:
        """Read both sides, but leave out a side that is being given time to recover."""
        self.client.deadline = began + self.deadline_s * _READING
        down = self._down(Side.S2E)
        s2e = self.s2e_reader.read(reading) if down is None else S2eRead(error=down)
        if down is None:
            self._watch(Side.S2E, s2e.error)
        self.client.deadline = began + self.deadline_s
        down = self._down(Side.CMMS)
        cmms = self.cmms_reader.read(reading) if down is None else CmmsRead(error=down)
        if down is None:
            self._watch(Side.CMMS, cmms.error)
        reasons = without_counterpart(self.policy)
        if reasons is not None and (s2e.changed or cmms.changed):
            # Orders without any counterpart in the CMMS are out of scope, and need no plan.
            with self.mirror.transaction(durable=False) as tx:
                attention.set_aside_without_counterpart(tx, *reasons)
        return s2e, cmms

    def _down(self, side: Side) -> RemoteError | None:
        """Why this side is left alone in this cycle; None: it is read."""
        outage = self.outages.setdefault(side, Outage(side.value))
        return outage.error if self.monotonic() < outage.retry_at else None

    def _watch(self, side: Side, error: RemoteError | None) -> None:
        """Keep whether the side works; log where an outage begins and where it ends."""
        if error is None:
            self.outages[side].over(self.monotonic())
        else:
            self.outages[side].met(error, self.monotonic())

    # ── decide ────────────────────────────────────────────────────────────────────────────

    def _decide(
        self,
        reading: ReadRequest,
        request: CycleRequest,
        keeper: Keeper,
        s2e: S2eRead,
        cmms: CmmsRead,
    ) -> tuple[S2eRead, Plan]:
        """The plan, from the mirror. Orders about to be written are first read again, since
        their last observation may be as old as the last sweep; and so are those in which an edit
        waits behind a write that was not read back, since no page may show them until then."""
        plan = self._plan(request, s2e, cmms)
        stale = [decision for decision in plan.sendable() if not self._is_fresh(decision)]
        stale += [decision for decision in plan.decisions if decision.edited_again]
        if not stale or s2e.error is not None:
            return s2e, plan
        # The pages that show them replace other observations too: keep first what these showed.
        keeper.keep_what_passes(plan.decisions)
        s2e = self.s2e_reader.read_again(reading, s2e, [decision.s2e_id for decision in stale])
        return s2e, self._plan(request, s2e, cmms)

    def _is_fresh(self, decision: Decision) -> bool:
        seen_at = decision.case.s2e_seen_at
        return seen_at is not None and self.utcnow() - seen_at <= self.fresh

    def _plan(self, request: CycleRequest, s2e: S2eRead, cmms: CmmsRead) -> Plan:
        outage = s2e.error is not None or cmms.error is not None
        return plan_from_mirror(
            self.mirror,
            self.policy,
            self.utcnow(),
            only=request.only,
            decider=request.decide,
            searched=self._searched(cmms),
            unread=lambda s2e_id: outage or s2e_id in s2e.failed,
        )

    def _searched(self, cmms: CmmsRead) -> Mapping[str, datetime]:
        """When the records of which orders were searched; a create of any other stays in doubt."""
        return cmms.searched

    # ── keep and send ─────────────────────────────────────────────────────────────────────

    def _keep_dry(self, keeper: Keeper) -> None:
        """Keep what only this reading may show, although nothing is sent. Then note that the
        cycle has decided, so that the next one does not take it for one that was killed.

        The planner decides here, whatever the request's plan was made by: what an undo or a
        changed mapping would overwrite has not been overwritten.
        """
        for decisions in decide_what_was_read(self.mirror, self.policy, self.utcnow()):
            keeper.keep_what_passes(decisions)
        with self.mirror.transaction() as tx:
            state.set_state(tx, state.UNDECIDED, False)

    def _send(
        self, reading: ReadRequest, keeper: Keeper, plan: Plan, s2e: S2eRead, cmms: CmmsRead
    ) -> SendResult:
        """Send what may be sent, and note which orders are done with."""
        sender = Sender(
            client=self.client,
            adapter=self.adapter,
            intents=IntentLog(self.mirror, self.lease, reading.cycle_id),
            keeper=keeper,
            stopping=reading.stopping,
            closed=self._closed(s2e, cmms),
        )
        ready = [
            decision
            for decision in plan.sendable()
            if self._is_fresh(decision) and _record_of(decision) not in cmms.owed
        ]
        sent = sender.send(plan.only(ready))
        self._watch_pushes(sent)
        nominate(self.mirror, reading.cycle_id, sent.not_found)
        ends = ends_of(plan, {decision.s2e_id for decision in ready}, sent)
        with self.mirror.transaction() as tx:
            attention.clear_attention(tx, sorted(ends.of(End.DONE)))
            attention.mark_attention(tx, sorted(ends.of(End.AGAIN)))
        return replace(sent, unsent=sent.unsent + len(ends.of(End.HELD_BACK)))

    def _closed(self, s2e: S2eRead, cmms: CmmsRead) -> set[Side]:
        """The sides that are not written in this cycle.

        A side that could not be read is not written; and while the CMMS could not be read its
        values may be out of date, so nothing is carried over from it either.
        """
        with self.mirror.read() as tx:
            paused = bool(state.get_state(tx, state.PAUSED))
        if paused or cmms.error is not None:
            return set(Side)
        waits = self.pushes.error is not None and self.monotonic() < self.pushes.retry_at
        return {Side.S2E} if waits or s2e.error is not None else set()

    def _watch_pushes(self, sent: SendResult) -> None:
        """Keep whether writing to Scan2Evolve works. It can be down while reading works: the sync
        credentials are wrong, or the integration is inactive."""
        error = sent.stopped.get(Side.S2E)
        if error is not None:
            self.pushes.met(error, self.monotonic())
        elif sent.pushed_s2e:
            self.pushes.over(self.monotonic())


def _record_of(decision: Decision) -> str | None:
    link = decision.link or decision.case.link
    return None if link is None else link.cmms_id
