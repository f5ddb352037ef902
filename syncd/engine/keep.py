"""Keep what a plan has found out: links, bases, verdicts, holds, conflicts, drift, guards.

All of it is about the mirror; nothing is sent from here. Each fact is logged once, when it is
new.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from syncd.core.case import IntentState
from syncd.core.decision import Decision, Verdict
from syncd.core.planning.guards import Facts
from syncd.core.planning.identity import counterpart
from syncd.core.planning.plan import Plan
from syncd.core.work_order import Field, Side, encode_value, show_value
from syncd.mirror import attention, journal, links, observations, state
from syncd.mirror.conflicts import close_conflict, put_conflict
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.drift import clear_drift, drifting_fields, put_drift
from syncd.mirror.guards import guard_facts, latch_guard, spend_guard
from syncd.mirror.holds import lift_hold, put_hold
from syncd.mirror.intents import recent_writes, record_verdict

_BATCH = 100  # decisions kept in one transaction
_HOUR = timedelta(hours=1)  # the window of the guard against dangerous changes
_EVENTS = {
    IntentState.CONFIRMED: "push.confirmed",
    IntentState.ALTERED: "push.altered",
    IntentState.IGNORED: "push.ignored",
    IntentState.SUPERSEDED: "push.confirmed",
    IntentState.NOT_APPLIED: "push.ignored",
}
_LEVELS = {IntentState.CONFIRMED: "debug", IntentState.IGNORED: "warning"}


def facts(tx: Tx, now: datetime) -> Facts:
    """The counts that the guards need."""
    guards = guard_facts(tx)
    return Facts(
        linked=links.linked_count(tx),
        first_sync_open=not state.get_state(tx, state.FIRST_SYNC_OVER),
        created=links.created_count(tx),
        latched=frozenset(guards.latched),
        allowed=guards.released,
        recent={side: recent_writes(tx, side, now - _HOUR) for side in Side},
    )


def record_plan(mirror: Mirror, plan: Plan, cycle_id: str, mapping: str = "") -> None:
    """Keep all that the plan found out, apart from what is to be sent.

    mapping: the hash of the one that CMMS records are read with.
    """
    _record_all(mirror, plan.decisions, cycle_id, mapping)
    with mirror.transaction() as tx:
        _record_guards(tx, plan, cycle_id)
        state.set_state(tx, state.UNDECIDED, False)


def record_what_passes(
    mirror: Mirror, decisions: Iterable[Decision], cycle_id: str, mapping: str = ""
) -> None:
    """Keep what only this moment shows, before the sides are read again: on what two linked
    records agree, and what became of our writes.

    Differences are found again for as long as they last. An agreement is not: where one side is
    changed back afterwards, nobody who has forgotten it can tell that from no edit at all.
    """
    passing = [
        each
        for each in decisions
        if each.case.link is not None and (each.base_moves or each.verdicts)
    ]
    _record_all(mirror, passing, cycle_id, mapping)


def _record_all(mirror: Mirror, decisions: Sequence[Decision], cycle_id: str, mapping: str) -> None:
    for start in range(0, len(decisions), _BATCH):
        with mirror.transaction() as tx:
            batch = decisions[start : start + _BATCH]
            for decision in batch:
                _record(tx, decision, cycle_id, mapping)
            # An order may have come here for what is settled now. What it shows is to be sent,
            # whatever becomes of this cycle, or of the guard that refuses it.
            attention.mark_attention(tx, [each.s2e_id for each in batch if each.writes])


def _record(tx: Tx, decision: Decision, cycle_id: str, mapping: str) -> None:
    s2e_id = decision.s2e_id
    if decision.case.s2e is not None:
        observations.set_scope(tx, s2e_id, decision.out_of_scope)
    if decision.link is not None:
        links.make_link(tx, s2e_id, decision.link.cmms_id, decision.link.how)
        _say(tx, "link.adopted", decision, cycle_id, rule=decision.link.how)
    for verdict in decision.verdicts:
        _record_verdict(tx, decision, verdict, cycle_id)
    if decision.base_moves:
        beside = counterpart(decision.case)
        links.save_bases(
            tx,
            s2e_id,
            {move.field: move.s2e for move in decision.base_moves},
            {move.field: move.cmms for move in decision.base_moves},
            native=beside.record.native if beside is not None else {},
            mapping_hash=mapping,
        )
    _record_waiting(tx, decision, cycle_id)
    _record_drift(tx, decision, cycle_id)


def _record_verdict(tx: Tx, decision: Decision, verdict: Verdict, cycle_id: str) -> None:
    write = verdict.intent.writes[verdict.field]
    record_verdict(tx, verdict.intent.id, verdict.field, verdict.state)
    _say(
        tx,
        _EVENTS[verdict.state],
        decision,
        cycle_id,
        name=verdict.field,
        rule=verdict.state.value,
        side=verdict.intent.side.value,
        sent=show_value(write.sent),
        seen=show_value(verdict.seen),
        level=_LEVELS.get(verdict.state, "info"),
    )


def _record_waiting(tx: Tx, decision: Decision, cycle_id: str) -> None:
    s2e_id = decision.s2e_id
    for side, name in decision.lifted:
        lift_hold(tx, s2e_id, side, name)
    for hold in decision.holds:
        put_hold(tx, s2e_id, hold)
        if hold.until is None:
            event = "link.duplicate" if hold.reason == "duplicate_records" else "order.parked"
            _say(
                tx,
                event,
                decision,
                cycle_id,
                name=hold.field,
                rule=hold.reason,
                level="warning",
                side=hold.side.value,
                detail=hold.detail,
            )
    for conflict in decision.conflicts:
        if put_conflict(tx, s2e_id, conflict, cycle_id=cycle_id):
            winner = conflict.winner.value if conflict.winner else "a person decides"
            _say(
                tx,
                "conflict.found",
                decision,
                cycle_id,
                name=conflict.field,
                level="warning" if conflict.winner is None else "info",
                s2e=show_value(conflict.s2e),
                cmms=show_value(conflict.cmms),
                winner=winner,
            )
    for name in decision.resolved:
        if close_conflict(tx, s2e_id, name):
            _say(tx, "conflict.resolved", decision, cycle_id, name=name)


def _record_drift(tx: Tx, decision: Decision, cycle_id: str) -> None:
    if decision.drift_over:
        for side, name in drifting_fields(tx, decision.s2e_id) & set(decision.drift_over):
            clear_drift(tx, decision.s2e_id, side, name)
    for drift in decision.drifts:
        if put_drift(tx, decision.s2e_id, drift):
            _say(
                tx,
                "drift.found",
                decision,
                cycle_id,
                name=drift.field,
                rule=drift.reason,
                side=drift.side.value,
                value=show_value(drift.value),
            )


def _record_guards(tx: Tx, plan: Plan, cycle_id: str) -> None:
    for latch in plan.latches:
        if latch_guard(tx, latch):
            journal.write(
                tx,
                "guard.latched",
                cycle_id=cycle_id,
                rule=latch.guard.value,
                detail={"count": latch.count, "limit": latch.limit},
            )
            structlog.get_logger().error(
                "guard.latched",
                guard=latch.guard.value,
                side=latch.side,
                count=latch.count,
                limit=latch.limit,
                reason=latch.detail,
                remedy="look at `syncd plan`, then `syncd guard release`",
            )
    for guard, side in plan.spent:
        spend_guard(tx, guard, side)


def _say(
    tx: Tx,
    event: str,
    decision: Decision,
    cycle_id: str,
    *,
    name: Field | None = None,
    rule: str | None = None,
    level: str = "info",
    **detail: object,
) -> None:
    """Log one fact and keep it in the journal."""
    link = decision.link or decision.case.link
    cmms_id = link.cmms_id if link is not None else None
    journal.write(
        tx,
        event,
        cycle_id=cycle_id,
        s2e_id=decision.s2e_id,
        cmms_id=cmms_id,
        field=name,
        rule=rule,
        detail={key: encode_value(str(value)) for key, value in detail.items()},
    )
    words = {"field": name, "rule": rule, "cmms_id": cmms_id}
    getattr(structlog.get_logger(), level)(
        event,
        s2e_id=decision.s2e_id,
        **{key: value for key, value in words.items() if value is not None},
        **detail,
    )
