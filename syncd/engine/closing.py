"""How a cycle ends: its result, its report, and whether the first sync is over.

result     when
────────   ──────────────────────────────────────────────────────────────────────────
failed     a side could not be read
partial    time ran out, something is left to send or in doubt, a write that failed is
           to be tried again, or part of a side could not be read or written
complete   anything else
"""

from dataclasses import dataclass

from syncd.core.planning.guards import Guard
from syncd.core.planning.plan import Plan
from syncd.core.policy import Mode, Policy
from syncd.core.work_order import Side
from syncd.engine.request import ReadRequest
from syncd.engine.results import CmmsRead, CycleReport, S2eRead, SendResult
from syncd.errors import RemoteError
from syncd.mirror import state
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.queries import status as queries
from syncd.mirror.queries.waiting import count_failing
from syncd.mirror.side_reads import note_read


@dataclass(frozen=True, slots=True)
class CycleFacts:
    """What the stages of a cycle have returned."""

    reading: ReadRequest
    s2e: S2eRead
    cmms: CmmsRead
    plan: Plan
    sent: SendResult
    seconds: float
    s2e_requests: int
    dry: bool

    def errors(self) -> list[RemoteError]:
        """What stopped part of the cycle: first what could not be read."""
        reads = [error for error in (self.s2e.error, self.cmms.error) if error is not None]
        return reads + list(self.sent.stopped.values())

    def result(self) -> str:
        """The result by the table of the module."""
        if self.s2e.error is not None or self.cmms.error is not None:
            return "failed"
        unread = self.s2e.unread or bool(self.s2e.failed or self.cmms.failed)
        left = bool(self.sent.unsent or self.sent.in_doubt or self.sent.stopped)
        return "partial" if unread or left or self.reading.stopping() else "complete"


@dataclass(slots=True)
class Closing:
    """Closes cycles of one connection.

    Attributes:
        out_of_scope: orders out of scope, as last counted.
    """

    mirror: Mirror
    policy: Policy
    out_of_scope: int | None = None

    def close(self, cycle: CycleFacts) -> CycleReport:
        """Keep and log what the cycle did."""
        result = cycle.result()
        with self.mirror.transaction() as tx:
            if result == "complete" and not cycle.dry and count_failing(tx):
                result = "partial"
            if not cycle.dry and self._first_sync_is_over(cycle):
                state.set_state(tx, state.FIRST_SYNC_OVER, True)
            if cycle.reading.only is None:
                note_read(tx, Side.S2E, cycle.reading.started, good=cycle.s2e.is_good)
                note_read(tx, Side.CMMS, cycle.reading.started, good=cycle.cmms.is_good)
            report = CycleReport(
                cycle_id=cycle.reading.cycle_id,
                started=cycle.reading.started,
                result=result,
                seconds=cycle.seconds,
                s2e=cycle.s2e,
                cmms=cycle.cmms,
                sent=cycle.sent,
                plan=cycle.plan,
                waiting=queries.waiting_counts(tx),
                out_of_scope=self._count_out_of_scope(tx, cycle),
                s2e_requests=cycle.s2e_requests,
                cmms_requests=cycle.cmms.requests + cycle.sent.cmms_requests,
                errors=tuple(cycle.errors()),
            )
            document = report.document(self.mirror.connection)
            state.end_cycle(tx, cycle.reading.cycle_id, result, document)
        report.log()
        return report

    def _count_out_of_scope(self, tx: Tx, cycle: CycleFacts) -> int:
        """Count the orders out of scope. There may be a hundred thousand, so they are counted
        again only after something new was read or decided."""
        changed = bool(cycle.s2e.changed or cycle.cmms.changed or cycle.plan.decisions)
        if changed or self.out_of_scope is None:
            self.out_of_scope = sum(queries.out_of_scope_reasons(tx).values())
        return self.out_of_scope

    def _first_sync_is_over(self, cycle: CycleFacts) -> bool:
        """A complete sweep has ended and no more was to be created than the limit allows."""
        latched = any(latch.guard is Guard.FIRST_SYNC for latch in cycle.plan.latches)
        complete = cycle.s2e.sweep == "complete"
        return self.policy.mode is Mode.CREATE and complete and not latched
