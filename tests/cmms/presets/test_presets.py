"""What is so of every preset that ships."""

import re
from contextlib import closing

import pytest

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.nodes import plain
from syncd.cmms.mapping.tree import presets, presets_path, read_tree
from syncd.cmms.rest.adapter import RestAdapter
from syncd.core.work_order import Field
from tests.conftest import utcnow

README = (presets_path() / "README.md").read_text(encoding="utf-8")


def taken(name: str) -> set[str]:
    """What a preset takes from the environment."""
    text = (presets_path() / f"{name}.yaml").read_text(encoding="utf-8")
    return set(re.findall(r"\$\{(\w+)", text))


@pytest.mark.parametrize("name", presets())
def test_what_a_preset_takes_from_the_environment_is_listed(name: str) -> None:
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `{name}` |")]
    assert set(re.findall(r"`([A-Z][A-Z0-9_]+)`", row)) == taken(name)


@pytest.mark.parametrize("name", presets())
def test_a_preset_does_not_say_that_it_was_tried_on_the_real_system(name: str) -> None:
    tree = plain(read_tree(f"preset:{name}"))
    assert tree["name"] == name
    assert tree["verified"] in {"spec", "docs"}


@pytest.mark.parametrize("name", presets())
def test_a_preset_loads_and_keeps_the_laws(name: str) -> None:
    example = {"URL": "https://cmms.example", "ZONE": "UTC", "VERSION": "60.0"}
    # What is a number is so in any text, too.
    environ = {
        it: example.get(it.rpartition("_")[2], str(number))
        for number, it in enumerate(sorted(taken(name)), 100)
    }
    context = AdapterContext(may_write=False, utcnow=utcnow, environ=environ)
    options = RestAdapter.Options(url=None, mapping=f"preset:{name}")
    with closing(RestAdapter.from_options(options, context)) as adapter:
        can = adapter.capabilities
    assert {Field.TITLE, Field.S2E_ID} <= can.reads
    assert can.creates
