"""What Odoo's errors become: the class that says what is done about it, and a text that helps."""

from contextlib import closing
from typing import Any

import pytest

from syncd.core.work_order import Field, Status
from syncd.errors import (
    AccessRefused,
    CredentialsRefused,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from tests.cmms.fake_odoo_models import REQUEST, OdooError
from tests.cmms.odoo_bench import KEY, NAMES, make_adapter, make_odoo, served
from tests.edges.raw_server import RawServer, answer, answer_json

JSON_2 = {"protocol": "json2"}
BOTH = [(18, {}), (19, JSON_2)]
SECRET = "secret-path.py"  # in every traceback of the fake's


def rpc_error(name: str, message: str = "no") -> dict[str, Any]:
    data = {"name": name, "message": message, "debug": SECRET}
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "x", "data": data}}


@pytest.mark.parametrize(
    ("name", "expected", "applied"),
    [
        ("odoo.exceptions.AccessDenied", CredentialsRefused, False),
        ("odoo.exceptions.ValidationError", Refused, False),
        ("odoo.exceptions.UserError", Refused, False),
        ("builtins.ValueError", Refused, False),
        ("builtins.KeyError", Refused, False),
        ("other.name.ValidationError", Refused, False),
        ("psycopg2.errors.SerializationFailure", Unreachable, False),
        ("psycopg2.errors.LockNotAvailable", Unreachable, False),
        ("psycopg2.pool.PoolError", Unreachable, False),
        ("psycopg2.OperationalError", Unreachable, True),
        ("odoo.http.SessionExpiredException", UnexpectedContent, True),
        ("", UnexpectedContent, True),
    ],
)
def test_an_exception_becomes_the_class_by_its_name(
    name: str, expected: type[RemoteError], applied: bool
) -> None:
    odoo = make_odoo()
    with served(odoo) as (_server, adapter):
        made = adapter.create("wo_1", {Field.TITLE: "x"})
        odoo.raises = OdooError(name, f"no {KEY} no\nmore")
        with pytest.raises(expected) as caught:
            adapter.update(made.cmms_id, {Field.TITLE: "y"}, {})
        assert caught.value.may_have_applied is applied
        assert KEY not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (401, "werkzeug.exceptions.Unauthorized", CredentialsRefused),
        (403, "werkzeug.exceptions.Forbidden", AccessRefused),
        (403, "odoo.exceptions.AccessError", AccessRefused),
        (404, "werkzeug.exceptions.NotFound", UnexpectedContent),
        (422, "odoo.exceptions.ValidationError", Refused),
        (422, "werkzeug.exceptions.UnprocessableEntity", Refused),
        (500, "builtins.ValueError", Refused),  # an unknown field, which no repeating mends
        (500, "psycopg2.OperationalError", Unreachable),
        (500, "", Unreachable),
        (503, "werkzeug.exceptions.ServiceUnavailable", Unreachable),
        (409, "", UnexpectedContent),
    ],
)
def test_json_2_tells_by_name_and_else_by_status(
    status: int, name: str, expected: type[RemoteError]
) -> None:
    body = {"name": name, "message": "no", "debug": SECRET}
    with (
        RawServer(answer_json(body, status)) as server,
        closing(make_adapter(server.url, protocol="json2")) as adapter,
    ):
        with pytest.raises(expected) as caught:
            adapter.get("1")
        assert caught.value.status == status
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "answered",
    [
        answer(200, b"<html>sign in</html>", "text/html"),
        answer_json({"hello": "world"}),
        answer_json([1, 2]),
        answer_json({"jsonrpc": "2.0", "id": 1, "result": "not a number"}),
        answer_json({"jsonrpc": "2.0", "id": 1, "error": "a text"}),
        answer(404, b"<html></html>", "text/html"),
        answer(302, b"", "text/html", Location="/web/login"),
    ],
)
def test_what_does_not_speak_json_rpc_is_said(answered: Any) -> None:
    with (
        RawServer(answered) as server,
        closing(make_adapter(server.url)) as adapter,
        pytest.raises(UnexpectedContent),
    ):
        adapter.get("1")


def test_a_wrong_key_is_answered_with_false_and_names_the_settings() -> None:
    with (
        served(make_odoo(), api_key="wrong") as (_server, adapter),
        pytest.raises(CredentialsRefused, match="SYNCD_CMMS_LOGIN, SYNCD_CMMS_API_KEY"),
    ):
        adapter.check()


def test_a_key_that_ends_is_taken_again_when_it_was_renewed(tmp_path: Any) -> None:
    odoo, file = make_odoo(), tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    number = str(odoo.make(REQUEST, name="x"))
    with served(odoo, api_key=None, api_key_file=str(file)) as (_server, adapter):
        adapter.get(number)
        odoo.keys["sync@example.com"] = "renewed"
        with pytest.raises(CredentialsRefused, match="SYNCD_CMMS_API_KEY"):
            adapter.get(number)
        file.write_text("renewed\n", encoding="utf-8")
        assert adapter.get(number).cmms_id == number


def test_a_database_that_is_not_there_names_the_setting() -> None:
    with (
        served(make_odoo(), database="other") as (_server, adapter),
        pytest.raises(Unreachable, match="SYNCD_CMMS_DATABASE"),
    ):
        adapter.check()


def test_json_2_on_an_odoo_before_19_says_which_protocol_to_set() -> None:
    with (
        served(make_odoo(18), **JSON_2) as (_server, adapter),
        pytest.raises(UnexpectedContent, match="SYNCD_CMMS_PROTOCOL=jsonrpc"),
    ):
        list(adapter.fetch(None))


@pytest.mark.parametrize(("version", "options"), BOTH)
def test_without_the_app_it_is_said(version: int, options: dict[str, Any]) -> None:
    odoo = make_odoo(version)
    with served(odoo, **options) as (_server, adapter):
        del odoo.models[REQUEST]
        with pytest.raises(UnexpectedContent, match="Maintenance app"):
            adapter.check()


def test_a_field_that_every_odoo_has_and_this_one_has_not_is_said() -> None:
    odoo = make_odoo()
    del odoo.models[REQUEST]["archive"]
    with (
        served(odoo) as (_server, adapter),
        pytest.raises(UnexpectedContent, match="has no archive"),
    ):
        adapter.check()


# ── rights ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("version", "options"), BOTH)
def test_who_may_not_read_identifiers_is_told_what_to_set(
    version: int, options: dict[str, Any]
) -> None:
    odoo = make_odoo(version)
    odoo.groups["sync@example.com"] = {"manager"}
    with (
        served(odoo, **options) as (_server, adapter),
        pytest.raises(CredentialsRefused, match="SYNCD_CMMS_FIELD_S2E_ID"),
    ):
        adapter.check()
    with served(odoo, **options, **NAMES) as (_server, adapter):
        assert adapter.check().startswith(f"Odoo {version}.0, ")


def test_who_sees_only_his_own_requests_is_told_so() -> None:
    odoo = make_odoo()
    theirs = odoo.make(REQUEST, name="x")
    odoo.groups["sync@example.com"] = {"rights"}
    with served(odoo) as (_server, adapter):
        assert "sees only the requests" in adapter.check()
        ours = adapter.create("wo_1", {Field.TITLE: "y"}).cmms_id
        assert [it.cmms_id for it in adapter.fetch(None)] == [ours]
        assert str(theirs) != ours


def test_a_request_that_a_rule_protects_is_refused_alone() -> None:
    """The right is there, but not for this record: others may still be written."""
    odoo = make_odoo()
    with served(odoo) as (server, adapter):
        made = adapter.create("wo_1", {Field.TITLE: "x"})
        server.on_request = lambda writes: "forbidden" if writes else None
        with pytest.raises(Refused):
            adapter.update(made.cmms_id, {Field.TITLE: "y"}, {})


@pytest.mark.parametrize("operation", ["write", "create"])
def test_who_may_not_write_at_all_stops_writing(operation: str) -> None:
    odoo = make_odoo()
    with served(odoo) as (_server, adapter):
        number = adapter.create("wo_1", {Field.TITLE: "x"}).cmms_id
        odoo.denied = {operation}
        with pytest.raises(CredentialsRefused):
            if operation == "write":
                adapter.update(number, {Field.TITLE: "y"}, {})
            else:
                adapter.create("wo_2", {Field.TITLE: "y"})
        with pytest.raises(CredentialsRefused, match=f"may not {operation}"):
            adapter.check()


def test_an_import_that_odoo_does_not_take_is_refused_with_its_words() -> None:
    with served(make_odoo()) as (_server, adapter), pytest.raises(Refused, match="mandatory field"):
        adapter.create("wo_1", {Field.STATUS: Status.ASSIGNED})


def test_odoo_that_is_busy_has_changed_nothing() -> None:
    odoo = make_odoo()
    with served(odoo) as (server, adapter):
        made = adapter.create("wo_1", {Field.TITLE: "x"})
        server.on_request = lambda writes: "not_now" if writes else None
        with pytest.raises(Unreachable) as caught:
            adapter.update(made.cmms_id, {Field.TITLE: "y"}, {})
        assert not caught.value.may_have_applied


def test_a_look_before_a_write_that_fails_has_changed_nothing() -> None:
    odoo = make_odoo()
    with served(odoo) as (server, adapter):
        made = adapter.create("wo_1", {Field.TITLE: "x"})
        server.on_request = lambda _writes: "unavailable"
        with pytest.raises(Unreachable) as caught:
            adapter.update(made.cmms_id, {Field.TITLE: "y"}, {})
        assert not caught.value.may_have_applied
        with pytest.raises(Unreachable) as caught:
            adapter.create("wo_2", {Field.TITLE: "y"})
        assert not caught.value.may_have_applied


@pytest.mark.parametrize(
    ("told", "seconds"), [("12", 12.0), ("999999", 3600.0), ("soon", 60.0), ("", 60.0)]
)
def test_how_long_to_wait_is_taken_from_the_answer(told: str, seconds: float) -> None:
    with (
        RawServer(answer(429, b"", "text/html", Retry_After=told)) as server,
        closing(make_adapter(server.url)) as adapter,
    ):
        with pytest.raises(Throttled) as caught:
            adapter.get("1")
        assert caught.value.wait_s == seconds
