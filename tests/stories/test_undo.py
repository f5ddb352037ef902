"""`undo`: what a cycle wrote is put back, and no later cycle carries it over again."""

from typing import Any

import pytest

from tests.stories.conftest import MakeWorld
from tests.stories.world import World

INSIDE = True
FILE = "undo.jsonl"


def idle(world: World, cycles: int) -> None:
    """So many cycles, in which nothing is written on either side."""
    written, before = world.written(), world.records()
    for number in range(cycles):
        done = world.once(*(["--full"] if number == 0 else []))
        assert (done["created"], done["pushed_s2e"], done["pushed_cmms"]) == (0, 0, 0)
    assert (world.written(), world.records()) == (written, before)


def reasons(document: dict[str, Any]) -> dict[tuple[str, str | None], str]:
    return {(each["s2e_id"], each["field"]): each["reason"] for each in document["cannot"]}


def edit(world: World, s2e_id: str, column: str, value: object) -> None:
    world.sql(
        f"UPDATE work_orders SET {column} = :value WHERE s2e_id = :id", value=value, id=s2e_id
    )


@pytest.mark.timeout(240)
def test_an_undone_cycle_stays_undone_until_somebody_edits(
    make_world: MakeWorld, database_url: str
) -> None:
    world = make_world(database_url, orders=24)
    world.once("--full")
    world.settle()
    closed = [o["id"] for o in world.twin.people.orders() if o["status"] == "COMPLETED"]
    up, later, none = closed[:3]
    ended, titled = world.some("ASSIGNED"), world.some("IN_PROGRESS")
    old = {o["id"]: o for o in world.twin.people.orders()}
    old_title = world.records()[titled]["title"]
    edit(world, up, "root_cause", "Wrong cause")
    edit(world, later, "root_cause", "Wrong, too")
    world.twin.people.edit(none, closureNote=None)
    edit(world, ended, "status", "COMPLETED")
    world.twin.people.edit(titled, title="Wrong title")
    world.once("--full")
    world.settle()
    edit(world, none, "closure_note", "There was none")
    edit(world, up, "resolution", "Wrong resolution")
    cycle = world.once()["cycle_id"]
    world.settle()
    first = world.syncd("order", "show", up, "--json").json["intents"][-2]["cycle_id"]
    edit(world, later, "root_cause", "A newer cause")
    world.settle()

    written = world.written()
    planned = world.syncd("undo", first, "--out", FILE)
    assert planned.code == 75, planned.out + planned.err
    assert f"2 lines in {FILE}" in planned.out
    assert world.written() == written
    done = world.syncd("undo", first, "--json")
    assert done.code == 75  # some of it cannot be undone
    applied = {(e["s2e_id"], e["field"]): (e["outcome"], e["to"]) for e in done.json["lines"]}
    assert applied == {
        (up, "root_cause"): ("applied", old[up]["rootCause"]),
        (titled, "title"): ("applied", old_title),
    }
    told = reasons(done.json)
    assert told[later, "root_cause"] == "it has been changed since, to A newer cause"
    assert told[ended, "status"] == "it would reopen the order, which an undo never does"
    assert told[ended, "external_status"].startswith("it describes the CMMS's record")
    assert [(entry.s2e_id, entry.body) for entry in world.writes(written)] == [
        (up, {"rootCause": old[up]["rootCause"]})
    ]
    assert world.records()[titled]["title"] == old_title
    assert world.twin.people.order(titled)["title"] == "Wrong title"
    assert world.records()[up]["root_cause"] == "Wrong cause"
    idle(world, 5)
    assert "undone" in world.syncd("order", "show", up).out

    second = world.syncd("undo", cycle, "--json")
    assert reasons(second.json)[none, "closure_note"] == (
        "it was empty before, and Scan2Evolve has no way to empty it"
    )
    assert [line["field"] for line in second.json["lines"]] == ["resolution"]

    edit(world, up, "root_cause", "The right cause")
    world.twin.people.edit(titled, title="The right title")
    world.settle()
    assert world.twin.people.order(up)["rootCause"] == "The right cause"
    assert world.records()[titled]["title"] == "The right title"
    idle(world, 1)


def test_an_undo_is_written_to_a_file_and_applied_and_can_be_undone(world: World) -> None:
    a, b, *_ = [o["id"] for o in world.twin.people.orders() if o["status"] == "COMPLETED"]
    old = {s2e_id: world.twin.people.order(s2e_id)["rootCause"] for s2e_id in (a, b)}
    edit(world, a, "root_cause", "Wrong")
    edit(world, b, "root_cause", "Wrong")
    wrong = world.once()["cycle_id"]
    # Not read back yet: the undo does that first.
    planned = world.syncd("undo", wrong, "--out", FILE)
    assert planned.code == 0, planned.out + planned.err
    world.twin.people.edit(b, rootCause="Somebody upstream")
    written = world.written()
    done = world.syncd("apply", FILE, "--json")
    assert done.code == 75
    assert done.json["purpose"] == "undo"
    assert {e["s2e_id"]: (e["outcome"], e["reason"]) for e in done.json["lines"]} == {
        a: ("applied", None),
        b: ("skipped", "it has been changed since, to Somebody upstream"),
    }
    assert [(e.s2e_id, e.body) for e in world.writes(written)] == [(a, {"rootCause": old[a]})]
    world.settle()
    assert world.records()[b]["root_cause"] == "Somebody upstream"
    written = world.written()
    again = world.syncd("undo", done.json["cycle_id"], "--json")
    assert again.code == 0, again.out + again.err
    assert [(e.s2e_id, e.body) for e in world.writes(written)] == [(a, {"rootCause": "Wrong"})]
    idle(world, 2)


def test_what_a_cycle_created_is_kept_and_an_unknown_cycle_is_named(make_world: MakeWorld) -> None:
    world = make_world(orders=2)
    made = world.once("--full")["cycle_id"]
    world.settle()
    written, before = world.written(), world.records()
    done = world.syncd("undo", made)
    assert done.code == 75
    assert "a record that was created is not deleted" in done.out
    assert (world.written(), world.records()) == (written, before)
    unknown = world.syncd("undo", "20200101T000000Z-0000")
    assert unknown.code == 64
    assert "no cycle 20200101T000000Z-0000 is known" in unknown.err
    quiet = world.once()["cycle_id"]
    nothing = world.syncd("undo", quiet)
    assert (nothing.code, nothing.out) == (0, "the cycle wrote nothing\n")


def test_an_undo_keeps_to_the_guards(make_world: MakeWorld) -> None:
    world = make_world(orders=24, env={"GUARD_CHANGES_MIN": "10"})
    world.once("--full")
    world.settle()
    for number, order in enumerate(world.twin.people.orders()):
        world.twin.people.edit(order["id"], title=f"Title {number}")
    assert world.once("--full")["pushed_cmms"] == 0
    assert world.syncd("guard", "release").code == 0
    cycle = world.once()["cycle_id"]
    world.settle()
    before = world.records()
    done = world.syncd("undo", cycle, "--json")
    assert done.code == 75
    assert {each["outcome"] for each in done.json["lines"]} == {"guarded"}
    assert len(done.json["lines"]) == 24
    assert world.records() == before
    assert world.syncd("guard", "release").code == 0
    assert world.syncd("undo", cycle).code == 0
    assert world.records() != before
    idle(world, 1)
