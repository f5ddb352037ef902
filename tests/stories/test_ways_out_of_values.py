"""Each way out of a value that a mapping, a setting or the API does not let through, and a person's
answers about an order, with the commands that people type."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cmms.sql_customer import Customer
from tests.conftest import Clock
from tests.simulation.ways import walks
from tests.stories.conftest import MakeWorld
from tests.stories.world import World

INSIDE = True


@pytest.fixture
def plant(make_world: MakeWorld, tmp_path: Path) -> Any:
    """A customer's own database by a mapping, and the world around it, in step."""
    path = tmp_path / "plant.db"
    path.touch()
    with closing(Customer(f"sqlite:///{path}", tmp_path, Clock())) as customer:
        customer.make()
        env = {"CMMS_URL": customer.url, "CMMS_MAPPING": str(customer.file)}
        world = make_world(f"sqlite:///{tmp_path}/mirror.db", orders=8, env=env)
        world.once("--full")
        world.settle()
        yield world, customer


def parked(world: World, s2e_id: str) -> dict[str, str]:
    """What `syncd parked list` shows of the order: reason by field; "" is the whole order."""
    rows = world.syncd("parked", "list", "--json").json
    return {row["field"]: row["reason"] for row in rows if row["s2e_id"] == s2e_id}


def job_of(plant: Customer, s2e_id: str) -> dict[str, object]:
    (job,) = plant.rows(f"scan2evolve_id = '{s2e_id}'")
    return job


def assert_quiet(world: World, s2e_id: str) -> None:
    """Nothing of it is parked, and nothing is written any more."""
    assert parked(world, s2e_id) == {}
    written = world.written()
    done = world.once("--full")
    assert (done["created"], done["pushed_cmms"], world.written()) == (0, 0, written)


@walks("unmapped")
@pytest.mark.parametrize("by_value", [True, False])
def test_a_status_that_no_line_stands_for_goes_with_a_line_or_another_status(
    plant: tuple[World, Customer], by_value: bool
) -> None:
    world, customer = plant
    customer.change("    HOLD: ON_HOLD\n", "")
    s2e_id = next(o["id"] for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    world.twin.people.edit(s2e_id, status="ON_HOLD")
    world.once()
    assert parked(world, s2e_id) == {"status": "unmapped"}
    if by_value:
        world.twin.people.edit(s2e_id, status="IN_PROGRESS")
    else:
        customer.change("    CNF: COMPLETED\n", "    HOLD: ON_HOLD\n    CNF: COMPLETED\n")
    world.once()
    assert str(job_of(customer, s2e_id)["state"]).strip() == ("PCNF" if by_value else "HOLD")
    world.settle()
    assert_quiet(world, s2e_id)


@walks("unmapped")
def test_an_order_whose_status_has_no_line_is_created_once_it_has_one(
    plant: tuple[World, Customer],
) -> None:
    world, customer = plant
    customer.change("    HOLD: ON_HOLD\n", "")
    s2e_id = world.twin.people.add(status="ON_HOLD")
    world.once()
    assert parked(world, s2e_id) == {"": "unmapped"}
    customer.change("    CNF: COMPLETED\n", "    HOLD: ON_HOLD\n    CNF: COMPLETED\n")
    world.once()
    assert str(job_of(customer, s2e_id)["state"]).strip() == "HOLD"
    world.settle()
    assert_quiet(world, s2e_id)


@walks("text_too_long")
@pytest.mark.parametrize("by_value", [True, False])
def test_a_text_over_the_limit_goes_shortened_or_with_the_setting(
    make_world: MakeWorld, by_value: bool
) -> None:
    world = make_world(orders=4, env={"TEXT_OVERFLOW": "park"})
    world.once("--full")
    world.settle()
    s2e_id = next(iter(world.records()))
    statement = "UPDATE work_orders SET resolution = :text WHERE s2e_id = :id"
    world.sql(statement, text="greased " * 300, id=s2e_id)
    world.once()
    assert parked(world, s2e_id) == {"resolution": "text_too_long"}
    if by_value:
        world.sql(statement, text="greased", id=s2e_id)
    else:
        world.env["TEXT_OVERFLOW"] = "truncate"
    world.once()
    sent = str(world.twin.people.order(s2e_id)["resolution"])
    assert sent == "greased" if by_value else sent.startswith("greased greased")
    world.settle()
    assert_quiet(world, s2e_id)


@walks("text_too_long")
def test_a_title_that_a_column_is_too_short_for_goes_with_the_mapping(
    plant: tuple[World, Customer],
) -> None:
    world, customer = plant
    customer.change("{at: short_text, max: 80}", "{at: short_text, max: 80, overflow: park}")
    s2e_id = next(o["id"] for o in world.twin.people.orders() if o["status"] == "ASSIGNED")
    world.twin.people.edit(s2e_id, title="Belt " * 30)
    world.once()
    assert parked(world, s2e_id) == {"title": "text_too_long"}
    customer.change(", overflow: park", "")
    world.once()
    assert str(job_of(customer, s2e_id)["short_text"]).startswith("Belt Belt")
    world.settle()
    assert_quiet(world, s2e_id)


@walks("invalid")
def test_a_url_that_is_none_goes_once_it_is_one(world: World) -> None:
    s2e_id = world.some("ASSIGNED")
    statement = "UPDATE work_orders SET url = :url WHERE s2e_id = :id"
    world.sql(statement, url="see the board", id=s2e_id)
    world.once()
    assert parked(world, s2e_id) == {"external_url": "invalid"}
    world.sql(statement, url="https://plant.example/7", id=s2e_id)
    world.once()
    assert world.twin.people.order(s2e_id)["externalUrl"] == "https://plant.example/7"
    world.settle()
    assert_quiet(world, s2e_id)


@walks("would_reopen")
def test_a_status_that_would_reopen_goes_with_the_setting(world: World) -> None:
    world.env["ALLOW_REOPEN"] = "0"
    s2e_id = world.some("COMPLETED")
    world.sql("UPDATE work_orders SET status = 'IN_PROGRESS' WHERE s2e_id = :id", id=s2e_id)
    world.once()
    assert parked(world, s2e_id) == {"status": "would_reopen"}
    world.env["ALLOW_REOPEN"] = "1"
    world.once()
    assert world.twin.people.order(s2e_id)["status"] == "IN_PROGRESS"
    world.settle()
    assert_quiet(world, s2e_id)


@walks("external_id_differs")
@walks("identity")
@pytest.mark.parametrize("reason", ["external_id_differs", "identity"])
def test_the_linked_record_is_confirmed_with_relink(world: World, reason: str) -> None:
    s2e_id = world.some("ASSIGNED")
    record = str(world.records()[s2e_id]["id"])
    if reason == "identity":
        world.sql("UPDATE work_orders SET s2e_id = NULL WHERE id = :id", id=record)
    else:
        world.twin.people.edit(s2e_id, externalId="77")
    world.once()
    assert set(parked(world, s2e_id).values()) == {reason}
    done = world.syncd("links", "relink", "--order", s2e_id, record)
    assert done.code == 0, done.err
    assert f"{s2e_id} stays record {record}" in done.out
    world.once()
    world.sql("UPDATE work_orders SET root_cause = 'worn' WHERE id = :id", id=record)
    world.settle()
    order = world.twin.people.order(s2e_id)
    assert (order["externalId"], order["rootCause"]) == (record, "worn")
    assert_quiet(world, s2e_id)
    again = world.syncd("links", "relink", "--order", s2e_id, record)
    assert (again.code, "already" in again.err) == (64, True)
