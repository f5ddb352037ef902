"""Short histories, each about one thing, to be killed at every effect."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from syncd.core.policy import Scope
from tests.simulation.cmms import Traits
from tests.simulation.steps import History, Step
from tests.simulation.world import Setup

_TICK = Step("tick")
_FULL = Step("full")
_SMALL = Setup(orders=2, page=2, scope=Scope.ALL)
_SETTLED = (_TICK, _TICK, Step("wait", (61.0,)), _TICK)


def _s2e(name: str, value: object, who: int = 0) -> Step:
    return Step("s2e_edit", (who, name, value))


def _cmms(name: str, value: object, who: int = 0) -> Step:
    return Step("cmms_edit", (who, name, value))


def _of(*steps: Step, setup: Setup = _SMALL) -> History:
    return History(setup, steps)


_BOTH = (_s2e("title", "new title"), _cmms("status", "COMPLETED"), _s2e("root_cause", "wear"))
_CLOSED = (
    _cmms("status", "COMPLETED"),
    _cmms("root_cause", "wear"),
    _cmms("completed_at", "2026-03-10T12:00:00Z"),
    _cmms("actual_hours", 2.5),
)

SCENARIOS: Mapping[str, History] = MappingProxyType(
    {
        "first_sync": _of(_FULL, _TICK, _TICK),
        "first_sync_of_two_pages": _of(_FULL, _TICK, setup=replace(_SMALL, orders=3)),
        "adoption": _of(
            Step("cmms_add", (0,)), Step("cmms_add", (1,)), _FULL, _TICK,
            setup=replace(_SMALL, create=False),
        ),
        "closing_in_the_cmms": _of(*_SETTLED, *_CLOSED, _TICK, _TICK),
        "edits_upstream": _of(
            *_SETTLED, _s2e("title", "new title"), _s2e("status", "ON_HOLD"), _TICK, _TICK
        ),
        "edits_on_both_sides": _of(*_SETTLED, *_BOTH, _TICK, _TICK),
        "a_conflict_that_the_cmms_wins": _of(
            *_SETTLED, _s2e("resolution", "mine"), _cmms("resolution", "yours"), _TICK, _TICK
        ),
        "a_conflict_that_scan2evolve_wins": _of(
            *_SETTLED, _s2e("resolution", "mine"), _cmms("resolution", "yours"), _TICK, _TICK,
            setup=replace(_SMALL, owners=(("resolution", "s2e"),)),
        ),
        "a_conflict_that_a_person_ends": _of(
            *_SETTLED, _s2e("resolution", "mine"), _cmms("resolution", "yours"), _TICK,
            _TICK,  # whichever of the two is killed, there is a conflict to answer
            Step("answer", ("s2e",)), _TICK, _TICK,
            setup=replace(_SMALL, owners=(("resolution", None),)),
        ),
        "an_answer_lost_upstream": _of(
            *_SETTLED, _cmms("root_cause", "wear"), Step("s2e_fault", ("drop_after", "POST", 0)),
            _TICK, Step("wait", (61.0,)), _TICK, _TICK,
        ),
        "a_request_lost_upstream": _of(
            *_SETTLED, _cmms("root_cause", "wear"), Step("s2e_fault", ("drop_before", "POST", 0)),
            _TICK, Step("wait", (61.0,)), _TICK, _TICK,
        ),
        "an_answer_lost_by_the_cmms": _of(
            *_SETTLED, _s2e("title", "new title"), Step("cmms_fault", ("update", "lost", 0)),
            _TICK, _TICK,
        ),
        "a_create_whose_answer_is_lost": _of(
            Step("cmms_fault", ("create", "lost", 0)), _TICK, _TICK, _TICK
        ),
        "a_create_that_the_index_shows_late": _of(
            Step("cmms_fault", ("create", "lost", 0)), _TICK, _TICK, Step("wait", (130.0,)), _TICK,
            setup=replace(_SMALL, traits=Traits(index_lag_s=100)),
        ),
        "reads_that_lag": _of(
            *_SETTLED, _cmms("root_cause", "wear"), _TICK, _TICK, _TICK,
            setup=replace(_SMALL, s2e_lag_s=55),
        ),
        "a_side_that_normalises": _of(
            *_SETTLED, _s2e("title", " much " + "too long " * 12), _cmms("actual_hours", 1.26),
            _TICK, _TICK, setup=replace(_SMALL, traits=Traits(normalises=True)),
        ),
        "an_order_deleted_upstream": _of(*_SETTLED, Step("s2e_delete", (0,)), _FULL, _TICK, _FULL),
        "a_record_deleted_in_the_cmms": _of(
            *_SETTLED, Step("cmms_delete", (0,)), _FULL, _TICK, _FULL
        ),
        "a_cmms_that_locks": _of(
            *_SETTLED, _s2e("title", "new title"), _s2e("status", "ON_HOLD", 1), _TICK, _TICK,
            setup=replace(_SMALL, traits=Traits(locks=True)),
        ),
        "a_new_order_and_a_full_read": _of(
            *_SETTLED, Step("s2e_add", ("ASSIGNED",)), _TICK,
            _TICK,  # whichever of the two is killed, there is a record to edit
            _cmms("status", "ON_HOLD", 2), _FULL
        ),
    }
)  # fmt: skip
