"""What evidence says about the writes of one work order whose outcome is not known yet.

Evidence is the written side as it is after the write: a later read of it, or the write's own
answer. `judge_write` is the one judge of both.

    the evidence shows                     answered write          write in doubt
    ─────────────────────────────────────  ──────────────────────  ─────────────────────────
    what was sent, or an equivalent        confirmed               confirmed
    a normalisation of it                  altered                 altered
    anything else, read too early          not known yet           not known yet
    the value from before, read later      ignored                 not applied
    anything else, in the write's answer   not kept
    anything else, and the times say that  not kept                not kept
    nobody has edited it since
    what the write itself leaves there     not kept                not applied: it is finished
    when it is cut off (`WriteEffects`)
    anything else, read later              superseded: applied,    superseded if lastSyncedAt
                                           and edited since        moved; else not applied:
                                                                   both sides changed

A value that is not kept becomes the base, so that nobody takes it for an edit. The other side
keeps its own, which is a change that is held: the field is parked with both. What a write changes
without being asked to is judged in `side_effects.py`.

"Too early" is a read that began less than the side's read lag after the answer (for a write in
doubt: after it can no longer arrive, see `proof.py`), since read-after-write consistency is not
promised. Such a read may show the value from before the write. It may also show an edit that was
made after our last read and that our write has overwritten since. But where lastSyncedAt has
moved, any value other than the one from before is certainly a newer edit.

An answered write may seem ignored on an order that Scan2Evolve says was edited after it. Then it
may well have been applied, and somebody has put the old value back: it counts as superseded.

While a write is in doubt it may still arrive, and overwrite what somebody enters meanwhile. Such a
value goes into the log of conflicts as soon as a read shows it.

An order that is out of scope now is read back too, since each write has to get a verdict. Where the
order or record that was written is gone for good, what became of the write cannot be known and no
longer matters: it counts as not applied.

Creates in doubt are judged in `unlinked.py`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.case import (
    NOT_KEPT,
    Case,
    Conflict,
    Hold,
    Intent,
    IntentKind,
    IntentState,
    Write,
)
from syncd.core.decision import BaseMove, Verdict, with_moves
from syncd.core.equality import Match, match_sent, same
from syncd.core.planning.identity import claims_of, is_its_record
from syncd.core.planning.proof import arrives_by, shows_the_past, without_the_past
from syncd.core.planning.s2e_times import (
    is_certainly_later,
    is_last_edit,
    shows_our_sync,
    was_edited_since,
)
from syncd.core.planning.side_effects import (
    SideEffects,
    judge_answer,
    judge_cut_off,
    may_have_left,
)
from syncd.core.policy import Policy
from syncd.core.values import encode_value, show_value
from syncd.core.work_order import CmmsRecord, Field, S2eOrder, Side, Unreadable, Value

KEPT_AS_SENT = frozenset({IntentState.CONFIRMED, IntentState.ALTERED})
JUDGED_BY_ANSWER = KEPT_AS_SENT | {IntentState.NOT_KEPT, IntentState.REFUSED}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One side as it was seen after a write.

    Attributes:
        holder: the order or record; None: it was never seen.
        seen_at: when the read began that showed it, or when the write was answered with it.
        is_answer: it is the write's own answer.
    """

    holder: S2eOrder | CmmsRecord | None
    seen_at: datetime | None
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the evidence shows.

    Attributes:
        verdicts: of the fields whose outcome is known now.
        moves: the bases of those that arrived, and of what a side keeps instead.
        holds: of the fields that a side does not keep as they were sent.
        conflicts: values that give way to what this shows.
        waiting: fields whose outcome it does not show yet, and those that such a write touches.
        in_doubt: sides with such a field whose write was not answered.
        unasked: fields that the write has changed without being asked to, as an edit of that side.
    """

    verdicts: tuple[Verdict, ...] = ()
    moves: tuple[BaseMove, ...] = ()
    holds: tuple[Hold, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    waiting: frozenset[Field] = frozenset()
    in_doubt: frozenset[Side] = frozenset()
    unasked: tuple[Field, ...] = ()


def read_back(
    case: Case,
    policy: Policy,
    order: S2eOrder | None,
    *,
    gone: Collection[Side] = (),
) -> ReadBack:
    """Compare every open update with what its side was last seen to hold.

    Args:
        order: Scan2Evolve's order, None if there is none.
        gone: sides that have no such order or record any more.
    """
    sides = {Side.S2E: Evidence(order, case.s2e_seen_at), Side.CMMS: _record_seen(case)}
    verdicts: list[Verdict] = []
    overwritten: list[Conflict] = []
    waiting: set[Field] = set()
    in_doubt: set[Side] = set()
    for intent, name in _open_updates(case):
        if intent.side in gone:
            verdicts.append(Verdict(intent, name, IntentState.NOT_APPLIED, None))
            continue
        verdict = judge_write(intent, name, sides[intent.side], case, policy)
        if verdict is None:
            waiting |= {name, *intent.effects.touches}
            if intent.state is not IntentState.ANSWERED:
                in_doubt.add(intent.side)
                overwritten += _may_be_overwritten(intent, name, sides[intent.side], case, policy)
        else:
            verdicts.append(verdict)
    record = sides[Side.CMMS].holder
    moves = [move for verdict in verdicts for move in _moves(verdict, case)]
    effects = SideEffects()
    if isinstance(record, CmmsRecord) and Side.CMMS not in gone:
        effects = judge_cut_off(_judged_now(verdicts), record, with_moves(case, moves))
    back = _read_back(verdicts, moves, effects)
    return replace(
        back,
        conflicts=(*back.conflicts, *overwritten),
        waiting=frozenset(waiting),
        in_doubt=frozenset(in_doubt),
    )


def _judged_now(verdicts: Sequence[Verdict]) -> list[Intent]:
    """The updates of the CMMS that have a verdict of this read, each once."""
    intents = {one.intent.id: one.intent for one in verdicts if one.intent.side is Side.CMMS}
    return list(intents.values())


def read_answer(
    intent: Intent,
    record: CmmsRecord,
    now: datetime,
    case: Case,
    policy: Policy,
    *,
    refused: frozenset[Field] = frozenset(),
) -> ReadBack:
    """What the answer to an update of the CMMS shows. Fields of which it does not show the
    outcome are left to the reads of the next cycle.

    Args:
        record: as it is after the write.
        case: as it was kept before the write was sent (`Decision.as_kept`).
        refused: fields whose own step was refused; what it has left there is our own doing. While
            reads may lag, that is left to a later read, too.
    """
    if policy.cmms_read_lag:
        refused = frozenset()
    evidence = Evidence(record, now, is_answer=True)
    judged = {
        name: Verdict(intent, name, IntentState.REFUSED, record.fields.get(name))
        if name in refused
        else judge_write(intent, name, evidence, case, policy)
        for name in intent.writes
    }
    verdicts = [
        verdict
        for verdict in judged.values()
        if verdict is not None and verdict.state in JUDGED_BY_ANSWER
    ]
    moves = [move for verdict in verdicts for move in _moves(verdict, case)]
    effects = judge_answer(intent, record, without_the_past(case, policy))
    back = _read_back(verdicts, moves, effects)
    return replace(back, waiting=frozenset(judged) - {one.field for one in verdicts})


def _read_back(
    verdicts: Sequence[Verdict], moves: Sequence[BaseMove], effects: SideEffects
) -> ReadBack:
    """What follows from these verdicts, with their moves, and side effects."""
    conflicts = [one for verdict in verdicts for one in _given_up(verdict)]
    return ReadBack(
        verdicts=tuple(verdicts),
        moves=(*moves, *effects.moves),
        holds=tuple(_not_kept(one) for one in verdicts if one.state is IntentState.NOT_KEPT),
        conflicts=(*conflicts, *effects.conflicts),
        unasked=effects.unasked,
    )


def _record_seen(case: Case) -> Evidence:
    """The linked record; of an order whose link is gone the one record that carries its id."""
    claims = claims_of(case)
    if case.link is None and len(claims) == 1:
        return Evidence(claims[0].record, claims[0].seen_at)
    return Evidence(case.cmms, case.cmms_seen_at)


def _open_updates(case: Case) -> Iterable[tuple[Intent, Field]]:
    return (
        (intent, name)
        for intent in case.intents
        if intent.kind is IntentKind.UPDATE
        for name, write in intent.writes.items()
        if write.verdict is None
    )


def judge_write(
    intent: Intent, name: Field, evidence: Evidence, case: Case, policy: Policy
) -> Verdict | None:
    """Decide what became of one written field; None: this evidence does not show it yet."""
    holder, seen_at = evidence.holder, evidence.seen_at
    if holder is None or seen_at is None:
        return None
    if isinstance(holder, CmmsRecord) and not is_its_record(holder, case):
        return None  # what another order's record shows is no evidence
    # A field that is missing in the CMMS's own answer is empty; in a read, it is unknown.
    if name not in holder.fields and not evidence.is_answer:
        return None
    seen = holder.fields.get(name)
    state = _outcome(intent, intent.writes[name], name, seen, evidence, case, policy)
    if state is IntentState.IGNORED and was_edited_since(intent, holder):
        state = IntentState.SUPERSEDED
    if state is None:
        return None
    cut_off = (
        state is IntentState.NOT_APPLIED
        and isinstance(holder, CmmsRecord)
        and not same(seen, intent.writes[name].before)
        and may_have_left(intent, name, seen, holder.fields)
    )
    return Verdict(intent, name, state, seen, cut_off)


def _outcome(
    intent: Intent,
    write: Write,
    name: Field,
    seen: Value,
    evidence: Evidence,
    case: Case,
    policy: Policy,
) -> IntentState | None:
    """The state by the table of the module; None: not known yet."""
    holder, seen_at = evidence.holder, evidence.seen_at
    if seen_at is None:
        return None
    answered = evidence.is_answer or intent.state is IntentState.ANSWERED
    since = seen_at if evidence.is_answer else _since(intent)
    if seen_at < since:
        return None
    match = match_sent(name, write.sent, seen, holder, policy)
    if match in {Match.EQUAL, Match.EQUIVALENT}:
        return IntentState.CONFIRMED
    from_before = same(seen, write.before)
    if match is Match.NORMALISED and not from_before:
        return IntentState.ALTERED
    lag = policy.s2e_read_lag if intent.side is Side.S2E else policy.cmms_read_lag
    arrived = since if answered else arrives_by(intent, policy)
    early = seen_at - arrived < lag
    if early and (from_before or not is_certainly_later(intent, holder, case, policy)):
        return None
    if from_before:
        return IntentState.IGNORED if answered else IntentState.NOT_APPLIED
    if evidence.is_answer or is_last_edit(intent, holder, case):
        return IntentState.NOT_KEPT
    if isinstance(holder, CmmsRecord) and may_have_left(intent, name, seen, holder.fields):
        return IntentState.NOT_KEPT if answered else IntentState.NOT_APPLIED
    if answered or shows_our_sync(intent, holder, case):
        return IntentState.SUPERSEDED
    return IntentState.NOT_APPLIED


def _may_be_overwritten(
    intent: Intent, name: Field, evidence: Evidence, case: Case, policy: Policy
) -> list[Conflict]:
    """Another value on the side of a write in doubt, for the log of conflicts: if the write arrives
    after all, it overwrites that value, and no read shows it again."""
    holder, seen_at, write = evidence.holder, evidence.seen_at, intent.writes[name]
    if holder is None or seen_at is None or seen_at < intent.started_at:
        return []
    seen = holder.fields.get(name, write.before)
    if same(seen, write.before) or isinstance(seen, Unreadable):
        return []
    asked = name in case.answers or name in {conflict.field for conflict in case.conflicts}
    no_edit = asked or shows_the_past(case, policy, name, intent.side, seen)
    if (
        intent.side is Side.CMMS
    ):  # a step on its way, or a stamp: the write may have arrived already
        no_edit |= may_have_left(intent, name, seen, holder.fields)
    if match_sent(name, write.sent, seen, holder, policy) is not Match.OTHER or no_edit:
        return []
    s2e, cmms = (seen, write.source) if intent.side is Side.S2E else (write.source, seen)
    return [Conflict(name, s2e, cmms, intent.side.other, from_write=True)]


def _since(intent: Intent) -> datetime:
    """When the write was answered, or, in doubt, sent."""
    answered = intent.answered_at if intent.state is IntentState.ANSWERED else None
    return answered or intent.started_at


def _moves(verdict: Verdict, case: Case) -> list[BaseMove]:
    """The base that the verdict leads to, if it leads to one."""
    intent, name, side = verdict.intent, verdict.field, verdict.intent.side
    write = intent.writes[name]
    if verdict.state in KEPT_AS_SENT:
        return [_agreed(name, side, verdict.seen, write.source)]
    if verdict.state is IntentState.REFUSED:
        return [] if same(verdict.seen, write.before) else [_own_doing(verdict)]
    if verdict.state is IntentState.NOT_KEPT or verdict.cut_off:
        return [_own_doing(verdict)]
    if verdict.state is not IntentState.SUPERSEDED:
        return []
    if not same(verdict.seen, write.before):
        # Applied, and edited since: what we sent is the base, the newer value an edit.
        return [_agreed(name, side, write.sent, write.source)]
    # Somebody has put the old value back upstream: both sides have changed since the base, and
    # whichever gives way is in the conflict log.
    if name in case.base_cmms:
        return [BaseMove(name, write.sent, case.base_cmms[name], "put_back")]
    return []


def _own_doing(verdict: Verdict) -> BaseMove:
    """What the written side holds is our own doing, and no edit. It becomes the base of both
    sides, so that any value of the other side is still to be written, the one from before it
    changed included; or is held."""
    return BaseMove(verdict.field, verdict.seen, verdict.seen, verdict.state.value)


def _not_kept(verdict: Verdict) -> Hold:
    """The field is parked: what was sent would not be kept the next time either."""
    sent = verdict.intent.writes[verdict.field].sent
    detail = f"sent {show_value(sent)}, and it keeps {show_value(verdict.seen)}"
    return Hold(
        verdict.intent.side, verdict.field, NOT_KEPT, encode_value(sent), tries=1, detail=detail
    )


def _given_up(verdict: Verdict) -> list[Conflict]:
    """The value that gives way, for the log of conflicts: of the other side where there is a
    newer edit here; of this one where a write is finished over what may be an edit."""
    intent, name = verdict.intent, verdict.field
    write = intent.writes[name]
    edited = verdict.state is IntentState.SUPERSEDED and not same(verdict.seen, write.before)
    # Upstream, its own times prove the edit.
    if intent.side is Side.CMMS and (edited or verdict.cut_off):
        winner = Side.CMMS if edited else Side.S2E
        return [Conflict(name, write.source, verdict.seen, winner, from_write=True)]
    return []


def _agreed(name: Field, side: Side, own: Value, other: Value) -> BaseMove:
    s2e, cmms = (own, other) if side is Side.S2E else (other, own)
    return BaseMove(name, s2e, cmms, "read_back")
