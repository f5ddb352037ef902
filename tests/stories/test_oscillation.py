"""Somebody puts a field back each time: syncd stops, says so, and goes on when it is told to."""

from tests.stories.world import World

INSIDE = True


def test_a_field_that_is_put_back_each_time_is_parked_with_its_evidence(world: World) -> None:
    """A rule in the CMMS keeps its own title, and drift is to be overwritten."""
    world.env["DRIFT"] = "overwrite"
    world.settle()
    s2e_id = world.some("ASSIGNED")
    title = world.records()[s2e_id]["title"]

    def rule() -> None:
        world.sql("UPDATE work_orders SET title = 'OWN TITLE' WHERE s2e_id = :id", id=s2e_id)

    written = []
    for _ in range(6):
        rule()
        written.append(world.once()["pushed_cmms"])
    assert written == [1, 1, 1, 0, 0, 0]
    assert world.records()[s2e_id]["title"] == "OWN TITLE"
    (parked,) = world.syncd("parked", "list", "--json").json
    assert (parked["s2e_id"], parked["field"], parked["reason"]) == (s2e_id, "title", "oscillation")
    assert "3 times within an hour" in parked["detail"]
    assert world.once()["parked"] == 1

    assert world.syncd("parked", "retry", s2e_id).code == 0
    assert world.once()["pushed_cmms"] == 1
    assert world.records()[s2e_id]["title"] == title
    assert world.once()["parked"] == 0
    rule()
    assert world.once()["pushed_cmms"] == 0
    assert world.once()["parked"] == 1
