"""The rules of docs: who may write what, the first meeting, the merge. A test for each sentence."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from syncd.core.case import Case, Conflict, Hold, IntentState, Link, Write
from syncd.core.decision import as_fields
from syncd.core.fitting import utf16_units
from syncd.core.planning.created import created_bases
from syncd.core.planning.merge import reconcile
from syncd.core.policy import Mode, Overflow, Policy
from syncd.core.work_order import (
    CMMS_OWNED,
    S2E_OWNED,
    SHARED,
    TERMINAL_STATUSES,
    Field,
    Priority,
    Side,
    Status,
    Unreadable,
    Value,
    ValueKind,
    kind_of,
)
from tests.core.builders import (
    CMMS_ID,
    NOW,
    S2E_ID,
    at,
    field_case,
    intent,
    keep,
    make_policy,
    moved,
    only_change,
    order,
    pair,
    record,
    run,
    sent,
    unlinked,
)

CAUSE, TITLE, STATUS = Field.ROOT_CAUSE, Field.TITLE, Field.STATUS
MANUAL = make_policy(owner=None)
S2E_WINS = make_policy(owner=Side.S2E)
CMMS_WINS = make_policy(owner=Side.CMMS)


def values_of(name: Field) -> tuple[Value, Value]:
    """Two different values that the field may hold on either side."""
    by_kind: Mapping[ValueKind, tuple[Value, Value]] = {
        ValueKind.TEXT: ("one", "two"),
        ValueKind.HOURS: (Decimal(1), Decimal("2.5")),
        ValueKind.TIME: (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)),
        ValueKind.STATUS: (Status.ASSIGNED, Status.IN_PROGRESS),
        ValueKind.PRIORITY: (Priority.LOW, Priority.HIGH),
    }
    if name is Field.EXTERNAL_URL:
        return "https://cmms.example/1", "https://cmms.example/2"
    return by_kind[kind_of(name)]


# ── who may write what ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(S2E_OWNED))
def test_what_scan2evolve_owns_is_written_to_the_cmms(name: Field) -> None:
    old, new = values_of(name)
    change = only_change(run(field_case(name, (old, old), new, old)))
    assert (change.side, change.value, change.rule) == (Side.CMMS, new, "s2e_changed")


@pytest.mark.parametrize("name", sorted(S2E_OWNED))
def test_a_cmms_edit_to_what_scan2evolve_owns_is_drift_and_reported(name: Field) -> None:
    old, new = values_of(name)
    decision = run(field_case(name, (old, old), old, new))
    assert not decision.writes
    assert [(d.side, d.value, d.reason) for d in decision.drifts] == [
        (Side.CMMS, new, "not_writable")
    ]


@pytest.mark.parametrize("name", sorted(S2E_OWNED))
def test_a_cmms_edit_to_what_scan2evolve_owns_is_overwritten_where_set(name: Field) -> None:
    old, new = values_of(name)
    decision = run(field_case(name, (old, old), old, new), make_policy(overwrite_drift=True))
    change = only_change(decision)
    assert (change.side, change.value, change.rule) == (Side.CMMS, old, "drift_overwritten")
    assert not decision.drifts


def test_drift_that_cannot_be_overwritten_is_reported_as_the_cmms_edit_it_is() -> None:
    case = field_case(TITLE, ("one", "one"), "one", "two")
    decision = run(case, make_policy(overwrite_drift=True, writes=frozenset()))
    assert [(d.side, d.value) for d in decision.drifts] == [(Side.CMMS, "two")]


def test_drift_is_over_when_the_edit_is_taken_back() -> None:
    decision = run(field_case(TITLE, ("one", "one"), "one", "one"))
    assert not decision.drifts
    assert (Side.CMMS, TITLE) in decision.drift_over


@pytest.mark.parametrize("name", sorted(CMMS_OWNED))
def test_what_the_cmms_owns_is_written_upstream(name: Field) -> None:
    new = values_of(name)[1]
    change = only_change(run(field_case(name, (None, None), None, new)))
    assert (change.side, change.value) == (Side.S2E, new)


@pytest.mark.parametrize("name", sorted(CMMS_OWNED))
def test_an_upstream_edit_to_what_the_cmms_owns_never_reaches_the_cmms(name: Field) -> None:
    """Not even where an adapter says that it could write it: an adapter never widens."""
    old, new = values_of(name)
    decision = run(field_case(name, (old, old), new, old), make_policy(writes=frozenset(Field)))
    assert not decision.writes
    assert decision.drifts or decision.holds


@pytest.mark.parametrize("name", sorted(SHARED))
def test_a_shared_field_is_written_either_way(name: Field) -> None:
    old, new = values_of(name)
    assert sent(run(field_case(name, (old, old), new, old)), Side.CMMS) == {name: new}
    assert sent(run(field_case(name, (old, old), old, new)), Side.S2E) == {name: new}


@pytest.mark.parametrize("name", sorted(SHARED))
@pytest.mark.parametrize("owner", list(Side))
def test_the_owner_of_a_shared_field_wins_a_conflict(name: Field, owner: Side) -> None:
    one, two = values_of(name)
    decision = run(field_case(name, (None, None), one, two), make_policy(owner=owner))
    winning = one if owner is Side.S2E else two
    assert sent(decision, owner.other) == {name: winning}
    assert not sent(decision, owner)
    (conflict,) = decision.conflicts
    assert (conflict.s2e, conflict.cmms, conflict.winner) == (one, two, owner)


def test_the_default_owner_is_the_cmms() -> None:
    assert {replace(MANUAL, owners={}).owner(name) for name in SHARED} == {Side.CMMS}


def test_manual_parks_the_field_and_the_rest_of_the_record_flows() -> None:
    case = pair(
        {CAUSE: "one", STATUS: Status.IN_PROGRESS, TITLE: "new"},
        {CAUSE: "two", STATUS: Status.ASSIGNED, TITLE: "old"},
        base_s2e={CAUSE: None, STATUS: Status.ASSIGNED, TITLE: "old"},
        base_cmms={CAUSE: None, STATUS: Status.ASSIGNED, TITLE: "old"},
    )
    decision = run(case, MANUAL)
    assert decision.conflicts == (Conflict(CAUSE, "one", "two", None),)
    assert sent(decision, Side.CMMS) == {STATUS: Status.IN_PROGRESS, TITLE: "new"}
    assert not sent(decision, Side.S2E)


# ── a person's answer ────────────────────────────────────────────────────────────────────


def answered(side: Side, **more: object) -> Case:
    case = field_case(CAUSE, ("old", "old"), "one", "two")
    return replace(
        case,
        conflicts=(Conflict(CAUSE, "one", "two", None),),
        answers={CAUSE: side},
        **more,  # type: ignore[arg-type]  # fields of Case, by name
    )


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("policy", [MANUAL, S2E_WINS, CMMS_WINS])
def test_an_answer_decides_whoever_owns_the_field(side: Side, policy: Policy) -> None:
    decision = run(answered(side), policy)
    change = only_change(decision)
    assert change.side is side.other
    assert change.rule == "conflict_answer"
    assert change.value == ("one" if side is Side.S2E else "two")


def test_an_answer_is_needed_until_its_write_has_been_read_back() -> None:
    case = answered(Side.CMMS)
    assert not run(case, MANUAL).resolved
    write = Write("one", "two", "two")
    unread = replace(case, intents=(intent(Side.S2E, {CAUSE: write}),), s2e_seen_at=at(1))
    assert not run(unread, MANUAL, at(1)).resolved
    confirmed = replace(unread, s2e=order({CAUSE: "two"}))
    assert run(confirmed, MANUAL, at(1)).resolved == (CAUSE,)


def test_an_answer_is_kept_while_its_write_has_to_wait() -> None:
    """Held back, another outcome unknown, or unreadable just now: the answer is not used up."""
    hold = Hold(Side.S2E, CAUSE, "ignored", "two", tries=1, until=at(60))
    unknown = intent(
        Side.S2E,
        {Field.RESOLUTION: Write(None, "b", "b")},
        state=IntentState.IN_DOUBT,
    )
    waits = [
        answered(Side.CMMS, holds=(hold,)),
        answered(Side.CMMS, intents=(unknown,)),
        answered(Side.CMMS, s2e=order({CAUSE: Unreadable("{}", "is not text")})),
    ]
    for case in waits:
        decision = run(case, MANUAL)
        assert not decision.writes
        assert not decision.resolved


@pytest.mark.parametrize(("owner", "goes_to"), [(Side.CMMS, Side.S2E), (Side.S2E, Side.CMMS)])
def test_an_old_value_after_a_later_edit_is_a_dispute_and_in_the_log(
    owner: Side, goes_to: Side
) -> None:
    """Ignored, or taken and put back by a person? Either way nothing is lost in silence."""
    write = Write("one", "two", "two")
    sent_at = intent(Side.S2E, {CAUSE: write}, last_synced_before=at(-600))
    case = pair(
        {CAUSE: "one"},
        {CAUSE: "two"},
        base_s2e={CAUSE: "one"},
        base_cmms={CAUSE: "one"},
        intents=[sent_at],
        seen_at=at(120),
        last_synced_at=at(1),
    )
    assert case.s2e is not None
    edited = replace(case, s2e=replace(case.s2e, updated_at=at(60)))
    decision = run(edited, make_policy(owner=owner), at(120))
    assert [(c.s2e, c.cmms, c.winner) for c in decision.conflicts] == [("one", "two", owner)]
    assert only_change(decision).side is goes_to
    quiet = replace(case, s2e=replace(case.s2e, updated_at=at(1)))
    assert not run(quiet, make_policy(owner=owner), at(120)).conflicts  # nobody was there


def test_a_conflict_is_over_when_people_agree_by_themselves() -> None:
    case = replace(
        field_case(CAUSE, ("old", "old"), "same", "same"),
        conflicts=(Conflict(CAUSE, "one", "two", None),),
    )
    decision = run(case, MANUAL)
    assert decision.resolved == (CAUSE,)
    assert moved(decision) == {CAUSE: ("same", "same")}


def test_a_conflict_that_still_is_one_is_not_over() -> None:
    case = replace(
        field_case(CAUSE, ("old", "old"), "one", "two"),
        conflicts=(Conflict(CAUSE, "one", "two", None),),
    )
    assert not run(case, MANUAL).resolved


# ── reopening ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ended", sorted(TERMINAL_STATUSES))
@pytest.mark.parametrize("side", list(Side))
def test_an_edit_away_from_a_terminal_status_is_an_edit_like_any_other(
    ended: Status, side: Side
) -> None:
    s2e, cmms = (Status.IN_PROGRESS, ended) if side is Side.S2E else (ended, Status.IN_PROGRESS)
    decision = run(field_case(STATUS, (ended, ended), s2e, cmms))
    assert sent(decision, side.other) == {STATUS: Status.IN_PROGRESS}


@pytest.mark.parametrize("ended", sorted(TERMINAL_STATUSES))
def test_without_reopening_such_an_edit_is_parked(ended: Status) -> None:
    policy = make_policy(allow_reopen=False)
    case = field_case(STATUS, (ended, ended), ended, Status.IN_PROGRESS)
    decision = run(case, policy)
    assert not decision.writes
    assert [hold.reason for hold in decision.holds] == ["would_reopen"]
    again = run(keep(case, decision), policy)
    assert not again.holds
    assert not again.lifted


def test_without_reopening_one_end_may_still_become_another() -> None:
    ended = (Status.COMPLETED, Status.COMPLETED)
    case = field_case(STATUS, ended, Status.COMPLETED, Status.CANCELLED)
    assert sent(run(case, make_policy(allow_reopen=False)), Side.S2E) == {STATUS: Status.CANCELLED}


def test_what_a_setting_has_parked_is_written_once_the_setting_allows_it() -> None:
    base = (Status.COMPLETED, Status.COMPLETED)
    case = field_case(STATUS, base, Status.COMPLETED, Status.ASSIGNED)
    parked = run(case, make_policy(allow_reopen=False))
    assert [hold.reason for hold in parked.holds] == ["would_reopen"]
    after = run(keep(case, parked), make_policy())
    assert sent(after, Side.S2E) == {STATUS: Status.ASSIGNED}
    assert after.lifted == ((Side.S2E, STATUS),)


# ── a value that the CMMS has no counterpart of ──────────────────────────────────────────

WHO, STRANGER = Field.ASSIGNED_TO, "stranger@example.com"
LEFT_BLANK = replace(
    CMMS_WINS, cmms_keeps=lambda _name, value: None if value == STRANGER else value
)


def test_a_value_that_is_left_blank_is_written_once_and_agrees_with_the_blank() -> None:
    case = field_case(WHO, ("jane@example.com", "jane@example.com"), STRANGER, "jane@example.com")
    assert sent(run(case, LEFT_BLANK), Side.CMMS) == {WHO: STRANGER}
    arrived = pair({WHO: STRANGER}, {WHO: None}, base_s2e={WHO: STRANGER}, base_cmms={WHO: None})
    assert not run(arrived, LEFT_BLANK).writes
    assert not run(field_case(WHO, None, STRANGER, None), LEFT_BLANK).writes


# ── a meaning that has moved ──────────────────────────────────────────────────────────────

MOVED = replace(CMMS_WINS, cmms_moved=frozenset({STATUS}))
OPEN, BUSY, DONE = Status.ASSIGNED, Status.IN_PROGRESS, Status.COMPLETED


@pytest.mark.parametrize(
    ("s2e", "cmms", "sides"),
    [
        (OPEN, OPEN, set()),
        (BUSY, OPEN, {Side.CMMS}),
        (OPEN, BUSY, {Side.S2E}),
        (DONE, BUSY, {Side.CMMS, Side.S2E}),
    ],
)
def test_no_difference_of_a_moved_meaning_is_carried(
    s2e: Status, cmms: Status, sides: set[Side]
) -> None:
    case = field_case(STATUS, (OPEN, OPEN), s2e, cmms)
    decision = run(case, MOVED)
    assert not decision.writes
    assert not decision.base_moves
    assert {hold.side for hold in decision.holds} == sides
    assert {hold.reason for hold in decision.holds} <= {"meaning_changed"}
    assert not run(keep(case, decision), MOVED).holds  # told once


def test_an_agreement_is_kept_while_a_meaning_has_moved() -> None:
    """Nothing is written for it; and if it was not kept, an edit that takes it back would look like
    none."""
    decision = run(field_case(STATUS, (OPEN, OPEN), BUSY, BUSY), MOVED)
    assert moved(decision) == {STATUS: (BUSY, BUSY)}
    assert not decision.holds


def test_what_waited_for_a_moved_meaning_goes_on_when_it_is_over() -> None:
    case = field_case(STATUS, (OPEN, OPEN), OPEN, BUSY)
    after = run(keep(case, run(case, MOVED)), CMMS_WINS)
    assert sent(after, Side.S2E) == {STATUS: BUSY}
    assert after.lifted == ((Side.S2E, STATUS),)


def test_other_fields_do_not_wait_for_a_moved_meaning() -> None:
    case = pair({CAUSE: "new"}, {CAUSE: "old"}, base_s2e={CAUSE: "old"}, base_cmms={CAUSE: "old"})
    assert sent(run(case, MOVED), Side.CMMS) == {CAUSE: "new"}


def test_a_conflict_that_waits_for_a_person_waits_on_while_a_meaning_has_moved() -> None:
    policy = replace(MANUAL, cmms_moved=MOVED.cmms_moved)
    case = field_case(STATUS, (OPEN, OPEN), DONE, BUSY)
    asked = replace(case, conflicts=run(case, MANUAL).conflicts)
    assert [conflict.field for conflict in asked.conflicts] == [STATUS]
    assert run(asked, policy).resolved == ()


def test_a_first_meeting_and_a_create_wait_for_a_moved_meaning() -> None:
    met = run(field_case(STATUS, None, OPEN, BUSY), MOVED)
    assert [(hold.side, hold.reason) for hold in met.holds] == [(Side.S2E, "meaning_changed")]
    creating = replace(MOVED, mode=Mode.CREATE)
    order_ = unlinked({TITLE: "Pump", STATUS: OPEN})
    assert run(order_, creating).out_of_scope == "meaning_changed"
    assert run(order_, replace(creating, cmms_moved=frozenset())).create


@pytest.mark.parametrize("owner", list(Side))
@pytest.mark.parametrize("ended", sorted(TERMINAL_STATUSES))
def test_a_first_meeting_never_reopens(owner: Side, ended: Status) -> None:
    s2e, cmms = (Status.ASSIGNED, ended) if owner is Side.S2E else (ended, Status.ASSIGNED)
    case = field_case(STATUS, None, s2e, cmms)
    decision = run(case, make_policy(owner=owner))
    assert not decision.writes
    assert [(hold.side, hold.reason) for hold in decision.holds] == [(owner.other, "would_reopen")]
    assert not run(keep(case, decision), make_policy(owner=owner)).holds


@pytest.mark.parametrize("owner", list(Side))
def test_a_first_meeting_may_end_an_order(owner: Side) -> None:
    s2e, cmms = Status.COMPLETED, Status.ASSIGNED
    if owner is Side.CMMS:
        s2e, cmms = cmms, s2e
    decision = run(field_case(STATUS, None, s2e, cmms), make_policy(owner=owner))
    assert sent(decision, owner.other) == {STATUS: Status.COMPLETED}


def test_a_person_may_reopen_at_a_first_meeting() -> None:
    case = replace(
        field_case(STATUS, None, Status.COMPLETED, Status.ASSIGNED), answers={STATUS: Side.CMMS}
    )
    assert sent(run(case), Side.S2E) == {STATUS: Status.ASSIGNED}


def test_a_lossy_map_never_reopens() -> None:
    """The CMMS's one state "closed" is read as COMPLETED and stands for CANCELLED as well."""
    classes = {STATUS: frozenset({"COMPLETED", "CANCELLED"})}
    for base in (None, {STATUS: Status.CANCELLED}):
        case = pair(
            {STATUS: Status.CANCELLED},
            {STATUS: Status.COMPLETED},
            base_s2e=base,
            base_cmms=base,
            equivalents=classes,
        )
        decision = run(case)
        assert not decision.writes
        assert moved(decision) == {STATUS: (Status.CANCELLED, Status.COMPLETED)}


# ── externalId ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "base",
    [
        pytest.param(None, id="first meeting"),
        pytest.param(("old", "old"), id="both changed"),
        pytest.param(("theirs", CMMS_ID + "0"), id="cmms changed"),
        pytest.param((CMMS_ID, CMMS_ID), id="s2e changed"),
    ],
)
def test_a_differing_external_id_upstream_is_a_conflict_never_overwritten(
    base: tuple[Value, Value] | None,
) -> None:
    case = field_case(Field.EXTERNAL_ID, base, "theirs", CMMS_ID)
    decision = run(case)
    assert not decision.writes
    assert [(hold.reason, hold.value) for hold in decision.holds] == [
        ("external_id_differs", CMMS_ID)
    ]
    again = run(keep(case, decision))
    assert not again.holds
    assert not again.lifted


def test_an_empty_external_id_upstream_is_filled() -> None:
    decision = run(field_case(Field.EXTERNAL_ID, None, None, CMMS_ID))
    assert sent(decision, Side.S2E) == {Field.EXTERNAL_ID: CMMS_ID}


def test_an_external_id_that_was_put_right_is_no_conflict_any_more() -> None:
    hold = Hold(Side.S2E, Field.EXTERNAL_ID, "external_id_differs", CMMS_ID)
    case = replace(field_case(Field.EXTERNAL_ID, None, CMMS_ID, CMMS_ID), holds=(hold,))
    assert run(case).lifted == ((Side.S2E, Field.EXTERNAL_ID),)


# ── first meeting ────────────────────────────────────────────────────────────────────────


def test_at_a_first_meeting_each_field_goes_its_owners_way() -> None:
    case = pair(
        {TITLE: "Pump", CAUSE: None, Field.RESOLUTION: "oiled", Field.EXTERNAL_STATUS: None},
        {TITLE: "Pmup", CAUSE: "worn", Field.RESOLUTION: None, Field.EXTERNAL_STATUS: "WIP"},
    )
    decision = run(case)
    assert sent(decision, Side.CMMS) == {TITLE: "Pump", Field.RESOLUTION: "oiled"}
    assert sent(decision, Side.S2E) == {CAUSE: "worn", Field.EXTERNAL_STATUS: "WIP"}
    assert {change.rule for change in decision.changes} == {"met"}
    assert not decision.conflicts


@pytest.mark.parametrize("name", sorted(Field))
def test_at_a_first_meeting_a_blank_never_erases(name: Field) -> None:
    value = values_of(name)[0]
    for s2e, cmms in ((None, value), (value, None)):
        decision = run(field_case(name, None, s2e, cmms), make_policy(clears=frozenset(Field)))
        assert all(change.value is not None for change in decision.changes)
        assert not decision.drifts


@pytest.mark.parametrize("owner", list(Side))
def test_at_a_first_meeting_what_differs_goes_to_its_owner(owner: Side) -> None:
    decision = run(field_case(CAUSE, None, "one", "two"), make_policy(owner=owner))
    change = only_change(decision)
    assert change.side is owner.other
    assert change.rule == f"met_{owner}"
    assert [conflict.winner for conflict in decision.conflicts] == [owner]


def test_at_a_first_meeting_manual_asks_a_person() -> None:
    decision = run(field_case(CAUSE, None, "one", "two"), MANUAL)
    assert [conflict.winner for conflict in decision.conflicts] == [None]
    assert not decision.writes


def test_what_agrees_at_a_first_meeting_becomes_the_base_and_nothing_is_written() -> None:
    decision = run(field_case(CAUSE, None, "a\r\nb", "a\nb"))
    assert moved(decision) == {CAUSE: ("a\r\nb", "a\nb")}
    assert not decision.writes


def test_after_a_first_meeting_the_next_edit_is_an_edit() -> None:
    """Even where the CMMS cannot be written: what was there is where the two begin."""
    policy = make_policy(writes=frozenset())
    case = field_case(CAUSE, None, "one", None)
    kept = keep(case, run(case, policy))
    edited = replace(kept, cmms=record({CAUSE: "two"}))
    assert sent(run(edited, policy), Side.S2E) == {CAUSE: "two"}


def test_where_the_owners_value_cannot_go_the_next_edit_of_the_other_side_still_arrives() -> None:
    policy = make_policy(owner=Side.S2E, writes=frozenset())
    case = field_case(CAUSE, None, "one", "two")
    decision = run(case, policy)
    assert [conflict.winner for conflict in decision.conflicts] == [Side.S2E]
    assert [(d.side, d.reason) for d in decision.drifts] == [(Side.S2E, "not_writable")]
    edited = replace(keep(case, decision), cmms=record({CAUSE: "three"}))
    assert sent(run(edited, policy), Side.S2E) == {CAUSE: "three"}


def test_a_value_cleared_while_a_person_is_asked_is_an_edit_not_a_blank() -> None:
    asked = (Conflict(CAUSE, "one", "two", None),)
    case = replace(field_case(CAUSE, None, None, "two"), conflicts=asked)
    decision = run(case, MANUAL)
    assert decision.conflicts == (Conflict(CAUSE, None, "two", None),)
    assert not decision.writes
    chosen = replace(case, answers={CAUSE: Side.S2E})
    policy = make_policy(owner=None, clears=frozenset({CAUSE}))
    assert sent(run(chosen, policy), Side.CMMS) == {CAUSE: None}
    owned = run(replace(case, conflicts=asked), CMMS_WINS)
    assert sent(owned, Side.S2E) == {CAUSE: "two"}


def test_bases_of_our_own_create_are_what_was_sent_and_an_edit_meanwhile_is_an_edit() -> None:
    values = {TITLE: "Pump", CAUSE: "worn ", STATUS: Status.DRAFT, Field.LOCATION: "Hall 1"}
    made = record(
        {TITLE: "Edited", CAUSE: "worn", STATUS: Status.ASSIGNED},
        equivalents={STATUS: frozenset({"DRAFT", "ASSIGNED"})},
    )
    moves = {move.field: (move.s2e, move.cmms) for move in created_bases(values, made, CMMS_WINS)}
    assert moves == {
        TITLE: ("Pump", "Pump"),
        CAUSE: ("worn ", "worn"),
        STATUS: (Status.DRAFT, Status.ASSIGNED),
        Field.LOCATION: ("Hall 1", "Hall 1"),
    }


# ── the merge ────────────────────────────────────────────────────────────────────────────


def test_same_and_same_is_nothing() -> None:
    decision = run(field_case(CAUSE, ("a", "b"), "a", "b"))
    assert not decision.writes
    assert not decision.base_moves


def test_both_changed_to_the_same_moves_the_base_and_writes_nothing() -> None:
    decision = run(field_case(CAUSE, ("old", "old"), "new", "new"))
    assert moved(decision) == {CAUSE: ("new", "new")}
    assert not decision.writes
    assert not decision.conflicts


def test_a_side_that_cannot_be_read_is_agreed_with_only_when_it_was_read_again() -> None:
    """It may have been edited since, as a status that ours stood for as well."""
    case = replace(field_case(CAUSE, ("old", "old"), "new", "new"), unread=True)
    decision = run(case)
    assert not moved(decision)
    assert decision.read_again


def test_a_field_that_only_a_create_writes_is_created_and_never_updated() -> None:
    policy = replace(make_policy(mode=Mode.CREATE), cmms_writes_once=frozenset({CAUSE}))
    decision = run(field_case(CAUSE, ("old", "old"), "new", "old"), policy)
    assert [d.reason for d in decision.drifts] == ["not_writable"]
    assert not decision.writes
    fields: dict[Field, Value] = {Field.STATUS: Status.ASSIGNED, CAUSE: "new"}
    created = run(unlinked(fields), policy).create
    assert created is not None
    assert created[CAUSE] == "new"


def test_a_change_that_the_adapter_cannot_write_is_drift() -> None:
    case = field_case(CAUSE, ("old", "old"), "new", "old")
    decision = run(case, make_policy(writes=frozenset()))
    assert [(d.side, d.value, d.reason) for d in decision.drifts] == [
        (Side.S2E, "new", "not_writable")
    ]
    assert not decision.writes


def test_only_changed_fields_are_sent() -> None:
    names = sorted(SHARED)
    old = {name: values_of(name)[0] for name in names}
    for changed in names:
        case = pair(old, {**old, changed: values_of(changed)[1]}, base_s2e=old, base_cmms=old)
        decision = run(case)
        assert as_fields(decision.changes) == {changed: values_of(changed)[1]}
        assert not decision.base_moves


def test_a_change_carries_what_is_needed_to_read_it_back() -> None:
    change = only_change(run(field_case(CAUSE, ("old", "old"), "old", "x" * 600)))
    assert change.before == "old"
    assert change.source == "x" * 600
    assert change.value != change.source


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("name", sorted(Field))
def test_absent_is_not_empty(name: Field, side: Side) -> None:
    """A side that does not tell a field has not cleared it."""
    old, new = values_of(name)
    case = field_case(name, (old, old), old, new)
    if side is Side.S2E:
        case = replace(case, s2e=order({}))
    else:
        case = replace(case, cmms=record({}))
    decision = run(case, make_policy(clears=frozenset(Field), overwrite_drift=True))
    assert not decision.writes
    assert not decision.drifts
    assert not decision.base_moves


@pytest.mark.parametrize("name", sorted(SHARED | CMMS_OWNED))
def test_null_is_never_sent_upstream_and_a_cleared_field_is_reported(name: Field) -> None:
    old = values_of(name)[0]
    policy = make_policy(clears=frozenset(Field))
    decision = run(field_case(name, (old, old), old, None), policy)
    assert not decision.writes
    assert not decision.holds
    assert [(d.side, d.reason) for d in decision.drifts] == [(Side.CMMS, "cannot_clear")]


def test_a_value_cleared_upstream_is_cleared_in_the_cmms_where_the_adapter_can() -> None:
    case = field_case(CAUSE, ("old", "old"), None, "old")
    decision = run(case, make_policy(clears=frozenset({CAUSE})))
    assert sent(decision, Side.CMMS) == {CAUSE: None}
    assert not decision.drifts
    cannot = run(case)
    assert not cannot.writes
    assert [(d.side, d.reason) for d in cannot.drifts] == [(Side.S2E, "cannot_clear")]


def test_a_state_that_stands_for_two_agrees_with_either_and_nothing_is_sent() -> None:
    classes = {STATUS: frozenset({"DRAFT", "ASSIGNED"})}
    case = pair(
        {STATUS: Status.ASSIGNED},
        {STATUS: Status.DRAFT},
        base_s2e={STATUS: Status.DRAFT},
        base_cmms={STATUS: Status.DRAFT},
        equivalents=classes,
    )
    decision = run(case)
    assert not decision.writes
    assert moved(decision) == {STATUS: (Status.ASSIGNED, Status.DRAFT)}
    left = replace(case, s2e=order({STATUS: Status.IN_PROGRESS}))
    assert sent(run(left), Side.CMMS) == {STATUS: Status.IN_PROGRESS}


CET = timezone(timedelta(hours=1))
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        (Field.ACTUAL_HOURS, Decimal("4.5"), Decimal("4.50")),
        (Field.COMPLETED_AT, NOON, NOON.astimezone(CET)),
        (Field.ROOT_CAUSE, "a\r\nb", "a\nb"),
        (Field.ROOT_CAUSE, "é", "e\u0301"),
    ],
)
def test_values_are_compared_in_canonical_form(name: Field, one: Value, other: Value) -> None:
    assert not run(field_case(name, (one, one), other, one)).writes
    assert not run(field_case(name, (one, one), one, other)).writes
    assert not run(field_case(name, None, one, other)).writes
    assert moved(run(field_case(name, (None, None), one, other))) == {name: (one, other)}


# ── texts over the limit ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["x" * 600, "🔧" * 300])
def test_a_text_over_the_limit_is_cut_upstream_and_settles(text: str) -> None:
    case = field_case(CAUSE, (None, None), None, text)
    change = only_change(run(case))
    assert isinstance(change.value, str)
    assert utf16_units(change.value) <= 500
    assert change.value.endswith("…")
    settled = run(replace(case, s2e=order({CAUSE: change.value})))
    assert not settled.writes
    assert moved(settled) == {CAUSE: (change.value, text)}


def test_an_edit_beyond_the_limit_writes_nothing_upstream() -> None:
    full, cut = "x" * 600, "x" * 499 + "…"
    decision = run(field_case(CAUSE, (cut, full), cut, full + "more"))
    assert not decision.writes
    assert moved(decision) == {CAUSE: (cut, full + "more")}


def test_a_text_over_the_limit_is_parked_where_set_once() -> None:
    policy = make_policy(overflow=Overflow.PARK)
    case = field_case(CAUSE, (None, None), None, "x" * 600)
    decision = run(case, policy)
    assert [hold.reason for hold in decision.holds] == ["text_too_long"]
    again = run(keep(case, decision), policy)
    assert not again.holds
    assert not again.writes
    assert not again.lifted


# ── values that cannot be read, or may not be sent ───────────────────────────────────────


@pytest.mark.parametrize("side", list(Side))
def test_an_unreadable_value_parks_its_field_and_nothing_else(side: Side) -> None:
    bad = Unreadable("WEIRD", "is not a status we know")
    good: Value = Status.ASSIGNED
    s2e, cmms = (bad, good) if side is Side.S2E else (good, bad)
    case = pair(
        {STATUS: s2e, CAUSE: "old"},
        {STATUS: cmms, CAUSE: "new"},
        base_s2e={STATUS: good, CAUSE: "old"},
        base_cmms={STATUS: good, CAUSE: "old"},
    )
    decision = run(case)
    assert sent(decision, Side.S2E) == {CAUSE: "new"}
    assert not sent(decision, Side.CMMS)
    (hold,) = decision.holds
    assert (hold.side, hold.field, hold.reason) == (side.other, STATUS, "unreadable")
    assert "WEIRD" in hold.detail
    assert not run(keep(case, decision)).holds


def test_a_value_that_can_be_read_again_lifts_its_hold() -> None:
    hold = Hold(Side.S2E, STATUS, "unreadable", {"unreadable": "WEIRD", "why": "?"})
    ok = (Status.ASSIGNED, Status.ASSIGNED)
    case = replace(field_case(STATUS, ok, *ok), holds=(hold,))
    assert run(case).lifted == ((Side.S2E, STATUS),)


def test_a_url_that_is_none_is_parked() -> None:
    decision = run(field_case(Field.EXTERNAL_URL, (None, None), None, "wo/1"))
    assert not decision.writes
    assert [hold.reason for hold in decision.holds] == ["invalid"]


@pytest.mark.parametrize("reason", ["refused", "ignored", "dropped"])
def test_a_parked_value_is_not_sent_again_unchanged_and_another_lifts_it(reason: str) -> None:
    hold = Hold(Side.S2E, CAUSE, reason, "bad", tries=1)
    case = replace(field_case(CAUSE, ("old", "old"), "old", "bad"), holds=(hold,))
    decision = run(case)
    assert not decision.writes
    assert not decision.lifted
    other = run(replace(case, cmms=record({CAUSE: "good"})))
    assert sent(other, Side.S2E) == {CAUSE: "good"}
    assert other.lifted == ((Side.S2E, CAUSE),)


def test_a_hold_of_one_side_does_not_hold_the_other() -> None:
    hold = Hold(Side.CMMS, CAUSE, "refused", "new", tries=1)
    case = replace(field_case(CAUSE, ("old", "old"), "old", "new"), holds=(hold,))
    assert sent(run(case), Side.S2E) == {CAUSE: "new"}


def test_a_hold_of_the_whole_order_is_over_once_it_is_linked() -> None:
    hold = Hold(Side.CMMS, None, "refused", {"title": "Pump"})
    case = replace(field_case(CAUSE, ("a", "a"), "a", "a"), holds=(hold,))
    assert run(case).lifted == ((Side.CMMS, None),)


def test_only_an_observed_pair_can_be_merged() -> None:
    whole = field_case(CAUSE, ("a", "a"), "a", "a")
    for case in (replace(whole, s2e=None), replace(whole, cmms=None), replace(whole, link=None)):
        with pytest.raises(ValueError, match="observed pair"):
            reconcile(case, CMMS_WINS, NOW)
    assert whole.link == Link(S2E_ID, CMMS_ID)


# ── keys that Scan2Evolve leaves out ─────────────────────────────────────────────────────


def test_a_key_that_is_left_out_while_it_was_empty_is_empty() -> None:
    blank = {Field.ROOT_CAUSE: None}
    case = pair({}, {Field.ROOT_CAUSE: "Rust"}, base_s2e=blank, base_cmms=blank)
    assert only_change(run(case)).value == "Rust"


def test_a_key_that_is_left_out_where_a_value_was_is_no_clearing() -> None:
    rust = {Field.ROOT_CAUSE: "Rust"}
    case = pair({}, rust, base_s2e=rust, base_cmms=rust)
    assert not run(case).writes
