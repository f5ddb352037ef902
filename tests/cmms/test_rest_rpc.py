"""An API of remote calls, without a bridge: one address, POST for reads, a token in the body."""

from decimal import Decimal
from typing import Any

import pytest

from syncd.core.work_order import Field
from syncd.errors import (
    ConfigurationError,
    CredentialsRefused,
    NotFound,
    Throttled,
    Unreachable,
)
from tests.cmms.rest_bench import SECRET, got, item, laid, page, rest
from tests.cmms.rpc import MAPPING, PASSWORD, Rpc, call, error, good
from tests.edges.raw_server import answer, answer_json

NEXT = {"list": {"page": {"number": None, "link": {"read": "data.next"}}}}


def test_it_is_read_and_written_with_the_token_in_the_body() -> None:
    cmms = Rpc(rows=5)
    with rest(MAPPING, serve=cmms, PASSWORD=PASSWORD) as made:
        assert [it.cmms_id for it in made.adapter.fetch(None)] == list("12345")
        assert made.adapter.get("3").fields[Field.TITLE] == "No 3"
        with pytest.raises(NotFound):
            made.adapter.get("9")
        record = made.adapter.create("wo_7", {Field.TITLE: "New"})
        assert made.adapter.find("wo_7") == [record]
        changed = made.adapter.update(record.cmms_id, {Field.TITLE: "Newer"}, {})
        assert changed.fields[Field.TITLE] == "Newer"
    assert cmms.logins == 1
    sent = cmms.asked[1:]
    assert {it["auth"]["session"] for it in sent} == {"session-canary-1"}
    assert "auth" not in cmms.asked[0]
    assert all("canary" not in str(it.headers) + it.target for it in made.asked)


def test_a_token_that_died_is_renewed_in_the_body() -> None:
    cmms = Rpc(rows=1)
    with rest(MAPPING, serve=cmms, PASSWORD=PASSWORD) as made:
        made.adapter.get("1")
        cmms.sessions.clear()
        made.adapter.get("1")
    assert cmms.logins == 2


def test_a_link_is_asked_for_with_the_lists_own_method_and_the_token() -> None:
    over = laid(NEXT, MAPPING)
    behaviours = [
        good({"session": "session-canary-1"}),
        good({"rows": [item(1)], "next": "/api/rpc?after=1"}),
        good({"rows": [item(2)]}),
    ]
    with rest(over, *behaviours, PASSWORD=PASSWORD) as made:
        assert [it.cmms_id for it in made.adapter.fetch(None)] == ["1", "2"]
        assert made.told()[2] == "POST /api/rpc?after=1"
        assert made.body(2)["auth"] == {"session": "session-canary-1"}


def test_hours_with_a_comma() -> None:
    over = laid(
        {
            "fields": {"estimated_hours": {"at": "planned", "decimal": ",", "decimals": 2}},
            "update": [{**MAPPING["update"][0], "fields": ["title", "status", "description",
                                                           "estimated_hours"]}],
        },
        MAPPING,
    )  # fmt: skip
    cmms = Rpc(rows=1)
    with rest(over, serve=cmms, PASSWORD=PASSWORD) as made:
        record = made.adapter.get("1")
        assert record.fields[Field.ESTIMATED_HOURS] == Decimal("1.5")
        wanted = {Field.ESTIMATED_HOURS: Decimal("0.125")}
        record = made.adapter.update("1", wanted, {Field.ESTIMATED_HOURS: Decimal("1.5")})
        assert cmms.rows["1"]["planned"] == "0,12"
        assert record.equivalents[Field.ESTIMATED_HOURS] == {"0.125"}


# ── a token elsewhere ────────────────────────────────────────────────────────────────────────

LOGIN: dict[str, Any] = {"request": "POST /login", "token": "t", "send": {"query": "sid"}}
OAUTH: dict[str, Any] = {
    "token_url": "/token", "grant": "client_credentials", "client_id": "me",
    "client_secret": "${TOKEN}", "send_token": {"query": "access_token"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("auth", "told", "name"),
    [
        ({"login": LOGIN}, {"t": "tok canary+1"}, "sid"),
        ({"oauth2": OAUTH}, {"access_token": "tok canary+1"}, "access_token"),
    ],
)
def test_a_token_in_the_query_and_shown_nowhere(
    auth: dict[str, Any], told: dict[str, str], name: str
) -> None:
    over = {"auth": {"bearer": None, **auth}, "query": {"lean": 1}}
    with rest(over, answer_json(told), page(item(1)), answer_json({}, 503)) as made:
        list(made.adapter.fetch(None))
        assert made.queries()[1] == {"lean": "1", name: "tok canary+1"}
        made.server.behaviours = [answer_json({"you": f"sent {made.asked[1].target}"}, 400)]
        with pytest.raises(Exception, match=r"\*\*\*") as caught:
            list(made.adapter.fetch(None))
        assert "canary" not in str(caught.value)


def test_a_link_that_holds_the_old_token_is_asked_for_with_the_new_one() -> None:
    over = {
        "auth": {"bearer": None, "login": LOGIN},
        "list": {"page": {"none": None, "link": {"read": "next"}}},
    }
    behaviours = [
        answer_json({"t": "old"}),
        page(item(1), next="/api/wo?sid=old&after=%2F1&z"),
        answer_json({}, 401),
        answer_json({"t": "new"}),
        page(item(2)),
    ]
    with rest(over, *behaviours) as made:
        assert len(list(made.adapter.fetch(None))) == 2
        assert made.told()[2] == "GET /api/wo?after=%2F1&z&sid=old"
        assert made.told()[4] == "GET /api/wo?after=%2F1&z&sid=new"


def test_a_key_in_the_body() -> None:
    over = {
        "auth": {"bearer": None, "json": {"name": "auth.key", "value": "${TOKEN}"}},
        "get": {"request": "POST /wo/{id}"},
        "list": {"request": "POST /wo", "json": {"auth": {"app": "x"}}},
        "find": {"request": "POST /find", "query": {"ref": "{s2e_id}"}},
    }
    with rest(over, page(item(1)), got(item(1)), answer_json({"got": SECRET}, 400)) as made:
        list(made.adapter.fetch(None))
        made.adapter.get("1")
        assert made.body(0) == {"auth": {"app": "x", "key": SECRET}}
        assert made.body(1) == {"auth": {"key": SECRET}}
        with pytest.raises(Exception, match=r"\*\*\*") as caught:
            made.adapter.get("1")
        assert SECRET not in str(caught.value)


# ── what a sign-in is answered ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("behaviour", "kind", "text"),
    [
        (error(18, "wrong password"), CredentialsRefused, "wrong password"),
        (error(12, "no such action"), CredentialsRefused, "no such action; no token was given"),
        (error(50, "too many"), Throttled, "too many"),
        (error(99, "down"), Unreachable, "down"),
    ],
)
def test_a_sign_in_is_judged_by_the_rules_though_it_is_answered_with_200(
    behaviour: Any, kind: type[Exception], text: str
) -> None:
    with rest(MAPPING, behaviour, PASSWORD=PASSWORD) as made:
        with pytest.raises(kind, match=text) as caught:
            list(made.adapter.fetch(None))
        assert not getattr(caught.value, "may_have_applied", True)
        assert len(made.asked) == (3 if kind is Unreachable else 1)


def test_a_rule_about_json_says_nothing_of_a_token_that_is_plain_text() -> None:
    over = {
        "auth": {"bearer": None, "login": {"request": "POST /login", "text": True}},
        "errors": [{"when": "ok != `true`", "as": "refused"}, {"body": "ERR", "as": "credentials"}],
    }
    told = answer_json({**item(1), "ok": True})
    with rest(over, answer(200, b"tok-canary", "text/plain"), told) as made:
        made.adapter.get("1")
        assert made.asked[1].headers["authorization"] == "Bearer tok-canary"
    with (
        rest(over, answer(200, b"ERR: locked out", "text/plain")) as made,
        pytest.raises(CredentialsRefused, match="ERR: locked out"),
    ):
        made.adapter.get("1")


def test_a_wrong_password_is_told_without_it_and_tried_rarely() -> None:
    with rest(MAPPING, serve=Rpc(), PASSWORD="not-this-canary") as made:
        for _ in range(3):
            with pytest.raises(CredentialsRefused, match=r"wrong password \*\*\*"):
                list(made.adapter.fetch(None))
        assert len(made.asked) == 1


def test_a_new_token_that_is_refused_too_is_told_with_the_place_it_is_sent_to() -> None:
    over = laid({"auth": {"login": {"send": {"json": "session"}}}}, MAPPING)
    rpc = Rpc(rows=1)
    with rest(over, serve=rpc, PASSWORD=PASSWORD) as made:
        with pytest.raises(CredentialsRefused, match=r"new token was refused, too.*auth\.login\.s"):
            made.adapter.get("1")
        assert [it["do"] for it in rpc.asked] == ["login", "read", "login", "read"]


# ── how long to wait ─────────────────────────────────────────────────────────────────────────

DATE = "Tue, 10 Mar 2026 14:30:00 GMT"


@pytest.mark.parametrize(
    ("told", "meant", "waits"),
    [
        (3000, "ms", 3.0),
        ("2,5", "seconds", 1.0),  # it cannot be read: as where nothing is told
        ("2.5", "seconds", 2.5),
        (1773153007, "epoch", 8.0),  # a whole second, that may not be over yet
        (1773153007000, "epoch_ms", 8.0),
        ("Tue, 10 Mar 2026 14:30:09 GMT", "date", 10.0),
        (None, "ms", 1.0),
        (True, "seconds", 1.0),
    ],
)
def test_a_wait_that_the_body_tells(told: Any, meant: str, waits: float) -> None:
    rules = [{"code": {"at": "no", "is": 50}, "as": "throttled", "wait": {"at": "w", "as": meant}}]
    busy = answer_json({"no": 50, "w": told}, Date=DATE)
    with rest({"errors": rules}, busy, got(item(1))) as made:
        made.adapter.get("1")
        assert made.waits == [waits]
        made.server.behaviours = [busy]
        made.left_s = 0
        with pytest.raises(Throttled) as caught:
            made.adapter.get("1")
        assert caught.value.wait_s == waits


def test_a_busy_sign_in_is_not_asked_again_before_the_body_says() -> None:
    rules = [{**it, "wait": {"at": "error.ms", "as": "ms"}} if it["as"] == "throttled" else it
             for it in MAPPING["errors"]]  # fmt: skip
    busy = error(50, "too many", ms=9000)
    with rest(laid({"errors": rules}, MAPPING), busy, PASSWORD=PASSWORD) as made:
        with pytest.raises(Throttled) as caught:
            made.adapter.get("1")
        assert caught.value.wait_s == 9
        made.left_s = 5
        with pytest.raises(Throttled):
            made.adapter.get("1")
        assert len(made.asked) == 1


# ── what cannot go together ──────────────────────────────────────────────────────────────────

TWO = {"auth": {"login": {"send": {"header": "X"}}}}
CANNOT: list[tuple[dict[str, Any], str]] = [
    ({"query": {"session": "{token}"}}, "query.session: there is no {token} here"),
    ({"headers": {"X-Id": "a {Id}"}}, "headers.X-Id: there is no {Id} here"),
    (TWO, "auth.login.send: give exactly one of header, query, json"),
    ({"auth": {"login": {"send": {"value": "{tokn}"}}}}, "there is no {tokn} here; there is {token}"),
    ({"auth": {"login": {"send": {"value": "x"}}}}, "auth.login.send: has no {token}"),
    ({"auth": {"login": {"send": {"json": "a[0]"}}}}, "auth.login.send: 'a[0]' is no path"),
    ({"get": {"request": "GET /rpc"}}, "get: is GET, which has no body, and auth.login.send"),
    ({"create": {"json": None, "form": {"a": "b"}}}, "create: has a form, and no JSON body"),
    ({"list": {"json": ["x"]}}, "list: has a JSON body that is no object"),
    ({"update": [{**call("change"), "request": "DELETE /{id}", "fields": ["title", "status",
      "description"]}]}, "update[0]: is DELETE, which has no body"),
    ({"errors": [{"status": 503, "as": "unreachable", "wait": {"at": "w", "as": "ms"}}]}, "wait is for throttled"),
    ({"errors": [{"status": 503, "as": "throttled", "wait": {"at": "w[", "as": "ms"}}]}, "'w[' is no JMESPath"),
    ({"auth": {"login": None, "json": {"name": "key", "value": "s3cret"}}}, "auth.json.value: is a secret"),
]  # fmt: skip


@pytest.mark.parametrize(("over", "what"), CANNOT, ids=[what[:40] for _, what in CANNOT])
def test_what_cannot_work_is_told_at_load(over: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError) as caught, rest(laid(over, MAPPING), PASSWORD=PASSWORD):
        pass
    found = [line for line in str(caught.value).splitlines() if what in line]
    assert found, str(caught.value)
    assert int(found[0].split("small.yaml:")[1].split(":")[0]) > 0


def test_doubled_braces_and_json_are_sent_with_every_call_as_they_are_meant() -> None:
    over = {"query": {"f": '{"a":{"b":1}}', "t": "{{x}}"}, "headers": {"X-A": "{{x}}"}}
    with rest(over, page()) as made:
        list(made.adapter.fetch(None))
        assert made.queries() == [{"f": '{"a":{"b":1}}', "t": "{x}"}]
        assert made.asked[0].headers["x-a"] == "{x}"
