"""JSON from the network is an object of plain values, or it is UnexpectedContent."""

import pytest

from syncd.errors import UnexpectedContent
from syncd.http import Response, parse_json_object

JSON = {"content-type": "application/json"}


def parse(body: bytes | str, **headers: str) -> dict[str, object]:
    told = {name.replace("_", "-"): value for name, value in headers.items()} or JSON
    raw = body.encode() if isinstance(body, str) else body
    return parse_json_object(Response(200, told, raw), side="s2e", where="GET /x")


def test_numbers_are_plain_and_beyond_a_float_they_are_text() -> None:
    assert parse('{"a": 4.50, "b": 0.1, "c": 12345678901234567890, "d": 1e2, "e": -1e400}') == {
        "a": 4.5,
        "b": 0.1,
        "c": 12345678901234567890,
        "d": 100.0,
        "e": "-1e400",
    }


@pytest.mark.parametrize(
    ("spelled", "told"),
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("9" * 5000, "99999999999999999999… (5000 digits)"),
        ("1e" + "9" * 5000, "1e999999999999999999… (5002 digits)"),
    ],
    ids=lambda text: text[:9],
)
def test_a_number_that_is_none_is_one_bad_value_in_its_answer(spelled: str, told: str) -> None:
    """It cannot be taken for a field's value, nor for an id, and the rest is read."""
    body = parse('{"rows": [{"id": 1}, {"id": 2, "hours": ' + spelled + "}]}")
    assert body == {"rows": [{"id": 1}, {"id": 2, "hours": {"no_number": told}}]}


@pytest.mark.parametrize(
    ("spelled", "exact"),
    [
        ("9007199254740993", 9007199254740993),
        ("18446744073709551616", 18446744073709551616),
        ("18446744073709551617", 18446744073709551617),
        ("123456789012345678901234567890123456789", 123456789012345678901234567890123456789),
        ("9007199254740993.0", 9007199254740993),
        ("12345678901234567891.0", 12345678901234567891),
        ("1234567890123456789123e0", 1234567890123456789123),
        ("7.0", 7.0),
        ("1e23", 1e23),
        ('1e23, "b": 12345678901234567890', 1e23),
        ("7.0000000000000001", "7.0000000000000001"),
        ("0.1000000000000000055511151231257827", 0.1),
        ('"007"', "007"),
        ('"12345678901234567890123"', "12345678901234567890123"),
    ],
)
def test_a_whole_number_is_exact_however_long_it_is(spelled: str, exact: object) -> None:
    """It may be an id, and two ids never become one."""
    value = parse('{"id": ' + spelled + "}")["id"]
    assert value == exact
    assert type(value) is type(exact)


def test_brackets_in_texts_do_not_make_an_answer_deep() -> None:
    assert parse('{"a": "' + "[" * 500 + '"}') == {"a": "[" * 500}


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert parse('{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x+json",
    ],
)
def test_json_by_any_of_its_names_is_read(kind: str) -> None:
    assert parse("{}", content_type=kind) == {}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "not JSON"),
        ('{"workOrders": [', "not JSON"),
        ('{"a": 1} {"b": 2}', "not JSON"),
        ("[]", "not an object"),
        ("null", "not an object"),
        ('"text"', "not an object"),
        ('{"a": nan}', "not JSON"),
        ('{"a": ' + "[" * 100_000, "nested|not JSON"),
        ('{"a": ' + "[" * 150 + "]" * 150 + "}", "levels deep"),
        ('{"a": [' + "1," * 500_001 + "1]}", "more values"),
        (b'{"a": "\xff"}', "not JSON"),
        (b'{"a": "\x00"}', "not JSON"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_not_a_json_object_is_unexpected(body: bytes | str, told: str) -> None:
    with pytest.raises(UnexpectedContent, match=told) as caught:
        parse(body)
    assert len(str(caught.value)) < 600
    assert caught.value.status == 200


def test_a_page_says_what_it_is_in_one_printable_line() -> None:
    page = b"<html>\r\n<title>Sign in</title>\x1b[2J\xe2\x80\xae" + b"x" * 5000
    with pytest.raises(UnexpectedContent) as caught:
        parse(page, content_type="text/html", x_request_id="req_7")
    text = str(caught.value)
    assert "text/html, not JSON" in text
    assert "<html> <title>Sign in</title>\\x1b[2J\\u202e" in text
    assert text.isprintable()
    assert len(text) < 400
    assert caught.value.request_id == "req_7"


def test_an_answer_without_a_content_type_is_unexpected() -> None:
    with pytest.raises(UnexpectedContent, match="no content type"):
        parse("{}", server="nginx")


@pytest.mark.parametrize(
    "body",
    [
        b'{"a\\ud800": ["x\\udc00y", "\\ud83d\\ude00"]}',
        b'{"a\xed\xa0\x80": ["x\xed\xb0\x80y", "\xf0\x9f\x98\x80"]}',
    ],
)
def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_is_kept(body: bytes) -> None:
    assert parse(body) == {"a\ufffd": ["x\ufffdy", "😀"]}
