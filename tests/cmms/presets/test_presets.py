"""What is so of every preset that ships."""

import re
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.nodes import plain
from syncd.cmms.mapping.tree import presets, presets_path, read_tree
from syncd.cmms.mapping.values.converters import Meaning
from syncd.cmms.rest.adapter import RestAdapter
from syncd.core.work_order import Field, Unreadable
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


def opened(name: str) -> RestAdapter:
    """The adapter of a preset, for no server."""
    example = {"URL": "https://cmms.example", "ZONE": "UTC", "VERSION": "60.0"}
    # What is a number is so in any text, too.
    environ = {
        it: example.get(it.rpartition("_")[2], str(number))
        for number, it in enumerate(sorted(taken(name)), 100)
    }
    context = AdapterContext(may_write=False, utcnow=utcnow, environ=environ)
    options = RestAdapter.Options(url=None, mapping=f"preset:{name}")
    return RestAdapter.from_options(options, context)


@pytest.mark.parametrize("name", presets())
def test_a_preset_loads_and_keeps_the_laws(name: str) -> None:
    with closing(opened(name)) as adapter:
        can = adapter.capabilities
    assert {Field.TITLE, Field.S2E_ID} <= can.reads
    assert can.creates


# What JSON, a database or a broken plugin may put in the place of any value.
STRANGE: list[object] = [
    float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 10**400, -(10**400), 2**64 + 1,
    "9" * 400, "-" + "9" * 400, "NaN", "infinity", "-infinity", "20000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0044-03-15 BC", "24:00:00",
    "/Date(99999999999999)/", "\x00", "\ud800", "", " ", True, False, [], {}, [None], [[]] * 3,
    {"id": None}, {"no_number": "NaN"}, {"bytes": "ff"}, {"name": [1]}, "<b><b", "&#x110000;",
    datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), Decimal("NaN"),
    Decimal("Infinity"), Decimal("1e999999"),
]  # fmt: skip


@pytest.mark.parametrize("name", presets())
def test_no_value_keeps_the_rest_of_a_record_from_being_read(name: str) -> None:
    """It is one field that has a value, none, or one that cannot be read."""
    with closing(opened(name)) as adapter:
        records = adapter._map
    for bad in STRANGE:
        for one in records.fields.values():
            natives = tuple(bad for _ in one.reads)
            assert isinstance(one.meaning(natives), Meaning)
            if len(natives) > 1:
                for good in ("2026-03-10", "10:00:00", 4, "h"):
                    assert isinstance(one.meaning((good, bad)), Meaning)
                    assert isinstance(one.meaning((bad, good)), Meaning)
        if records.stamp is not None:
            told = records.stamp.form.read(bad)
            assert told is None or isinstance(told, datetime | Unreadable)
        assert isinstance(records.read({"id": bad, "name": bad}).fields, dict)
