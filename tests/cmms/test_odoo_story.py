"""A day with Odoo: everything is made once, edits go both ways, and then nobody writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncd.cmms.mapping.values.html_text import html_to_text
from syncd.twin.server import Twin
from tests.cmms.fake_odoo import FakeOdoo
from tests.cmms.fake_odoo_models import REQUEST, XMLID
from tests.cmms.fake_odoo_server import OdooServer
from tests.cmms.odoo_bench import KEY, NAMES, make_odoo
from tests.stories.world import World, make_config, stop, wait_until

OWN = {f"CMMS_{name.upper()}": value for name, value in NAMES.items()}
OPEN = ("ASSIGNED", "IN_PROGRESS", "ON_HOLD")


@dataclass
class Day:
    """The two sides, and what was written to each so far."""

    world: World
    odoo: FakeOdoo

    def request(self, s2e_id: str) -> dict[str, Any]:
        """The one request of this order."""
        marks = self.odoo.tables[XMLID].values()
        marked = [mark["res_id"] for mark in marks if mark["name"] == s2e_id]
        rows = self.odoo.tables[REQUEST].values()
        (found,) = [row for row in rows if row["x_s2e_id"] == s2e_id or row["id"] in marked]
        return found

    def order(self, s2e_id: str) -> dict[str, Any]:
        return dict(self.world.twin.people.order(s2e_id))

    def written(self) -> tuple[int, int]:
        return sum(call.writes for call in self.odoo.calls), self.world.written()


@pytest.fixture(params=["18, identifiers", "19, fields"])
def day(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Day]:
    odoo = make_odoo(int(request.param[:2]))
    with Twin(make_config(orders=10)) as twin, OdooServer(odoo) as server:
        env = {
            "CMMS_ADAPTER": "odoo",
            "CMMS_URL": server.url,
            "CMMS_API_KEY": KEY,
            "CMMS_DATABASE": "plant",
            "CMMS_LOGIN": "sync@example.com",
        }
        if odoo.version == 19:
            env |= {"CMMS_PROTOCOL": "json2", **OWN}
        mirror = f"sqlite:///{tmp_path / 'mirror.db'}"
        world = World(tmp_path, twin, mirror, "sqlite://", env)
        yield Day(world, odoo)
        world.end()


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
