"""Bugs of the planner: of what is decided about one order."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core import equality
from syncd.core.case import Candidate, Case, Intent, IntentState
from syncd.core.decision import BaseMove, Change, Decision, StillHeld, Verdict
from syncd.core.equality import same
from syncd.core.planning import (
    created,
    guards,
    identity,
    merge,
    needs,
    plan,
    proof,
    readback,
    s2e_times,
    side_effects,
    unlinked,
)
from syncd.core.planning.difference import Outcomes
from syncd.core.planning.pair import Bases, Pair
from syncd.core.planning.readback import Evidence, ReadBack
from syncd.core.policy import Mode, Policy, Scope
from syncd.core.work_order import CmmsRecord, Field, Fields, S2eOrder, Side, Value
from syncd.mirror.db.database import Tx
from syncd.mirror.decided import links
from tests.simulation.planted.bug import Original, bug

_NO_TIME = timedelta(0)
_SOON = timedelta(seconds=120)

# ── reading back ──────────────────────────────────────────────────────────────────────────────


@bug("takes a write that was ignored for agreed", seed=6).instead_of(readback.judge_write)
def _confirm_ignored(
    original: Original[Verdict | None],
    intent: Intent,
    name: Field,
    evidence: Evidence,
    case: Case,
    policy: Policy,
) -> Verdict | None:
    verdict = original(intent, name, evidence, case, policy)
    if verdict is None or verdict.state is not IntentState.IGNORED:
        return verdict
    return replace(verdict, state=IntentState.CONFIRMED)


@bug("takes a write in doubt for applied").instead_of(readback.judge_write)
def _confirm_not_applied(
    original: Original[Verdict | None],
    intent: Intent,
    name: Field,
    evidence: Evidence,
    case: Case,
    policy: Policy,
) -> Verdict | None:
    verdict = original(intent, name, evidence, case, policy)
    if verdict is None or verdict.state is not IntentState.NOT_APPLIED:
        return verdict
    if not same(verdict.seen, intent.writes[name].before):
        return verdict
    return replace(verdict, state=IntentState.CONFIRMED)


@bug("takes what it reads soon after its own write for an echo").instead_of(readback.judge_write)
def _confirm_what_is_read_soon(
    original: Original[Verdict | None],
    intent: Intent,
    name: Field,
    evidence: Evidence,
    case: Case,
    policy: Policy,
) -> Verdict | None:
    holder, seen_at = evidence.holder, evidence.seen_at
    if holder is None or seen_at is None or name not in holder.fields:
        return original(intent, name, evidence, case, policy)
    after = seen_at - (intent.answered_at or intent.started_at)
    if evidence.is_answer or _NO_TIME <= after < _SOON:
        return Verdict(intent, name, IntentState.CONFIRMED, holder.fields[name])
    return original(intent, name, evidence, case, policy)


@bug("judges a write by a read that may lag", seed=20).instead_of(readback.judge_write)
def _judge_at_once(
    original: Original[Verdict | None],
    intent: Intent,
    name: Field,
    evidence: Evidence,
    case: Case,
    policy: Policy,
) -> Verdict | None:
    without_lag = replace(policy, s2e_read_lag=_NO_TIME, cmms_read_lag=_NO_TIME)
    return original(intent, name, evidence, case, without_lag)


@bug("takes an edit in a read that may lag for a newer one", seed=983).instead_of(
    s2e_times.is_certainly_later
)
def _always_later(
    original: Original[bool],
    intent: Intent,
    holder: S2eOrder | CmmsRecord | None,
    case: Case,
    policy: Policy,
) -> bool:
    return True


@bug("takes a newer edit that it reads back for what it sent", seed=2).instead_of(readback._moves)
def _agree_on_newer_edit(
    original: Original[list[BaseMove]], verdict: Verdict, case: Case
) -> list[BaseMove]:
    before = verdict.intent.writes[verdict.field].before
    if verdict.state is IntentState.SUPERSEDED and not same(verdict.seen, before):
        verdict = replace(verdict, state=IntentState.CONFIRMED)
    return original(verdict, case)


@bug("does not see that a value was put back after its write", seed=4622).instead_of(
    s2e_times.was_edited_since
)
def _never_edited(original: Original[bool], intent: Intent, holder: S2eOrder | CmmsRecord) -> bool:
    return False


@bug("forgets a write whose answer was lost", small_scope=True).instead_of(readback._open_updates)
def _answered_updates(
    original: Original[Iterable[tuple[Intent, Field]]], case: Case
) -> Iterable[tuple[Intent, Field]]:
    return [
        (intent, name) for intent, name in original(case) if intent.state is IntentState.ANSWERED
    ]


@bug("takes a read that lags behind its write for somebody's edit", seed=15).instead_of(
    proof.shows_the_past
)
def _never_the_past(
    original: Original[bool], case: Case, policy: Policy, name: Field, side: Side, seen: Value
) -> bool:
    return False


# ── the merge ─────────────────────────────────────────────────────────────────────────────────


@bug("plans a field again whose write is not confirmed yet", seed=4).instead_of(merge.decide_field)
def _decide_waiting_field(original: Original[Outcomes], pair: Pair) -> Outcomes:
    return original(replace(pair, waits=False))


@bug("compares the two sides with each other, not each with its past", seed=1).instead_of(
    merge.decide_field
)
def _compare_cmms_with_s2e(original: Original[Outcomes], pair: Pair) -> Outcomes:
    if pair.bases is None:
        return original(pair)
    return original(replace(pair, bases=Bases(s2e=pair.bases.s2e, cmms=pair.s2e)))


@bug("plans from both sides' last values, whatever they were before", small_scope=True).instead_of(
    merge.decide_field
)
def _never_changed_upstream(original: Original[Outcomes], pair: Pair) -> Outcomes:
    if pair.bases is None:
        return original(pair)
    return original(replace(pair, bases=Bases(s2e=pair.s2e, cmms=pair.bases.cmms)))


@bug("carries what a moved meaning has changed", test="tests/core/test_merge_rules.py").instead_of(
    merge.decide_field
)
def _decide_moved_field(original: Original[Outcomes], pair: Pair) -> Outcomes:
    policy = replace(pair.policy, cmms_moved=frozenset())
    return original(replace(pair, policy=policy))


@bug("rewrites what the CMMS cannot hold as fine", test="tests/core/test_equality.py").instead_of(
    equality._is_coarser
)
def _never_coarser(
    original: Original[bool], name: Field, fine: Value, coarse: Value, policy: Policy
) -> bool:
    return False


# ── guards ────────────────────────────────────────────────────────────────────────────────────


@bug(
    "lets a sudden change of one field through", test="tests/simulation/test_sudden.py"
).instead_of(guards.sudden_fields)
def _never_sudden(
    original: Original[dict[tuple[Side, Field], set[str]]],
    decisions: Iterable[Decision],
    policy: Policy,
) -> dict[tuple[Side, Field], set[str]]:
    return {}


@bug("takes a busy hour for a sudden change", test="tests/simulation/test_sudden.py").instead_of(
    guards.sudden_fields
)
def _sudden_from_the_first(
    original: Original[dict[tuple[Side, Field], set[str]]],
    decisions: Iterable[Decision],
    policy: Policy,
) -> dict[tuple[Side, Field], set[str]]:
    changed: dict[tuple[Side, Field], set[str]] = {}
    for decision in decisions:
        for change in decision.changes:
            changed.setdefault((change.side, change.field), set()).add(decision.s2e_id)
    return changed


# ── orders without a record ───────────────────────────────────────────────────────────────────


@bug("links the first of two records with one id", seed=9).instead_of(identity.claims_of)
def _first_claim(original: Original[tuple[Candidate, ...]], case: Case) -> tuple[Candidate, ...]:
    return original(case)[:1]


@bug("creates records of orders that take no part", seed=2).instead_of(unlinked._create)
def _create_in_any_status(
    original: Original[Decision], case: Case, order: S2eOrder, policy: Policy, now: datetime
) -> Decision:
    return original(case, order, replace(policy, create=Scope.ALL), now)


_creates_when_adopting = bug("creates although it was told to adopt")


@_creates_when_adopting.instead_of(unlinked._by_reference_or_create)
def _create_when_adopting(
    original: Original[Decision], case: Case, order: S2eOrder, policy: Policy, now: datetime
) -> Decision:
    decision = original(case, order, policy, now)
    if decision.out_of_scope != "no_record":
        return decision
    return original(case, order, replace(policy, mode=Mode.CREATE), now)


@_creates_when_adopting.instead_of(unlinked.without_counterpart)
def _leave_nobody_out(
    original: Original[tuple[str, str] | None], policy: Policy
) -> tuple[str, str] | None:
    return None


_creates_again = bug("creates a record again that somebody has deleted", seed=5)


@_creates_again.instead_of(plan._left_out)
def _create_again(
    original: Original[Decision], case: Case, policy: Policy, now: datetime, reason: str
) -> Decision:
    gone = case.link is not None and case.link.missing_cycles >= identity.MISSING_CYCLES
    if reason != plan.CMMS_MISSING or not gone or case.s2e is None:
        return original(case, policy, now, reason)
    order = replace(case.s2e, fields={**case.s2e.fields, Field.EXTERNAL_ID: None})
    forgotten = replace(case, link=None, cmms=None, claims=(), referenced=None, s2e=order)
    return unlinked.decide_unlinked(forgotten, policy, now)


@_creates_again.instead_of(links.make_link)
def _link_anew(
    original: Original[None],
    tx: Tx,
    s2e_id: str,
    cmms_id: str,
    how: str,
    *,
    carried: bool = False,
) -> None:
    links.drop_link(tx, s2e_id)
    original(tx, s2e_id, cmms_id, how, carried=carried)


@bug("creates anew before the index can show the record", seed=2).instead_of(
    unlinked.decide_unlinked
)
def _create_at_once(
    original: Original[Decision], case: Case, policy: Policy, now: datetime
) -> Decision:
    return original(case, replace(policy, cmms_index_lag=_NO_TIME), now)


@bug("takes what a new record holds for what it was created with", seed=2).instead_of(
    created.stored_as
)
def _agree_on_what_it_holds(
    original: Original[Value], name: Field, sent: Value, record: CmmsRecord, policy: Policy
) -> Value:
    return record.fields.get(name, sent)


# ── whose value it is ─────────────────────────────────────────────────────────────────────────


@bug("trusts a link whatever id the record carries", seed=0).instead_of(identity.identity_fault)
def _no_identity_fault(original: Original[object], case: Case) -> None:
    return


@bug("takes the stamps and moves of its own cut-off writes for edits", seed=0).instead_of(
    side_effects.may_have_left
)
def _nothing_is_left(
    original: Original[bool], intent: Intent, name: Field, seen: Value, fields: Fields
) -> bool:
    return False


@bug("takes what a record keeps instead for somebody's edit", seed=0).instead_of(
    readback._own_doing
)
def _take_for_an_edit(original: Original[BaseMove], verdict: Verdict) -> BaseMove:
    sent = verdict.intent.writes[verdict.field]
    return BaseMove(verdict.field, sent.source, sent.sent, verdict.state.value)


@bug("takes a step that was refused for done", seed=0).instead_of(readback.read_answer)
def _nothing_is_refused(
    original: Original[ReadBack],
    intent: Intent,
    record: CmmsRecord,
    now: datetime,
    case: Case,
    policy: Policy,
    *,
    refused: frozenset[Field] = frozenset(),
) -> ReadBack:
    sent = {name: intent.writes[name].sent for name in refused}
    done = replace(record, fields={**record.fields, **sent})
    return original(intent, done, now, case, policy)


@bug(
    "has a second edit wait for the sweep", test="tests/simulation/test_second_edits.py"
).instead_of(merge._sides_edited_again)
def _nobody_edits_again(original: Original[set[Side]], pair: Pair) -> set[Side]:
    return set()


# ── fields that need one another ──────────────────────────────────────────────────────────────


@bug("closes a record without what the CMMS wants for it").instead_of(needs.decide_status)
def _want_nothing(
    original: Original[Outcomes],
    pair: Pair,
    decided: needs.Decided,
    decide: Callable[[Pair], Outcomes],
    arrived: Collection[Field],
) -> Outcomes:
    return decided[Field.STATUS]


@bug("leaves a closing parked when what it wants has come").instead_of(needs.decide_status)
def _wait_for_a_person(
    original: Original[Outcomes],
    pair: Pair,
    decided: needs.Decided,
    decide: Callable[[Pair], Outcomes],
    arrived: Collection[Field],
) -> Outcomes:
    held = pair.holds.get(Side.CMMS)
    outcomes = original(pair, decided, decide, arrived)
    if held is None or held.reason != needs.NEEDS_FIELDS or held.until is not None:
        return outcomes
    return tuple(StillHeld(held) if isinstance(one, Change) else one for one in outcomes)


_tears_apart = bug("sends a closing apart from what it wants, after a refusal")


@_tears_apart.instead_of(needs.split)
def _status_first(
    original: Original[tuple[needs.Changes, ...]], changes: needs.Changes
) -> tuple[needs.Changes, ...]:
    return tuple((one,) for one in sorted(changes, key=lambda one: one.field is not Field.STATUS))


@_tears_apart.instead_of(needs.without_needs)
def _lacks_nothing(
    original: Original[object], changes: needs.Changes, written: Collection[Field]
) -> None:
    return
