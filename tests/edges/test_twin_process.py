"""The twin as a process of its own: the ready line, signals, and people's edits over HTTP."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from syncd.twin.server import Twin
from tests.edges.twin_calls import LIST, Calls, sync_path

SEED = "wo_def456"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `python -m syncd.twin`; it is killed with the test if it still runs."""
    running: list[subprocess.Popen[str]] = []

    def run(*args: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "syncd.twin", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def ready(process: "subprocess.Popen[str]") -> dict[str, str]:
    """The settings that the ready line tells."""
    assert process.stdout is not None
    word, url, *pairs = process.stdout.readline().split()
    settings = dict(pair.split("=", 1) for pair in pairs)
    assert word == "ready"
    assert url == settings["SYNCD_S2E_URL"]
    return settings


# ── the process ──────────────────────────────────────────────────────────────────────────


def test_the_ready_line_tells_all_that_a_client_needs(start: Start) -> None:
    told = ready(start("--orders", "40", "--page-max", "15", "--order", "id"))
    v1 = {"Authorization": f"Bearer {told['SYNCD_S2E_TOKEN']}"}
    downstream = {
        "Authorization": f"Bearer {told['SYNCD_S2E_SYNC_TOKEN']}",
        "X-API-KEY": told["SYNCD_S2E_SYNC_API_KEY"],
    }
    pair = (told["SYNCD_S2E_CLIENT_ID"], told["SYNCD_S2E_CLIENT_SECRET"])
    with httpx.Client(base_url=told["SYNCD_S2E_URL"], trust_env=False) as client:
        page = client.get(LIST, headers=v1).json()
        assert page["pagination"] == {"total": 40, "limit": 15, "offset": 0, "hasMore": True}
        assert client.get(LIST, auth=pair).json() == page
        assert client.post(sync_path(SEED), json={}, headers=downstream).status_code == 200
        assert client.get("/__twin/orders").status_code == 404, "only with --control"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_even_while_an_answer_hangs(start: Start, number: int) -> None:
    process = start("--fault", "hang:GET:*")
    told = ready(process)
    port = int(told["SYNCD_S2E_URL"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {LIST} HTTP/1.1\r\nHost: twin\r\n\r\n".encode())
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "", "")


def test_switches_reach_the_twin(start: Start) -> None:
    process = start(
        *("--rate-limit", "4", "--rate-window-s", "600", "--two-budgets", "--normalise"),
        *("--ignore", "rootCause,resolution", "--read-lag-s", "0.5", "--control", "--seed", "9"),
        *("--fault", "lost:POST", "--fault", "status:GET:2:503"),
    )
    told = ready(process)
    with httpx.Client(base_url=told["SYNCD_S2E_URL"], trust_env=False) as client:
        v1 = {"Authorization": f"Bearer {told['SYNCD_S2E_TOKEN']}"}
        assert [client.get(LIST, headers=v1).status_code for _ in range(5)] == [
            *(503, 503, 200, 200, 429)
        ]
        with pytest.raises(httpx.TransportError):
            client.post(sync_path(SEED), json={})
        assert client.get("/__twin/ledger").json()[-1]["fault"] == "drop_after"


@pytest.mark.parametrize(
    "args",
    [
        ["--fault", "boom"],
        ["--page-max", "0"],
        ["--ignore", "title"],
        ["--port", "99999"],
    ],
)
def test_what_it_cannot_do_is_64_in_one_line(start: Start, args: list[str]) -> None:
    process = start(*args)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (64, "")
    assert err.startswith("simulate: ")
    assert err.count("\n") == 1


def test_a_port_in_use_is_64(start: Start) -> None:
    with Twin() as twin:
        process = start("--port", str(twin.port))
        _, err = process.communicate(timeout=10)
    assert process.returncode == 64
    assert "in use" in err


# ── control over HTTP ────────────────────────────────────────────────────────────────────


@pytest.fixture
def twin() -> Iterator[Twin]:
    with Twin(control=True) as running:
        yield running


@pytest.fixture
def calls(twin: Twin) -> Iterator[Calls]:
    with Calls(twin) as made:
        yield made


def control(calls: Calls, name: str, told: object = None) -> Any:
    answer = calls.client.post(f"/__twin/{name}", json=told if told is not None else {})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_people_can_edit_add_and_delete_from_outside(twin: Twin, calls: Calls) -> None:
    assert control(calls, "edit", {"id": SEED, "fields": {"title": "New"}}) == {"ok": True}
    assert twin.order(SEED)["title"] == "New"
    added = control(calls, "add", {"title": "Added"})["id"]
    assert twin.order(added)["title"] == "Added"
    control(calls, "delete", {"id": added})
    told = calls.client.get("/__twin/orders").json()
    assert told == twin.orders()
    assert added not in {order["id"] for order in told}


def test_faults_refusals_tokens_and_switches_are_told_from_outside(
    twin: Twin, calls: Calls
) -> None:
    control(calls, "fault", {"kind": "status", "method": "GET", "times": 2, "status": 503})
    assert calls.listed().status_code == 503
    control(calls, "clear_faults")
    assert calls.listed().status_code == 200
    control(calls, "refuse", {"id": SEED, "message": "No"})
    assert calls.sync(SEED, {}).json()["error"] == "No"
    token = {"Authorization": f"Bearer {calls.token().json()['access_token']}"}
    control(calls, "expire_tokens")
    assert calls.client.get(LIST, headers=token).status_code == 401
    control(calls, "configure", {"page_max": 3, "ignore_fields": ["status"]})
    assert len(calls.ids()) == 3
    assert twin.config.ignore_fields == {"status"}


def test_the_ledger_is_read_from_outside_and_control_is_not_in_it(twin: Twin, calls: Calls) -> None:
    calls.listed(limit=3)
    control(calls, "edit", {"id": SEED, "fields": {}})
    calls.sync(SEED, {"status": "ON_HOLD"})
    first, second = calls.client.get("/__twin/ledger").json()
    assert (first["n"], first["method"], first["query"]) == (1, "GET", {"limit": "3"})
    assert first["credentials"] == "v1"
    assert first["at"].endswith("Z")
    assert second["s2e_id"] == SEED
    assert second["body"] == {"status": "ON_HOLD"}
    assert second["changes"] == {"status": ["COMPLETED", "ON_HOLD"]}
    assert (second["applied"], second["status"], second["fault"]) == (True, 200, None)
    assert calls.client.get("/__twin/ledger?after=1").json() == [second]


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("GET", "edit", b"", 405),
        ("POST", "orders", b"", 405),
        ("POST", "nothing", b"", 404),
        ("POST", "edit", b"[]", 400),
        ("POST", "edit", b"{", 400),
        ("POST", "edit", b"{}", 400),
        ("POST", "edit", b'{"id": "nobody", "fields": {}}', 400),
        ("POST", "edit", b'{"id": "wo_def456", "fields": 3}', 400),
        ("POST", "delete", b'{"id": []}', 400),
        ("POST", "fault", b'{"kind": "boom"}', 400),
        ("POST", "fault", b'{"kind": "drop", "what": 1}', 400),
        ("POST", "fault", b"{}", 400),
        ("POST", "configure", b'{"seed": 3}', 400),
        ("POST", "configure", b'{"page_max": "many"}', 400),
        ("GET", "ledger?after=x", b"", 400),
    ],
)
def test_a_control_request_that_makes_no_sense_says_why(
    calls: Calls, method: str, name: str, body: bytes, status: int
) -> None:
    answer = calls.client.request(method, f"/__twin/{name}", content=body)
    assert answer.status_code == status
    assert len(answer.json()["error"]) > 3
