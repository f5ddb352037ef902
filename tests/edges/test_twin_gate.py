"""The twin's rate limit and its exchanged tokens, on a clock that the test moves."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest

from syncd.twin.server import Twin, TwinConfig
from tests.conftest import Clock
from tests.edges.twin_calls import LIST, Calls

SEED = "wo_def456"


class Make:
    """Twins with these switches, and the calls on them; all are stopped with the test."""

    def __init__(self, clock: Clock, stack: ExitStack) -> None:
        self._clock = clock
        self._stack = stack

    def __call__(self, **switches: Any) -> tuple[Twin, Calls]:
        twin = self._stack.enter_context(Twin(TwinConfig(clock=self._clock, **switches)))
        return twin, self._stack.enter_context(Calls(twin))


@pytest.fixture
def make(clock: Clock) -> Iterator[Make]:
    with ExitStack() as stack:
        yield Make(clock, stack)


def left(answer: httpx.Response) -> int:
    return int(answer.headers["X-RateLimit-Remaining"])


# ── the rate limit ───────────────────────────────────────────────────────────────────────


def test_a_window_serves_its_limit_and_then_answers_429_until_it_ends(
    make: Make, clock: Clock
) -> None:
    twin, calls = make(rate_limit=3)
    assert [left(calls.listed()) for _ in range(3)] == [2, 1, 0]
    clock.pass_(12.5)
    refused = calls.listed()
    assert refused.status_code == 429
    assert refused.json() == {"error": "Rate limit exceeded", "requestId": "req_000004"}
    assert refused.headers["Retry-After"] == "48"
    ends = int(refused.headers["X-RateLimit-Reset"])
    assert ends == (clock.now + timedelta(seconds=47.5)).timestamp()
    clock.pass_(47.4)
    assert calls.listed().status_code == 429
    clock.pass_(0.1)
    assert (calls.listed().status_code, left(calls.listed())) == (200, 1)
    assert [entry.status for entry in twin.ledger.entries] == [200] * 3 + [429] * 2 + [200] * 2


def test_a_window_ends_on_the_second_that_its_headers_tell(make: Make, clock: Clock) -> None:
    clock.pass_(0.75)
    _, calls = make(rate_limit=1, rate_window_s=1)
    ends = int(calls.listed().headers["X-RateLimit-Reset"])
    clock.pass_(ends - clock.now.timestamp() - 0.001)
    assert calls.listed().status_code == 429
    clock.pass_(0.001)
    assert calls.listed().status_code == 200


def test_refused_and_unknown_requests_spend_the_budget_too(make: Make) -> None:
    _, calls = make(rate_limit=10)
    calls.client.get(LIST)
    calls.client.get("/nowhere")
    calls.token(client_secret="wrong")
    assert left(calls.listed()) == 6


def test_an_over_the_limit_sync_is_not_applied_and_uses_up_no_fault(make: Make) -> None:
    twin, calls = make(rate_limit=1)
    calls.listed()
    twin.faults.add("status", status=503)
    assert calls.sync(SEED, {"status": "ON_HOLD"}).status_code == 429
    assert twin.order(SEED)["status"] == "COMPLETED"
    assert twin.faults.waiting == 1


def test_both_credentials_share_one_budget(make: Make) -> None:
    _, calls = make(rate_limit=2)
    assert left(calls.listed()) == 1
    assert left(calls.sync(SEED, {})) == 0
    assert calls.listed().status_code == 429


def test_or_each_has_its_own(make: Make) -> None:
    _, calls = make(rate_limit=2, shared_budget=False)
    assert left(calls.listed()) == 1
    assert left(calls.sync(SEED, {})) == 1
    assert left(calls.listed()) == 0
    assert calls.sync(SEED, {}).status_code == 200
    assert calls.sync(SEED, {}).status_code == 429


def test_retry_after_can_be_left_out(make: Make) -> None:
    _, calls = make(rate_limit=1, retry_after=False)
    calls.listed()
    refused = calls.listed()
    assert refused.status_code == 429
    assert "Retry-After" not in refused.headers
    assert "X-RateLimit-Reset" in refused.headers


def test_a_clock_that_is_put_back_starts_a_new_window(make: Make, clock: Clock) -> None:
    _, calls = make(rate_limit=1)
    calls.listed()
    clock.pass_(-3600)
    answer = calls.listed()
    assert answer.status_code == 200
    assert int(answer.headers["X-RateLimit-Reset"]) == clock.now.timestamp() + 60


def test_without_a_limit_nothing_is_refused(make: Make) -> None:
    _, calls = make()
    assert {calls.listed(limit=1).status_code for _ in range(50)} == {200}


# ── exchanged tokens ─────────────────────────────────────────────────────────────────────


def test_a_token_is_exchanged_and_is_good_for_v1_alone(make: Make) -> None:
    twin, calls = make()
    told = calls.token().json()
    assert told == {
        "access_token": told["access_token"],
        "token_type": "Bearer",
        "expires_in": 86400,
    }
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    assert calls.client.get(LIST, headers=headers).status_code == 200
    keyed = headers | {"X-API-KEY": twin.config.downstream_key}
    path = f"/api/downstream/work-orders/{SEED}/sync"
    assert calls.client.post(path, json={}, headers=keyed).status_code == 401
    assert [entry.credentials for entry in twin.ledger.entries] == [None, "token", "token"]


def test_a_token_dies_without_use_and_use_resets_the_timer(make: Make, clock: Clock) -> None:
    _, calls = make(token_idle_s=100)
    headers = {"Authorization": f"Bearer {calls.token().json()['access_token']}"}

    def works() -> bool:
        return calls.client.get(LIST, headers=headers).status_code == 200

    for _ in range(3):
        clock.pass_(100)
        assert works()
    clock.pass_(100.001)
    assert not works()
    clock.pass_(-50)
    assert not works(), "dead is dead"


def test_all_tokens_can_be_expired_and_a_new_one_is_another_one(make: Make) -> None:
    twin, calls = make()
    first = calls.token().json()["access_token"]
    twin.expire_tokens()
    headers = {"Authorization": f"Bearer {first}"}
    assert calls.client.get(LIST, headers=headers).status_code == 401
    second = calls.token().json()["access_token"]
    assert second != first
    assert calls.client.get(LIST, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "wrong"}, 401),
        ({"grant_type": "password"}, 400),
        ({"grant_type": None}, 400),
        ({"client_id": 7}, 400),
        ({"scope": "all"}, 200),
    ],
)
def test_an_exchange_is_checked(make: Make, told: dict[str, object], status: int) -> None:
    _, calls = make()
    assert calls.token(**told).status_code == status


@pytest.mark.parametrize("body", [b"", b"[]", b"grant_type=client_credentials", b"{"])
def test_an_exchange_takes_json_alone(make: Make, body: bytes) -> None:
    _, calls = make()
    assert calls.client.post("/api/v1/auth/token", content=body).status_code == 400


# ── what the ledger does not keep ────────────────────────────────────────────────────────


def test_the_ledger_holds_no_secret(make: Make) -> None:
    twin, calls = make()
    token = calls.token().json()["access_token"]
    calls.listed()
    calls.sync(SEED, {})
    calls.client.get(LIST, headers={"Authorization": f"Bearer {token}", "Cookie": "s=1"})
    calls.client.get(LIST, auth=("twin-client", "twin-secret"))
    calls.client.get(LIST, headers={"Authorization": "twin-v1-token"})
    entries = twin.ledger.entries
    told = repr(entries)
    assert [e.credentials for e in entries] == [None, "v1", "downstream", "token", "basic", None]
    assert [e.headers.get("authorization") for e in entries] == [
        None,
        "Bearer ***",
        "Bearer ***",
        "Bearer ***",
        "Basic ***",
        "***",
    ]
    assert entries[2].headers["x-api-key"] == entries[3].headers["cookie"] == "***"
    for secret in ("twin-v1-token", "twin-downstream", "twin-secret", token, "s=1"):
        assert secret not in told
