"""From when on a read proves what became of a write: the table and its uses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.case import IntentState, Write
from syncd.core.planning.proof import arrives_by
from syncd.core.work_order import Field, Side
from tests.core.builders import NOW, at, intent, make_policy, moved, pair, run, sent

CAUSE = Field.ROOT_CAUSE
POLICY = replace(
    make_policy(),
    s2e_longest_request=timedelta(seconds=30),
    cmms_longest_request=timedelta(seconds=90),
    s2e_read_lag=timedelta(seconds=60),
    cmms_read_lag=timedelta(seconds=5),
)
WRITES = {CAUSE: Write("old", "new", "new")}


@pytest.mark.parametrize(
    ("side", "given_up_s", "answered_s", "until_s"),
    [
        (Side.S2E, None, 2, 2),
        (Side.CMMS, None, 2, 2),
        (Side.S2E, None, None, 30),
        (Side.CMMS, None, None, 90),
        # It waited for its turn, or was made of several requests: the last one left until then.
        (Side.S2E, 200, None, 230),
        (Side.CMMS, 200, None, 290),
    ],
)
def test_the_last_moment_at_which_a_write_may_have_been_applied(
    side: Side, given_up_s: float | None, answered_s: float | None, until_s: float
) -> None:
    one = intent(
        side,
        WRITES,
        state=IntentState.IN_DOUBT if answered_s is None else IntentState.ANSWERED,
        answered_at=None if answered_s is None else at(answered_s),
        given_up_at=None if given_up_s is None else at(given_up_s),
    )
    assert arrives_by(one, POLICY) == at(until_s)


@pytest.mark.parametrize(
    ("side", "read_s", "known"),
    [
        (Side.S2E, 60, False),
        (Side.S2E, 89.9, False),
        (Side.S2E, 90, True),
        (Side.CMMS, 5, False),
        (Side.CMMS, 94.9, False),
        (Side.CMMS, 95, True),
    ],
)
def test_an_update_in_doubt_is_not_applied_only_when_it_can_no_longer_arrive(
    side: Side, read_s: float, known: bool
) -> None:
    doubted = intent(side, WRITES, state=IntentState.IN_DOUBT)
    s2e, cmms = ("old", "new") if side is Side.S2E else ("new", "old")
    case = pair(
        {CAUSE: s2e},
        {CAUSE: cmms},
        base_s2e={CAUSE: "old"},
        base_cmms={CAUSE: "old"},
        intents=[doubted],
        seen_at=at(read_s),
    )
    decision = run(case, POLICY, at(200))
    assert [one.state for one in decision.verdicts] == [IntentState.NOT_APPLIED] * known
    assert sent(decision, side) == ({CAUSE: "new"} if known else {})
    assert (CAUSE in decision.waiting) is not known


def test_a_write_that_came_late_has_a_read_lag_of_its_own() -> None:
    """Sent at 0 s, applied at 30 s, read back at once. Another server shows the old value until
    90 s, which is nobody's edit."""
    late = replace(
        intent(Side.S2E, {CAUSE: replace(WRITES[CAUSE], verdict=IntentState.CONFIRMED)}),
        state=IntentState.CONFIRMED,
        answered_at=None,
    )
    both = {CAUSE: "new"}
    for read_s, settled in ((70, False), (89.9, False), (90, True)):
        case = pair({CAUSE: "old"}, both, base_s2e=both, base_cmms=both, seen_at=at(read_s))
        decision = run(replace(case, recent=(late,)), POLICY, at(100))
        assert bool(sent(decision, Side.CMMS)) is settled
        assert not moved(decision)
    assert late.started_at == NOW
