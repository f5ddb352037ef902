"""Orders without a link: one test per row of the table in `unlinked.py`, scope, refused creates."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.case import (
    Candidate,
    Case,
    Conflict,
    Hold,
    Intent,
    IntentKind,
    IntentState,
    Link,
    Write,
)
from syncd.core.planning.plan import decide
from syncd.core.planning.unlinked import decide_unlinked
from syncd.core.policy import Mode, Policy, Scope
from syncd.core.values import encode_fields
from syncd.core.work_order import Field, Side, Status, Unreadable, Unwritable, Value
from tests.core.builders import (
    CMMS_ID,
    NOW,
    S2E_ID,
    at,
    intent,
    keep,
    make_policy,
    moved,
    pair,
    record,
    run,
    sent,
    unlinked,
)

ADOPT = make_policy(mode=Mode.ADOPT)
CREATE = make_policy(mode=Mode.CREATE)
OPEN: Mapping[Field, Value] = {
    Field.TITLE: "Pump",
    Field.STATUS: Status.ASSIGNED,
    Field.EXTERNAL_ID: None,
}
REFERENCE: Mapping[Field, Value] = {**OPEN, Field.EXTERNAL_ID: CMMS_ID}
INDEX_LAG = timedelta(seconds=30)


def creating(
    values: Mapping[Field, Value], state: IntentState = IntentState.IN_DOUBT, intent_id: int = 1
) -> Intent:
    writes = {name: Write(None, value, value) for name, value in values.items()}
    return intent(Side.CMMS, writes, state=state, kind=IntentKind.CREATE, intent_id=intent_id)


# ── takes no part ────────────────────────────────────────────────────────────────────────


def test_deleted_upstream_is_out_of_scope_linked_or_not() -> None:
    gone = replace(unlinked(OPEN, found=[record()]), tombstone=True)
    linked = replace(pair(OPEN, {}), tombstone=True)
    for case in (gone, linked):
        decision = run(case, CREATE)
        assert decision.out_of_scope == "deleted_upstream"
        assert not decision.writes
        assert decision.link is None


def test_an_order_that_reappears_resumes_its_link() -> None:
    case = replace(
        unlinked({Field.ROOT_CAUSE: "old"}),
        link=Link(S2E_ID, CMMS_ID),
        cmms=record({Field.ROOT_CAUSE: "new"}),
        cmms_seen_at=NOW,
        base_s2e={Field.ROOT_CAUSE: "old"},
        base_cmms={Field.ROOT_CAUSE: "old"},
    )
    assert not run(replace(case, tombstone=True)).writes
    assert sent(run(case), Side.S2E) == {Field.ROOT_CAUSE: "new"}


def test_an_order_never_seen_upstream_is_out_of_scope() -> None:
    decision = run(Case(S2E_ID, claims=(Candidate(record(), NOW),)), CREATE)
    assert decision.out_of_scope == "unknown_upstream"


@pytest.mark.parametrize(
    ("sites", "assets", "reason"),
    [
        ((), (), None),
        (("s1",), (), None),
        (("s1", "s2"), (), None),
        (("s2",), (), "other_site"),
        ((), ("a1", "a2"), None),
        ((), ("a2",), "other_asset"),
        (("s1",), ("a1",), None),
        (("s1",), ("a2",), "other_asset"),
        (("s2",), ("a1",), "other_site"),
    ],
)
@pytest.mark.parametrize("linked", [False, True])
def test_filters_are_a_union_within_a_list_and_an_intersection_between(
    sites: tuple[str, ...], assets: tuple[str, ...], reason: str | None, linked: bool
) -> None:
    policy = replace(CREATE, site_ids=frozenset(sites), asset_ids=frozenset(assets))
    case = unlinked(OPEN, site_id="s1", asset_id="a1")
    if linked:
        newer = record({Field.STATUS: Status.COMPLETED})
        case = replace(case, link=Link(S2E_ID, CMMS_ID), cmms=newer)
    decision = run(case, policy)
    assert decision.out_of_scope == reason
    assert decision.writes == (reason is None)


def test_an_order_without_a_site_is_outside_a_site_filter() -> None:
    policy = replace(CREATE, site_ids=frozenset({"s1"}))
    assert run(unlinked(OPEN), policy).out_of_scope == "other_site"


def test_a_write_to_an_order_that_is_gone_ends_as_not_applied() -> None:
    written = intent(Side.S2E, {Field.STATUS: Write(None, "x", "x")})
    decision = run(replace(unlinked(OPEN, intents=[written]), tombstone=True))
    assert not decision.waiting
    assert [each.state for each in decision.verdicts] == [IntentState.NOT_APPLIED]


def test_a_write_to_an_order_of_another_site_is_still_read_back() -> None:
    policy = replace(CREATE, site_ids=frozenset({"s1"}))
    status = OPEN[Field.STATUS]
    done = Status.COMPLETED
    written = intent(Side.S2E, {Field.STATUS: Write(status, done, done)})
    decision = run(unlinked(OPEN, intents=[written]), policy)
    assert decision.out_of_scope == "other_site"
    assert decision.waiting == {Field.STATUS}


# ── a record carries the id ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("policy", [ADOPT, CREATE])
def test_one_record_with_the_id_is_adopted_and_met_in_the_same_cycle(policy: Policy) -> None:
    found = record({Field.STATUS: Status.IN_PROGRESS, Field.EXTERNAL_ID: CMMS_ID})
    decision = run(unlinked(OPEN, found=[found]), policy)
    assert decision.link is not None
    assert (decision.link.cmms_id, decision.link.how) == (CMMS_ID, "adopted")
    assert decision.create is None
    assert sent(decision, Side.S2E) == {
        Field.STATUS: Status.IN_PROGRESS,
        Field.EXTERNAL_ID: CMMS_ID,
    }


@pytest.mark.parametrize("policy", [ADOPT, CREATE])
def test_several_records_with_the_id_stop_and_report(policy: Policy) -> None:
    found = [record(cmms_id="2"), record(cmms_id="1")]
    case = unlinked(OPEN, found=found)
    decision = run(case, policy)
    (hold,) = decision.holds
    assert (hold.reason, hold.detail, hold.field, hold.until) == (
        "duplicate_records",
        "1, 2",
        None,
        None,
    )
    assert decision.link is None
    assert not decision.writes
    again = run(keep(case, decision), policy)
    assert not again.holds
    assert not again.writes


def test_a_duplicate_that_was_resolved_is_adopted_and_its_hold_lifted() -> None:
    hold = Hold(Side.CMMS, None, "duplicate_records", "1, 2", detail="1, 2")
    decision = run(unlinked(OPEN, found=[record()], holds=[hold]))
    assert decision.link is not None
    assert decision.lifted == ((Side.CMMS, None),)


def test_a_third_duplicate_is_reported_anew() -> None:
    hold = Hold(Side.CMMS, None, "duplicate_records", "1, 2", detail="1, 2")
    found = [record(cmms_id=number) for number in "123"]
    assert [h.detail for h in run(unlinked(OPEN, found=found, holds=[hold])).holds] == ["1, 2, 3"]


def test_a_duplicate_that_a_person_dropped_is_not_reported_again() -> None:
    hold = Hold(Side.CMMS, None, "dropped", "1, 2")
    found = [record(cmms_id="1"), record(cmms_id="2")]
    assert not run(unlinked(OPEN, found=found, holds=[hold])).holds


# ── a create in doubt ────────────────────────────────────────────────────────────────────


def test_a_create_in_doubt_whose_record_is_found_is_linked_with_its_own_bases() -> None:
    """No first meeting: an edit made meanwhile is an edit."""
    values = {Field.TITLE: "Pump", Field.STATUS: Status.ASSIGNED}
    found = record({Field.TITLE: "Pump", Field.STATUS: Status.IN_PROGRESS})
    order_fields = {Field.TITLE: "Pump 2", Field.STATUS: Status.ASSIGNED}
    case = unlinked(order_fields, found=[found], intents=[creating(values)])
    decision = run(case, CREATE)
    assert decision.link is not None
    assert decision.link.how == "created"
    assert moved(decision) == {name: (value, value) for name, value in values.items()}
    assert {item.state for item in decision.verdicts} == {IntentState.CONFIRMED}
    assert sent(decision, Side.S2E) == {Field.STATUS: Status.IN_PROGRESS}
    assert sent(decision, Side.CMMS) == {Field.TITLE: "Pump 2"}
    assert {change.rule for change in decision.changes} == {"s2e_changed", "cmms_changed"}
    # The value that gives way is kept: a read cannot prove who has entered the newer one.
    gave_way = Conflict(Field.STATUS, Status.ASSIGNED, Status.IN_PROGRESS, Side.CMMS)
    assert decision.conflicts == (gave_way,)


def test_what_further_calls_of_a_create_did_not_come_to_is_written_and_no_edit() -> None:
    """The first call makes an open record; a second was to set its state, a third its assignee."""
    values = {Field.TITLE: "Pump", Field.STATUS: Status.IN_PROGRESS, Field.ASSIGNED_TO: "Ann"}
    found = record({Field.TITLE: "Pump", Field.STATUS: Status.ASSIGNED, Field.ASSIGNED_TO: None})
    case = unlinked(values, found=[found], intents=[creating(values)])
    decision = run(case, replace(CREATE, cmms_creates_with=frozenset({Field.TITLE})))
    assert not sent(decision, Side.S2E)
    assert sent(decision, Side.CMMS) == {
        Field.STATUS: Status.IN_PROGRESS,
        Field.ASSIGNED_TO: "Ann",
    }
    verdicts = {item.field: item.state for item in decision.verdicts}
    assert verdicts.pop(Field.TITLE) is IntentState.CONFIRMED
    assert set(verdicts.values()) == {IntentState.NOT_APPLIED}
    # It may be a person's after all: it is in the log.
    (lost,) = decision.conflicts
    assert (lost.field, lost.cmms, lost.winner) == (Field.STATUS, Status.ASSIGNED, Side.S2E)


def test_what_further_calls_of_a_create_have_written_is_confirmed() -> None:
    values = {Field.TITLE: "Pump", Field.STATUS: Status.IN_PROGRESS}
    case = unlinked(values, found=[record(values)], intents=[creating(values)])
    decision = run(case, replace(CREATE, cmms_creates_with=frozenset({Field.TITLE})))
    assert not decision.writes
    assert {item.state for item in decision.verdicts} == {IntentState.CONFIRMED}


def test_a_value_that_cannot_be_written_is_left_out_of_a_create() -> None:
    def settles(_name: Field, value: Value) -> Value | Unwritable:
        return Unwritable("unmapped", "nobody is called so") if value == "Ann" else value

    fields = {**OPEN, Field.ASSIGNED_TO: "Ann"}
    decision = run(unlinked(fields), replace(CREATE, cmms_keeps=settles))
    assert decision.create is not None
    assert Field.ASSIGNED_TO not in decision.create
    assert decision.create == run(unlinked(OPEN), CREATE).create


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        (Field.ROOT_CAUSE, "worn ", "worn"),
        (Field.TITLE, " Pump\n", "Pump"),
        (Field.STATUS, Status.DRAFT, Status.ASSIGNED),
    ],
)
def test_what_the_cmms_made_of_a_create_in_doubt_is_no_edit(
    name: Field, value: Value, stored: Value
) -> None:
    classes = {Field.STATUS: frozenset({"DRAFT", "ASSIGNED"})}
    found = record({name: stored}, equivalents=classes)
    decision = run(
        unlinked({name: value}, found=[found], intents=[creating({name: value})]), CREATE
    )
    assert moved(decision) == {name: (value, stored)}
    assert not decision.writes
    assert not decision.drifts


def test_a_create_in_doubt_waits_for_the_adapters_index_lag() -> None:
    policy = replace(CREATE, cmms_index_lag=INDEX_LAG)
    case = unlinked(OPEN, intents=[creating(OPEN)], searched_at=at(29.999))
    early = run(case, policy, at(120))
    assert early.create is None
    assert early.waiting == set(OPEN)
    assert not early.verdicts
    late = run(replace(case, searched_at=at(30)), policy, at(120))
    assert late.create is not None
    assert {item.state for item in late.verdicts} == {IntentState.NOT_APPLIED}


def test_nothing_is_made_anew_while_nobody_has_searched() -> None:
    case = unlinked(OPEN, intents=[creating(OPEN)], searched_at=None)
    decision = run(case, CREATE, at(86400))
    assert decision.create is None
    assert decision.waiting == set(OPEN)


@pytest.mark.parametrize(
    ("asked_s", "proves"), [(3, False), (5, False), (34.999, False), (35, True), (99, True)]
)
def test_a_search_proves_only_what_could_have_arrived_when_it_was_asked(
    asked_s: float, proves: bool
) -> None:
    """A create may run for 30 s and be found 5 s later. The search that is asked at 3 s may be
    answered at 70 s, and shows what there was at 3 s."""
    policy = replace(CREATE, cmms_longest_request=INDEX_LAG, cmms_index_lag=timedelta(seconds=5))
    case = unlinked(OPEN, intents=[creating(OPEN)], searched_at=at(asked_s))
    assert (run(case, policy, at(100)).create is not None) is proves
    abandoned = run(replace(case, tombstone=True), policy, at(100))
    assert bool(abandoned.verdicts) is proves


def test_a_record_of_a_create_that_was_given_up_is_the_creates() -> None:
    values = {Field.TITLE: "Pump", Field.STATUS: Status.ASSIGNED}
    found = record({Field.TITLE: "Pump", Field.STATUS: Status.DRAFT})
    past = replace(creating(values, IntentState.NOT_APPLIED), given_up_at=NOW)
    case = unlinked({**values, Field.TITLE: "Pump 2"}, found=[found], given_up=[past])
    decision = run(case, CREATE)
    assert decision.link is not None
    assert decision.link.how == "created"
    assert moved(decision) == {name: (value, value) for name, value in values.items()}
    assert sent(decision, Side.CMMS) == {Field.TITLE: "Pump 2"}


def test_of_two_creates_the_record_is_of_the_one_whose_values_it_holds() -> None:
    old, new = {Field.ROOT_CAUSE: "old"}, {Field.ROOT_CAUSE: "new"}
    past = replace(creating(old, IntentState.NOT_APPLIED), given_up_at=NOW)
    case = unlinked(new, found=[record(old)], intents=[creating(new, intent_id=2)], given_up=[past])
    decision = run(case, CREATE)
    assert sent(decision, Side.CMMS) == new, "upstream has changed since the first create"
    assert not sent(decision, Side.S2E)


def test_a_create_in_doubt_of_an_adapter_that_cannot_find_needs_review() -> None:
    policy = replace(CREATE, cmms_finds=False)
    case = unlinked(OPEN, intents=[creating(OPEN)])
    decision = run(case, policy)
    assert [hold.reason for hold in decision.holds] == ["create_in_doubt"]
    assert not decision.writes
    assert not decision.verdicts
    assert not run(keep(case, decision), policy).holds


def test_an_adapter_that_cannot_find_may_still_show_the_record() -> None:
    policy = replace(CREATE, cmms_finds=False)
    decision = run(unlinked(OPEN, found=[record(OPEN)], intents=[creating(OPEN)]), policy)
    assert decision.link is not None
    assert decision.link.how == "created"


def test_a_create_in_doubt_is_not_sent_again_where_nothing_may_be_created_any_more() -> None:
    decision = run(unlinked(OPEN, intents=[creating(OPEN)]), ADOPT)
    assert decision.out_of_scope == "no_record"
    assert {item.state for item in decision.verdicts} == {IntentState.NOT_APPLIED}


# ── externalId names a record ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("policy", [ADOPT, CREATE])
@pytest.mark.parametrize("carries", [None, S2E_ID])
def test_an_external_id_that_names_a_free_record_links_it(
    policy: Policy, carries: str | None
) -> None:
    named = record({Field.TITLE: "Pumpe"}, s2e_id=carries)
    decision = run(unlinked(REFERENCE, referenced=named), policy)
    assert decision.link is not None
    assert (decision.link.cmms_id, decision.link.how) == (CMMS_ID, "reference")
    assert sent(decision, Side.CMMS) == {Field.TITLE: "Pump"}


@pytest.mark.parametrize(
    ("owner_id", "reason"), [("wo_2", "external_id_taken"), (None, "external_id_unknown")]
)
def test_an_external_id_that_names_no_free_record_needs_review_and_creates_nothing(
    owner_id: str | None, reason: str
) -> None:
    named = None if owner_id is None else record(s2e_id=owner_id)
    case = unlinked(REFERENCE, referenced=named)
    decision = run(case, CREATE)
    assert [hold.reason for hold in decision.holds] == [reason]
    assert CMMS_ID in decision.holds[0].detail
    assert not decision.writes
    assert decision.link is None
    assert not run(keep(case, decision), CREATE).holds
    adopting = run(case, ADOPT)
    assert adopting.out_of_scope == reason
    assert not adopting.holds


# ── nothing of the kind ──────────────────────────────────────────────────────────────────


def test_adopt_creates_nothing() -> None:
    decision = run(unlinked(OPEN), ADOPT)
    assert decision.out_of_scope == "no_record"
    assert not decision.writes


@pytest.mark.parametrize("status", list(Status))
def test_scope_open_creates_assigned_in_progress_and_on_hold(status: Status) -> None:
    decision = run(unlinked({**OPEN, Field.STATUS: status}), CREATE)
    in_scope = status in {Status.ASSIGNED, Status.IN_PROGRESS, Status.ON_HOLD}
    assert (decision.create is not None) == in_scope
    assert decision.out_of_scope == (None if in_scope else f"status_{status.lower()}")


@pytest.mark.parametrize("status", list(Status))
def test_scope_all_creates_every_status(status: Status) -> None:
    policy = make_policy(mode=Mode.CREATE, create=Scope.ALL)
    assert run(unlinked({**OPEN, Field.STATUS: status}), policy).create is not None


def test_an_order_that_was_in_scope_and_is_linked_stays_synced_when_it_leaves_the_scope() -> None:
    done = {**OPEN, Field.STATUS: Status.COMPLETED}
    was = {**OPEN, Field.STATUS: Status.ASSIGNED}
    case = replace(
        unlinked(done),
        link=Link(S2E_ID, CMMS_ID),
        cmms=record(was),
        cmms_seen_at=NOW,
        base_s2e=was,
        base_cmms=was,
    )
    assert sent(run(case, CREATE), Side.CMMS) == {Field.STATUS: Status.COMPLETED}


@pytest.mark.parametrize("status", [Unreadable("WEIRD", "is not a status we know"), None])
def test_an_order_whose_status_cannot_be_read_needs_review(status: Value) -> None:
    decision = run(unlinked({**OPEN, Field.STATUS: status}), CREATE)
    assert [hold.reason for hold in decision.holds] == ["unreadable"]
    assert not decision.writes


def test_an_adapter_that_cannot_create_puts_the_order_out_of_scope() -> None:
    decision = run(unlinked(OPEN), replace(CREATE, cmms_creates=False))
    assert decision.out_of_scope == "adapter_cannot_create"


def test_created_is_what_the_adapter_writes_and_what_is_not_blank() -> None:
    fields: Mapping[Field, Value] = {
        **OPEN,
        Field.DESCRIPTION: None,
        Field.LOCATION: "Hall 1",
        Field.DUE_DATE: Unreadable("soon", "is not an ISO 8601 time"),
        Field.ROOT_CAUSE: "x" * 900,
        Field.EXTERNAL_STATUS: "new",
    }
    writes = frozenset(Field) - {Field.LOCATION}
    decision = run(unlinked(fields), make_policy(mode=Mode.CREATE, writes=writes))
    assert decision.create == {
        Field.TITLE: "Pump",
        Field.STATUS: Status.ASSIGNED,
        Field.ROOT_CAUSE: "x" * 900,
    }


# ── a create that was refused ────────────────────────────────────────────────────────────

WOULD_CREATE = {Field.TITLE: "Pump", Field.STATUS: Status.ASSIGNED}


def refused(values: Mapping[Field, Value], seconds: float | None) -> Hold:
    until = None if seconds is None else at(seconds)
    return Hold(Side.CMMS, None, "refused", encode_fields(values), tries=1, until=until)


@pytest.mark.parametrize("until_s", [None, 60])
def test_a_refused_create_is_not_sent_again_with_the_same_values(until_s: float | None) -> None:
    decision = run(unlinked(OPEN, holds=[refused(WOULD_CREATE, until_s)]), CREATE)
    assert decision.create is None
    assert not decision.lifted


def test_a_refused_create_is_sent_again_with_other_values() -> None:
    hold = refused({**WOULD_CREATE, Field.TITLE: "Pmup"}, None)
    decision = run(unlinked(OPEN, holds=[hold]), CREATE)
    assert decision.create == WOULD_CREATE
    assert decision.lifted == ((Side.CMMS, None),)


def test_a_create_held_until_a_time_is_sent_then() -> None:
    case = unlinked(OPEN, holds=[refused(WOULD_CREATE, 60)])
    assert decide(case, CREATE, at(59.9)).create is None
    assert decide(case, CREATE, at(60)).create == WOULD_CREATE


def test_a_refused_create_does_not_keep_a_record_that_appears_from_being_adopted() -> None:
    case = unlinked(OPEN, found=[record()], holds=[refused(WOULD_CREATE, None)])
    decision = run(case, CREATE)
    assert decision.link is not None
    assert decision.lifted == ((Side.CMMS, None),)


def test_an_order_out_of_scope_again_forgets_its_refusal() -> None:
    case = unlinked({**OPEN, Field.STATUS: Status.DRAFT}, holds=[refused(WOULD_CREATE, None)])
    assert run(case, CREATE).lifted == ((Side.CMMS, None),)


# ── linked, and the record is gone ───────────────────────────────────────────────────────


@pytest.mark.parametrize("missing_cycles", [1, 2, 9])
def test_a_linked_record_that_is_not_found_is_neither_written_nor_made_anew(
    missing_cycles: int,
) -> None:
    case = replace(
        unlinked({**OPEN, Field.TITLE: "Pump 2"}, found=[record(OPEN)]),
        link=Link(S2E_ID, CMMS_ID, missing_cycles),
        base_s2e=OPEN,
        base_cmms=OPEN,
    )
    for one in (case, replace(case, cmms=None)):
        decision = run(one, CREATE)
        assert decision.out_of_scope == "cmms_missing"
        assert not decision.writes


def test_a_linked_order_is_not_for_meet() -> None:
    case = replace(unlinked(OPEN), link=Link(S2E_ID, CMMS_ID))
    with pytest.raises(ValueError, match="unlinked"):
        decide_unlinked(case, CREATE, NOW)
    with pytest.raises(ValueError, match="unlinked"):
        decide_unlinked(Case(S2E_ID), CREATE, NOW)
