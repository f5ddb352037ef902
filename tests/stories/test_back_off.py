"""A write that fails and is tried again by itself: where it is seen, and that it is not parked."""

import pytest

from tests.stories.world import World

INSIDE = True


def _in_back_off(world: World) -> str:
    """The id of an order whose root cause Scan2Evolve does not take now."""
    s2e_id = world.some("ASSIGNED")
    world.sql("UPDATE work_orders SET root_cause = 'dry bearing' WHERE s2e_id = :id", id=s2e_id)
    world.twin.faults.add("status", "POST", times=None, arg="503")
    world.once(code=75)
    world.once(code=75)
    return s2e_id


def test_a_write_in_back_off_is_told_as_such_in_every_command(world: World) -> None:
    s2e_id = _in_back_off(world)
    status = world.syncd("status", "--json").json
    assert (status["orders"]["parked"], status["tried_again"]) == (0, 1)
    assert status["orders"]["pending"] == 1
    assert "tried again by themselves, later: 1 writes" in world.syncd("status").out
    assert world.syncd("parked", "list", "--json").json == []
    (row,) = world.syncd("parked", "list", "--all", "--json").json
    assert (row["state"], row["field"]) == ("again", "root_cause")
    shown = world.syncd("order", "show", s2e_id).out
    assert f"tried again at {row['until']}: root_cause towards s2e" in shown
    assert "parked:" not in shown
    assert world.syncd("parked", "drop", s2e_id).code != 0
    assert world.syncd("parked", "drop", "--all").out.startswith("0 ")


@pytest.mark.parametrize("named", [False, True])
def test_a_write_in_back_off_arrives_at_once_on_a_persons_word(world: World, named: bool) -> None:
    s2e_id = _in_back_off(world)
    world.twin.faults.clear()
    assert world.syncd("parked", "retry", s2e_id, *(["root_cause"] if named else [])).code == 0
    world.settle()
    assert world.twin.people.order(s2e_id)["rootCause"] == "dry bearing"
