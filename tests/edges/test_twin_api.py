"""The twin's honest answers: what the three calls and the token exchange take and refuse."""

import gzip
import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from syncd.twin.server import Twin, TwinConfig
from tests.conftest import Clock
from tests.edges.twin_calls import LIST, Calls, connect, exchange, request_bytes, sync_path

SEED = "wo_def456"


@pytest.fixture
def twin(clock: Clock) -> Iterator[Twin]:
    with Twin(TwinConfig(clock=clock)) as running:
        yield running


@pytest.fixture
def calls(twin: Twin) -> Iterator[Calls]:
    with Calls(twin) as made:
        yield made


# ── list and get ─────────────────────────────────────────────────────────────────────────


def test_a_list_without_words_is_the_first_fifty(calls: Calls) -> None:
    page = calls.page()
    assert page["pagination"] == {"total": 28, "limit": 50, "offset": 0, "hasMore": False}
    assert len(page["workOrders"]) == 28


def test_pages_hold_every_order_once_and_say_honestly_whether_more_follow(calls: Calls) -> None:
    seen: list[str] = []
    more = True
    while more:
        page = calls.page(limit=9, offset=len(seen))
        seen += [order["id"] for order in page["workOrders"]]
        more = page["pagination"]["hasMore"]
    assert len(seen) == len(set(seen)) == 28
    assert calls.page(limit=9, offset=19)["pagination"]["hasMore"] is False
    assert calls.page(limit=9, offset=18)["pagination"]["hasMore"] is True


def test_an_offset_beyond_the_end_is_an_empty_page(calls: Calls) -> None:
    page = calls.page(offset=10**30)
    assert page["workOrders"] == []
    assert page["pagination"] == {"total": 28, "limit": 50, "offset": 10**30, "hasMore": False}


def test_a_twin_may_serve_smaller_pages_than_it_is_asked_for(twin: Twin, calls: Calls) -> None:
    twin.configure(page_max=10)
    page = calls.page(limit=200)
    assert page["pagination"] == {"total": 28, "limit": 10, "offset": 0, "hasMore": True}
    assert len(page["workOrders"]) == 10


def test_the_list_leaves_tasks_out_and_get_has_them(calls: Calls) -> None:
    assert all("tasks" not in order for order in calls.page()["workOrders"])
    assert [task["id"] for task in calls.get(SEED).json()["tasks"]] == ["task_001", "task_002"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "COMPLETED"),
        ("priority", "HIGH"),
        ("siteId", "site_789"),
        ("assetId", "asset_456"),
        ("syncStatus", "SYNCED"),
    ],
)
def test_a_filter_keeps_what_matches_and_counts_only_that(
    calls: Calls, name: str, value: str
) -> None:
    def told(order: dict[str, Any]) -> object:
        if name != "siteId":
            return order[name]
        return ((order["asset"] or {}).get("site") or {}).get("id")

    wanted = {order["id"] for order in calls.page()["workOrders"] if told(order) == value}
    page = calls.page(**{name: value})
    assert {order["id"] for order in page["workOrders"]} == wanted
    assert page["pagination"]["total"] == len(wanted) > 0


def test_filters_are_intersected(calls: Calls) -> None:
    found = calls.page(status="COMPLETED", priority="HIGH", siteId="site_789")["workOrders"]
    assert SEED in [order["id"] for order in found]
    assert {(order["status"], order["priority"]) for order in found} == {("COMPLETED", "HIGH")}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=ten",
        "limit=1.5",
        "limit=",
        "limit=%D9%A3",
        "limit=" + "9" * 5000,
        "offset=-1",
        "offset=x",
        "status=completed",
        "status=",
        "priority=URGENT",
        "syncStatus=DONE",
    ],
)
def test_a_bad_query_is_a_400(calls: Calls, query: str) -> None:
    assert calls.client.get(f"{LIST}?{query}", headers=calls.v1).status_code == 400


def test_of_a_name_given_twice_the_first_value_counts(calls: Calls) -> None:
    answer = calls.client.get(f"{LIST}?limit=3&limit=999", headers=calls.v1)
    assert len(answer.json()["workOrders"]) == 3


def test_an_unknown_id_is_a_404(calls: Calls) -> None:
    assert calls.get("wo_nobody").status_code == 404
    assert calls.sync("wo_nobody", {"status": "ON_HOLD"}).status_code == 404


def test_an_id_is_read_from_its_percent_encoding(twin: Twin, calls: Calls) -> None:
    twin.add(id="wo /ü")
    assert calls.get("wo%20%2F%C3%BC").json()["id"] == "wo /ü"
    assert calls.sync("wo%20%2F%C3%BC", {"status": "ON_HOLD"}).status_code == 200
    assert twin.ledger.writes("wo /ü")[0].changes == {"status": ("ASSIGNED", "ON_HOLD")}


# ── paths, methods, headers ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v1",
        LIST + "/",
        LIST + "/a/b",
        "/api/downstream/work-orders//sync",
        "/__twin/orders",
    ],
)
def test_an_unknown_path_is_a_404(calls: Calls, path: str) -> None:
    assert calls.client.get(path, headers=calls.v1).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", LIST, "GET"),
        ("HEAD", LIST, "GET"),
        ("BREW", LIST, "GET"),
        ("DELETE", f"{LIST}/{SEED}", "GET"),
        ("GET", sync_path(SEED), "POST"),
        ("PUT", sync_path(SEED), "POST"),
        ("GET", "/api/v1/auth/token", "POST"),
    ],
)
def test_another_method_is_a_405_that_names_the_right_one(
    calls: Calls, method: str, path: str, allowed: str
) -> None:
    answer = calls.client.request(method, path, headers=calls.v1)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_every_answer_tells_the_budget_the_time_and_its_type(
    twin: Twin, calls: Calls, clock: Clock
) -> None:
    answers = [calls.listed(), calls.get("x"), calls.sync(SEED, 1), calls.client.get("/nowhere")]
    for answer in [*answers, calls.client.get(LIST), calls.token()]:
        told = answer.headers
        assert int(told["X-RateLimit-Remaining"]) < int(told["X-RateLimit-Limit"])
        assert int(told["X-RateLimit-Reset"]) == clock.now.timestamp() + 60
        assert parsedate_to_datetime(told["Date"]) == clock.now
        assert told["Content-Type"] == "application/json"


def test_an_error_has_its_text_and_a_request_id_that_the_ledger_knows(
    twin: Twin, calls: Calls
) -> None:
    calls.listed()
    assert calls.get("nobody").json() == {
        "error": "Work order not found",
        "requestId": "req_000002",
    }
    assert twin.ledger.entries[-1].n == 2


def test_gzip_is_sent_where_it_is_asked_for_and_only_there(twin: Twin, calls: Calls) -> None:
    plain = exchange(twin, request_bytes(f"GET {LIST}", calls.v1)).partition(b"\r\n\r\n")[2]
    asked = calls.v1 | {"Accept-Encoding": "br, gzip;q=0.5"}
    head, _, packed = exchange(twin, request_bytes(f"GET {LIST}", asked)).partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(packed) == plain
    refused = calls.v1 | {"Accept-Encoding": "gzip;q=0"}
    assert exchange(twin, request_bytes(f"GET {LIST}", refused)).endswith(plain)


def test_a_connection_serves_many_requests(twin: Twin, calls: Calls) -> None:
    one = request_bytes(f"GET {LIST}/{SEED}", calls.v1, close=False)
    last = request_bytes(f"GET {LIST}/nobody", calls.v1)
    told = exchange(twin, one + one + last)
    assert told.count(b"HTTP/1.1 200 OK") == 2
    assert told.count(b"HTTP/1.1 404 Not Found") == 1


def test_head_is_answered_without_a_body(twin: Twin) -> None:
    assert exchange(twin, request_bytes(f"HEAD {LIST}")).endswith(b"\r\n\r\n")


# ── credentials ──────────────────────────────────────────────────────────────────────────


def test_v1_takes_a_token_or_basic_and_the_ledger_knows_which(twin: Twin, calls: Calls) -> None:
    pair = b64encode(b"twin-client:twin-secret").decode()
    told = {"Authorization": f"basic {pair}"}
    assert calls.listed().status_code == 200
    assert calls.client.get(LIST, headers=told).status_code == 200
    assert [entry.credentials for entry in twin.ledger.entries] == ["v1", "basic"]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer nobody",
        "Basic !!!",
        "Basic " + b64encode(b"twin-client:wrong").decode(),
        "Basic " + b64encode(b"\xff\xfe").decode(),
        "twin-v1-token",
        "Digest twin-v1-token",
    ],
)
def test_wrong_or_missing_credentials_are_a_401(twin: Twin, calls: Calls, value: str) -> None:
    for answer in (
        calls.client.get(LIST, headers={"Authorization": value}),
        calls.client.post(sync_path(SEED), json={}, headers={"Authorization": value}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (
            401,
            "Missing or invalid API key / token",
        )
    assert [entry.credentials for entry in twin.ledger.entries] == [None, None]


def test_neither_pair_is_good_on_the_others_path(twin: Twin, calls: Calls) -> None:
    assert calls.client.get(LIST, headers=calls.downstream).status_code == 401
    assert calls.client.post(sync_path(SEED), json={}, headers=calls.v1).status_code == 401
    assert [entry.credentials for entry in twin.ledger.entries] == ["downstream", "v1"]
    assert twin.ledger.writes() == []


@pytest.mark.parametrize("key", [None, "", "wrong"])
def test_the_sync_call_needs_its_api_key_too(calls: Calls, key: str | None) -> None:
    told = {"Authorization": calls.downstream["Authorization"]}
    if key is not None:
        told["X-API-KEY"] = key
    assert calls.client.post(sync_path(SEED), json={}, headers=told).status_code == 401


def test_an_inactive_integration_is_a_403_for_the_sync_call_alone(twin: Twin, calls: Calls) -> None:
    twin.configure(downstream_active=False)
    assert calls.sync(SEED, {"status": "ON_HOLD"}).status_code == 403
    assert calls.sync("nobody", {}).status_code == 403
    assert calls.listed().status_code == 200
    assert twin.order(SEED)["status"] == "COMPLETED"


# ── the sync call ────────────────────────────────────────────────────────────────────────


def test_a_sync_changes_what_it_names_and_nothing_else(twin: Twin, calls: Calls) -> None:
    s2e_id = twin.add(title="A leak")
    before = twin.order(s2e_id)
    values = {
        "externalId": "4711",
        "status": "COMPLETED",
        "externalStatus": "Closed",
        "externalUrl": "https://cmms.example.com/4711",
        "rootCause": "Ursache: Verschleiß 🔧",
        "resolution": "Replaced",
        "closureNote": "",
        "completedAt": "2026-03-10T14:30:00.000Z",
        "actualHours": 4.5,
    }
    answer = calls.sync(s2e_id, values)
    assert answer.json() == {"success": True, "message": "Work order updated successfully"}
    after = twin.order(s2e_id)
    stamp = after["updatedAt"]
    told = {"syncStatus": "SYNCED", "lastSyncedAt": stamp, "updatedAt": stamp}
    assert after == before | values | told
    assert stamp > before["updatedAt"]
    [entry] = twin.ledger.writes()
    assert entry.changes == {name: (before[name], value) for name, value in values.items()}
    assert (entry.s2e_id, entry.body, entry.applied) == (s2e_id, values, True)


def test_an_empty_sync_is_a_success_too(twin: Twin, calls: Calls) -> None:
    s2e_id = twin.add()
    assert calls.sync(s2e_id, {}).status_code == 200
    assert twin.order(s2e_id)["syncStatus"] == "SYNCED"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff{}",
        b"\xef\xbb\xbf{}",
        b"[" * 200_000,
        b'{"actualHours": NaN}',
        b'{"actualHours": Infinity}',
        b'{"actualHours": -Infinity}',
        b'{"actualHours": 1e400}',
        b'{"actualHours": 1' + b"0" * 400 + b"}",
        b'{"actualHours": 1' + b"0" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_json_object_of_finite_numbers_is_a_400(
    twin: Twin, calls: Calls, body: bytes
) -> None:
    answer = calls.sync_raw(SEED, body)
    assert (answer.status_code, set(answer.json())) == (400, {"error", "requestId"})
    assert twin.ledger.writes() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "New"),
        ("x" * 5000, "y"),
        ("status", "completed"),
        ("status", None),
        ("status", 1),
        ("externalId", None),
        ("externalId", 90215),
        ("externalStatus", ["Closed"]),
        ("externalUrl", ""),
        ("externalUrl", "cmms/1"),
        ("externalUrl", "ftp://cmms.example.com/1"),
        ("externalUrl", "javascript:alert(1)"),
        ("externalUrl", "https://"),
        ("externalUrl", "https://cmms.example.com/a b"),
        ("externalUrl", "https://cmms.example.com:99999/"),
        ("externalUrl", "http://["),
        ("rootCause", "x" * 501),
        ("rootCause", "🔧" * 251),
        ("resolution", "x" * 2001),
        ("closureNote", "x" * 2001),
        ("closureNote", False),
        ("completedAt", "2026-03-10T14:30:00"),
        ("completedAt", "2026-03-10"),
        ("completedAt", "2026-03-10 14:30:00Z"),
        ("completedAt", "2026-W11-2T14:30:00Z"),
        ("completedAt", "2026-02-30T14:30:00Z"),
        ("completedAt", "10000-01-01T00:00:00Z"),
        ("completedAt", "0001-01-01T00:00:00+14:00"),
        ("completedAt", "٢٠٢٦-03-10T14:30:00Z"),
        ("completedAt", ""),
        ("completedAt", 1773153000),
        ("actualHours", -0.5),
        ("actualHours", "4.5"),
        ("actualHours", True),
        ("actualHours", None),
    ],
)
def test_a_bad_value_is_a_400_and_nothing_of_the_body_is_kept(
    twin: Twin, calls: Calls, name: str, value: object
) -> None:
    before = twin.order(SEED)
    answer = calls.sync(SEED, {"externalStatus": "Reopened", name: value})
    assert answer.status_code == 400
    assert len(answer.text) < 200
    assert twin.order(SEED) == before
    assert [(entry.status, entry.applied) for entry in twin.ledger.entries] == [(400, False)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rootCause", "x" * 500),
        ("rootCause", "🔧" * 250),
        ("resolution", "ü" * 2000),
        ("closureNote", "\ud83d lone, \u0000 and \u2028"),
        ("externalId", ""),
        ("externalUrl", "http://10.0.0.7:8080/wo?id=1#x"),
        ("actualHours", 0),
        ("actualHours", 1e300),
    ],
)
def test_what_is_within_the_limits_comes_back_as_it_was_sent(
    twin: Twin, calls: Calls, name: str, value: object
) -> None:
    assert calls.sync_raw(SEED, json.dumps({name: value}).encode()).status_code == 200
    assert json.loads(calls.get(SEED).content)[name] == value


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-03-10T14:30:00+10:00", "2026-03-10T04:30:00.000Z"),
        ("2026-03-10T14:30:00.123999Z", "2026-03-10T14:30:00.123Z"),
        ("2026-03-10T14:30-03:30", "2026-03-10T18:00:00.000Z"),
    ],
)
def test_times_are_kept_as_instants_and_told_in_utc_to_the_millisecond(
    twin: Twin, calls: Calls, sent: str, kept: str
) -> None:
    assert calls.sync(SEED, {"completedAt": sent}).status_code == 200
    assert twin.order(SEED)["completedAt"] == kept


def test_a_refused_order_answers_400_with_its_text_until_that_is_lifted(
    twin: Twin, calls: Calls
) -> None:
    twin.refuse(SEED, "Closed period")
    assert calls.sync(SEED, {"status": "ON_HOLD"}).json()["error"] == "Closed period"
    twin.refuse(SEED, None)
    assert calls.sync(SEED, {"status": "ON_HOLD"}).status_code == 200


# ── what is no HTTP that the API speaks ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (request_bytes("POST /", {"Content-Length": "abc"}), 400),
        (request_bytes("POST /", {"Content-Length": "-1"}), 400),
        (request_bytes("POST /", {"Content-Length": "9" * 20}), 413),
        (request_bytes("POST /", {"Content-Length": "1048577"}), 413),
        (request_bytes("POST /", {"Transfer-Encoding": "chunked"}), 411),
    ],
)
def test_a_malformed_request_is_refused_in_json_and_ends_the_connection(
    twin: Twin, told: bytes, status: int
) -> None:
    head, _, body = exchange(twin, told).partition(b"\r\n\r\n")
    assert int(head.split(b" ")[1]) == status
    assert set(json.loads(body)) == {"error"}
    assert twin.ledger.entries == []


def test_a_body_that_breaks_off_is_never_applied(twin: Twin, calls: Calls) -> None:
    told = request_bytes(f"POST {sync_path(SEED)}", calls.downstream, b'{"actualHours": 1}  ')
    with connect(twin) as connection:
        connection.sendall(told[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert twin.order(SEED)["actualHours"] == 4.5
    assert twin.ledger.entries == []


def test_an_absolute_request_target_is_read_for_its_path(twin: Twin, calls: Calls) -> None:
    told = exchange(twin, request_bytes(f"GET {twin.url}{LIST}?limit=1", calls.v1))
    assert told.startswith(b"HTTP/1.1 200")
    assert twin.ledger.entries[0].path == LIST
