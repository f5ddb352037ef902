"""Up to when the CMMS has been read, and which of its records say that they are of the future.

The watermark is the newest time of change among the records that were read, and the next read asks
for what has changed since. A time that has not come yet on the side's own clock is no such mark:
one row dated 2027 would hide every edit until then. So the mark never passes the side's clock, a
kept one that does is forgotten, and such records are named once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from syncd.cmms.port import AdapterBase
from syncd.core.work_order import CmmsRecord
from syncd.mirror import state
from syncd.mirror.db.database import Mirror

_ROUNDED = timedelta(seconds=2)  # by which a clock that is told in whole seconds may be behind
_TOLD_AT_ONCE = 20  # records of the future that are logged one by one


@dataclass(slots=True)
class SeenStamps:
    """The times of change that one read of the list has shown.

    Attributes:
        now: the side's own clock when the read began.
        late: how much later than that a time of change counts as one of the future.
        newest: the newest time that had come when the read began; None: no record has one.
        ahead: the records whose time is of the future, with it.
        right: those whose time is not.
    """

    now: datetime
    late: timedelta
    newest: datetime | None = None
    ahead: dict[str, datetime] = field(default_factory=dict)
    right: set[str] = field(default_factory=set)

    def take(self, records: Iterable[CmmsRecord], passed: timedelta) -> None:
        """Look at records that have just been read.

        Args:
            passed: how long ago the read began.
        """
        until = self.now + self.late + max(passed, timedelta(0))
        for record in records:
            stamp = record.updated_at
            if stamp is None:
                continue
            self.ahead.pop(record.cmms_id, None)
            if stamp > until:
                self.ahead[record.cmms_id] = stamp
            else:
                self.right.add(record.cmms_id)
            if stamp <= self.now and (self.newest is None or stamp > self.newest):
                self.newest = stamp


class ReadMarks:
    """Says from when on the CMMS has to be read, and keeps up to when it was.

    Args:
        full_every: how often everything is read.
        overlap: how far before the watermark a read begins.
    """

    def __init__(
        self,
        adapter: AdapterBase,
        mirror: Mirror,
        utcnow: Callable[[], datetime],
        full_every: timedelta,
        overlap: timedelta,
    ) -> None:
        self._adapter, self._mirror, self._utcnow = adapter, mirror, utcnow
        self._full_every, self._overlap = full_every, overlap
        self._log = structlog.get_logger()

    def is_known(self, version_now: str | None) -> bool:
        """Whether nothing has changed since the last whole read, and no other is due."""
        if version_now is None:
            return False
        with self._mirror.read() as tx:
            last_full = state.get_moment(tx, state.CMMS_FULL_READ_AT)
            known = state.get_state(tx, state.CMMS_VERSION)
        due = last_full is None or self._utcnow() - last_full >= self._full_every
        return not due and version_now == known

    def changed_since(self) -> datetime | None:
        """The watermark less an overlap; None when everything has to be read."""
        if not self._adapter.capabilities.filters_changes:
            return None
        with self._mirror.read() as tx:
            last_full = state.get_moment(tx, state.CMMS_FULL_READ_AT)
            watermark = state.get_moment(tx, state.CMMS_WATERMARK)
        if last_full is None or watermark is None:
            return None
        if self._utcnow() - last_full >= self._full_every:
            return None
        # A mark of the future, kept by an older version: it is not known what was missed since.
        return None if self._is_ahead(watermark) else watermark - self._overlap

    def _is_ahead(self, watermark: datetime) -> bool:
        return watermark > (self._adapter.now() or self._utcnow()) + _ROUNDED

    def stamps(self, began: datetime) -> SeenStamps:
        """For the times of change of a read that began then, by our clock. Called once the side
        has answered, since an HTTP server tells its time with an answer."""
        now = self._adapter.now()
        passed = max(self._utcnow() - began, timedelta(0))
        return SeenStamps(began if now is None else now - passed, self._overlap)

    def keep_whole(self, began: datetime, version: str | None) -> None:
        """Keep that a read of everything has ended well.

        Args:
            version: the CMMS's version before it; None: the next cycle has to read again.
        """
        with self._mirror.transaction() as tx:
            state.set_moment(tx, state.CMMS_FULL_READ_AT, began)
            state.set_state(tx, state.CMMS_VERSION, version)

    def keep(self, stamps: SeenStamps, *, whole: bool) -> None:
        """Keep up to when all is read, and name the records of the future that are new.

        Args:
            whole: everything was read, so that what it did not show is gone.
        """
        self._name(stamps, whole=whole)
        with self._mirror.read() as tx:
            kept = state.get_moment(tx, state.CMMS_WATERMARK)
        newest = stamps.newest
        if newest is None and not whole and kept is not None and not self._is_ahead(kept):
            newest = kept
        if newest != kept:
            with self._mirror.transaction() as tx:
                spelled = None if newest is None else newest.isoformat()
                state.set_state(tx, state.CMMS_WATERMARK, spelled)

    def _name(self, stamps: SeenStamps, *, whole: bool) -> None:
        with self._mirror.read() as tx:
            known: dict[str, str] = dict(state.get_state(tx, state.CMMS_AHEAD) or {})
        ahead = {cmms_id: stamp.isoformat() for cmms_id, stamp in stamps.ahead.items()}
        new = [cmms_id for cmms_id, stamp in ahead.items() if known.get(cmms_id) != stamp]
        clock = stamps.now.isoformat(timespec="seconds")
        for cmms_id in new[:_TOLD_AT_ONCE]:
            self._log.warning("record.ahead", cmms_id=cmms_id, changed=ahead[cmms_id], clock=clock)
        if len(new) > _TOLD_AT_ONCE:
            more = f"{len(new) - _TOLD_AT_ONCE} more"
            self._log.warning("record.ahead", records=more, clock=clock)
        others = {} if whole else {one: at for one, at in known.items() if one not in stamps.right}
        kept = others | ahead
        if kept != known:
            with self._mirror.transaction() as tx:
                state.set_state(tx, state.CMMS_AHEAD, kept)
