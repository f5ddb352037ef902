"""Decide, field by field, what is to be written to each side of a linked work order.

A three-way merge. Each side is compared with its own past (the base), never with the other
side's spelling of the same value, so a CMMS that rounds hours or cuts titles does not look
changed. Timestamps take no part in the decision.

    Scan2Evolve   CMMS        outcome                                          rule
    ───────────   ─────────   ──────────────────────────────────────────────   ────────────
    same          same        nothing
    changed       same        write to the CMMS, if it may be written there    s2e_changed
    same          changed     write to Scan2Evolve, if it may be written       cmms_changed
    changed       changed     equal: the bases move, nothing is written; but   both_equal
                              it waits while one of them cannot be read
                              different: the owner wins, or a person decides   conflict_…

A time at which the CMMS has met a write of ours is none of these: it fills a blank upstream, and
wins over no value there (`is_own_stamp`).

A change that may not be written where it would have to go is drift. A field without a base is
met for the first time (`first_meeting`). A status waits for the fields that the CMMS wants with
it (`needs`). A field whose last write has not been read back yet
waits: it is not planned again, and an observation of the value from before is no revert.

`decide_field` is the table. `reconcile` calls it for each field and adds up the outcomes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.backoff import back_off
from syncd.core.case import ARRIVED_STATES, Case, Conflict, Hold, IntentState
from syncd.core.decision import (
    BaseMove,
    Change,
    Decision,
    Drift,
    Outcome,
    StillHeld,
    Verdict,
    Wait,
)
from syncd.core.equality import same
from syncd.core.meaning import MEANING_CHANGED
from syncd.core.planning.difference import (
    Outcomes,
    decide_conflict,
    decide_external_id,
    decide_write,
    park_moved,
    park_unreadable,
)
from syncd.core.planning.first_meeting import decide_first_meeting
from syncd.core.planning.needs import decide_status
from syncd.core.planning.pair import UNREAD, Bases, Pair
from syncd.core.planning.proof import shows_the_past
from syncd.core.planning.readback import ReadBack, read_back
from syncd.core.planning.side_effects import is_own_stamp
from syncd.core.policy import Policy
from syncd.core.values import encode_value
from syncd.core.work_order import WRITABLE_ON_S2E, Field, Fields, S2eOrder, Side, Unreadable, Value

IGNORED_TRIES = 3  # writes that a side accepted and did not keep, before the field is parked
Holds = Mapping[tuple[Side, Field | None], Hold]


def reconcile(case: Case, policy: Policy, now: datetime) -> Decision:
    """Decide about a linked order of which both sides have been observed."""
    if case.s2e is None or case.cmms is None or case.link is None:
        raise ValueError(f"{case.s2e_id} is not an observed pair")
    order = _with_omitted(case.s2e, case.base_s2e)
    back = read_back(case, policy, order)
    held = {(hold.side, hold.field): hold for hold in case.holds}
    held |= {(hold.side, hold.field): hold for hold in back.holds}
    outcomes: list[Outcome] = [*back.conflicts]
    for verdict in back.verdicts:
        if verdict.state in {IntentState.IGNORED, IntentState.NOT_APPLIED}:
            retry = _retry(verdict, held, now)
            held[retry.side, retry.field] = retry
            outcomes.append(retry)
    pairs = {pair.name: pair for pair in _pairs(case, policy, now, order, back, held)}
    decided = {name: decide_field(pair) for name, pair in pairs.items()}
    if policy.cmms_needs and Field.STATUS in pairs:
        upstream = _arrived_upstream(back)
        decided[Field.STATUS] = decide_status(pairs[Field.STATUS], decided, decide_field, upstream)
    for one in decided.values():
        outcomes += one
    return _decision(case, order, back, outcomes)


def decide_field(pair: Pair) -> Outcomes:
    """The outcomes of one field; none: both sides still hold what they agreed on."""
    name, bases = pair.name, pair.bases
    if pair.waits:
        behind = _sides_edited_again(pair)
        return (Wait(name, read_again=bool(behind), edited_again=Side.S2E in behind),)
    if any(shows_the_past(pair.case, pair.policy, name, side, pair.held_by(side)) for side in Side):
        return (Wait(name, read_again=True),)
    if isinstance(pair.s2e, Unreadable) or isinstance(pair.cmms, Unreadable):
        return park_unreadable(pair)
    if name in pair.policy.cmms_moved and not pair.sides_agree():
        return park_moved(pair)
    if bases is None:
        return _stamp_gives_way(pair) or decide_first_meeting(pair)
    if bases.cmms == UNREAD:
        # What the record holds is no edit. An edit upstream is one, and goes on its way.
        met = replace(pair, bases=replace(bases, cmms=pair.cmms))
        return decide_field(met) or (pair.agree("remapped"),)
    s2e_changed, cmms_changed = not same(pair.s2e, bases.s2e), not same(pair.cmms, bases.cmms)
    if not s2e_changed and not cmms_changed:
        return ()
    if pair.sides_agree():
        # A side that cannot be read may have been edited since; then they have never agreed.
        return (Wait(name, read_again=True) if pair.case.unread else pair.agree("both_equal"),)
    if name is Field.EXTERNAL_ID and pair.s2e is not None and pair.cmms is not None:
        return decide_external_id(pair)
    if s2e_changed and cmms_changed:
        return _stamp_gives_way(pair) or decide_conflict(pair, "conflict")
    if s2e_changed:
        return decide_write(pair, Side.CMMS, "s2e_changed")
    if pair.s2e is not None and is_own_stamp(pair.case, name, pair.cmms):
        stamp = Conflict(name, pair.s2e, pair.cmms, Side.S2E)
        return (stamp, BaseMove(name, bases.s2e, pair.cmms, "side_effect"))
    if _may_take_back(pair):
        return decide_write(pair, Side.CMMS, "drift_overwritten")
    return decide_write(pair, Side.S2E, "cmms_changed")


def _stamp_gives_way(pair: Pair) -> Outcomes:
    """A value upstream wins over the time at which the CMMS has met our own write; empty where
    there is no such stamp, or nothing upstream that it could replace."""
    if pair.s2e is None or pair.sides_agree():
        return ()
    if not is_own_stamp(pair.case, pair.name, pair.cmms):
        return ()
    stamp = Conflict(pair.name, pair.s2e, pair.cmms, Side.S2E)
    return (stamp, *decide_write(pair, Side.CMMS, "conflict_s2e"))


def _may_take_back(pair: Pair) -> bool:
    """Whether a CMMS edit to what Scan2Evolve owns is to be, and can be, taken back."""
    if pair.name in WRITABLE_ON_S2E or not pair.policy.overwrite_drift:
        return False
    can_be_sent = pair.s2e is not None or pair.may_clear(Side.CMMS)
    return can_be_sent and pair.may_write(Side.CMMS)


# ── what goes in ──────────────────────────────────────────────────────────────────────────


def _with_omitted(order: S2eOrder, base: Fields) -> S2eOrder:
    """The order with the fields that Scan2Evolve leaves out while they are empty.

    The API does not promise a key for an empty field. A key that is missing where a value was
    stays absent, and does not count as cleared: waiting loses nothing, blanking loses a value.
    """
    omitted: dict[Field, Value] = {
        name: None
        for name in WRITABLE_ON_S2E
        if name is not Field.STATUS and name not in order.fields and base.get(name) is None
    }
    return replace(order, fields={**order.fields, **omitted}) if omitted else order


def _pairs(
    case: Case, policy: Policy, now: datetime, order: S2eOrder, back: ReadBack, held: Holds
) -> Iterator[Pair]:
    """Each field that both sides show, with the bases as they are after reading back."""
    record = case.cmms
    if record is None:
        return
    base_s2e, base_cmms = dict(case.base_s2e), dict(case.base_cmms)
    for move in back.moves:
        base_s2e[move.field], base_cmms[move.field] = move.s2e, move.cmms
    for name in Field:
        if name not in order.fields or name not in record.fields:
            continue
        met = name in base_s2e and name in base_cmms
        yield Pair(
            case=case,
            policy=policy,
            now=now,
            name=name,
            s2e=order.fields[name],
            cmms=record.fields[name],
            record=record,
            bases=Bases(base_s2e[name], base_cmms[name]) if met else None,
            holds={side: held[side, name] for side in Side if (side, name) in held},
            waits=name in back.waiting,
            in_doubt=back.in_doubt,
        )


def _retry(verdict: Verdict, held: Holds, now: datetime) -> Hold:
    """A write that was ignored or not applied is tried again, later each time."""
    side, name = verdict.intent.side, verdict.field
    value = encode_value(verdict.intent.writes[name].sent)
    before = held.get((side, name))
    if before is not None and before.value != value:
        before = None
    ignored = verdict.state is IntentState.IGNORED
    if before is not None and before.reason == IntentState.IGNORED and not ignored:
        # A write that was not applied was not ignored; the count of ignored tries stays.
        later = now + back_off(before.tries)
        return Hold(side, name, before.reason, before.value, before.tries, later)
    again = before is not None and before.reason == verdict.state
    tries = 1 + (before.tries if before is not None and again else 0)
    until: datetime | None = now + back_off(tries)
    if ignored and tries >= IGNORED_TRIES:
        until = None
    if verdict.state is IntentState.NOT_APPLIED and tries == 1:
        until = now
    return Hold(side, name, verdict.state.value, value, tries, until)


# ── what comes out ────────────────────────────────────────────────────────────────────────


def _decision(case: Case, order: S2eOrder, back: ReadBack, outcomes: Sequence[Outcome]) -> Decision:
    """All outcomes as one decision, with what they end: holds, conflicts, drift."""
    changes = tuple(one for one in outcomes if isinstance(one, Change))
    holds = (*back.holds, *(one for one in outcomes if isinstance(one, Hold)))
    conflicts = tuple(one for one in outcomes if isinstance(one, Conflict))
    drifts = tuple(one for one in outcomes if isinstance(one, Drift))
    moves = tuple(one for one in outcomes if isinstance(one, BaseMove))
    waits = [one for one in outcomes if isinstance(one, Wait)]
    waiting = back.waiting | {wait.field for wait in waits}

    still_held = {(one.hold.side, one.hold.field) for one in outcomes if isinstance(one, StillHeld)}
    still_held |= {(hold.side, hold.field) for hold in holds}
    drifting = {(drift.side, drift.field) for drift in drifts}
    # A conflict is over when it no longer arises, not when its winner is known: the winner's
    # write may have to wait, and an answer is needed until it has arrived.
    unresolved = waiting | _unreadable(case, order)
    unresolved |= {one.field for one in conflicts} | {change.field for change in changes}
    unresolved |= _moved(outcomes)
    asked = {conflict.field for conflict in case.conflicts} | set(case.answers)
    return Decision(
        case=case,
        changes=changes,
        verdicts=back.verdicts,
        base_moves=back.moves + moves,
        holds=holds,
        lifted=tuple(
            (hold.side, hold.field)
            for hold in case.holds
            if (hold.side, hold.field) not in still_held and hold.field not in waiting
        ),
        conflicts=conflicts,
        resolved=tuple(sorted(asked - unresolved)),
        drifts=drifts,
        drift_over=tuple(
            (side, name)
            for side in Side
            for name in order.fields
            if (side, name) not in drifting and name not in waiting
        ),
        waiting=waiting,
        read_again=any(wait.read_again for wait in waits),
        edited_again=any(wait.edited_again for wait in waits),
    )


def _sides_edited_again(pair: Pair) -> set[Side]:
    """The sides with a write of this field whose source holds something else by now."""
    return {
        intent.side
        for intent in pair.case.intents
        if pair.name in intent.writes
        and not same(pair.held_by(intent.side.other), intent.writes[pair.name].source)
    }


def _arrived_upstream(back: ReadBack) -> set[Field]:
    """The fields of which a write to Scan2Evolve was seen to have arrived."""
    return {
        one.field
        for one in back.verdicts
        if one.intent.side is Side.S2E and one.state in ARRIVED_STATES
    }


def _moved(outcomes: Sequence[Outcome]) -> set[Field]:
    """Fields whose differences wait because words of the CMMS mean something else now."""
    holds = [one.hold if isinstance(one, StillHeld) else one for one in outcomes]
    return {
        one.field
        for one in holds
        if isinstance(one, Hold) and one.reason == MEANING_CHANGED and one.field is not None
    }


def _unreadable(case: Case, order: S2eOrder) -> frozenset[Field]:
    """Fields that both sides show, and of which one value cannot be read."""
    record = case.cmms.fields if case.cmms is not None else {}
    return frozenset(
        name
        for name, value in order.fields.items()
        if name in record
        and (isinstance(value, Unreadable) or isinstance(record[name], Unreadable))
    )
