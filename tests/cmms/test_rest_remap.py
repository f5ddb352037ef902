"""A rest mapping changes: what was kept is read anew, and nothing is asked or written for that."""

import json
from pathlib import Path

import pytest
import yaml

from syncd.core.work_order import Field, Status
from syncd.twin.server import Twin
from tests.cmms.rest_bench import got, item, page, rest
from tests.cmms.standin import standin
from tests.cmms.standin_bench import MAPPING, StandinWorld
from tests.stories.world import make_config


@pytest.mark.parametrize("then", ["item", "get"])
def test_a_record_is_kept_whole_and_another_mapping_finds_more_in_it(then: str) -> None:
    whole = item(7, room="H3", deep={"a": [1, 2.5, None, True]})
    with rest({"list": {"then": then}}, page(whole), got(whole)) as made:
        (record,) = made.adapter.fetch(None)
        kept = json.loads(json.dumps(dict(record.native)))
        assert kept == whole
        assert made.adapter.read_native(kept) == record
        asked = len(made.asked)
    over = {"fields": {"location": {"read": "room"}}, "maps": {"state": {"NEW": "ASSIGNED"}}}
    with rest(over, page()) as other:
        assert other.adapter.mapping_hash != made.adapter.mapping_hash
        again = other.adapter.read_native(kept)
        assert again.fields[Field.LOCATION] == "H3"
        assert again.fields[Field.STATUS] is Status.ASSIGNED
        assert not other.asked
    assert asked == (1 if then == "item" else 2)


def test_a_changed_mapping_is_followed_and_writes_nothing(tmp_path: Path) -> None:
    def say(**more: object) -> None:
        path = tmp_path / "plant.yaml"
        path.write_text(yaml.safe_dump({"extends": str(MAPPING), **more}), encoding="utf-8")

    with standin() as cmms, Twin(make_config(orders=6)) as twin:
        cmms_settings = {"CMMS_ADAPTER": "rest", "CMMS_MAPPING": str(tmp_path / "plant.yaml")}
        mirror = f"sqlite:///{tmp_path}/m.db"
        world = StandinWorld(tmp_path, twin, mirror, "sqlite:///c.db", cmms_settings, inside=True)
        world.cmms = cmms
        say()
        world.once("--full")
        world.settle()
        written, before = world.written(), len(cmms.ledger)
        assert before >= 6
        say(maps={"urgency": {"1": "HIGH", "2": "CRITICAL"}}, fields={"resolution": "remedy"})
        done = world.syncd("once", "--full", "--json")
        assert done.code == 0, done.err
        (told,) = done.events("mapping.changed")
        assert told["records"] == 6
        for args in (["plan", "--json"], ["plan", "--remap", "--json"], ["once", "--json"]):
            done = world.syncd(*args)
            assert done.code == 0, done.err
        assert world.written() == written
        assert len(cmms.ledger) == before
