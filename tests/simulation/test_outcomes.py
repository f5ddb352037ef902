"""No outcome of a write is silent: each has a state, an event, and a way on."""

from pathlib import Path

import pytest

from syncd.core.case import IntentState
from syncd.core.work_order import Side
from syncd.mirror.decided.holds import retry_holds
from tests.simulation.outcome_table import OUTCOMES, lines
from tests.simulation.outcomes import (
    ANSWERS,
    IMPOSSIBLE,
    KINDS,
    LATER,
    answering,
    begun,
    drive,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "outcomes.md"
_WRITTEN = {IntentState.CONFIRMED, IntentState.ALTERED, IntentState.ANSWERED}


def test_every_answer_to_every_kind_of_write_is_in_the_table() -> None:
    cells = {(kind, answer) for kind in KINDS for answer in ANSWERS}
    assert cells == OUTCOMES.keys() | IMPOSSIBLE.keys()
    assert not OUTCOMES.keys() & IMPOSSIBLE.keys()
    assert all(IMPOSSIBLE.values())


@pytest.mark.parametrize(("kind", "answer"), sorted(OUTCOMES))
def test_no_outcome_is_silent(kind: str, answer: str) -> None:
    """What has not arrived is in an event and is tried again or parked; and `once` says so."""
    outcome = OUTCOMES[kind, answer]
    assert outcome.state
    assert outcome.events
    assert outcome.tries > 0
    if outcome.state in _WRITTEN:
        return
    goes_on = outcome.ends or outcome.tries >= LATER or outcome.state == IntentState.IN_DOUBT
    assert goes_on or outcome.code == 77, "it is forgotten"
    is_parked = outcome.held and not outcome.held.endswith("…")
    assert is_parked or outcome.code, "`once` says that all is well"


@pytest.mark.parametrize(("kind", "answer"), sorted(OUTCOMES))
def test_what_comes_of_a_write(tmp_path: Path, kind: str, answer: str) -> None:
    assert drive(tmp_path, kind, answer) == OUTCOMES[kind, answer]


@pytest.mark.parametrize("answer", ["5xx", "no connection", "409, 412", "HTML, or wrong JSON"])
def test_a_write_that_keeps_failing_is_never_called_done(tmp_path: Path, answer: str) -> None:
    """Also in the cycles in which it waits for its next try."""
    world = begun(tmp_path, "update", answer)
    for _ in range(8):
        done = world.tick(full=True)
        assert done is not None
        assert done.result == "partial" or done.waiting["parked"]
    answering(world, "")
    world.clock.sleep(1000)
    world.person(lambda tx: retry_holds(tx, Side.CMMS, ["changed"]))
    for _ in range(3):
        done = world.tick(full=True)
    assert done is not None
    assert (done.result, done.waiting["parked"]) == ("complete", 0)


def test_the_page_has_the_table() -> None:
    assert "\n".join(lines()) in PAGE.read_text()
