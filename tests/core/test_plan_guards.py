"""The guards: what latches them, what does not, and what a release allows."""

from collections.abc import Iterable, Sequence

import pytest

from syncd.core.case import Case, Link
from syncd.core.decision import Change, Decision
from syncd.core.planning.guards import FieldHours, Guard, GuardCounts, Latch, not_found_latch
from syncd.core.planning.plan import Plan, decide, guard_plan
from syncd.core.policy import Mode, Policy
from syncd.core.work_order import CMMS_OWNED, Field, Side, Status, Value
from tests.core.builders import NOW, make_policy, order, record

POLICY = make_policy(mode=Mode.CREATE)
FIRST = (Guard.FIRST_SYNC, Side.CMMS)


def create(number: int) -> Decision:
    return Decision(Case(f"wo_{number}"), create={Field.TITLE: f"Pump {number}"})


def change(number: int, side: Side, name: Field, value: Value) -> Decision:
    return Decision(
        Case(f"wo_{number}"),
        changes=(Change(side, name, "before", value, value, "test"),),
    )


def creates(count: int) -> list[Decision]:
    return [create(number) for number in range(count)]


def changes(
    count: int, side: Side, name: Field = Field.ROOT_CAUSE, value: Value | None = ""
) -> list[Decision]:
    """Changes of so many orders; each to a value of its own unless one is given."""
    return [
        change(number, side, name, f"value {number}" if value == "" else value)
        for number in range(count)
    ]


def planned(decisions: Sequence[Decision], facts: GuardCounts, policy: Policy = POLICY) -> Plan:
    return guard_plan(decisions, policy, facts)


def keys(latches: Iterable[Latch]) -> set[tuple[Guard, Side | None]]:
    return {(latch.guard, latch.side) for latch in latches}


# ── first sync ───────────────────────────────────────────────────────────────────────────


def test_200_creations_pass() -> None:
    plan = planned(creates(200), GuardCounts())
    assert not plan.latches
    assert len(plan.creates()) == 200


def test_201_creations_latch_a_guard_that_names_the_count_and_create_nothing() -> None:
    plan = planned(creates(201), GuardCounts())
    (latch,) = plan.latches
    assert (latch.guard, latch.side, latch.count, latch.limit) == (*FIRST, 201, 200)
    assert "201" in latch.detail
    assert plan.creates() == ()
    assert plan.sendable() == ()
    assert len(plan.guarded()) == 201


@pytest.mark.parametrize(("created", "more", "latched"), [(150, 50, False), (150, 51, True)])
def test_creations_done_and_planned_are_counted_over_all_cycles(
    created: int, more: int, latched: bool
) -> None:
    plan = planned(creates(more), GuardCounts(created=created))
    assert bool(plan.latches) == latched
    assert len(plan.creates()) == (0 if latched else more)


def test_without_creations_planned_those_done_do_not_latch() -> None:
    assert not planned([], GuardCounts(created=500)).latches


def test_creations_are_not_counted_once_the_first_sync_is_over() -> None:
    assert not planned(creates(900), GuardCounts(first_sync_open=False, created=900)).latches


def test_the_limit_is_a_setting() -> None:
    policy = Policy({}, frozenset(Field), frozenset(), mode=Mode.CREATE, first_sync_max=3)
    assert not planned(creates(3), GuardCounts(), policy).latches
    assert planned(creates(4), GuardCounts(), policy).latches[0].limit == 3


def test_a_latched_first_sync_stays_latched_until_it_is_released() -> None:
    plan = planned(creates(1), GuardCounts(latched=frozenset({FIRST})))
    assert keys(plan.latches) == {FIRST}
    assert plan.creates() == ()


def test_a_released_first_sync_is_released_for_good() -> None:
    facts = GuardCounts(first_sync_open=False, created=100, allowed={FIRST: 250})
    plan = planned(creates(150), facts)
    assert not plan.latches
    assert plan.spent == ()
    assert len(plan.creates()) == 150


def test_a_first_sync_latch_does_not_hold_changes_back() -> None:
    updates = [change(1000, Side.CMMS, Field.ROOT_CAUSE, "x")]
    plan = planned([*creates(201), *updates], GuardCounts(linked=10))
    assert plan.updates(Side.CMMS) == tuple(updates)
    assert plan.sendable() == tuple(updates)


# ── mass change ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("linked", "allowed"), [(0, 50), (10, 50), (166, 50), (167, 50), (200, 60), (1000, 300)]
)
def test_a_mass_change_is_more_than_50_and_more_than_30_percent(
    side: Side, linked: int, allowed: int
) -> None:
    facts = GuardCounts(linked=linked)
    assert not planned(changes(allowed, side), facts).latches
    plan = planned(changes(allowed + 1, side), facts)
    (latch,) = [latch for latch in plan.latches if latch.guard is Guard.MASS_CHANGE]
    assert (latch.side, latch.count, latch.limit) == (side, allowed + 1, allowed)
    assert plan.updates(side) == ()


def test_a_mass_change_of_one_side_leaves_the_other_alone() -> None:
    other = [change(900, Side.S2E, Field.RESOLUTION, "fixed")]
    plan = planned([*changes(51, Side.CMMS), *other], GuardCounts(linked=100))
    assert plan.updates(Side.CMMS) == ()
    assert plan.updates(Side.S2E) == tuple(other)
    assert not plan.refuses_creates()


def test_records_are_counted_not_fields() -> None:
    both = tuple(
        Change(Side.CMMS, name, "before", f"after {number}", "x", "test")
        for number, name in enumerate((Field.TITLE, Field.ROOT_CAUSE, Field.RESOLUTION))
    )
    decisions = [Decision(Case(f"wo_{number}"), changes=both) for number in range(19)]
    assert not planned(decisions, GuardCounts(linked=100)).latches


def test_the_sizes_of_the_guard_are_settings() -> None:
    policy = Policy({}, frozenset(Field), frozenset(), guard_percent=10, guard_min=2)
    assert not planned(changes(10, Side.CMMS), GuardCounts(linked=100), policy).latches
    assert planned(changes(11, Side.CMMS), GuardCounts(linked=100), policy).latches


@pytest.mark.parametrize("name", sorted(CMMS_OWNED))
def test_our_own_bookkeeping_is_not_counted(name: Field) -> None:
    for value in ("", "the same on all", None):
        assert not planned(changes(500, Side.S2E, name, value), GuardCounts(linked=500)).latches


def test_creations_are_not_counted_as_changes() -> None:
    facts = GuardCounts(linked=10, first_sync_open=False)
    assert not planned(creates(500), facts).latches


@pytest.mark.parametrize(("count", "latched"), [(80, False), (81, True)])
def test_a_release_allows_up_to_the_released_count(count: int, latched: bool) -> None:
    facts = GuardCounts(linked=100, allowed={(Guard.MASS_CHANGE, Side.CMMS): 80})
    plan = planned(changes(count, Side.CMMS), facts)
    assert bool(plan.latches) == latched
    assert len(plan.updates(Side.CMMS)) == (0 if latched else count)
    assert plan.spent == ()


def test_a_release_of_one_side_is_none_of_the_other() -> None:
    facts = GuardCounts(linked=100, allowed={(Guard.MASS_CHANGE, Side.CMMS): 80})
    assert planned(changes(60, Side.S2E), facts).latches


def test_a_release_is_spent_when_the_plan_is_within_limits_again() -> None:
    key = (Guard.MASS_CHANGE, Side.CMMS)
    plan = planned(changes(50, Side.CMMS), GuardCounts(linked=100, allowed={key: 80}))
    assert plan.spent == (key,)
    assert not plan.latches


def test_a_latched_mass_change_stays_latched_when_the_plan_shrinks() -> None:
    key = (Guard.MASS_CHANGE, Side.CMMS)
    plan = planned(changes(1, Side.CMMS), GuardCounts(linked=100, latched=frozenset({key})))
    assert keys(plan.latches) == {key}
    assert plan.updates(Side.CMMS) == ()


# ── dangerous ────────────────────────────────────────────────────────────────────────────

DANGERS = [
    pytest.param(Field.STATUS, Status.CANCELLED, id="cancelled"),
    pytest.param(Field.DESCRIPTION, None, id="blanked"),
    pytest.param(Field.TITLE, "untitled", id="one value"),
]


@pytest.mark.parametrize(("name", "value"), DANGERS)
@pytest.mark.parametrize(
    ("linked", "allowed"), [(0, 19), (50, 19), (199, 19), (200, 20), (400, 40)]
)
def test_dangerous_is_more_than_10_percent_and_at_least_20(
    name: Field, value: Value, linked: int, allowed: int
) -> None:
    facts = GuardCounts(linked=linked)
    assert not planned(changes(allowed, Side.CMMS, name, value), facts).latches
    plan = planned(changes(allowed + 1, Side.CMMS, name, value), facts)
    assert keys(plan.latches) == {(Guard.DANGEROUS, Side.CMMS)}
    assert plan.latches[0].count == allowed + 1
    assert plan.updates(Side.CMMS) == ()


@pytest.mark.parametrize(("name", "value"), DANGERS)
def test_what_was_sent_within_the_hour_counts(name: Field, value: Value) -> None:
    recent = [(f"wo_{number}", name, value) for number in range(100, 115)]
    facts = GuardCounts(linked=100, recent={Side.CMMS: recent})
    assert not planned(changes(4, Side.CMMS, name, value), facts).latches
    plan = planned(changes(5, Side.CMMS, name, value), facts)
    assert keys(plan.latches) == {(Guard.DANGEROUS, Side.CMMS)}


def test_the_same_order_twice_counts_once() -> None:
    recent = [("wo_1", Field.STATUS, Status.CANCELLED)] * 50
    facts = GuardCounts(linked=100, recent={Side.CMMS: recent})
    assert not planned(changes(2, Side.CMMS, Field.STATUS, Status.CANCELLED), facts).latches


def test_what_was_sent_alone_latches_nothing() -> None:
    recent = [(f"wo_{number}", Field.STATUS, Status.CANCELLED) for number in range(30)]
    assert not planned([], GuardCounts(linked=100, recent={Side.CMMS: recent})).latches


@pytest.mark.parametrize("name", [Field.STATUS, Field.PRIORITY])
def test_one_status_or_priority_on_many_is_nothing_odd(name: Field) -> None:
    assert not planned(
        changes(40, Side.CMMS, name, Status.COMPLETED), GuardCounts(linked=400)
    ).latches


def test_different_values_on_many_are_nothing_odd() -> None:
    assert not planned(changes(45, Side.CMMS, Field.TITLE), GuardCounts(linked=100)).latches


def test_a_released_danger_passes_up_to_its_count() -> None:
    key = (Guard.DANGEROUS, Side.CMMS)
    facts = GuardCounts(linked=100, allowed={key: 25})
    cancel = (Field.STATUS, Status.CANCELLED)
    assert not planned(changes(25, Side.CMMS, *cancel), facts).latches
    assert planned(changes(26, Side.CMMS, *cancel), facts).latches


# ── sudden ───────────────────────────────────────────────────────────────────────────────

STATUS_KEY = (Side.S2E, Field.STATUS)
SUDDEN = (Guard.SUDDEN, Side.S2E)


def statuses(count: int, rule: str = "cmms_changed") -> list[Decision]:
    """So many orders whose status goes upstream, half of them to each of two values."""
    return [
        Decision(
            Case(f"wo_{number}"),
            changes=(Change(Side.S2E, Field.STATUS, Status.ASSIGNED, value, value, rule),),
        )
        for number in range(count)
        for value in ((Status.IN_PROGRESS, Status.ON_HOLD)[number % 2],)
    ]


def lately(linked: int, written: int = 0, usual: int = 0) -> GuardCounts:
    """Other orders written in the last hour, and how many are usual in one."""
    ids = frozenset(f"wo_{number}" for number in range(1000, 1000 + written))
    return GuardCounts(linked=linked, hours={STATUS_KEY: FieldHours(ids, usual)})


@pytest.mark.parametrize(
    ("linked", "usual", "allowed"),
    [(30, 0, 20), (200, 0, 20), (210, 0, 21), (400, 0, 40), (200, 9, 20), (200, 15, 30)],
)
def test_a_field_that_changes_on_more_than_is_usual_latches(
    linked: int, usual: int, allowed: int
) -> None:
    assert not planned(statuses(allowed), lately(linked, usual=usual)).latches
    plan = planned(statuses(allowed + 1), lately(linked, usual=usual))
    assert keys(plan.latches) == {SUDDEN}
    (latch,) = plan.latches
    assert (latch.count, latch.limit) == (allowed + 1, allowed)
    assert plan.updates(Side.S2E) == ()


def test_a_burst_counts_with_what_was_written_within_the_hour() -> None:
    assert not planned(statuses(11), lately(100, written=9)).latches
    assert keys(planned(statuses(11), lately(100, written=10)).latches) == {SUDDEN}


def test_a_busy_hour_that_comes_one_by_one_latches_nothing() -> None:
    assert not planned(statuses(10), lately(100, written=80)).latches


def test_what_two_sides_have_held_all_along_is_no_sudden_change() -> None:
    assert not planned(statuses(50, "met_cmms"), lately(200)).latches


def test_what_is_sudden_grows_with_the_settings_and_never_shrinks() -> None:
    wide = Policy({}, frozenset(Field), frozenset(), guard_percent=60, guard_min=100)
    assert not planned(statuses(40), lately(100), wide).latches
    assert keys(planned(statuses(41), lately(100), wide).latches) == {SUDDEN}
    narrow = Policy({}, frozenset(Field), frozenset(), guard_percent=50, guard_min=2)
    assert not planned(statuses(20), lately(100), narrow).latches


def test_a_released_sudden_change_passes_and_is_spent_after_it() -> None:
    released = GuardCounts(
        linked=100, allowed={SUDDEN: 45}, hours={STATUS_KEY: FieldHours(frozenset(), 0)}
    )
    assert not planned(statuses(45), released).latches
    assert planned(statuses(46), released).latches
    assert planned(statuses(3), released).spent == (SUDDEN,)


# ── not found ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("live", "allowed"), [(0, 5), (5, 5), (50, 5), (59, 5), (60, 6), (1000, 100)]
)
def test_more_than_5_and_more_than_10_percent_of_404_is_a_fault_of_credentials(
    live: int, allowed: int
) -> None:
    assert not_found_latch(allowed, live) is None
    latch = not_found_latch(allowed + 1, live)
    assert latch is not None
    assert (latch.guard, latch.side, latch.count, latch.limit) == (
        Guard.NOT_FOUND,
        None,
        allowed + 1,
        allowed,
    )


def test_a_latched_404_guard_stops_all_writing() -> None:
    facts = GuardCounts(linked=100, latched=frozenset({(Guard.NOT_FOUND, None)}))
    decisions = [create(1), change(2, Side.S2E, Field.STATUS, Status.COMPLETED)]
    plan = planned(decisions, facts)
    assert keys(plan.latches) == {(Guard.NOT_FOUND, None)}
    assert plan.sendable() == ()
    assert plan.guarded() == {"wo_1", "wo_2"}


# ── the plan ─────────────────────────────────────────────────────────────────────────────


def test_an_order_with_writes_to_both_sides_is_sendable_once() -> None:
    both = Decision(
        Case("wo_1"),
        changes=(
            Change(Side.S2E, Field.STATUS, "a", "b", "b", "test"),
            Change(Side.CMMS, Field.TITLE, "a", "b", "b", "test"),
        ),
    )
    plan = planned([both], GuardCounts(linked=1))
    assert plan.sendable() == (both,)
    assert plan.updates(Side.S2E) == plan.updates(Side.CMMS) == (both,)


def test_a_plan_for_one_order_keeps_the_guards_of_the_whole() -> None:
    plan = planned(creates(201), GuardCounts()).only([create(1)])
    assert len(plan.decisions) == 1
    assert plan.creates() == ()


def test_a_plan_is_a_pure_function_of_its_cases() -> None:
    cases = [
        Case(
            f"wo_{number}",
            s2e=order({Field.ROOT_CAUSE: None}, s2e_id=f"wo_{number}"),
            cmms=record(
                {Field.ROOT_CAUSE: f"worn {number}"}, cmms_id=str(number), s2e_id=f"wo_{number}"
            ),
            link=Link(f"wo_{number}", str(number)),
        )
        for number in range(3)
    ]

    def made() -> Plan:
        return guard_plan(
            [decide(case, POLICY, NOW) for case in cases], POLICY, GuardCounts(linked=3)
        )

    first = made()
    assert first == made()
    assert len(first.updates(Side.S2E)) == 3
