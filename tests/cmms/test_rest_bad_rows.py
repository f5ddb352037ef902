"""One bad row of a list is one bad row: it is named by its place, and the rest is read."""

from typing import Any

import pytest

from syncd.core.work_order import Field, Unreadable
from syncd.errors import UnexpectedContent
from tests.cmms.rest_bench import item, page, rest
from tests.edges.raw_server import answer

OFFSET = {"page": {"none": None, "offset": {"send": {"query": "skip"}, "size": 2,
                                            "total": "total", "end": "total"}}}  # fmt: skip
BAD: list[Any] = [None, "text", 7, [], {}, {"name": "without an id"}, {"id": None}, {"id": ""},
                  {"id": True}, {"id": {"no": 1}}]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_a_row_without_an_id_is_named_by_page_and_position_and_the_others_are_read(
    bad: Any,
) -> None:
    pages = page(item(1), item(2), total=4), page(bad, item(4), total=4)
    with rest({"list": OFFSET}, *pages) as made:
        assert [it.cmms_id for it in made.adapter.fetch(None)] == ["1", "2", "4"]
        ((held, where),) = made.adapter.nameless.items()
    assert where.endswith("/wo, page 2, record 1")
    assert held.startswith(("null", '"text"', "7", "[]", "{"))


def test_rows_that_hold_the_same_are_counted_and_a_list_with_them_is_whole() -> None:
    pages = page(None, item(2), total=4), page(None, None, total=4)
    with rest({"list": OFFSET}, *pages) as made:
        assert [it.cmms_id for it in made.adapter.fetch(None)] == ["2"]
        assert list(made.adapter.nameless) == ["null", "null #2", "null #3"]
        assert len(made.queries()) == 2


def test_the_next_read_forgets_the_rows_of_the_last_one() -> None:
    with rest({}, page(None, item(2)), page(item(1), item(2))) as made:
        list(made.adapter.fetch(None))
        assert len(made.adapter.nameless) == 1
        list(made.adapter.fetch(None))
        assert not made.adapter.nameless


def test_a_list_of_bad_rows_without_an_end_ends_in_an_error() -> None:
    endless = [page(item(1), item(2))] + [page(None, None)] * 6
    over = {
        "page": {"none": None, "offset": {"send": {"query": "skip"}, "size": 2, "end": "short"}}
    }
    with (
        rest({"list": over}, *endless) as made,
        pytest.raises(UnexpectedContent, match="in circles"),
    ):
        list(made.adapter.fetch(None))


def test_pages_by_key_go_on_after_the_last_row_that_has_one() -> None:
    over = {
        "page": {"none": None, "keyset": {"by": "id", "query": {"after": "{last}"}, "end": "empty"}}
    }
    with rest({"list": over}, page(item(3), None), page(item(5)), page()) as made:
        assert [it.cmms_id for it in made.adapter.fetch(None)] == ["3", "5"]
        assert [query.get("after") for query in made.queries()][1:] == ["3", "5"]


def test_a_number_that_is_none_parks_one_field_and_its_row_is_read() -> None:
    body = b"""{"items": [{"id": 1, "name": "a", "state": "NEW", "changed": "2026-03-10T14:30:00Z"},
        {"id": 2, "name": NaN, "text": Infinity, "state": "NEW",
         "changed": "2026-03-10T14:30:00Z"}]}"""
    with rest({}, answer(200, body, "application/json")) as made:
        first, second = made.adapter.fetch(None)
    assert first.fields[Field.TITLE] == "a"
    held = second.fields[Field.TITLE]
    assert isinstance(held, Unreadable)
    assert "NaN" in held.raw


@pytest.mark.parametrize("of", ["where", "deleted"])
def test_a_condition_that_fails_on_one_record_is_about_that_record(of: str) -> None:
    over: dict[str, Any] = {"list": {"where": "ours"}} if of == "where" else {"deleted": "gone"}
    right = {"ours": True, "gone": False}
    wrong = {"ours": "yes", "gone": "no"}
    with rest(over, page(item(1, **right), item(2, **wrong), item(3, **right))) as made:
        assert [it.cmms_id for it in made.adapter.fetch(None)] == ["1", "3"]
        assert list(made.adapter.unread) == ["2"]
        assert made.adapter.unread["2"].is_about_one


def test_a_search_that_brings_a_row_without_an_id_proves_nothing() -> None:
    """It may be the record that is looked for, so that none may be made."""
    with (
        rest({}, page(None)) as made,
        pytest.raises(UnexpectedContent, match="without an id") as it,
    ):
        made.adapter.find("wo_1")
    assert it.value.is_about_one


def test_check_says_that_a_row_has_no_id() -> None:
    with rest({}, page(None, item(2))) as made:
        line = made.adapter.check()
    assert "the first record is 2" in line
    assert "page 1, record 1 has no id that can be read, and is left out: null" in line
