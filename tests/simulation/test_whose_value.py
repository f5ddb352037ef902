"""Whose value it is: numbers given twice, ids that move, updates that were cut off or refused."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.core.policy import Scope
from syncd.core.values import parse_value
from syncd.core.work_order import Field
from syncd.mirror.db.tables import conflicts, intents, journal, links, parked
from syncd.mirror.link_answers import LinkAnswer, Wish, save_answer
from tests.simulation.__main__ import quiet
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import Fault, Trouble
from tests.simulation.ledger import plain
from tests.simulation.world import Setup, World

DONE_AT = "2026-02-05T08:00:00.000Z"


def make(home: Path, traits: Traits, orders: int = 1) -> World:
    """A world of these orders, each with a record, in step."""
    quiet()
    setup = Setup(orders=orders, page=8, scope=Scope.ALL, traits=traits)
    world = World(setup, home)
    ticks(world, 3)
    return world


def ticks(world: World, count: int) -> None:
    for _ in range(count):
        world.tick(full=True)
        world.clock.sleep(120)


def record_of(world: World, s2e_id: str) -> str:
    with world.mirror.read() as tx:
        found = select(links.c.cmms_id).where(links.c.s2e_id == s2e_id)
        return str(tx.conn.execute(found).scalar_one())


def parked_of(world: World, s2e_id: str) -> dict[str, str]:
    """Reason by field; "" is the whole order."""
    with world.mirror.read() as tx:
        rows = tx.conn.execute(select(parked).where(parked.c.s2e_id == s2e_id))
        return {row.field: row.reason for row in rows}


def answer(world: World, said: LinkAnswer) -> None:
    """A person answers, and the next cycle acts on it."""
    world.person(lambda tx: save_answer(tx, said))


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("trouble", ["lost", "dropped"])
def test_a_walk_that_was_cut_off_is_finished_with_what_upstream_says(
    tmp_path: Path, trouble: Trouble, after: int
) -> None:
    """ASSIGNED walks by IN_PROGRESS to COMPLETED, which stamps the time of the completion."""
    world = make(tmp_path, Traits(steps=True))
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    ticks(world, 3)
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    world.upstream.edit(s2e_id, "completed_at", DONE_AT)
    world.adapter.faults.append(Fault("update", trouble, after))
    world.tick()
    ticks(world, 6)
    upstream, record = world.upstream.values(s2e_id), world.cmms.records[record_of(world, s2e_id)]
    assert upstream["status"] == "COMPLETED"
    assert upstream["completed_at"] == "2026-02-05T08:00:00.000+00:00"
    assert record.values["status"] == "COMPLETED"
    assert record.values["completed_at"] == upstream["completed_at"]
    assert not parked_of(world, s2e_id)


def test_a_refusal_of_a_later_step_parks_its_field_and_stops_nobody(tmp_path: Path) -> None:
    world = make(tmp_path, Traits(steps=True), orders=5)
    ids = world.upstream.ids()
    for s2e_id in ids:
        world.upstream.edit(s2e_id, "status", "ON_HOLD")
    ticks(world, 3)
    for s2e_id in ids:
        world.upstream.edit(s2e_id, "root_cause", f"worn {s2e_id}")
        world.upstream.edit(s2e_id, "status", "IN_PROGRESS")
    # Of each update the second call. A fault counts the calls in which no earlier one happens.
    world.adapter.faults += [Fault("update", "invalid", 1 + number) for number in range(len(ids))]
    done = world.tick()
    assert done is not None
    assert not done.sent.stopped
    ticks(world, 2)
    for s2e_id in ids:
        record = world.cmms.records[record_of(world, s2e_id)]
        assert record.values["root_cause"] == f"worn {s2e_id}"
        assert world.upstream.values(s2e_id)["status"] == "IN_PROGRESS"
        assert parked_of(world, s2e_id) == {"status": "refused"}


def test_a_number_that_is_given_twice_belongs_to_the_new_record(tmp_path: Path) -> None:
    world = make(tmp_path, Traits(reuses=True), orders=2)
    newest = max(world.cmms.records)
    old = str(world.cmms.records[newest].s2e_id)
    world.cmms.delete(newest)
    new = world.upstream.add(status="ASSIGNED")
    before = world.upstream.values(old)
    world.tick()
    assert record_of(world, new) == newest
    assert parked_of(world, old) == {"": "identity"}
    world.cmms.update("person", newest, {"status": "COMPLETED", "root_cause": "worn"})
    ticks(world, 4)
    assert world.upstream.values(new)["root_cause"] == "worn"
    assert world.upstream.values(old) == before
    assert len(world.cmms.carrying(old)) == 0


def test_a_strangers_record_with_the_number_completes_nothing(tmp_path: Path) -> None:
    world = make(tmp_path, Traits(reuses=True), orders=2)
    newest = max(world.cmms.records)
    old = str(world.cmms.records[newest].s2e_id)
    before = world.upstream.values(old)
    world.cmms.delete(newest)
    world.cmms.create("person", None, {"title": "a stranger's", "status": "COMPLETED"})
    ticks(world, 4)
    assert world.upstream.values(old) == before
    assert world.cmms.records[newest].values["title"] == "a stranger's"
    assert parked_of(world, old) == {"": "identity"}


@pytest.mark.parametrize("locks", [False, True])
def test_an_id_that_somebody_types_over_stops_both_orders_until_it_is_put_right(
    tmp_path: Path, locks: bool
) -> None:
    world = make(tmp_path, Traits(locks=locks), orders=2)
    one, other = world.upstream.ids()
    number = record_of(world, one)
    before = {s2e_id: world.upstream.values(s2e_id) for s2e_id in (one, other)}
    world.cmms.retype(number, other)
    world.cmms.update("person", number, {"status": "COMPLETED", "root_cause": "worn"})
    ticks(world, 3)
    assert {s2e_id: world.upstream.values(s2e_id) for s2e_id in (one, other)} == before
    assert parked_of(world, one) == parked_of(world, other) == {"": "identity"}
    world.cmms.retype(number, one)
    ticks(world, 3)
    assert world.upstream.values(one)["root_cause"] == "worn"
    assert world.upstream.values(other) == before[other]
    assert parked_of(world, one) == parked_of(world, other) == {}


def test_a_copy_of_a_linked_record_stops_its_order_until_the_id_is_taken_from_it(
    tmp_path: Path,
) -> None:
    world = make(tmp_path, Traits())
    (s2e_id,) = world.upstream.ids()
    copy = world.cmms.create("person", s2e_id, {"title": "copied", "status": "ASSIGNED"})
    ticks(world, 2)
    assert parked_of(world, s2e_id) == {"": "identity"}
    world.cmms.update("person", record_of(world, s2e_id), {"root_cause": "worn"})
    world.cmms.retype(copy.number, None)
    ticks(world, 3)
    assert parked_of(world, s2e_id) == {}
    assert world.upstream.values(s2e_id)["root_cause"] == "worn"


def test_a_record_stamped_in_the_future_hides_no_edit(tmp_path: Path) -> None:
    world = make(tmp_path, Traits(filters=True), orders=3)
    one, other, _ = world.upstream.ids()
    stamped = world.cmms.records[record_of(world, one)]
    far = world.clock.true_utc() + timedelta(days=400)
    world.cmms.records[stamped.number] = replace(stamped, changed=far)
    ticks(world, 1)
    world.cmms.update("person", record_of(world, other), {"root_cause": "worn"})
    for _ in range(2):  # no whole read is due
        world.tick()
        world.clock.sleep(5)
    assert world.upstream.values(other)["root_cause"] == "worn"


def test_the_record_of_another_order_is_given_up_on_a_persons_word(tmp_path: Path) -> None:
    """The way out that is named: unlink the one, and the other adopts what carries its id."""
    world = make(tmp_path, Traits(), orders=2)
    one, other = world.upstream.ids()
    number, old = record_of(world, one), record_of(world, other)
    world.cmms.delete(old)
    world.cmms.retype(number, other)
    ticks(world, 3)
    assert parked_of(world, one) == {"": "identity"}
    assert world.cmms.records[number].s2e_id == other
    for s2e_id in (other, one):  # that record is gone, this one is the other's
        answer(world, LinkAnswer(s2e_id, Wish.DROP))
    ticks(world, 1)
    answer(world, LinkAnswer(other, Wish.RELINK, number))
    ticks(world, 3)
    assert record_of(world, other) == number
    # externalId still names the record that is gone: a person is asked about that alone.
    assert parked_of(world, other) == {"external_id": "external_id_differs"}
    answer(world, LinkAnswer(other, Wish.RELINK, number))
    ticks(world, 2)
    assert parked_of(world, other) == {}
    assert world.upstream.twin.order(other)["externalId"] == number
    assert parked_of(world, one) == {"": "unlinked"}


def test_an_order_whose_number_is_anothers_gets_a_new_record_on_a_persons_word(
    tmp_path: Path,
) -> None:
    world = make(tmp_path, Traits(reuses=True), orders=2)
    newest = max(world.cmms.records)
    old = str(world.cmms.records[newest].s2e_id)
    world.cmms.delete(newest)
    world.upstream.add(status="ASSIGNED")
    ticks(world, 3)
    assert parked_of(world, old) == {"": "identity"}
    answer(world, LinkAnswer(old, Wish.RECREATE))
    ticks(world, 4)
    (record,) = world.cmms.carrying(old)
    assert record_of(world, old) == record.number
    # externalId named the other order's record, and follows the person's answer.
    assert parked_of(world, old) == {}
    assert world.upstream.twin.order(old)["externalId"] == record.number


def test_a_create_that_answers_with_another_orders_record_is_parked_and_not_repeated(
    tmp_path: Path,
) -> None:
    world = make(tmp_path, Traits(repeats=True), orders=2)
    linked = {s2e_id for s2e_id in world.upstream.ids() if world.cmms.carrying(s2e_id)}
    (other,) = set(world.upstream.ids()) - linked
    (first,) = linked
    before = world.upstream.values(other)
    assert parked_of(world, other) == {"": "identity"}
    assert parked_of(world, first) == {}
    world.cmms.update("person", record_of(world, first), {"root_cause": "worn"})
    ticks(world, 6)
    assert world.upstream.values(first)["root_cause"] == "worn"
    assert world.upstream.values(other) == before
    with world.mirror.read() as tx:
        creates = select(intents.c.state).where(
            intents.c.s2e_id == other, intents.c.kind == "create"
        )
        assert list(tx.conn.execute(creates).scalars()) == ["not_applied"]


def test_a_status_that_a_write_advances_is_the_cmmss_own_edit(tmp_path: Path) -> None:
    world = make(tmp_path, Traits(advances=True))
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    ticks(world, 3)
    world.upstream.edit(s2e_id, "root_cause", "worn")
    ticks(world, 3)
    assert world.upstream.values(s2e_id)["status"] == "IN_PROGRESS"
    assert world.upstream.values(s2e_id)["root_cause"] == "worn"
    with world.mirror.read() as tx:
        unasked = select(journal.c.field).where(journal.c.event == "push.side_effect")
        assert list(tx.conn.execute(unasked).scalars()) == ["status"]


@pytest.mark.parametrize("lag", [0, 400])
def test_the_stamp_over_a_time_that_both_sides_hold_is_in_the_log(tmp_path: Path, lag: int) -> None:
    """It replaces nothing upstream; while reads lag, the blank from before is nobody's entry."""
    world = make(tmp_path, Traits(steps=True, read_lag_s=lag))
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    ticks(world, 3)
    world.upstream.edit(s2e_id, "completed_at", DONE_AT)
    world.tick()
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    ticks(world, 6)
    stamp = world.cmms.records[record_of(world, s2e_id)].values["completed_at"]
    assert world.upstream.values(s2e_id)["completed_at"] == "2026-02-05T08:00:00.000+00:00"
    with world.mirror.read() as tx:
        given_up = select(conflicts.c.cmms_value).where(conflicts.c.field == "completed_at")
        (logged,) = tx.conn.execute(given_up).scalars()
    assert parse_value(Field.COMPLETED_AT, logged) == parse_value(Field.COMPLETED_AT, stamp)


def test_a_stamp_wins_over_nothing_that_is_entered_upstream_meanwhile(tmp_path: Path) -> None:
    """The blank that it would fill is none any more; the CMMS owns the field."""
    quiet()
    setup = Setup(
        orders=1,
        page=8,
        scope=Scope.ALL,
        owners=(("completed_at", "cmms"),),
        traits=Traits(steps=True),
    )
    world = World(setup, tmp_path)
    ticks(world, 3)
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    ticks(world, 3)
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    world.tick()
    world.upstream.edit(s2e_id, "completed_at", DONE_AT)
    ticks(world, 4)
    upstream, record = world.upstream.values(s2e_id), world.cmms.records[record_of(world, s2e_id)]
    assert upstream["completed_at"] == "2026-02-05T08:00:00.000+00:00"
    assert record.values["completed_at"] == upstream["completed_at"]
    with world.mirror.read() as tx:
        winners = list(tx.conn.execute(select(conflicts.c.winner)).scalars())
    assert winners == ["s2e"]


def test_the_time_of_somebodys_completion_soon_after_our_own_write_goes_upstream(
    tmp_path: Path,
) -> None:
    """An order is opened again upstream, and finished in the CMMS within minutes."""
    world = make(tmp_path, Traits())
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    world.upstream.edit(s2e_id, "completed_at", DONE_AT)
    ticks(world, 3)
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    ticks(world, 2)
    now = world.clock.true_utc().replace(microsecond=0).isoformat()
    record = record_of(world, s2e_id)
    world.cmms.update("person", record, {"status": "COMPLETED", "completed_at": now})
    ticks(world, 3)
    upstream = world.upstream.values(s2e_id)
    assert (upstream["status"], upstream["completed_at"]) == (
        "COMPLETED",
        plain("completed_at", now),
    )


def test_a_time_that_somebody_has_entered_goes_upstream_before_our_status_stamps_over_it(
    tmp_path: Path,
) -> None:
    world = make(tmp_path, Traits(steps=True))
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    world.cmms.update("person", record_of(world, s2e_id), {"completed_at": DONE_AT})
    ticks(world, 3)
    assert world.upstream.values(s2e_id)["completed_at"] == plain("completed_at", DONE_AT)
    assert world.cmms.records[record_of(world, s2e_id)].values["status"] == "COMPLETED"


def test_a_status_waits_while_it_is_in_doubt_whether_an_entry_has_arrived_upstream(
    tmp_path: Path,
) -> None:
    """The write upstream dies on its way, and the status would stamp over what is in the CMMS."""
    world = make(tmp_path, Traits(steps=True))
    (s2e_id,) = world.upstream.ids()
    record = record_of(world, s2e_id)
    world.upstream.edit(s2e_id, "status", "COMPLETED")
    world.cmms.update("person", record, {"completed_at": DONE_AT})
    world.upstream.twin.faults.add("drop_before", "POST")
    ticks(world, 1)
    assert world.cmms.values(world.cmms.records[record])["status"] != "COMPLETED"
    ticks(world, 4)
    assert world.upstream.values(s2e_id)["completed_at"] == plain("completed_at", DONE_AT)
    assert world.cmms.values(world.cmms.records[record])["status"] == "COMPLETED"
