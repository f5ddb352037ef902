"""Each way out of an order of which nobody knows which record is its own."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.core.work_order import Field
from syncd.jobs.rebuild_links import rebuild_links
from syncd.mirror.attention import clear_attention
from syncd.mirror.cases import load_cases
from syncd.mirror.decided.links import drop_link
from syncd.mirror.link_answers import Wish
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import Fault, Trouble
from tests.simulation.ways import (
    assert_in_step,
    cycles,
    make,
    parked,
    record_of,
    relink,
    retry,
    until_parked,
    walks,
)
from tests.simulation.world import World

FILTERS = pytest.mark.parametrize("filters", [True, False])


def copied(home: Path, *, filters: bool, create: bool = True) -> tuple[World, str, str, str]:
    """A linked order, its record, and a copy that carries the same id."""
    world = make(home, Traits(filters=filters), create=create)
    s2e_id = world.upstream.ids()[0]
    if not create:
        world.cmms.create("person", s2e_id, {"title": "By hand", "status": "ASSIGNED"})
        cycles(world, 3)
    linked = record_of(world, s2e_id).number
    copy = world.cmms.create("person", s2e_id, {"title": "Copied", "status": "ASSIGNED"}).number
    until_parked(world, s2e_id, "", "identity")
    return world, s2e_id, linked, copy


@walks("identity")
@FILTERS
@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("how", ["emptied", "deleted", "without a stamp"])
@pytest.mark.parametrize("stays", ["linked", "copy"])
def test_of_two_records_with_one_id_the_order_goes_on_with_the_one_that_keeps_it(
    tmp_path: Path, filters: bool, create: bool, how: str, stays: str
) -> None:
    """Whichever that is. A linked record that is gone has to be missed in two cycles first."""
    world, s2e_id, linked, copy = copied(tmp_path, filters=filters, create=create)
    left, other = (linked, copy) if stays == "linked" else (copy, linked)
    if how == "deleted":
        world.cmms.delete(other)
    elif how == "emptied":
        world.cmms.retype(other, None)
    else:
        world.cmms.records[other] = replace(world.cmms.records[other], s2e_id=None)
    assert_in_step(world, s2e_id, within=3 if (how, stays) == ("deleted", "copy") else 2)
    assert record_of(world, s2e_id).number == left


@walks("identity")
def test_of_three_records_with_one_id_the_order_waits_until_one_is_left(tmp_path: Path) -> None:
    world, s2e_id, linked, copy = copied(tmp_path, filters=True)
    third = world.cmms.create("person", s2e_id, {"title": "Again", "status": "ASSIGNED"}).number
    cycles(world, 1)
    world.cmms.retype(linked, None)
    cycles(world, 3)
    assert parked(world, s2e_id) == {"": "identity"}
    world.cmms.retype(copy, None)
    assert_in_step(world, s2e_id, within=2)
    assert record_of(world, s2e_id).number == third


@walks("identity")
@pytest.mark.parametrize("trouble", [None, "lost", "dropped"])
@pytest.mark.parametrize("how", ["put back", "confirmed", "another", "dropped"])
def test_an_order_whose_record_lost_its_id_goes_on_with_the_answer(
    tmp_path: Path, how: str, trouble: Trouble | None
) -> None:
    world = make(tmp_path)
    s2e_id = world.upstream.ids()[0]
    number = record_of(world, s2e_id).number
    if trouble is not None:  # no read of the record shows what has become of this write
        world.upstream.edit(s2e_id, "title", "Belt, first")
        world.adapter.faults.append(Fault("update", trouble))
        cycles(world, 1)
    world.cmms.retype(number, None)
    until_parked(world, s2e_id, "", "identity")
    if how == "put back":
        world.cmms.retype(number, s2e_id)
    elif how == "confirmed":
        relink(world, s2e_id, Wish.RELINK, number)
    elif how == "another":
        other = world.cmms.create("person", None, {"title": "By hand", "status": "ASSIGNED"})
        cycles(world, 1)
        relink(world, s2e_id, Wish.RELINK, other.number)
    else:
        relink(world, s2e_id, Wish.DROP)
        cycles(world, 1)
        assert parked(world, s2e_id) == {}
        relink(world, s2e_id, Wish.RELINK, number)
    assert_in_step(world, s2e_id, within=2)


@walks("identity")
def test_a_dropped_doubt_is_out_of_the_list_and_over_once_it_is_answered(tmp_path: Path) -> None:
    world, s2e_id, linked, copy = copied(tmp_path, filters=True)
    retry(world, s2e_id, drop=True)
    cycles(world, 3)
    assert parked(world, s2e_id) == {}
    world.cmms.update("person", linked, {"root_cause": "worn"})
    cycles(world, 2)
    assert world.upstream.values(s2e_id)["root_cause"] is None
    world.cmms.retype(linked, None)
    assert_in_step(world, s2e_id, within=2)
    assert record_of(world, s2e_id).number == copy


@walks("identity")
@pytest.mark.parametrize("dropped", [True, False])
def test_an_order_whose_number_is_anothers_record_gets_one_with_recreate(
    tmp_path: Path, dropped: bool
) -> None:
    world = make(tmp_path, Traits(filters=True, reuses=True))
    newest = max(world.cmms.records)
    old = str(world.cmms.records[newest].s2e_id)
    world.cmms.delete(newest)
    new = world.upstream.add(status="ASSIGNED")
    until_parked(world, old, "", "identity")
    if dropped:
        retry(world, old, drop=True)
        world.upstream.twin.edit(old, externalId=None)
        cycles(world, 3)
        assert (parked(world, old), world.cmms.carrying(old)) == ({}, [])
    relink(world, old, Wish.RECREATE)
    assert_in_step(world, old, within=2)
    assert record_of(world, new).number == newest


@walks("identity")
@pytest.mark.parametrize("trouble", [None, "lost", "dropped"])
@pytest.mark.parametrize("rebuilt", [True, False])
def test_an_order_takes_the_record_with_its_id_once_that_is_dropped_from_another(
    tmp_path: Path, rebuilt: bool, trouble: Trouble | None
) -> None:
    """The other order is dropped, and nobody has to name the record again. `links relink` finds
    the link, too, and then the pair does not wait for an edit."""
    world = make(tmp_path, orders=1)
    one = world.upstream.ids()[0]
    number = record_of(world, one).number
    due = world.upstream.values(one)["due_date"]  # a blank would erase nothing
    if trouble is not None:  # no read of the record shows what has become of this write
        world.upstream.edit(one, "title", "Belt, first")
        world.adapter.faults.append(Fault("update", trouble))
        cycles(world, 1)
    other = world.upstream.add(status="ASSIGNED", dueDate=due)
    world.cmms.retype(number, other)
    until_parked(world, other, "", "identity")
    assert parked(world, one) == {"": "identity"}
    relink(world, one, Wish.DROP)
    if rebuilt:
        cycles(world, 1)
        rebuild_links(world.cycle)
    assert_in_step(world, other, within=2)
    assert record_of(world, other).number == number


def test_pairs_that_relink_has_linked_meet_in_the_next_cycle(tmp_path: Path) -> None:
    """Also where neither side has changed since: without its bases an edit later is no edit."""
    world = make(tmp_path)
    ids = world.upstream.ids()
    with world.mirror.transaction() as tx:
        for s2e_id in ids:
            drop_link(tx, s2e_id)
        clear_attention(tx, ids)
    assert {row[0] for row in rebuild_links(world.cycle).linked} == set(ids)
    cycles(world, 1)
    with world.mirror.read() as tx:
        for case in load_cases(tx, ids, memory=timedelta(hours=1)):
            assert case.base_s2e.keys() == case.base_cmms.keys() >= {Field.TITLE, Field.STATUS}
    assert_in_step(world, ids[0], within=1)


@walks("duplicate_records")
@FILTERS
@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("how", ["emptied", "deleted", "dropped"])
def test_an_unlinked_order_goes_on_with_the_one_record_that_keeps_its_id(
    tmp_path: Path, filters: bool, create: bool, how: str
) -> None:
    world = make(tmp_path, Traits(filters=filters), create=create, orders=1)
    s2e_id = world.upstream.add(status="ASSIGNED")
    values = {"title": "By hand", "status": "ASSIGNED"}
    one, other = (world.cmms.create("person", s2e_id, values).number for _ in range(2))
    until_parked(world, s2e_id, "", "duplicate_records")
    if how == "emptied":
        world.cmms.retype(one, None)
    elif how == "deleted":
        world.cmms.delete(one)
    else:
        retry(world, s2e_id, drop=True)
        cycles(world, 2)
        assert parked(world, s2e_id) == {}
        world.cmms.retype(one, None)
    assert_in_step(world, s2e_id, within=2)
    assert record_of(world, s2e_id).number == other
