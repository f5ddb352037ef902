"""`plan --out` and `apply`: a person reads a plan, takes lines out, and has the rest written."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.stories.conftest import MakeWorld
from tests.stories.inside import Result
from tests.stories.world import World, stop, wait_until

INSIDE = True
FILE = "plan.jsonl"


def plan_of(world: World, *args: str) -> list[dict[str, Any]]:
    """Write the plan's file; its lines without the header."""
    done = world.syncd("plan", "--out", FILE, *args)
    assert done.code == 0, done.out + done.err
    return lines_of(world.home / FILE)[1:]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def keep(world: World, lines: Iterable[dict[str, Any]]) -> None:
    """What a person does in an editor: these lines and no others."""
    path = world.home / FILE
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text("\n".join([header, *map(json.dumps, lines)]) + "\n", encoding="utf-8")


def outcomes(done: Result) -> dict[tuple[str, str], tuple[str, str | None]]:
    told = {(e["s2e_id"], e["field"]): (e["outcome"], e["reason"]) for e in done.json["lines"]}
    assert len(told) == len(done.json["lines"])
    return told


def edit(world: World, s2e_id: str, column: str, value: object) -> None:
    world.sql(
        f"UPDATE work_orders SET {column} = :value WHERE s2e_id = :id", value=value, id=s2e_id
    )


def test_exactly_the_lines_of_the_file_are_written_and_the_rest_flows_on(
    make_world: MakeWorld, database_url: str
) -> None:
    world = make_world(database_url)
    world.once("--full")
    world.settle()
    one, other = world.some("ASSIGNED"), world.some("IN_PROGRESS")
    third = world.some("COMPLETED")
    edit(world, one, "status", "IN_PROGRESS")
    edit(world, other, "root_cause", "Rust")
    edit(world, other, "actual_hours", "2.50")
    world.twin.people.edit(third, title="Another title")
    lines = plan_of(world, "--full")
    header = lines_of(world.home / FILE)[0]
    assert (header["syncd_plan"], header["purpose"], header["connection"]) == (1, "plan", "default")
    assert {(line["s2e_id"], line["side"], line["field"]) for line in lines} == {
        (one, "s2e", "status"),
        (one, "s2e", "external_status"),
        (other, "s2e", "root_cause"),
        (other, "s2e", "actual_hours"),
        (third, "cmms", "title"),
    }
    hours = next(line for line in lines if line["field"] == "actual_hours")
    assert hours == {
        "s2e_id": other,
        "cmms_id": str(world.records()[other]["id"]),
        "side": "s2e",
        "kind": "update",
        "field": "actual_hours",
        "from": None,
        "to": "2.5",
        "source": "2.5",
        "rule": "cmms_changed",
    }
    keep(world, (line for line in lines if line["s2e_id"] == third or line is hours))
    written, before = world.written(), world.records()
    edit(world, world.some("DRAFT"), "resolution", "not in the file")
    done = world.syncd("apply", FILE)
    assert done.code == 0, done.out + done.err
    assert done.out.startswith("2 applied")
    assert [(entry.s2e_id, entry.body) for entry in world.writes(written)] == [
        (other, {"actualHours": 2.5})
    ]
    assert world.records()[third]["title"] == "Another title"
    assert world.records()[one] == before[one]

    written = world.written()
    again = world.syncd("apply", FILE, "--json")
    assert again.code == 75
    assert {outcome for outcome, _ in outcomes(again).values()} == {"skipped"}
    assert outcomes(again)[third, "title"][1] == "it holds this already"
    assert world.written() == written

    world.settle()
    assert world.twin.people.order(one)["status"] == "IN_PROGRESS"
    assert world.twin.people.order(other)["rootCause"] == "Rust"


def test_a_line_that_no_longer_holds_is_skipped_and_named_and_the_others_are_written(
    world: World,
) -> None:
    a, b, c, d, e, f, *_ = sorted(world.records())
    for s2e_id in (a, b, c, d, e, f):
        edit(world, s2e_id, "closure_note", f"Note of {s2e_id}")
    assert len(plan_of(world)) == 6
    edit(world, b, "closure_note", "A newer note")
    world.twin.people.edit(c, closureNote="Somebody upstream")
    world.sql("DELETE FROM work_orders WHERE s2e_id = :id", id=d)
    world.twin.people.delete(e)
    dropped = world.syncd("links", "relink", "--drop", f)
    assert dropped.code == 0
    written = world.written()
    done = world.syncd("apply", FILE, "--json")
    assert done.code == 75
    told = outcomes(done)
    assert told[a, "closure_note"] == ("applied", None)
    assert told[b, "closure_note"] == ("skipped", "it would become A newer note now")
    assert told[c, "closure_note"] == ("skipped", "from is now Somebody upstream")
    assert told[d, "closure_note"] == ("skipped", "the order takes no part: cmms_missing")
    assert told[e, "closure_note"] == ("skipped", "Scan2Evolve does not show the order now")
    assert told[f, "closure_note"] == ("skipped", "the order takes no part: dropped")
    assert [entry.s2e_id for entry in world.writes(written)] == [a]
    assert done.json["applied"] == 1


def test_a_create_is_one_act_of_all_its_lines(make_world: MakeWorld) -> None:
    world = make_world(orders=3)
    world.once("--full")
    world.settle()
    good, edited, late = (world.twin.people.add(title=f"New {n}") for n in range(3))
    lines = plan_of(world)
    assert {line["kind"] for line in lines} == {"create"}
    keep(world, (line for line in lines if line["s2e_id"] != late))
    world.twin.people.edit(edited, title="Changed since")
    done = world.syncd("apply", FILE, "--json")
    assert done.code == 75
    told = outcomes(done)
    assert told[good, "title"] == ("applied", None)
    assert {outcome for (s2e_id, _), outcome in told.items() if s2e_id == edited} == {
        ("skipped", "title would be Changed since now")
    }
    assert world.records().keys() & {good, edited, late} == {good}
    assert world.records()[good]["title"] == "New 0"
    world.settle()
    assert world.records()[edited]["title"] == "Changed since"
    again = world.syncd("apply", FILE, "--json")
    record = world.records()[good]["id"]
    assert outcomes(again)[good, "title"] == (
        "skipped",
        f"the order has record {record} already",
    )


def test_the_guards_hold_for_a_file_too_and_keep_what_was_released(make_world: MakeWorld) -> None:
    world = make_world(orders=24, env={"GUARD_CHANGES_MIN": "10"})
    world.once("--full")
    world.settle()
    world.sql("UPDATE work_orders SET root_cause = 'x' || id")
    lines = plan_of(world)
    written = world.written()
    done = world.syncd("apply", FILE, "--json")
    assert done.code == 75
    assert {outcome for outcome, _ in outcomes(done).values()} == {"guarded"}
    assert world.written() == written
    shown = world.syncd("apply", FILE).out
    assert "mass_change: 24 of 24 linked work orders would change on s2e" in " ".join(shown.split())
    assert world.syncd("guard", "release").code == 0
    keep(world, lines[:1])
    assert world.syncd("apply", FILE).code == 0
    assert world.written() == written + 1
    world.once()  # the release was for 24, and one line has not used it up
    assert world.written() == written + 24


def test_while_another_holds_the_lease_a_plan_is_written_and_none_applied(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    assert world.syncd("pause").code == 0
    edit(world, s2e_id, "root_cause", "Rust")
    daemon = world.daemon(POLL_EVERY_S="30")
    wait_until(lambda: any(e["event"] == "cycle.finished" for e in world.daemon_log()))
    (line,) = plan_of(world)
    assert line["field"] == "root_cause"
    done = world.syncd("apply", FILE)
    assert done.code == 75
    assert f"pid {daemon.pid}" in done.err
    assert stop(daemon) == 0
    left = world.syncd("apply", FILE, "--json")
    assert left.code == 75
    assert outcomes(left)[s2e_id, "root_cause"] == ("left", "writing is paused (`syncd resume`)")
    assert world.syncd("resume").code == 0
    would = world.syncd("apply", FILE, "--json", DRY_RUN="1")
    assert (would.code, would.json["lines"][0]["outcome"]) == (0, "planned")
    written = world.written()
    assert world.syncd("apply", FILE).code == 0
    assert world.written() == written + 1


def test_what_goes_wrong_in_sending_is_told_of_each_line(world: World) -> None:
    sync = r"/sync"
    a, b, *_ = sorted(world.records())
    edit(world, a, "root_cause", "Rust")
    edit(world, b, "root_cause", "Wear")
    plan_of(world)
    world.twin.faults.add("lost", "POST", sync)
    world.twin.faults.add("status", "POST", sync, arg="400")
    done = world.syncd("apply", FILE, "--json")
    assert done.code == 75
    told = outcomes(done)
    assert told[a, "root_cause"][0] == "in_doubt"
    assert told[b, "root_cause"][0] == "refused"
    assert "Refused" in str(told[b, "root_cause"][1])
    slow = {"S2E_READ_LAG_S": "600"}
    world.twin.faults.add("drop_before", "POST", sync)
    edit(world, a, "root_cause", "Rust again")
    plan_of(world)
    assert world.syncd("apply", FILE, **slow).code == 75
    again = world.syncd("apply", FILE, "--json", **slow)
    assert outcomes(again)[a, "root_cause"] == ("skipped", "a write to the order is under way")
    down = world.syncd("apply", FILE, "--json", S2E_URL="http://127.0.0.1:1")
    assert down.code == 69
    unset = world.syncd("apply", FILE, S2E_SYNC_TOKEN=None)
    assert unset.code == 78
    assert "SYNCD_S2E_SYNC_TOKEN" in unset.err


def test_a_file_of_another_mirror_or_none_is_refused(world: World) -> None:
    edit(world, world.some("ASSIGNED"), "root_cause", "Rust")
    plan_of(world)
    written = world.written()
    path = world.home / FILE
    good = path.read_text(encoding="utf-8")
    path.write_text(good + "{\n", encoding="utf-8")
    broken = world.syncd("apply", FILE)
    assert (broken.code, broken.err) == (65, f"syncd: {FILE} line 3: it is not JSON\n")
    path.write_text(good, encoding="utf-8")
    for lost in world.home.glob("syncd.db*"):
        lost.unlink()
    assert world.syncd("apply", FILE).code == 74  # there is no mirror yet
    world.once("--full")
    foreign = world.syncd("apply", FILE)
    assert foreign.code == 65
    assert "line 1: it was planned from another mirror" in foreign.err
    assert world.syncd("apply", "nowhere.jsonl").code == 64
    assert world.written() == written + 1  # by the cycle of the new mirror
