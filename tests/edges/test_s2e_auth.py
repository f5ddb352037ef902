"""Credentials: refreshed once, by one thread, sent where they belong, and never told."""

import base64
import threading
from collections.abc import Callable
from itertools import count

import pytest

from syncd.core.work_order import Field, Status
from syncd.errors import (
    ConfigurationError,
    CredentialsRefused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.scan2evolve.auth import TOKEN_PATH, BasicAuth, BearerAuth, DownstreamAuth
from tests.edges.raw_server import Asked, Behaviour, answer, answer_json
from tests.edges.s2e_bench import (
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    DONE,
    EMPTY,
    SYNC_TOKEN,
    Bench,
    bench,
)

REFUSED = answer_json({"error": "Missing or invalid API key / token", "requestId": "r1"}, 401)
FIELDS = {Field.STATUS: Status.COMPLETED}


def exchanges(at: Bench) -> int:
    return sum(asked.path == TOKEN_PATH for asked in at.server.asked)


def gate(
    good: Callable[[str], bool], token: Behaviour | None = None
) -> Callable[[Asked], Behaviour]:
    """A server that hands out token-1, token-2, … and answers those that are good."""
    numbers = count(1)

    def route(asked: Asked) -> Behaviour:
        if asked.path == TOKEN_PATH:
            return token or answer_json({"access_token": f"token-{next(numbers)}"})
        return EMPTY if good(asked.headers.get("authorization", "")) else REFUSED

    return route


# ── a token in exchange ───────────────────────────────────────────────────────────────────


def test_client_credentials_are_exchanged_once_and_the_token_used() -> None:
    with bench(route=gate(lambda said: said == "Bearer token-1")) as at:
        at.use(at.exchanging())
        for _ in range(3):
            at.client.list_work_orders()
    assert exchanges(at) == 1
    assert at.client.requests == 4
    body = at.server.asked[0].body.decode()
    assert f'"client_id": "{CLIENT_ID}"' in body
    assert f'"client_secret": "{CLIENT_SECRET}"' in body
    assert '"grant_type": "client_credentials"' in body
    assert "authorization" not in at.server.asked[0].headers


def test_a_token_that_died_is_exchanged_anew_and_the_request_repeated() -> None:
    dead: set[str] = set()
    with bench(route=gate(lambda said: said not in dead)) as at:
        at.use(at.exchanging())
        at.client.list_work_orders()
        dead.add("Bearer token-1")
        at.client.list_work_orders()
        at.client.list_work_orders()
    assert exchanges(at) == 2
    assert at.server.asked[-1].headers["authorization"] == "Bearer token-2"


def test_many_threads_with_a_dead_token_cost_one_exchange() -> None:
    threads_n = 8
    all_refused = threading.Barrier(threads_n)
    meeting = threading.local()
    dead: set[str] = set()
    with bench(route=gate(lambda said: said not in dead)) as at:
        at.use(at.exchanging())
        at.client.list_work_orders()
        dead.add("Bearer token-1")
        auth = at.client._auth
        refresh = auth.refresh

        class Together:
            """The same credentials, but nobody refreshes before everybody was refused."""

            def header(self) -> str:
                return auth.header()

            def refresh(self, refused: str) -> bool:
                if not getattr(meeting, "been", False):
                    meeting.been = True
                    all_refused.wait(10)
                return refresh(refused)

            def accepted(self) -> None:
                auth.accepted()

        at.use(Together())
        done: list[int] = []

        def ask() -> None:
            at.client.list_work_orders()
            done.append(1)

        threads = [threading.Thread(target=ask) for _ in range(threads_n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(15)
    assert len(done) == threads_n
    assert exchanges(at) == 2


def test_a_token_that_is_never_good_is_refreshed_once_and_then_given_up() -> None:
    with bench(route=gate(lambda _said: False)) as at:
        at.use(at.exchanging())
        with pytest.raises(CredentialsRefused, match="SYNCD_S2E_CLIENT_SECRET") as caught:
            at.client.list_work_orders()
    assert [asked.path == TOKEN_PATH for asked in at.server.asked] == [True, False, True, False]
    assert (caught.value.status, caught.value.request_id) == (401, "r1")


@pytest.mark.parametrize("token", [None, REFUSED], ids=["tokens refused", "pair refused"])
def test_refused_for_ever_is_less_than_ten_exchanges_an_hour(token: Behaviour | None) -> None:
    with bench(route=gate(lambda _said: False, token)) as at:
        at.use(at.exchanging())
        for _ in range(60):
            with pytest.raises(CredentialsRefused):
                at.client.list_work_orders()
            at.now += 60
    assert 4 <= exchanges(at) < 10


def test_a_pair_that_was_changed_is_tried_at_once() -> None:
    secrets = ["old-secret"] * 3
    good = False
    with bench(route=gate(lambda _said: good)) as at:
        at.use(at.exchanging(lambda: secrets[-1]))
        for _ in range(3):
            with pytest.raises(CredentialsRefused):
                at.client.list_work_orders()
        before = exchanges(at)
        good = True
        secrets.append("new-secret")
        with pytest.raises(CredentialsRefused):
            good = False
            at.client.list_work_orders()
        good = True
        at.client.list_work_orders()
    assert exchanges(at) == before + 1


def test_tokens_that_live_briefly_but_work_are_exchanged_as_often_as_needed() -> None:
    used: dict[str, int] = {}

    def twice(said: str) -> bool:
        used[said] = used.get(said, 0) + 1
        return used[said] <= 2

    with bench(route=gate(twice)) as at:
        at.use(at.exchanging())
        for _ in range(20):
            at.client.list_work_orders()
    assert exchanges(at) == 10


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (answer(200, b"<html>Sign in", "text/html"), UnexpectedContent),
        (answer_json({}), UnexpectedContent),
        (answer_json({"access_token": None}), UnexpectedContent),
        (answer_json({"access_token": ""}), UnexpectedContent),
        (answer_json({"access_token": 7}), UnexpectedContent),
        (answer_json({"access_token": "line\nbreak"}), UnexpectedContent),
        (answer_json({"access_token": "ä"}), UnexpectedContent),
        (answer_json(["token"]), UnexpectedContent),
        (answer_json({"error": "no such path"}, 404), UnexpectedContent),
        (answer_json({"error": "not so"}, 405), UnexpectedContent),
        (answer_json({"error": "grant"}, 400), CredentialsRefused),
        (answer_json({"error": "no"}, 401), CredentialsRefused),
        (answer_json({"error": "no"}, 403), CredentialsRefused),
        (answer_json({"error": "later"}, 500), Unreachable),
        (lambda peer: peer.reset(), Unreachable),
    ],
)
def test_an_exchange_that_brings_no_token_says_why(
    behave: Behaviour, kind: type[RemoteError]
) -> None:
    with bench(route=gate(lambda _said: True, behave)) as at:
        at.use(at.exchanging())
        with pytest.raises(RemoteError) as caught:
            at.client.list_work_orders()
    assert type(caught.value) is kind
    assert all(asked.path == TOKEN_PATH for asked in at.server.asked)
    assert exchanges(at) <= 3


def test_a_throttled_exchange_is_waited_out() -> None:
    throttled = answer_json({"error": "slow down"}, 429, Retry_After="11")
    token = answer_json({"token": "the-other-name-of-the-key"})
    with bench(throttled, token, EMPTY) as at:
        at.use(at.exchanging())
        at.client.list_work_orders()
    assert at.waits == [11.0]
    assert at.server.asked[-1].headers["authorization"] == "Bearer the-other-name-of-the-key"


def test_a_throttled_exchange_that_the_cycle_cannot_wait_for_says_how_long() -> None:
    with bench(answer_json({"error": "slow down"}, 429, Retry_After="600")) as at:
        at.use(at.exchanging())
        at.client.deadline = at.now + 300
        with pytest.raises(Throttled) as caught:
            at.client.list_work_orders()
    assert caught.value.wait_s == 600
    assert exchanges(at) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 405, 500])
def test_an_exchange_that_quotes_the_pair_does_not_make_us_tell_it(status: int) -> None:
    quoted = answer_json({"error": f"bad: {CLIENT_ID} {CLIENT_SECRET}"}, status)
    with bench(quoted) as at:
        at.use(at.exchanging())
        with pytest.raises(RemoteError) as caught:
            at.client.list_work_orders()
    assert CLIENT_SECRET not in str(caught.value)
    assert CLIENT_ID not in str(caught.value)


# ── a token, or basic ─────────────────────────────────────────────────────────────────────


def test_a_refused_token_is_given_up_after_one_request() -> None:
    with bench(REFUSED, EMPTY) as at, pytest.raises(CredentialsRefused, match="SYNCD_S2E_TOKEN"):
        at.client.list_work_orders()
    assert len(at.server.asked) == 1


def test_a_token_rotated_in_its_file_is_read_when_the_old_one_is_refused() -> None:
    told = ["old-token"]
    with bench(route=gate(lambda said: said == "Bearer new-token")) as at:

        def rotated() -> str:
            return told.pop(0) if len(told) > 1 else told[0]

        told[:] = ["old-token", "new-token"]
        at.use(BearerAuth(rotated))
        at.client.list_work_orders()
    said = [asked.headers["authorization"] for asked in at.server.asked]
    assert said == ["Bearer old-token", "Bearer new-token"]


def test_basic_is_the_pair_in_base64_and_never_exchanged() -> None:
    pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    auth = BasicAuth(lambda: CLIENT_ID, lambda: CLIENT_SECRET)
    with bench(route=gate(lambda said: said == f"Basic {pair}"), auth=auth) as at:
        at.client.list_work_orders()
        at.client.list_work_orders()
    assert exchanges(at) == 0
    assert len(at.server.asked) == 2


def test_a_refused_pair_is_given_up_after_one_request_and_not_told() -> None:
    pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    quoted = answer(500, f"{pair} {CLIENT_ID} {CLIENT_SECRET}".encode(), "text/plain")
    auth = BasicAuth(lambda: CLIENT_ID, lambda: CLIENT_SECRET)
    with bench(REFUSED, quoted, auth=auth) as at:
        with pytest.raises(CredentialsRefused):
            at.client.list_work_orders()
        assert len(at.server.asked) == 1
        with pytest.raises(Unreachable) as caught:
            at.client.list_work_orders()
    for secret in (pair, CLIENT_ID, CLIENT_SECRET):
        assert secret not in str(caught.value)


# ── the downstream pair ───────────────────────────────────────────────────────────────────


def test_a_refused_downstream_pair_names_its_settings_and_leaves_reading_alone() -> None:
    def route(asked: Asked) -> Behaviour:
        return REFUSED if asked.method == "POST" else EMPTY

    with bench(route=route) as at:
        with pytest.raises(CredentialsRefused) as caught:
            at.client.sync_work_order("wo_1", FIELDS)
        at.client.list_work_orders()
    assert "SYNCD_S2E_SYNC_TOKEN" in str(caught.value)
    assert "SYNCD_S2E_SYNC_API_KEY" in str(caught.value)
    assert sum(asked.method == "POST" for asked in at.server.asked) == 1


def test_a_downstream_pair_rotated_in_its_file_is_read_when_the_old_one_is_refused() -> None:
    keys = ["old-key", "new-key"]
    pair = DownstreamAuth(lambda: SYNC_TOKEN, lambda: keys.pop(0))
    with bench(REFUSED, DONE, downstream=pair) as at:
        at.client.sync_work_order("wo_1", FIELDS)
    assert [asked.headers["x-api-key"] for asked in at.server.asked] == ["old-key", "new-key"]


def test_without_a_downstream_pair_nothing_is_sent_and_the_settings_are_named() -> None:
    with bench(DONE) as at:
        at.client._downstream = None
        with pytest.raises(ConfigurationError, match="SYNCD_S2E_SYNC_API_KEY"):
            at.client.sync_work_order("wo_1", FIELDS)
    assert at.server.asked == []


@pytest.mark.parametrize("ending", ["\n", "é"])
def test_a_key_that_a_header_cannot_hold_is_a_setting_and_is_not_told(ending: str) -> None:
    pair = DownstreamAuth(lambda: SYNC_TOKEN, lambda: API_KEY + ending)
    with bench(DONE, downstream=pair) as at, pytest.raises(ConfigurationError) as caught:
        at.client.sync_work_order("wo_1", FIELDS)
    assert API_KEY not in str(caught.value)
    assert at.server.asked == []
