"""What becomes of a difference in one field: a write, a conflict, drift, or a hold.

Each function returns the outcomes for this field, and none of them changes anything.
"""

from syncd.core.case import DROPPED, NOT_KEPT, RELEASED, TRIED, Conflict, Hold
from syncd.core.decision import BaseMove, Change, Drift, Outcome, StillHeld
from syncd.core.equality import same
from syncd.core.fitting import fit
from syncd.core.meaning import MEANING_CHANGED
from syncd.core.planning.oscillation import OSCILLATION, evidence
from syncd.core.planning.pair import Pair
from syncd.core.values import encode_value
from syncd.core.work_order import TERMINAL_STATUSES, Field, Side, Unreadable, Unwritable, Value

Outcomes = tuple[Outcome, ...]
EXTERNAL_ID_DIFFERS = "external_id_differs"  # externalId names another record than the linked one


def decide_write(pair: Pair, side: Side, rule: str) -> Outcomes:
    """Carry the other side's value to `side`, if it may and can be written there.

    Where syncd may not write the field, the outcome is drift. Where the value cannot be written,
    it is parked. Where it was tried without effect, the hold says when it is tried again.
    """
    name, policy = pair.name, pair.policy
    before, source = pair.held_by(side), pair.held_by(side.other)
    if not pair.may_write(side):
        return _not_writable(pair, side, source)
    if source is None and not pair.may_clear(side):
        return (Drift(side.other, name, source, "cannot_clear"),)
    value = fit(name, source, side, policy)
    if isinstance(value, Unwritable):
        return park(pair, side, value.reason, source, value.detail)
    if same(value, before):
        s2e, cmms = (before, source) if side is Side.S2E else (source, before)
        return (BaseMove(name, s2e, cmms, "same_after_fitting"),)
    if name is Field.STATUS and not policy.allow_reopen and reopens(before, value):
        return park(pair, side, "would_reopen", value, "SYNCD_ALLOW_REOPEN is 0")
    return _try(pair, side, Change(side, name, before, value, source, rule))


def _not_writable(pair: Pair, side: Side, source: Value) -> Outcomes:
    """Drift; but what a create did write, and the CMMS did not keep, stays parked as that."""
    held = pair.holds.get(side)
    if held is not None and held.reason == NOT_KEPT:
        value = fit(pair.name, source, side, pair.policy)
        if not isinstance(value, Unwritable) and held.value == encode_value(value):
            return (StillHeld(held),)
    return (Drift(side.other, pair.name, source, "not_writable"),)


def _try(pair: Pair, side: Side, change: Change) -> Outcomes:
    """The change, unless earlier tries of it are a reason not to send it now."""
    held = pair.holds.get(side)
    kept: Outcomes = ()
    tries = 0
    stopped = held is not None and held.reason in {*TRIED, DROPPED, RELEASED, OSCILLATION}
    if held is not None and stopped and held.value == encode_value(change.value):
        kept, tries = (StillHeld(held),), held.tries
        if held.until is None or held.until > pair.now:
            return kept
    if side in pair.in_doubt:
        return kept  # one write at a time while an outcome is unknown
    if held is None or held.reason != RELEASED:
        times = evidence(pair.case, side, pair.name, change.before, change.value, pair.now)
        if times is not None:
            return (*kept, *park(pair, side, OSCILLATION, change.value, times))
    return (
        *kept,
        Change(side, pair.name, change.before, change.value, change.source, change.rule, tries),
    )


def decide_conflict(pair: Pair, rule: str) -> Outcomes:
    """Both sides hold values of their own: the winner's is written, or a person is asked."""
    winner = pair.winner()
    conflict = Conflict(pair.name, pair.s2e, pair.cmms, winner)
    if winner is None:
        return (conflict,)
    by = "answer" if pair.name in pair.case.answers else winner.value
    return (conflict, *decide_write(pair, winner.other, f"{rule}_{by}"))


def decide_external_id(pair: Pair) -> Outcomes:
    """externalId upstream names another record: nothing is overwritten before a person says so."""
    if pair.case.answers.get(Field.EXTERNAL_ID) is Side.CMMS:
        return decide_write(pair, Side.S2E, "relinked")
    s2e_id, record = pair.case.s2e_id, pair.record.cmms_id
    detail = (
        f"Scan2Evolve says {pair.s2e}, the CMMS record is {pair.cmms}; correct externalId, or "
        f"`syncd links relink --order {s2e_id} {record}` to overwrite it, or with the right record"
    )
    return park(pair, Side.S2E, EXTERNAL_ID_DIFFERS, pair.cmms, detail)


def park_unreadable(pair: Pair) -> Outcomes:
    """A value that we cannot read is carried nowhere."""
    outcomes: Outcomes = ()
    for side in Side:
        value = pair.held_by(side)
        if isinstance(value, Unreadable):
            detail = f"{value.raw!r} {value.why}"
            outcomes += park(pair, side.other, "unreadable", value, detail)
    return outcomes


def park_moved(pair: Pair) -> Outcomes:
    """What a word of the CMMS means has changed on its server: no difference is carried, in either
    direction, before a person has said what it means now (`core/meaning.py`)."""
    detail = "the CMMS's server says that its words mean something else now; see `syncd guard list`"
    if pair.bases is None:
        return park(pair, Side.S2E, MEANING_CHANGED, pair.cmms, detail)
    outcomes: Outcomes = ()
    for side, base in ((Side.S2E, pair.bases.s2e), (Side.CMMS, pair.bases.cmms)):
        if not same(pair.held_by(side), base):
            outcomes += park(pair, side.other, MEANING_CHANGED, pair.held_by(side), detail)
    return outcomes


def park(pair: Pair, side: Side, reason: str, value: Value, detail: str) -> Outcomes:
    """Hold the write to `side` until a person, a setting or another value lifts it."""
    held, encoded = pair.holds.get(side), encode_value(value)
    if held is not None and held.value == encoded and held.reason in {reason, DROPPED}:
        return (StillHeld(held),)
    return (Hold(side, pair.name, reason, encoded, detail=detail),)


def reopens(before: Value, value: Value) -> bool:
    """Whether a status would leave a terminal one."""
    return before in TERMINAL_STATUSES and value not in TERMINAL_STATUSES
