"""The times of changes. No two are the same, and those of one order only go forward."""

from datetime import UTC, datetime, timedelta

from syncd.twin.checks import format_time

_STEP = timedelta(milliseconds=1)  # the API spells no shorter time
_LAST_YEAR = 9999  # datetime's last


class Stamps:
    """Gives out stamps. The caller holds the twin's lock."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)
        self._ahead: set[datetime] = set()  # stamps given ahead of the clock

    def next(self, now: datetime, changed_at: object = None) -> str:
        """Return `now`, or later: after every earlier stamp, and after the order's `changed_at`.

        An order whose `changed_at` is in the future gets a later one; the stamps of other orders
        stay with the clock. Example: the documented order, in a test whose clock is before it.
        """
        moment = now.astimezone(UTC)
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        moment = self._last = max(moment, self._last + _STEP)
        own = _read(changed_at)
        if own is not None and own >= moment:
            moment = own + _STEP
        while moment in self._ahead:
            moment += _STEP
        if moment > self._last:
            self._ahead.add(moment)
        return format_time(moment)


def _read(text: object) -> datetime | None:
    """Read a stamp; None for other text, which people may write, and for the last year."""
    try:
        moment = datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year < _LAST_YEAR else None
