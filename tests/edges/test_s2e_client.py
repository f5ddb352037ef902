"""Scan2Evolve's three calls: what is sent, what is waited for, and what an answer means."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from syncd.core.budget import RateBudget
from syncd.core.work_order import Field, Fields, Status
from syncd.errors import (
    CredentialsRefused,
    IntegrationInactive,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from tests.edges.raw_server import Behaviour, Peer, answer, answer_json, raw
from tests.edges.s2e_bench import (
    API_KEY,
    DONE,
    EMPTY,
    EMPTY_PAGE,
    SECRETS,
    SYNC_TOKEN,
    V1_TOKEN,
    bench,
)

DATE = "Tue, 10 Mar 2026 14:30:00 GMT"
RESET = int(datetime(2026, 3, 10, 14, 30, tzinfo=UTC).timestamp())
FIELDS: Fields = {Field.STATUS: Status.COMPLETED, Field.ACTUAL_HOURS: Decimal("4.5")}
ERROR = {"error": "Something is wrong", "requestId": "req_77"}


# ── what is sent ──────────────────────────────────────────────────────────────────────────


def test_a_list_is_asked_for_with_every_filter() -> None:
    with bench(EMPTY) as at:
        at.client.list_work_orders(
            status=Status.ON_HOLD,
            site_id="site 1&",
            asset_id="a",
            sync_status="PENDING",
            limit=50,
            offset=100,
        )
    asked = at.server.asked[0]
    assert asked.target == (
        "/api/v1/work-orders?status=ON_HOLD&siteId=site+1%26&assetId=a"
        "&syncStatus=PENDING&limit=50&offset=100"
    )
    assert (asked.method, asked.body) == ("GET", b"")


def test_a_list_without_filters_names_only_its_page() -> None:
    with bench(EMPTY) as at:
        page = at.client.list_work_orders()
    assert at.server.asked[0].target == "/api/v1/work-orders?limit=200&offset=0"
    assert (page.orders, page.total, page.has_more) == ((), 0, False)


def test_an_order_is_read_with_its_tasks() -> None:
    with bench(answer_json({"id": "wo_1", "tasks": [{"id": "t1"}]})) as at:
        order = at.client.get_work_order("wo_1")
    assert order.raw["tasks"] == [{"id": "t1"}]
    assert at.server.asked[0].target == "/api/v1/work-orders/wo_1"


@pytest.mark.parametrize("s2e_id", ["wo/../../x", "a b", "ä", "wo_1?x=1#y", "%2e%2e", "a" * 500])
def test_an_id_is_one_segment_of_the_path_whatever_it_holds(s2e_id: str) -> None:
    with bench(answer(404)) as at:
        with pytest.raises(NotFound):
            at.client.get_work_order(s2e_id)
        with pytest.raises(NotFound):
            at.client.sync_work_order(s2e_id, FIELDS)
    for asked in at.server.asked:
        assert "?" not in asked.target
        assert len(asked.target.split("/")) in {5, 6}
        assert " " not in asked.target


@pytest.mark.parametrize("s2e_id", ["", ".", "..", "...", "a" * 501, "wo\n1", "\ud800", "\x00"])
def test_what_cannot_be_an_id_is_not_asked_for(s2e_id: str) -> None:
    with bench(EMPTY) as at:
        with pytest.raises(NotFound) as caught:
            at.client.get_work_order(s2e_id)
        with pytest.raises(NotFound):
            at.client.sync_work_order(s2e_id, FIELDS)
    assert at.server.asked == []
    assert str(caught.value).isascii()


def test_a_sync_sends_the_changed_fields_and_no_others_once() -> None:
    with bench(DONE) as at:
        at.client.sync_work_order("wo_1", FIELDS)
    assert len(at.server.asked) == 1
    asked = at.server.asked[0]
    assert (asked.method, asked.target) == ("POST", "/api/downstream/work-orders/wo_1/sync")
    assert asked.body == b'{"status": "COMPLETED", "actualHours": 4.5}'


def test_what_may_not_be_sent_is_not_sent() -> None:
    with bench(DONE) as at:
        for fields in ({}, {Field.STATUS: None}, {Field.TITLE: "x"}):
            with pytest.raises(ValueError, match=r"sent"):
                at.client.sync_work_order("wo_1", fields)
    assert at.server.asked == []


def test_neither_pair_of_credentials_is_ever_sent_with_the_others_requests() -> None:
    with bench(route=lambda asked: DONE if asked.method == "POST" else EMPTY) as at:
        for _ in range(3):
            at.client.list_work_orders()
            at.client.sync_work_order("wo_1", FIELDS)
            at.client.probe_sync()
    for asked in at.server.asked:
        said = repr(asked.headers) + asked.target + repr(asked.body)
        if asked.path.startswith("/api/downstream/"):
            assert asked.headers["authorization"] == f"Bearer {SYNC_TOKEN}"
            assert asked.headers["x-api-key"] == API_KEY
            assert V1_TOKEN not in said
        else:
            assert asked.headers["authorization"] == f"Bearer {V1_TOKEN}"
            assert SYNC_TOKEN not in said
            assert API_KEY not in said


def test_requests_are_counted_and_the_clocks_compared() -> None:
    now = datetime(2026, 3, 10, 14, 32, tzinfo=UTC)
    with bench(answer_json(EMPTY_PAGE, Date=DATE), EMPTY, utcnow=now) as at:
        assert at.client.clock_skew_s is None
        at.client.list_work_orders()
        at.client.list_work_orders()
    assert at.client.requests == 2
    assert at.client.clock_skew_s == 120.0


@pytest.mark.parametrize("date", ["soon", "Tue, 10 Mar 2026 14:30:00 +99999999999999"])
def test_a_date_that_cannot_be_read_compares_no_clocks(date: str) -> None:
    with bench(answer_json(EMPTY_PAGE, Date=date)) as at:
        at.client.list_work_orders()
    assert at.client.clock_skew_s is None


# ── what an answer to a sync means ────────────────────────────────────────────────────────


def test_a_success_brings_their_name_for_the_request() -> None:
    with bench(answer_json({"success": True, "requestId": "req_1"}), DONE) as at:
        assert at.client.sync_work_order("wo_1", FIELDS).request_id == "req_1"
        assert at.client.sync_work_order("wo_1", FIELDS).request_id is None


@pytest.mark.parametrize(
    ("behave", "kind", "may_have_applied"),
    [
        (answer_json(ERROR, 400), Refused, False),
        (answer_json(ERROR, 409), Refused, False),
        (answer_json(ERROR, 422), Refused, False),
        (answer(400, b"<html>", "text/html"), Refused, False),
        (answer_json(ERROR, 401), CredentialsRefused, False),
        (answer_json(ERROR, 403), IntegrationInactive, False),
        (answer_json(ERROR, 404), NotFound, False),
        (answer_json(ERROR, 408), Unreachable, True),
        (answer_json(ERROR, 425), Unreachable, True),
        (answer_json(ERROR, 429), Throttled, True),
        (answer_json(ERROR, 500), Unreachable, True),
        (answer(502, b"<html>Bad gateway", "text/html"), Unreachable, True),
        (answer_json(ERROR, 599), Unreachable, True),
        (answer_json({"success": False}), UnexpectedContent, True),
        (answer_json({"success": "true"}), UnexpectedContent, True),
        (answer_json({"success": 1}), UnexpectedContent, True),
        (answer_json({}), UnexpectedContent, True),
        (answer_json([True]), UnexpectedContent, True),
        (answer_json({"message": "queued"}, 202), UnexpectedContent, True),
        (answer(204, b"", ""), UnexpectedContent, True),
        (answer(200, b""), UnexpectedContent, True),
        (answer(200, b"<html>Sign in", "text/html"), UnexpectedContent, True),
        (answer(302, b"", Location="https://other.example/"), UnexpectedContent, True),
        (raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
         UnexpectedContent, True),
        (Peer.hang_up, Unreachable, True),
        (Peer.reset, Unreachable, True),
    ],
)  # fmt: skip
def test_an_answer_to_a_sync_is_a_success_a_refusal_or_in_doubt_and_never_repeated(
    behave: Behaviour, kind: type[RemoteError], may_have_applied: bool
) -> None:
    with bench(behave, DONE) as at, pytest.raises(RemoteError) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert type(caught.value) is kind
    assert caught.value.may_have_applied is may_have_applied
    assert caught.value.side == "s2e"
    assert len(at.server.asked) == 1
    assert at.waits == []


def test_a_sync_that_finds_no_server_has_changed_nothing() -> None:
    with bench(DONE) as at:
        at.server.__exit__()
        with pytest.raises(Unreachable) as caught:
            at.client.sync_work_order("wo_1", FIELDS)
    assert not caught.value.may_have_applied


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500])
def test_an_error_tells_their_text_and_their_name_for_the_request(status: int) -> None:
    with bench(answer_json(ERROR, status)) as at, pytest.raises(RemoteError) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert f"answered {status}: Something is wrong" in str(caught.value)
    assert caught.value.request_id == "req_77"
    assert caught.value.status == status


def test_an_error_without_json_brings_the_name_from_its_header() -> None:
    behave = answer(500, b"no", "text/plain", X_Request_Id="req_5")
    with bench(behave) as at, pytest.raises(Unreachable) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert caught.value.request_id == "req_5"


def test_their_text_is_cut_and_cannot_forge_lines() -> None:
    text = 'bad\n{"level": "error"}\x1b[2J\u202e' + "x" * 1000
    with bench(answer_json({"error": text}, 400)) as at, pytest.raises(Refused) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("told", [None, 7, ["x"], {"code": 1}])
def test_an_error_text_of_any_kind_is_told(told: object) -> None:
    body = {"error": told, "requestId": 12}
    with bench(answer_json(body, 400)) as at, pytest.raises(Refused) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert caught.value.request_id == "12"


def test_an_inactive_integration_names_where_it_is_switched_on() -> None:
    with bench(answer_json(ERROR, 403)) as at, pytest.raises(IntegrationInactive) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert "Admin → Settings → Downstream Integration" in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_a_server_that_quotes_our_credentials_does_not_make_us_tell_them(
    status: int, kind: str
) -> None:
    quoted = ('{"error": "no: ' + " ".join(SECRETS) + '", "requestId": "' + API_KEY + '"}').encode()
    with bench(answer(status, quoted, kind)) as at:
        with pytest.raises(RemoteError) as writing:
            at.client.sync_work_order("wo_1", FIELDS)
        at.stopping = True
        with pytest.raises(RemoteError) as reading:
            at.client.get_work_order("wo_1")
    assert SYNC_TOKEN not in str(writing.value)
    assert API_KEY not in f"{writing.value} {writing.value.request_id}"
    assert V1_TOKEN not in str(reading.value)


def test_a_page_that_quotes_our_credentials_does_not_make_us_tell_them() -> None:
    page = answer(200, f"<html>{API_KEY} {SYNC_TOKEN}".encode(), "text/html")
    with bench(page) as at, pytest.raises(UnexpectedContent, match=r"<html>\*\*\* \*\*\*"):
        at.client.sync_work_order("wo_1", FIELDS)


# ── trying the downstream pair ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("behave", [answer_json(ERROR, 404), answer_json(ERROR, 400), DONE])
def test_the_downstream_pair_is_good_when_only_the_order_is_missed(behave: Behaviour) -> None:
    with bench(behave) as at:
        at.client.probe_sync()
    assert at.server.asked[0].body == b"{}"
    assert "/wo_" not in at.server.asked[0].path


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (answer_json(ERROR, 401), CredentialsRefused),
        (answer_json(ERROR, 403), IntegrationInactive),
        (answer_json(ERROR, 500), Unreachable),
        (answer(200, b"<html>Sign in", "text/html"), UnexpectedContent),
        (Peer.reset, Unreachable),
    ],
)
def test_trying_the_downstream_pair_tells_what_is_wrong(
    behave: Behaviour, kind: type[RemoteError]
) -> None:
    with bench(behave) as at, pytest.raises(kind):
        at.client.probe_sync()


# ── reading goes on ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "behave",
    [
        answer_json(ERROR, 500),
        answer_json(ERROR, 503),
        answer_json(ERROR, 408),
        answer(200, b'{"workOrders": ['),
        answer(200, b"<html>Sign in", "text/html"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
        Peer.reset,
    ],
)
def test_a_read_that_failed_is_tried_again_a_little_later(behave: Behaviour) -> None:
    with bench(behave, behave, EMPTY) as at:
        at.client.list_work_orders()
    assert at.waits == [1.0, 2.0]
    assert len(at.server.asked) == 3


def test_a_read_that_goes_on_failing_ends() -> None:
    with bench(answer_json(ERROR, 500)) as at, pytest.raises(Unreachable):
        at.client.list_work_orders()
    assert len(at.server.asked) == 3
    assert at.client.requests == 3


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (answer_json(ERROR, 401), CredentialsRefused),
        (answer_json(ERROR, 403), CredentialsRefused),
        (answer_json(ERROR, 404), NotFound),
        (answer(404, b"", ""), NotFound),
        (answer_json(ERROR, 400), Refused),
        (answer(302, b"", Location="https://other.example/"), UnexpectedContent),
    ],
)
def test_a_read_that_was_refused_is_not_tried_again(
    behave: Behaviour, kind: type[RemoteError]
) -> None:
    with bench(behave, EMPTY) as at, pytest.raises(RemoteError) as caught:
        at.client.get_work_order("wo_1")
    assert type(caught.value) is kind
    assert len(at.server.asked) == 1


def test_a_page_that_says_404_is_not_the_api_saying_so() -> None:
    behave = answer(404, b"<html>No such page", "text/html")
    with bench(behave) as at, pytest.raises(UnexpectedContent, match="No such page"):
        at.client.get_work_order("wo_1")


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_list_that_is_refused_is_not_the_api(status: int) -> None:
    with (
        bench(answer_json(ERROR, status)) as at,
        pytest.raises(UnexpectedContent, match="SYNCD_S2E_URL") as caught,
    ):
        at.client.list_work_orders()
    assert len(at.server.asked) == 1
    assert (caught.value.status, caught.value.request_id) == (status, "req_77")


@pytest.mark.parametrize("body", [{}, {"workOrders": {}}, {"success": True}])
def test_a_list_without_work_orders_is_not_the_api(body: object) -> None:
    with bench(answer_json(body)) as at, pytest.raises(UnexpectedContent, match="workOrders"):
        at.client.list_work_orders()


@pytest.mark.parametrize("body", [{}, {"id": "wo_2"}, {"id": 1}, {"workOrders": []}])
def test_an_order_that_was_not_asked_for_is_not_the_answer(body: object) -> None:
    with bench(answer_json(body)) as at, pytest.raises(UnexpectedContent, match="another order"):
        at.client.get_work_order("wo_1")


def test_a_row_that_cannot_be_read_does_not_stop_its_page() -> None:
    rows = [{"id": "wo_1"}, {"title": "no id"}, {"id": "wo_2", "status": "NEW"}]
    with bench(answer_json({"workOrders": rows, "pagination": {"total": 3}})) as at:
        page = at.client.list_work_orders()
    assert [order.s2e_id for order in page.orders] == ["wo_1", "wo_2"]
    assert page.unreadable == 1


# ── the budget ────────────────────────────────────────────────────────────────────────────


def test_a_throttled_read_waits_as_asked_and_goes_on() -> None:
    with bench(answer_json(ERROR, 429, Retry_After="7"), EMPTY) as at:
        at.client.list_work_orders()
    assert at.waits == [7.0]


def test_a_read_that_is_throttled_again_and_again_waits_longer_and_longer() -> None:
    behave = answer_json(ERROR, 429, Retry_After="0")
    with bench(behave, behave, behave, behave, EMPTY) as at:
        at.client.list_work_orders()
    assert [wait for wait in at.waits if wait] == [2.0, 4.0, 8.0]


def test_an_allowance_that_is_used_up_is_waited_for_before_the_next_request() -> None:
    last = answer_json(
        EMPTY_PAGE,
        Date=DATE,
        X_RateLimit_Limit="100",
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset=str(RESET + 30),
    )
    with bench(last, EMPTY) as at:
        at.client.list_work_orders()
        at.client.list_work_orders()
    assert at.waits == [31.0]


def test_a_write_may_use_what_reads_leave() -> None:
    low = answer_json(
        EMPTY_PAGE,
        Date=DATE,
        X_RateLimit_Limit="100",
        X_RateLimit_Remaining="3",
        X_RateLimit_Reset=str(RESET + 30),
    )
    with bench(low, DONE, EMPTY) as at:
        at.client.list_work_orders()
        at.client.sync_work_order("wo_1", FIELDS)
        assert at.waits == []
        at.client.list_work_orders()
    assert at.waits == [31.0]


def test_both_pairs_spend_from_one_budget() -> None:
    with bench(answer_json(ERROR, 429, Retry_After="9"), DONE) as at:
        at.client.deadline = at.now + 5
        with pytest.raises(Throttled) as caught:
            at.client.list_work_orders()
        assert caught.value.wait_s == 9.0
        with pytest.raises(Throttled) as unsent:
            at.client.sync_work_order("wo_1", FIELDS)
    assert len(at.server.asked) == 1
    assert at.waits == []
    assert not unsent.value.may_have_applied
    assert unsent.value.wait_s == 9.0


def test_a_throttled_write_says_how_long_and_is_not_repeated() -> None:
    behave = answer_json(ERROR, 429, Retry_After="9")
    with bench(behave, DONE) as at, pytest.raises(Throttled) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert caught.value.wait_s == 9.0
    assert caught.value.may_have_applied
    assert len(at.server.asked) == 1


def test_the_own_cap_is_kept() -> None:
    with bench(EMPTY, per_minute=2) as at:
        for _ in range(5):
            at.client.list_work_orders()
    assert at.waits == [60.0, 60.0]


def test_the_own_cap_holds_for_many_threads() -> None:
    class Hesitant(RateBudget):
        """Leaves the others time between its answer and what is done upon it."""

        def wait_s(self, now: float, *, writing: bool = False) -> float:
            seconds = super().wait_s(now, writing=writing)
            time.sleep(0.01)
            return seconds

    with bench(EMPTY) as at:
        at.client._budget = Hesitant(5)
        at.client.deadline = at.now + 30
        refused: list[Throttled] = []

        def ask() -> None:
            try:
                at.client.list_work_orders()
            except Throttled as error:
                refused.append(error)

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert len(at.server.asked) == at.client.requests == 5
    assert len(refused) == 7


# ── the end of the cycle ──────────────────────────────────────────────────────────────────


def test_a_failure_near_the_end_of_the_cycle_is_not_waited_out() -> None:
    with bench(answer_json(ERROR, 500)) as at:
        at.client.deadline = at.now + 0.5
        with pytest.raises(Unreachable, match="500"):
            at.client.list_work_orders()
    assert len(at.server.asked) == 1


def test_a_request_is_given_no_more_time_than_the_cycle_has_and_some_to_finish() -> None:
    with bench(EMPTY) as at:
        for left, given in ((1e9, 30.0), (12.0, 12.0), (1.0, 5.0), (-100.0, 5.0)):
            at.client.deadline = at.now + left
            assert at.client._deadline_s() == given


def test_a_wait_that_is_cut_short_by_stopping_ends_the_read() -> None:
    with bench(answer_json(ERROR, 500)) as at:
        at.stopping = True
        with pytest.raises(Unreachable, match="stopping"):
            at.client.list_work_orders()
    assert len(at.server.asked) == 1


def test_a_write_that_was_to_wait_when_we_stop_is_not_sent() -> None:
    with bench(DONE) as at:
        at.budget.observe(429, {"retry-after": "5"}, at.now)
        at.stopping = True
        with pytest.raises(Unreachable, match="stopping") as caught:
            at.client.sync_work_order("wo_1", FIELDS)
    assert not caught.value.may_have_applied
    assert at.server.asked == []
