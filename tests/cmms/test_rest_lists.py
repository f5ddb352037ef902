"""Lists come whole or not at all, however they come in pages."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from syncd.errors import ConfigurationError, Throttled, UnexpectedContent, Unreachable
from tests.cmms.rest_bench import item, page, rest
from tests.edges.raw_server import Asked, Behaviour, answer_json, raw

SINCE = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)


def ids(over: dict[str, Any], *behaviours: Behaviour) -> tuple[list[str], list[dict[str, str]]]:
    with rest({"list": over}, *behaviours) as made:
        return [record.cmms_id for record in made.adapter.fetch(None)], made.queries()


def paged(kind: str, **said: Any) -> dict[str, Any]:
    return {"page": {"none": None, kind: said}}


OFFSET: dict[str, Any] = {"send": {"query": "skip"}, "size": 2}
NUMBER: dict[str, Any] = {"send": {"query": "p"}, "first": 0}
CURSOR: dict[str, Any] = {"send": {"query": "c"}, "read": "next"}


def test_by_offset_until_the_total() -> None:
    told, asked = ids(
        paged("offset", **OFFSET, total="total", end="total"),
        page(item(1), item(2), total=3),
        page(item(3), total=3),
    )
    assert told == ["1", "2", "3"]
    assert asked == [{"skip": "0"}, {"skip": "2"}]


def test_an_offset_moves_on_by_what_came_where_the_server_has_a_smaller_limit() -> None:
    told, asked = ids(
        paged("offset", **OFFSET | {"size": 200}, end="empty"),
        page(item(1), item(2)), page(item(3)), page(),
    )  # fmt: skip
    assert told == ["1", "2", "3"]
    assert [query["skip"] for query in asked] == ["0", "2", "3"]


def test_a_short_page_is_an_end_only_once_a_full_one_was_seen() -> None:
    """A server whose own limit is smaller sends nothing but short pages."""
    told, asked = ids(
        paged("offset", **OFFSET, end="short"), page(item(1)), page(item(2), item(3)), page(item(4))
    )
    assert told == ["1", "2", "3", "4"]
    assert len(asked) == 3


def test_pages_filtered_after_the_limit_go_on_by_size() -> None:
    """Rows that one may not see are left out of a page: an empty one is no end."""
    told, asked = ids(
        paged("offset", **OFFSET, total={"header": "X-Total"}, step="size", end="total"),
        page(item(1), X_Total="5"), page(X_Total="5"), page(item(5), X_Total="5"),
    )  # fmt: skip
    assert told == ["1", "5"]
    assert [query["skip"] for query in asked] == ["0", "2", "4"]


def test_a_range_and_its_total_in_content_range() -> None:
    told, asked = ids(
        paged("offset", send={"query": "range"}, value="{from}-{to}", size=2, end="total",
              total={"content_range": True}),
        page(item(1), item(2), Content_Range="0-1/3"), page(item(3), Content_Range="2-2/3"),
    )  # fmt: skip
    assert told == ["1", "2", "3"]
    assert [query["range"] for query in asked] == ["0-1", "2-3"]


def test_page_numbers_until_there_are_no_more() -> None:
    told, asked = ids(
        paged("number", **NUMBER, more="more", end="more"),
        page(item(1), more=True), page(item(2), more=False),
    )  # fmt: skip
    assert told == ["1", "2"]
    assert [query["p"] for query in asked] == ["0", "1"]


def test_page_numbers_until_the_last() -> None:
    told, _ = ids(
        paged("number", **NUMBER | {"first": 1}, last="pages", end="last"),
        page(item(1), pages=2), page(item(2), pages=2),
    )  # fmt: skip
    assert told == ["1", "2"]


@pytest.mark.parametrize("pages", [2.0, "2", "2.0"])
def test_a_server_that_divides_counts_its_pages_in_floats(pages: object) -> None:
    told, _ = ids(
        paged("number", **NUMBER | {"first": 1}, last="pages", end="last"),
        page(item(1), pages=pages), page(item(2), pages=pages),
    )  # fmt: skip
    assert told == ["1", "2"]


@pytest.mark.parametrize("none", [0, 0.0])
def test_an_empty_list_has_no_page_and_no_record(none: float) -> None:
    by_last = paged("number", **NUMBER | {"first": 1}, last="pages", end="last")
    assert ids(by_last, page(pages=none))[0] == []
    by_total = paged("number", **NUMBER, total="count", end="total")
    assert ids(by_total, page(count=none))[0] == []


def test_a_cursor_in_a_header() -> None:
    told, asked = ids(
        paged("cursor", send={"query": "c"}, read={"header": "X-Next"}),
        page(item(1), X_Next="a b&c"), page(item(2)),
    )  # fmt: skip
    assert told == ["1", "2"]
    assert asked[1] == {"c": "a b&c"}


def test_links_of_the_same_origin_are_followed_as_they_are() -> None:
    with rest(
        {"list": paged("link", read={"header": "Link"}), "query": {"lean": 1}},
        page(item(1), Link='</api/x>; rel="prev", </api/wo?after=%2F1&z>; rel="next"'),
        page(item(2)),
    ) as made:
        assert [record.cmms_id for record in made.adapter.fetch(None)] == ["1", "2"]
        assert made.told() == ["GET /api/wo?lean=1", "GET /api/wo?after=%2F1&z"]


def test_a_link_to_another_host_is_not_followed() -> None:
    with (
        rest(
            {"list": paged("link", read="next")}, page(item(1), next="https://evil.example/")
        ) as made,
        pytest.raises(UnexpectedContent, match="another host, https://evil.example/"),
    ):
        list(made.adapter.fetch(None))


def keyset_server(asked: Asked) -> Behaviour:
    """Rows after the last one, two at a time; the row 2 is edited while we read."""
    query = dict(parse_qsl(urlsplit(asked.target).query))
    assert query["q"].startswith("changed>='1970-01-02T00:00:00.000Z' and id>")
    after = int(query["q"].rpartition(">")[2])
    return page(*[item(number) for number in range(1, 6) if number > after][:2])


def test_by_key_inside_a_fixed_bound() -> None:
    over = {
        "page": {"none": None, "keyset": {
            "by": "id", "start": 0, "query": {"q": "changed>='{since}' and id>{last}"}}},
        "since": {"overlap_s": 0},
    }  # fmt: skip
    with rest({"list": over}, serve=keyset_server) as made:
        assert [record.cmms_id for record in made.adapter.fetch(None)] == list("12345")


def test_json_inside_a_query_stays_json() -> None:
    over = {
        "page": {"none": None, "keyset": {
            "by": "name", "query": {"filters": '[["changed",">=","{since}"],["name",">","{last}"]]'}}},
        "since": {"format": "%Y-%m-%d %H:%M:%S", "zone": "Asia/Kolkata"},
    }  # fmt: skip
    with rest({"list": over}, page(item(1, name='a "b"')), page()) as made:
        list(made.adapter.fetch(SINCE))
        assert made.queries()[1]["filters"] == (
            '[["changed",">=","2026-03-10 19:59:59"],["name",">","a \\"b\\""]]'
        )


@pytest.mark.parametrize(
    ("over", "behaviours", "why"),
    [
        (paged("cursor", **CURSOR), [page(item(1), next="x"), page(item(2), next="x")], "same cursor twice"),
        (paged("cursor", **CURSOR), [page(item(1), next="x"), page(item(1), next="y")], "without a single new"),
        (paged("cursor", **CURSOR, size=1, end="short"), [page(item(1))], "full page of 1"),
        (paged("cursor", **CURSOR, more="more"), [page(item(1), more=True)], "gives no cursor"),
        (paged("cursor", **CURSOR, more="more"), [page(item(1), more="yes")], "instead of true or false"),
        (paged("cursor", **CURSOR, total="total"), [page(item(1), total=7)], "1 records of 7"),
        (paged("cursor", **CURSOR, total="total"), [page(item(1))], "holds no total"),
        (paged("link", read="next"), [page(item(1), next="/api/wo"), page(item(2), next="wo")], "same page twice"),
        (paged("link", read="next"), [page(item(1), next=7)], "no address"),
        (paged("link", read="next", size=1, end="short"), [page(item(1))], "full page of 1"),
        (paged("offset", **OFFSET, total="total", end="total"), [page(item(1), total=3), page(total=3)], "1 records of 3"),
        (paged("number", **NUMBER, more="more", end="more"), [page(more=True)], "empty page"),
        (paged("number", **NUMBER, last="pages", end="last"), [page(item(1), pages="?")], "number of pages"),
        (paged("number", **NUMBER, last="pages", end="last"), [page(item(1), pages=1.5)], "number of pages"),
        (paged("number", **NUMBER, last="pages", end="last"), [page(item(1), pages="1e99999999")], "number of pages"),
        (paged("keyset", by="id", query={"a": "{last}"}), [page(item(2), item(1))], "not in the order"),
        (paged("keyset", by="nothing", query={"a": "{last}"}), [page(item(1))], "records without nothing"),
        ({}, [answer_json({"rows": []})], "no list at items"),
        ({}, [answer_json({"items": {"id": 1}})], "no list at items"),
        ({}, [page("text")], "among the records"),
        ({}, [page({"name": "x"})], "without an id"),
        ({}, [answer_json({"error": "no such path"}, 404)], "path of a list"),
        ({"items": "sum(items)"}, [page(item(1))], "no list|fails on what was answered"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_whole_list_is_an_error(
    over: dict[str, Any], behaviours: list[Behaviour], why: str
) -> None:
    if over.get("items", "").startswith("sum"):
        over = {"items": "sum(items || `[]`)"}
    with rest({"list": over}, *behaviours) as made, pytest.raises(UnexpectedContent, match=why):
        list(made.adapter.fetch(None))


def test_a_page_that_fails_raises_and_is_asked_for_again_before() -> None:
    reset = raw(b"")
    over = {"list": paged("cursor", **CURSOR)}
    with rest(over, page(item(1), next="x"), reset, page(item(2))) as made:
        assert len(list(made.adapter.fetch(None))) == 2
    with rest(over, page(item(1), next="x"), answer_json({}, 503)) as made:
        with pytest.raises(Unreachable) as caught:
            list(made.adapter.fetch(None))
        assert not caught.value.may_have_applied
        assert made.waits == [1.0, 2.0]


@pytest.mark.parametrize(
    ("since", "query", "body"),
    [
        ({"query": {"updated[gte]": "{since}"}}, {"updated[gte]": "2026-03-10T14:25:59.000Z"}, b""),
        ({"query": {"from": "{since}"}, "format": "epoch_s"}, {"from": "1773152759"}, b""),
        ({"json": {"filter": [{"ge": "{since}"}]}, "format": "epoch_ms"}, {},
         b'{"filter": [{"ge": 1773152759000}]}'),
    ],
)  # fmt: skip
def test_what_changed_is_asked_for_in_the_servers_words(
    since: dict[str, Any], query: dict[str, str], body: bytes
) -> None:
    over = {"list": {"request": "POST /wo", "since": {"overlap_s": 240, **since}}}
    with rest(over, page()) as made:
        assert made.adapter.capabilities.filters_changes
        list(made.adapter.fetch(SINCE))
        assert made.queries() == [query]
        assert made.asked[0].body == body
        list(made.adapter.fetch(None))
        assert made.queries()[1] == {}


def test_where_clocks_are_set_back_the_bound_is_early_enough() -> None:
    """02:40 before the clocks go back is 00:40 UTC; a record of 02:10 after that is newer."""
    over = {"list": {"since": {"query": {"q": "{since}"}, "format": "%Y-%m-%d %H:%M:%S",
                               "zone": "Europe/Berlin", "resolution_s": 0}}}  # fmt: skip
    with rest(over, page()) as made:
        list(made.adapter.fetch(datetime(2026, 10, 25, 0, 40, tzinfo=UTC)))
        list(made.adapter.fetch(datetime(2026, 10, 25, 4, 40, tzinfo=UTC)))
        list(made.adapter.fetch(datetime(2026, 3, 29, 0, 40, tzinfo=UTC)))
        assert [query["q"] for query in made.queries()] == [
            "2026-10-25 01:40:00", "2026-10-25 05:40:00", "2026-03-29 01:40:00",
        ]  # fmt: skip


def test_records_that_are_not_ours_or_are_gone_are_left_out() -> None:
    over = {"deleted": "gone == `true`", "list": {"where": "task == null"}}
    listed = page(item(1), item(2, task=1), item(3, gone=True))
    with rest(over, listed) as made:
        assert [record.cmms_id for record in made.adapter.fetch(None)] == ["1"]


def test_listed_records_are_read_whole_where_the_list_tells_too_little() -> None:
    over = {"list": {"then": "get"}}
    behaviours = [page(item(1), item(2)), answer_json(item(1, text="all")), answer_json({}, 404)]
    with rest(over, *behaviours) as made:
        (record,) = made.adapter.fetch(None)
        assert record.fields["description"] == "all"  # type: ignore[index]


def test_a_rate_limit_that_would_take_too_long_is_told() -> None:
    limits = {"limits": {"remaining": "X-Left", "reset": {"header": "X-Reset", "as": "seconds"}}}
    with rest(limits, page(item(1), X_Left="1", X_Reset="30")) as made:
        list(made.adapter.fetch(None))
        list(made.adapter.fetch(None))
        assert made.waits == [30.0]
        made.left_s = 10
        with pytest.raises(Throttled) as caught:
            list(made.adapter.fetch(None))
        assert caught.value.wait_s == pytest.approx(30)
        assert not caught.value.may_have_applied


# ── pages that have died ─────────────────────────────────────────────────────────────────────

GONE = answer_json({}, 410)


def test_a_list_whose_next_page_is_gone_is_read_again_from_its_start() -> None:
    told, asked = ids(
        paged("cursor", **CURSOR), page(item(1), item(2), next="a"), GONE,
        page(item(1), item(2), next="b"), page(item(3)),
    )  # fmt: skip
    assert told == ["1", "2", "3"]
    assert [query.get("c") for query in asked] == [None, "a", None, "b"]


def test_what_says_that_a_page_is_gone_may_be_a_rule() -> None:
    over = {
        "list": paged("cursor", **CURSOR),
        "errors": [{"status": 400, "code": {"at": "code", "is": "skiptoken"}, "as": "changed"}],
    }
    dead = answer_json({"code": "skiptoken"}, 400)
    first, again = page(item(1), next="a"), page(item(1), next="b")
    with rest(over, first, dead, again, page(item(2))) as made:
        assert [record.cmms_id for record in made.adapter.fetch(None)] == ["1", "2"]


def test_a_list_that_dies_at_the_same_place_again_is_an_error() -> None:
    first = page(item(1), next="a")
    with pytest.raises(UnexpectedContent, match="followed by a page that is gone"):
        ids(paged("cursor", **CURSOR), first, GONE, first, GONE)


def test_a_first_page_that_is_not_there_is_no_list() -> None:
    with pytest.raises(UnexpectedContent, match="is this the path of a list"):
        ids(paged("cursor", **CURSOR), GONE)


def test_a_place_for_the_cursor_that_a_text_holds_is_a_fault_of_the_mapping() -> None:
    over = paged("cursor", send={"json": "filter.after"}, read="next")
    over |= {"request": "POST /wo", "query": None, "json": {"filter": "open"}}
    with pytest.raises(ConfigurationError, match="a value is at filter, and no object"):
        ids(over, page(item(1), next="a"))
