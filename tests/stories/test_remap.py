"""A mapping or an owner changes: nothing is written for that, until a person wants it."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.stories.conftest import MakeWorld
from tests.stories.test_plan_file import lines_of
from tests.stories.world import World

INSIDE = True
FILE = "remap.jsonl"
STATES = {
    "NEW": "DRAFT",
    "OPEN": "ASSIGNED",
    "WIP": "IN_PROGRESS",
    "WAIT": "ON_HOLD",
    "DONE": "COMPLETED",
    "VOID": "CANCELLED",
}


def map_with(world: World, states: dict[str, str], *, cause: bool) -> None:
    told = json.dumps({"states": states, "cause": cause})
    (world.home / "mapping.json").write_text(told, encoding="utf-8")


def jobs(world: World) -> dict[str, dict[str, Any]]:
    with closing(sqlite3.connect(world.home / "cmms.db")) as conn:
        conn.row_factory = sqlite3.Row
        return {row["wo"]: dict(row) for row in conn.execute("SELECT * FROM jobs")}


def change(world: World, s2e_id: str, column: str, value: str) -> None:
    with closing(sqlite3.connect(world.home / "cmms.db")) as conn, conn:
        conn.execute(f"UPDATE jobs SET {column} = ? WHERE wo = ?", (value, s2e_id))


def by_status(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for order in world.twin.people.orders():
        found.setdefault(order["status"], []).append(order["id"])
    return found


@pytest.mark.timeout(240)
def test_a_changed_mapping_writes_nothing_until_a_person_applies_it(
    make_world: MakeWorld, database_url: str
) -> None:
    world = make_world(
        database_url,
        orders=24,
        env={
            "CMMS_ADAPTER": "tests.stories.mapped_cmms:MappedCmms",
            "CMMS_MAPPING": "mapping.json",
        },
    )
    map_with(world, STATES, cause=False)
    world.once("--full")
    world.settle()
    orders = by_status(world)
    on_hold, edited = orders["ON_HOLD"][0], orders["ASSIGNED"][0]
    closed, drifted = orders["COMPLETED"][0], orders["IN_PROGRESS"][0]
    change(world, closed, "cause", "What the plant says")
    change(world, drifted, "name", "Renamed here")
    world.once("--full")
    written, before = world.written(), jobs(world)

    map_with(world, STATES | {"WAIT": "IN_PROGRESS", "HOLD": "ON_HOLD"}, cause=True)
    first = world.syncd("once", "--full", "--json")
    assert first.code == 0, first.err
    (told,) = first.events("mapping.changed")
    assert told["records"] == 24
    world.once("--full")
    assert (world.written(), jobs(world)) == (written, before)
    assert not world.syncd("once", "--json").events("mapping.changed")
    drifts = world.syncd("order", "show", drifted, "--json").json["drifts"]
    assert [drift["value"] for drift in drifts] == ["Renamed here"]  # still an edit
    assert "remapped" in world.syncd("order", "show", on_hold).out

    change(world, edited, "state", "WAIT")  # an edit, read with the new mapping
    world.once()
    world.settle()
    assert world.twin.people.order(edited)["status"] == "IN_PROGRESS"
    assert world.twin.people.order(on_hold)["status"] == "ON_HOLD"

    plain = world.syncd("plan", "--json").json
    assert plain["lines"] == []
    planned = world.syncd("plan", "--remap", "--out", FILE)
    assert planned.code == 0, planned.err
    header, *lines = lines_of(world.home / FILE)
    assert header["purpose"] == "remap"
    # The CMMS owns both fields; a cause that it lacks is filled from upstream.
    wanted = {(s2e_id, "s2e", "status", "IN_PROGRESS") for s2e_id in orders["ON_HOLD"]}
    wanted |= {(closed, "s2e", "root_cause", "What the plant says")}
    causes = {o["id"]: o["rootCause"] for o in world.twin.people.orders() if o["rootCause"]}
    wanted |= {(i, "cmms", "root_cause", cause) for i, cause in causes.items() if i != closed}
    assert {(e["s2e_id"], e["side"], e["field"], e["to"]) for e in lines} == wanted
    assert {line["rule"] for line in lines} == {"remapped"}
    assert world.written() == written + 1

    done = world.syncd("apply", FILE)
    assert done.code == 0, done.out + done.err
    world.settle()
    assert world.twin.people.order(on_hold)["status"] == "IN_PROGRESS"
    assert world.twin.people.order(closed)["rootCause"] == "What the plant says"
    assert {i: job["cause"] for i, job in jobs(world).items() if job["cause"]} == causes | {
        closed: "What the plant says"
    }
    again = world.syncd("plan", "--remap", "--json").json
    assert again["lines"] == []
    assert jobs(world)[drifted]["name"] == "Renamed here"


def test_a_changed_owner_writes_nothing(world: World) -> None:
    closed = world.some("COMPLETED")
    world.sql("UPDATE work_orders SET root_cause = 'Wrong' WHERE s2e_id = :id", id=closed)
    cycle = world.once()["cycle_id"]
    world.settle()
    assert world.syncd("undo", cycle).code == 0  # the sides differ from now on
    world.settle()
    written, before = world.written(), world.records()
    assert world.twin.people.order(closed)["rootCause"] != before[closed]["root_cause"]
    for owner in ("s2e", "manual", "cmms"):
        done = world.once("--full", OWNER_ROOT_CAUSE=owner, OWNER_STATUS=owner)
        assert (done["pushed_s2e"], done["pushed_cmms"], done["conflicts"]) == (0, 0, 0)
    assert (world.written(), world.records()) == (written, before)
