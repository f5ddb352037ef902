"""Which lines of a plan still hold: nothing is let through that a line does not say."""

from dataclasses import replace

import pytest

from syncd.core.case import Case, Conflict, Hold, IntentState, Write
from syncd.core.planning.plan import decide
from syncd.core.planning.selection import PlanLine, choose, lines_of
from syncd.core.policy import Mode
from syncd.core.work_order import Field, Side, Status, Value
from tests.core.builders import NOW, at, intent, make_policy, order, pair

POLICY = make_policy()
BASES: dict[Field, Value] = {Field.STATUS: Status.ASSIGNED, Field.ROOT_CAUSE: None}
CHANGED: dict[Field, Value] = {Field.STATUS: Status.ON_HOLD, Field.ROOT_CAUSE: "Rust"}


def changed() -> Case:
    """The CMMS has changed two fields."""
    return pair(BASES, CHANGED, base_s2e=BASES, base_cmms=BASES)


def planned(case: Case) -> dict[Field, PlanLine]:
    return {line.field: line for line in lines_of(decide(case, POLICY, NOW))}


def chosen(case: Case, *lines: PlanLine) -> tuple[set[Field], dict[int, str]]:
    decision, left = choose(decide(case, POLICY, NOW), dict(enumerate(lines)), NOW)
    return {change.field for change in decision.changes}, left


def test_a_line_that_holds_is_let_through_and_nothing_else() -> None:
    case = changed()
    decision, left = choose(decide(case, POLICY, NOW), {2: planned(case)[Field.STATUS]}, NOW)
    assert [change.field for change in decision.changes] == [Field.STATUS]
    assert left == {}
    assert decision.read_again  # the other one is not forgotten


def test_a_decision_of_which_all_is_let_through_is_as_it_was() -> None:
    case = changed()
    decision = decide(case, POLICY, NOW)
    assert choose(decision, dict(enumerate(planned(case).values())), NOW) == (decision, {})


def test_a_line_that_nobody_plans_is_never_let_through() -> None:
    invented = replace(planned(changed())[Field.STATUS], to=Status.COMPLETED)
    assert chosen(changed(), invented) == (set(), {0: "it would become ON_HOLD now"})
    case = pair(BASES, BASES, base_s2e=BASES, base_cmms=BASES)
    assert chosen(case, invented) == (set(), {0: "the planner no longer plans it"})


@pytest.mark.parametrize(
    ("s2e", "cmms", "why"),
    [
        ({Field.STATUS: Status.ON_HOLD}, {}, "it holds this already"),
        ({Field.STATUS: Status.CANCELLED}, {}, "from is now CANCELLED"),
        ({}, {Field.STATUS: Status.CANCELLED}, "it would become CANCELLED now"),
        (
            {Field.STATUS: Status.CANCELLED},
            {Field.STATUS: Status.CANCELLED},
            "from is now CANCELLED",
        ),
    ],
)
def test_a_side_that_has_changed_since_is_named(
    s2e: dict[Field, Value], cmms: dict[Field, Value], why: str
) -> None:
    case = pair(BASES | s2e, CHANGED | cmms, base_s2e=BASES, base_cmms=BASES)
    assert chosen(case, planned(changed())[Field.STATUS]) == (set(), {0: why})


def test_an_order_that_was_not_seen_just_now_is_not_written() -> None:
    status = planned(changed())[Field.STATUS]
    late = replace(changed(), s2e_seen_at=at(-1))
    assert chosen(late, status) == (set(), {0: "Scan2Evolve does not show the order now"})
    late = replace(changed(), cmms_seen_at=at(-1))
    assert chosen(late, status) == (set(), {0: "the CMMS does not show the record now"})


def test_another_link_than_the_lines_is_named() -> None:
    status = replace(planned(changed())[Field.STATUS], cmms_id="8")
    assert chosen(changed(), status) == (set(), {0: "the order is linked to record 4711 now"})


def test_an_order_that_takes_no_part_any_more_is_not_written() -> None:
    case = replace(changed(), tombstone=True)
    why = "the order takes no part: deleted_upstream"
    assert chosen(case, planned(changed())[Field.STATUS]) == (set(), {0: why})


def test_what_is_parked_or_waits_for_a_person_is_named() -> None:
    held = Hold(Side.S2E, Field.ROOT_CAUSE, "refused", "Rust")
    case = replace(changed(), holds=(held,))
    cause = planned(changed())[Field.ROOT_CAUSE]
    assert chosen(case, cause) == (set(), {0: "it is parked: refused"})
    policy = make_policy(owner=None)
    both = pair(
        BASES | {Field.ROOT_CAUSE: "Wear"}, CHANGED, base_s2e=BASES, base_cmms=BASES,
        conflicts=[Conflict(Field.ROOT_CAUSE, "Wear", "Rust", None)],
    )  # fmt: skip
    line = replace(cause, before="Wear")
    _, left = choose(decide(both, policy, NOW), {2: line}, NOW)
    assert left == {2: "it is a conflict that waits for a person"}


def test_a_write_under_way_comes_first() -> None:
    writes = {Field.RESOLUTION: Write(None, "x", "x")}
    doubted = intent(Side.S2E, writes, state=IntentState.IN_DOUBT)
    case = replace(
        pair(
            BASES | {Field.RESOLUTION: None},
            CHANGED | {Field.RESOLUTION: "x"},
            base_s2e=BASES | {Field.RESOLUTION: None},
            base_cmms=BASES | {Field.RESOLUTION: None},
        ),
        intents=(doubted,),
    )
    why = "a write to the order is under way"
    assert chosen(case, planned(changed())[Field.STATUS]) == (set(), {0: why})


# ── creating ──────────────────────────────────────────────────────────────────────────────

CREATE = make_policy(mode=Mode.CREATE)
NEW = {Field.TITLE: "Pump", Field.STATUS: Status.ASSIGNED, Field.LOCATION: "Hall 1"}


def unlinked(**fields: str) -> Case:
    told = NEW | {Field(name): value for name, value in fields.items()}
    return Case("wo_1", s2e=order(told), s2e_seen_at=NOW)


def create_lines() -> dict[int, PlanLine]:
    return dict(enumerate(lines_of(decide(unlinked(), CREATE, NOW))))


def test_a_create_holds_as_a_whole() -> None:
    decision = decide(unlinked(), CREATE, NOW)
    assert choose(decision, create_lines(), NOW) == (decision, {})
    edited = decide(unlinked(title="Other pump"), CREATE, NOW)
    chosen_, left = choose(edited, create_lines(), NOW)
    assert chosen_.create is None
    assert chosen_.read_again
    assert set(left.values()) == {"title would be Other pump now"}
    assert len(left) == len(NEW)


def test_a_create_may_be_told_without_some_fields() -> None:
    lines = {n: line for n, line in create_lines().items() if line.field is not Field.LOCATION}
    decision, left = choose(decide(unlinked(), CREATE, NOW), lines, NOW)
    assert decision.create == {Field.TITLE: "Pump", Field.STATUS: Status.ASSIGNED}
    assert left == {}


def test_a_field_that_is_empty_by_now_leaves_the_create_out() -> None:
    fields = {Field.TITLE: "Pump", Field.STATUS: Status.ASSIGNED}
    case = Case("wo_1", s2e=order(fields), s2e_seen_at=NOW)
    _, left = choose(decide(case, CREATE, NOW), create_lines(), NOW)
    assert set(left.values()) == {"location is empty now"}


def test_an_order_with_a_record_is_not_created_again() -> None:
    _, left = choose(decide(changed(), CREATE, NOW), create_lines(), NOW)
    assert set(left.values()) == {"the order has record 4711 already"}
