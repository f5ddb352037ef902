"""What is known of an order, read as one case; and which records belong to it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from syncd.core.case import Case, Conflict, Hold, IntentKind, IntentState, Write
from syncd.core.planning.identity import claims_of, counterpart, owner_of
from syncd.core.planning.plan import decide
from syncd.core.policy import Mode, Policy
from syncd.core.work_order import CmmsRecord, Field, Side, Status, Value
from syncd.mirror import attention, observations
from syncd.mirror.answers import answer_conflict, release_holds
from syncd.mirror.cases import load_cases
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.tables import cmms_records
from syncd.mirror.decided.bases import save_bases
from syncd.mirror.decided.conflicts import put_conflict
from syncd.mirror.decided.holds import put_hold
from syncd.mirror.decided.links import drop_link, make_link
from syncd.mirror.decided.verdicts import record_verdict
from syncd.mirror.intents import start_intent
from tests.conftest import Clock
from tests.edges.test_mirror_observations import NOON, order, record, save, save_records, settle

POLICY = Policy(
    owners={},
    cmms_writes=frozenset({Field.TITLE, Field.STATUS}),
    cmms_clears=frozenset(),
    mode=Mode.CREATE,
)


def case_of(mirror: Mirror, s2e_id: str = "wo_1") -> Case:
    with mirror.read() as tx:
        [case] = load_cases(tx, [s2e_id])
    return case


def looked_at(mirror: Mirror) -> list[str]:
    with mirror.read() as tx:
        return [case.s2e_id for case in load_cases(tx)]


def link(mirror: Mirror, s2e_id: str = "wo_1", cmms_id: str = "7") -> None:
    with mirror.transaction() as tx:
        make_link(tx, s2e_id, cmms_id, "adopted")


def test_a_linked_order_comes_with_its_record(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"), at=NOON + timedelta(minutes=1))
    link(mirror)
    case = case_of(mirror)
    assert case.link is not None
    assert case.link.cmms_id == "7"
    assert [(claim.record.cmms_id, claim.linked_to) for claim in case.claims] == [("7", "wo_1")]
    assert case.cmms == record("7", "wo_1")
    assert case.cmms_seen_at == NOON + timedelta(minutes=1)
    assert case.referenced is None


def test_an_unlinked_order_comes_with_the_one_record_that_carries_its_id(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"))
    case = case_of(mirror)
    (claim,) = case.claims
    assert (claim.record, claim.linked_to, case.cmms) == (record("7", "wo_1"), None, None)
    assert counterpart(case) == claim


def test_several_records_with_its_id_are_all_claims(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"), record("8", "wo_1"))
    case = case_of(mirror)
    assert sorted(claim.record.cmms_id for claim in case.claims) == ["7", "8"]
    assert counterpart(case) is None


def test_the_record_that_external_id_names_is_referenced(mirror: Mirror) -> None:
    save(mirror, order(external_id="7"))
    save_records(mirror, record("7"), record("8"))
    referenced = case_of(mirror).referenced
    assert referenced is not None
    assert (referenced.record, owner_of(referenced, "wo_1")) == (record("7"), None)


def test_an_id_that_nobody_knows_gives_an_empty_case(mirror: Mirror) -> None:
    assert case_of(mirror, "wo_404") == Case("wo_404")


# ── one record, one order ────────────────────────────────────────────────────────────────


def decide_and_link(mirror: Mirror, *s2e_ids: str) -> dict[str, str]:
    """What the planner links of these orders, kept as the cycle keeps it."""
    with mirror.transaction() as tx:
        decisions = [decide(case, POLICY, tx.now) for case in load_cases(tx, s2e_ids)]
        made = {d.s2e_id: d.link.cmms_id for d in decisions if d.link is not None}
        for s2e_id, cmms_id in made.items():
            make_link(tx, s2e_id, cmms_id, "reference")
        assert not any(decision.create for decision in decisions)
    return made


def test_a_record_that_two_orders_name_is_linked_to_neither(mirror: Mirror) -> None:
    """Somebody has copied an order upstream, its externalId included."""
    save(mirror, order("wo_1", external_id="7"), order("wo_2", external_id="7"))
    save_records(mirror, record("7"))
    assert decide_and_link(mirror, "wo_1", "wo_2") == {}
    assert decide_and_link(mirror, "wo_2") == {}


def test_a_record_that_is_linked_is_not_linked_again_by_reference(mirror: Mirror) -> None:
    save(mirror, order("wo_1"), order("wo_2", external_id="7"))
    save_records(mirror, record("7"))
    link(mirror)
    assert decide_and_link(mirror, "wo_2") == {}
    referenced = case_of(mirror, "wo_2").referenced
    assert referenced is not None
    assert owner_of(referenced, "wo_2") == "wo_1"


def test_a_record_that_is_linked_is_not_claimed_by_another_order(mirror: Mirror) -> None:
    """Somebody has put another order's id into a record that is linked."""
    save(mirror, order("wo_1"), order("wo_2", status=Status.DRAFT))
    save_records(mirror, record("7", "wo_2"))
    link(mirror)
    assert claims_of(case_of(mirror, "wo_2")) == ()
    assert decide_and_link(mirror, "wo_2") == {}


def test_the_original_keeps_its_link_when_a_copy_appears(mirror: Mirror) -> None:
    save(mirror, order("wo_1", external_id="7"))
    save_records(mirror, record("7"))
    assert decide_and_link(mirror, "wo_1") == {"wo_1": "7"}
    save(mirror, order("wo_2", external_id="7"))
    assert decide_and_link(mirror, "wo_2") == {}


def test_a_deleted_copy_gives_the_record_free(mirror: Mirror) -> None:
    save(mirror, order("wo_1", external_id="7"), order("wo_2", external_id="7"))
    save_records(mirror, record("7"))
    for cycle in ("c1", "c2"):
        with mirror.transaction() as tx:
            observations.note_absence(tx, "wo_2", cycle)
    assert decide_and_link(mirror, "wo_1") == {"wo_1": "7"}


def test_linking_a_record_twice_is_refused(mirror: Mirror) -> None:
    link(mirror, "wo_1", "7")
    for s2e_id, cmms_id in (("wo_2", "7"), ("wo_1", "8")):
        with pytest.raises(Exception, match=r"(?i)unique"):
            link(mirror, s2e_id, cmms_id)


def test_a_dropped_link_takes_its_bases_along(mirror: Mirror) -> None:
    save(mirror, order())
    link(mirror)
    with mirror.transaction() as tx:
        save_bases(tx, "wo_1", {Field.TITLE: "a"}, {Field.TITLE: "b"}, native={})
        drop_link(tx, "wo_1")
    case = case_of(mirror)
    assert (case.link, dict(case.base_s2e), dict(case.base_cmms)) == (None, {}, {})


# ── bases ────────────────────────────────────────────────────────────────────────────────


def test_bases_move_field_by_field(mirror: Mirror) -> None:
    save(mirror, order())
    told: list[tuple[dict[Field, Value], dict[Field, Value]]] = [
        ({Field.TITLE: "a", Field.STATUS: Status.DRAFT}, {Field.TITLE: "A"}),
        ({Field.STATUS: Status.ASSIGNED}, {Field.STATUS: Status.ASSIGNED}),
        ({Field.TITLE: None}, {Field.TITLE: None}),
    ]
    for s2e, cmms in told:
        with mirror.transaction() as tx:
            save_bases(tx, "wo_1", s2e, cmms, native={"no": 7})
    case = case_of(mirror)
    assert dict(case.base_s2e) == {Field.TITLE: None, Field.STATUS: Status.ASSIGNED}
    assert dict(case.base_cmms) == {Field.TITLE: None, Field.STATUS: Status.ASSIGNED}


# ── which cases need a look ──────────────────────────────────────────────────────────────


def quiet(mirror: Mirror) -> None:
    """Two linked orders that nobody has to look at."""
    save(mirror, order("wo_1"), order("wo_2"))
    save_records(mirror, record("7", "wo_1"), record("8", "wo_2"))
    link(mirror, "wo_1", "7")
    link(mirror, "wo_2", "8")
    settle(mirror, "wo_1", "wo_2")
    assert looked_at(mirror) == []


def test_a_changed_record_brings_its_order(mirror: Mirror) -> None:
    quiet(mirror)
    save_records(mirror, record("7", "wo_1", title="Valve"))
    assert looked_at(mirror) == ["wo_1"]


def test_a_changed_record_without_an_id_brings_the_order_it_is_linked_to(mirror: Mirror) -> None:
    quiet(mirror)
    save_records(mirror, record("7", None, title="Valve"))
    assert looked_at(mirror) == ["wo_1"]


def test_a_new_record_brings_the_order_that_names_it(mirror: Mirror) -> None:
    save(mirror, order("wo_3", external_id="9"))
    settle(mirror, "wo_3")
    save_records(mirror, record("9"))
    assert looked_at(mirror) == ["wo_3"]


def test_an_unknown_outcome_brings_its_order_until_it_is_known(mirror: Mirror) -> None:
    quiet(mirror)
    with mirror.transaction() as tx:
        intent = start_intent(
            tx,
            s2e_id="wo_1",
            cmms_id="7",
            side=Side.S2E,
            kind=IntentKind.UPDATE,
            writes={Field.STATUS: Write(Status.DRAFT, Status.ASSIGNED, Status.ASSIGNED)},
            last_synced_before=None,
            cycle_id="c1",
            token=1,
        )
    assert looked_at(mirror) == ["wo_1"]
    assert [i.id for i in case_of(mirror).intents] == [intent.id]
    with mirror.transaction() as tx:
        record_verdict(tx, intent.id, Field.STATUS, IntentState.CONFIRMED)
    assert looked_at(mirror) == []


def test_a_hold_brings_its_order_when_its_time_has_come(mirror: Mirror, clock: Clock) -> None:
    quiet(mirror)
    until = clock.now + timedelta(seconds=60)
    with mirror.transaction() as tx:
        put_hold(tx, "wo_1", Hold(Side.S2E, Field.STATUS, "ignored", "X", 1, until))
        put_hold(tx, "wo_2", Hold(Side.S2E, Field.STATUS, "refused", "X", 1))
    assert looked_at(mirror) == []
    clock.pass_(60)
    assert looked_at(mirror) == ["wo_1"]


def test_an_answer_brings_its_order(mirror: Mirror) -> None:
    quiet(mirror)
    asked = Conflict(Field.STATUS, Status.DRAFT, Status.ASSIGNED, None)
    with mirror.transaction() as tx:
        put_conflict(tx, "wo_1", asked, cycle_id="c1")
    assert looked_at(mirror) == []
    with mirror.transaction() as tx:
        assert answer_conflict(tx, "wo_1", Field.STATUS, Side.CMMS)
    assert looked_at(mirror) == ["wo_1"]
    case = case_of(mirror)
    assert (case.conflicts, dict(case.answers)) == ((asked,), {Field.STATUS: Side.CMMS})


def test_a_person_who_asks_to_retry_brings_the_order(mirror: Mirror) -> None:
    quiet(mirror)
    with mirror.transaction() as tx:
        put_hold(tx, "wo_1", Hold(Side.S2E, Field.STATUS, "refused", "X", 1))
    with mirror.transaction() as tx:
        assert release_holds(tx, "wo_1", None, drop=False) == 1
    assert looked_at(mirror) == ["wo_1"]
    assert case_of(mirror).holds == ()


def test_a_record_of_nobody_is_looked_at_once(mirror: Mirror) -> None:
    save_records(mirror, record("9"), record("10", "wo_unknown"))
    assert looked_at(mirror) == []
    with mirror.transaction() as tx:
        attention.set_aside_unclaimed(tx)
    with mirror.read() as tx:
        marked = select(cmms_records.c.cmms_id).where(cmms_records.c.needs_attention)
        assert tx.conn.execute(marked).scalars().all() == ["10"]


# ── cost ─────────────────────────────────────────────────────────────────────────────────


def test_many_cases_take_few_queries(mirror: Mirror) -> None:
    save(mirror, *(order(f"wo_{n:04}") for n in range(1000)))
    save_records(mirror, *(record(f"{n:04}", f"wo_{n:04}") for n in range(1000)))
    asked: list[str] = []
    event.listen(mirror.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with mirror.read() as tx:
        assert len(load_cases(tx)) == 1000
    assert len(asked) < 60


def test_a_case_is_what_was_saved_whatever_the_connection(
    mirror_url: str, open_at: Callable[..., Mirror]
) -> None:
    one, two = (open_at(mirror_url, connection=name) for name in ("one", "two"))
    for mirror, title in ((one, "first"), (two, "second")):
        save(mirror, order(title=title, external_id="7"))
        save_records(mirror, CmmsRecord("7", None, {Field.TITLE: title}))
        link(mirror)
        with mirror.transaction() as tx:
            save_bases(tx, "wo_1", {Field.TITLE: title}, {Field.TITLE: title}, native={})
            put_hold(tx, "wo_1", Hold(Side.S2E, None, title))
    for mirror, title in ((one, "first"), (two, "second")):
        case = case_of(mirror)
        assert case.cmms is not None
        assert case.cmms.fields[Field.TITLE] == title
        assert dict(case.base_s2e) == {Field.TITLE: title}
        assert [hold.reason for hold in case.holds] == [title]
