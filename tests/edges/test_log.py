"""Logs: one record is one line, and no line holds a secret in any of its forms."""

import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from syncd.log import EVENTS, Redactor, configure, escape

CANARIES = [
    "canary-plain-0001",
    "c@nary/with+odd=chars&0002",
    "canary\\back\\slash0003",
    'canary"quote"0004',
    "kanariä-ünï-0005",
    "0006" * 12,
]


@pytest.fixture(autouse=True)
def _afterwards() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = before, level
    structlog.reset_defaults()


def logged(form: str, secrets: list[str] = CANARIES) -> io.StringIO:
    stream = io.StringIO()
    configure(form=form, level="DEBUG", stream=stream, secrets=secrets)
    return stream


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        "Basic " + base64.b64encode(b"id:" + raw).decode(),
        "Basic " + base64.b64encode(b"client:" + raw).decode(),
        f"https://user:{secret}@host/path",
        f"https://host/?token={quote(secret, safe='')}",
    ]


def leaks(text: str) -> list[str]:
    """The canaries that a reader could still make out."""
    found = []
    for secret in CANARIES:
        core = secret.encode()[3:-3]
        if any(form in text for form in (secret, quote(secret, safe=""))):
            found.append(secret)
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + core).decode()[4:-4]
            if len(coded) > 8 and coded in text:
                found.append(secret)
    return found


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("secret", CANARIES)
def test_no_form_of_a_secret_is_written(form: str, secret: str) -> None:
    stream = logged(form)
    for text in forms(secret):
        log = structlog.get_logger()
        log.info("push.applied", value=text, nested={"list": [text], text: 1}, raw=text.encode())
        log.warning(f"event {text}")
        try:
            try:
                raise ValueError(text)
            except ValueError as inner:
                raise RuntimeError(f"while {text}") from inner
        except RuntimeError:
            log.exception("command.failed")
        logging.getLogger("sqlalchemy").warning("said %s", text)
    assert leaks(stream.getvalue()) == []
    assert "***" in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef123456",
        "X-API-KEY: abcdef123456",
        "postgresql://me:abcdef123456@db/x",
        "https://h/?client_secret=abcdef123456&x=1",
    ],
)
def test_what_looks_like_a_secret_is_masked_though_unknown(text: str) -> None:
    assert "abcdef123456" not in Redactor([]).text(text)


def test_a_secret_that_comes_later_is_masked_from_then_on() -> None:
    redactor = Redactor(["known-before"])
    redactor.hide("known-later")
    assert redactor.text("known-before and known-later") == "*** and ***"


def test_a_traceback_holds_no_locals() -> None:
    stream = logged("json", [])
    local = "a local that nobody asked for"
    try:
        raise ValueError(len(local))
    except ValueError:
        structlog.get_logger().exception("command.failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError" in json.loads(line)["exception"]
    assert "nobody asked" not in line.replace("local = ", "")


FORGERIES = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from('\n\r\x1b\x00\x85\u2028\u202e{}"\\ =level'),
    ),
    max_size=60,
)


@pytest.mark.parametrize("form", ["json", "console"])
def test_one_record_is_one_line(form: str) -> None:
    stream = logged(form, [])

    @given(FORGERIES, FORGERIES)
    def check(event: str, value: str) -> None:
        stream.seek(0)
        stream.truncate()
        structlog.get_logger().info(event, value=value, nested={value: [value]})
        text = stream.getvalue()
        assert text.count("\n") == 1
        assert len(text.splitlines()) == 1
        assert not set(text[:-1]) & set(map(chr, [*range(32), *range(127, 160)]))
        if form == "json":
            assert json.loads(text)["level"] == "info"

    check()


def test_json_has_its_promised_keys_and_no_nan() -> None:
    stream = logged("json", [])
    structlog.get_logger().info("cycle.finished", hours=float("nan"), odd=object())
    line: dict[str, Any] = json.loads(stream.getvalue(), parse_constant=pytest.fail)
    assert list(line)[:3] == ["ts", "level", "event"]
    assert len(line["ts"]) == len("2026-03-10T14:30:00.000Z")
    assert line["ts"].endswith("Z")


def test_quiet_libraries_stay_quiet() -> None:
    stream = logged("json", [])
    for name in ("httpx", "httpcore", "apscheduler", "alembic"):
        logging.getLogger(name).warning("https://user:password@host/?client_secret=x")
    assert stream.getvalue() == ""


def test_what_is_escaped_can_be_read() -> None:
    assert escape("a\nb\x1b[2Jc\u202ed") == "a\\u000ab\\u001b[2Jc\\u202ed"


def test_every_event_is_a_noun_and_a_past_verb() -> None:
    assert all(name.count(".") == 1 and meaning for name, meaning in EVENTS.items())
