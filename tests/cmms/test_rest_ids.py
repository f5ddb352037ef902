"""Ids are text, exactly, also where JSON has numbers and a CMMS makes its own of what is asked."""

from typing import Any

import pytest

from syncd.core.work_order import Field
from syncd.errors import NotFound, UnexpectedContent
from tests.cmms.rest_bench import got, item, page, rest
from tests.edges.raw_server import answer

LONG = [
    "18446744073709551616",
    "18446744073709551617",
    "9007199254740993",
    "9007199254740992",
    "12345678901234567890123456789012345678",
    "12345678901234567890123456789012345679",
]


def row(spelled: str, name: str = "x") -> str:
    return (
        f'{{"id": {spelled}, "name": "{name}", "ref": null, "state": "NEW",'
        ' "changed": "2026-03-10T14:30:00Z"}'
    )


def body(*rows: str) -> Any:
    return answer(200, f'{{"items": [{", ".join(rows)}]}}'.encode())


def test_numbers_longer_than_a_float_tells_apart_are_different_records() -> None:
    with rest({}, body(*map(row, LONG))) as made:
        records = list(made.adapter.fetch(None))
    assert [it.cmms_id for it in records] == LONG
    assert [it.fields[Field.EXTERNAL_ID] for it in records] == LONG


def test_numbers_and_texts_are_the_ids_that_they_spell() -> None:
    spelled = ["7", '"007"', "8.0", '" 9"', '"WO-7"', '"wo-7"', "-3"]
    with rest({}, body(*map(row, spelled))) as made:
        told = [it.cmms_id for it in made.adapter.fetch(None)]
    assert told == ["7", "007", "8", " 9", "WO-7", "wo-7", "-3"]


@pytest.mark.parametrize("long", LONG)
def test_a_record_with_a_long_id_is_read_and_written_by_it(long: str) -> None:
    after = answer(200, row(long, "new").encode())
    with rest({}, answer(200, row(long).encode()), after, after) as made:
        made.adapter.update(long, {Field.TITLE: "new"}, {Field.TITLE: "x"})
        targets = {asked.target.rpartition("/")[2] for asked in made.asked}
    assert targets == {long}


@pytest.mark.parametrize(
    ("asked", "answered"), [("007", 7), ("7.0", 7), (" 7", 7), ("wo-7", "WO-7"), ("07", "7")]
)
def test_a_record_whose_id_is_not_exactly_the_wanted_one_is_not_it(
    asked: str, answered: int | str
) -> None:
    """Redmine takes 007 for 7. What is called 007 elsewhere must not be written to issue 7."""
    for call in ("get", "update"):
        with rest({}, got(item(answered))) as made, pytest.raises(NotFound):
            if call == "get":
                made.adapter.get(asked)
            else:
                made.adapter.update(asked, {Field.TITLE: "z"}, {})


def test_quite_another_record_is_an_answer_that_cannot_be_right() -> None:
    with rest({}, got(item(8))) as made, pytest.raises(UnexpectedContent, match="holds the record"):
        made.adapter.get("7")


def test_a_search_that_brings_a_like_id_has_not_found_ours() -> None:
    hits = page(item(1, ref="WO_1"), item(2, ref="wo_1 "), item(3, ref=1))
    with rest({"find": {"page": {"offset": {"send": {"query": "o"}, "size": 9, "end": "short"}}}},
              hits, page()) as made:  # fmt: skip
        assert made.adapter.find("wo_1") == []
