"""How long to wait before asking again."""

from collections.abc import Callable
from datetime import timedelta

_FIRST, _LONGEST = timedelta(seconds=30), timedelta(minutes=15)


def delay_s(
    attempt: int, random: Callable[[], float], *, base_s: float = 1.0, cap_s: float = 300.0
) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): full jitter up to
    base, 2 base, 4 base … cap. `random` gives numbers in [0, 1).

    >>> [delay_s(n, lambda: 1.0) for n in (1, 2, 3, 20)]
    [1.0, 2.0, 4.0, 300.0]
    """
    return random() * min(cap_s, base_s * (1 << min(max(attempt, 1) - 1, 20)))


def back_off(tries: int) -> timedelta:
    """How long a write of one order waits after `tries` tries without effect (from 1).

    >>> [back_off(n).total_seconds() for n in (1, 2, 3, 20)]
    [30.0, 60.0, 120.0, 900.0]
    """
    return min(_FIRST * (1 << min(max(tries, 1) - 1, 10)), _LONGEST)
