"""What is so of every preset that ships."""

import re

import pytest

from syncd.cmms.mapping_tree import presets, presets_path, read_tree
from syncd.cmms.yaml_nodes import plain

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
    told = plain(read_tree(f"preset:{name}"))
    assert told["name"] == name
    assert told["verified"] in {"spec", "docs"}
