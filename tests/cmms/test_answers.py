"""What an HTTP answer means to an adapter that uses `JsonApi`."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from syncd.cmms.http import raise_for_status
from syncd.errors import (
    AccessRefused,
    Changed,
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import Response

NOW: Callable[[], datetime] = lambda: datetime(2026, 3, 10, 14, 30, tzinfo=UTC)  # noqa: E731


@pytest.mark.parametrize(
    ("status", "kind", "may_have_applied"),
    [
        (101, UnexpectedContent, True),
        (302, UnexpectedContent, True),
        (400, Refused, False),
        (401, CredentialsRefused, False),
        (403, AccessRefused, False),
        (404, NotFound, False),
        (407, CredentialsRefused, False),
        (408, Unreachable, True),
        (409, Changed, False),
        (410, NotFound, False),
        (412, Changed, False),
        (418, Refused, False),
        (422, Refused, False),
        (425, Unreachable, True),
        (429, Throttled, False),
        (500, Unreachable, True),
        (503, Unreachable, True),
        (599, Unreachable, True),
    ],
)
def test_a_status_says_what_is_done_about_it(
    status: int, kind: type[RemoteError], may_have_applied: bool
) -> None:
    with pytest.raises(kind, match=f"GET /orders answered {status}: 'no'") as caught:
        raise_for_status(Response(status, {}, b"no"), "GET /orders", NOW)
    assert type(caught.value) is kind
    assert caught.value.may_have_applied is may_have_applied
    assert (caught.value.status, caught.value.side) == (status, "cmms")


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_is_one(status: int) -> None:
    raise_for_status(Response(status, {}, b""), "GET /orders", NOW)


@pytest.mark.parametrize(
    ("asked", "wait_s"),
    [("7", 7), ("Tue, 10 Mar 2026 14:31:30 GMT", 90), ("soon", 60), (None, 60)],
)
def test_how_long_to_wait_is_what_was_asked_for(asked: str | None, wait_s: float) -> None:
    headers = {} if asked is None else {"retry-after": asked}
    with pytest.raises(Throttled) as caught:
        raise_for_status(Response(429, headers, b""), "GET /orders", NOW)
    assert caught.value.wait_s == wait_s
