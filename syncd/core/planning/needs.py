"""Statuses that the CMMS takes only with other fields filled: a closing that wants a resolution.

A needed field goes to the CMMS in the same write as the status, or before it. Where the record
would be left without one, the status waits, and what it waits for decides how long:

    the needed field                   the status                     tried again
    ────────────────────────────────   ────────────────────────────   ──────────────────────
    is filled in the record            is sent
    is to be written in this cycle     is sent in the same write
    is empty on both sides             is parked as `needs_fields`    when it is entered
    is parked, a conflict or drift     is parked as `needs_fields`    when it has arrived
    is tried again later               is held until then             with it
    has a write on its way             waits for what comes of that   in the next cycle

What is parked so is decided anew with every change of either side. A status that was refused is
tried once more when a field that it needs changes: it may have been refused for the lack of it.

An adapter declares the needs (`Capabilities.status_needs`). Scan2Evolve has none: its contract
takes any status alone.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from syncd.core.case import CHANGED, REFUSED, Conflict, Hold, IntentState
from syncd.core.decision import BaseMove, Change, Drift, Outcome, StillHeld, Wait
from syncd.core.planning.difference import Outcomes
from syncd.core.planning.pair import Pair
from syncd.core.values import encode_value
from syncd.core.work_order import Field, Fields, Side, Value

NEEDS_FIELDS = "needs_fields"  # the reason of a hold
# With these a status may have been parked for want of a field that it needs.
_MAY_HAVE_LACKED = frozenset({REFUSED, CHANGED, IntentState.IGNORED})
Changes = tuple[Change, ...]
Decided = Mapping[Field, Outcomes]


# ── planning ──────────────────────────────────────────────────────────────────────────────


def decide_status(
    pair: Pair, decided: Decided, decide: Callable[[Pair], Outcomes], arrived: Collection[Field]
) -> Outcomes:
    """The outcomes of the status, with regard to the fields that it needs.

    Args:
        decided: per field what was decided about it by itself.
        decide: what decides about one field by itself.
        arrived: fields of which a write to Scan2Evolve was seen to have arrived in this cycle.
    """
    outcomes = decided[Field.STATUS]
    if any(_may_have_lacked(one) for one in outcomes):
        without: dict[Side, Hold] = {s: h for s, h in pair.holds.items() if s is not Side.CMMS}
        again = decide(replace(pair, holds=without))
        if not _is_worth_a_try(pair, decided, again, arrived):
            return outcomes
        outcomes = again
    change = _to_cmms(outcomes)
    if change is None:
        return outcomes
    needs = sorted(pair.policy.cmms_needs.get(str(change.value), ()))
    blank = [name for name in needs if _is_blank_after(pair, decided, name)]
    waits = [one for name in blank for one in decided.get(name, ()) if isinstance(one, Wait)]
    if waits:
        return (Wait(Field.STATUS, read_again=any(one.read_again for one in waits)),)
    if blank:
        return _in_place_of(outcomes, change, _hold(pair, change, blank, decided))
    along = frozenset(name for name in needs if _shows_blank(pair, name))
    return _in_place_of(outcomes, change, replace(change, needs=along))


def lacking(fields: Fields, needs: Mapping[str, frozenset[Field]]) -> tuple[Field, ...]:
    """The fields for want of which no record can be made with these."""
    wanted = needs.get(str(fields.get(Field.STATUS)), frozenset())
    return tuple(sorted(name for name in wanted if fields.get(name) is None))


def say(status: Value, waits_for: Iterable[str]) -> str:
    """The detail of a hold: what the status waits for, and the way out."""
    return f"{status} needs {', and '.join(waits_for)}; the status is written by itself after that"


def say_empty(name: Field) -> str:
    """The words for a field that is empty on both sides."""
    return f"{name}, which is empty on both sides: enter it on either"


def _may_have_lacked(outcome: Outcome) -> bool:
    if not isinstance(outcome, StillHeld):
        return False
    hold = outcome.hold
    return hold.side is Side.CMMS and hold.until is None and hold.reason in _MAY_HAVE_LACKED


def _is_worth_a_try(
    pair: Pair, decided: Decided, again: Outcomes, arrived: Collection[Field]
) -> bool:
    """Whether a status that was refused lacks a field, or one that it needs is another now."""
    change = _to_cmms(again)
    if change is None:
        return False
    for name in pair.policy.cmms_needs.get(str(change.value), ()):
        outcomes = decided.get(name, ())
        moved = any(isinstance(one, BaseMove) for one in outcomes) or name in arrived
        if moved or _to_cmms(outcomes) is not None or _is_blank_after(pair, decided, name):
            return True
    return False


def _to_cmms(outcomes: Iterable[Outcome]) -> Change | None:
    changes = (one for one in outcomes if isinstance(one, Change) and one.side is Side.CMMS)
    return next(changes, None)


def _shows_blank(pair: Pair, name: Field) -> bool:
    """Whether the record is empty there. Of a field that it does not show nobody knows."""
    return name in pair.record.fields and pair.record.fields[name] is None


def _is_blank_after(pair: Pair, decided: Decided, name: Field) -> bool:
    """Whether the record will be empty there once this cycle's writes have arrived."""
    change = _to_cmms(decided.get(name, ()))
    return _shows_blank(pair, name) if change is None else change.value is None


def _in_place_of(outcomes: Outcomes, change: Change, other: Outcome) -> Outcomes:
    return tuple(other if one is change else one for one in outcomes)


def _hold(
    pair: Pair, change: Change, blank: Collection[Field], decided: Decided
) -> Hold | StillHeld:
    """The status is held for as long as one of these fields is; without an end: parked."""
    held = pair.holds.get(Side.CMMS)
    ends = []
    for name in blank:
        holds = _holds_of(decided.get(name, ()))
        ends += [hold.until for hold in holds] or [None]
    known = [end for end in ends if end is not None]
    until = max(known) if len(known) == len(ends) else None
    detail = say(change.value, [_why(pair, name, decided) for name in blank])
    value = encode_value(change.value)
    hold = Hold(Side.CMMS, Field.STATUS, NEEDS_FIELDS, value, until=until, detail=detail)
    return StillHeld(held) if held == hold else hold


def _holds_of(outcomes: Outcomes) -> list[Hold]:
    holds = [one.hold if isinstance(one, StillHeld) else one for one in outcomes]
    return [one for one in holds if isinstance(one, Hold) and one.side is Side.CMMS]


def _why(pair: Pair, name: Field, decided: Decided) -> str:
    """Why the record is empty in a field that the status needs."""
    outcomes = decided.get(name, ())
    for hold in _holds_of(outcomes):
        if hold.until is not None:
            return f"{name}, which is tried again by itself ({hold.reason})"
        return f"{name}, which is parked ({hold.reason})"
    for one in outcomes:
        if isinstance(one, Conflict) and one.winner is None:
            return f"{name}, which is a conflict: `syncd conflicts resolve`"
        if isinstance(one, Drift):
            return f"{name}, which syncd does not carry over ({one.reason}): enter it in the CMMS"
    upstream = pair.case.s2e.fields.get(name) if pair.case.s2e is not None else None
    if upstream is None:
        return say_empty(name)
    return f"{name}, which is empty in the CMMS: enter it there"


# ── sending ───────────────────────────────────────────────────────────────────────────────


def split(changes: Changes) -> tuple[Changes, ...]:
    """The parts in which changes are sent that were refused together.

    A status stays with the fields that it needs. Where they were refused without any others, they
    come first and alone, since the status may be what is refused.
    """
    status = next((one for one in changes if one.field is Field.STATUS and one.needs), None)
    if status is None:
        return tuple((one,) for one in changes)
    together = tuple(one for one in changes if one is status or one.field in status.needs)
    if len(together) < len(changes):
        return (together, *((one,) for one in changes if one not in together))
    return (*((one,) for one in changes if one is not status), (status,))


def without_needs(
    changes: Changes, written: Collection[Field]
) -> tuple[Change, frozenset[Field]] | None:
    """The status that must not be sent with these changes, and the fields that it lacks.

    Args:
        written: the fields that this cycle has written to the record.
    """
    going = {one.field for one in changes} | set(written)
    for one in changes:
        if one.needs - going:
            return one, one.needs - going
    return None


def wait_for(change: Change, names: Collection[Field]) -> Hold:
    """The hold of a status whose needed fields were not written."""
    detail = say(change.value, [f"{name}, which was not written" for name in sorted(names)])
    value = encode_value(change.value)
    return Hold(change.side, change.field, NEEDS_FIELDS, value, detail=detail)
