"""A field in which the two sides of a linked order meet for the first time: there is no base.

the field belongs to    the sides hold                     outcome
─────────────────────   ────────────────────────────────   ───────────────────────────────────
either                  the same                           agreed
both (shared)           a value and a blank                the blank is filled
both (shared)           two values                         a conflict: the owner wins, unless
                                                           that would reopen the order
the CMMS                a value there                      written to Scan2Evolve
Scan2Evolve             a value there                      written to the CMMS
either                  a blank there                      agreed: a blank never erases
"""

from syncd.core.planning.difference import (
    Outcomes,
    decide_conflict,
    decide_external_id,
    decide_write,
    park,
    reopens,
)
from syncd.core.planning.pair import Pair
from syncd.core.work_order import SHARED, Field, Side


def decide_first_meeting(pair: Pair) -> Outcomes:
    """The outcomes of the table above."""
    name, s2e, cmms = pair.name, pair.s2e, pair.cmms
    owner = pair.policy.owner(name)
    if pair.sides_agree():
        return (pair.agree("met_equal"),)
    if name in SHARED and None in {s2e, cmms} and not _is_disputed(pair):
        return _fill(pair, Side.S2E if s2e is None else Side.CMMS)
    if name in SHARED:
        return _decide_different(pair)
    if owner is Side.CMMS and cmms is not None:
        if name is Field.EXTERNAL_ID and s2e is not None:
            return decide_external_id(pair)
        return _fill(pair, Side.S2E)
    if owner is Side.S2E and s2e is not None:
        return _fill(pair, Side.CMMS)
    return (pair.agree("met_blank"),)


def _is_disputed(pair: Pair) -> bool:
    """Whether a person has been asked about the field: a value cleared since is an edit."""
    asked = any(conflict.field is pair.name for conflict in pair.case.conflicts)
    return pair.name in pair.case.answers or (asked and pair.policy.owner(pair.name) is None)


def _fill(pair: Pair, side: Side) -> Outcomes:
    """Fill `side` from the other; where it cannot be written, what both hold is the base."""
    if pair.may_write(side):
        return decide_write(pair, side, "met")
    return (pair.agree("met"),)


def _decide_different(pair: Pair) -> Outcomes:
    winner = pair.winner()
    if winner is not None and _would_reopen(pair, winner):
        return park(pair, winner.other, "would_reopen", pair.cmms, "met")
    outcomes = decide_conflict(pair, "met")
    if winner is not None and not pair.may_write(winner.other):
        # The winner's value cannot be written there. What both hold becomes the base, so that
        # the next edit on either side is seen as one.
        outcomes += (pair.agree("met"),)
    return outcomes


def _would_reopen(pair: Pair, winner: Side) -> bool:
    """Whether the winner's value would reopen what the other side has ended.

    syncd never derives that by itself from a first meeting; a person may.
    """
    if pair.name is not Field.STATUS or pair.name in pair.case.answers:
        return False
    return reopens(pair.held_by(winner.other), pair.held_by(winner))
