"""Links: held three times, rebuilt from any one, and a person's answers about them."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.stories.conftest import MakeWorld
from tests.stories.world import World, stop, wait_until

INSIDE = True


def lose_mirror(world: World) -> None:
    """A new volume: nothing of the mirror is left."""
    for path in world.home.glob("syncd.db*"):
        path.unlink()


@pytest.mark.judge
@pytest.mark.timeout(300)  # seven cycles over 300 orders, on a machine that others use
def test_300_linked_orders_survive_a_lost_mirror_without_a_create_or_a_write(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=300, env={"FIRST_SYNC_MAX": "1000"})
    world.once("--full")
    world.settle()
    written, before = world.written(), world.records()
    lose_mirror(world)
    for _ in range(2):
        done = world.once("--full", FIRST_SYNC_MAX=None)
        assert (done["created"], done["pushed_s2e"], done["pushed_cmms"]) == (0, 0, 0)
    assert world.written() == written
    assert world.records() == before
    assert world.syncd("status", "--json").json["orders"]["linked"] == 300
    assert world.syncd("guard", "list", "--json").json == []

    lose_mirror(world)
    by_status: dict[str, list[str]] = {}
    for order in world.twin.people.orders():
        by_status.setdefault(order["status"], []).append(order["id"])
    first, second, third, *_ = by_status["ASSIGNED"]
    fourth, fifth, *_ = by_status["COMPLETED"]
    world.twin.people.edit(first, title="A new title")
    world.twin.people.edit(second, location="Elsewhere")
    world.sql("UPDATE work_orders SET status = 'IN_PROGRESS' WHERE s2e_id = :id", id=third)
    world.sql("UPDATE work_orders SET root_cause = 'Rust' WHERE s2e_id = :id", id=fourth)
    world.sql("UPDATE work_orders SET actual_hours = '7.25' WHERE s2e_id = :id", id=fifth)
    for _ in range(2):
        world.once("--full", FIRST_SYNC_MAX=None)
    sent = {entry.s2e_id: entry.body for entry in world.writes(written)}
    assert sent == {
        third: {"status": "IN_PROGRESS", "externalStatus": "IN_PROGRESS"},
        fourth: {"rootCause": "Rust"},
        fifth: {"actualHours": 7.25},
    }
    assert len(world.writes(written)) == 3
    after = world.records()
    told = {
        (s2e_id, column)
        for s2e_id, record in after.items()
        for column, value in record.items()
        if value != before[s2e_id][column] and column != "updated_at"
    }
    assert told == {
        (first, "title"),
        (second, "location"),
        (third, "status"),
        (fourth, "root_cause"),
        (fifth, "actual_hours"),
    }


def add_record(world: World, number: int, title: str = "Typed by hand") -> None:
    world.sql(
        "INSERT INTO work_orders (id, title, status, priority) "
        "VALUES (:id, :title, 'ASSIGNED', 'LOW')",
        id=number,
        title=title,
    )


def lose_record(world: World, s2e_id: str) -> str:
    """The record of a linked order goes, and is missed; its id."""
    record_id = str(world.records()[s2e_id]["id"])
    world.sql("DELETE FROM work_orders WHERE s2e_id = :id", id=s2e_id)
    for _ in range(2):
        world.once("--full")
    assert orders_of(world)["cmms_missing"] == 1
    return record_id


def orders_of(world: World) -> dict[str, int]:
    counts: dict[str, int] = world.syncd("status", "--json").json["orders"]
    return counts


def links_of(world: World) -> dict[str, dict[str, Any]]:
    return {row["s2e_id"]: row for row in world.syncd("links", "list", "--json").json}


def test_a_lost_record_is_relinked_to_another_by_a_person(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    lost = lose_record(world, s2e_id)
    assert links_of(world)[s2e_id]["state"] == "missing"
    add_record(world, 900)
    done = world.syncd("links", "relink", "--order", s2e_id, "900")
    assert done.code == 0, done.err
    assert "first meeting" in done.out
    assert links_of(world)[s2e_id]["state"] == "relink 900 in the next cycle"
    assert world.twin.people.order(s2e_id)["externalId"] == lost
    world.settle()
    record, order = world.records()[s2e_id], world.twin.people.order(s2e_id)
    assert (record["id"], record["title"], record["priority"]) == (
        900,
        order["title"],
        order["priority"],
    )
    assert order["externalId"] == "900"
    told = links_of(world)[s2e_id]
    assert (told["cmms_id"], told["how"], told["state"]) == ("900", "relinked", "")
    assert (orders_of(world)["cmms_missing"], orders_of(world)["conflicts"]) == (0, 0)
    shown = world.syncd("order", "show", s2e_id).out
    assert "link.answered" in shown
    assert "relinked" in shown


def test_a_lost_record_is_made_anew_on_a_persons_word(world: World) -> None:
    s2e_id = world.some("COMPLETED")  # closed, and in adopt mode: neither is asked
    lost, written = lose_record(world, s2e_id), world.written()
    add_record(world, 950, "keeps the lost number from being given again")
    assert world.syncd("links", "relink", "--recreate", s2e_id).code == 0
    done = world.once(CMMS_MODE=None, CMMS_CREATE=None)
    assert done["created"] == 1
    record = world.records()[s2e_id]
    assert str(record["id"]) != lost
    assert record["status"] == "COMPLETED"
    world.settle()
    (call,) = world.writes(written)
    assert call.body == {"externalId": str(record["id"])}
    assert links_of(world)[s2e_id]["how"] == "created"
    assert world.once()["created"] == 0
    assert orders_of(world)["parked"] == 0


def test_a_dropped_order_stays_out_until_it_is_relinked_also_beside_a_daemon(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    number = str(world.records()[s2e_id]["id"])
    daemon = world.daemon()
    wait_until(lambda: any(e["event"] == "cycle.finished" for e in world.daemon_log()))
    assert world.syncd("links", "relink", "--drop", s2e_id).code == 0
    wait_until(lambda: any(e["event"] == "link.answered" for e in world.daemon_log()))
    assert stop(daemon) == 0
    written, before = world.written(), world.records()
    world.twin.people.edit(s2e_id, title="Not for the CMMS")
    world.sql("UPDATE work_orders SET root_cause = 'Not for upstream' WHERE id = :id", id=number)
    for _ in range(2):
        assert world.once("--full")["created"] == 0
    assert world.written() == written
    assert world.records()[s2e_id]["title"] == before[s2e_id]["title"]
    assert world.syncd("status", "--json").json["out_of_scope"] == {"dropped": 1}
    assert orders_of(world)["parked"] == 0
    assert links_of(world)[s2e_id]["state"] == "dropped"
    assert world.syncd("parked", "retry", s2e_id).code == 64  # that is no way back
    rebuilt = world.syncd("links", "relink", "--json")
    assert (rebuilt.code, rebuilt.json["linked"], rebuilt.json["conflicts"]) == (0, [], [])
    world.sql("DELETE FROM work_orders WHERE id = :id", id=number)
    for _ in range(2):
        assert world.once("--full")["created"] == 0
    add_record(world, 901)
    assert world.syncd("links", "relink", "--order", s2e_id, "901").code == 0
    world.settle()
    assert world.records()[s2e_id]["title"] == "Not for the CMMS"


def test_a_wrongly_linked_order_is_linked_to_the_right_record(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    wrong = world.records()[s2e_id]["id"]
    add_record(world, 902)
    asked = world.syncd("links", "relink", "--order", s2e_id, "902", "--json")
    assert asked.json["warnings"] == [
        f"record {wrong} carries the id of {s2e_id}, too: remove it there in the CMMS"
    ]
    world.sql("UPDATE work_orders SET s2e_id = NULL WHERE id = :id", id=wrong)
    world.settle()
    assert world.records()[s2e_id]["id"] == 902
    assert world.twin.people.order(s2e_id)["externalId"] == "902"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--order", "{a}", "77777"], "there is no record 77777 in the CMMS"),
        (["--order", "{a}", "{b_record}"], "carries the id of {b}"),
        (["--order", "{a}", "{a_record}"], "{a} is linked to record {a_record} already"),
        (["--order", "wo_unknown", "903"], "wo_unknown was never seen in Scan2Evolve"),
        (["--recreate", "{a}"], "record {a_record} carries the id of {a}"),
        (["--drop", "wo_unknown"], "wo_unknown was never seen in Scan2Evolve"),
        (["--drop", "{a}", "--recreate", "{a}"], "use one of"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_with_the_reason(
    world: World, arguments: list[str], why: str
) -> None:
    add_record(world, 903)
    records = world.records()
    a, b, *_ = sorted(records)
    names = {"a": a, "b": b, "a_record": records[a]["id"], "b_record": records[b]["id"]}
    done = world.syncd("links", "relink", *[each.format(**names) for each in arguments])
    assert done.code == 64
    assert why.format(**names) in done.err
    assert {row["state"] for row in links_of(world).values()} == {""}


def test_links_are_rebuilt_from_either_side_and_conflicts_are_named(world: World) -> None:
    records = world.records()
    by_reference, taken, owner, *_ = sorted(records)
    world.sql("UPDATE work_orders SET s2e_id = NULL WHERE s2e_id = :id", id=by_reference)
    world.sql("UPDATE work_orders SET s2e_id = NULL WHERE s2e_id = :id", id=taken)
    world.twin.people.edit(taken, externalId=str(records[owner]["id"]))
    with closing(sqlite3.connect(world.home / "syncd.db")) as mirror, mirror:
        mirror.execute("DELETE FROM links")
        mirror.execute("DELETE FROM bases")
    written, before = world.written(), world.records()
    told = world.syncd("links", "relink")
    assert told.code == 0, told.out + told.err
    assert "15 linked, 1 conflict; nothing was written" in told.out
    assert f"{taken}  external_id_taken  externalId is {records[owner]['id']}" in told.out
    assert (world.written(), world.records()) == (written, before)
    assert links_of(world)[by_reference]["how"] == "reference"
    assert links_of(world)[owner]["how"] == "adopted"
    again = world.syncd("links", "relink", "--json").json
    assert (again["linked"], len(again["conflicts"])) == ([], 1)
    world.once()
    assert world.written() == written
    assert world.records()[by_reference] == {
        **records[by_reference],
        "updated_at": world.records()[by_reference]["updated_at"],
    }


def test_links_are_not_rebuilt_from_a_side_that_does_not_answer(world: World) -> None:
    with closing(sqlite3.connect(world.home / "syncd.db")) as mirror, mirror:
        mirror.execute("DELETE FROM links")
    done = world.syncd("links", "relink", S2E_URL="http://127.0.0.1:1")
    assert done.code == 69
    assert "0 linked" in done.out
    assert links_of(world) == {}
