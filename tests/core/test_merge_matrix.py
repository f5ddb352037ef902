"""Every combination of what two sides can hold, against the table stated a second time, plainly.

The statement below is written from the rules in words; it shares no code with the merge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import pytest

from syncd.core.decision import Decision
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Fields, Side, Value
from tests.core.builders import make_policy, pair, run

ABSENT = "(absent)"
STATES = (ABSENT, None, "base", "x", "y")
OWNERS = (Side.CMMS, Side.S2E, None)
SHARED, OF_S2E, OF_CMMS = Field.ROOT_CAUSE, Field.TITLE, Field.EXTERNAL_STATUS


@dataclass(frozen=True)
class Setup:
    """What is set, and what the adapter can do."""

    name: Field
    owner: Side | None
    overwrite: bool
    writable: bool
    clears: bool

    def policy(self) -> Policy:
        return make_policy(
            owner=self.owner,
            overwrite_drift=self.overwrite,
            writes=frozenset({self.name} if self.writable else ()),
            clears=frozenset({self.name} if self.clears else ()),
        )

    def winner(self) -> Side | None:
        return {SHARED: self.owner, OF_S2E: Side.S2E, OF_CMMS: Side.CMMS}[self.name]

    def takes(self, side: Side) -> bool:
        if side is Side.S2E:
            return self.name in {SHARED, OF_CMMS}
        return self.writable and self.name in {SHARED, OF_S2E}


@dataclass(frozen=True)
class Outcome:
    write: tuple[Side, Value] | None = None
    base_moves: bool = False
    conflict: bool = False
    drift: tuple[Side, str] | None = None


SETUPS = [
    Setup(*one)
    for one in product(
        (SHARED, OF_S2E, OF_CMMS), OWNERS, (False, True), (False, True), (False, True)
    )
]


def outcome_of(decision: Decision) -> Outcome:
    writes = [(change.side, change.value) for change in decision.changes]
    drifts = [(drift.side, drift.reason) for drift in decision.drifts]
    assert len(writes) <= 1
    assert len(drifts) <= 1
    assert not decision.holds
    return Outcome(
        write=writes[0] if writes else None,
        base_moves=bool(decision.base_moves),
        conflict=bool(decision.conflicts),
        drift=drifts[0] if drifts else None,
    )


def carried(setup: Setup, to: Side, value: Value, *, conflict: bool = False) -> Outcome:
    """A value is to go to a side: written if it may be, else drift of the side it is on."""
    if not setup.takes(to):
        return Outcome(conflict=conflict, drift=(to.other, "not_writable"))
    if value is None and (to is Side.S2E or not setup.clears):
        return Outcome(conflict=conflict, drift=(to.other, "cannot_clear"))
    return Outcome(write=(to, value), conflict=conflict)


def merged(setup: Setup, base: Value, s2e: Value, cmms: Value) -> Outcome:
    """The merge, as its table says."""
    match (s2e != base, cmms != base):
        case (False, False):
            return Outcome()
        case (True, True) if s2e == cmms:
            return Outcome(base_moves=True)
        case (True, True):
            winner = setup.winner()
            if winner is None:
                return Outcome(conflict=True)
            value = s2e if winner is Side.S2E else cmms
            return carried(setup, winner.other, value, conflict=True)
        case (True, False):
            return carried(setup, Side.CMMS, s2e)
    if setup.name is OF_S2E and setup.overwrite and setup.takes(Side.CMMS):
        back = carried(setup, Side.CMMS, s2e)
        return back if back.write else Outcome(drift=(Side.CMMS, "not_writable"))
    return carried(setup, Side.S2E, cmms)


def met(setup: Setup, s2e: Value, cmms: Value) -> Outcome:
    """The first meeting, as its paragraph says."""
    if s2e == cmms:
        return Outcome(base_moves=True)
    if setup.name is SHARED and s2e is not None and cmms is not None:
        winner = setup.winner()
        if winner is None:
            return Outcome(conflict=True)
        wins = s2e if winner is Side.S2E else cmms
        told = carried(setup, winner.other, wins, conflict=True)
        return told if told.write else replace(told, base_moves=True)
    if setup.name is SHARED:
        source = Side.CMMS if s2e is None else Side.S2E
    else:
        source = Side.S2E if setup.name is OF_S2E else Side.CMMS
    value = s2e if source is Side.S2E else cmms
    if value is None or not setup.takes(source.other):
        return Outcome(base_moves=True)
    return Outcome(write=(source.other, value))


def sides() -> Iterator[tuple[Value, Value]]:
    yield from product(STATES, STATES)


def held(name: Field, value: Value) -> Fields:
    return {} if value == ABSENT else {name: value}


def as_told(setup: Setup, base: Value, s2e: Value) -> Value:
    """Scan2Evolve may leave out a field we can write while it is empty."""
    return None if s2e == ABSENT and base is None and setup.name is not OF_S2E else s2e


def named(setup: Setup) -> str:
    flags = [key for key in ("overwrite", "writable", "clears") if getattr(setup, key)]
    return "-".join([setup.name, setup.owner or "manual", *flags])


@pytest.mark.parametrize("setup", SETUPS, ids=named)
@pytest.mark.parametrize("base", [None, "base"])
def test_the_merge_is_its_table(setup: Setup, base: Value) -> None:
    for s2e, cmms in sides():
        case = pair(
            held(setup.name, s2e),
            held(setup.name, cmms),
            base_s2e={setup.name: base},
            base_cmms={setup.name: base},
        )
        told = as_told(setup, base, s2e)
        absent = ABSENT in {told, cmms}
        expected = Outcome() if absent else merged(setup, base, told, cmms)
        assert outcome_of(run(case, setup.policy())) == expected, (base, s2e, cmms)


@pytest.mark.parametrize("setup", SETUPS, ids=named)
def test_the_first_meeting_is_its_paragraph(setup: Setup) -> None:
    for s2e, cmms in sides():
        case = pair(held(setup.name, s2e), held(setup.name, cmms))
        told = as_told(setup, None, s2e)
        expected = Outcome() if ABSENT in {told, cmms} else met(setup, told, cmms)
        assert outcome_of(run(case, setup.policy())) == expected, (s2e, cmms)


@pytest.mark.parametrize("setup", SETUPS, ids=named)
def test_each_side_is_compared_with_its_own_past_alone(setup: Setup) -> None:
    """Two spellings that were agreed on stay agreed on, however different they look."""
    case = pair(
        {setup.name: "Pump, broken"},
        {setup.name: "PUMP"},
        base_s2e={setup.name: "Pump, broken"},
        base_cmms={setup.name: "PUMP"},
    )
    assert outcome_of(run(case, setup.policy())) == Outcome()


def test_the_matrix_is_whole() -> None:
    assert len(SETUPS) == 3 * 3 * 2 * 2 * 2
    assert len(list(sides())) == 25
