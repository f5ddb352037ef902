"""What both sides agree on when a create of ours has made a record. Pure.

the record holds                        what follows
──────────────────────────────────────  ─────────────────────────────────────────────────
what was sent, in whatever form         agreed
nothing                                 written again, by an update
another value, in the create's answer   not kept: its base, and the field is parked
another value, in a later read          agreed on what was sent; the other value is an edit
whatever a step that was refused, or    its base; what was sent is parked, or is written
was cut off, has left there             again
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from syncd.core.case import NO_EFFECTS, NOT_KEPT, Conflict, Hold, WriteEffects
from syncd.core.decision import BaseMove
from syncd.core.equality import Match, match_sent
from syncd.core.policy import Policy
from syncd.core.values import encode_value, show_value
from syncd.core.work_order import CmmsRecord, Field, Fields, Side, Value

UNFINISHED = "unfinished"  # the rule of a base that a create cut short has left


@dataclass(frozen=True, slots=True)
class Created:
    """What the answer to a create shows.

    Attributes:
        moves: the bases.
        holds: of the values that the CMMS does not keep.
        conflicts: values that the record holds where something else is written by an update.
    """

    moves: tuple[BaseMove, ...]
    holds: tuple[Hold, ...]
    conflicts: tuple[Conflict, ...]


def judge_created(
    sent: Fields, record: CmmsRecord, policy: Policy, *, open_fields: Collection[Field] = ()
) -> Created:
    """What both sides agree on by the create's own answer.

    Args:
        sent: the fields that were sent.
        open_fields: those of them that were refused, or whose outcome is not known.
    """
    moves: list[BaseMove] = []
    holds: list[Hold] = []
    conflicts: list[Conflict] = []
    for name, value in sent.items():
        seen = record.fields.get(name)
        arrived = name not in record.fields or is_kept(name, value, record, policy)
        if name not in open_fields and arrived:
            moves.append(BaseMove(name, value, stored_as(name, value, record, policy), "created"))
            continue
        moves.append(BaseMove(name, seen, seen, UNFINISHED))
        if name in open_fields or _is_of_a_later_call(name, policy):
            if seen is not None:
                conflicts.append(Conflict(name, value, seen, Side.S2E))
            continue
        if seen is not None or name in policy.cmms_writes_once:
            detail = f"sent {show_value(value)}, and it keeps {show_value(seen)}"
            holds.append(Hold(Side.CMMS, name, NOT_KEPT, encode_value(value), 1, detail=detail))
    return Created(tuple(moves), tuple(holds), tuple(conflicts))


def _is_of_a_later_call(name: Field, policy: Policy) -> bool:
    """Whether a later call of the create writes the field. An update shows whether it is kept: the
    record may be one that was there already, or be shown as it was before that call."""
    return policy.cmms_creates_with is not None and name not in policy.cmms_creates_with


def created_bases(
    writes: Mapping[Field, Value],
    record: CmmsRecord,
    policy: Policy,
    effects: WriteEffects = NO_EFFECTS,
) -> list[BaseMove]:
    """The bases of a record that a create of ours in doubt has made, by a later read.

    What was sent is what both sides held: an edit made meanwhile is seen as an edit. Where the
    CMMS normalised what it stored, its own spelling is its base. What further calls of the create
    were to write, and the record does not hold, is still to be written: see `is_unfinished`.
    """
    moves = []
    for name, sent in writes.items():
        if is_unfinished(name, sent, record, policy, effects):
            seen = record.fields[name]
            moves.append(BaseMove(name, seen, seen, UNFINISHED))
        else:
            moves.append(BaseMove(name, sent, stored_as(name, sent, record, policy), "created"))
    return moves


def is_unfinished(
    name: Field,
    sent: Value,
    record: CmmsRecord,
    policy: Policy,
    effects: WriteEffects = NO_EFFECTS,
) -> bool:
    """Whether a create that was cut off between its calls has left this field unwritten, or has
    left there what a call of it makes of the field."""
    if name in record.fields and effects.may_show(name, encode_value(record.fields[name])):
        return not is_kept(name, sent, record, policy)
    if policy.cmms_creates_with is None or name in policy.cmms_creates_with:
        return False
    return name in record.fields and not is_kept(name, sent, record, policy)


def stored_as(name: Field, sent: Value, record: CmmsRecord, policy: Policy) -> Value:
    """How a record stores the value it was created with; `sent` if it holds another value."""
    return record.fields.get(name, sent) if is_kept(name, sent, record, policy) else sent


def is_kept(name: Field, sent: Value, record: CmmsRecord, policy: Policy) -> bool:
    """Whether the record holds what was sent, in whatever form, or does not show the field."""
    seen = record.fields.get(name, sent)
    return match_sent(name, sent, seen, record, policy) is not Match.OTHER
