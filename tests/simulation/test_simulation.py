"""The short forms of the judge's commands, and the judge itself judged."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from syncd.core.planning.identity import claims_of
from syncd.core.policy import Scope
from syncd.core.work_order import Side
from syncd.mirror.db.lease import Lease
from tests.simulation import crashes, teeth
from tests.simulation.__main__ import played, quiet
from tests.simulation.cmms import Traits
from tests.simulation.history import EVENTS, draw
from tests.simulation.planted import BUGS, Bug, places_of, planted
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.shrink import shrink
from tests.simulation.small_scope import explore
from tests.simulation.small_world import KINDS, Kind, policy_of
from tests.simulation.steps import CYCLES, History, Step
from tests.simulation.world import Setup

HISTORIES = 1000
_BATCHES = 40  # so that the workers share them; the first runs with the quick tests
_IDLE_LONG, _IDLE_SHORT = 100, 4  # idle cycles after one history of each batch, and the others
_CRASHED = ("an_answer_lost_upstream", "edits_on_both_sides", "first_sync")
_PARTS = 4  # of a scenario's effects, so that the workers share them
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet()


@pytest.mark.parametrize(
    "batch", [0, *(pytest.param(n, marks=pytest.mark.judge) for n in range(1, _BATCHES))]
)
def test_histories_lose_double_and_invent_nothing(batch: int) -> None:
    size = HISTORIES // _BATCHES
    seeds = range(batch * size, (batch + 1) * size)
    failed = {}
    for seed in seeds:
        verdict = played(draw(seed), _IDLE_LONG if seed == seeds[0] else _IDLE_SHORT)
        if verdict.faults:
            failed[seed] = verdict.faults[0]
    assert not failed, f"python -m tests.simulation --seed {min(failed)} shows it"


def test_a_history_has_forty_events_and_more() -> None:
    for seed in range(50):
        steps = draw(seed).steps
        assert sum(step.kind not in CYCLES for step in steps) >= EVENTS


def test_the_same_seed_is_the_same_history_in_another_process() -> None:
    told = []
    for number in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": number}
        command = [sys.executable, "-m", "tests.simulation", "--seed", "12", "--idle", "2"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        told.append(done.stdout)
    assert "nothing to object to" in told[0]
    assert told[0] == told[1]


@pytest.mark.judge
@pytest.mark.parametrize("name", _CRASHED)
@pytest.mark.parametrize("part", range(_PARTS))
def test_a_scenario_killed_at_any_effect_ends_as_if_nothing_had_been(name: str, part: int) -> None:
    whole = played(SCENARIOS[name], 3)
    assert not whole.faults
    points = list(crashes.points(name, whole.counts["effects"]))
    assert len(points) > 100
    for point in points[part::_PARTS]:
        assert crashes.killed(point, whole.ends) == (point, ())


@pytest.mark.judge
def test_a_scenario_killed_twice_ends_as_if_nothing_had_been() -> None:
    name = "a_create_whose_answer_is_lost"
    whole = played(SCENARIOS[name], 3)
    for point in crashes.points(name, whole.counts["effects"], double=True):
        if point.second is not None and point.first % 4 == 0:
            assert crashes.killed(point, whole.ends) == (point, ())


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_ends_well_when_nothing_is_killed(name: str) -> None:
    assert not played(SCENARIOS[name], 3).faults


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("owner", [Side.CMMS, Side.S2E, None])
def test_every_order_of_four_events_loses_nothing(owner: Side | None, kind: Kind) -> None:
    states, tried = explore(4, owner, kind)
    assert states > 1000
    assert tried > states


def test_a_policy_of_the_small_scope_has_the_owner_that_was_asked_for() -> None:
    assert set(policy_of(Side.S2E).owners.values()) == {Side.S2E}


# ── the judge ─────────────────────────────────────────────────────────────────────────────


def test_every_bug_fits_into_the_code() -> None:
    assert len(BUGS) >= 35
    for bug in BUGS.values():
        originals = [original for original, _ in bug.replacements]
        assert originals
        before = [places_of(original) for original in originals]
        with planted(bug):
            assert not any(places_of(original) for original in originals), bug.name
        assert [places_of(original) for original in originals] == before


def test_a_bug_is_planted_wherever_its_function_was_imported() -> None:
    modules = {getattr(holder, "__name__", "") for holder, _ in places_of(claims_of)}
    planning = "syncd.core.planning"
    assert modules == {f"{planning}.{name}" for name in ("identity", "readback", "unlinked")}
    assert places_of(Lease.check) == [(Lease, "check")]


def test_a_bug_whose_function_is_gone_is_an_error() -> None:
    def gone() -> None:
        """No function of syncd."""

    bug = Bug("replaces what is not there", (), [(gone, gone)])
    with pytest.raises(LookupError, match="gone is nowhere in syncd"), planted(bug):
        pass


@pytest.mark.judge
@pytest.mark.parametrize("bug", BUGS.values(), ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    bitten = teeth.bite(bug)
    assert bitten.caught, bitten.objection


def test_a_history_that_fails_is_made_small() -> None:
    history = draw(3)

    def fails(candidate: object) -> bool:
        return history.steps[7] in getattr(candidate, "steps", ())

    small = shrink(history, fails)
    assert small.steps == (history.steps[7],)
    assert small == replace(history, steps=(history.steps[7],))


def test_a_death_that_does_not_happen_is_said() -> None:
    point = crashes.Point("first_sync", 10**6)
    whole = played(SCENARIOS["first_sync"], 0)
    assert crashes.killed(point, whole.ends)[1] == ("nothing was killed",)


def test_a_clock_that_is_set_ahead_ends_no_wait() -> None:
    """A create whose answer was lost is not repeated before the index can show its record."""
    steps = (
        Step("clock", (-3600.0,)), Step("cmms_fault", ("create", "lost", 0)), Step("tick"),
        Step("clock", (0.0,)), Step("tick"),
    )  # fmt: skip
    world = Setup(orders=2, page=2, scope=Scope.ALL, traits=Traits(index_lag_s=130))
    assert not played(History(world, steps), 3).faults


def test_a_change_that_a_rule_puts_back_each_time_comes_to_rest() -> None:
    world = Setup(orders=2, page=2, scope=Scope.ALL, reverts=frozenset({"status"}))
    tick = Step("tick")
    steps = (tick, tick, Step("s2e_edit", (1, "status", "ON_HOLD")), *[tick] * 12)
    verdict = played(History(world, steps), 6)
    assert verdict.counts["writes"] > 6
    assert not verdict.faults


def test_a_step_shows_what_it_does() -> None:
    assert str(Step("wait", (61.0,))) == "wait(61.0,)"
