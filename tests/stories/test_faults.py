"""Answers that are lost, late, wrong or no answers at all: nothing lost, nothing doubled."""

import pytest

from tests.stories.conftest import MakeWorld
from tests.stories.test_main_job import assert_in_step
from tests.stories.world import World, wait_until

INSIDE = True

SYNC = r"/sync$"


@pytest.mark.parametrize("kind", ["lost", "lost_fin", "applied_status", "truncate"])
def test_a_sync_whose_answer_is_lost_is_read_back_and_not_repeated(world: World, kind: str) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.twin.faults.add(kind, "POST", SYNC, arg="502" if kind == "applied_status" else "")
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    assert world.once(code=75)["in_doubt"] == 1
    assert world.once()["in_doubt"] == 0
    world.settle()
    assert len(world.writes(written)) == 1
    assert world.twin.people.order(s2e_id)["status"] == "ON_HOLD"


@pytest.mark.parametrize("kind", ["drop", "status", "success_false", "html", "bad_json"])
def test_a_sync_that_did_not_arrive_is_read_back_and_then_sent_again(
    world: World, kind: str
) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.twin.faults.add(kind, "POST", SYNC, arg="503" if kind == "status" else "")
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    world.once(code=75)
    read_first = [e.method for e in world.twin.ledger.entries]
    world.settle()
    assert len(world.writes(written)) == 1
    later = [e.method for e in world.twin.ledger.entries[len(read_first) :]]
    assert "GET" in later[: later.index("POST")]


def test_a_newer_upstream_value_survives_a_lost_answer(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.twin.faults.add("lost", "POST", SYNC)
    world.sql("UPDATE work_orders SET root_cause = 'From the CMMS' WHERE s2e_id = :id", id=s2e_id)
    world.once(code=75)
    world.twin.people.edit(s2e_id, rootCause="Newer, by a person upstream")
    world.settle()
    assert world.twin.people.order(s2e_id)["rootCause"] == "Newer, by a person upstream"
    assert world.records()[s2e_id]["root_cause"] == "Newer, by a person upstream"
    assert len(world.writes(written)) == 1


def test_a_read_that_lags_is_no_revert(make_world: MakeWorld) -> None:
    world = make_world(env={"S2E_READ_LAG_S": "30"})
    world.once("--full")
    world.settle()
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.twin.config.read_lag_s = 3
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    for _ in range(3):
        world.once()
    assert world.records()[s2e_id]["status"] == "ON_HOLD"
    wait_until(lambda: world.once()["pushed_s2e"] == 0 and not world.pending())
    assert len(world.writes(written)) == 1


def test_a_value_that_is_accepted_and_not_kept_is_parked_after_three_tries(world: World) -> None:
    world.twin.config.ignore_fields = frozenset({"rootCause"})
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql("UPDATE work_orders SET root_cause = 'Rust' WHERE s2e_id = :id", id=s2e_id)
    for _ in range(3):
        world.once()
    assert len(world.writes(written)) == 1, "it is not repeated before its back-off has passed"
    (held,) = [h for h in _order(world, s2e_id)["parked"] if h["field"] == "root_cause"]
    assert (held["reason"], held["tries"]) == ("ignored", 1)


def _order(world: World, s2e_id: str) -> dict[str, list[dict[str, object]]]:
    view: dict[str, list[dict[str, object]]] = world.syncd("order", "show", s2e_id, "--json").json
    return view


def test_a_normalising_server_gets_one_push_and_then_silence(make_world: MakeWorld) -> None:
    world = make_world(normalise=True)
    world.once("--full")
    world.settle()
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.sql(
        "UPDATE work_orders SET resolution = '  two  spaces ', actual_hours = 1.23456, "
        "completed_at = '2026-03-10T14:30:00.750Z' WHERE s2e_id = :id",
        id=s2e_id,
    )
    world.once()
    done = world.syncd("once")
    assert {event["field"] for event in done.events("push.altered")} == {
        "resolution",
        "actual_hours",
        "completed_at",
    }
    for _ in range(3):
        world.once()
    assert len(world.writes(written)) == 1


def test_a_poisoned_order_does_not_hold_up_the_others(world: World) -> None:
    poisoned, written = world.some("ASSIGNED"), world.written()
    world.twin.people.refuse(poisoned)
    world.sql("UPDATE work_orders SET root_cause = 'Cause ' || id")
    done = world.once()
    assert (done["pushed_s2e"], done["parked"]) == (15, 1)
    assert len(world.writes(written)) == 15
    requests = len(world.twin.ledger.requests("POST", poisoned))
    for _ in range(2):
        world.once()
    assert len(world.twin.ledger.requests("POST", poisoned)) == requests, "never again unchanged"
    parked = world.syncd("parked", "list", "--json").json
    assert [(p["s2e_id"], p["reason"]) for p in parked] == [(poisoned, "refused")]


def test_a_person_retries_what_is_parked(world: World) -> None:
    poisoned = world.some("ASSIGNED")
    world.twin.people.refuse(poisoned)
    world.sql("UPDATE work_orders SET root_cause = 'Rust' WHERE s2e_id = :id", id=poisoned)
    assert world.once()["parked"] == 1
    world.twin.people.refuse(poisoned, None)
    assert world.syncd("parked", "retry", poisoned).code == 0
    world.settle()
    assert world.twin.people.order(poisoned)["rootCause"] == "Rust"


def test_what_is_good_of_a_refused_changeset_still_arrives(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.twin.faults.add("status", "POST", SYNC, times=2, arg="400")
    world.sql(
        "UPDATE work_orders SET status = 'ON_HOLD', root_cause = 'Rust', resolution = 'Paint' "
        "WHERE s2e_id = :id",
        id=s2e_id,
    )
    done = world.once()
    assert done["parked"] == 1
    order = world.twin.people.order(s2e_id)
    arrived = [
        order["status"] == "ON_HOLD",
        order["rootCause"] == "Rust",
        order["resolution"] == "Paint",
    ]
    assert sum(arrived) == 2


def test_a_rate_limit_is_waited_out_and_nothing_is_refused(make_world: MakeWorld) -> None:
    world = make_world(rate_limit=20, rate_window_s=2)
    world.once("--full")
    world.once()
    world.once()
    assert_in_step(world)
    assert not [e for e in world.twin.ledger.entries if e.status == 429]


def test_a_429_delays_and_loses_nothing(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.twin.faults.add("throttle", "GET", arg="1")
    world.twin.faults.add("throttle", "POST", arg="1")
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    world.once(code=75)
    world.settle()
    assert world.twin.people.order(s2e_id)["status"] == "ON_HOLD"
    assert len(world.writes(written)) == 1


def test_a_page_that_fails_makes_the_sweep_partial_and_nothing_is_concluded(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=40, page_max=10)
    world.once("--full")
    world.settle()
    world.twin.faults.add("status", "GET", r"work-orders$", times=9, after=2, arg="500")
    done = world.once("--full", code=69)
    assert (done["result"], done["s2e"]["sweep"]) == ("failed", "partial")
    assert world.syncd("status", "--json").json["orders"]["tombstones"] == 0


@pytest.mark.parametrize("order", ["hidden", "id", "createdAt", "-updatedAt"])
def test_a_list_of_several_pages_is_proved(make_world: MakeWorld, order: str) -> None:
    world = make_world(orders=30, page_max=10, order=order)
    assert world.once("--full")["s2e"]["sweep"] == "complete"
    told = world.syncd("status", "--json").json["sweep"]
    assert told["certificate"]["overlaps"] > 0
    assert told["certificate"]["head_passes"] == 1
    assert told["list_order"] == (None if order == "hidden" else order)
    assert "in the order" in world.syncd("status").out or order == "hidden"


def test_an_order_that_changes_with_every_request_is_never_called_complete(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=30, page_max=10, order="unstable")
    told = world.once("--full")["s2e"]
    assert (told["sweep"], told["sweep_reason"]) == ("partial", "the order is not stable")
    assert world.syncd("status", "--json").json["last_complete_sweep"] is None


def test_a_list_of_one_page_is_complete(make_world: MakeWorld) -> None:
    assert make_world().once("--full")["s2e"]["sweep"] == "complete"


def test_an_expired_token_costs_one_exchange(make_world: MakeWorld) -> None:
    world = make_world(
        env={"S2E_TOKEN": None, "S2E_CLIENT_ID": "twin-client", "S2E_CLIENT_SECRET": "twin-secret"}
    )
    daemon = world.daemon()
    try:
        wait_until(lambda: bool(world.twin.ledger.requests("GET")))
        world.twin.expire_tokens()
        seen = len(world.twin.ledger.entries)
        wait_until(lambda: len(world.twin.ledger.requests("GET")) > seen)
        exchanges = world.twin.ledger.requests("POST", "/auth/token")
        assert len(exchanges) == 2
    finally:
        daemon.terminate()
        assert daemon.wait(15) == 0


def test_most_orders_answering_404_latch_a_guard_and_make_no_tombstone(
    make_world: MakeWorld,
) -> None:
    world = make_world(orders=40)
    world.once("--full")
    world.settle()
    opened = [
        o["id"]
        for o in world.twin.people.orders()
        if o["status"] in {"ASSIGNED", "IN_PROGRESS", "ON_HOLD"}
    ]
    assert len(opened) > 6
    for s2e_id in opened:
        world.twin.people.delete(s2e_id)
    for _ in range(3):
        world.once()
    status = world.syncd("status", "--json").json
    assert status["orders"]["tombstones"] == 0
    assert [guard["guard"] for guard in status["guards"]] == ["not_found"]


def test_two_records_with_one_id_stop_and_are_reported(make_world: MakeWorld) -> None:
    world = make_world(env={"CMMS_MODE": None})
    world.once("--full")
    order = next(o for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    world.sql("DROP TABLE work_orders")
    world.sql(
        "CREATE TABLE work_orders (id INTEGER PRIMARY KEY, s2e_id TEXT, title TEXT, "
        "description TEXT, priority TEXT, status TEXT, location TEXT, asset_code TEXT, "
        "asset_name TEXT, site_code TEXT, assigned_to TEXT, due_at TEXT, estimated_hours NUMERIC, "
        "started_at TEXT, completed_at TEXT, actual_hours NUMERIC, root_cause TEXT, "
        "resolution TEXT, closure_note TEXT, url TEXT, updated_at TEXT)"
    )
    for _ in range(2):
        world.sql(
            "INSERT INTO work_orders (s2e_id, title, status) VALUES (:id, 'x', 'ASSIGNED')",
            id=order["id"],
        )
    done = world.syncd("once")
    assert [event["s2e_id"] for event in done.events("link.duplicate")] == [order["id"]]
    assert world.written() == 0
