"""The words of the house: what a name may be called."""

from pathlib import Path

import pytest

from tests.house.words import banned_names, classes_twice, is_banned, names_in


def test_a_name_says_what_it_holds() -> None:
    assert banned_names() == []


def test_a_class_name_has_one_meaning() -> None:
    assert classes_twice() == {}


@pytest.mark.parametrize(
    "name", ["told", "_was_told", "found", "each", "look_at", "LookUp", "settle", "Misfit", "alone"]
)
def test_a_word_that_says_nothing_is_noticed(name: str) -> None:
    assert is_banned(name)


@pytest.mark.parametrize(
    "name", ["NotFound", "not_found_latch", "settled", "teach", "lookup", "ModuleNotFoundError"]
)
def test_a_word_that_says_something_is_left(name: str) -> None:
    assert not is_banned(name)


def test_names_are_noticed_wherever_they_are_given(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(
        "from a import b as said\n"
        "def told(found, *, each=1):\n"
        "    try:\n"
        "        look = found.looks(settle=each)\n"
        "    except ValueError as thing:\n"
        "        raise\n"
    )
    assert {name for _, name in names_in(path) if is_banned(name)} == {
        *("said", "told", "found", "each", "look", "looks", "settle", "thing")
    }
