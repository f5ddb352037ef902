"""Reading back: one test per row of the table in `readback.py`, and what the merge makes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from syncd.core.case import Case, Hold, Intent, IntentState, Write
from syncd.core.planning.merge import IGNORED_TRIES
from syncd.core.planning.readback import Evidence, judge_write
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Side, Status, Unreadable, Value
from tests.core.builders import (
    NOW,
    READ_LAG,
    at,
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
)

CAUSE, NOTE = Field.ROOT_CAUSE, Field.CLOSURE_NOTE
OLD_NEW = Write(before="old", sent="new", source="new")
LATE, EARLY = READ_LAG.total_seconds(), READ_LAG.total_seconds() - 0.001
CONFIRMED, ALTERED = IntentState.CONFIRMED, IntentState.ALTERED
IGNORED, NOT_APPLIED = IntentState.IGNORED, IntentState.NOT_APPLIED
SUPERSEDED = IntentState.SUPERSEDED


def verdict(
    seen: Value,
    *,
    answered: bool,
    after_s: float = 1,
    write: Write = OLD_NEW,
    sync_moved: bool = False,
    certainly_later: bool = False,
) -> IntentState | None:
    synced_at = NOW if sync_moved or certainly_later else None
    state = IntentState.ANSWERED if answered else IntentState.IN_DOUBT
    return judged(
        intent(Side.S2E, {CAUSE: write}, state=state),
        Evidence(order({CAUSE: seen}, last_synced_at=synced_at), at(after_s)),
    )


def judged(one: Intent, evidence: Evidence, policy: Policy | None = None) -> IntentState | None:
    """What becomes of the root cause, the one field that this intent has written."""
    case = pair({}, {}, intents=[one])
    found = judge_write(one, CAUSE, evidence, case, policy or make_policy())
    return None if found is None else found.state


# ── the table ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answered", [True, False])
def test_what_was_sent_is_confirmed(answered: bool) -> None:
    assert verdict("new", answered=answered) is CONFIRMED


@pytest.mark.parametrize("answered", [True, False])
def test_an_equivalent_is_confirmed(answered: bool) -> None:
    lossy = {CAUSE: frozenset({"DRAFT", "ASSIGNED"})}
    state = IntentState.ANSWERED if answered else IntentState.IN_DOUBT
    one = intent(Side.CMMS, {CAUSE: Write("IN_PROGRESS", "DRAFT", "DRAFT")}, state=state)
    evidence = Evidence(record({CAUSE: "ASSIGNED"}, equivalents=lossy), NOW)
    assert judged(one, evidence) is CONFIRMED


@pytest.mark.parametrize("answered", [True, False])
def test_a_normalisation_is_altered(answered: bool) -> None:
    assert verdict("new", answered=answered, write=Write("old", " new\n", " new\n")) is ALTERED


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("after_s", [0, EARLY])
def test_the_value_from_before_says_nothing_in_an_early_read(
    answered: bool, after_s: float
) -> None:
    assert verdict("old", answered=answered, after_s=after_s) is None


@pytest.mark.parametrize("after_s", [LATE, LATE + 3600])
def test_the_value_from_before_in_a_late_read_was_ignored(after_s: float) -> None:
    assert verdict("old", answered=True, after_s=after_s) is IGNORED


@pytest.mark.parametrize("after_s", [LATE, LATE + 3600])
def test_the_value_from_before_in_a_late_read_of_a_write_in_doubt_was_not_applied(
    after_s: float,
) -> None:
    assert verdict("old", answered=False, after_s=after_s) is NOT_APPLIED


@pytest.mark.parametrize("seen", ["newer", None, Unreadable("?", "is odd")])
def test_anything_else_after_an_answer_is_a_newer_edit(seen: Value) -> None:
    assert verdict(seen, answered=True, after_s=LATE) is SUPERSEDED


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("after_s", [0, EARLY])
def test_anything_else_says_nothing_in_an_early_read(answered: bool, after_s: float) -> None:
    assert verdict("an edit?", answered=answered, after_s=after_s) is None


def test_anything_else_in_an_early_read_is_a_newer_edit_where_it_is_certainly_later() -> None:
    assert verdict("newer", answered=True, after_s=0, certainly_later=True) is SUPERSEDED


def test_the_value_from_before_says_nothing_in_an_early_read_however_late_its_state() -> None:
    assert verdict("old", answered=True, after_s=EARLY, certainly_later=True) is None


def test_anything_else_in_doubt_is_a_newer_edit_where_last_synced_at_moved() -> None:
    assert verdict("newer", answered=False, after_s=LATE, sync_moved=True) is SUPERSEDED


def test_anything_else_in_doubt_means_that_both_sides_changed() -> None:
    assert verdict("newer", answered=False, after_s=LATE) is NOT_APPLIED


@pytest.mark.parametrize("seen", ["new", "old", "newer"])
@pytest.mark.parametrize("answered", [True, False])
def test_a_read_that_began_before_the_write_says_nothing(seen: str, answered: bool) -> None:
    assert verdict(seen, answered=answered, after_s=-0.001) is None


def test_the_value_from_before_is_no_normalisation_of_what_was_sent() -> None:
    write = Write(before=Decimal("4.5"), sent=Decimal("4.51"), source=Decimal("4.51"))
    assert verdict(Decimal("4.5"), answered=True, after_s=LATE, write=write) is IGNORED


def test_without_a_lag_the_first_read_after_the_write_decides() -> None:
    one = intent(Side.CMMS, {CAUSE: OLD_NEW})
    assert judged(one, Evidence(record({CAUSE: "old"}), NOW)) is IGNORED


TIME = datetime(2026, 3, 10, 14, 30, 29, 876000, tzinfo=UTC)
LONG = "word " * 60 + "end"


@pytest.mark.parametrize(
    ("sent_value", "seen"),
    [
        pytest.param("  pump\n", "pump", id="trimmed"),
        pytest.param("a  b\n\nc", "a b c", id="respaced"),
        pytest.param("\n ", None, id="blank text kept as none"),
        pytest.param("Ana Gómez ", "ANA GÓMEZ", id="in capitals"),
        pytest.param("Ana Gómez", "ana gómez", id="in small letters"),
        pytest.param(LONG, LONG[:100], id="cut"),
        pytest.param(LONG, LONG[:100] + "…", id="cut with a mark"),
        pytest.param(LONG, LONG[:100] + "...", id="cut with dots"),
        pytest.param(Decimal("4.567"), Decimal("4.57"), id="rounded"),
        pytest.param(Decimal("4.567"), Decimal("4.56"), id="rounded down"),
        pytest.param(Decimal("2.5"), Decimal(3), id="rounded half up"),
        pytest.param(Decimal("2.5"), Decimal(2), id="rounded half even"),
        pytest.param(TIME, TIME.replace(microsecond=0), id="to the second"),
        pytest.param(TIME, TIME.replace(second=30, microsecond=0), id="to the next second"),
        pytest.param(TIME, TIME.replace(second=0, microsecond=0), id="to the minute"),
        pytest.param(
            TIME, TIME.replace(hour=0, minute=0, second=0, microsecond=0), id="to the day"
        ),
    ],
)
def test_normalisations(sent_value: Value, seen: Value) -> None:
    assert verdict(seen, answered=True, write=Write("old", sent_value, sent_value)) is ALTERED


@pytest.mark.parametrize(
    ("sent_value", "seen"),
    [
        pytest.param("pump", None, id="emptied"),
        pytest.param("Ana Gómez", "Ana GÓMEZ", id="one word in capitals"),
        pytest.param("pump broke", "pump", id="a short head is an edit"),
        pytest.param(LONG, LONG[:100] + "!", id="another end"),
        pytest.param(LONG, LONG + " and more", id="longer"),
        pytest.param(Decimal("4.567"), Decimal("4.6001"), id="other hours"),
        pytest.param(Decimal("4.567"), Decimal(0), id="no hours"),
        pytest.param(Decimal("4.567"), None, id="hours emptied"),
        pytest.param(TIME, TIME + timedelta(hours=1), id="another hour"),
        pytest.param(TIME, TIME.replace(second=5, microsecond=0), id="another second"),
        pytest.param(TIME, None, id="time emptied"),
        pytest.param(Status.COMPLETED, Status.CANCELLED, id="another status"),
    ],
)
def test_edits_are_no_normalisations(sent_value: Value, seen: Value) -> None:
    write = Write("old", sent_value, sent_value)
    assert verdict(seen, answered=True, after_s=LATE, write=write) is SUPERSEDED


# ── what the merge makes of it ───────────────────────────────────────────────────────────


def pushed(
    seen: Value,
    *,
    state: IntentState = IntentState.ANSWERED,
    after_s: float = 1,
    cmms: Value = "new",
    write: Write = OLD_NEW,
    last_synced_at: datetime | None = None,
    holds: tuple[Hold, ...] = (),
) -> Case:
    """Root cause was pushed upstream at NOW; a read `after_s` later shows `seen`."""
    return pair(
        {CAUSE: seen},
        {CAUSE: cmms},
        base_s2e={CAUSE: "old"},
        base_cmms={CAUSE: "old"},
        intents=[intent(Side.S2E, {CAUSE: write}, state=state)],
        seen_at=at(after_s),
        last_synced_at=last_synced_at,
        holds=holds,
    )


def test_a_confirmed_write_moves_the_base_and_plans_nothing() -> None:
    decision = run(pushed("new"), now=at(1))
    assert moved(decision) == {CAUSE: ("new", "new")}
    assert [item.state for item in decision.verdicts] == [CONFIRMED]
    assert not decision.writes
    assert not decision.waiting


def test_an_altered_write_is_agreed_and_never_sent_again() -> None:
    write = Write("old", "new ", "new ")
    case = pushed("new", cmms="new ", write=write)
    decision = run(case, now=at(1))
    assert moved(decision) == {CAUSE: ("new", "new ")}
    again = run(keep(case, decision), now=at(2))
    assert not decision.writes
    assert not again.writes
    assert not again.verdicts


def test_a_cut_text_settles_with_the_full_text_on_the_cmms() -> None:
    full = "x" * 600
    case = pair({CAUSE: None}, {CAUSE: full}, base_s2e={CAUSE: None}, base_cmms={CAUSE: None})
    change = only_change(run(case))
    after = pushed(change.value, cmms=full, write=Write(change.before, change.value, change.source))
    decision = run(after, now=at(1))
    assert moved(decision)[CAUSE] == (change.value, full)
    assert not run(keep(after, decision), now=at(2)).writes


def test_an_answered_write_that_is_not_seen_yet_is_neither_planned_again_nor_a_revert() -> None:
    decision = run(pushed("old", after_s=EARLY), now=at(EARLY))
    assert decision.waiting == {CAUSE}
    assert not decision.writes
    assert not decision.verdicts
    assert not decision.base_moves


def test_other_fields_go_on_while_one_waits() -> None:
    case = pair(
        {CAUSE: "old", NOTE: "a"},
        {CAUSE: "new", NOTE: "b"},
        base_s2e={CAUSE: "old", NOTE: "a"},
        base_cmms={CAUSE: "old", NOTE: "a"},
        intents=[intent(Side.S2E, {CAUSE: OLD_NEW})],
        seen_at=at(1),
    )
    assert sent(run(case, now=at(1)), Side.S2E) == {NOTE: "b"}


def test_an_ignored_write_leaves_the_base_and_is_tried_again_with_back_off() -> None:
    case = pushed("old", after_s=LATE)
    decision = run(case, now=at(LATE))
    assert not decision.base_moves
    assert not decision.writes
    (hold,) = decision.holds
    assert hold.until is not None
    assert hold.until > at(LATE)
    held = keep(case, decision)
    assert not run(held, now=hold.until - timedelta(milliseconds=1)).writes
    change = only_change(run(held, now=hold.until))
    assert (change.value, change.tries) == ("new", 1)


def test_after_three_ignored_tries_the_field_is_parked() -> None:
    case, now = pushed("old", after_s=LATE), at(LATE)
    delays: list[timedelta | None] = []
    for _ in range(IGNORED_TRIES):
        decision = run(case, now=now)
        (hold,) = decision.holds
        delays.append(None if hold.until is None else hold.until - now)
        assert hold.reason == "ignored"
        now += timedelta(hours=1)
        case = replace(
            keep(case, decision),
            intents=(intent(Side.S2E, {CAUSE: OLD_NEW}, started_at=now),),
            s2e_seen_at=now + READ_LAG,
        )
        now += READ_LAG
    assert delays[0] is not None
    assert delays[1] is not None
    assert delays[1] > delays[0]
    assert delays[2] is None
    assert not run(replace(case, intents=()), now=now + timedelta(days=30)).writes


def test_a_parked_field_is_tried_again_with_another_value() -> None:
    hold = Hold(Side.S2E, CAUSE, "ignored", "new", tries=3)
    case = replace(pushed("old", cmms="third", holds=(hold,)), intents=())
    decision = run(case, now=at(LATE))
    assert only_change(decision).value == "third"
    assert decision.lifted == ((Side.S2E, CAUSE),)


def test_a_write_in_doubt_that_was_not_applied_is_planned_again_at_once() -> None:
    case = pushed("old", state=IntentState.IN_DOUBT, after_s=LATE)
    change = only_change(run(case, now=at(LATE)))
    assert (change.before, change.value) == ("old", "new")


def test_a_write_in_doubt_backs_off_from_the_second_time() -> None:
    hold = Hold(Side.S2E, CAUSE, "not_applied", "new", tries=1, until=NOW)
    case = pushed("old", state=IntentState.IN_DOUBT, after_s=LATE, holds=(hold,))
    decision = run(case, now=at(LATE))
    assert not decision.writes
    (again,) = decision.holds
    assert again.tries == 2
    assert again.until is not None
    assert again.until > at(LATE)


def test_writes_not_applied_never_count_towards_ignored() -> None:
    hold = Hold(Side.S2E, CAUSE, "not_applied", "new", tries=9, until=NOW)
    (held,) = run(pushed("old", after_s=LATE, holds=(hold,)), now=at(LATE)).holds
    assert (held.reason, held.tries) == ("ignored", 1)
    assert held.until is not None


def test_a_write_not_applied_keeps_the_count_of_ignored_ones() -> None:
    hold = Hold(Side.S2E, CAUSE, "ignored", "new", tries=2, until=NOW)
    case = pushed("old", state=IntentState.IN_DOUBT, after_s=LATE, holds=(hold,))
    (held,) = run(case, now=at(LATE)).holds
    assert (held.reason, held.tries) == ("ignored", 2)
    assert held.until is not None


def test_a_write_superseded_upstream_is_the_base_and_the_newer_value_an_edit() -> None:
    decision = run(pushed("newer", after_s=LATE), now=at(LATE))
    assert moved(decision) == {CAUSE: ("new", "new")}
    assert sent(decision, Side.CMMS) == {CAUSE: "newer"}
    assert not sent(decision, Side.S2E)
    assert not decision.conflicts


def test_an_edit_that_our_write_may_have_overwritten_is_carried_nowhere() -> None:
    """A person edits between our look and our write, and the read after it lags behind both."""
    early = run(pushed("edited", after_s=EARLY), now=at(EARLY))
    assert early.waiting == {CAUSE}
    assert not early.writes
    assert not early.base_moves
    later = run(pushed("new", after_s=LATE), now=at(LATE))
    assert not later.writes
    assert moved(later) == {CAUSE: ("new", "new")}


def test_an_edit_seen_early_is_newer_where_last_synced_at_moved() -> None:
    decision = run(pushed("newer", last_synced_at=at(0.5)), now=at(1))
    assert moved(decision) == {CAUSE: ("new", "new")}
    assert sent(decision, Side.CMMS) == {CAUSE: "newer"}


def test_an_edit_seen_early_may_be_old_where_another_write_of_ours_moved_last_synced_at() -> None:
    earlier = replace(
        intent(Side.S2E, {NOTE: Write("a", "b", "b", verdict=CONFIRMED)}, intent_id=7),
        state=IntentState.CONFIRMED,
    )
    case = replace(pushed("edited", last_synced_at=at(0.5)), recent=(earlier,))
    decision = run(case, now=at(1))
    assert decision.waiting == {CAUSE}
    assert not decision.writes


def test_in_doubt_with_last_synced_at_moved_the_newer_value_is_an_edit_since() -> None:
    case = pushed("newer", state=IntentState.IN_DOUBT, last_synced_at=at(0.5))
    decision = run(case, now=at(1))
    assert sent(decision, Side.CMMS) == {CAUSE: "newer"}
    assert not decision.conflicts


def test_in_doubt_without_last_synced_at_moved_it_is_a_conflict_like_any_other() -> None:
    decision = run(pushed("newer", state=IntentState.IN_DOUBT, after_s=LATE), now=at(LATE))
    assert [(c.s2e, c.cmms, c.winner) for c in decision.conflicts] == [("newer", "new", Side.CMMS)]
    assert sent(decision, Side.S2E) == {CAUSE: "new"}
    case = pushed("newer", state=IntentState.IN_DOUBT, after_s=LATE)
    kept = run(case, make_policy(owner=Side.S2E), now=at(LATE))
    assert sent(kept, Side.CMMS) == {CAUSE: "newer"}
    assert not sent(kept, Side.S2E)


def test_a_newer_edit_in_the_cmms_that_nothing_proves_leaves_what_we_wrote_in_the_log() -> None:
    one = intent(Side.CMMS, {CAUSE: OLD_NEW})
    case = pair(
        {CAUSE: "new"},
        {CAUSE: "third"},
        base_s2e={CAUSE: "old"},
        base_cmms={CAUSE: "old"},
        intents=[one],
        seen_at=at(LATE),
    )
    decision = run(case, now=at(LATE))
    (logged,) = decision.conflicts
    assert (logged.s2e, logged.cmms, logged.winner) == ("new", "third", Side.CMMS)
    assert logged.from_write
    assert sent(decision, Side.S2E) == {CAUSE: "third"}


def test_last_synced_at_moved_by_another_write_of_ours_proves_nothing() -> None:
    """Two fields sent one by one: the first answered, the second in doubt and edited."""
    first = intent(Side.S2E, {NOTE: Write("a", "b", "b")}, intent_id=1)
    second = intent(Side.S2E, {CAUSE: OLD_NEW}, state=IntentState.IN_DOUBT, intent_id=2)
    case = pair(
        {CAUSE: "newer", NOTE: "b"},
        {CAUSE: "new", NOTE: "b"},
        base_s2e={CAUSE: "old", NOTE: "a"},
        base_cmms={CAUSE: "old", NOTE: "a"},
        intents=[first, second],
        seen_at=at(LATE),
        last_synced_at=at(0.5),
    )
    assert [conflict.field for conflict in run(case, now=at(LATE)).conflicts] == [CAUSE]


@pytest.mark.parametrize(
    ("before", "seen_now"), [(NOW, NOW), (NOW, None), (None, None)], ids=["same", "gone", "never"]
)
def test_last_synced_at_that_has_not_moved_proves_nothing(
    before: datetime | None, seen_now: datetime | None
) -> None:
    one = intent(Side.S2E, {CAUSE: OLD_NEW}, state=IntentState.IN_DOUBT, last_synced_before=before)
    case = pushed("newer", state=IntentState.IN_DOUBT, after_s=LATE, last_synced_at=seen_now)
    assert run(replace(case, intents=(one,)), now=at(LATE)).conflicts


@pytest.mark.parametrize(("ago_s", "verdicts"), [(61 + LATE, [SUPERSEDED]), (60 + LATE, [])])
def test_another_write_of_ours_hides_an_edit_only_while_the_last_look_may_not_have_shown_it(
    ago_s: float, verdicts: list[IntentState]
) -> None:
    """We look within a minute before a write, and a look may lag."""
    other = intent(Side.S2E, {NOTE: Write("a", "b", "b")}, intent_id=1, started_at=at(-ago_s))
    case = pair(
        {CAUSE: "newer", NOTE: "b"},
        {CAUSE: "newer", NOTE: "b"},
        base_s2e={CAUSE: "old", NOTE: "b"},
        base_cmms={CAUSE: "old", NOTE: "b"},
        intents=[intent(Side.S2E, {CAUSE: OLD_NEW}, intent_id=2, last_synced_before=at(-ago_s))],
        seen_at=at(EARLY),
        last_synced_at=at(0),
    )
    decision = run(replace(case, recent=(other,)), now=at(EARLY))
    assert [item.state for item in decision.verdicts] == verdicts
    assert decision.waiting == (set() if verdicts else {CAUSE})


def test_what_a_cmms_state_stands_for_says_nothing_about_a_write_upstream() -> None:
    status = Field.STATUS
    write = Write(Status.DRAFT, Status.ASSIGNED, Status.ASSIGNED)
    case = pair(
        {status: Status.ON_HOLD},
        {status: Status.ASSIGNED},
        base_s2e={status: Status.DRAFT},
        base_cmms={status: Status.COMPLETED},
        equivalents={status: frozenset({"DRAFT", "ASSIGNED"})},
        intents=[intent(Side.S2E, {status: write})],
        seen_at=at(LATE),
    )
    assert [item.state for item in run(case, now=at(LATE)).verdicts] == [SUPERSEDED]


@pytest.mark.parametrize(("kept", "expected"), [(64, ALTERED), (63, SUPERSEDED)])
def test_no_field_is_cut_below_64_units(kept: int, expected: IntentState) -> None:
    write = Write("old", "x" * 100, "x" * 100)
    assert verdict("x" * kept, answered=True, after_s=LATE, write=write) is expected


def test_a_side_with_an_outcome_unknown_is_written_nothing_else() -> None:
    case = pair(
        {CAUSE: "old", NOTE: "a"},
        {CAUSE: "new", NOTE: "b"},
        base_s2e={CAUSE: "old", NOTE: "a"},
        base_cmms={CAUSE: "old", NOTE: "a"},
        intents=[intent(Side.S2E, {CAUSE: OLD_NEW}, state=IntentState.IN_DOUBT)],
        seen_at=at(1),
    )
    decision = run(case, now=at(1))
    assert not decision.writes
    assert decision.waiting == {CAUSE}


def test_a_write_to_the_cmms_has_the_lag_that_the_adapter_declares() -> None:
    policy = replace(make_policy(), cmms_read_lag=timedelta(seconds=5))
    for after_s, expected in ((4.9, []), (5, [IGNORED])):
        case = pair(
            {CAUSE: "new"},
            {CAUSE: "old"},
            base_s2e={CAUSE: "old"},
            base_cmms={CAUSE: "old"},
            intents=[intent(Side.CMMS, {CAUSE: OLD_NEW})],
            seen_at=at(after_s),
        )
        verdicts = run(case, policy, at(after_s)).verdicts
        assert [item.state for item in verdicts] == expected


def test_an_edit_on_the_source_side_while_the_write_was_on_its_way_is_seen_as_an_edit() -> None:
    decision = run(pushed("new", cmms="third"), now=at(1))
    assert moved(decision) == {CAUSE: ("new", "new")}
    change = only_change(decision)
    assert (change.side, change.value, change.rule) == (Side.S2E, "third", "cmms_changed")


def test_a_field_the_read_does_not_show_stays_waiting() -> None:
    case = replace(pushed("new"), s2e=order({}))
    decision = run(case, now=at(LATE))
    assert decision.waiting == {CAUSE}
    assert not decision.verdicts


def test_a_field_already_settled_is_not_judged_again() -> None:
    done = replace(OLD_NEW, verdict=CONFIRMED)
    open_write = Write("a", "b", "b")
    case = pair(
        {CAUSE: "edited", NOTE: "b"},
        {CAUSE: "new", NOTE: "b"},
        base_s2e={CAUSE: "new", NOTE: "a"},
        base_cmms={CAUSE: "new", NOTE: "a"},
        intents=[intent(Side.S2E, {CAUSE: done, NOTE: open_write})],
        seen_at=at(1),
    )
    decision = run(case, now=at(1))
    assert [item.field for item in decision.verdicts] == [NOTE]
    assert sent(decision, Side.CMMS) == {CAUSE: "edited"}
