"""What an undo takes back, what it leaves alone and why, and that no later plan redoes it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from syncd.core.case import Case, IntentKind, IntentState, Write
from syncd.core.planning.plan import decide
from syncd.core.planning.undo import Written, undo, written_by
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Side, Status, Value
from tests.core.builders import CMMS_ID, NOW, S2E_ID, at, intent, keep, make_policy, pair

NAME = Field.ROOT_CAUSE
POLICY = make_policy(clears=frozenset({Field.LOCATION}))


def written(before: Value, sent: Value, *, name: Field = NAME, side: Side = Side.S2E) -> Written:
    return Written(S2E_ID, CMMS_ID, side, name, before, sent)


def in_step(s2e: Value, cmms: Value, name: Field = NAME) -> Case:
    return pair({name: s2e}, {name: cmms}, base_s2e={name: s2e}, base_cmms={name: cmms})


def taken_back(
    case: Case, each: Written, policy: Policy = POLICY
) -> tuple[Mapping[Field, Value], list[str]]:
    decision, cannot = undo(case, [each], policy, NOW, NOW)
    assert decision.create is None
    return {c.field: c.value for c in decision.changes}, [one.reason for one in cannot]


@pytest.mark.parametrize("side", Side)
def test_the_side_that_was_written_gets_its_value_from_before(side: Side) -> None:
    case = in_step("new", "new")
    decision, cannot = undo(case, [written("old", "new", side=side)], POLICY, NOW, NOW)
    (change,) = decision.changes
    assert (change.side, change.before, change.value) == (side, "new", "old")
    assert (change.source, change.rule) == ("new", "undone")
    assert cannot == []


@pytest.mark.parametrize("side", Side)
def test_after_an_undo_nothing_is_planned_until_somebody_edits(side: Side) -> None:
    """The write is read back: each side's own value is its base from then on."""
    (change,) = undo(in_step("new", "new"), [written("old", "new", side=side)], POLICY, NOW, NOW)[
        0
    ].changes
    writes = {NAME: Write(change.before, change.value, change.source)}
    holds = {side: "old", side.other: "new"}
    case = replace(
        pair(
            {NAME: holds[Side.S2E]},
            {NAME: holds[Side.CMMS]},
            base_s2e={NAME: "new"},
            base_cmms={NAME: "new"},
            seen_at=at(90),
        ),
        intents=(intent(side, writes),),
    )
    decision = decide(case, POLICY, at(90))
    assert not decision.writes
    rested = keep(case, decision)
    assert not decide(rested, POLICY, at(120)).writes
    assert not decide(rested, POLICY, at(120)).conflicts
    for edited in Side:
        s2e, cmms = dict(rested.s2e.fields), dict(rested.cmms.fields)  # type: ignore[union-attr]
        (s2e if edited is Side.S2E else cmms)[NAME] = "newest"
        after = replace(
            rested,
            s2e=replace(rested.s2e, fields=s2e),  # type: ignore[type-var]
            cmms=replace(rested.cmms, fields=cmms),  # type: ignore[type-var]
        )
        (found,) = decide(after, POLICY, at(120)).changes
        assert (found.side, found.value) == (edited.other, "newest")


@pytest.mark.parametrize(
    ("case", "each", "reason"),
    [
        (in_step("newer", "newer"), written("old", "new"), "it has been changed since, to newer"),
        (in_step("old", "old"), written("old", "new"), "it holds the value from before"),
        (
            in_step("new", "new"),
            written(None, "new"),
            "it was empty before, and Scan2Evolve has no way to empty it",
        ),
        (
            in_step("new", "new"),
            written(None, "new", side=Side.CMMS),
            "it was empty before, and the CMMS cannot clear it",
        ),
        (
            in_step(Status.COMPLETED, Status.COMPLETED, Field.STATUS),
            written(Status.ASSIGNED, Status.COMPLETED, name=Field.STATUS),
            "it would reopen the order, which an undo never does",
        ),
        (
            in_step("ASSIGNED", "ASSIGNED", Field.EXTERNAL_STATUS),
            written("DRAFT", "ASSIGNED", name=Field.EXTERNAL_STATUS),
            "it describes the CMMS's record, which an undo leaves as it is",
        ),
        (
            pair({NAME: "new"}, {NAME: "edited"}, base_s2e={NAME: "new"}, base_cmms={NAME: "new"}),
            written("old", "new"),
            "the other side has changed since, and that comes first",
        ),
        (
            pair({NAME: "new"}, {NAME: "other"}),
            written("old", "new"),
            "the other side has changed since, and that comes first",
        ),
        (
            in_step("new", "new"),
            replace(written("old", "new"), cmms_id="8"),
            "the order is linked to another record now",
        ),
        (
            replace(in_step("new", "new"), link=None, cmms=None),
            written("old", "new"),
            "the order takes no part: no_record",
        ),
        (
            replace(in_step("new", "new"), tombstone=True),
            written("old", "new"),
            "the order takes no part: deleted_upstream",
        ),
        (
            replace(in_step("new", "new"), s2e_seen_at=at(-1)),
            written("old", "new"),
            "Scan2Evolve does not show the order now",
        ),
        (
            replace(in_step("new", "new"), cmms_seen_at=at(-1)),
            written("old", "new"),
            "the CMMS does not show the record now",
        ),
        (
            in_step("new", "new"),
            Written(S2E_ID, CMMS_ID, Side.CMMS, None),
            "a record that was created is not deleted",
        ),
    ],
)
def test_what_would_be_a_guess_or_break_a_rule_is_left_alone(
    case: Case, each: Written, reason: str
) -> None:
    assert taken_back(case, each) == ({}, [reason])


def test_a_cleared_value_is_put_back_and_one_that_was_none_is_cleared_where_it_can_be() -> None:
    empty = in_step(None, None, Field.LOCATION)
    each = written("Hall 1", None, name=Field.LOCATION, side=Side.CMMS)
    assert taken_back(empty, each) == ({Field.LOCATION: "Hall 1"}, [])
    full = in_step("Hall 1", "Hall 1", Field.LOCATION)
    each = written(None, "Hall 1", name=Field.LOCATION, side=Side.CMMS)
    assert taken_back(full, each) == ({Field.LOCATION: None}, [])


def test_one_ended_status_for_another_is_no_reopening() -> None:
    case = in_step(Status.CANCELLED, Status.CANCELLED, Field.STATUS)
    each = written(Status.COMPLETED, Status.CANCELLED, name=Field.STATUS)
    assert taken_back(case, each) == ({Field.STATUS: Status.COMPLETED}, [])


def test_what_a_side_made_of_a_value_is_still_that_value() -> None:
    case = pair(
        {NAME: "new"}, {NAME: "new  and spaced"},
        base_s2e={NAME: "new"}, base_cmms={NAME: "new  and spaced"},
    )  # fmt: skip
    each = written("old", " new and spaced ", side=Side.CMMS)
    assert taken_back(case, each) == ({NAME: "old"}, [])


def test_a_title_that_the_mapping_cut_is_still_what_was_sent() -> None:
    """So short a head is no normalisation that anybody could guess; the adapter says it."""
    title, cut = "Replace the seal of pump 7", "Replace…"
    policy = replace(
        make_policy(), cmms_keeps=lambda _name, value: cut if value == title else value
    )
    case = pair(
        {Field.TITLE: title},
        {Field.TITLE: cut},
        base_s2e={Field.TITLE: title},
        base_cmms={Field.TITLE: cut},
    )
    each = written("Seal", title, name=Field.TITLE, side=Side.CMMS)
    assert taken_back(case, each, policy) == ({Field.TITLE: "Seal"}, [])
    assert taken_back(case, each)[1] == ["it has been changed since, to Replace…"]


def test_what_a_cmms_may_no_longer_be_written_is_left_alone() -> None:
    each = written("old", "new", side=Side.CMMS)
    policy = make_policy(writes=frozenset())
    assert taken_back(in_step("new", "new"), each, policy)[1] == [
        "it cannot be written there any more"
    ]


def test_a_write_under_way_comes_first_and_one_just_read_back_is_undone() -> None:
    writes = {NAME: Write("old", "new", "new")}
    case = replace(in_step("old", "new"), intents=(intent(Side.S2E, writes),))
    (reason,) = taken_back(case, written("old", "new"))[1]
    assert reason.startswith("a write to the order is under way")
    case = pair({NAME: "new"}, {NAME: "new"}, base_s2e={NAME: "old"}, base_cmms={NAME: "old"})
    read = replace(case, intents=(intent(Side.S2E, writes),))
    assert taken_back(read, written("old", "new")) == ({NAME: "old"}, [])


def test_the_planners_own_changes_wait_for_the_next_cycle() -> None:
    bases: dict[Field, Value] = {NAME: "new", Field.RESOLUTION: "r"}
    case = pair(bases, bases | {Field.RESOLUTION: "edited"}, base_s2e=bases, base_cmms=bases)
    decision, cannot = undo(case, [written("old", "new")], POLICY, NOW, NOW)
    assert ([c.field for c in decision.changes], cannot) == ([NAME], [])
    assert decision.read_again


# ── what a cycle has written ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("state", "verdict", "counts"),
    [
        (IntentState.CONFIRMED, IntentState.CONFIRMED, True),
        (IntentState.ALTERED, IntentState.ALTERED, True),
        (IntentState.SUPERSEDED, IntentState.SUPERSEDED, True),
        (IntentState.ANSWERED, None, True),
        (IntentState.IN_DOUBT, None, True),
        (IntentState.IGNORED, IntentState.IGNORED, False),
        (IntentState.NOT_APPLIED, IntentState.NOT_APPLIED, False),
        (IntentState.NOT_APPLIED, None, False),
        (IntentState.REFUSED, None, False),
    ],
)
def test_only_what_has_or_may_have_arrived_is_taken_back(
    state: IntentState, verdict: IntentState | None, counts: bool
) -> None:
    one = replace(
        intent(Side.S2E, {NAME: Write("old", "new", "new", verdict)}, state=state), cmms_id=CMMS_ID
    )
    assert written_by([one]) == ([written("old", "new")] if counts else [])


def test_a_field_written_twice_goes_back_to_where_it_began_and_a_create_is_named() -> None:
    done = IntentState.CONFIRMED
    first = intent(Side.S2E, {NAME: Write("a", "b", "b", done)}, state=done)
    second = intent(Side.S2E, {NAME: Write("b", "c", "c", done)}, state=done)
    made = intent(Side.CMMS, {NAME: Write(None, "c", "c")}, state=done, kind=IntentKind.CREATE)
    found = written_by([made, first, second])
    assert [(each.field, each.before, each.sent) for each in found] == [
        (None, None, None),
        (NAME, "a", "c"),
    ]
