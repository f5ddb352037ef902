"""A day with Odoo: everything is made once, edits go both ways, and then nobody writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.cmms.mapping.values.html_text import html_to_text
from tests.cmms.fake_odoo_models import REQUEST
from tests.cmms.odoo_day import Day, open_day
from tests.stories.world import World, stop, wait_until

OPEN = ("ASSIGNED", "IN_PROGRESS", "ON_HOLD")


@pytest.fixture(params=["18, identifiers", "19, fields"])
def day(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Day]:
    version = int(request.param[:2])
    with open_day(tmp_path, version, own=version == 19) as opened:
        yield opened


@pytest.mark.adapters
@pytest.mark.timeout(300)  # a dozen processes, one after the other
def test_a_day_with_odoo(day: Day) -> None:
    world, odoo = day.world, day.odoo
    world.settle()
    orders = world.twin.people.orders()
    assert len(odoo.tables[REQUEST]) == len(orders)
    for order in orders:
        assert order["externalId"] == str(day.request(order["id"])["id"])

    before = day.written()
    world.once("--full")
    assert day.written() == before

    done, held, dropped, edited = [it["id"] for it in orders if it["status"] in OPEN][:4]
    odoo.change(day.request(done)["id"], stage_id=4)
    odoo.change(day.request(held)["id"], kanban_state="blocked")
    odoo.change(day.request(dropped)["id"], archive=True)
    text = "changed\n\n  and < indented"
    world.twin.people.edit(edited, status="COMPLETED", completedAt="2026-03-20T14:30:15.250Z",
                           description=text, priority="CRITICAL")  # fmt: skip
    world.settle(6)
    assert day.order(done)["status"] == "COMPLETED"
    assert day.order(done)["externalStatus"] == "Scrap"
    assert day.order(held)["status"] == "ON_HOLD"
    assert day.order(dropped)["status"] == "CANCELLED"
    row = day.request(edited)
    assert (row["stage_id"], row["priority"], html_to_text(row["description"])) == (3, "3", text)
    assert day.order(edited)["completedAt"] == "2026-03-20T14:30:15.250Z"
    if odoo.version == 19:
        assert row["x_s2e_completed_at"] == "2026-03-20 14:30:15"
    else:
        assert row["close_date"] == "2026-03-20"

    before = day.written()
    world.once("--full")
    assert day.written() == before


@pytest.mark.parametrize("day", ["18, identifiers"], indirect=True)
def test_an_option_that_only_odoo_shows_to_be_wrong_is_said_each_cycle(day: Day) -> None:
    daemon = day.world.daemon(CMMS_STAGE_COMPLETED="99")
    wait_until(lambda: len(_finished(day.world)) >= 2)
    assert stop(daemon) == 0
    for line in _finished(day.world):
        assert line["result"] == "failed"
        assert "SYNCD_CMMS_STAGE_COMPLETED: there is no stage 99" in line["error"]
        assert "exception" not in line


def _finished(world: World) -> list[dict[str, Any]]:
    return [line for line in world.daemon_log() if line["event"] == "cycle.finished"]
