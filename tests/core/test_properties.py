"""Random histories: two sides, people who edit both, and syncd between them.

The sides are dictionaries with the habits of real systems (trimming, rounding, one state for
two). The oracles below are stated from the outside; they know nothing of bases or intents.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.case import Case, IntentState, Link, Write
from syncd.core.decision import Change, Decision
from syncd.core.fitting import TEXT_LIMITS, cut_text
from syncd.core.planning.plan import decide
from syncd.core.policy import Policy
from syncd.core.work_order import (
    S2E_OWNED,
    WRITABLE_ON_S2E,
    CmmsRecord,
    Field,
    Priority,
    S2eOrder,
    Side,
    Status,
    Unreadable,
    Value,
)
from tests.core.builders import CMMS_ID, NOW, S2E_ID, intent, keep, make_policy

DAY = datetime(2026, 3, 1, 8, tzinfo=UTC)
OPEN_CLASS = frozenset({"DRAFT", "ASSIGNED"})
# No two values of a pool are one value before and after a side has normalised it.
POOLS: dict[Field, list[Value]] = {
    Field.TITLE: ["Pump", "Pump 2 ", "Fan"],
    Field.DESCRIPTION: [None, "noisy", "very  noisy"],
    Field.PRIORITY: [Priority.LOW, Priority.HIGH, Unreadable("P9", "is not a priority we know")],
    Field.STATUS: [*Status],
    Field.ROOT_CAUSE: [None, "worn ", "🔧" * 300, "loose"],
    Field.CLOSURE_NOTE: [None, "done", "x" * 2600],
    Field.COMPLETED_AT: [None, DAY, DAY + timedelta(hours=3, seconds=7)],
    Field.ACTUAL_HOURS: [None, Decimal(1), Decimal("4.567")],
    Field.EXTERNAL_ID: [CMMS_ID, None],
    Field.EXTERNAL_STATUS: [None, "open", "closed"],
}
SETTLES_IN, IDLE = 3, 20  # rounds

edits = st.sampled_from(list(POOLS)).flatmap(
    lambda name: st.tuples(st.sampled_from(Side), st.just(name), st.sampled_from(POOLS[name]))
)
histories = st.lists(st.lists(edits, max_size=4), max_size=8)
# A value that cannot be read puts off the first meeting; the worlds begin after it.
readable = {
    name: [value for value in pool if not isinstance(value, Unreadable)]
    for name, pool in POOLS.items()
}
beginnings = st.fixed_dictionaries(
    {name: st.tuples(*[st.sampled_from(pool)] * 2) for name, pool in readable.items()}
)
policies = st.builds(
    make_policy,
    owner=st.sampled_from([Side.CMMS, Side.S2E, None]),
    writes=st.sampled_from([frozenset(Field), frozenset(Field) - {Field.CLOSURE_NOTE}]),
    clears=st.sampled_from([frozenset(), frozenset(Field)]),
    allow_reopen=st.booleans(),
    overwrite_drift=st.booleans(),
)


def stored(side: Side, name: Field, value: Value) -> Value:
    """What a side makes of what is written to it."""
    if side is Side.S2E:
        return value.strip() if name in TEXT_LIMITS and isinstance(value, str) else value
    if isinstance(value, Decimal):
        return value.quantize(Decimal("0.01"))
    if value is Status.DRAFT:
        return Status.ASSIGNED
    if isinstance(value, datetime):
        return value.replace(second=0)
    return " ".join(value.split()) if type(value) is str else value


def declared_cut(to: Side, name: Field, value: Value) -> Value:
    """The value as it goes to a side: whole, or cut at the documented limit."""
    limit = TEXT_LIMITS.get(name)
    if to is Side.CMMS or limit is None or not isinstance(value, str):
        return value
    return cut_text(value, limit)


@dataclass
class World:
    """Both sides, what the mirror knows, and what the oracles remember."""

    policy: Policy
    sides: dict[Side, dict[Field, Value]]
    case: Case = field(default_factory=lambda: Case(S2E_ID, link=Link(S2E_ID, CMMS_ID)))
    now: datetime = NOW
    last_synced_at: datetime | None = None
    writes: int = 0
    # Per side and field: the value since which nobody but us has changed it.
    clean: dict[tuple[Side, Field], Value] = field(default_factory=dict)

    def edit(self, side: Side, name: Field, value: Value) -> None:
        self.sides[side][name] = value

    def observe(self) -> None:
        self.now += timedelta(seconds=1)
        status = self.sides[Side.CMMS].get(Field.STATUS)
        classes = {Field.STATUS: OPEN_CLASS} if status in OPEN_CLASS else {}
        self.case = replace(
            self.case,
            s2e=S2eOrder(
                S2E_ID,
                dict(self.sides[Side.S2E]),
                last_synced_at=self.last_synced_at,
            ),
            cmms=CmmsRecord(CMMS_ID, S2E_ID, dict(self.sides[Side.CMMS]), equivalents=classes),
            s2e_seen_at=self.now,
            cmms_seen_at=self.now,
        )

    def decide(self) -> Decision:
        """Observe, decide, and keep what was found out."""
        self.observe()
        decision = decide(self.case, self.policy, self.now)
        self.check(decision)
        self.case = keep(self.case, decision)
        asked = [conflict for conflict in decision.conflicts if conflict.winner is None]
        self.case = replace(self.case, conflicts=tuple(asked))
        return decision

    def send(self, decision: Decision, side: Side, *, answered: bool, applied: bool) -> None:
        changes = decision.changes_on(side)
        if not changes:
            return
        self.writes += 1
        writes = {c.field: Write(c.before, c.value, c.source) for c in changes}
        state = IntentState.ANSWERED if answered else IntentState.IN_DOUBT
        one = intent(
            side,
            writes,
            state=state,
            intent_id=self.writes,
            started_at=self.now,
            last_synced_before=self.last_synced_at,
        )
        self.case = replace(self.case, intents=(*self.case.intents, one))
        if not applied:
            return
        for change in changes:
            self.sides[side][change.field] = stored(side, change.field, change.value)
            self.clean_up(change.field)
        if side is Side.S2E:
            self.last_synced_at = self.now

    def round(self) -> Decision:
        """One cycle: decide, send, and read back at once."""
        self.now += timedelta(minutes=1)
        decision = self.decide()
        for name in POOLS:
            if self.in_step(name):
                self.clean_up(name)
        for side in Side:
            self.send(decision, side, answered=True, applied=True)
        self.decide()
        assert not self.case.intents, "a write that was applied is not known as applied"
        return decision

    # ── oracles ───────────────────────────────────────────────────────────────────────────

    def check(self, decision: Decision) -> None:
        """What holds for every decision, whatever has happened before."""
        assert len({(c.side, c.field) for c in decision.changes}) == len(decision.changes)
        for change in decision.changes:
            here, there = self.sides[change.side], self.sides[change.side.other]
            assert change.before == here[change.field]
            assert change.value != here[change.field], "sent, though nothing changes"
            assert not isinstance(change.value, Unreadable)
            self.check_origin(change, there[change.field])
            self.check_loser(change, decision)

    def check_origin(self, change: Change, there: Value) -> None:
        """A written value is the other side's, or its declared cut; never null upstream."""
        if change.side is Side.CMMS:
            assert change.field not in {Field.EXTERNAL_ID, Field.EXTERNAL_STATUS}
            assert change.field in self.policy.cmms_writes
            assert change.value == there
            return
        assert change.value is not None
        assert change.field in WRITABLE_ON_S2E
        assert change.value == declared_cut(change.side, change.field, there)

    def check_loser(self, change: Change, decision: Decision) -> None:
        """What a person wrote and we overwrite is in the conflict log."""
        key = (change.side, change.field)
        if key not in self.clean or change.before == self.clean[key]:
            return
        if change.rule == "drift_overwritten":
            assert self.policy.overwrite_drift
            assert change.field in S2E_OWNED
            return
        (conflict,) = [one for one in decision.conflicts if one.field is change.field]
        assert change.before == (conflict.s2e if change.side is Side.S2E else conflict.cmms)
        assert conflict.winner is change.side.other

    def clean_up(self, name: Field) -> None:
        for side in Side:
            self.clean[side, name] = self.sides[side][name]

    def in_step(self, name: Field) -> bool:
        s2e, cmms = (self.sides[side][name] for side in Side)
        return s2e == cmms or (name is Field.STATUS and {s2e, cmms} <= OPEN_CLASS)

    def explained(self, decision: Decision, name: Field) -> bool:
        """In step, agreed on as each side spells it, or told to a person."""
        told = {drift.field for drift in decision.drifts}
        told |= {conflict.field for conflict in decision.conflicts}
        told |= {hold.field for hold in self.case.holds if hold.field is not None}
        agreed = all(
            base.get(name, "never met") == self.sides[side][name]
            for side, base in (
                (Side.S2E, self.case.base_s2e),
                (Side.CMMS, self.case.base_cmms),
            )
        )
        return self.in_step(name) or agreed or name in told


def world(policy: Policy, start: dict[Field, tuple[Value, Value]]) -> World:
    """A world whose sides have met once."""
    sides = {
        side: {name: values[index] for name, values in start.items()}
        for index, side in enumerate(Side)
    }
    made = World(policy, sides)
    made.round()
    for name in POOLS:
        made.clean_up(name)
    return made


def settle(made: World) -> None:
    """Edits have stopped: soon nothing is written any more, and all that differs is explained."""
    for _ in range(SETTLES_IN):
        made.round()
    before = made.writes
    for _ in range(IDLE):
        decision = made.round()
        assert not decision.changes
        assert not decision.base_moves
        assert not decision.verdicts
    assert made.writes == before
    for name in POOLS:
        assert made.explained(decision, name), name


many = settings(derandomize=True, deadline=None, max_examples=60)


@many
@given(policies, beginnings, histories)
def test_after_the_edits_stop_both_sides_settle(
    policy: Policy,
    start: dict[Field, tuple[Value, Value]],
    history: list[list[tuple[Side, Field, Value]]],
) -> None:
    made = world(policy, start)
    for some in history:
        for edit in some:
            made.edit(*edit)
        made.round()
    settle(made)


@many
@given(policies, beginnings, histories)
def test_what_was_edited_on_one_side_alone_arrives_on_the_other(
    policy: Policy,
    start: dict[Field, tuple[Value, Value]],
    history: list[list[tuple[Side, Field, Value]]],
) -> None:
    made = world(policy, start)
    for some in history:
        for side, name, value in some:
            made.edit(side, name, value)
            decision = made.round()
            to = side.other
            if any(change.side is to and change.field is name for change in decision.changes):
                arrived = made.sides[to][name]
                assert arrived == stored(to, name, declared_cut(to, name, value))
            else:
                assert made.explained(decision, name)


@many
@given(policies, beginnings, histories)
def test_only_fields_that_a_person_touched_are_ever_written(
    policy: Policy,
    start: dict[Field, tuple[Value, Value]],
    history: list[list[tuple[Side, Field, Value]]],
) -> None:
    made = world(policy, start)
    settle(made)
    touched: set[Field] = set()
    for some in history:
        for edit in some:
            made.edit(*edit)
            touched.add(edit[1])
        decision = made.round()
        assert {change.field for change in decision.changes} <= touched


outcomes = st.sampled_from(["answered", "lost answer", "lost request"])


@many
@given(
    policies,
    beginnings,
    st.lists(st.tuples(st.lists(edits, max_size=3), outcomes, outcomes), max_size=8),
)
def test_after_lost_answers_and_lost_requests_both_sides_settle(
    policy: Policy,
    start: dict[Field, tuple[Value, Value]],
    history: list[tuple[list[tuple[Side, Field, Value]], str, str]],
) -> None:
    made = world(policy, start)
    for some, on_s2e, on_cmms in history:
        made.clean.clear()  # what was overwritten in doubt is judged by the tests of reading back
        for edit in some:
            made.edit(*edit)
        made.now += timedelta(minutes=2)
        decision = made.decide()
        for side, outcome in ((Side.S2E, on_s2e), (Side.CMMS, on_cmms)):
            made.send(
                decision,
                side,
                answered=outcome == "answered",
                applied=outcome != "lost request",
            )
    made.clean.clear()
    made.now += timedelta(hours=1)
    made.decide()
    made.now += timedelta(hours=1)
    settle(made)


@many
@given(policies, beginnings, st.lists(edits, max_size=6))
def test_a_decision_is_a_pure_function_of_its_case(
    policy: Policy,
    start: dict[Field, tuple[Value, Value]],
    some: list[tuple[Side, Field, Value]],
) -> None:
    made = world(policy, start)
    for edit in some:
        made.edit(*edit)
    made.observe()
    before = repr(made.case)
    assert decide(made.case, policy, made.now) == decide(made.case, policy, made.now)
    assert repr(made.case) == before


@pytest.mark.parametrize("side", list(Side))
def test_the_pools_hold_no_value_that_a_side_makes_of_another(side: Side) -> None:
    """Else a write could end in the value from before and look as if it had been ignored."""
    for name, pool in POOLS.items():
        if name is Field.STATUS:
            continue  # one state for two, on purpose
        for value in pool:
            made = stored(side, name, value)
            assert made == value or made not in pool
