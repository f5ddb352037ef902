"""What Odoo's records are read by: stages and options may change, and that alone writes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cmms.fake_odoo_models import REQUEST, STAGE
from tests.cmms.odoo_day import Day, open_day

pytestmark = [pytest.mark.adapters, pytest.mark.timeout(300)]


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with open_day(tmp_path, 18, orders=12) as opened:
        opened.world.settle()
        yield opened


def statuses(day: Day) -> dict[str, str]:
    return {order["id"]: order["status"] for order in day.world.twin.people.orders()}


def of_status(day: Day, status: str) -> str:
    return next(s2e_id for s2e_id, held in statuses(day).items() if held == status)


def parked(day: Day) -> dict[tuple[str, str], str]:
    rows = day.world.syncd("parked", "list", "--json").json
    return {(row["s2e_id"], row["field"]): row["reason"] for row in rows}


def add_first_column(day: Day) -> int:
    """Somebody adds a column at the left of the kanban view; the ids of the others stay."""
    number: int = day.odoo.make(STAGE, name="Triage", sequence=0)
    return number


def test_a_new_column_between_the_others_rewrites_nothing(day: Day) -> None:
    world, before, held = day.world, day.written(), statuses(day)
    new = add_first_column(day)
    done = world.syncd("once", "--full", "--json")
    (told,) = done.events("mapping.changed")
    assert told["level"] == "warning"
    assert "status: stage 1 was DRAFT, ASSIGNED, is IN_PROGRESS" in told["meanings"]
    assert told["waits"] == ["status"]
    assert not world.syncd("once", "--full", "--json").events("mapping.changed")  # told once
    assert (day.written(), statuses(day)) == (before, held)
    (guard,) = world.syncd("guard", "list", "--json").json
    assert guard["guard"] == "meaning_changed"
    assert world.syncd("check").code == 0
    assert "stage 1 was DRAFT, ASSIGNED, is IN_PROGRESS" in world.syncd("check").out

    assigned, moved = of_status(day, "ASSIGNED"), of_status(day, "IN_PROGRESS")
    day.odoo.change(day.request(assigned)["id"], stage_id=2)
    day.odoo.change(day.request(moved)["id"], stage_id=new)
    world.twin.people.edit(assigned, title="Another title")
    world.settle(3)
    assert statuses(day) == held
    assert day.request(assigned)["name"] == "Another title"  # the rest flows
    waits = parked(day)
    assert waits[assigned, "status"] == "meaning_changed"
    assert waits[moved, "status"] == "unreadable"


def test_what_waited_goes_on_when_the_column_is_gone(day: Day) -> None:
    new, assigned = add_first_column(day), of_status(day, "ASSIGNED")
    day.world.once("--full")
    day.odoo.change(day.request(assigned)["id"], stage_id=2)
    day.world.settle(2)
    assert statuses(day)[assigned] == "ASSIGNED"
    day.odoo.remove(new, STAGE)
    done = day.world.syncd("once", "--full", "--json")
    assert done.events("mapping.restored")
    day.world.settle(2)
    assert statuses(day)[assigned] == "IN_PROGRESS"
    assert day.world.syncd("guard", "list", "--json").json == []
    assert not parked(day)


def test_options_that_name_the_stages_are_the_other_way_out(day: Day) -> None:
    add_first_column(day)
    assigned = of_status(day, "ASSIGNED")
    day.world.once("--full")
    day.odoo.change(day.request(assigned)["id"], stage_id=2)
    before = day.written()
    named = {"CMMS_STAGE_DRAFT": "1", "CMMS_STAGE_ASSIGNED": "1", "CMMS_STAGE_IN_PROGRESS": "2,5"}
    for _ in range(3):
        done = day.world.syncd("once", "--full", "--json", **named)
        assert done.code == 0, done.err
    assert day.world.syncd("guard", "list", "--json").json == []
    assert statuses(day)[assigned] == "IN_PROGRESS"
    assert day.written()[0] == before[0]


def test_a_person_takes_the_new_meaning_and_nothing_is_rewritten(day: Day) -> None:
    add_first_column(day)
    world = day.world
    world.once("--full")
    before, held = day.written(), statuses(day)
    assert world.syncd("guard", "release").code != 0  # its name has to be given
    day.odoo.change(5, STAGE, name="Inbox")  # a name means nothing
    assert world.syncd("guard", "release", "meaning_changed").code == 0
    done = world.syncd("once", "--full", "--json")
    (told,) = done.events("mapping.changed")
    assert told["level"] == "info"
    assert told["fields"] > 0
    world.settle(2)
    assert (day.written(), statuses(day)) == (before, held)
    assert world.syncd("guard", "list", "--json").json == []

    assigned = of_status(day, "ASSIGNED")
    lines = world.syncd("plan", "--remap", "--json").json["lines"]
    assert {"IN_PROGRESS"} == {it["to"] for it in lines if it["order"] == assigned}
    day.odoo.change(day.request(assigned)["id"], stage_id=3)  # an edit is read by the new meaning
    world.settle(2)
    assert statuses(day)[assigned] == "COMPLETED"


def test_what_is_released_is_what_was_announced(day: Day) -> None:
    """And not what somebody has made of it since."""
    add_first_column(day)
    world = day.world
    world.once("--full")
    assert world.syncd("guard", "release", "meaning_changed").code == 0
    day.odoo.make(STAGE, name="Before", sequence=-1)
    done = world.syncd("once", "--full", "--json")
    assert [line["level"] for line in done.events("mapping.changed")] == ["info", "warning"]
    (guard,) = world.syncd("guard", "list", "--json").json
    assert "stage 6 was nothing, is DRAFT, ASSIGNED" in guard["detail"]


DONE_AT = "2026-03-20T14:30:15.250Z"
COMPLETED = {"CMMS_FIELD_COMPLETED_AT": "x_s2e_completed_at"}


def completed(day: Day) -> dict[str, Any]:
    return {it["id"]: it["completedAt"] for it in day.world.twin.people.orders()}


def test_an_option_taken_out_and_put_back_rewrites_nothing(tmp_path: Path) -> None:
    """It was a field with seconds, then close_date, a day that Odoo stamps itself, then the field
    again."""
    with open_day(tmp_path, 18, orders=12) as day:
        world = day.world
        world.env |= COMPLETED
        world.settle()
        some = [it["id"] for it in world.twin.people.orders() if it["status"] == "IN_PROGRESS"]
        for s2e_id in some:
            world.twin.people.edit(s2e_id, status="COMPLETED", completedAt=DONE_AT)
        world.settle(4)
        held, before = completed(day), day.written()
        assert [held[s2e_id] for s2e_id in some] == [DONE_AT] * len(some) != []
        options: dict[str, str | None]
        for options in (dict.fromkeys(COMPLETED), {}):
            for _ in range(3):
                done = world.syncd("once", "--full", "--json", **options)
                assert done.code == 0, done.err
            assert completed(day) == held
            assert day.written() == before

        one = some[0]  # an edit since goes on its way
        day.odoo.change(day.request(one)["id"], x_s2e_completed_at="2026-03-21 10:00:00")
        world.settle(2)
        assert completed(day)[one] == "2026-03-21T10:00:00.000Z"


def test_a_lost_mirror_of_equal_orders_writes_nothing(tmp_path: Path) -> None:
    """Scan2Evolve's times have milliseconds, Odoo's whole seconds, and days without an option."""
    with open_day(tmp_path, 19, own=True, orders=12) as day:
        world = day.world
        for order in world.twin.people.orders():
            times = {"dueDate": "2026-04-02T08:00:00.777Z", "completedAt": DONE_AT}
            world.twin.people.edit(order["id"], actualHours=0, **times)
        world.settle(4)
        before, held = day.written(), completed(day)
        for file in world.home.glob("mirror.db*"):
            file.unlink()
        for _ in range(4):
            done = world.once("--full")
            assert (done["pushed_s2e"], done["pushed_cmms"], done["conflicts"]) == (0, 0, 0)
        assert {field for _, field in parked(day)} <= {"assigned_to"}  # people unknown to Odoo
        assert (day.written(), completed(day)) == (before, held)
        requests = day.odoo.tables[REQUEST]
        assert len(requests) == len(held)
