"""Pages of the list are read, and the sync call's body is written."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.values import parse_hours
from syncd.core.work_order import Field, Status, Unreadable
from syncd.http import Response, parse_json_object
from syncd.scan2evolve.wire import SYNC_NAMES, format_sync, parse_page

# ── pages ─────────────────────────────────────────────────────────────────────────────────


def test_a_page_keeps_its_order_and_counts_what_it_cannot_read() -> None:
    rows = [{"id": "b"}, {"title": "no id"}, {"id": "a"}, None]
    paging = {"total": 9, "limit": 4, "offset": 4, "hasMore": True}
    page = parse_page({"workOrders": rows, "pagination": paging})
    assert page is not None
    assert [order.s2e_id for order in page.orders] == ["b", "a"]
    assert page.unreadable == 2
    assert (page.total, page.offset, page.has_more) == (9, 4, True)


@pytest.mark.parametrize(
    "paging", [None, [], "x", {}, {"total": "9", "offset": True, "hasMore": 1, "limit": None}]
)
def test_paging_words_that_cannot_be_read_are_unknown(paging: object) -> None:
    page = parse_page({"workOrders": [], "pagination": paging})
    assert page is not None
    assert (page.total, page.offset, page.has_more) == (None, None, None)


@pytest.mark.parametrize("body", [{}, {"workOrders": None}, {"workOrders": {}}, {"error": "x"}])
def test_a_body_without_a_list_is_no_page(body: dict[str, Any]) -> None:
    assert parse_page(body) is None


# ── the sync call's body ──────────────────────────────────────────────────────────────────


def test_a_changeset_is_sent_under_the_apis_own_names() -> None:
    sent = json.loads(
        format_sync(
            {
                Field.EXTERNAL_ID: "4711",
                Field.STATUS: Status.COMPLETED,
                Field.EXTERNAL_STATUS: "CLOSED",
                Field.EXTERNAL_URL: "https://cmms.example/4711",
                Field.ROOT_CAUSE: "Wear",
                Field.RESOLUTION: "Ü – ok 😀",
                Field.CLOSURE_NOTE: "x",
                Field.COMPLETED_AT: datetime(2026, 3, 10, 14, 30, 0, 123456, tzinfo=UTC),
                Field.ACTUAL_HOURS: Decimal("4.5"),
            }
        )
    )
    assert sent == {
        "externalId": "4711",
        "status": "COMPLETED",
        "externalStatus": "CLOSED",
        "externalUrl": "https://cmms.example/4711",
        "rootCause": "Wear",
        "resolution": "Ü – ok 😀",
        "closureNote": "x",
        "completedAt": "2026-03-10T14:30:00.123Z",
        "actualHours": 4.5,
    }
    assert set(sent) == set(SYNC_NAMES.values())


@pytest.mark.parametrize(
    ("hours", "text"),
    [("4", "4"), ("4.00", "4"), ("0", "0"), ("1E+2", "100"), ("0.1", "0.1"), ("4.25", "4.25")],
)
def test_hours_are_a_json_number_as_short_as_can_be(hours: str, text: str) -> None:
    value = parse_hours(Decimal(hours))
    assert not isinstance(value, Unreadable)
    assert format_sync({Field.ACTUAL_HOURS: value}) == f'{{"actualHours": {text}}}'.encode()


@given(st.decimals(min_value=0, max_value=10**9, places=6))
def test_hours_come_back_as_they_were_sent(hours: Decimal) -> None:
    value = parse_hours(hours)
    assert not isinstance(value, Unreadable)
    told = Response(
        200, {"content-type": "application/json"}, format_sync({Field.ACTUAL_HOURS: value})
    )
    assert parse_hours(parse_json_object(told, side="s2e", where="")["actualHours"]) == value


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {Field.STATUS: None},
        {Field.STATUS: Unreadable("x", "is not a status we know")},
        {Field.TITLE: "not ours to write"},
        {Field.S2E_ID: "wo_1"},
        {Field.ACTUAL_HOURS: Decimal("NaN")},
        {Field.ACTUAL_HOURS: Decimal("Infinity")},
    ],
)
def test_what_may_not_be_sent_is_a_bug_of_ours(fields: dict[Field, Any]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        format_sync(fields)


def test_half_a_surrogate_pair_is_not_sent() -> None:
    assert format_sync({Field.ROOT_CAUSE: "a\ud800b"}) == b'{"rootCause": "a?b"}'
