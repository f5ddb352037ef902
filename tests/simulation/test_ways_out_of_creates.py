"""Each way out of an order that has no record yet: its create, and what it names."""

from dataclasses import replace
from pathlib import Path

import pytest

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


@walks("create_in_doubt")
@pytest.mark.parametrize("trouble", ["dropped", "lost"])
def test_of_a_create_in_doubt_a_person_says_whether_there_is_a_record(
    tmp_path: Path, trouble: Trouble
) -> None:
    world = make(tmp_path, Traits(finds=False), orders=1)
    s2e_id = world.upstream.add(status="ASSIGNED")
    world.adapter.faults.append(Fault("create", trouble))
    if trouble == "lost":  # no list shows it yet
        mended = world.cmms.traits
        world.cmms.traits = replace(mended, index_lag_s=600.0)
    until_parked(world, s2e_id, "", "create_in_doubt", most=4)
    if trouble == "lost":
        (record,) = world.cmms.carrying(s2e_id)
        relink(world, s2e_id, Wish.RELINK, record.number)
        world.cmms.traits = mended
    else:
        retry(world, s2e_id)
    assert_in_step(world, s2e_id, within=2)


@walks("refused")
@walks("forbidden")
@pytest.mark.parametrize("by_value", [True, False])
@pytest.mark.parametrize(("trouble", "reason"), [("invalid", "refused"), ("denied", "forbidden")])
def test_a_refused_create_is_tried_again_with_retry_or_another_value(
    tmp_path: Path, trouble: Trouble, reason: str, by_value: bool
) -> None:
    world = make(tmp_path, orders=1)
    s2e_id = world.upstream.add(status="ASSIGNED")
    world.adapter.faults.append(Fault("create", trouble))
    until_parked(world, s2e_id, "", reason)
    assert world.cmms.carrying(s2e_id) == []
    if by_value:
        world.upstream.edit(s2e_id, "title", "Belt")
    else:
        retry(world, s2e_id)
    assert_in_step(world, s2e_id, within=2)


@walks("needs_fields")
def test_a_closed_order_is_created_once_the_field_that_its_status_needs_is_entered(
    tmp_path: Path,
) -> None:
    world = make(tmp_path, Traits(filters=True, needs=frozenset({"resolution"})), orders=1)
    s2e_id = world.upstream.add(status="COMPLETED")
    until_parked(world, s2e_id, "", "needs_fields", most=12)
    world.upstream.edit(s2e_id, "resolution", "greased")
    assert_in_step(world, s2e_id, within=2)


@walks("unreadable")
def test_an_order_whose_status_is_unreadable_is_created_once_it_is_not(tmp_path: Path) -> None:
    world = make(tmp_path, orders=1)
    s2e_id = world.upstream.add(status="ESCALATED")
    until_parked(world, s2e_id, "", "unreadable", most=12)
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    assert_in_step(world, s2e_id, within=2)


@walks("external_id_unknown")
@walks("external_id_taken")
@pytest.mark.parametrize("reason", ["external_id_unknown", "external_id_taken"])
@pytest.mark.parametrize("how", ["emptied", "relinked", "made anew", "carried"])
def test_an_order_that_names_no_record_of_its_own_goes_on_with_the_answer(
    tmp_path: Path, reason: str, how: str
) -> None:
    world = make(tmp_path, orders=1)
    first = world.upstream.ids()[0]
    taken = record_of(world, first).number
    named = taken if reason == "external_id_taken" else "R77"
    s2e_id = world.upstream.add(status="ASSIGNED", externalId=named)
    until_parked(world, s2e_id, "", reason)
    if how == "emptied":
        world.upstream.twin.edit(s2e_id, externalId=None)
    elif how == "made anew":
        relink(world, s2e_id, Wish.RECREATE)
    else:
        values = {"title": "By hand", "status": "ASSIGNED"}
        carries = s2e_id if how == "carried" else None
        record = world.cmms.create("person", carries, values).number
        if how == "relinked":
            cycles(world, 1)
            relink(world, s2e_id, Wish.RELINK, record)
        else:
            cycles(world, 2)
            assert parked(world, s2e_id) == {"external_id": "external_id_differs"}
            relink(world, s2e_id, Wish.RELINK, record)
    assert_in_step(world, s2e_id, within=2)
    assert record_of(world, first).number == taken
