"""Who we are: every kind of credentials, tokens that die, and none of them ever shown."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from syncd.errors import (
    ConfigurationError,
    CredentialsRefused,
    Refused,
    Throttled,
    UnexpectedContent,
)
from tests.cmms.rest_bench import SECRET, item, page, rest
from tests.edges.raw_server import Asked, Behaviour, RawServer, answer, answer_json

LOGIN: dict[str, Any] = {
    "login": {"request": "POST /login", "json": {"user": "x", "password": "${TOKEN}"},
              "token": "session.id", "lifetime_s": 30,
              "send": {"header": "X-Session", "value": "s {token}"}},
}  # fmt: skip
OAUTH: dict[str, Any] = {
    "oauth2": {"token_url": "/token", "grant": "client_credentials", "client_id": "me",
               "client_secret": "${TOKEN}", "scope": "a b"},
}  # fmt: skip


def auth(said: dict[str, Any]) -> dict[str, Any]:
    return {"auth": {"bearer": None, **said}}


@pytest.mark.parametrize(
    ("said", "header", "value"),
    [
        ({"bearer": "${TOKEN}"}, "authorization", f"Bearer {SECRET}"),
        ({"basic": {"user": "me", "password": "${TOKEN}"}}, "authorization",
         "Basic bWU6cmVzdC1jYW5hcnktODg4OA=="),
        ({"header": {"name": "apikey", "value": "token ${TOKEN}"}}, "apikey", f"token {SECRET}"),
    ],
)  # fmt: skip
def test_fixed_credentials_go_with_every_call(
    said: dict[str, Any], header: str, value: str
) -> None:
    over = {**auth(said), "headers": {"x-org": "${ORG:-}", "x-site": "B"}}
    with rest(over, page()) as made:
        list(made.adapter.fetch(None))
        assert made.asked[0].headers[header] == value
        assert made.asked[0].headers["x-site"] == "B"
        assert "x-org" not in made.asked[0].headers
        assert SECRET not in repr(made.adapter.__dict__["_spec"])


def test_a_key_in_the_query_is_in_no_error() -> None:
    over = auth({"query": {"name": "key", "value": "${TOKEN}"}})
    with rest(over, answer_json({"said": SECRET}, 400)) as made:
        with pytest.raises(Refused) as caught:
            list(made.adapter.fetch(None))
        assert made.queries()[0] == {"key": SECRET}
        assert SECRET not in str(caught.value)


def sessions(asked: Asked) -> Behaviour:
    """A server whose third list answer finds the session dead, once."""
    sessions.calls.append(asked)  # type: ignore[attr-defined]
    if asked.path == "/api/login":
        return answer_json({"session": {"id": len(sessions.calls)}})  # type: ignore[attr-defined]
    return answer_json({}, 401) if len(sessions.calls) == 3 else page(item(1))  # type: ignore[attr-defined]


def test_a_token_is_renewed_before_it_dies_and_once_when_it_is_refused() -> None:
    sessions.calls = []  # type: ignore[attr-defined]
    with rest(auth(LOGIN), serve=sessions) as made:
        list(made.adapter.fetch(None))
        list(made.adapter.fetch(None))
        told = [asked.headers.get("x-session") for asked in made.asked]
        assert told == [None, "s 1", "s 1", None, "s 4"]
        made.now += 28
        list(made.adapter.fetch(None))
        assert made.asked[-2].path == "/api/login"


def test_a_token_that_is_refused_again_is_told_and_not_asked_for_for_ever() -> None:
    def serve(asked: Asked) -> Behaviour:
        if asked.path == "/api/login":
            return answer_json({"session": {"id": "t-123456"}})
        return answer_json({"you": "sent t-123456"}, 401)

    with rest(auth(LOGIN), serve=serve) as made:
        with pytest.raises(CredentialsRefused) as caught:
            list(made.adapter.fetch(None))
        assert len(made.asked) == 4
        assert "t-123456" not in str(caught.value)


def test_a_refused_sign_in_becomes_rare() -> None:
    with rest(auth(LOGIN), answer_json({"said": SECRET}, 403)) as made:
        for _ in range(3):
            with pytest.raises(CredentialsRefused) as caught:
                list(made.adapter.fetch(None))
            assert SECRET not in str(caught.value)
        assert len(made.asked) == 1
        made.now += 61
        with pytest.raises(CredentialsRefused):
            list(made.adapter.fetch(None))
        assert len(made.asked) == 2


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_sign_in_that_is_refused_in_any_way_is_about_the_credentials(status: int) -> None:
    with rest(auth(LOGIN), answer_json({}, status)) as made, pytest.raises(CredentialsRefused):
        list(made.adapter.fetch(None))


def test_a_busy_sign_in_is_no_refusal() -> None:
    with rest(auth(LOGIN), answer_json({}, 429, Retry_After="9")) as made, pytest.raises(Throttled):
        list(made.adapter.fetch(None))


@pytest.mark.parametrize("told", [{}, {"session": {"id": ""}}, {"session": {"id": "a\nb"}}])
def test_an_answer_without_a_token_is_told(told: dict[str, Any]) -> None:
    with rest(auth(LOGIN), answer_json(told)) as made:
        with pytest.raises(UnexpectedContent, match="without a token") as caught:
            list(made.adapter.fetch(None))
        assert not caught.value.may_have_applied


@pytest.mark.parametrize(
    ("way", "behaviour"),
    [
        ({"token": None, "text": True}, answer(200, b"tok-1\n", "text/plain")),
        ({"token": None, "token_header": "X-Token"}, answer(200, b"ok", "text/plain", X_Token="tok-1")),
        ({"token": "access", "expires_in": "ttl"}, answer_json({"access": "tok-1", "ttl": 60})),
    ],
)  # fmt: skip
def test_a_token_wherever_it_is(way: dict[str, Any], behaviour: Behaviour) -> None:
    said = {"login": {key: it for key, it in {**LOGIN["login"], **way}.items() if it is not None}}
    with rest(auth(said), behaviour, page()) as made:
        list(made.adapter.fetch(None))
        assert made.asked[1].headers["x-session"] == "s tok-1"


def test_client_credentials_in_the_form_or_in_a_header() -> None:
    token = answer_json({"access_token": "tok-1", "expires_in": 3600})
    with rest(auth(OAUTH), token, page()) as made:
        list(made.adapter.fetch(None))
        form = dict(parse_qsl(made.asked[0].body.decode()))
        assert form == {"grant_type": "client_credentials", "client_id": "me",
                        "client_secret": SECRET, "scope": "a b"}  # fmt: skip
        assert made.asked[1].headers["authorization"] == "Bearer tok-1"
    basic = {"oauth2": {**OAUTH["oauth2"], "send": "basic"}}
    with rest(auth(basic), token, page()) as made:
        list(made.adapter.fetch(None))
        assert made.asked[0].headers["authorization"].startswith("Basic ")
        assert b"secret" not in made.asked[0].body


def test_a_refresh_token_that_is_handed_on_is_used_the_next_time() -> None:
    said = {"oauth2": {"token_url": "/token", "grant": "refresh_token", "client_id": "me",
                       "refresh_token": "${TOKEN}"}}  # fmt: skip
    token = answer_json({"access_token": "tok-1", "expires_in": 10, "refresh_token": "next-1"})
    with rest(auth(said), token, page(), token, page()) as made:
        list(made.adapter.fetch(None))
        made.now += 10
        list(made.adapter.fetch(None))
        sent = [dict(parse_qsl(made.asked[number].body.decode())) for number in (0, 2)]
        assert [form["refresh_token"] for form in sent] == [SECRET, "next-1"]


def test_tokens_may_come_from_another_host_and_calls_do_not_go_there() -> None:
    with RawServer(answer_json({"access_token": "tok-1"})) as tokens:
        said = {"oauth2": {**OAUTH["oauth2"], "token_url": f"{tokens.url}/t"}}
        with rest(auth(said), page()) as made:
            list(made.adapter.fetch(None))
            assert [asked.path for asked in tokens.asked] == ["/t"]
            assert made.told() == ["GET /api/wo"]


def test_credentials_do_not_go_over_the_network_in_the_clear() -> None:
    told = r"http://cmms\.example.*SYNCD_ALLOW_HTTP"
    with pytest.raises(ConfigurationError, match=told), rest({}, URL="http://cmms.example"):
        pass
