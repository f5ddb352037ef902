"""Time that passes only when somebody waits for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_BEGAN = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)


class Clock:
    """The true time, and syncd's own clock, which may be wrong.

    Attributes:
        now: true seconds since the beginning; they never go back.
        error_s: by how much syncd's clock is ahead of the true time.
        ahead_s: the most that it has been ahead.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.error_s = 0.0
        self.ahead_s = 0.0
        self._later: list[tuple[float, Callable[[], object]]] = []

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Have `action` run when so many seconds have passed, whatever becomes of syncd."""
        self._later.append((self.now + seconds, action))

    def set_wrong(self, error_s: float) -> None:
        self.error_s = error_s
        self.ahead_s = max(self.ahead_s, error_s)

    def true_utc(self) -> datetime:
        return _BEGAN + timedelta(seconds=self.now)

    def utcnow(self) -> datetime:
        return self.true_utc() + timedelta(seconds=self.error_s)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> bool:
        ends = self.now + max(seconds, 0.0)
        while due := sorted((at, n) for n, (at, _) in enumerate(self._later) if at <= ends):
            self.now, action = self._later.pop(due[0][1])
            action()
        self.now = ends
        return True
