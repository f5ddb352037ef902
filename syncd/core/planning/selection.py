"""A plan as single lines, and which of them still hold when somebody wants to apply them.

A line says what would be written to one field of one side of one order. It is never sent as it
stands: the planner decides anew about the order as it is now, and of that only what a line says
is let through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.case import Case, IntentKind
from syncd.core.decision import Change, Decision
from syncd.core.equality import same
from syncd.core.planning.identity import counterpart, counterpart_seen_at
from syncd.core.values import show_value
from syncd.core.work_order import CmmsRecord, Field, Side, Value


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One field to write.

    Attributes:
        cmms_id: the record; None for one that is to be created.
        before, to: what the side holds, and what is to be written.
        source: what the other side holds: the value that `to` carries over.
    """

    s2e_id: str
    cmms_id: str | None
    side: Side
    kind: IntentKind
    field: Field
    before: Value
    to: Value
    source: Value
    rule: str


def lines_of(decision: Decision) -> list[PlanLine]:
    """What the decision would write, a line for each field."""
    link = decision.link or decision.case.link
    cmms_id = link.cmms_id if link is not None else None
    s2e_id = decision.s2e_id
    created = [
        PlanLine(s2e_id, None, Side.CMMS, IntentKind.CREATE, name, None, value, value, "create")
        for name, value in (decision.create or {}).items()
    ]
    return created + [
        PlanLine(
            s2e_id, cmms_id, c.side, IntentKind.UPDATE, c.field, c.before, c.value, c.source, c.rule
        )
        for c in decision.changes
    ]


def choose(
    decision: Decision, lines: Mapping[int, PlanLine], since: datetime
) -> tuple[Decision, dict[int, str]]:
    """The decision with only what these lines say, and why each other line is left out.

    Args:
        lines: those of this order, by their number in the file.
        since: when the reads of both sides began; an older observation does not count.
    """
    if (reason := no_part(decision, since)) is not None:
        return _only(decision, None, ()), dict.fromkeys(lines, reason)
    left: dict[int, str] = {}
    changes = []
    for number, line in lines.items():
        if line.kind is IntentKind.UPDATE:
            change, why = _change(decision, line, since)
            if change is not None:
                changes.append(change)
            else:
                left[number] = why
    creating = {number: line for number, line in lines.items() if line.kind is IntentKind.CREATE}
    reason = _no_create(decision, creating) if creating else None
    created = None
    if creating and reason is None and decision.create is not None:
        created = {line.field: decision.create[line.field] for line in creating.values()}
    elif reason is not None:
        left |= dict.fromkeys(creating, reason)
    return _only(decision, created, tuple(changes)), left


def _only(
    decision: Decision, create: Mapping[Field, Value] | None, changes: tuple[Change, ...]
) -> Decision:
    """The decision with these writes alone; the next cycle decides about the others."""
    taken_off = len(create or ()) < len(decision.create or ()) or len(changes) < len(
        decision.changes
    )
    read_again = decision.read_again or taken_off
    return replace(decision, create=create, changes=changes, read_again=read_again)


def still_holding(changes: Sequence[Change], record: CmmsRecord | None) -> tuple[Change, ...]:
    """Of changes to Scan2Evolve, those whose source the CMMS still holds.

    The next cycle decides about the others.

    Args:
        record: as the CMMS has answered an update in this cycle; None: it has not.
    """
    if record is None:
        return tuple(changes)
    now = record.fields
    return tuple(c for c in changes if same(now.get(c.field, c.source), c.source))


def no_part(decision: Decision, since: datetime) -> str | None:
    """Why nothing of this order may be written; None where something may."""
    case = decision.case
    if case.s2e_seen_at is None or case.s2e_seen_at < since:
        return "Scan2Evolve does not show the order now"
    if decision.out_of_scope is not None:
        return f"the order takes no part: {decision.out_of_scope}"
    for hold in (*decision.holds, *case.holds):
        if hold.field is None and hold.detail:
            return f"the order is parked: {hold.reason}"
    return None


def _change(decision: Decision, line: PlanLine, since: datetime) -> tuple[Change | None, str]:
    case, link = decision.case, decision.link or decision.case.link
    if link is None:
        return None, "the order is not linked"
    if link.cmms_id != line.cmms_id:
        return None, f"the order is linked to record {link.cmms_id} now"
    seen_at = counterpart_seen_at(case)
    if seen_at is None or seen_at < since:
        return None, "the CMMS does not show the record now"
    change = next(
        (c for c in decision.changes if (c.side, c.field) == (line.side, line.field)), None
    )
    if change is not None:
        if not same(change.before, line.before):
            return None, f"from is now {show_value(change.before)}"
        if not same(change.value, line.to):
            return None, f"it would become {show_value(change.value)} now"
        return change, ""
    return None, _unplanned(decision, line)


def _unplanned(decision: Decision, line: PlanLine) -> str:
    """Why the planner does not plan this line."""
    now = holding(decision.case, line.side)
    if line.field in decision.waiting or under_way(decision, line.side):
        return "a write to the order is under way"
    if line.field not in now:
        return "that side does not show this field"
    if same(now[line.field], line.to):
        return "it holds this already"
    if not same(now[line.field], line.before):
        return f"from is now {show_value(now[line.field])}"
    held = [h for h in (*decision.holds, *decision.case.holds) if h.side is line.side]
    for hold in held:
        if hold.field is line.field:
            return f"it is parked: {hold.reason}"
    if any(c.field is line.field and c.winner is None for c in decision.conflicts):
        return "it is a conflict that waits for a person"
    return "the planner no longer plans it"


def _no_create(decision: Decision, lines: Mapping[int, PlanLine]) -> str | None:
    case, planned = decision.case, decision.create
    if planned is None:
        link = decision.link or case.link
        if link is not None:
            return f"the order has record {link.cmms_id} already"
        if any(intent.kind is IntentKind.CREATE for intent in case.intents):
            return "a write to the order is under way"
        return "the planner no longer plans it"
    for line in lines.values():
        if line.field not in planned:
            return f"{line.field} is empty now"
        if not same(planned[line.field], line.to):
            return f"{line.field} would be {show_value(planned[line.field])} now"
    return None


def holding(case: Case, side: Side) -> Mapping[Field, Value]:
    """What this side was last seen to hold."""
    if side is Side.S2E:
        return {} if case.s2e is None else case.s2e.fields
    record = counterpart(case)
    return {} if record is None else record.record.fields


def under_way(decision: Decision, side: Side) -> bool:
    """Whether the outcome of some write to this side is not known yet."""
    judged = {(verdict.intent.id, verdict.field) for verdict in decision.verdicts}
    return any(
        intent.side is side
        and any(
            write.verdict is None and (intent.id, name) not in judged
            for name, write in intent.writes.items()
        )
        for intent in decision.case.intents
    )
