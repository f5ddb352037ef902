"""A person's answers about links, as the holder of the lease acts on them."""

from syncd.core.case import Hold, IntentKind, IntentState, Write
from syncd.core.planning.plan import decide
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from syncd.core.policy import Mode, Policy
from syncd.core.work_order import Field, Side, Status
from syncd.mirror import link_answers
from syncd.mirror.attention import clear_attention, orders_needing_attention
from syncd.mirror.cases import load_cases
from syncd.mirror.db.database import Mirror
from syncd.mirror.decided.bases import save_bases
from syncd.mirror.decided.holds import put_hold
from syncd.mirror.decided.links import drop_link, note_missing
from syncd.mirror.decided.verdicts import record_verdict
from syncd.mirror.intents import finish_intent, start_intent
from syncd.mirror.link_answers import LinkAnswer, Taken, Wish
from tests.edges.test_mirror_cases import case_of, link
from tests.edges.test_mirror_observations import NOON, order, record, save, save_records

POLICY = Policy(owners={}, cmms_writes=frozenset({Field.TITLE}), cmms_clears=frozenset())


def ask(mirror: Mirror, *answers: LinkAnswer) -> None:
    with mirror.transaction() as tx:
        for answer in answers:
            link_answers.save_answer(tx, answer)


def take(mirror: Mirror) -> list[Taken]:
    with mirror.transaction() as tx:
        return link_answers.take_answers(tx)


def start_write(mirror: Mirror, kind: IntentKind = IntentKind.UPDATE) -> int:
    with mirror.transaction() as tx:
        intent = start_intent(
            tx,
            s2e_id="wo_1",
            cmms_id="7",
            side=Side.CMMS,
            kind=kind,
            writes={Field.TITLE: Write("a", "b", "b")},
            last_synced_before=None,
            cycle_id="c1",
            token=1,
        )
        finish_intent(tx, intent.id, IntentState.IN_DOUBT)
    return intent.id


def test_an_answer_waits_for_a_write_that_is_under_way(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"), record("8"))
    link(mirror)
    number = start_write(mirror)
    answer = LinkAnswer("wo_1", Wish.RELINK, "8")
    ask(mirror, answer)
    assert take(mirror) == []
    with mirror.transaction() as tx:
        record_verdict(tx, number, Field.TITLE, IntentState.CONFIRMED)
    assert take(mirror) == [Taken(answer)]
    assert take(mirror) == []
    linked = case_of(mirror).link
    assert linked is not None
    assert linked.cmms_id == "8"


def test_of_a_create_in_doubt_an_answer_says_that_a_person_has_looked(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("8"))
    start_write(mirror, IntentKind.CREATE)
    ask(mirror, LinkAnswer("wo_1", Wish.RELINK, "8"))
    assert len(take(mirror)) == 1
    assert case_of(mirror).intents == ()


def test_an_answer_that_has_become_impossible_is_refused_and_over(mirror: Mirror) -> None:
    save(mirror, order(), order("wo_2"))
    save_records(mirror, record("7", "wo_1"), record("8"))
    link(mirror)
    answer = LinkAnswer("wo_1", Wish.RELINK, "8")
    ask(mirror, answer)
    link(mirror, "wo_2", "8")
    assert take(mirror) == [Taken(answer, "the record is linked to wo_2")]
    assert take(mirror) == []
    linked = case_of(mirror).link
    assert linked is not None
    assert linked.cmms_id == "7"


def test_what_waited_about_the_old_link_is_forgotten_with_its_bases(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"), record("8"))
    link(mirror)
    with mirror.transaction() as tx:
        save_bases(tx, "wo_1", {Field.TITLE: "a"}, {Field.TITLE: "b"}, native={})
        put_hold(tx, "wo_1", Hold(Side.CMMS, Field.TITLE, "refused", "x"))
    ask(mirror, LinkAnswer("wo_1", Wish.RELINK, "8"))
    take(mirror)
    case = case_of(mirror)
    assert (case.base_s2e, case.base_cmms, case.holds) == ({}, {}, ())


def test_the_last_answer_of_an_order_counts(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"))
    link(mirror)
    ask(mirror, LinkAnswer("wo_1", Wish.RECREATE), LinkAnswer("wo_1", Wish.DROP))
    assert [each.answer.wish for each in take(mirror)] == [Wish.DROP]
    case = case_of(mirror)
    assert [hold.reason for hold in case.holds] == [UNLINKED]
    assert decide(case, POLICY, NOON).out_of_scope == "dropped"


def test_a_missing_record_claims_nothing_once_it_is_to_be_made_anew(mirror: Mirror) -> None:
    save(mirror, order(status=Status.COMPLETED, external_id="7"))
    save_records(mirror, record("7", "wo_1"))
    link(mirror)
    with mirror.transaction() as tx:
        for cycle in ("c0", "c1"):
            note_missing(tx, "7", cycle)
    ask(mirror, LinkAnswer("wo_1", Wish.RECREATE))
    take(mirror)
    case = case_of(mirror)
    assert (case.claims, case.link, [hold.reason for hold in case.holds]) == ((), None, [RECREATE])
    assert case.answers == {Field.EXTERNAL_ID: Side.CMMS}
    decision = decide(case, POLICY, NOON)
    assert POLICY.mode is Mode.ADOPT
    assert decision.create is not None
    assert decision.lifted == ()  # the mark stays until there is a record


def test_an_external_id_of_somebody_else_does_not_follow(mirror: Mirror) -> None:
    save(mirror, order(external_id="somebody's 99"))
    save_records(mirror, record("7", "wo_1"), record("8"))
    link(mirror)
    ask(mirror, LinkAnswer("wo_1", Wish.RELINK, "8"))
    take(mirror)
    assert case_of(mirror).answers == {}


def test_an_order_with_an_answer_is_looked_at(mirror: Mirror) -> None:
    save(mirror, order())
    with mirror.transaction() as tx:
        link_answers.save_answer(tx, LinkAnswer("wo_1", Wish.DROP))
    with mirror.read() as tx:
        assert [case.s2e_id for case in load_cases(tx)] == ["wo_1"]


def test_a_record_whose_link_is_dropped_may_be_another_orders(mirror: Mirror) -> None:
    save(mirror, order(), order("wo_2"))
    save_records(mirror, record("7", "wo_2"))
    link(mirror)
    with mirror.transaction() as tx:
        clear_attention(tx, ["wo_1", "wo_2"])
        assert orders_needing_attention(tx) == set()
        drop_link(tx, "wo_1")
        assert orders_needing_attention(tx) == {"wo_2"}
