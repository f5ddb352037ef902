"""One cycle: read both sides, decide, keep what was found out, send.

Start reading here. `Cycle.run` is the sentence; `read_s2e` and `read_cmms` read, `decide` asks the
planner (`core/planning`), `keep` keeps what was found out, `send` sends. What decides neither
reads nor writes, and what writes decides nothing.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from syncd.cmms.port import CmmsAdapter
from syncd.core.case import IntentKind
from syncd.core.decision import Decision
from syncd.core.planning.guards import Guard
from syncd.core.planning.plan import Plan, decide
from syncd.core.planning.unlinked import without_counterpart
from syncd.core.policy import Mode, Policy
from syncd.core.work_order import Side
from syncd.engine.decide import Decider, decide_what_was_left, plan_from_mirror
from syncd.engine.intents import Intents
from syncd.engine.keep import record_plan, record_what_passes
from syncd.engine.outage import Outage
from syncd.engine.read_cmms import CmmsPoll
from syncd.engine.read_s2e import S2ePoll
from syncd.engine.read_sweep import Progress
from syncd.engine.request import ReadRequest, Seen
from syncd.engine.results import CycleReport
from syncd.engine.send import Apply, SendResult
from syncd.mirror import attention, journal, state
from syncd.mirror.attention import set_aside_without_counterpart
from syncd.mirror.clock_jumps import forget_the_future, wait_from_now
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.db.lease import Lease
from syncd.mirror.intents import mark_started_in_doubt, open_intents
from syncd.mirror.link_answers import Taken, take_answers
from syncd.mirror.queries.status import out_of_scope_reasons, waiting_counts
from syncd.scan2evolve.client import Scan2EvolveClient

_READING = 0.6  # of a cycle's time, which a long read may take
_SET = timedelta(seconds=5)  # ahead of the time that has passed: the clock was set, not slow


@dataclass(frozen=True, slots=True)
class CycleRequest:
    """What one cycle is asked to do.

    Attributes:
        full: read the whole list and the whole CMMS, due or not.
        only: these work orders without_counterpart: one, for a pilot, or those of a plan's file.
        dry: read and plan, write nothing to either side.
        decide: decides about one order; the planner, or what lets through a part of its plan.
    """

    full: bool = False
    only: tuple[str, ...] | None = None
    dry: bool = False
    decide: Decider = decide


@dataclass(slots=True)
class Cycle:
    """Runs cycles of one connection. One thread, one at a time, under the lease.

    Attributes:
        fresh: how old an observation of Scan2Evolve may be when a write is based on it.
        outages: per side, whether it is down; kept from cycle to cycle.
        read_before: see `S2ePoll`.
        clocks: the time, and what a clock said that nobody sets, when this last asked both.
        left_out: orders out of scope, as last counted.
    """

    client: Scan2EvolveClient
    adapter: CmmsAdapter
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
    read_before: set[str] = field(default_factory=set)
    pushes: Outage = field(default_factory=lambda: Outage("pushes"))
    clocks: tuple[datetime, float] = field(init=False)
    left_out: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.clocks = self.utcnow(), self.monotonic()
        # A holder that was stopped and wakes up may neither send nor keep what it read before.
        self.mirror = self.mirror.fenced(self.lease.check)

    def run(self, order: CycleRequest) -> CycleReport:
        """Poll, mirror, reconcile, apply. Raises only what makes a cycle impossible:
        MirrorUnavailable, LeaseLost, or a bug."""
        started, began = self.utcnow(), self.monotonic()
        cycle_id = self.new_id(started)
        ends = began + self.deadline_s
        with structlog.contextvars.bound_contextvars(cycle_id=cycle_id):
            reads_end = began + self.deadline_s * _READING
            reading = ReadRequest(
                cycle_id,
                started,
                order.full,
                order.only,
                lambda: self._stopping(ends),
                lambda: self._stopping(reads_end),
            )
            requests = self.client.requests
            self._open(reading)
            self.client.deadline = reads_end
            s2e = self._poll_s2e(reading)
            self.client.deadline = ends
            cmms = self._poll_cmms(reading)
            self._settle_alone(s2e, cmms)
            plan = self._decide(reading, order, s2e, cmms)
            sent = SendResult()
            if not order.dry:
                sent = self._apply(reading, plan, s2e, cmms)
            return self._close(
                reading,
                s2e,
                cmms,
                plan,
                sent,
                seconds=self.monotonic() - began,
                requests=self.client.requests - requests,
                dry=order.dry,
            )

    def _stopping(self, ends: float) -> bool:
        return self.stop() or self.monotonic() >= ends

    # ── read ──────────────────────────────────────────────────────────────────────────────

    def _open(self, reading: ReadRequest) -> None:
        """A write found `started` was cut off with its process: its outcome is in doubt. What
        was read and not decided is decided before it is read again."""
        with self.mirror.transaction() as tx:
            ahead = forget_the_future(tx)
            if ahead is not None:
                by_s = round(ahead.total_seconds())
                structlog.get_logger().warning("clock.set_back", by_s=by_s)
            self._notice_set_ahead(tx)
            state.start_cycle(tx, reading.cycle_id)
            left = bool(state.get_state(tx, state.UNDECIDED))
            state.set_state(tx, state.UNDECIDED, True)
            for intent in mark_started_in_doubt(tx):
                journal.write(tx, "push.in_doubt", cycle_id=reading.cycle_id, s2e_id=intent.s2e_id)
                structlog.get_logger().warning(
                    "push.in_doubt", s2e_id=intent.s2e_id, side=intent.side, error="interrupted"
                )
            for taken in take_answers(tx, reading.cycle_id):
                _log_taken(taken)
        if left:
            decide_what_was_left(self.mirror, self.policy, self.utcnow(), reading.cycle_id)

    def _notice_set_ahead(self, tx: Tx) -> None:
        last, then = self.clocks
        self.clocks = now, passed = self.utcnow(), self.monotonic()
        ahead = now - last - timedelta(seconds=passed - then)
        if ahead > _SET:
            wait_from_now(tx, last)
            by_s = round(ahead.total_seconds())
            structlog.get_logger().warning("clock.set_ahead", by_s=by_s)

    def _poll_s2e(self, reading: ReadRequest) -> Seen:
        return self._watch(Side.S2E, lambda: self._s2e_poll().read(reading))

    def _s2e_poll(self) -> S2ePoll:
        return S2ePoll(
            self.client,
            self.mirror,
            self.policy,
            self.utcnow,
            self.sweep_every,
            self.progressed,
            self.read_before,
        )

    def _poll_cmms(self, reading: ReadRequest) -> Seen:
        poll = CmmsPoll(self.adapter, self.mirror, self.utcnow, self.sweep_every)
        return self._watch(Side.CMMS, lambda: poll.read(reading))

    def _watch(self, side: Side, read: Callable[[], Seen]) -> Seen:
        """Read a side unless it is being given time to recover; log an outage's two ends."""
        outage = self.outages.setdefault(side, Outage(side.value))
        if outage.error is not None and self.monotonic() < outage.retry_at:
            return Seen(error=outage.error)
        seen = read()
        if seen.error is None:
            outage.over(self.monotonic())
        else:
            outage.met(seen.error, self.monotonic())
        return seen

    def _settle_alone(self, s2e: Seen, cmms: Seen) -> None:
        """Orders of which the CMMS knows nothing take no part, and need no plan."""
        reasons = without_counterpart(self.policy)
        if reasons is not None and (s2e.changed or cmms.changed):
            with self.mirror.transaction(durable=False) as tx:
                set_aside_without_counterpart(tx, *reasons)

    # ── decide ────────────────────────────────────────────────────────────────────────────

    def _decide(self, reading: ReadRequest, order: CycleRequest, s2e: Seen, cmms: Seen) -> Plan:
        """The plan, from the mirror. Orders about to be written are first looked at afresh,
        since their last observation may be as old as the last sweep."""
        plan = self._plan(reading, order, cmms)
        stale = [decision for decision in plan.sendable() if not self._is_fresh(decision)]
        if not stale or s2e.error is not None:
            return plan
        # The pages that show them show others again, too.
        record_what_passes(self.mirror, plan.decisions, reading.cycle_id, self.policy.cmms_mapping)
        self._s2e_poll().refresh(reading, s2e, [decision.s2e_id for decision in stale])
        return self._plan(reading, order, cmms)

    def _is_fresh(self, decision: Decision) -> bool:
        seen_at = decision.case.s2e_seen_at
        return seen_at is not None and self.utcnow() - seen_at <= self.fresh

    def _plan(self, reading: ReadRequest, order: CycleRequest, cmms: Seen) -> Plan:
        return plan_from_mirror(
            self.mirror,
            self.policy,
            self.utcnow(),
            only=reading.only,
            decider=order.decide,
            unsought=self._unsought(cmms),
        )

    def _unsought(self, cmms: Seen) -> Collection[str]:
        """Orders whose records could not be looked for, so that a create in doubt stays so."""
        if cmms.error is None:
            return cmms.unsought
        with self.mirror.read() as tx:
            return {each.s2e_id for each in open_intents(tx) if each.kind is IntentKind.CREATE}

    # ── write ─────────────────────────────────────────────────────────────────────────────

    def _apply(self, reading: ReadRequest, plan: Plan, s2e: Seen, cmms: Seen) -> SendResult:
        """Keep what was found out, then send what may be sent."""
        record_plan(self.mirror, plan, reading.cycle_id, self.policy.cmms_mapping)
        sender = Apply(
            client=self.client,
            adapter=self.adapter,
            intents=Intents(
                self.mirror,
                self.lease,
                reading.cycle_id,
                self.utcnow,
                self.policy,
            ),
            stopping=reading.stopping,
            closed=self._closed(s2e, cmms),
        )
        ready = [
            decision
            for decision in plan.sendable()
            if self._is_fresh(decision) and _record_of(decision) not in cmms.owed
        ]
        sent = sender.run(plan.only(ready))
        self._watch_pushes(sent)
        self._s2e_poll().nominate(reading, sent.not_found)
        ready_ids = {decision.s2e_id for decision in ready}
        held_back = {d.s2e_id for d in plan.decisions if d.writes and d.s2e_id not in ready_ids}
        sent.unsent += len(held_back - plan.guarded())
        with self.mirror.transaction() as tx:
            done = {each.s2e_id for each in plan.decisions if not each.read_again}
            attention.clear_attention(tx, sorted(done - held_back - sent.touched - plan.guarded()))
            attention.mark_attention(tx, sorted(sent.touched))
        return sent

    def _closed(self, s2e: Seen, cmms: Seen) -> frozenset[Side]:
        """The sides that are not written in this cycle.

        A side that could not be read is not written; and without a look at the CMMS its values
        may be out of date, so nothing is carried over from it either.
        """
        with self.mirror.read() as tx:
            paused = bool(state.get_state(tx, state.PAUSED))
        if paused or cmms.error is not None:
            return frozenset(Side)
        waits = self.pushes.error is not None and self.monotonic() < self.pushes.retry_at
        if waits or s2e.error is not None:
            return frozenset({Side.S2E})
        return frozenset()

    def _watch_pushes(self, sent: SendResult) -> None:
        """Writing upstream can be down while reading works: wrong pair, integration inactive."""
        error = sent.stopped.get(Side.S2E)
        if error is not None:
            self.pushes.met(error, self.monotonic())
        elif sent.pushed_s2e:
            self.pushes.over(self.monotonic())

    # ── report ────────────────────────────────────────────────────────────────────────────

    def _close(
        self,
        reading: ReadRequest,
        s2e: Seen,
        cmms: Seen,
        plan: Plan,
        sent: SendResult,
        *,
        seconds: float,
        requests: int,
        dry: bool,
    ) -> CycleReport:
        errors = [seen.error for seen in (s2e, cmms) if seen.error is not None]
        failed = bool(errors)
        errors += list(sent.stopped.values())
        unread = s2e.unread or bool(s2e.failed or cmms.failed)
        partial = bool(sent.unsent or sent.in_doubt or unread or reading.stopping())
        result = "failed" if failed else "partial" if partial or errors else "complete"
        with self.mirror.transaction() as tx:
            if not dry and self._first_sync_is_over(s2e, plan):
                state.set_state(tx, state.FIRST_SYNC_OVER, True)
            left_out = self._count_left_out(
                tx, changed=bool(s2e.changed or cmms.changed or plan.decisions)
            )
            done = CycleReport(
                cycle_id=reading.cycle_id,
                started=reading.started,
                result=result,
                seconds=seconds,
                s2e=s2e,
                cmms=cmms,
                sent=sent,
                plan=plan,
                waiting=waiting_counts(tx),
                out_of_scope=left_out,
                s2e_requests=requests,
                cmms_requests=cmms.requests + sent.cmms_requests,
                errors=tuple(errors),
            )
            state.end_cycle(tx, reading.cycle_id, result, done.document(self.mirror.connection))
        done.log()
        return done

    def _count_left_out(self, tx: Tx, *, changed: bool) -> int:
        """Orders out of scope. They may be a hundred thousand, and stay those they were while
        nothing is read that was not known and nothing is decided."""
        if changed or self.left_out is None:
            self.left_out = sum(out_of_scope_reasons(tx).values())
        return self.left_out

    def _first_sync_is_over(self, s2e: Seen, plan: Plan) -> bool:
        """A complete sweep has ended and no more was to be created than the limit allows."""
        latched = any(latch.guard is Guard.FIRST_SYNC for latch in plan.latches)
        return self.policy.mode is Mode.CREATE and s2e.sweep == "complete" and not latched


def _record_of(decision: Decision) -> str | None:
    link = decision.link or decision.case.link
    return None if link is None else link.cmms_id


def _log_taken(taken: Taken) -> None:
    words = {"s2e_id": taken.answer.s2e_id, "cmms_id": taken.answer.cmms_id}
    if taken.refused is None:
        structlog.get_logger().info("link.answered", rule=taken.answer.wish, **words)
    else:
        structlog.get_logger().warning(
            "link.refused", rule=taken.answer.wish, reason=taken.refused, **words
        )
