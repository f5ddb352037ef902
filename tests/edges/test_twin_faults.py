"""Every fault that the twin can be told to have, met on a real socket."""

import doctest
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest

import syncd.twin.faults
from syncd.twin.faults import KINDS, Faults
from syncd.twin.server import Twin
from tests.edges.twin_calls import (
    LIST,
    Calls,
    connect,
    exchange,
    read_all,
    request_bytes,
    sync_path,
)

SEED = "wo_def456"
BODY = b'{"status": "ON_HOLD"}'


@pytest.fixture
def twin() -> Iterator[Twin]:
    with Twin() as running:
        yield running


@pytest.fixture
def calls(twin: Twin) -> Iterator[Calls]:
    with Calls(twin) as made:
        yield made


def sync(twin: Twin, calls: Calls) -> bytes:
    """All that comes back on the connection of one sync."""
    return exchange(twin, request_bytes(f"POST {sync_path(SEED)}", calls.downstream, BODY))


def split(data: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), headers, body


def applied(twin: Twin) -> bool:
    """Whether the sync took effect; the ledger and the order agree on it."""
    [entry] = twin.ledger.requests("POST")
    held = bool(twin.order(SEED)["status"] == "ON_HOLD")
    assert entry.applied == held == bool(twin.ledger.writes())
    return held


# ── connections that end ─────────────────────────────────────────────────────────────────


def test_drop_before_closes_without_an_answer_and_applies_nothing(twin: Twin, calls: Calls) -> None:
    twin.faults.add("drop_before")
    assert sync(twin, calls) == b""
    assert not applied(twin)
    assert twin.ledger.entries[0].fault == "drop_before"


def test_drop_after_applies_and_resets_the_connection(twin: Twin, calls: Calls) -> None:
    twin.faults.add("drop_after")
    with pytest.raises(ConnectionResetError):
        sync(twin, calls)
    assert applied(twin)
    assert twin.ledger.entries[0].status == 200, "what it would have answered"


def test_drop_after_fin_applies_and_closes_in_good_order(twin: Twin, calls: Calls) -> None:
    twin.faults.add("drop_after_fin")
    assert sync(twin, calls) == b""
    assert applied(twin)


def test_hang_never_answers_until_the_twin_stops(twin: Twin, calls: Calls) -> None:
    twin.faults.add("hang")
    with connect(twin) as connection:
        connection.sendall(request_bytes(f"POST {sync_path(SEED)}", calls.downstream, BODY))
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert calls.listed().status_code == 200, "others are served meanwhile"
        connection.settimeout(5)
        began = time.monotonic()
        twin.stop()
        assert time.monotonic() - began < 1
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    assert not applied(twin)


def test_truncate_promises_more_than_it_sends(twin: Twin, calls: Calls) -> None:
    twin.faults.add("truncate")
    status, headers, body = split(sync(twin, calls))
    assert status == 200
    assert 0 < len(body) == int(headers["Content-Length"]) // 2
    assert applied(twin)


# ── answers that are slow ────────────────────────────────────────────────────────────────


def test_slow_is_applied_at_once_and_answered_late(twin: Twin, calls: Calls) -> None:
    twin.faults.add("slow", seconds=0.6)
    with connect(twin) as connection:
        connection.sendall(request_bytes(f"POST {sync_path(SEED)}", calls.downstream, BODY))
        began = time.monotonic()
        while not twin.ledger.writes():
            assert time.monotonic() - began < 0.5
            time.sleep(0.005)
        assert split(read_all(connection))[0] == 200
        assert time.monotonic() - began >= 0.59


@pytest.mark.parametrize("kind", ["slow", "dribble"])
def test_a_slow_answer_does_not_hold_up_the_stop(twin: Twin, calls: Calls, kind: str) -> None:
    twin.faults.add(kind, arg="30")
    with connect(twin) as connection:
        connection.sendall(request_bytes(f"GET {LIST}", calls.v1))
        while not twin.ledger.entries:
            time.sleep(0.005)
        began = time.monotonic()
        twin.stop()
        assert time.monotonic() - began < 1
        head = read_all(connection)
        assert b"workOrders" not in head


@pytest.mark.parametrize("head", [False, True])
def test_dribble_sends_byte_by_byte(twin: Twin, calls: Calls, head: bool) -> None:
    twin.faults.add("dribble", interval=0.001, head=head)
    with connect(twin) as connection:
        connection.sendall(request_bytes(f"GET {LIST}/nobody", calls.v1))
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    status, headers, body = split(b"".join(pieces))
    assert (status, len(body)) == (404, int(headers["Content-Length"]))
    assert (len(pieces[0]) < 20) == head
    assert len(pieces) > len(body) // 2


# ── answers that are not what they should be ─────────────────────────────────────────────


@pytest.mark.parametrize("status", [400, 403, 408, 429, 500, 502, 503, 504])
def test_status_answers_so_and_applies_nothing(twin: Twin, calls: Calls, status: int) -> None:
    twin.faults.add("status", status=status)
    told, headers, body = split(sync(twin, calls))
    assert told == status
    assert json.loads(body) == {"error": "A fault on purpose", "requestId": "req_000001"}
    assert "X-RateLimit-Reset" in headers
    assert not applied(twin)
    assert twin.ledger.entries[0].status == status


def test_status_can_be_applied_all_the_same(twin: Twin, calls: Calls) -> None:
    twin.faults.add("status", status=502, applied=True)
    assert split(sync(twin, calls))[0] == 502
    assert applied(twin)


def test_a_204_has_no_body_and_the_connection_goes_on(twin: Twin, calls: Calls) -> None:
    twin.faults.add("status", status=204)
    assert calls.sync(SEED, {"status": "ON_HOLD"}).content == b""
    assert calls.listed().status_code == 200
    assert not applied(twin)


def test_an_unheard_of_status_is_sent_as_it_is(twin: Twin, calls: Calls) -> None:
    twin.faults.add("status", status=599)
    assert calls.listed().status_code == 599


@pytest.mark.parametrize("text", ["7", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-5", "120.5"])
def test_retry_after_is_a_429_with_that_text(twin: Twin, calls: Calls, text: str) -> None:
    twin.faults.add("retry_after", text=text)
    status, headers, _ = split(sync(twin, calls))
    assert (status, headers["Retry-After"]) == (429, text)
    assert int(headers["X-RateLimit-Remaining"]) > 0
    assert not applied(twin)


def test_html_is_a_login_page_with_200(twin: Twin, calls: Calls) -> None:
    twin.faults.add("html")
    status, headers, body = split(sync(twin, calls))
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"sign in" in body
    assert not applied(twin)


@pytest.mark.parametrize("text", ["[]", '"x"', "null", "17"])
def test_not_object_is_other_json(twin: Twin, calls: Calls, text: str) -> None:
    twin.faults.add("not_object", body=text)
    assert split(sync(twin, calls))[2] == text.encode()
    assert not applied(twin)


def test_bad_json_is_none(twin: Twin, calls: Calls) -> None:
    twin.faults.add("bad_json")
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(split(sync(twin, calls))[2])
    assert not applied(twin)


def test_success_false_is_a_200_that_did_nothing(twin: Twin, calls: Calls) -> None:
    twin.faults.add("success_false")
    status, _, body = split(sync(twin, calls))
    assert (status, json.loads(body)["success"]) == (200, False)
    assert not applied(twin)


def test_a_gzip_bomb_is_small_on_the_wire_and_valid_json_in_full(twin: Twin, calls: Calls) -> None:
    twin.faults.add("gzip_bomb", mib=8)
    status, headers, body = split(exchange(twin, request_bytes(f"GET {LIST}", calls.v1)))
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert len(body) == int(headers["Content-Length"]) < 20_000
    inflated = zlib.decompress(body, 31)
    assert len(inflated) > 8 << 20
    assert json.loads(inflated)["workOrders"] == []


def test_redirect_points_elsewhere(twin: Twin, calls: Calls) -> None:
    twin.faults.add("redirect", location="http://127.0.0.2:1/elsewhere")
    status, headers, _ = split(sync(twin, calls))
    assert (status, headers["Location"]) == (302, "http://127.0.0.2:1/elsewhere")
    assert not applied(twin)


def test_headers_are_changed_added_and_left_out(twin: Twin, calls: Calls) -> None:
    date = "Thu, 01 Jan 1970 00:00:00 GMT"
    told = {"date": date, "X-RateLimit-Reset": None, "content-type": "text/plain", "X-New": 1}
    twin.faults.add("headers", headers=told)
    _, headers, body = split(sync(twin, calls))
    assert headers["date"] == date
    assert headers["content-type"] == "text/plain"
    assert headers["X-New"] == "1"
    assert not {"Date", "X-RateLimit-Reset", "Content-Type"} & set(headers)
    assert json.loads(body)["success"] is True
    assert applied(twin)


# ── the script ───────────────────────────────────────────────────────────────────────────


def test_a_fault_is_met_by_what_matches_after_so_many_and_so_often(
    twin: Twin, calls: Calls
) -> None:
    twin.faults.add("status", "GET", r"work-orders$", times=2, after=1, status=503)
    told = [calls.listed().status_code for _ in range(2)]
    told += [calls.get(SEED).status_code, calls.sync(SEED, {}).status_code]
    told += [calls.listed().status_code for _ in range(2)]
    assert told == [200, 503, 200, 200, 503, 200]
    assert twin.faults.waiting == 0


def test_without_an_end_it_goes_on_until_it_is_cleared(twin: Twin, calls: Calls) -> None:
    twin.faults.add("status", times=None)
    assert {calls.listed().status_code for _ in range(5)} == {500}
    twin.faults.clear()
    assert calls.listed().status_code == 200


def test_faults_are_met_in_the_order_they_were_added(twin: Twin, calls: Calls) -> None:
    twin.faults.add("status", status=500)
    twin.faults.add("status", status=502)
    assert [calls.listed().status_code for _ in range(3)] == [500, 502, 200]


def test_any_kind_can_be_told_to_apply_or_not(twin: Twin, calls: Calls) -> None:
    twin.faults.add("html", applied=True)
    assert b"sign in" in sync(twin, calls)
    assert applied(twin)
    twin.edit(SEED, status="COMPLETED")
    twin.ledger.clear()
    twin.faults.add("drop_after_fin", applied=False)
    assert sync(twin, calls) == b""
    assert not applied(twin)


def test_a_fault_that_applies_does_not_let_the_wrong_credentials_in(twin: Twin) -> None:
    twin.faults.add("drop_after_fin")
    exchange(twin, request_bytes(f"POST {sync_path(SEED)}", {}, BODY))
    assert not applied(twin)
    assert twin.ledger.entries[0].status == 401


@pytest.mark.parametrize(
    ("text", "meets"),
    [
        ("drop_after:POST:3", ("drop_after", 3, {}, True)),
        ("lost:post", ("drop_after", 1, {}, True)),
        ("lost_fin", ("drop_after_fin", 1, {}, True)),
        ("drop::2", ("drop_before", 2, {}, False)),
        ("status", ("status", 1, {"status": 500}, False)),
        ("status::*:503", ("status", None, {"status": 503}, False)),
        ("applied_status:POST:1:502", ("status", 1, {"status": 502}, True)),
        ("throttle::1:Wed, 21 Oct 2026 07:28:00 GMT",
         ("retry_after", 1, {"text": "Wed, 21 Oct 2026 07:28:00 GMT"}, False)),
        ("slow::1:0.5", ("slow", 1, {"seconds": 0.5}, True)),
        ("headers::1:X-New=a=b", ("headers", 1, {"headers": {"X-New": "a=b"}}, True)),
        ("redirect::1:http://b:1/", ("redirect", 1, {"location": "http://b:1/"}, False)),
    ],
)  # fmt: skip
def test_a_fault_is_read_from_the_command_line(text: str, meets: tuple[Any, ...]) -> None:
    faults = Faults()
    faults.add_text(text)
    fault = faults.take("POST", "/x")
    assert fault is not None
    left = None if fault.times is None else fault.times + 1
    assert (fault.kind, left, fault.args, fault.applied) == meets


def test_the_example_holds() -> None:
    assert doctest.testmod(syncd.twin.faults).failed == 0


@pytest.mark.parametrize(
    "text", ["", "boom", "drop:POST:x", "drop:POST:0", "slow::1:long", "drop::1:what", "status::-1"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    faults = Faults()
    with pytest.raises(ValueError, match=r"\w"):
        faults.add_text(text)
    assert faults.waiting == 0


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "status", "seconds": 1},
        {"kind": "drop_before", "times": 0},
        {"kind": "drop_before", "after": -1},
        {"kind": "drop_before", "path": "("},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Faults().add(**told)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_twin_that_had_any_fault_serves_on(twin: Twin, calls: Calls, kind: str) -> None:
    twin.faults.add(kind, path="sync$", arg="1" if kind == "gzip_bomb" else "")
    with connect(twin) as connection:
        connection.sendall(request_bytes(f"POST {sync_path(SEED)}", calls.downstream, BODY))
        while not twin.ledger.entries:
            time.sleep(0.005)
        assert calls.sync(SEED, {"status": "CANCELLED"}).status_code == 200
    assert twin.order(SEED)["status"] == "CANCELLED"


def test_a_client_that_leaves_early_is_no_concern(
    twin: Twin, calls: Calls, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = request_bytes(f"POST {sync_path(SEED)}", calls.downstream, BODY)
    for sent in (whole, whole[:-5], whole[:30], b"") * 5:
        with connect(twin) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(sent)
    assert calls.listed().status_code == 200
    assert capfd.readouterr().err == ""


def test_a_bug_in_the_twin_is_told_and_ends_only_its_connection(
    twin: Twin, calls: Calls, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError("no time")

    clock, twin.config.clock = twin.config.clock, broken
    assert exchange(twin, request_bytes(f"GET {LIST}", calls.v1)) == b""
    twin.config.clock = clock
    assert calls.listed().status_code == 200
    assert "ZeroDivisionError: no time" in capfd.readouterr().err


def test_every_thread_ends_with_its_twin() -> None:
    before = threading.active_count()
    with Twin() as twin, Calls(twin) as calls:
        for _ in range(3):
            calls.listed()
    deadline = time.monotonic() + 2
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
