"""When each side was last read well, and whether it can be read now.

A side that cannot be read hides its changes, so that none of them waits: it is as old as its last
good read. One value of `state` per side, written at the end of each cycle.

    the cycle's read of the side    the value says afterwards
    ─────────────────────────────   ────────────────────────────────────────────────────────
    went well                       read when this cycle began; nothing is wrong
    failed, or was not tried        read when the last good one began, since when it fails; a
    because it keeps failing        side that was never read: since the last good cycle, or this
    was of some orders only         as before
"""

from datetime import datetime, timedelta

from syncd.core.work_order import Side
from syncd.mirror import state
from syncd.mirror.db.database import Tx

_KEYS = {side: f"{side.value}_read" for side in Side}


def note_read(tx: Tx, side: Side, began: datetime, *, good: bool) -> None:
    """Keep how a cycle that began then has read the whole of this side."""
    read_at = began if good else _read_at(tx, side) or state.last_good_cycle_at(tx) or began
    _set(tx, side, read_at, fails=not good)


def unread_s(tx: Tx) -> dict[Side, float]:
    """The sides that cannot be read, each with the seconds since its last good read began."""
    return {
        side: max((tx.now - read_at).total_seconds(), 0.0)
        for side in Side
        if (read_at := _read_at(tx, side)) is not None and state.get_state(tx, _KEYS[side])["fails"]
    }


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
