"""`support-bundle`: enough to help with, and nothing that is nobody's business."""

import base64
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

from tests.stories.conftest import MakeWorld
from tests.stories.world import World

INSIDE = True
CANARIES = {
    "S2E_TOKEN": "canary-01-bearer",
    "S2E_CLIENT_ID": "canary-02-client",
    "S2E_CLIENT_SECRET": "canary-03-secret",
    "S2E_SYNC_TOKEN": "canary-04-sync",
    "S2E_SYNC_API_KEY": "canary-05-apikey",
    "PROXY": "http://canary-06-user:canary-07-pass@127.0.0.1:9",
    "CMMS_URL": "postgresql://canary-08-user:canary-09%2Fpass@127.0.0.1:9/cmms?sslkey=canary-10-key",
    "CMMS_PASSWORD": "canary-11-option",
    "CMMS_API_TOKEN": "canary-12-option",
}
WORDS = [
    *(f"canary-{number:02}" for number in range(1, 13)),
    base64.b64encode(b"canary-02-client:canary-03-secret").decode()[:20],
]


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def make_bundle(world: World, **more: str | None) -> dict[str, str]:
    done = world.syncd("support-bundle", "bundle.zip", **more)
    assert done.code == 0, done.err
    assert "look at it before you send it" in done.out
    path = world.home / "bundle.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return contents(path)


def test_a_bundle_tells_what_happened_and_holds_no_secret_and_nobodys_name(world: World) -> None:
    s2e_id, refused = world.some("ASSIGNED"), world.some("COMPLETED")
    world.twin.people.edit(s2e_id, assignedTo={"id": "usr_9", "name": "Zenobia Quill-Marsh",
                                               "email": "zq@plant.example"})  # fmt: skip
    world.sql(
        "UPDATE work_orders SET resolution = 'Zenobia knows more, call zq@plant.example', "
        "status = 'IN_PROGRESS' WHERE s2e_id = :id",
        id=s2e_id,
    )
    world.once("--full")
    world.settle()
    world.twin.faults.add("status", "POST", r"/sync", times=2, arg="400")
    world.sql("UPDATE work_orders SET root_cause = 'Told by Zenobia' WHERE id = 1")
    world.sql("UPDATE work_orders SET root_cause = 'x' WHERE s2e_id = :id", id=refused)
    world.once()
    told = make_bundle(world, **CANARIES)
    everything = "\n".join([*told, *told.values()])
    for word in (*WORDS, "Zenobia", "Quill", "zq@plant", "plant.example", "knows more"):
        assert word not in everything, word
    people = {"Jane Doe", "John Smith", "jane.doe@example.com", "Søren", "Gómez", "李伟"}
    assert not {
        name for name in people if name in everything or json.dumps(name)[1:-1] in everything
    }
    titles = {order["title"] for order in world.twin.people.orders()}
    assert not {title for title in titles if title in everything}

    writes = lines(told["writes.jsonl"])
    updates = [each for each in writes if each["kind"] == "update"]
    status = next(e for e in updates if e["s2e_id"] == s2e_id and "status" in e["writes"])
    assert status["writes"]["status"]["sent"] == "IN_PROGRESS"
    assert status["writes"]["resolution"]["sent"].startswith("text(41)#")
    assert any(each.get("request_id") for each in writes)
    assert any("Refused" in each.get("error", "") for each in writes)
    decided = next(
        e for e in lines(told["journal.jsonl"]) if e["event"] == "decided" and "field" in e
        and e["field"] == "resolution"
    )  # fmt: skip
    assert decided["detail"]["to"] == status["writes"]["resolution"]["sent"]  # the same word
    assert lines(told["parked.jsonl"])[0]["reason"] == "refused"
    settings = {each["name"]: each["value"] for each in json.loads(told["settings.json"])}
    assert settings["SYNCD_S2E_TOKEN"] == "***"
    assert settings["SYNCD_CMMS_MODE"] == "create"
    assert json.loads(told["status.json"])["orders"]["linked"] == 16
    about = json.loads(told["about.json"])
    assert about["syncd"]
    assert "sqlalchemy" in about["packages"]
    assert lines(told["cycles.jsonl"])[-1]["report"]["cycle_id"]


def test_a_bundle_is_made_where_the_mirror_cannot_be_read(make_world: MakeWorld) -> None:
    world = make_world()
    told = make_bundle(world)
    assert "does not exist yet" in json.loads(told["mirror.json"])["error"]
    (world.home / "syncd.db").write_bytes(b"This is no database" * 100)
    told = make_bundle(world)
    assert json.loads(told["mirror.json"])["error"].startswith("MirrorContentError")
    assert "status.json" not in told


def test_a_bundle_that_cannot_be_written_is_an_error(world: World) -> None:
    done = world.syncd("support-bundle", "no/such/bundle.zip")
    assert done.code == 64
    assert "no/such/bundle.zip cannot be written: No such file" in done.err
