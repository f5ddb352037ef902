"""The daemon: kills, stops, outages, and what plan, check and a dry run may not do."""

import random
import signal
import time

import pytest

from tests.stories.conftest import MakeWorld
from tests.stories.test_main_job import assert_in_step
from tests.stories.world import World, cycles, stop, wait_until


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.judge)])
def test_kill_9_at_any_moment_doubles_and_loses_nothing(
    make_world: MakeWorld, database_url: str, seed: int
) -> None:
    # All orders are edited at once, and no guard is to ask about that.
    env = {"GUARD_CHANGES_MIN": "1000"}
    world = make_world(database_url, orders=40, page_max=15, env=env)
    rng = random.Random(seed)
    for number in range(5):
        daemon = world.daemon()
        if number == 2:
            wait_until(lambda: len(world.records()) == 40)
            world.sql("UPDATE work_orders SET root_cause = 'Cause ' || id")
            for order in world.twin.people.orders():
                world.twin.people.edit(order["id"], title=f"Edited {order['id']}")
        time.sleep(rng.uniform(0.6, 2.2))
        daemon.kill()
        daemon.wait(10)
        if world.has_table():
            world.records()
    for _ in range(8):
        done = world.syncd("once", "--full", "--json")
        assert done.code in {0, 75}, done.err
    assert_in_step(world)
    records = world.records()
    for order in world.twin.people.orders():
        assert order["title"] == f"Edited {order['id']}"
        assert order["rootCause"] == f"Cause {records[order['id']]['id']}"


def test_a_kill_between_the_write_and_its_record_is_read_back(world: World) -> None:
    s2e_id, written = world.some("ASSIGNED"), world.written()
    world.twin.faults.add("slow", "POST", arg="30")
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    daemon = world.daemon()
    wait_until(lambda: world.written() == written + 1)
    daemon.kill()
    daemon.wait(10)
    assert world.once()["in_doubt"] == 0
    world.settle()
    assert len(world.writes(written)) == 1


def test_sigterm_finishes_what_is_in_flight_and_exits_0(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.twin.faults.add("slow", "POST", arg="2")
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    written = world.written()
    daemon = world.daemon()
    wait_until(lambda: world.written() == written + 1)
    began = time.monotonic()
    assert stop(daemon) == 0
    assert time.monotonic() - began < 10
    status = world.syncd("status", "--json").json
    assert status["orders"]["in_doubt"] == 0
    assert world.daemon_log()[-1]["event"] == "daemon.stopped"


def test_sigterm_while_the_server_hangs_exits_0_within_ten_seconds(world: World) -> None:
    world.twin.faults.add("hang", "GET", times=9)
    daemon = world.daemon()
    seen = len(world.twin.ledger.entries)
    wait_until(lambda: len(world.twin.ledger.entries) > seen)
    began = time.monotonic()
    assert stop(daemon) == 0
    assert time.monotonic() - began < 10


def test_a_second_signal_ends_it_at_once(world: World) -> None:
    world.twin.faults.add("hang", "GET", times=9)
    daemon = world.daemon()
    seen = len(world.twin.ledger.entries)
    wait_until(lambda: len(world.twin.ledger.entries) > seen)
    daemon.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    began = time.monotonic()
    assert stop(daemon) == 143
    assert time.monotonic() - began < 2


def test_an_idle_cycle_is_one_line(world: World) -> None:
    daemon = world.daemon()
    wait_until(lambda: cycles(world) >= 3)
    stop(daemon)
    idle = [line for line in world.daemon_log() if line.get("cycle_id")]
    assert {line["event"] for line in idle} == {"cycle.finished"}


def test_an_outage_is_logged_when_it_starts_and_when_it_ends(world: World) -> None:
    daemon = world.daemon()
    wait_until(lambda: cycles(world) >= 1)
    world.twin.faults.add("status", times=30, arg="503")
    wait_until(lambda: any(e["event"] == "s2e.unreachable" for e in world.daemon_log()))
    world.twin.faults.clear()
    wait_until(lambda: any(e["event"] == "s2e.recovered" for e in world.daemon_log()), 30)
    stop(daemon)
    events = [line["event"] for line in world.daemon_log()]
    assert events.count("s2e.unreachable") == 1
    assert events.count("s2e.recovered") == 1


def test_a_standby_takes_over_when_the_holder_is_killed(world: World) -> None:
    holder = world.daemon()
    wait_until(lambda: cycles(world) >= 1)
    standby = world.daemon()
    wait_until(lambda: any(e.get("role") == "standby" for e in world.daemon_log()))
    holder.kill()
    holder.wait(10)
    wait_until(lambda: [e.get("role") for e in world.daemon_log()].count("active") == 2, 30)
    assert stop(standby) == 0


def test_health_says_yes_while_it_works_and_no_when_it_does_not(world: World) -> None:
    daemon = world.daemon(CYCLE_DEADLINE_S="1")
    wait_until(lambda: world.syncd("health").out == "healthy\n")
    assert world.syncd("health").code == 0
    daemon.kill()
    daemon.wait(10)
    wait_until(lambda: world.syncd("health").code == 1, 30)
    assert "last cycle ended" in world.syncd("health").out


def test_health_without_a_heartbeat_asks_the_mirror(world: World) -> None:
    world.once()  # the settled world that this is a copy of may have been made long ago
    assert world.syncd("health").code == 0
    done = world.syncd("health", DATABASE_URL=f"sqlite:///{world.home}/nothing.db")
    assert done.code == 1
    assert "does not exist yet" in done.out


# ── what may not write ────────────────────────────────────────────────────────────────────


def test_plan_check_and_a_dry_run_write_nothing_on_either_side(make_world: MakeWorld) -> None:
    world = make_world()
    assert world.syncd("plan", "--full").code == 0
    assert world.syncd("check").code == 0
    assert world.once("--full", DRY_RUN="1")["created"] == 0
    assert world.written() == 0
    assert not (world.home / "cmms.db").exists()
    bodies = [entry.body for entry in world.twin.ledger.requests("POST")]
    assert bodies in ([], [{}]), "check tries an empty body on an order that cannot exist"


def test_plan_names_exactly_what_once_then_does(world: World) -> None:
    first, second = world.some("ASSIGNED"), world.some("IN_PROGRESS")
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=first)
    world.twin.people.edit(second, title="Planned")
    new = world.twin.people.add(title="To be created")
    written = world.written()
    planned = world.syncd("plan", "--json").json["lines"]
    assert world.written() == written
    assert new not in world.records()
    world.once()
    upstream = {
        (line["order"], line["field"]): line["to"] for line in planned if line["side"] == "s2e"
    }
    (call,) = world.writes(written)
    assert upstream == {(first, "status"): "ON_HOLD", (first, "external_status"): "ON_HOLD"}
    assert call.body == {"status": "ON_HOLD", "externalStatus": "ON_HOLD"}
    cmms = {
        (line["order"], line["field"]): line["to"] for line in planned if line["side"] == "cmms"
    }
    assert cmms.pop((second, "title")) == "Planned"
    record = world.records()[new]
    assert {order for order, _ in cmms} == {new}
    assert cmms[new, "title"] == record["title"] == "To be created"


def test_plan_of_an_adoption_names_what_once_then_does(make_world: MakeWorld) -> None:
    world = make_world(env={"CMMS_MODE": None})
    world.once("--full")
    order = next(o for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    world.sql(
        "INSERT INTO work_orders (s2e_id, title, status, priority) "
        "VALUES (:id, :title, 'ASSIGNED', :priority)",
        id=order["id"],
        title="Another",
        priority=order["priority"],
    )
    planned = world.syncd("plan", "--json").json["lines"]
    title = next(line for line in planned if line["field"] == "title")
    assert (title["from"], title["to"], title["rule"]) == ("Another", order["title"], "met")
    assert world.records()[order["id"]]["title"] == "Another"
    world.once()
    assert world.records()[order["id"]]["title"] == order["title"]


def test_once_for_one_order_touches_no_other(make_world: MakeWorld) -> None:
    world = make_world()
    order = next(o for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    world.once("--order", order["id"])
    assert set(world.records()) == {order["id"]}


def test_order_show_tells_why(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    world.sql("UPDATE work_orders SET status = 'ON_HOLD' WHERE s2e_id = :id", id=s2e_id)
    world.settle()
    told = world.syncd("order", "show", s2e_id, "--json").json
    events = [(entry["event"], entry["field"], entry["rule"]) for entry in told["timeline"]]
    assert ("decided", "status", "cmms_changed") in events
    assert any(event == "push.confirmed" and field == "status" for event, field, _ in events)
    shown = world.syncd("order", "show", s2e_id)
    assert shown.code == 0
    assert "cmms_changed" in shown.out
