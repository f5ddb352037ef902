"""What a write to a CMMS record has changed there without being asked to.

    the field                                    what it means                   what follows
    ───────────────────────────────────────────  ──────────────────────────────  ────────────────
    a step of the write touches it               our own doing: it fills a       its base moves
    (`WriteEffects`), or it is a stamp of time,  blank on the other side and
    and the write changes the status             replaces no value there
    any other one                                the CMMS's own edit             merged as ever

Where somebody may have entered the value in that very moment, it goes to the log of conflicts.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.core.case import Case, Conflict, Intent, IntentState, WriteEffects
from syncd.core.decision import BaseMove, Decision
from syncd.core.equality import same
from syncd.core.values import encode_value
from syncd.core.work_order import CMMS_OWNED, CmmsRecord, Field, Fields, Side, Value

_CLOCKS_DIFFER = timedelta(minutes=10)  # of syncd's machine and the CMMS's, and a slow request
STAMPS = frozenset({Field.COMPLETED_AT, Field.STARTED_AT})  # a CMMS sets them with the status


@dataclass(frozen=True, slots=True)
class SideEffects:
    """What a write has changed unasked.

    Attributes:
        moves: the bases of what is our own doing.
        conflicts: what may be somebody's entry, and gives way.
        unasked: fields that count as the CMMS's own edit.
    """

    moves: tuple[BaseMove, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    unasked: tuple[Field, ...] = ()


def judge_answer(intent: Intent, record: CmmsRecord, case: Case) -> SideEffects:
    """What the answer to an update shows beside the fields that were sent."""
    before = case.cmms.fields if case.cmms is not None else {}
    changed = [
        name
        for name, seen in record.fields.items()
        if name in before
        and name not in intent.writes
        and name not in CMMS_OWNED
        and not same(before[name], seen)
    ]
    own = touched_by(intent)
    effects = _own_doing([name for name in changed if name in own], record, case)
    unasked = tuple(name for name in changed if name not in own)
    return SideEffects(effects.moves, effects.conflicts, unasked)


def judge_cut_off(intents: Iterable[Intent], record: CmmsRecord, case: Case) -> SideEffects:
    """What a later read shows in the fields that these updates touch and did not send."""
    touched = {
        name
        for intent in intents
        if has_begun(intent, record.fields)
        for name in touched_by(intent) - _sent(intent)
        if name in record.fields and name in case.base_cmms
        if may_be_its_stamp(intent, name, record.fields[name])
    }
    changed = [name for name in touched if not same(record.fields[name], case.base_cmms[name])]
    return _own_doing(sorted(changed), record, case)


def _sent(intent: Intent) -> set[Field]:
    """The fields that this write has sent, without those that were refused."""
    refused = IntentState.REFUSED
    return {name for name, write in intent.writes.items() if write.verdict is not refused}


def touched_by(intent: Intent) -> frozenset[Field]:
    """The fields that the CMMS may set by itself along with this write."""
    return touched_with(intent.writes, intent.effects)


def touched_with(writes: Collection[Field], effects: WriteEffects) -> frozenset[Field]:
    """The fields that the CMMS may set by itself along with a write of these."""
    return effects.touches | (STAMPS if Field.STATUS in writes else frozenset())


def entries_at_risk(
    decision: Decision, writes: Collection[Field], effects: WriteEffects
) -> frozenset[Field]:
    """The fields in which the CMMS holds somebody's entry that has not arrived upstream yet, and
    may set another value along with this write of ours."""
    touched = touched_with(writes, effects)
    in_doubt = {
        name
        for intent in decision.case.intents
        if intent.side is Side.S2E and intent.state is IntentState.IN_DOUBT
        for name in intent.writes
    }
    planned = {change.field for change in decision.changes_on(Side.S2E)}
    return touched & (planned | (in_doubt & decision.waiting))


def may_have_left(intent: Intent, name: Field, seen: Value, fields: Fields) -> bool:
    """Whether the write itself may have left this value, if it was cut off: a step on its way, or
    the stamp of a step that was made."""
    if encode_value(seen) in intent.effects.passes.get(name, ()):
        return True
    return may_be_its_stamp(intent, name, seen) and has_begun(intent, fields, beside=name)


def may_be_its_stamp(intent: Intent, name: Field, seen: Value) -> bool:
    """Whether a later read may show a stamp of this write. Where no step declares it, it has to be
    of the write's own time or day, since people enter other times."""
    if name in intent.effects.touches:
        return True
    if name not in touched_by(intent) or not isinstance(seen, datetime):
        return False
    at = intent.started_at
    return abs(seen - at) <= _CLOCKS_DIFFER or seen == at.replace(
        hour=0, minute=0, second=0, microsecond=0
    )


def is_own_stamp(case: Case, name: Field, seen: Value) -> bool:
    """Whether the CMMS's value is the time at which it has met a write of ours: lately, in a field
    that such a write stamps, and while the record holds the status that was written. Another
    status is somebody's, and so is its time. A stamp fills a blank, and wins over nothing."""
    return isinstance(seen, datetime) and any(
        intent.side is Side.CMMS
        and name in touched_by(intent) - _sent(intent)
        and abs(seen - (intent.answered_at or intent.started_at)) <= _CLOCKS_DIFFER
        and _status_is_kept(case, intent)
        for intent in (*case.recent, *case.intents)
    )


def _status_is_kept(case: Case, intent: Intent) -> bool:
    status, fields = intent.writes.get(Field.STATUS), case.cmms.fields if case.cmms else {}
    if status is None or Field.STATUS not in fields:
        return True
    return same(fields[Field.STATUS], status.sent)


def has_begun(intent: Intent, seen: Fields, beside: Field | None = None) -> bool:
    """Whether one of the fields that were sent, but for this one, is not what it was before."""
    return any(
        name in seen and not same(seen[name], write.before)
        for name, write in intent.writes.items()
        if name is not beside
    )


def _own_doing(names: Iterable[Field], record: CmmsRecord, case: Case) -> SideEffects:
    moves: list[BaseMove] = []
    conflicts: list[Conflict] = []
    upstream: Fields = case.s2e.fields if case.s2e is not None else {}
    waiting = {hold.field for hold in case.holds if hold.side is Side.S2E}
    for name in names:
        if name not in case.base_cmms or name not in case.base_s2e:
            continue
        before = case.cmms.fields.get(name) if case.cmms is not None else None
        entered = not same(before, case.base_cmms[name])
        if upstream.get(name) is None:
            # It fills the blank, as an edit would. An entry that could not go upstream is gone.
            if entered and name in waiting:
                conflicts.append(Conflict(name, None, before, Side.S2E, from_write=True))
            continue
        moves.append(BaseMove(name, case.base_s2e[name], record.fields[name], "side_effect"))
        given_up = before if entered else record.fields[name]
        if not same(given_up, upstream[name]):
            conflicts.append(Conflict(name, upstream[name], given_up, Side.S2E))
    return SideEffects(tuple(moves), tuple(conflicts))
