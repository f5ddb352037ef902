"""Lists in an order that moves while they are read: what a page lost is read again, or told."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from syncd.errors import UnexpectedContent
from tests.cmms.rest_bench import Rest, item, page, rest
from tests.edges.raw_server import Asked, Behaviour

SIZE = 5
NUMBER: dict[str, Any] = {"send": {"query": "p"}, "size": SIZE, "total": "total", "end": "total"}
OFFSET: dict[str, Any] = {**NUMBER, "send": {"query": "skip"}}
Edits = Callable[["Newest", int], None]


class Newest:
    """Rows, the one changed last first, in pages of five.

    Args:
        before: called before each request is answered, with its number.
        total: what the list tells beyond its rows.
    """

    def __init__(self, rows: int, before: Edits, more: int = 0) -> None:
        self.rows = list(range(rows, 0, -1))
        self._before, self._more = before, more
        self.count = 0

    def edit(self, *rows: int) -> None:
        for row in rows:
            self.rows.remove(row)
            self.rows.insert(0, row)

    def __call__(self, asked: Asked) -> Behaviour:
        self.count += 1
        self._before(self, self.count)
        query = dict(parse_qsl(urlsplit(asked.target).query))
        start = int(query["skip"]) if "skip" in query else (int(query["p"]) - 1) * SIZE
        rows = [item(row, name=f"{row} is {self.rows.index(row)}") for row in self.rows]
        return page(*rows[start : start + SIZE], total=len(rows) + self._more)


def oldest_before(*numbers: int, count: int = 1) -> Edits:
    return lambda rows, number: rows.edit(*rows.rows[-count:]) if number in numbers else None


def read(made: Rest) -> set[str]:
    return {record.cmms_id for record in made.adapter.fetch(None)}


def listed(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    return {"list": {"page": {"none": None, kind: said}}}


@pytest.mark.parametrize(("kind", "said"), [("number", NUMBER), ("offset", OFFSET)])
@pytest.mark.parametrize(
    ("edits", "requests"),
    [
        (oldest_before(2), 6),
        (oldest_before(3), 6),
        (oldest_before(2, count=SIZE), 6),  # the second page is the first one again
        (oldest_before(*range(2, 99, 3)), 6),  # and it never stops
        (lambda rows, number: rows.rows.pop(0) if number == 2 else None, 4),
        (lambda rows, number: rows.edit(11) if number == 2 else None, 3),
    ],
)
def test_what_moved_past_a_page_is_found_in_another_read(
    kind: str, said: dict[str, Any], edits: Edits, requests: int
) -> None:
    served = Newest(11, edits)
    with rest(listed(kind, said), serve=served) as made:
        assert read(made) >= {str(row) for row in served.rows}
        assert served.count == requests


def test_a_last_page_of_repeats_is_the_end_where_the_total_is_there() -> None:
    """Rows that were made meanwhile have pushed down what was read already."""

    def two_more(rows: Newest, number: int) -> None:
        if number == 2:
            rows.rows[:0] = [101, 102, 103, 104]

    served = Newest(6, two_more)
    with rest(listed("number", NUMBER), serve=served) as made:
        assert read(made) == {*map(str, range(1, 7)), "101", "102", "103", "104"}


def test_a_short_last_page_of_repeats_is_the_end() -> None:
    said = {**NUMBER, "total": None, "end": "short"}
    behaviours = [page(*map(item, range(1, 6))), page(item(2))]
    with rest(listed("number", said), *behaviours) as made:
        assert read(made) == set("12345")


def test_a_total_that_is_never_reached_is_told_once_nothing_moves() -> None:
    served = Newest(7, lambda _rows, _number: None, more=1)
    with (
        rest(listed("number", NUMBER), serve=served) as made,
        pytest.raises(UnexpectedContent, match="7 records of 8; it is not taken for whole"),
    ):
        read(made)
    assert served.count == 2 * 3


def test_a_list_that_never_comes_to_rest_is_told_after_some_reads() -> None:
    def worse(rows: Newest, number: int) -> None:
        """Each read lacks another row, and a new one is there for it."""
        if number % 3 == 2:
            rows.edit(rows.rows[-1])
            rows._more += 1

    served = Newest(11, worse)
    with (
        rest(listed("number", NUMBER), serve=served) as made,
        pytest.raises(UnexpectedContent, match="not taken for whole"),
    ):
        read(made)
    assert served.count < 20


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ({"end": "last", "last": "pages"}, {"pages": 2}),
        ({"end": "last", "last": "pages"}, {"pages": 99}),
        ({"end": "short", "size": 2}, {}),
        ({"end": "more", "more": "more"}, {"more": True}),
        ({"end": "total", "total": "total"}, {"total": 7}),
    ],
)
def test_a_server_that_does_not_heed_the_page_is_told(
    said: dict[str, Any], more: dict[str, Any]
) -> None:
    over = listed("number", {"send": {"query": "p"}, **said})
    with rest(over, page(item(1), item(2), **more)) as made:
        with pytest.raises(UnexpectedContent, match="without a single new|2 records of 7"):
            read(made)
        assert len(made.asked) < 12


def test_a_list_that_always_holds_a_record_twice_is_told_with_the_remedy() -> None:
    pages = [page(*map(item, (1, 2, 3, 4, 4)), total=6), page(item(5), total=6)]
    with (
        rest(listed("number", NUMBER), *pages, *pages) as made,
        pytest.raises(UnexpectedContent, match="5 records of 6;.*came twice.*leave out total"),
    ):
        read(made)
    assert len(made.asked) == 4
