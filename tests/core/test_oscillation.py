"""When a field that goes to and fro is no longer written."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.case import RELEASED, Case, Hold, Intent, IntentState, Write
from syncd.core.planning.oscillation import OSCILLATION, STEPS
from syncd.core.work_order import Field, Side, Value
from tests.core.builders import NOW, at, field_case, intent, make_policy, only_change, run

NAME = Field.RESOLUTION


def step(minutes_ago: float, before: Value, sent: Value, side: Side = Side.CMMS) -> Intent:
    """A write that arrived so long ago."""
    writes = {NAME: Write(before, sent, sent, IntentState.CONFIRMED)}
    return intent(side, writes, state=IntentState.CONFIRMED, started_at=at(-60 * minutes_ago))


def swinging(recent: Sequence[Intent], holds: Sequence[Hold] = ()) -> Case:
    """Upstream went to B, the CMMS holds A, and these writes were made before."""
    case = field_case(NAME, ("A", "A"), "B", "A")
    return replace(case, recent=tuple(recent), holds=tuple(holds))


def three() -> list[Intent]:
    return [step(minutes, "A", "B") for minutes in (5, 20, 40)]


def test_a_step_that_was_made_three_times_within_an_hour_is_parked_with_its_times() -> None:
    decision = run(swinging(three()))
    assert not decision.changes
    (hold,) = decision.holds
    assert (hold.side, hold.field, hold.reason, hold.until) == (
        Side.CMMS,
        NAME,
        OSCILLATION,
        None,
    )
    assert "from A to B 3 times within an hour (UTC 13:50:00, 14:10:00, 14:25:00)" in hold.detail


@pytest.mark.parametrize(
    "recent",
    [
        three()[1:],
        [*three()[1:], step(61, "A", "B")],
        [*three()[1:], step(10, "A", "C")],
        [*three()[1:], step(10, "C", "B")],
        [*three()[1:], step(10, "A", "B", Side.S2E)],
        [],
    ],
    ids=["twice", "long ago", "to another value", "from another value", "other side", "never"],
)
def test_fewer_same_steps_are_written_once_more(recent: Sequence[Intent]) -> None:
    assert only_change(run(swinging(recent))).value == "B"


@pytest.mark.parametrize(
    "verdict", [IntentState.NOT_APPLIED, IntentState.IGNORED, IntentState.REFUSED, None]
)
def test_a_write_that_did_not_arrive_is_no_step(verdict: IntentState | None) -> None:
    recent = [
        intent(Side.CMMS, {NAME: Write("A", "B", "B", verdict)}, started_at=at(-60 * minutes))
        for minutes in (5, 20, 40)
    ]
    assert only_change(run(swinging(recent))).value == "B"


def test_values_that_mean_the_same_are_one_step() -> None:
    recent = [step(5, "A\r\n", "B"), step(6, "A\n", "B"), step(7, "A\n", "B")]
    case = replace(field_case(NAME, ("A\n", "A\n"), "B", "A\n"), recent=tuple(recent))
    assert run(case).holds[0].reason == OSCILLATION


def test_a_parked_step_stays_parked_and_is_told_once() -> None:
    held = run(swinging(three())).holds[0]
    decision = run(swinging(three(), [held]), now=NOW + timedelta(hours=5))
    assert (decision.changes, decision.holds, decision.lifted) == ((), (), ())


def test_a_person_lets_it_through_once() -> None:
    released = Hold(Side.CMMS, NAME, RELEASED, "B", until=NOW)
    decision = run(swinging(three(), [released]))
    assert only_change(decision).value == "B"
    assert not decision.lifted  # it is over when the write has arrived


def test_another_value_is_written_at_once() -> None:
    held = run(swinging(three())).holds[0]
    case = replace(swinging(three(), [held]), s2e=field_case(NAME, None, "C", "A").s2e)
    decision = run(case)
    assert only_change(decision).value == "C"
    assert decision.lifted == ((Side.CMMS, NAME),)


def test_it_holds_for_writes_upstream_too() -> None:
    case = field_case(NAME, ("A", "A"), "A", "B")
    recent = tuple(step(minutes, "A", "B", Side.S2E) for minutes in range(1, 1 + STEPS))
    decision = run(replace(case, recent=recent), make_policy())
    assert [hold.reason for hold in decision.holds] == [OSCILLATION]
