"""A customer's own database, by a mapping alone: both ways, and then nothing more is written."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cmms.sql_customer import Customer
from tests.conftest import Clock
from tests.stories.conftest import MakeWorld
from tests.stories.world import World, stop, wait_until

INSIDE = True

STATES = {
    "DRAFT": "CRTD",
    "ASSIGNED": "REL",
    "IN_PROGRESS": "PCNF",
    "ON_HOLD": "HOLD",
    "COMPLETED": "CNF",
    "CANCELLED": "DLFL",
}
PRIOS = {"CRITICAL": 1, "HIGH": 1, "MEDIUM": 2, "LOW": 3}
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def plant(database_url: str, tmp_path: Path) -> Iterator[Customer]:
    """The customer, with jobs of their own that Scan2Evolve knows nothing of."""
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch()
    with closing(Customer(database_url, tmp_path, Clock())) as made:
        made.make()
        yield made


@pytest.fixture
def world(make_world: MakeWorld, plant: Customer, tmp_path: Path) -> World:
    """The mirror is beside it, a file of its own."""
    env = {"CMMS_URL": plant.url, "CMMS_MAPPING": str(plant.file)}
    return make_world(f"sqlite:///{tmp_path}/mirror.db", orders=16, env=env)


def local(moment: str | None) -> str | None:
    """The time as it stands in a column of the plant."""
    if moment is None:
        return None
    here = datetime.fromisoformat(moment).astimezone(BERLIN).replace(tzinfo=None)
    return here.isoformat(" ", "milliseconds")


def now_there(ahead_s: float = 0) -> datetime:
    moment = datetime.now(UTC) + timedelta(seconds=ahead_s)
    return moment.astimezone(BERLIN).replace(tzinfo=None, microsecond=0)


def shown(value: object) -> str | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.isoformat(" ", "milliseconds")


def jobs(plant: Customer) -> dict[str, dict[str, Any]]:
    return {str(row["scan2evolve_id"]): row for row in plant.rows("scan2evolve_id IS NOT NULL")}


def assert_alike(world: World, plant: Customer) -> None:
    """Every order has one job, said in the plant's own codes, minutes and local times."""
    found = jobs(plant)
    for order in world.twin.people.orders():
        job = found.pop(order["id"])
        assert str(job["state"]).strip() == STATES[order["status"]]
        assert job["prio"] == PRIOS[order["priority"]]
        assert job["short_text"] == order["title"]
        assert job["cause_text"] == order["rootCause"]
        assert shown(job["finish_by"]) == local(order["dueDate"])
        assert shown(job["finished_at"]) == local(order["completedAt"])
        hours = order["actualHours"]
        assert (job["worked_min"] or 0) == round(Decimal(str(hours or 0)) * 60)
        assert order["externalId"] == str(job["job_no"])
        assert order["externalUrl"] == f"https://plant.example/jobs/{job['job_no']}"
    assert found == {}


@pytest.mark.timeout(300)  # some fifteen processes, one after another
def test_a_plants_database_is_kept_in_step_both_ways(world: World, plant: Customer) -> None:
    theirs = plant.rows("scan2evolve_id IS NULL")
    world.once("--full")
    world.settle()
    assert_alike(world, plant)

    # A person of the plant takes up a job, and writes down what was found.
    s2e_id = next(o["id"] for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    job = jobs(plant)[s2e_id]
    plant.edit(
        str(job["job_no"]),
        state="PCNF",
        worked_min=75,
        cause_text="Worn belt",
        last_change=str(now_there()),
        row_version=2,
    )
    world.settle()
    order = world.twin.people.order(s2e_id)
    assert (order["status"], order["rootCause"]) == ("IN_PROGRESS", "Worn belt")
    assert (order["actualHours"], order["externalStatus"]) == (1.25, "PCNF")

    # Somebody upstream changes what is Scan2Evolve's.
    world.twin.people.edit(
        s2e_id, title="Belt, 2nd floor", priority="CRITICAL", dueDate="2026-07-01T06:30:00.000Z"
    )
    world.once("--full")
    world.settle()
    job = jobs(plant)[s2e_id]
    assert (job["short_text"], job["prio"]) == ("Belt, 2nd floor", 1)
    assert shown(job["finish_by"]) == "2026-07-01 08:30:00.000"
    assert_alike(world, plant)

    # And then there is peace.
    before, rows = world.written(), plant.rows()
    assert world.once("--full")["pushed_cmms"] == 0
    assert world.once()["pushed_cmms"] == 0
    assert world.written() == before
    assert plant.rows() == rows
    assert plant.rows("scan2evolve_id IS NULL") == theirs


def test_hours_that_are_no_whole_minutes_settle_at_once(world: World, plant: Customer) -> None:
    world.once("--full")
    world.settle()
    order = next(o for o in world.twin.people.orders() if o["status"] == "IN_PROGRESS")
    world.twin.people.edit(order["id"], actualHours=0.51)
    world.once("--full")
    world.settle()
    assert jobs(plant)[order["id"]]["worked_min"] == 31
    assert world.twin.people.order(order["id"])["actualHours"] == 0.51
    before = world.written()
    world.once("--full")
    assert world.written() == before


def test_a_state_without_a_code_parks_that_field_and_the_rest_flows(
    world: World, plant: Customer
) -> None:
    world.once("--full")
    world.settle()
    plant.change("    HOLD: ON_HOLD\n", "")
    order = next(o for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    world.twin.people.edit(order["id"], status="ON_HOLD", title="Waits for parts")
    world.once("--full")
    world.once("--full")
    job = jobs(plant)[order["id"]]
    assert job["short_text"] == "Waits for parts"
    assert str(job["state"]).strip() == "REL"
    # The plant's own HOLD cannot be read any more either, on other orders.
    listed = world.syncd("parked", "list", "--json").json
    (parked,) = [it for it in listed if it["s2e_id"] == order["id"]]
    assert (parked["side"], parked["field"]) == ("cmms", "status")
    assert "ON_HOLD" in parked["detail"]
    assert "plant.yaml:" in parked["detail"]
    lines = world.syncd("check", "--offline", "--json").json["checks"]
    (counted,) = [it["detail"] for it in lines if "waits for a line" in it["detail"]]
    assert counted.startswith("status of ")


def test_a_mapping_that_breaks_is_told_before_anything_is_done(
    world: World, plant: Customer
) -> None:
    plant.change("    PCNF: IN_PROGRESS", "    PCNF: IN_PROGRES")
    done = world.syncd("once")
    assert done.code == 78
    assert f"{plant.file}:39: maps.status.PCNF: 'IN_PROGRES' is no status" in done.err + done.out
    assert world.written() == 0
    checked = world.syncd("check", "--offline", "--json")
    assert checked.code == 78
    (failed,) = [it for it in checked.json["checks"] if it["state"] == "fail"]
    assert failed["what"] == "adapter"
    assert "did you mean IN_PROGRESS?" in failed["detail"]


def test_the_check_says_how_the_mapping_is_verified_and_what_it_cannot(
    world: World, plant: Customer
) -> None:
    plant.change("    HOLD: ON_HOLD\n", "")
    lines = world.syncd("check", "--offline", "--json").json["checks"]
    told = [(it["state"], it["detail"]) for it in lines if it["what"] == "mapping"]
    assert told[0] == ("warn", f"plant ({plant.file}), not verified")
    assert any("status ON_HOLD cannot be written" in detail for _, detail in told[1:])


def test_the_check_says_where_nothing_tells_whose_record_it_is(
    world: World, plant: Customer
) -> None:
    def identity() -> list[tuple[str, str]]:
        lines = world.syncd("check", "--offline", "--json").json["checks"]
        return [(it["state"], it["detail"]) for it in lines if it["what"] == "identity"]

    assert identity() == []
    text = plant.file.read_text(encoding="utf-8")
    (line,) = (it for it in text.splitlines(keepends=True) if it.startswith("  s2e_id:"))
    plant.change(line, "")
    ((state, detail),) = identity()
    assert state == "warn"
    assert "a number that the CMMS gives to another record is not noticed" in detail


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_daemon_says_how_the_mapping_is_verified(world: World, plant: Customer) -> None:
    plant.change("    HOLD: ON_HOLD\n", "")
    process = world.daemon()
    wait_until(lambda: any(it["event"] == "daemon.started" for it in world.daemon_log()), 40)
    assert stop(process) == 0
    (started,) = [it for it in world.daemon_log() if it["event"] == "daemon.started"]
    assert started["mapping"] == f"plant ({plant.file}), not verified"
    assert any("status ON_HOLD cannot be written" in note for note in started["cannot"])


def test_a_lost_mirror_writes_nothing_that_the_mapping_only_spells_otherwise(
    world: World, plant: Customer, tmp_path: Path
) -> None:
    """Hours of 0.51 are 31 minutes there, and a long title is cut: both agree all the same."""
    by_status = {order["status"]: order["id"] for order in world.twin.people.orders()}
    one, other = by_status["IN_PROGRESS"], by_status["ASSIGNED"]
    world.twin.people.edit(one, actualHours=0.51)
    world.twin.people.edit(other, title="Belt " * 30)
    world.once("--full")
    world.settle()
    assert jobs(plant)[one]["worked_min"] == 31
    before, rows = world.written(), plant.rows()
    for file in tmp_path.glob("mirror.db*"):
        file.unlink()
    relinked = world.once("--full")
    assert (relinked["created"], relinked["pushed_cmms"], relinked["pushed_s2e"]) == (0, 0, 0)
    world.once()
    assert world.written() == before
    assert plant.rows() == rows
    assert world.syncd("conflicts", "list", "--all", "--json").json == []
