"""How long to wait before asking again."""

from collections.abc import Callable


def delay_s(
    attempt: int, random: Callable[[], float], *, base_s: float = 1.0, cap_s: float = 300.0
) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): full jitter up to
    base, 2 base, 4 base … cap. `random` gives numbers in [0, 1).

    >>> [delay_s(n, lambda: 1.0) for n in (1, 2, 3, 20)]
    [1.0, 2.0, 4.0, 300.0]
    """
    return random() * min(cap_s, base_s * (1 << min(max(attempt, 1) - 1, 20)))
