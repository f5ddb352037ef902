"""How fast we may ask: by the mapping's `limits`, and by what the answers ask for.

Where the cycle has no time for a wait, Throttled is raised and nothing is sent.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from syncd.cmms.rest.blocks import RateWindow, Until
from syncd.cmms.rest.reply import SIDE
from syncd.core.budget import MAX_WAIT_S, parse_http_date, retry_after_s
from syncd.errors import Throttled
from syncd.http import Response

_MINUTE_S = 60.0
_FIRST_S = 1.0  # the wait after a 429 that names none; doubled at each
_BUSY = frozenset({429, 503})


class Pace:
    """The rate limits of one CMMS.

    Args:
        wait: sleeps that many seconds; False if it was cut short because syncd is to stop.
        left_s: how many seconds there are for waiting.
        utcnow: the moment of an answer that has no Date.
    """

    def __init__(
        self,
        windows: Sequence[RateWindow],
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
        """Wait until the next request may be sent. Raises Throttled where there is no time for
        that."""
        while (wait := self.wait_s()) > 0:
            if not self.may_sleep(wait):
                raise Throttled(
                    f"the CMMS's rate limit asks us to wait {wait:.0f} s, longer than this cycle "
                    "has",
                    side=SIDE,
                    wait_s=wait,
                    may_have_applied=False,
                )
        if self._caps:
            self._sent.append(self._monotonic())

    def may_sleep(self, seconds: float) -> bool:
        """Wait so many seconds; False where there is no time for that."""
        return seconds <= self._left_s() and self._wait(seconds)

    def wait_s(self) -> float:
        """Seconds until the next request may be sent."""
        now = self._monotonic()
        while self._sent and now - self._sent[0] >= _MINUTE_S:
            self._sent.popleft()
        wait = self._not_before - now
        for cap in self._caps:
            if len(self._sent) >= cap:
                wait = max(wait, self._sent[-cap] + _MINUTE_S - now)
        return max(wait, 0.0)

    def observe(
        self, response: Response, *, throttled: bool, body_wait: tuple[object, Until] | None = None
    ) -> float:
        """Learn from an answer how many seconds to wait before the next request.

        Args:
            throttled: whether the answer means that there were too many requests.
            body_wait: the wait that its body asks for, as it stands there, and its unit.
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
            if body_wait is not None:
                asked = _until(_text(body_wait[0]), body_wait[1], date)
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


def _until(text: str | None, unit: Until, date: datetime) -> float | None:
    """Seconds from the answer's own date until the wait is over; None: the text cannot be read."""
    if unit == "date":
        moment = parse_http_date(text)
        seconds = None if moment is None else moment.timestamp()
    else:
        seconds = _number(text)
        if seconds is not None and unit in {"ms", "epoch_ms"}:
            seconds /= 1000
    if seconds is None:
        return None
    if unit in {"seconds", "ms"}:
        return max(seconds, 0.0)
    # Both are whole seconds, and a request in the reset's own second may still be refused.
    return max(seconds - date.timestamp() + 1.0, 0.0)


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, bool) else str(value)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
