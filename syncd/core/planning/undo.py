"""Take back what a cycle has written, as far as that can be done without harm.

An undo puts the value from before back on the side that was written. The other side keeps what it
holds: it is where the value came from, and a person's. From then on that difference is what the
two have agreed on: each side's value is its base, so no later cycle carries the undone value over
again, and the next edit on either side is seen as an edit.

Where an undo would have to guess or to break a rule, a value is left alone, with the reason:

    left alone                                                  because
    ─────────────────────────────────────────────────────────   ────────────────────────────────
    a value that is no longer what the cycle wrote              somebody has changed it
    a value that has changed on the other side since            that edit comes first
    a field that was empty before, on Scan2Evolve or where      syncd cannot empty it
    the CMMS cannot clear it
    the status of an order that the cycle has ended             an undo never reopens an order
    externalId, externalStatus, externalUrl                     they describe the CMMS's record
    a record that was created                                   nothing is deleted
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.case import ARRIVED_STATES, Case, Intent, IntentKind, IntentState
from syncd.core.decision import Change, Decision
from syncd.core.equality import Match, is_at, match_sent, same
from syncd.core.fitting import fit
from syncd.core.planning.plan import decide
from syncd.core.planning.selection import holding, no_part, under_way
from syncd.core.policy import Policy
from syncd.core.values import show_value
from syncd.core.work_order import (
    CMMS_OWNED,
    TERMINAL_STATUSES,
    WRITABLE_ON_S2E,
    Field,
    Side,
    Unreadable,
    Unwritable,
    Value,
)

RULE = "undone"
_BOOKKEEPING = "it describes the CMMS's record, which an undo leaves as it is"
_ALREADY = "it holds the value from before"
NO_HARM = frozenset({_BOOKKEEPING, _ALREADY})  # reasons with which nothing is left undone


@dataclass(frozen=True, slots=True)
class Written:
    """One field that a cycle has written. `field` None: it has created the record."""

    s2e_id: str
    cmms_id: str | None
    side: Side
    field: Field | None
    before: Value = None
    sent: Value = None


@dataclass(frozen=True, slots=True)
class Cannot:
    """What is not undone, and why."""

    written: Written
    reason: str


def written_by(intents: Iterable[Intent]) -> list[Written]:
    """What these intents of one cycle have changed, or may have; a field once."""
    written: dict[tuple[str, Side, Field | None], Written] = {}
    for intent in intents:
        if intent.kind is IntentKind.CREATE:
            if intent.state in ARRIVED_STATES:
                key = (intent.s2e_id, intent.side, None)
                written[key] = Written(intent.s2e_id, intent.cmms_id, intent.side, None)
            continue
        for name, write in intent.writes.items():
            if not _may_have_arrived(intent, write.verdict):
                continue
            first = written.get((intent.s2e_id, intent.side, name))
            before = write.before if first is None else first.before
            written[intent.s2e_id, intent.side, name] = Written(
                intent.s2e_id, intent.cmms_id, intent.side, name, before, write.sent
            )
    return list(written.values())


def _may_have_arrived(intent: Intent, verdict: IntentState | None) -> bool:
    if verdict is not None:
        return verdict in ARRIVED_STATES
    return intent.state in {IntentState.ANSWERED, IntentState.IN_DOUBT, IntentState.STARTED}


def undo(
    case: Case, written: Sequence[Written], policy: Policy, now: datetime, since: datetime
) -> tuple[Decision, list[Cannot]]:
    """What takes this order's writes back, and what cannot be taken back.

    Args:
        since: when the reads of both sides began; an older observation does not count.
    """
    planned = decide(case, policy, now)
    reason = no_part(planned, since) or _unpaired(case, since)
    changes: list[Change] = []
    cannot: list[Cannot] = []
    for one in written:
        made = reason or _take_back(planned, one, policy)
        if isinstance(made, Change):
            changes.append(made)
        else:
            cannot.append(Cannot(one, made))
    read_again = planned.read_again or planned.writes
    return replace(planned, create=None, changes=tuple(changes), read_again=read_again), cannot


def _unpaired(case: Case, since: datetime) -> str | None:
    if case.link is None:
        return "the order is not linked"
    if case.cmms_seen_at is None or case.cmms_seen_at < since:
        return "the CMMS does not show the record now"
    return None


def _take_back(planned: Decision, written: Written, policy: Policy) -> Change | str:
    """The change that takes one field back, or why there is none."""
    case, name, side = planned.case, written.field, written.side
    if name is None:
        return "a record that was created is not deleted"
    if name in CMMS_OWNED:
        return _BOOKKEEPING
    if case.link is None or written.cmms_id != case.link.cmms_id:
        return "the order is linked to another record now"
    if name in planned.waiting or under_way(planned, side):
        return "a write to the order is under way; undo it when that has been read back"
    own, other = holding(case, side), holding(case, side.other)
    if name not in own or name not in other:
        return "one of the sides does not show this field any more"
    if same(own[name], written.before):
        return _ALREADY
    holder = case.s2e if side is Side.S2E else case.cmms
    if match_sent(name, written.sent, own[name], holder, policy) is Match.OTHER:
        return f"it has been changed since, to {show_value(own[name])}"
    bases = _bases(planned)
    if not (is_at(bases[side], name, own[name]) and is_at(bases[side.other], name, other[name])):
        return "the other side has changed since, and that comes first"
    value = fit(name, written.before, side, policy)
    if isinstance(value, Unwritable):
        return f"the value from before cannot be written: {value.detail}"
    if (reason := _forbidden(name, side, own[name], value, policy)) is not None:
        return reason
    return Change(side, name, own[name], value, other[name], RULE)


def _bases(planned: Decision) -> dict[Side, Mapping[Field, Value]]:
    """The bases as they will be once this decision is kept."""
    s2e, cmms = dict(planned.case.base_s2e), dict(planned.case.base_cmms)
    for move in planned.base_moves:
        s2e[move.field], cmms[move.field] = move.s2e, move.cmms
    return {Side.S2E: s2e, Side.CMMS: cmms}


def _forbidden(name: Field, side: Side, now: Value, value: Value, policy: Policy) -> str | None:
    if isinstance(value, Unreadable) or isinstance(now, Unreadable):
        return "its value cannot be read"
    writable = WRITABLE_ON_S2E if side is Side.S2E else policy.cmms_writes
    if name not in writable:
        return "it cannot be written there any more"
    if value is None and side is Side.S2E:
        return "it was empty before, and Scan2Evolve has no way to empty it"
    if value is None and name not in policy.cmms_clears:
        return "it was empty before, and the CMMS cannot clear it"
    if now in TERMINAL_STATUSES and name is Field.STATUS and value not in TERMINAL_STATUSES:
        return "it would reopen the order, which an undo never does"
    return None
