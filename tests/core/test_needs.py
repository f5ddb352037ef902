"""A closing that wants other fields: with them, after them, or not yet."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.case import CHANGED, REFUSED, Case, Hold, IntentState
from syncd.core.decision import Change, Decision
from syncd.core.planning.merge import reconcile
from syncd.core.planning.needs import NEEDS_FIELDS, split, wait_for, without_needs
from syncd.core.planning.plan import decide
from syncd.core.policy import Mode, Policy, Scope
from syncd.core.work_order import Field, Fields, Side, Status, Value
from tests.core.builders import NOW, S2E_ID, make_policy, order, pair

ST, RES, HRS = Field.STATUS, Field.RESOLUTION, Field.ROOT_CAUSE
POLICY = replace(make_policy(), cmms_needs={"COMPLETED": frozenset({RES})})
BOTH = replace(make_policy(), cmms_needs={"COMPLETED": frozenset({RES, HRS})})
LATER = NOW + timedelta(minutes=5)


def closing(
    upstream: Value, below: Value, base: tuple[Value, Value] = (None, None), *holds: Hold
) -> Case:
    """An order that was completed upstream, with these resolutions."""
    return pair(
        {ST: Status.COMPLETED, RES: upstream},
        {ST: Status.IN_PROGRESS, RES: below},
        base_s2e={ST: Status.IN_PROGRESS, RES: base[0]},
        base_cmms={ST: Status.IN_PROGRESS, RES: base[1]},
        holds=holds,
    )


def held(name: Field, reason: str, value: object, until: object = None) -> Hold:
    return Hold(Side.CMMS, name, reason, value, until=until)  # type: ignore[arg-type]


def sent(decision: Decision) -> set[Field]:
    return {change.field for change in decision.changes_on(Side.CMMS)}


def kept(decision: Decision) -> dict[Field | None, str]:
    return {hold.field: hold.reason for hold in decision.holds if hold.side is Side.CMMS}


@pytest.mark.parametrize(
    ("case", "goes", "parks", "says"),
    [
        pytest.param(closing("worn", "worn", ("worn", "worn")), {ST}, {}, "", id="is there"),
        pytest.param(closing("worn", None), {ST, RES}, {}, "", id="comes from upstream"),
        pytest.param(closing(None, "worn"), {ST}, {}, "", id="entered in the CMMS"),
        pytest.param(
            closing(None, None), set(), {ST: NEEDS_FIELDS}, "enter it on either", id="on neither"
        ),
        pytest.param(
            closing("worn", None, (None, None), held(RES, REFUSED, "worn")),
            set(), {ST: NEEDS_FIELDS}, "parked (refused)", id="parked",
        ),
        pytest.param(
            closing("worn", None, (None, None), held(RES, "not_applied", "worn", LATER)),
            set(), {ST: NEEDS_FIELDS}, "tried again by itself", id="later",
        ),
        pytest.param(
            closing("worn", None, ("worn", "worn")),
            set(), {ST: NEEDS_FIELDS}, "(cannot_clear)", id="taken out in the CMMS",
        ),
        pytest.param(
            closing("worn", None, ("worn", None)),
            set(), {ST: NEEDS_FIELDS}, "enter it there", id="agreed to be empty there",
        ),
        pytest.param(
            closing("worn", None, (None, None), held(ST, NEEDS_FIELDS, "COMPLETED")),
            {ST, RES}, {}, "", id="comes while the status is parked",
        ),
        pytest.param(
            closing("worn", "worn", ("worn", "worn"), held(ST, NEEDS_FIELDS, "COMPLETED")),
            {ST}, {}, "", id="is there while the status is parked",
        ),
        pytest.param(
            closing(None, None, (None, None), held(ST, REFUSED, "COMPLETED")),
            set(), {ST: NEEDS_FIELDS}, "enter it on either", id="was refused for the lack of it",
        ),
        pytest.param(
            closing("new", "old", ("old", "old"), held(ST, REFUSED, "COMPLETED")),
            {ST, RES}, {}, "", id="was refused, and another value comes",
        ),
        pytest.param(
            closing("new", "old", ("old", "old"), held(ST, CHANGED, "COMPLETED")),
            {ST, RES}, {}, "", id="was answered 409, and another value comes",
        ),
        pytest.param(
            closing("new", "old", ("old", "old"), held(ST, IntentState.IGNORED, "COMPLETED")),
            {ST, RES}, {}, "", id="was ignored, and another value comes",
        ),
        pytest.param(
            closing("worn", "worn", ("worn", "worn"), held(ST, REFUSED, "COMPLETED")),
            set(), {}, "", id="was refused, and nothing is new",
        ),
        pytest.param(
            closing("worn", None, (None, None), held(ST, "dropped", "COMPLETED")),
            {RES}, {}, "", id="given up by a person",
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_a_closing(
    case: Case, goes: set[Field], parks: dict[Field | None, str], says: str
) -> None:
    decision = reconcile(case, POLICY, NOW)
    assert sent(decision) == goes
    assert kept(decision) == parks
    assert says in "".join(hold.detail for hold in decision.holds)


def test_it_is_decided_again_when_the_field_is() -> None:
    """A hold that the needed field ends by itself is no parked one."""
    case = closing("worn", None, (None, None), held(RES, "not_applied", "worn", LATER))
    (hold,) = reconcile(case, POLICY, NOW).holds
    assert hold.until == LATER
    again = replace(case, holds=(*case.holds, hold))
    assert sent(reconcile(again, POLICY, LATER)) == {ST, RES}


def test_what_waits_is_kept_once() -> None:
    case = closing(None, None)
    (hold,) = reconcile(case, POLICY, NOW).holds
    again = reconcile(replace(case, holds=(hold,)), POLICY, NOW)
    assert (again.holds, again.lifted, again.changes) == ((), (), ())


def test_a_field_that_the_record_does_not_show_is_no_reason_to_wait() -> None:
    decision = reconcile(closing("worn", "worn", ("worn", "worn")), BOTH, NOW)
    assert sent(decision) == {ST}


def test_another_status_wants_nothing() -> None:
    case = closing(None, None)
    paused = replace(case, s2e=order({ST: Status.ON_HOLD, RES: None}))
    assert sent(reconcile(paused, POLICY, NOW)) == {ST}


@pytest.mark.parametrize(
    ("fields", "created"),
    [
        ({ST: Status.COMPLETED, RES: "worn"}, True),
        ({ST: Status.COMPLETED, RES: None}, False),
        ({ST: Status.ASSIGNED, RES: None}, True),
    ],
)
def test_a_record_is_made_with_what_its_status_wants(fields: Fields, created: bool) -> None:
    policy = replace(POLICY, mode=Mode.CREATE, create=Scope.ALL)
    decision = decide(Case(S2E_ID, s2e=order(fields), s2e_seen_at=NOW), policy, NOW)
    assert (decision.create is not None) is created
    assert kept(decision) == ({} if created else {None: NEEDS_FIELDS})
    again = decide(replace(decision.case, holds=decision.holds), policy, NOW)
    assert kept(again) == {}, "it is parked once"


def change(name: Field, *needs: Field) -> Change:
    return Change(Side.CMMS, name, None, "x", "x", "s2e_changed", needs=frozenset(needs))


def test_after_a_refusal_a_status_stays_with_what_it_wants() -> None:
    title, res, status = change(Field.TITLE), change(RES), change(ST, RES)
    parts = split((title, res, status))
    assert parts == ((res, status), (title,))
    assert split(parts[0]) == ((res,), (status,))
    assert split((title, res)) == ((title,), (res,))


def test_a_status_is_not_sent_without_what_it_wants() -> None:
    status = change(ST, RES, HRS)
    assert without_needs((status,), {RES}) == (status, frozenset({HRS}))
    assert without_needs((status, change(HRS)), {RES}) is None
    hold = wait_for(status, {HRS})
    assert (hold.field, hold.reason, hold.until) == (ST, NEEDS_FIELDS, None)
    assert "root_cause" in hold.detail


def test_the_policy_has_no_needs_of_its_own() -> None:
    policy: Policy = make_policy()
    assert sent(reconcile(closing(None, None), policy, NOW)) == {ST}
