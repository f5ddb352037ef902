"""How many requests may be spent: learned from the server's own headers, slowing down before
it has to say 429.

Waits are measured between the answer's own `Date` and its `X-RateLimit-Reset`, never against
our clock, so a skewed clock on either side changes nothing.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_WAIT_S = 900.0
_MINUTE_S = 60.0
# Reads leave a twentieth of the allowance for pushes; writes leave a fiftieth of it for other
# users of the key.
_KEPT_FROM_READS, _KEPT_FROM_WRITES = 20, 50
TOO_MANY = 429


@dataclass(slots=True)
class RateBudget:
    """The allowance that both pairs of credentials share.

    Attributes:
        per_minute: our own cap besides the server's; None: no such cap.
    """

    per_minute: int | None = None
    _not_before: float = -math.inf
    _reads_not_before: float = -math.inf
    _limit: int | None = None
    _remaining: int = 0
    _window_ends: float = -math.inf
    _refusals: int = 0
    _sent: deque[float] = field(default_factory=deque)

    def spend(self, now: float) -> None:
        """A request is being sent (monotonic `now`)."""
        self._remaining -= 1
        if self.per_minute is not None:
            self._sent.append(now)

    def wait_s(self, now: float, *, writing: bool = False) -> float:
        """Seconds to wait before the next request may be sent; 0: now.

        Reads leave a reserve of the allowance untouched, and writes a smaller one.
        """
        wait = max(self._not_before, -math.inf if writing else self._reads_not_before) - now
        if self.per_minute is not None:
            cap = self._own_cap(writing=writing)
            self._forget(now)
            if len(self._sent) >= cap:
                oldest = self._sent[len(self._sent) - cap]
                wait = max(wait, oldest + _MINUTE_S - now)
        return max(wait, 0.0)

    def reads_left(self, now: float) -> int | None:
        """How many reads may be sent before one has to wait; None: no limit is known."""
        left: list[int] = []
        if self.wait_s(now) > 0:
            return 0
        if self.per_minute is not None:
            left.append(self._own_cap(writing=False) - len(self._sent))
        if self._limit is not None:
            kept = self._limit // _KEPT_FROM_READS
            left.append((self._remaining if now < self._window_ends else self._limit) - kept)
        return max(min(left), 0) if left else None

    def _own_cap(self, *, writing: bool) -> int:
        cap = self.per_minute or 0
        return cap if writing else max(cap - cap // _KEPT_FROM_READS, 1)

    def _forget(self, now: float) -> None:
        while self._sent and now - self._sent[0] >= _MINUTE_S:
            self._sent.popleft()

    def observe(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """Learn from an answer. Header names are lower case; what cannot be read is ignored."""
        date = parse_http_date(headers.get("date"))
        reset = _until_reset(headers.get("x-ratelimit-reset"), date)
        if status == TOO_MANY:
            self._refusals += 1
            asked = retry_after_s(headers.get("retry-after"), date)
            if asked is None:
                asked = reset
            # A server that keeps refusing and asks for no wait would be asked without end.
            if asked is None or (asked < 1 and self._refusals > 1):
                asked = float(1 << min(self._refusals - 1, 10))
            self._not_before = max(self._not_before, now + min(asked, MAX_WAIT_S))
            return
        self._refusals = 0
        remaining = _number(headers.get("x-ratelimit-remaining"))
        if remaining is None or reset is None:
            return
        limit = int(_number(headers.get("x-ratelimit-limit")) or 0)
        self._limit = limit or None
        self._remaining, self._window_ends = int(remaining), now + reset
        if remaining <= limit // _KEPT_FROM_WRITES:
            self._not_before = max(self._not_before, now + reset)
        elif remaining <= limit // _KEPT_FROM_READS:
            self._reads_not_before = max(self._reads_not_before, now + reset)


def retry_after_s(
    text: str | None, date: datetime | None, longest_s: float = MAX_WAIT_S
) -> float | None:
    """Seconds that a Retry-After asks for, at most `longest_s`; None if it cannot be read.

    Seconds, whole or not, or an HTTP date (all three forms), which is measured from the
    answer's own Date.

    >>> retry_after_s("7", None), retry_after_s("-5", None), retry_after_s("soon", None)
    (7.0, 0.0, None)
    """
    if text is None:
        return None
    number = _number(text)
    if number is not None:
        return min(max(number, 0.0), longest_s)
    moment = parse_http_date(text)
    if moment is None or date is None:
        return None
    return min(max((moment - date).total_seconds(), 0.0), longest_s)


def parse_http_date(text: str | None) -> datetime | None:
    """An HTTP date in any of its three forms (RFC 9110, 5.6.7), aware; None if it is not one.

    >>> parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == parse_http_date(
    ...     "Sun Nov  6 08:49:37 1994"
    ... )
    True
    """
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _until_reset(text: str | None, date: datetime | None) -> float | None:
    """Seconds from the answer's Date to the reset, unix seconds; at least one, since both are
    whole seconds and a request in the reset's own second may still be refused."""
    number = _number(text)
    if number is None or date is None:
        return None
    return min(max(number - date.timestamp() + 1.0, 1.0), MAX_WAIT_S)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
