"""An HTTP CMMS that closes nothing without a resolution: the closing waits, and goes by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cmms.presets import fake_erpnext
from tests.cmms.presets.server import Answer, Asked, serving
from tests.stories.conftest import MakeWorld
from tests.stories.world import World

INSIDE = True


class StrictErpnext(fake_erpnext.FakeErpnext):
    """Resolved only with resolution_details, as a mandatory depends-on field has it."""

    refused = 0

    def work(self, asked: Asked) -> Answer:
        if asked.method in {"POST", "PUT"} and asked.json.get("status") == "Resolved":
            row: dict[str, Any] = self.rows.get(asked.parts[-1], {}) | asked.json
            if not row.get("resolution_details"):
                self.refused += 1
                raise self.error(417, "MandatoryError", "resolution_details")
        return super().work(asked)


@pytest.fixture
def cmms() -> Iterator[StrictErpnext]:
    with serving(StrictErpnext()) as fake:
        assert isinstance(fake, StrictErpnext)
        yield fake


def _world(make_world: MakeWorld, cmms: StrictErpnext, home: Path, needs: Any) -> World:
    world = make_world(orders=0)
    mapping = home / "strict.yaml"
    mapping.write_text(yaml.safe_dump({"extends": "preset:erpnext", "status_needs": needs}))
    world.env |= {
        "CMMS_ADAPTER": "rest", "CMMS_MAPPING": str(mapping), "CMMS_URL": "",
    }  # fmt: skip
    return world


def _parked(world: World) -> dict[str, str]:
    return {row["field"]: row["reason"] for row in world.syncd("parked", "list", "--json").json}


@pytest.mark.parametrize("side", ["s2e", "cmms"])
def test_a_closing_waits_for_its_resolution(
    make_world: MakeWorld,
    cmms: StrictErpnext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    side: str,
) -> None:
    for name, value in {
        "ERPNEXT_URL": cmms.url, "ERPNEXT_KEY": fake_erpnext.KEY,
        "ERPNEXT_SECRET": fake_erpnext.SECRET, "ERPNEXT_ZONE": str(fake_erpnext.ZONE),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    world = _world(make_world, cmms, tmp_path, {"COMPLETED": ["resolution"]})
    s2e_id = world.twin.people.add(title="Pump", status="IN_PROGRESS")
    world.once("--full")
    (key,) = cmms.rows
    world.settle()
    world.twin.people.edit(s2e_id, status="COMPLETED", title="Pump 2")
    for _ in range(3):
        world.once("--full")
    assert (cmms.rows[key]["status"], cmms.rows[key]["subject"]) == ("Open", "Pump 2")
    assert _parked(world) == {"status": "needs_fields"}
    if side == "s2e":
        world.twin.people.edit(s2e_id, resolution="new seal")
    else:
        cmms.edit(key, resolution_details="new seal")
    for _ in range(3):
        world.once("--full")
    assert cmms.rows[key]["status"] == "Resolved"
    assert "new seal" in cmms.rows[key]["resolution_details"]
    assert world.twin.people.order(s2e_id)["resolution"] == "new seal"
    assert world.twin.people.order(s2e_id)["status"] == "COMPLETED"
    assert _parked(world) == {}
    assert cmms.refused == 0, "nothing was sent to be refused"
