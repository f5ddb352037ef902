"""When each side was last read well, and whether it can be read now.

A side that cannot be read hides its changes, so that none of them waits: it is as old as its last
good read. So is one that nobody reads, because a cycle hangs or raises, from when its next read was
due. One value of `state` per side, written at the end of each cycle.

    the cycle's read of the side    the value says afterwards
    ─────────────────────────────   ────────────────────────────────────────────────────────
    went well                       read when this cycle began; nothing is wrong
    failed, or was not tried        read when the last good one began, since when it fails; a
    because it keeps failing        side that was never read: since the last good cycle, or this
    was of some orders only         as before

A good read is one without an error (`is_good` of engine/results.py): of what changed, of the whole
list, "nothing has changed since", or some orders of a first read that is not finished. Single
orders and records that cannot be read are counted by themselves.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.core.work_order import Side
from syncd.mirror import state
from syncd.mirror.db.database import Tx


@dataclass(frozen=True, slots=True)
class SideRead:
    """How long ago a side was read.

    Attributes:
        age_s: since the last good read began, or the first try.
        fails: the last try has failed.
    """

    age_s: float
    fails: bool

    def unread_s(self, poll_every_s: float) -> float | None:
        """`age_s`, if the side cannot be read or a read of it was left out; else None."""
        return self.age_s if self.fails or self.age_s > 2 * poll_every_s else None

    def late_s(self, poll_every_s: float) -> float:
        """How old the side counts as: a good read is fresh until the next one is due."""
        return self.age_s if self.fails else max(self.age_s - poll_every_s, 0.0)


_KEYS = {side: f"{side.value}_read" for side in Side}


def note_read(tx: Tx, side: Side, began: datetime, *, good: bool) -> None:
    """Keep how a cycle that began then has read the whole of this side."""
    read_at = began if good else _read_at(tx, side) or state.last_good_cycle_at(tx) or began
    _set(tx, side, read_at, fails=not good)


def side_reads(tx: Tx) -> dict[Side, SideRead]:
    """How long ago each side was read; none, if no cycle has begun yet."""
    reads: dict[Side, SideRead] = {}
    for side in Side:
        value = state.get_state(tx, _KEYS[side])
        # Before the first cycle of this version ends, what earlier ones have left says it.
        read_at = (
            _read_at(tx, side) or state.last_good_cycle_at(tx) or state.first_cycle_began_at(tx)
        )
        if read_at is not None:
            age_s = max((tx.now - read_at).total_seconds(), 0.0)
            reads[side] = SideRead(age_s, fails=value is not None and bool(value["fails"]))
    return reads


def move_reads(tx: Tx, by: timedelta) -> None:
    """The clock was set by so much: the reads stay as old as they were, and none is of the
    future."""
    for side in Side:
        read_at = _read_at(tx, side)
        if read_at is not None:
            fails = state.get_state(tx, _KEYS[side])["fails"]
            _set(tx, side, min(read_at + by, tx.now), fails=fails)


def _read_at(tx: Tx, side: Side) -> datetime | None:
    value = state.get_state(tx, _KEYS[side])
    return None if value is None else datetime.fromisoformat(value["read_at"])


def _set(tx: Tx, side: Side, read_at: datetime, *, fails: bool) -> None:
    state.set_state(tx, _KEYS[side], {"read_at": read_at.isoformat(), "fails": fails})
