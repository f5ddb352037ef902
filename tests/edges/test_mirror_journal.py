"""Intents, what waits for a person, guards, and what the mirror reports."""

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import func, select

from syncd.core.case import Conflict, Hold, Intent, IntentKind, IntentState, Write
from syncd.core.decision import Drift
from syncd.core.paging.list_order import Row
from syncd.core.paging.pages import Certificate, SeenPage
from syncd.core.paging.sweep import Sweep
from syncd.core.planning.guards import Guard, GuardKey, Latch
from syncd.core.work_order import Field, Side, Status, Unreadable, Value
from syncd.mirror import attention, journal, links, observations, state
from syncd.mirror.answers import answer_conflict, release_guard, release_holds
from syncd.mirror.cases import load_cases
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.db.tables import conflicts, intents
from syncd.mirror.db.tables import journal as journal_table
from syncd.mirror.decided.bases import save_bases
from syncd.mirror.decided.conflicts import close_conflict, put_conflict
from syncd.mirror.decided.drift import clear_drift, drifting_fields, put_drift
from syncd.mirror.decided.guards import latch_guard, spend_guard
from syncd.mirror.decided.holds import lift_hold, put_hold
from syncd.mirror.decided.links import make_link, note_missing
from syncd.mirror.decided.verdicts import record_verdict
from syncd.mirror.guard_counts import load_counts
from syncd.mirror.intents import (
    finish_intent,
    mark_started_in_doubt,
    open_intents,
    recent_writes,
    start_intent,
)
from syncd.mirror.queries.held import parked_list
from syncd.mirror.queries.order import order_view
from syncd.mirror.queries.status import (
    freshness_s,
    out_of_scope_reasons,
    status_counts,
    status_facts,
)
from syncd.mirror.queries.waiting import conflict_list, guard_list
from tests.conftest import Clock
from tests.edges.test_mirror_observations import order, record, save, save_records, settle

TWO: Mapping[Field, Write] = {
    Field.STATUS: Write(Status.DRAFT, Status.ASSIGNED, Status.ASSIGNED),
    Field.RESOLUTION: Write(None, "done\x00", "done\x00"),
}


def start(
    mirror: Mirror,
    writes: Mapping[Field, Write] = TWO,
    *,
    side: Side = Side.S2E,
    kind: IntentKind = IntentKind.UPDATE,
    s2e_id: str = "wo_1",
) -> Intent:
    with mirror.transaction() as tx:
        return start_intent(
            tx,
            s2e_id=s2e_id,
            cmms_id="7",
            side=side,
            kind=kind,
            writes=writes,
            last_synced_before=tx.now - timedelta(days=1),
            cycle_id="c1",
            token=3,
        )


def unfinished(mirror: Mirror) -> list[Intent]:
    with mirror.read() as tx:
        return open_intents(tx)


def state_of(mirror: Mirror, intent: Intent) -> str | None:
    with mirror.read() as tx:
        return tx.conn.scalar(select(intents.c.state).where(intents.c.id == intent.id))


# ── intents ──────────────────────────────────────────────────────────────────────────────


def test_an_intent_comes_back_as_it_was_started(mirror: Mirror) -> None:
    writes = {Field.PRIORITY: Write(Unreadable("URGENT", "unknown"), "HIGH", None)}
    started = start(mirror, writes)
    [found] = unfinished(mirror)
    assert found == started
    assert found.state is IntentState.STARTED


def test_numbers_are_in_the_order_of_the_writes(mirror: Mirror) -> None:
    numbers = [start(mirror).id for _ in range(3)]
    assert [intent.id for intent in unfinished(mirror)] == numbers == sorted(numbers)


def test_an_answered_intent_waits_to_be_read_back(mirror: Mirror, clock: Clock) -> None:
    intent = start(mirror)
    answered = clock.pass_(2)
    with mirror.transaction() as tx:
        finish_intent(tx, intent.id, IntentState.ANSWERED, request_id="r1")
    [found] = unfinished(mirror)
    assert (found.state, found.answered_at) == (IntentState.ANSWERED, answered)


@pytest.mark.parametrize("ended", [IntentState.REFUSED, IntentState.NOT_APPLIED])
def test_a_write_that_came_to_nothing_is_closed(mirror: Mirror, ended: IntentState) -> None:
    intent = start(mirror)
    with mirror.transaction() as tx:
        finish_intent(tx, intent.id, ended, error="Refused: no")
    assert unfinished(mirror) == []
    assert state_of(mirror, intent) == ended


def test_an_intent_ends_with_the_verdict_on_its_last_field(mirror: Mirror) -> None:
    intent = start(mirror)
    with mirror.transaction() as tx:
        record_verdict(tx, intent.id, Field.STATUS, IntentState.CONFIRMED)
    [found] = unfinished(mirror)
    assert found.writes[Field.STATUS].verdict is IntentState.CONFIRMED
    assert found.writes[Field.RESOLUTION].verdict is None
    with mirror.transaction() as tx:
        record_verdict(tx, intent.id, Field.RESOLUTION, IntentState.ALTERED)
    assert unfinished(mirror) == []
    assert state_of(mirror, intent) == "altered"


GRAVEST = [
    IntentState.IGNORED,
    IntentState.NOT_APPLIED,
    IntentState.SUPERSEDED,
    IntentState.ALTERED,
    IntentState.CONFIRMED,
]


def test_the_gravest_verdict_names_the_intent(mirror: Mirror) -> None:
    for one, other in product(GRAVEST, GRAVEST):
        intent = start(mirror)
        with mirror.transaction() as tx:
            record_verdict(tx, intent.id, Field.STATUS, one)
            record_verdict(tx, intent.id, Field.RESOLUTION, other)
        assert state_of(mirror, intent) == min(one, other, key=GRAVEST.index)


def test_what_a_dead_process_had_started_is_in_doubt(mirror: Mirror) -> None:
    cut_off, answered = start(mirror), start(mirror)
    with mirror.transaction() as tx:
        finish_intent(tx, answered.id, IntentState.ANSWERED)
    with mirror.transaction() as tx:
        assert [intent.id for intent in mark_started_in_doubt(tx)] == [cut_off.id]
        assert mark_started_in_doubt(tx) == []
    assert [i.state for i in unfinished(mirror)] == [IntentState.IN_DOUBT, IntentState.ANSWERED]


def test_the_guards_count_what_was_sent_within_the_hour(mirror: Mirror, clock: Clock) -> None:
    one = {Field.STATUS: Write(Status.DRAFT, Status.CANCELLED, Status.CANCELLED)}
    start(mirror, one, s2e_id="wo_old")
    clock.pass_(3600)
    start(mirror, one, s2e_id="wo_new")
    start(mirror, {Field.RESOLUTION: Write("x", None, None)}, s2e_id="wo_blank")
    start(mirror, one, s2e_id="wo_cmms", side=Side.CMMS)
    start(mirror, one, s2e_id="wo_made", kind=IntentKind.CREATE)
    refused = start(mirror, one, s2e_id="wo_refused")
    with mirror.transaction() as tx:
        finish_intent(tx, refused.id, IntentState.REFUSED)
    with mirror.read() as tx:
        found = recent_writes(tx, Side.S2E, clock.now - timedelta(minutes=59))
    expected: list[tuple[str, Field, Value]] = [
        ("wo_new", Field.STATUS, Status.CANCELLED),
        ("wo_blank", Field.RESOLUTION, None),
    ]
    assert found == expected


def test_our_own_bookkeeping_is_not_counted(mirror: Mirror, clock: Clock) -> None:
    """A first sync writes one externalStatus on all: no reason to stop."""
    writes = {Field.EXTERNAL_STATUS: Write(None, "OPEN", "OPEN"), **TWO}
    start(mirror, writes)
    with mirror.read() as tx:
        found = recent_writes(tx, Side.S2E, clock.now)
    assert {name for _, name, _ in found} == {Field.STATUS, Field.RESOLUTION}


# ── the journal ──────────────────────────────────────────────────────────────────────────


def test_history_is_forgotten_and_what_is_open_is_not(mirror: Mirror, clock: Clock) -> None:
    still_open, settled = start(mirror), start(mirror)
    with mirror.transaction() as tx:
        journal.write(tx, "decided", s2e_id="wo_1", detail={"why": "a\x00b\ud800"})
        finish_intent(tx, settled.id, IntentState.REFUSED)
        state.start_cycle(tx, "c1")
    clock.pass_(3600)
    with mirror.transaction() as tx:
        journal.write(tx, "decided", s2e_id="wo_2")
        assert journal.prune(tx, clock.now - timedelta(minutes=1)) == 1
    with mirror.read() as tx:
        assert list(tx.conn.scalars(select(journal_table.c.s2e_id))) == ["wo_2"]
    assert [intent.id for intent in unfinished(mirror)] == [still_open.id]
    assert state_of(mirror, settled) is None


# ── holds ────────────────────────────────────────────────────────────────────────────────


def holds(mirror: Mirror) -> list[Hold]:
    with mirror.read() as tx:
        return [hold for case in load_cases(tx, ["wo_1"]) for hold in case.holds]


def test_one_hold_for_each_field_of_a_side(mirror: Mirror) -> None:
    refused = Hold(Side.S2E, Field.STATUS, "refused", "X", 1, detail="no\x00")
    whole = Hold(Side.CMMS, None, "duplicate_records", ["7", "8"])
    with mirror.transaction() as tx:
        for hold in (refused, Hold(Side.S2E, Field.STATUS, "ignored", "Y", 2), whole):
            put_hold(tx, "wo_1", hold)
    assert holds(mirror) == [Hold(Side.S2E, Field.STATUS, "ignored", "Y", 2), whole]
    with mirror.transaction() as tx:
        lift_hold(tx, "wo_1", Side.CMMS, None)
        lift_hold(tx, "wo_1", Side.CMMS, None)
    assert [hold.reason for hold in holds(mirror)] == ["ignored"]


def test_a_dropped_value_is_held_and_no_longer_counted(mirror: Mirror) -> None:
    with mirror.transaction() as tx:
        put_hold(tx, "wo_1", Hold(Side.S2E, Field.STATUS, "refused", "X", 1))
        assert status_counts(tx)["parked"] == 1
        assert release_holds(tx, "wo_1", "status", drop=True) == 1
        assert release_holds(tx, "wo_1", "title", drop=True) == 0
        assert status_counts(tx)["parked"] == 0
        assert parked_list(tx) == []
    assert [(hold.reason, hold.value) for hold in holds(mirror)] == [("dropped", "X")]


# ── conflicts ────────────────────────────────────────────────────────────────────────────


def put(mirror: Mirror, s2e: Value, cmms: Value, winner: Side | None) -> bool:
    with mirror.transaction() as tx:
        conflict = Conflict(Field.STATUS, s2e, cmms, winner)
        return put_conflict(tx, "wo_1", conflict, cycle_id="c1")


def count_of(mirror: Mirror) -> int:
    with mirror.read() as tx:
        return tx.conn.scalar(select(func.count()).select_from(conflicts)) or 0


def test_a_conflict_is_told_once(mirror: Mirror) -> None:
    assert put(mirror, "a", "b", Side.CMMS)
    assert not put(mirror, "a", "b", Side.CMMS)
    assert put(mirror, "c", "b", Side.CMMS)
    assert count_of(mirror) == 2


def test_a_conflict_that_waits_follows_its_values(mirror: Mirror) -> None:
    assert put(mirror, Status.DRAFT, Status.ASSIGNED, None)
    assert not put(mirror, Status.DRAFT, Status.ASSIGNED, None)
    assert put(mirror, Status.ON_HOLD, Status.ASSIGNED, None)
    with mirror.read() as tx:
        [case] = load_cases(tx, ["wo_1"])
        [shown] = conflict_list(tx)
        assert status_counts(tx)["conflicts"] == 1
    assert case.conflicts == (Conflict(Field.STATUS, Status.ON_HOLD, Status.ASSIGNED, None),)
    assert shown["s2e_value"] == "ON_HOLD"


def test_a_conflict_that_was_over_and_comes_again_waits_again(mirror: Mirror) -> None:
    """Also with the same values, for example after its order was relinked."""
    assert put(mirror, Status.DRAFT, Status.ASSIGNED, None)
    with mirror.transaction() as tx:
        assert close_conflict(tx, "wo_1", Field.STATUS)
        assert conflict_list(tx) == []
    assert put(mirror, Status.DRAFT, Status.ASSIGNED, None)
    with mirror.read() as tx:
        assert [row["field"] for row in conflict_list(tx)] == ["status"]


def test_an_answer_lives_until_the_conflict_is_over(mirror: Mirror) -> None:
    with mirror.transaction() as tx:
        assert not answer_conflict(tx, "wo_1", Field.STATUS, Side.S2E)
    put(mirror, "DRAFT", "ASSIGNED", None)
    with mirror.transaction() as tx:
        assert answer_conflict(tx, "wo_1", Field.STATUS, Side.S2E)
    # The cycle acts on it, and meets the same conflict while the write is on its way.
    assert not put(mirror, "DRAFT", "ASSIGNED", Side.S2E)
    with mirror.transaction() as tx:
        assert close_conflict(tx, "wo_1", Field.STATUS)
        assert not close_conflict(tx, "wo_1", Field.STATUS)
        [case] = load_cases(tx, ["wo_1"])
        [kept] = conflict_list(tx, every=True)
    assert (case.conflicts, case.answers) == ((), {})
    assert (kept["answer"], kept["cmms_value"]) == ("s2e", "ASSIGNED")


# ── drift ────────────────────────────────────────────────────────────────────────────────


def test_drift_is_told_once_for_each_value(mirror: Mirror) -> None:
    told = []
    with mirror.transaction() as tx:
        for value in ("a", "a", "b\x00", "b\x00"):
            drift = Drift(Side.CMMS, Field.TITLE, value, "not_writable")
            told.append(put_drift(tx, "wo_1", drift))
        assert drifting_fields(tx, "wo_1") == {(Side.CMMS, Field.TITLE)}
        clear_drift(tx, "wo_1", Side.CMMS, Field.TITLE)
        assert drifting_fields(tx, "wo_1") == set()
    assert told == [True, False, True, False]


# ── guards ───────────────────────────────────────────────────────────────────────────────

KEY = (Guard.MASS_CHANGE, Side.CMMS)


def latch(mirror: Mirror, count: int = 60) -> bool:
    with mirror.transaction() as tx:
        return latch_guard(tx, Latch(*KEY, count, 50, f"{count} would change"))


def latched_and_allowed(tx: Tx) -> tuple[set[GuardKey], dict[GuardKey, int]]:
    facts = load_counts(tx, tx.now)
    return set(facts.latched), dict(facts.allowed)


def guards_of(mirror: Mirror) -> tuple[set[GuardKey], dict[GuardKey, int]]:
    with mirror.read() as tx:
        return latched_and_allowed(tx)


def test_a_guard_is_latched_once_and_names_the_greatest_count(mirror: Mirror) -> None:
    assert [latch(mirror), latch(mirror, 80), latch(mirror, 0)] == [True, False, False]
    assert guards_of(mirror) == ({KEY}, {})
    with mirror.read() as tx:
        [shown] = guard_list(tx)
    assert shown["counted"] == 80


def test_a_released_guard_lets_through_what_it_named_until_it_is_spent(mirror: Mirror) -> None:
    latch(mirror)
    with mirror.transaction() as tx:
        assert release_guard(tx, "mass_change") == ["mass_change"]
        assert release_guard(tx, "mass_change") == []
    assert guards_of(mirror) == (set(), {KEY: 60})
    with mirror.transaction() as tx:
        spend_guard(tx, *KEY)
    assert guards_of(mirror) == (set(), {})
    assert latch(mirror)


def test_a_plan_beyond_what_was_released_latches_anew(mirror: Mirror) -> None:
    latch(mirror)
    with mirror.transaction() as tx:
        release_guard(tx, None)
    assert latch(mirror, 200)
    assert guards_of(mirror) == ({KEY}, {})


def test_the_guard_against_404s_is_over_when_it_is_released(mirror: Mirror) -> None:
    with mirror.transaction() as tx:
        latch_guard(tx, Latch(Guard.NOT_FOUND, None, 9, 5, "wrong credentials?"))
        assert latched_and_allowed(tx) == ({(Guard.NOT_FOUND, None)}, {})
        release_guard(tx, "not_found")
        assert latched_and_allowed(tx) == (set(), {})


def test_created_records_are_counted(mirror: Mirror) -> None:
    with mirror.transaction() as tx:
        for number, how in enumerate(["created", "adopted", "created"]):
            make_link(tx, f"wo_{number}", str(number), how)
        assert (links.created_count(tx), links.linked_count(tx)) == (2, 3)


# ── what is reported ─────────────────────────────────────────────────────────────────────


def test_counts_of_an_empty_mirror_are_nought(mirror: Mirror) -> None:
    with mirror.read() as tx:
        assert set(status_counts(tx).values()) == {0}
        assert freshness_s(tx) == 0
        assert order_view(tx, "wo_1") is None
        assert state.last_cycle(tx) is None
        json.dumps(status_facts(tx))


def test_counts_name_each_kind_of_waiting(mirror: Mirror) -> None:
    save(mirror, *(order(f"wo_{n}") for n in range(1, 7)))
    save_records(mirror, record("7", "wo_1"))
    settle(mirror, *(f"wo_{n}" for n in range(1, 7)))
    doubtful = start(mirror, s2e_id="wo_2")
    with mirror.transaction() as tx:
        make_link(tx, "wo_1", "7", "adopted")
        make_link(tx, "wo_6", "gone", "adopted")
        for cycle in ("c1", "c2"):
            note_missing(tx, "gone", cycle)
            observations.note_absence(tx, "wo_5", cycle)
        attention.clear_attention(tx, ["wo_5", "wo_6"])
        finish_intent(tx, doubtful.id, IntentState.IN_DOUBT)
        observations.set_scope(tx, "wo_3", "no_record")
        put_hold(tx, "wo_4", Hold(Side.S2E, Field.STATUS, "refused", "X", 1))
    put(mirror, "a", "b", None)
    with mirror.read() as tx:
        counts = status_counts(tx)
        assert out_of_scope_reasons(tx) == {"no_record": 1}
    assert counts == {
        "total": 6,
        "linked": 2,
        "pending": 1,
        "parked": 1,
        "conflicts": 1,
        "in_doubt": 1,
        "tombstones": 1,
        "cmms_missing": 1,
        "out_of_scope": 1,
    }


def test_freshness_is_the_age_of_the_oldest_change_not_across(mirror: Mirror, clock: Clock) -> None:
    save(mirror, order())
    clock.pass_(100)
    save(mirror, order(title="changed again"))
    with mirror.read() as tx:
        assert freshness_s(tx) == 100
    settle(mirror, "wo_1")
    with mirror.read() as tx:
        assert freshness_s(tx) == 0


def test_looking_at_an_old_order_again_does_not_make_it_late(mirror: Mirror, clock: Clock) -> None:
    """After a write, or a changed setting, orders are looked at that changed long ago."""
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"))
    with mirror.transaction() as tx:
        make_link(tx, "wo_1", "7", "adopted")
    settle(mirror, "wo_1")
    clock.pass_(86_400)
    with mirror.transaction() as tx:
        attention.mark_attention(tx, None)
    clock.pass_(5)
    with mirror.read() as tx:
        assert freshness_s(tx) == 5


def test_an_order_is_shown_with_everything_under_either_id(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"))
    start(mirror)
    with mirror.transaction() as tx:
        make_link(tx, "wo_1", "7", "adopted")
        save_bases(tx, "wo_1", {Field.TITLE: "a"}, {Field.TITLE: "b"}, native={"no": 7})
        journal.write(tx, "link.adopted", s2e_id="wo_1", cmms_id="7", rule="adopted")
        journal.write(tx, "decided", s2e_id="wo_1", field=Field.STATUS, detail={"to": "X"})
        put_drift(tx, "wo_1", Drift(Side.CMMS, Field.TITLE, "x", "not_writable"))
    with mirror.read() as tx:
        by_s2e, by_cmms = order_view(tx, "wo_1"), order_view(tx, "7")
    assert by_s2e == by_cmms
    assert by_s2e is not None
    assert json.loads(json.dumps(by_s2e)) == by_s2e
    assert [entry["event"] for entry in by_s2e["timeline"]] == ["link.adopted", "decided"]
    assert by_s2e["bases"]["cmms"]["native"] == {"no": 7}
    assert by_s2e["link"]["cmms_id"] == "7"


def test_the_last_cycle_is_the_last_that_ended(mirror: Mirror, clock: Clock) -> None:
    with mirror.transaction() as tx:
        for cycle_id, result in (("c1", "complete"), ("c2", "failed")):
            state.start_cycle(tx, cycle_id)
            state.end_cycle(tx, cycle_id, result, {"cycle_id": cycle_id})
    good = clock.now
    clock.pass_(60)
    with mirror.transaction() as tx:
        state.start_cycle(tx, "c3")
        state.end_cycle(tx, "c3", "failed", {"cycle_id": "c3"})
        state.start_cycle(tx, "c4")
    with mirror.read() as tx:
        last = state.last_cycle(tx)
        assert state.last_good_cycle_at(tx) == good
    assert last is not None
    assert (last["cycle_id"], last["report"]) == ("c3", {"cycle_id": "c3"})


def test_a_sweep_is_kept_with_its_place_and_then_with_its_certificate(mirror: Mirror) -> None:
    sweep = Sweep()
    sweep.take(SeenPage([Row("wo_1", "1", 1, 2)], 400, 0, True))
    with mirror.transaction() as tx:
        number = state.start_sweep(tx, "c1")
        state.save_progress(tx, number, sweep, {"full": True})
    with mirror.read() as tx:
        running = state.running_sweep(tx)
        assert state.last_sweep(tx) is None
    assert running is not None
    assert (running["id"], running["pages"], running["total"]) == (number, 1, 400)
    assert Sweep.load(running["progress"]["sweep"]) == sweep
    with mirror.transaction() as tx:
        proved = Certificate(pages=7, order=("id",))
        state.end_sweep(tx, number, result="complete", reason=None, certificate=proved)
        later = state.start_sweep(tx, "c2")
        state.end_sweep(tx, later, result="partial", reason="why", certificate=None)
    with mirror.read() as tx:
        assert state.running_sweep(tx) is None
        last, complete = state.last_sweep(tx), state.last_complete_sweep(tx)
    assert last is not None
    assert complete is not None
    assert (last["id"], last["reason"]) == (later, "why")
    assert (complete["id"], complete["certificate"]["pages"]) == (number, 7)
    assert complete["progress"] is None


@pytest.mark.parametrize("value", [True, 0, 4.5, "text", ["list"], {"key": None}, None])
def test_single_values_come_back(mirror: Mirror, value: object) -> None:
    with mirror.transaction() as tx:
        state.set_state(tx, "key", "before")
        state.set_state(tx, "key", value)
    with mirror.read() as tx:
        assert state.get_state(tx, "key") == value


def test_moments_come_back(mirror: Mirror, clock: Clock) -> None:
    with mirror.transaction() as tx:
        state.set_moment(tx, "moment", clock.now)
        assert state.get_moment(tx, "moment") == clock.now
        assert state.get_moment(tx, "never") is None
