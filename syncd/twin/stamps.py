"""The times of changes: no two are the same, and none of an order goes back."""

from datetime import UTC, datetime, timedelta

from syncd.twin.checks import format_time

_STEP = timedelta(milliseconds=1)  # what the API can spell
_LAST_YEAR = 9999  # of datetime


class Stamps:
    """Gives out stamps. The caller holds the twin's lock."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)
        self._ahead: set[datetime] = set()  # given ahead of the clock

    def next(self, now: datetime, changed_at: object = None) -> str:
        """`now`, but later than every stamp before it, and than `changed_at`, an order's own.

        An order that says it was changed in the future (the documented one does, to a test whose
        clock stands before it) gets a still later stamp, and the others stay by the clock.
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
    """A stamp read back; None for what a person wrote there and is none, or has none after it."""
    try:
        moment = datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year < _LAST_YEAR else None
