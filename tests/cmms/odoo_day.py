"""Scan2Evolve and an Odoo with some orders, each in a process of its own or beside this one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.twin.server import Twin
from tests.cmms.fake_odoo import FakeOdoo
from tests.cmms.fake_odoo_models import REQUEST, XMLID
from tests.cmms.fake_odoo_server import OdooServer
from tests.cmms.odoo_bench import KEY, NAMES, make_odoo
from tests.stories.world import World, make_config

OWN = {f"CMMS_{name.upper()}": value for name, value in NAMES.items()}


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


@contextmanager
def open_day(home: Path, version: int, *, own: bool = False, orders: int = 10) -> Iterator[Day]:
    """The two sides, and a mirror that is empty yet.

    Args:
        own: the options name fields of Odoo's own; needs JSON-2, so version 19.
    """
    odoo = make_odoo(version)
    with Twin(make_config(orders=orders)) as twin, OdooServer(odoo) as server:
        env = {
            "CMMS_ADAPTER": "odoo",
            "CMMS_URL": server.url,
            "CMMS_API_KEY": KEY,
            "CMMS_DATABASE": "plant",
            "CMMS_LOGIN": "sync@example.com",
        }
        if version == 19:
            env |= {"CMMS_PROTOCOL": "json2"}
        if own:
            env |= OWN
        mirror = f"sqlite:///{home / 'mirror.db'}"
        world = World(home, twin, mirror, "sqlite://", env)
        yield Day(world, odoo)
        world.end()
