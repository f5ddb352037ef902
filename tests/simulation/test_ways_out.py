"""Each way out of a parked field, walked as docs/how-to/answer-what-waits.md names it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.core.planning.failure import REFUSED_TRIES
from syncd.core.work_order import Field
from syncd.errors import RemoteError
from syncd.jobs.answers import release_guards
from syncd.mirror.link_answers import Wish
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import Fault, changed, forbidden, unfound
from tests.simulation.ways import (
    assert_in_step,
    cycles,
    make,
    mend,
    parked,
    record_of,
    relink,
    retry,
    until_parked,
    walks,
)
from tests.simulation.world import World

LONG = "worn, and the pulley, too"
HOLDS_UNTIL_TOLD = 12  # cycles: longer than the waits between the tries of a write


def edited(world: World, name: str = "title", value: str = LONG) -> str:
    """An order of which this field was just edited upstream."""
    s2e_id = world.upstream.ids()[0]
    world.upstream.edit(s2e_id, name, value)
    return s2e_id


def refused(home: Path) -> tuple[World, str]:
    world = make(home)
    s2e_id = edited(world)
    world.adapter.faults.append(Fault("update", "invalid"))
    until_parked(world, s2e_id, "title", "refused")
    return world, s2e_id


@walks("refused")
def test_a_refused_value_is_tried_again_with_retry(tmp_path: Path) -> None:
    world, s2e_id = refused(tmp_path)
    cycles(world, 3)
    assert record_of(world, s2e_id).values["title"] != LONG
    retry(world, s2e_id, Field.TITLE)
    assert_in_step(world, s2e_id, within=2)


@walks("refused")
def test_another_value_than_the_refused_one_goes_by_itself(tmp_path: Path) -> None:
    world, s2e_id = refused(tmp_path)
    edited(world, value="worn")
    assert_in_step(world, s2e_id, within=2)


@walks("refused")
def test_a_dropped_value_is_out_of_the_list_and_another_one_goes(tmp_path: Path) -> None:
    world, s2e_id = refused(tmp_path)
    retry(world, s2e_id, Field.TITLE, drop=True)
    cycles(world, 3)
    assert parked(world, s2e_id) == {}
    assert record_of(world, s2e_id).values["title"] != LONG
    edited(world, value="worn")
    assert_in_step(world, s2e_id, within=2)


@walks("ignored")
@pytest.mark.parametrize("by_value", [True, False])
def test_an_ignored_value_is_tried_again_with_retry_and_another_one_by_itself(
    tmp_path: Path, by_value: bool
) -> None:
    world = make(tmp_path, Traits(filters=True, ignores=frozenset({"root_cause"})))
    s2e_id = edited(world, "root_cause")
    until_parked(world, s2e_id, "root_cause", "ignored", most=HOLDS_UNTIL_TOLD)
    mend(world, ignores=frozenset())
    if by_value:
        edited(world, "root_cause", "worn")
    else:
        retry(world, s2e_id, Field.ROOT_CAUSE)
    assert_in_step(world, s2e_id, within=3)


@walks("not_kept")
@pytest.mark.parametrize("by_value", [True, False])
def test_what_is_not_kept_is_tried_again_with_retry_and_another_value_by_itself(
    tmp_path: Path, by_value: bool
) -> None:
    world = make(tmp_path, Traits(filters=True, alters=True))
    for other in world.upstream.ids():
        world.upstream.edit(other, "title", "Belt")
    cycles(world, 2)
    s2e_id = edited(world, "root_cause")
    until_parked(world, s2e_id, "root_cause", "not_kept")
    if by_value:
        edited(world, "root_cause", "worn")
    else:
        mend(world, alters=False)
        retry(world, s2e_id, Field.ROOT_CAUSE)
    assert_in_step(world, s2e_id, within=3)


@walks("unreadable")
def test_a_value_that_can_be_read_again_goes_by_itself(tmp_path: Path) -> None:
    world = make(tmp_path)
    s2e_id = world.upstream.ids()[0]
    number = record_of(world, s2e_id).number
    world.cmms.spoil(number, "root_cause")
    until_parked(world, s2e_id, "root_cause", "unreadable")
    world.cmms.update("person", number, {"root_cause": "worn"})
    assert_in_step(world, s2e_id, within=2)


@walks("would_reopen")
def test_a_status_that_would_reopen_is_put_back_in_the_cmms(tmp_path: Path) -> None:
    world = make(tmp_path, allow_reopen=False)
    s2e_id = world.upstream.ids()[0]
    number = record_of(world, s2e_id).number
    world.cmms.update("person", number, {"status": "COMPLETED"})
    cycles(world, 2)
    world.cmms.update("person", number, {"status": "IN_PROGRESS"})
    until_parked(world, s2e_id, "status", "would_reopen")
    world.cmms.update("person", number, {"status": "COMPLETED"})
    assert_in_step(world, s2e_id, within=2)


@walks("would_reopen")
def test_an_order_that_a_person_reopens_upstream_is_in_step(tmp_path: Path) -> None:
    world = make(tmp_path, allow_reopen=False)
    s2e_id = world.upstream.ids()[0]
    number = record_of(world, s2e_id).number
    world.cmms.update("person", number, {"status": "COMPLETED"})
    cycles(world, 2)
    world.cmms.update("person", number, {"status": "IN_PROGRESS"})
    until_parked(world, s2e_id, "status", "would_reopen")
    world.upstream.edit(s2e_id, "status", "IN_PROGRESS")
    assert_in_step(world, s2e_id, within=2)


@walks("needs_fields")
@pytest.mark.parametrize("side", ["s2e", "cmms"])
def test_a_closing_goes_by_itself_once_the_field_that_it_needs_is_entered(
    tmp_path: Path, side: str
) -> None:
    world = make(tmp_path, Traits(filters=True, needs=frozenset({"resolution"})))
    s2e_id = edited(world, "status", "COMPLETED")
    until_parked(world, s2e_id, "status", "needs_fields")
    if side == "s2e":
        world.upstream.edit(s2e_id, "resolution", "greased")
        world.tick(full=True)  # which reads orders that are closed upstream
    else:
        number = record_of(world, s2e_id).number
        world.cmms.update("person", number, {"resolution": "greased"})
    assert_in_step(world, s2e_id, within=2)


@walks("meaning_changed")
@pytest.mark.parametrize("released", [True, False])
def test_a_meaning_that_moved_is_put_back_or_taken_by_releasing_the_guard(
    tmp_path: Path, released: bool
) -> None:
    world = make(tmp_path, Traits(columns=True))
    s2e_id = world.upstream.ids()[0]
    world.cmms.ahead = 1
    world.tick(full=True)
    world.upstream.edit(s2e_id, "status", "CANCELLED")
    until_parked(world, s2e_id, "status", "meaning_changed")
    assert record_of(world, s2e_id).values["status"] == "ASSIGNED"
    if released:
        assert release_guards(world.mirror, "meaning_changed") == ["meaning_changed"]
    else:
        world.cmms.ahead = 0
    world.tick(full=True)
    assert_in_step(world, s2e_id, within=2)


@walks("oscillation")
def test_a_field_that_went_to_and_fro_is_written_once_more_with_retry(tmp_path: Path) -> None:
    world = make(tmp_path)
    s2e_id = edited(world)
    number = record_of(world, s2e_id).number
    for _ in range(HOLDS_UNTIL_TOLD):
        cycles(world, 2)
        if parked(world, s2e_id):
            break
        # Something sets both sides back.
        if record_of(world, s2e_id).values["title"] == LONG:
            world.cmms.update("person", number, {"title": "Belt"})
            world.upstream.edit(s2e_id, "title", "Belt")
            cycles(world, 2)
            world.upstream.edit(s2e_id, "title", LONG)
    assert parked(world, s2e_id) == {"title": "oscillation"}
    cycles(world, 3)
    assert record_of(world, s2e_id).values["title"] == "Belt"
    retry(world, s2e_id)
    cycles(world, 2)
    assert record_of(world, s2e_id).values["title"] == LONG
    assert_in_step(world, s2e_id, within=1)


@walks("external_id_differs")
@pytest.mark.parametrize("by_value", [True, False])
def test_an_external_id_that_differs_is_put_right_or_overwritten_on_a_persons_word(
    tmp_path: Path, by_value: bool
) -> None:
    world = make(tmp_path)
    s2e_id = world.upstream.ids()[0]
    number = record_of(world, s2e_id).number
    world.upstream.twin.edit(s2e_id, externalId="R77")
    until_parked(world, s2e_id, "external_id", "external_id_differs")
    if by_value:
        world.upstream.twin.edit(s2e_id, externalId=number)
    else:
        relink(world, s2e_id, Wish.RELINK, number)
    assert_in_step(world, s2e_id, within=2)


@walks("external_id_differs")
def test_an_external_id_that_names_the_right_record_is_followed_on_a_persons_word(
    tmp_path: Path,
) -> None:
    world = make(tmp_path)
    s2e_id = world.upstream.ids()[0]
    old = record_of(world, s2e_id).number
    right = world.cmms.create("person", None, {"title": "By hand", "status": "ASSIGNED"}).number
    world.upstream.twin.edit(s2e_id, externalId=right)
    until_parked(world, s2e_id, "external_id", "external_id_differs")
    world.cmms.retype(old, None)
    relink(world, s2e_id, Wish.RELINK, right)
    assert_in_step(world, s2e_id, within=2)
    assert record_of(world, s2e_id).number == right


def denied(home: Path, answer: Callable[[], RemoteError], reason: str) -> tuple[World, str]:
    world = make(home)
    s2e_id = edited(world)
    world.adapter.unwritable = {record_of(world, s2e_id).number: answer}
    until_parked(world, s2e_id, "title", reason, most=HOLDS_UNTIL_TOLD)
    return world, s2e_id


@walks("not_found")
@walks("changed")
@pytest.mark.parametrize("by_value", [True, False])
@pytest.mark.parametrize(("answer", "reason"), [(unfound, "not_found"), (changed, "changed")])
def test_a_write_that_was_answered_404_or_409_is_tried_again_with_retry_or_another_value(
    tmp_path: Path, answer: Callable[[], RemoteError], reason: str, by_value: bool
) -> None:
    world, s2e_id = denied(tmp_path, answer, reason)
    assert max(world.adapter.denied.values()) == REFUSED_TRIES
    cycles(world, 3)
    assert max(world.adapter.denied.values()) == REFUSED_TRIES
    world.adapter.unwritable = {}
    if by_value:
        edited(world, value="worn")
    else:
        retry(world, s2e_id)
    assert_in_step(world, s2e_id, within=2)


@walks("forbidden")
@pytest.mark.parametrize("answered", [True, False])
def test_a_forbidden_write_is_tried_again_by_itself_or_at_once_with_retry(
    tmp_path: Path, answered: bool
) -> None:
    world, s2e_id = denied(tmp_path, forbidden, "forbidden")
    world.adapter.unwritable = {}
    if answered:
        retry(world, s2e_id)
    else:
        world.clock.sleep(900)
    assert_in_step(world, s2e_id, within=2)
