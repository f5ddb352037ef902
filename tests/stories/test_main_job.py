"""The main job, end to end: real processes, a real server, real databases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.stories.conftest import MakeWorld
from tests.stories.world import WRITABLE, World

SIX = set(WRITABLE)


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value).astimezone(UTC) if value else None


def _hours(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()


def assert_in_step(world: World) -> None:
    """Every order upstream has one record that holds the same, read from both sides' data."""
    records = world.records()
    for order in world.twin.people.orders():
        record = records.pop(order["id"])
        for column, key in (
            ("title", "title"),
            ("description", "description"),
            ("priority", "priority"),
            ("status", "status"),
            ("location", "location"),
            ("root_cause", "rootCause"),
            ("resolution", "resolution"),
            ("closure_note", "closureNote"),
        ):
            assert record[column] == order[key], (order["id"], key)
        for column, key in (
            ("due_at", "dueDate"),
            ("started_at", "startedAt"),
            ("completed_at", "completedAt"),
        ):
            assert _instant(record[column]) == _instant(order[key]), (order["id"], key)
        for column, key in (("estimated_hours", "estimatedHours"), ("actual_hours", "actualHours")):
            assert _hours(record[column]) == _hours(order[key]), (order["id"], key)
        assert order["externalId"] == str(record["id"])
        assert order["externalStatus"] == record["status"]
    assert not records


SIGN_IN = {
    "bearer": {},
    "basic": {
        "S2E_AUTH": "basic",
        "S2E_TOKEN": None,
        "S2E_CLIENT_ID": "twin-client",
        "S2E_CLIENT_SECRET": "twin-secret",
    },
    "client_credentials": {
        "S2E_TOKEN": None,
        "S2E_CLIENT_ID": "twin-client",
        "S2E_CLIENT_SECRET": "twin-secret",
    },
}


@pytest.mark.parametrize(
    "sign_in",
    [
        "bearer",
        *(pytest.param(it, marks=pytest.mark.judge) for it in ("basic", "client_credentials")),
    ],
)
def test_300_orders_reach_the_cmms_and_then_nothing_is_written(
    make_world: MakeWorld, database_url: str, sign_in: str
) -> None:
    world = make_world(database_url, orders=300, env=SIGN_IN[sign_in] | {"FIRST_SYNC_MAX": "1000"})
    assert world.once("--full")["created"] == 300
    world.once()
    assert_in_step(world)
    written, before = world.written(), world.records()
    assert written == 300
    for _ in range(3):
        done = world.once()
        assert done["created"] + done["pushed_s2e"] + done["pushed_cmms"] == 0
    assert world.written() == written
    assert world.records() == before
    used = {entry.credentials for entry in world.twin.ledger.requests("GET")}
    assert used == {{"bearer": "v1", "basic": "basic", "client_credentials": "token"}[sign_in]}


def test_nothing_is_created_in_adopt(make_world: MakeWorld) -> None:
    world = make_world(env={"CMMS_MODE": None, "CMMS_CREATE": None})
    done = world.once("--full")
    assert (done["created"], done["out_of_scope"]) == (0, 16)
    assert world.records() == {}
    assert world.written() == 0


def test_only_open_orders_are_created_by_default(make_world: MakeWorld) -> None:
    world = make_world(orders=60, env={"CMMS_CREATE": None})
    world.once("--full")
    orders = {o["id"]: o["status"] for o in world.twin.people.orders()}
    opened = {i for i, s in orders.items() if s in {"ASSIGNED", "IN_PROGRESS", "ON_HOLD"}}
    assert set(world.records()) == opened
    assert 0 < len(opened) < 60


def test_201_orders_latch_the_first_sync_guard_and_a_person_releases_it(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=201)
    assert world.once("--full")["created"] == 0
    assert world.records() == {}
    listed = world.syncd("guard", "list", "--json").json
    assert [(guard["guard"], guard["counted"]) for guard in listed] == [("first_sync", 201)]
    assert world.once()["created"] == 0
    assert not world.syncd("status", "--json").json["healthy"]
    assert world.syncd("guard", "release", "first_sync").code == 0
    assert world.once()["created"] == 201


def test_200_orders_need_nobody(make_world: MakeWorld) -> None:
    assert make_world(orders=200).once("--full")["created"] == 200


def test_creations_are_counted_over_all_cycles(make_world: MakeWorld) -> None:
    world = make_world(orders=10, env={"FIRST_SYNC_MAX": "12"}, page_max=1)
    told = world.once("--full")
    assert told["created"] == 10
    assert told["s2e"]["sweep"] == "partial"  # pages of one row prove nothing
    for number in range(3):
        world.twin.people.add(title=f"New {number}")
    assert world.once()["created"] == 0
    assert [g["guard"] for g in world.syncd("guard", "list", "--json").json] == ["first_sync"]


def test_one_status_edit_is_one_call_with_the_status_alone(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET status = 'IN_PROGRESS' WHERE s2e_id = :id", id=s2e_id)
    world.settle()
    (call,) = world.writes(written)
    assert call.body == {"status": "IN_PROGRESS", "externalStatus": "IN_PROGRESS"}
    assert world.twin.people.order(s2e_id)["status"] == "IN_PROGRESS"


def test_a_closure_is_one_call_with_its_six_fields(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql(
        "UPDATE work_orders SET status = 'COMPLETED', root_cause = 'Wear out', "
        "resolution = 'Bearing replaced', closure_note = 'Look again', "
        "completed_at = '2026-03-10T14:30:00Z', actual_hours = '4.50' WHERE s2e_id = :id",
        id=s2e_id,
    )
    world.settle()
    (call,) = world.writes(written)
    assert set(call.body) == SIX | {"externalStatus"}
    order = world.twin.people.order(s2e_id)
    assert order["actualHours"] == 4.5
    assert order["completedAt"] == "2026-03-10T14:30:00.000Z"
    assert order["rootCause"] == "Wear out"
    assert_in_step(world)


def test_upstream_title_status_and_new_order_reach_the_cmms(world: World) -> None:
    s2e_id, closed = world.some("ASSIGNED"), world.some("IN_PROGRESS")
    world.twin.people.edit(s2e_id, title="A new title")
    world.twin.people.edit(closed, status="COMPLETED", completedAt="2026-03-10T14:30:00.000Z")
    new = world.twin.people.add(title="Brand new")
    world.once()
    records = world.records()
    assert records[s2e_id]["title"] == "A new title"
    assert records[closed]["status"] == "COMPLETED"
    assert records[new]["title"] == "Brand new"
    world.settle()
    assert_in_step(world)


def test_a_record_made_by_somebody_else_is_adopted(make_world: MakeWorld) -> None:
    world = make_world(env={"CMMS_MODE": None, "CMMS_CREATE": None})
    world.once("--full")
    order = next(o for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    world.sql(
        "INSERT INTO work_orders (s2e_id, title, status, priority) "
        "VALUES (:id, 'Typed by hand', 'IN_PROGRESS', 'LOW')",
        id=order["id"],
    )
    world.settle()
    record = world.records()[order["id"]]
    assert record["title"] == order["title"]
    assert record["priority"] == order["priority"]
    assert world.twin.people.order(order["id"])["status"] == "IN_PROGRESS"
    assert world.twin.people.order(order["id"])["externalId"] == str(record["id"])


def test_no_field_is_sent_that_did_not_change(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET root_cause = 'Rust' WHERE s2e_id = :id", id=s2e_id)
    world.settle()
    assert [call.body for call in world.writes(written)] == [{"rootCause": "Rust"}]


def test_a_conflict_goes_to_the_owner_and_the_losing_value_is_kept(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.twin.people.edit(s2e_id, rootCause="Upstream says")
    world.sql("UPDATE work_orders SET root_cause = 'CMMS says' WHERE s2e_id = :id", id=s2e_id)
    world.settle()
    assert world.twin.people.order(s2e_id)["rootCause"] == "CMMS says"
    (conflict,) = world.syncd("conflicts", "list", "--all", "--json").json
    assert conflict["s2e_value"] == "Upstream says"
    assert conflict["winner"] == "cmms"


def test_a_manual_conflict_waits_and_a_person_resolves_it(make_world: MakeWorld) -> None:
    world = make_world(env={"OWNER_ROOT_CAUSE": "manual"})
    world.once("--full")
    world.settle()
    s2e_id = world.some("ASSIGNED")
    world.twin.people.edit(s2e_id, rootCause="Upstream says", title="Flows on")
    world.sql("UPDATE work_orders SET root_cause = 'CMMS says' WHERE s2e_id = :id", id=s2e_id)
    assert world.once()["conflicts"] == 1
    assert world.records()[s2e_id]["title"] == "Flows on"
    assert world.once()["conflicts"] == 1
    assert world.records()[s2e_id]["root_cause"] == "CMMS says"
    assert world.syncd("conflicts", "resolve", s2e_id, "root_cause", "s2e").code == 0
    world.once()
    assert world.records()[s2e_id]["root_cause"] == "Upstream says"
    world.settle()
    assert world.once()["conflicts"] == 0


def test_drift_is_reported_and_not_overwritten(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET title = 'Renamed here' WHERE s2e_id = :id", id=s2e_id)
    done = world.syncd("once")
    assert [event["s2e_id"] for event in done.events("drift.found")] == [s2e_id]
    assert not world.syncd("once").events("drift.found")
    assert world.records()[s2e_id]["title"] == "Renamed here"
    assert world.written() == written


def test_drift_is_overwritten_where_that_is_set(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    title = world.records()[s2e_id]["title"]
    world.sql("UPDATE work_orders SET title = 'Renamed here' WHERE s2e_id = :id", id=s2e_id)
    world.once(DRIFT="overwrite")
    assert world.records()[s2e_id]["title"] == title


def test_a_cleared_cmms_value_is_never_sent_as_null(world: World) -> None:
    s2e_id = world.some("COMPLETED")
    written = world.written()
    world.sql("UPDATE work_orders SET root_cause = NULL WHERE s2e_id = :id", id=s2e_id)
    done = world.syncd("once")
    assert [event["rule"] for event in done.events("drift.found")] == ["cannot_clear"]
    assert world.written() == written


def test_a_value_cleared_upstream_is_cleared_in_the_cmms(world: World) -> None:
    s2e_id = world.some("COMPLETED")
    world.twin.people.edit(s2e_id, rootCause=None)
    world.once("--full")
    assert world.records()[s2e_id]["root_cause"] is None


def test_an_order_deleted_upstream_becomes_a_tombstone_and_its_record_stays(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.twin.people.delete(s2e_id)
    world.once()
    assert world.syncd("status", "--json").json["orders"]["tombstones"] == 0
    world.once()
    assert world.syncd("status", "--json").json["orders"]["tombstones"] == 1
    assert s2e_id in world.records()


def test_a_record_deleted_in_the_cmms_is_missing_and_not_made_again(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.sql("DELETE FROM work_orders WHERE s2e_id = :id", id=s2e_id)
    for _ in range(3):
        world.once()
    assert world.syncd("status", "--json").json["orders"]["cmms_missing"] == 1
    assert s2e_id not in world.records()


def test_only_the_orders_of_the_named_site_take_part(make_world: MakeWorld) -> None:
    world = make_world(orders=40, env={"S2E_SITE_IDS": "site_790"})
    world.once("--full")
    sites = {
        o["id"]: ((o["asset"] or {}).get("site") or {}).get("id")
        for o in world.twin.people.orders()
    }
    assert {sites[s2e_id] for s2e_id in world.records()} == {"site_790"}


def test_pause_stops_writing_and_observing_goes_on(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    assert world.syncd("pause").code == 0
    world.sql("UPDATE work_orders SET status = 'IN_PROGRESS' WHERE s2e_id = :id", id=s2e_id)
    world.twin.people.edit(s2e_id, title="Later")
    world.once(code=75)
    assert world.written() == written
    assert world.records()[s2e_id]["title"] != "Later"
    assert world.syncd("resume").code == 0
    world.settle()
    assert world.records()[s2e_id]["title"] == "Later"
    assert world.twin.people.order(s2e_id)["status"] == "IN_PROGRESS"


def test_the_policy_owner_s2e_wins_where_it_is_set(make_world: MakeWorld) -> None:
    world = make_world(env={"OWNER_STATUS": "s2e"})
    world.once("--full")
    world.settle()
    s2e_id = world.some("ASSIGNED")
    world.twin.people.edit(s2e_id, status="ON_HOLD")
    world.sql("UPDATE work_orders SET status = 'IN_PROGRESS' WHERE s2e_id = :id", id=s2e_id)
    world.settle()
    assert world.records()[s2e_id]["status"] == "ON_HOLD"
    assert world.twin.people.order(s2e_id)["status"] == "ON_HOLD"


def test_a_mass_change_latches_a_guard(make_world: MakeWorld) -> None:
    world = make_world(orders=100, env={"GUARD_CHANGES_MIN": "10"})
    world.once("--full")
    world.settle()
    written = world.written()
    world.sql("UPDATE work_orders SET root_cause = 'x' || id")
    world.once()
    assert world.written() == written
    guards = {g["guard"] for g in world.syncd("guard", "list", "--json").json}
    assert guards == {"mass_change", "sudden_change"}
    assert world.syncd("guard", "release").code == 0
    world.once()
    assert world.written() == written + 100
