"""Waiting grows, is spread, and has an end."""

import random

import pytest

from syncd.core.backoff import delay_s


@pytest.mark.parametrize(
    ("attempt", "most"), [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (10_000, 300.0)]
)
def test_the_longest_wait_doubles_up_to_the_cap(attempt: int, most: float) -> None:
    assert delay_s(attempt, lambda: 1.0) == most
    assert delay_s(attempt, lambda: 0.0) == 0.0


def test_waits_are_spread_over_the_whole_range() -> None:
    source = random.Random(7)
    waits = [delay_s(5, source.random) for _ in range(2000)]
    assert 0 <= min(waits) < 0.5
    assert 15.5 < max(waits) < 16
    assert 7.5 < sum(waits) / len(waits) < 8.5


def test_base_and_cap_are_the_callers() -> None:
    assert delay_s(1, lambda: 1.0, base_s=60, cap_s=900) == 60
    assert delay_s(20, lambda: 1.0, base_s=60, cap_s=900) == 900


@pytest.mark.parametrize("attempt", [0, -3])
def test_an_attempt_before_the_first_counts_as_the_first(attempt: int) -> None:
    assert delay_s(attempt, lambda: 1.0) == 1.0
