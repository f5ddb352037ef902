"""How fast we may ask: what the mapping says, and what the answers' headers tell.

A wait that the cycle has no time for is a Throttled error that was never sent.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from syncd.cmms.rest.blocks import Until, Window
from syncd.cmms.rest.reply import SIDE
from syncd.core.budget import MAX_WAIT_S, parse_http_date, retry_after_s
from syncd.errors import Throttled
from syncd.http import Response

_MINUTE_S = 60.0
_FIRST_S = 1.0  # after a 429 that names no time; doubled each time
_BUSY = frozenset({429, 503})


class Pace:
    """The rate limits of one CMMS.

    Args:
        wait: sleeps that many seconds; False if it was cut short because we are to stop.
        left_s: how many seconds there are for waiting.
        utcnow: the moment of an answer that does not tell its own.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        *,
        wait: Callable[[float], bool],
        monotonic: Callable[[], float],
        left_s: Callable[[], float],
        utcnow: Callable[[], datetime],
    ) -> None:
        self._windows = list(windows)
        self._caps = [w.per_minute for w in windows if w.per_minute is not None]
        self._sent: deque[float] = deque()
        self._wait = wait
        self._monotonic = monotonic
        self._left_s = left_s
        self._utcnow = utcnow
        self._not_before = -math.inf
        self._refusals = 0

    def take_turn(self) -> None:
        """Wait until a request may be sent. Raises Throttled where there is no time for that."""
        while (wait := self.wait_s()) > 0:
            if not self.may_sleep(wait):
                raise Throttled(
                    f"the CMMS's rate limit asks to wait {wait:.0f} s, longer than this cycle has",
                    side=SIDE,
                    wait_s=wait,
                    may_have_applied=False,
                )
        if self._caps:
            self._sent.append(self._monotonic())

    def may_sleep(self, seconds: float) -> bool:
        """Wait so long; False where there is no time for that."""
        return seconds <= self._left_s() and self._wait(seconds)

    def wait_s(self) -> float:
        now = self._monotonic()
        while self._sent and now - self._sent[0] >= _MINUTE_S:
            self._sent.popleft()
        wait = self._not_before - now
        for cap in self._caps:
            if len(self._sent) >= cap:
                wait = max(wait, self._sent[-cap] + _MINUTE_S - now)
        return max(wait, 0.0)

    def observe(
        self, response: Response, *, throttled: bool, told: tuple[object, Until] | None = None
    ) -> float:
        """Learn from an answer, which may have asked for fewer requests; how long to wait before
        the next one.

        Args:
            told: what its body says of that, and how it is meant.
        """
        now = self._monotonic()
        headers = response.headers
        date = parse_http_date(headers.get("date")) or self._utcnow()
        wait = 0.0
        for window in self._windows:
            left = _number(headers.get((window.remaining or "").lower()))
            reset = None
            if window.reset is not None:
                reset = _until(headers.get(window.reset.header.lower()), window.reset.as_, date)
            spent = throttled if left is None else left <= window.keep
            if spent and reset is not None:
                wait = max(wait, reset)
        asked = None
        if throttled or response.status in _BUSY:
            asked = None if told is None else _until(_text(told[0]), told[1], date)
            asked = asked or retry_after_s(headers.get("retry-after"), date)
        if throttled:
            self._refusals += 1
            if not asked and not wait:
                asked = _FIRST_S * (1 << min(self._refusals - 1, 9))
        elif response.ok:
            self._refusals = 0
        wait = min(max(wait, asked or 0.0), MAX_WAIT_S)
        self._not_before = max(self._not_before, now + wait)
        return wait


def _until(text: str | None, meant: Until, date: datetime) -> float | None:
    """Seconds until then; a moment is measured from the answer's own date."""
    if meant == "date":
        moment = parse_http_date(text)
        told = None if moment is None else moment.timestamp()
    else:
        told = _number(text)
        if told is not None and meant in {"ms", "epoch_ms"}:
            told /= 1000
    if told is None:
        return None
    if meant in {"seconds", "ms"}:
        return max(told, 0.0)
    # Both are whole seconds, and a request in the reset's own second may still be refused.
    return max(told - date.timestamp() + 1.0, 0.0)


def _text(told: object) -> str | None:
    return None if told is None or isinstance(told, bool) else str(told)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
