"""A CMMS that keeps something else than is written, at insert and update: upstream loses nothing.

The triggers do in the write's own transaction what real systems do: cut a text to 40 characters,
escape HTML, put a text in quotes, round hours to quarters and times to five minutes, and stamp a
completion with the present time.
"""

import json
from decimal import Decimal
from typing import Any

from tests.stories.conftest import MakeWorld
from tests.stories.world import World

INSIDE = True

# An insert's own trigger is an update: each of these makes no difference a second time.
_ESCAPED = "replace(replace(replace({0}, '&amp;', '&'), '&', '&amp;'), '<', '&lt;')"
_ALTERED = {
    "title": "substr({0}, 1, 40)",
    "description": _ESCAPED,
    "root_cause": """'"' || trim({0}, '"') || '"'""",
    "actual_hours": "round({0} * 4) / 4.0",
    "due_at": "strftime('%Y-%m-%dT%H:', {0}) || substr('0' || (cast(substr({0}, 15, 2) AS INTEGER)"
    " / 5 * 5), -2) || ':00Z'",
}
LONG = "The pump of the second line leaks at the flange & the seal < 3 mm is worn, café, 漏れ"
WHOLE: dict[str, Any] = {
    "title": LONG,
    "description": f"{LONG} & more",
    "rootCause": "worn <seal> & shaft",
    "resolution": "replaced",
    "actualHours": 4.6,
    "dueDate": "2026-02-03T10:13:42.000Z",
}


def _alter(world: World) -> None:
    """Let the CMMS keep something else from now on."""

    def make(trigger: str) -> None:
        world.sql(trigger.replace(":", "\\:"))  # no parameters

    for event in ("INSERT", "UPDATE"):
        for column, made in _ALTERED.items():
            changed = "1" if event == "INSERT" else f"NEW.{column} IS NOT OLD.{column}"
            make(
                f"CREATE TRIGGER alter_{column}_{event} AFTER {event} ON work_orders "
                f"WHEN NEW.{column} IS NOT NULL AND {changed} BEGIN UPDATE work_orders "
                f"SET {column} = {made.format(f'NEW.{column}')} WHERE id = NEW.id; END"
            )
        done = "1" if event == "INSERT" else "OLD.status IS NOT NEW.status"
        make(
            f"CREATE TRIGGER stamp_{event} AFTER {event} ON work_orders "
            f"WHEN NEW.status = 'COMPLETED' AND {done} BEGIN UPDATE work_orders "
            "SET completed_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = NEW.id; END"
        )


def _parked(world: World, s2e_id: str) -> dict[str, str]:
    """The reason of each parked field of this order."""
    rows = json.loads(world.syncd("parked", "list", "--json").out)
    return {row["field"]: row["reason"] for row in rows if row["s2e_id"] == s2e_id}


def _upstream(world: World, s2e_id: str) -> dict[str, Any]:
    order = dict(world.twin.people.order(s2e_id))
    return {key: order[key] for key in (*WHOLE, "status", "completedAt")}


def _is_at_rest(world: World, s2e_id: str, whole: dict[str, Any]) -> None:
    """Upstream holds each value to the last character, and nothing is written any more."""
    world.settle()
    assert _upstream(world, s2e_id) == whole
    for name, reason in _parked(world, s2e_id).items():
        assert reason == "not_kept", (name, reason)
    before = world.written(), world.records()[s2e_id]
    for _ in range(5):
        done = world.once("--full")
        assert (done["created"], done["pushed_s2e"], done["pushed_cmms"]) == (0, 0, 0)
    assert (world.written(), world.records()[s2e_id]) == before
    assert _upstream(world, s2e_id) == whole


def test_what_an_insert_does_not_keep_is_parked_and_upstream_keeps_its_own(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=0)
    world.once()
    _alter(world)
    done_at = "2026-01-05T08:00:00.000Z"
    ended = world.twin.people.add(**WHOLE, status="COMPLETED", completedAt=done_at)
    begun = world.twin.people.add(**WHOLE, status="ASSIGNED")
    world.once("--full")
    assert set(world.records()) == {ended, begun}
    assert {"title", "description", "root_cause", "completed_at"} <= set(_parked(world, ended))
    _is_at_rest(world, ended, {**WHOLE, "status": "COMPLETED", "completedAt": done_at})
    _is_at_rest(world, begun, {**WHOLE, "status": "ASSIGNED", "completedAt": None})
    record = world.records()[ended]
    assert record["title"] == LONG[:40]
    assert record["root_cause"] == '"worn <seal> & shaft"'
    assert Decimal(str(record["actual_hours"])) == Decimal("4.5")


def test_what_an_update_does_not_keep_is_parked_and_upstream_keeps_its_own(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=0)
    short = {"title": "Pump", "description": "leaks", "dueDate": "2026-02-03T10:15:00.000Z"}
    one = world.twin.people.add(**short, status="ASSIGNED")
    world.once("--full")
    world.settle()
    _alter(world)
    done_at = "2026-01-05T08:00:00.000Z"
    world.twin.people.edit(one, **WHOLE, status="COMPLETED", completedAt=done_at)
    world.once("--full")
    assert {"title", "description", "root_cause", "completed_at"} <= set(_parked(world, one))
    _is_at_rest(world, one, {**WHOLE, "status": "COMPLETED", "completedAt": done_at})
    # An edit by people there is an edit; only what the CMMS made of ours is none.
    world.sql("UPDATE work_orders SET resolution = 'seen by hand' WHERE s2e_id = :one", one=one)
    world.settle()
    assert world.twin.people.order(one)["resolution"] == "seen by hand"


def test_a_stamp_that_nobody_sent_fills_a_blank_and_replaces_nothing(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=0)
    blank = world.twin.people.add(title="a", status="IN_PROGRESS")
    dated = world.twin.people.add(
        title="b", status="IN_PROGRESS", completedAt="2026-01-05T08:00:00.000Z"
    )
    world.once("--full")
    world.settle()
    _alter(world)
    for one in (blank, dated):
        world.twin.people.edit(one, status="COMPLETED")
    world.once("--full")
    world.settle()
    stamp = world.records()[blank]["completed_at"]
    assert world.twin.people.order(blank)["completedAt"] == stamp.replace("Z", ".000Z")
    assert world.twin.people.order(dated)["completedAt"] == "2026-01-05T08:00:00.000Z"
    assert not _parked(world, dated)
