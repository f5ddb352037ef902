"""All changes of a cycle as one value. `decide` is the way into the planner.

The plan is a pure function of what the mirror holds: observations, bases, open intents, what
a person has answered. Nothing of it is stored; the next cycle computes it anew.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.case import DROPPED, IDENTITY, Case, Hold, Link
from syncd.core.decision import Decision
from syncd.core.planning.guards import Guard, GuardCounts, Latch, judge_guards
from syncd.core.planning.identity import (
    MISSING_CYCLES,
    IdentityFault,
    counterpart,
    identity_fault,
    left_in,
)
from syncd.core.planning.merge import reconcile
from syncd.core.planning.proof import abandoned_creates, creates_in_doubt
from syncd.core.planning.readback import read_back
from syncd.core.planning.unlinked import TOMBSTONE, decide_unlinked, order_hold, outside
from syncd.core.policy import Policy
from syncd.core.work_order import Side

Decider = Callable[[Case, Policy, datetime], Decision]  # decides about one work order
CMMS_MISSING = "cmms_missing"


def decide(case: Case, policy: Policy, now: datetime) -> Decision:
    """Decide about one work order, whatever is known of it."""
    reason = outside(case, policy)
    if reason is not None:
        return _left_out(case, policy, now, reason)
    if case.link is None:
        return _first_meeting(decide_unlinked(case, policy, now), policy, now)
    left = left_in(case)
    if left is not None:
        return _follow(case, policy, left)
    if case.cmms is None or case.link.missing_cycles > 0:
        return _left_out(case, policy, now, CMMS_MISSING)
    fault = identity_fault(case)
    if fault is not None:
        return _park_identity(case, policy, fault)
    decision = reconcile(case, policy, now)
    carries = case.cmms.s2e_id == case.s2e_id and not case.link.carried
    return replace(decision, carried=carries)


def _park_identity(case: Case, policy: Policy, fault: IdentityFault) -> Decision:
    """Nothing crosses in either direction; what was written upstream is still read back."""
    back = read_back(case, policy, case.s2e)
    hold = Hold(Side.CMMS, None, IDENTITY, list(fault.copies) or fault.detail, detail=fault.detail)
    held = order_hold(case)
    stays = held is not None and held.reason in {IDENTITY, DROPPED} and held.value == hold.value
    return Decision(
        case,
        verdicts=back.verdicts,
        base_moves=back.moves,
        holds=back.holds if stays else (*back.holds, hold),
        conflicts=back.conflicts,
        waiting=back.waiting,
    )


def _follow(case: Case, policy: Policy, cmms_id: str) -> Decision:
    """Relink the order to the record in which a person has left its id. As with any answer about a
    link, the next cycle acts on it; what was written before is still read back."""
    gone = {Side.CMMS} if case.link is not None and case.link.missing_cycles else set()
    back = read_back(case, policy, case.s2e, gone=gone)
    return Decision(
        case,
        follows=cmms_id,
        verdicts=back.verdicts,
        base_moves=back.moves,
        holds=back.holds,
        conflicts=back.conflicts,
        waiting=back.waiting,
    )


def _left_out(case: Case, policy: Policy, now: datetime, reason: str) -> Decision:
    """Nothing is planned for it, or tried again; what was written before is still read back."""
    gone = {Side.S2E} if reason == TOMBSTONE else set()
    if case.link is not None and case.link.missing_cycles >= MISSING_CYCLES:
        gone.add(Side.CMMS)
    back = read_back(case, policy, case.s2e, gone=gone)
    verdicts = (*back.verdicts, *abandoned_creates(case, policy, now))
    open_creates = {name for intent in creates_in_doubt(case) for name in intent.writes}
    return Decision(
        case,
        out_of_scope=reason,
        verdicts=verdicts,
        base_moves=back.moves,
        holds=back.holds,
        lifted=tuple((hold.side, hold.field) for hold in case.holds if hold.until is not None),
        conflicts=back.conflicts,
        waiting=back.waiting | (open_creates - {verdict.field for verdict in verdicts}),
    )


def _first_meeting(met: Decision, policy: Policy, now: datetime) -> Decision:
    """Where a link was found, reconcile the pair at once, as it will be when the link is kept."""
    case, link = met.case, met.link
    record = counterpart(case)
    if link is None or record is None:
        return met
    paired = replace(
        case,
        link=Link(case.s2e_id, link.cmms_id),
        cmms=record.record,
        cmms_seen_at=record.seen_at,
        base_s2e={move.field: move.s2e for move in met.base_moves},
        base_cmms={move.field: move.cmms for move in met.base_moves},
        intents=(),
        holds=(),
    )
    merged = reconcile(paired, policy, now)
    return replace(
        merged,
        case=case,
        link=link,
        verdicts=met.verdicts,
        base_moves=met.base_moves + merged.base_moves,
        holds=met.holds + merged.holds,
        conflicts=met.conflicts + merged.conflicts,
        lifted=tuple(
            one for one in met.lifted if one not in {(h.side, h.field) for h in merged.holds}
        ),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cycle would do.

    Attributes:
        decisions: one for each work order that was decided about.
        latches: guards that refuse part of it, old and new.
        spent: released guards that are no longer needed, since the plan is within limits again.
            A released first sync is released for good.
    """

    decisions: tuple[Decision, ...]
    latches: tuple[Latch, ...] = ()
    spent: tuple[tuple[Guard, Side | None], ...] = ()

    def creates(self) -> tuple[Decision, ...]:
        """The creations that no guard refuses."""
        if self.refuses_creates():
            return ()
        return tuple(decision for decision in self.decisions if decision.create is not None)

    def updates(self, side: Side) -> tuple[Decision, ...]:
        """The decisions that change this side and that no guard refuses."""
        if self.refuses_changes(side):
            return ()
        return tuple(decision for decision in self.decisions if decision.changes_on(side))

    def sendable(self) -> tuple[Decision, ...]:
        """All decisions of which something may be sent, each once."""
        may = [*self.creates(), *self.updates(Side.CMMS), *self.updates(Side.S2E)]
        return tuple({decision.s2e_id: decision for decision in may}.values())

    def guarded(self) -> frozenset[str]:
        """The orders of which a guard refuses something."""
        return frozenset(
            decision.s2e_id
            for decision in self.decisions
            if (decision.create is not None and self.refuses_creates())
            or any(self.refuses_changes(change.side) for change in decision.changes)
        )

    def only(self, decisions: Iterable[Decision]) -> "Plan":
        """The same plan, for these decisions alone."""
        return replace(self, decisions=tuple(decisions))

    def refuses_creates(self) -> bool:
        return any(latch.guard is Guard.FIRST_SYNC or latch.side is None for latch in self.latches)

    def refuses_changes(self, side: Side) -> bool:
        return any(
            latch.guard is not Guard.FIRST_SYNC and latch.side in {side, None}
            for latch in self.latches
        )


def guard_plan(decisions: Sequence[Decision], policy: Policy, counts: GuardCounts) -> Plan:
    """The plan of these decisions, with the guards' answers."""
    latches, spent = judge_guards(decisions, policy, counts)
    return Plan(tuple(decisions), latches, spent)
