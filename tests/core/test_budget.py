"""The rate limit is learned from answers, on the server's clock, and kept before it is broken."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.budget import MAX_WAIT_S, RateBudget, parse_http_date, retry_after_s

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
DATE = format_datetime(NOW, usegmt=True)
RESET = int(NOW.timestamp())


def headers(
    *,
    retry_after: str | None = None,
    limit: object = None,
    remaining: object = None,
    reset: object = None,
    date: str | None = DATE,
) -> dict[str, str]:
    told = {
        "retry-after": retry_after,
        "x-ratelimit-limit": limit,
        "x-ratelimit-remaining": remaining,
        "x-ratelimit-reset": reset,
        "date": date,
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def wait_after(status: int, told: dict[str, str], *, writing: bool = False) -> float:
    budget = RateBudget()
    budget.observe(status, told, now=1000.0)
    return budget.wait_s(1000.0, writing=writing)


# ── Retry-After ───────────────────────────────────────────────────────────────────────────

RETRY_AFTER = [
    ("0", 0.0),
    ("7", 7.0),
    (" 7 ", 7.0),
    ("120.5", 120.5),
    ("-5", 0.0),
    ("900", 900.0),
    ("901", MAX_WAIT_S),
    ("1e9", MAX_WAIT_S),
    ("99999999999", MAX_WAIT_S),
    ("Tue, 10 Mar 2026 14:30:42 GMT", 42.0),
    ("Tuesday, 10-Mar-26 14:30:42 GMT", 42.0),
    ("Tue Mar 10 14:30:42 2026", 42.0),
    ("Tue, 10 Mar 2026 15:30:42 +0100", 42.0),
    ("Tue, 10 Mar 2026 14:29:00 GMT", 0.0),
    ("Wed, 11 Mar 2026 14:30:00 GMT", MAX_WAIT_S),
    ("", None),
    ("soon", None),
    ("nan", None),
    ("inf", None),
    ("7 seconds", None),
    ("Tue, 10 Mar 99999 14:30:00 GMT", None),
    ("Tue, 10 Mar 2026 14:30:42 +99999999999999", None),
    ("Tue, 10 Mar 2026 14:30:60 GMT", None),
]


@pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER)
def test_retry_after_is_read_in_every_form(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


@pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER)
def test_a_refusal_is_waited_out_as_asked_and_for_a_second_where_that_cannot_be_read(
    text: str, seconds: float | None
) -> None:
    expected = 1.0 if seconds is None else seconds
    assert wait_after(429, headers(retry_after=text)) == expected


def test_a_date_without_the_answers_own_date_cannot_be_measured() -> None:
    assert retry_after_s("Tue, 10 Mar 2026 14:30:42 GMT", None) is None
    assert wait_after(429, headers(retry_after="Tue, 10 Mar 2026 14:30:42 GMT", date=None)) == 1.0


def test_without_retry_after_the_reset_counts() -> None:
    assert wait_after(429, headers(reset=RESET + 20)) == 21.0


def test_retry_after_goes_before_the_reset() -> None:
    assert wait_after(429, headers(retry_after="5", reset=RESET + 500)) == 5.0


@given(st.text(max_size=40))
def test_no_header_value_makes_it_fail(text: str) -> None:
    told = headers(retry_after=text, limit=text, remaining=text, reset=text, date=text)
    for status in (200, 429):
        assert 0 <= wait_after(status, told) <= MAX_WAIT_S
    assert parse_http_date(text) is None or parse_http_date(text).tzinfo is not None  # type: ignore[union-attr]  # the first half


# ── refusals in a row ─────────────────────────────────────────────────────────────────────


def waits_in_a_row(told: dict[str, str], count: int) -> list[float]:
    budget, now, waits = RateBudget(), 0.0, []
    for _ in range(count):
        budget.observe(429, told, now)
        waits.append(budget.wait_s(now))
        now += waits[-1]
    return waits


def test_refusals_that_ask_for_nothing_are_waited_out_longer_and_longer() -> None:
    assert waits_in_a_row(headers(), 12) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_at_once_is_taken_at_its_word_only_once() -> None:
    assert waits_in_a_row(headers(retry_after="0"), 4) == [0, 2, 4, 8]


def test_a_wait_that_is_asked_for_again_and_again_is_kept_as_asked() -> None:
    assert waits_in_a_row(headers(retry_after="7"), 6) == [7] * 6


def test_an_answer_that_is_no_refusal_ends_the_row() -> None:
    budget = RateBudget()
    for _ in range(5):
        budget.observe(429, headers(), 0.0)
    budget.observe(200, headers(), 100.0)
    budget.observe(429, headers(), 100.0)
    assert budget.wait_s(100.0) == 1.0


def test_a_longer_wait_is_not_shortened_by_a_later_answer() -> None:
    budget = RateBudget()
    budget.observe(429, headers(retry_after="60"), 0.0)
    budget.observe(200, headers(limit=100, remaining=90, reset=RESET + 5), 1.0)
    budget.observe(429, headers(retry_after="2"), 2.0)
    assert budget.wait_s(10.0) == 50.0


# ── slowing down before a refusal ─────────────────────────────────────────────────────────


def test_an_allowance_that_is_used_up_is_waited_for() -> None:
    told = headers(limit=100, remaining=0, reset=RESET + 30)
    assert wait_after(200, told) == 31.0
    assert wait_after(200, told, writing=True) == 31.0


@pytest.mark.parametrize(
    ("limit", "remaining", "read", "write"),
    [
        (100, 6, 0.0, 0.0),
        (100, 5, 31.0, 0.0),
        (100, 3, 31.0, 0.0),
        (100, 2, 31.0, 31.0),  # the last fiftieth is for other users of the key
        (100, -3, 31.0, 31.0),
        (10, 1, 0.0, 0.0),  # too small an allowance to keep some of it back
        (None, 1, 0.0, 0.0),
        ("many", 1, 0.0, 0.0),
        (100, "few", 0.0, 0.0),
    ],
)
def test_reads_leave_a_twentieth_for_writes_and_writes_a_fiftieth_for_others(
    limit: object, remaining: object, read: float, write: float
) -> None:
    told = headers(limit=limit, remaining=remaining, reset=RESET + 30)
    assert wait_after(200, told) == read
    assert wait_after(200, told, writing=True) == write


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [(RESET - 500, 1.0), (RESET, 1.0), (RESET + 0.5, 1.5), (RESET * 1000, 900.0), ("never", 0.0)],
)
def test_a_reset_is_measured_within_bounds(reset: object, seconds: float) -> None:
    assert wait_after(200, headers(limit=100, remaining=0, reset=reset)) == seconds


@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(days=-1), timedelta(days=400)])
def test_a_clock_that_is_wrong_on_their_side_changes_no_wait(skew: timedelta) -> None:
    date = format_datetime(NOW + skew, usegmt=True)
    reset = int((NOW + skew).timestamp()) + 20
    assert wait_after(429, headers(reset=reset, date=date)) == 21.0


def test_without_a_date_a_reset_cannot_be_measured() -> None:
    assert wait_after(200, headers(remaining=0, reset=RESET + 30, date=None)) == 0.0


def test_a_thousand_requests_meet_no_refusal() -> None:
    """A server that allows 60 a minute, in windows, and another user of the same key."""
    others = random.Random(20260310)
    budget, now, used, window, refused = RateBudget(), 0.0, 0, 0, 0
    for _ in range(1000):
        now += budget.wait_s(now)
        if int(now // 60) != window:
            window, used = int(now // 60), 0
        if used < 58 and others.random() < 0.1:
            used += 1
        status = 200 if used < 60 else 429
        used += status == 200
        refused += status == 429
        at = NOW + timedelta(seconds=now)
        told = headers(
            limit=60,
            remaining=60 - used,
            reset=RESET + (window + 1) * 60,
            date=format_datetime(at, usegmt=True),
        )
        budget.observe(status, told, now)
        now += 0.05
    assert refused == 0
    assert now > 15 * 60


# ── the own cap ───────────────────────────────────────────────────────────────────────────


def test_the_own_cap_holds_in_every_minute() -> None:
    budget, now, sent = RateBudget(per_minute=10), 0.0, []
    gaps = random.Random(5)
    for _ in range(100):
        now += budget.wait_s(now)
        budget.spend(now)
        sent.append(now)
        now += gaps.random() * 3
    for start in sent:
        assert sum(start <= moment < start + 60 for moment in sent) <= 10


def test_the_own_cap_is_used_to_the_full() -> None:
    budget = RateBudget(per_minute=3)
    for moment in (0.0, 1.0, 2.0):
        assert budget.wait_s(moment) == 0
        budget.spend(moment)
    assert budget.wait_s(2.0) == 58.0
    assert budget.wait_s(60.0) == 0.0


def test_without_a_cap_nothing_is_kept() -> None:
    budget = RateBudget()
    for moment in range(1000):
        budget.spend(float(moment))
    assert budget.wait_s(1000.0) == 0.0
    assert not budget._sent


# ── what a tick may spend ────────────────────────────────────────────────────────────────


def test_without_a_limit_nothing_is_left_to_count() -> None:
    assert RateBudget().reads_left(0.0) is None


def test_what_is_left_is_what_the_server_says_less_the_reserve_and_what_was_sent_since() -> None:
    budget = RateBudget()
    budget.observe(200, headers(limit=100, remaining=50, reset=RESET + 30), 0.0)
    assert budget.reads_left(0.0) == 45
    budget.spend(0.0)
    assert budget.reads_left(0.0) == 44
    budget.observe(200, headers(limit=100, remaining=5, reset=RESET + 30), 1.0)
    assert budget.reads_left(1.0) == 0


def test_after_the_reset_the_whole_allowance_is_there_again() -> None:
    budget = RateBudget()
    budget.observe(200, headers(limit=100, remaining=50, reset=RESET + 30), 0.0)
    assert budget.reads_left(40.0) == 95


def test_the_own_cap_counts_besides_the_server_s() -> None:
    budget = RateBudget(per_minute=20)
    assert budget.reads_left(0.0) == 19
    for _ in range(19):
        budget.spend(0.0)
    assert budget.reads_left(0.0) == 0
    assert budget.wait_s(0.0) == 60.0
    assert budget.wait_s(0.0, writing=True) == 0.0
