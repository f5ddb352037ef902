"""All changes of a cycle as one value, and the guards that refuse to send it.

The plan is a pure function of what the mirror holds: observations, bases, open intents, what
a person has answered. Nothing of it is stored; the next cycle computes it anew.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from syncd.core.case import Case, IntentKind, Link
from syncd.core.decision import Change, Decision
from syncd.core.planning.identity import counterpart
from syncd.core.planning.merge import reconcile
from syncd.core.planning.readback import abandoned_creates, read_back
from syncd.core.planning.unlinked import TOMBSTONE, decide_unlinked, outside
from syncd.core.policy import Policy
from syncd.core.work_order import CMMS_OWNED, Field, Side, Status, Value, encode_value

CMMS_MISSING = "cmms_missing"
MISSING_CYCLES = 2  # in which get by id found no record, before it counts as gone
_DANGEROUS_PERCENT, _DANGEROUS_MIN = 10, 20  # of the linked records within an hour; fixed
_NOT_FOUND_PERCENT, _NOT_FOUND_MIN = 10, 5  # of the live orders in one cycle; fixed


class Guard(StrEnum):
    FIRST_SYNC = "first_sync"  # more creations than SYNCD_FIRST_SYNC_MAX before a release
    MASS_CHANGE = "mass_change"  # too much of one side would change at once
    DANGEROUS = "dangerous_change"  # many cancelled, blanked or set to one value in an hour
    NOT_FOUND = "not_found"  # so many 404 that the credentials must be wrong


@dataclass(frozen=True, slots=True)
class Latch:
    """A guard that refuses part of a plan until a person releases it.

    Attributes:
        side: the side that is not written; None: neither.
        count, limit: what the plan would do, and what is allowed.
        detail: for the operator, one sentence.
    """

    guard: Guard
    side: Side | None
    count: int
    limit: int
    detail: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts from the mirror that the guards need.

    Attributes:
        linked: linked work orders.
        first_sync_open: creations are still counted.
        created: creations of all cycles while they are counted.
        latched: guards that wait for a person.
        allowed: per guard and side the count a person has released.
        recent: writes of the last hour, by side: (s2e_id, field, value sent), without our own
            bookkeeping.
    """

    linked: int = 0
    first_sync_open: bool = True
    created: int = 0
    latched: frozenset[tuple[Guard, Side | None]] = frozenset()
    allowed: Mapping[tuple[Guard, Side | None], int] = field(default_factory=dict)
    recent: Mapping[Side, Sequence[tuple[str, Field, Value]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cycle would do.

    Attributes:
        decisions: one per work order that was looked at.
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


def decide(case: Case, policy: Policy, now: datetime) -> Decision:
    """Decide about one work order, whatever is known of it."""
    reason = outside(case, policy)
    if reason is not None:
        return _left_out(case, policy, now, reason)
    if case.link is None:
        return _first_meeting(decide_unlinked(case, policy, now), policy, now)
    if case.cmms is None or case.link.missing_cycles > 0:
        return _left_out(case, policy, now, CMMS_MISSING)
    return reconcile(case, policy, now)


def _left_out(case: Case, policy: Policy, now: datetime, reason: str) -> Decision:
    """Nothing is planned for it; what was written before is still read back."""
    gone = {Side.S2E} if reason == TOMBSTONE else set()
    if case.link is not None and case.link.missing_cycles >= MISSING_CYCLES:
        gone.add(Side.CMMS)
    back = read_back(case, policy, case.s2e, gone=gone)
    verdicts = (*back.verdicts, *abandoned_creates(case, policy, now))
    open_creates = {name for i in case.intents if i.kind is IntentKind.CREATE for name in i.writes}
    return Decision(
        case,
        out_of_scope=reason,
        verdicts=verdicts,
        base_moves=back.moves,
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
        conflicts=met.conflicts + merged.conflicts,
        lifted=met.lifted,
    )


def guard_plan(decisions: Sequence[Decision], policy: Policy, facts: Facts) -> Plan:
    """The plan of these decisions, with the guards' answers."""
    latches: list[Latch] = []
    spent: list[tuple[Guard, Side | None]] = []
    found = [_first_sync(decisions, policy, facts)]
    for side in Side:
        found += [_mass_change(decisions, side, policy, facts), _dangerous(decisions, side, facts)]
    for latch in found:
        key = (latch.guard, latch.side)
        allowed = facts.allowed.get(key)
        if latch.count > latch.limit:
            if allowed is None or latch.count > allowed:
                latches.append(latch)
        else:
            if allowed is not None and latch.guard is not Guard.FIRST_SYNC:
                spent.append(key)
            if key in facts.latched:
                latches.append(latch)
    latches += [
        Latch(guard, side, 0, 0, "a person has to release it")
        for guard, side in sorted(facts.latched)
        if guard is Guard.NOT_FOUND
    ]
    return Plan(tuple(decisions), tuple(latches), tuple(spent))


def _first_sync(decisions: Sequence[Decision], policy: Policy, facts: Facts) -> Latch:
    planned = sum(decision.create is not None for decision in decisions)
    total = facts.created + planned
    limit = policy.first_sync_max
    if not facts.first_sync_open or not planned:
        total = 0
    return Latch(
        Guard.FIRST_SYNC,
        Side.CMMS,
        total,
        limit,
        f"{total} records would be created in the CMMS; SYNCD_FIRST_SYNC_MAX is {limit}",
    )


def _counted(decision: Decision, side: Side) -> list[Change]:
    """Changes that the mass-change guards count: not our own bookkeeping."""
    return [change for change in decision.changes_on(side) if change.field not in CMMS_OWNED]


def _mass_change(decisions: Sequence[Decision], side: Side, policy: Policy, facts: Facts) -> Latch:
    count = sum(bool(_counted(decision, side)) for decision in decisions)
    limit = max(policy.guard_min, facts.linked * policy.guard_percent // 100)
    return Latch(
        Guard.MASS_CHANGE,
        side,
        count,
        limit,
        f"{count} of {facts.linked} linked work orders would change on {side}; "
        f"{limit} are allowed at once",
    )


def _dangerous(decisions: Sequence[Decision], side: Side, facts: Facts) -> Latch:
    writes: list[tuple[str, Field, Value]] = list(facts.recent.get(side, ()))
    for decision in decisions:
        writes += [(decision.s2e_id, c.field, c.value) for c in _counted(decision, side)]
    limit = max(_DANGEROUS_MIN - 1, facts.linked * _DANGEROUS_PERCENT // 100)
    worst, what = 0, "nothing"
    for label, ids in _dangerous_groups(writes):
        if len(ids) > worst:
            worst, what = len(ids), label
    if not any(_counted(decision, side) for decision in decisions):
        worst = 0
    return Latch(
        Guard.DANGEROUS,
        side,
        worst,
        limit,
        f"{worst} of {facts.linked} linked work orders on {side} within an hour: {what}; "
        f"{limit} are allowed",
    )


def _dangerous_groups(
    writes: Collection[tuple[str, Field, Value]],
) -> Iterable[tuple[str, set[str]]]:
    yield (
        "set to CANCELLED",
        {s2e_id for s2e_id, _, value in writes if value is Status.CANCELLED},
    )
    yield "blanked", {s2e_id for s2e_id, _, value in writes if value is None}
    # Few values are normal for a status or a priority; a whole hour's titles being one is not.
    of_field: dict[Field, Counter[str]] = {}
    for _, name, value in writes:
        if name not in {Field.STATUS, Field.PRIORITY}:
            of_field.setdefault(name, Counter())[str(encode_value(value))] += 1
    for name, values in of_field.items():
        if len(values) == 1:
            yield f"one {name} on all", {s2e_id for s2e_id, written, _ in writes if written is name}


def not_found_latch(not_found: int, live: int) -> Latch | None:
    """The guard against wrong credentials: a work order of another organisation is a 404, too."""
    limit = max(_NOT_FOUND_MIN, live * _NOT_FOUND_PERCENT // 100)
    if not_found <= limit:
        return None
    return Latch(
        Guard.NOT_FOUND,
        None,
        not_found,
        limit,
        f"{not_found} of {live} known work orders answered 404 in one cycle; "
        f"the credentials may belong to another organisation",
    )
