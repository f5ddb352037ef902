"""Single values of a connection, and the rows of cycles and sweeps."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, insert, select, update

from syncd.core.paging.pages import Certificate
from syncd.core.paging.sweep import Sweep
from syncd.mirror.db.columns import json_text
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cycles, state, sweeps

RUNNING = "running"  # a sweep that has not come to its end
# The keys of `state`.
PAUSED = "paused"  # true: a person has stopped writing
FIRST_SYNC_OVER = "first_sync_over"  # true: creations are no longer counted
CMMS_FULL_READ_AT = "cmms_full_read_at"  # when the last whole read began
CMMS_WATERMARK = "cmms_watermark"  # the newest stamp, not of the future, up to which all was read
CMMS_VERSION = "cmms_version"  # of the CMMS at the last whole read; null: the next has to read
CMMS_OWED = "cmms_owed"  # ids of records that could not be read, to be asked for again
CMMS_NAMELESS = "cmms_nameless"  # rows without an id: what each holds, with where it stands
CMMS_AHEAD = "cmms_ahead"  # records whose time of change is of the future, with that time
CMMS_LEARNED = "cmms_learned"  # what its records are read by, see engine/pinning.py
CMMS_MAPPING = "cmms_mapping"  # hash of the mapping with which the records were read
POLICY = "policy"  # the settings under which the orders were last decided about
MIRROR_ID = "mirror_id"  # made with the mirror; a plan's file is good for this mirror only
PRUNED_AT = "pruned_at"  # when old lines were last deleted
LIST_ORDER = "list_order"  # the order of the list, as the last sweep saw it; null: unknown
UNDECIDED = "undecided"  # true: a cycle has read, and has not kept its decisions yet
LANES = "lanes"  # how far the hot lanes were read that do not fit into one tick

_VALUE = select(state.c.value).where(own(state), state.c.key == bindparam("of"))
_FORGET = delete(state).where(own(state), state.c.key == bindparam("of"))
_END_CYCLE = update(cycles).where(own(cycles), cycles.c.cycle_id == bindparam("of"))
_LAST_CYCLE = (
    select(cycles)
    .where(own(cycles), cycles.c.ended_at.is_not(None))
    .order_by(cycles.c.ended_at.desc())
    .limit(1)
)
_LAST_GOOD = select(func.max(cycles.c.ended_at)).where(
    own(cycles), cycles.c.result.in_(["complete", "partial"])
)
_FIRST_BEGUN = select(func.min(cycles.c.started_at)).where(own(cycles))
_NEW_SWEEP = insert(sweeps).returning(sweeps.c.id)
_SWEEP = update(sweeps).where(sweeps.c.id == bindparam("of"))


def get_state(tx: Tx, key: str) -> Any:
    """The value, or None."""
    return tx.run(_VALUE, of=key).scalar_one_or_none()


def set_state(tx: Tx, key: str, value: object) -> None:
    """Keep a value that JSON can express, in the place of the old one."""
    tx.run(_FORGET, of=key)
    tx.insert(state, key=key, value=value)


def get_moment(tx: Tx, key: str) -> datetime | None:
    """The time that `set_moment` has kept, or None."""
    stored = get_state(tx, key)
    return datetime.fromisoformat(stored) if isinstance(stored, str) else None


def set_moment(tx: Tx, key: str, moment: datetime) -> None:
    set_state(tx, key, moment.isoformat())


def start_cycle(tx: Tx, cycle_id: str) -> None:
    tx.insert(cycles, cycle_id=cycle_id, started_at=tx.now)


def end_cycle(tx: Tx, cycle_id: str, result: str, report: Mapping[str, object]) -> None:
    tx.run(_END_CYCLE, of=cycle_id, ended_at=tx.now, result=result, report=dict(report))


def last_cycle(tx: Tx) -> dict[str, Any] | None:
    """The last cycle that ended: cycle_id, started_at, ended_at, result, report."""
    row = tx.run(_LAST_CYCLE).one_or_none()
    return dict(row._mapping) if row is not None else None


def last_good_cycle_at(tx: Tx) -> datetime | None:
    """When a cycle last ended that was complete or partial; None: none did."""
    moment: datetime | None = tx.run(_LAST_GOOD).scalar_one_or_none()
    return moment


def first_cycle_began_at(tx: Tx) -> datetime | None:
    """When the first cycle began of those that are kept; None: none did."""
    moment: datetime | None = tx.run(_FIRST_BEGUN).scalar_one_or_none()
    return moment


def start_sweep(tx: Tx, cycle_id: str) -> int:
    """Begin a sweep; return its id."""
    values = {"cycle_id": cycle_id, "started_at": tx.now, "result": RUNNING}
    result = tx.run(_NEW_SWEEP, connection=tx.connection, pages=0, orders=0, **values)
    sweep_id: int = result.scalar_one()
    return sweep_id


def save_progress(tx: Tx, sweep_id: int, sweep: Sweep, about: Mapping[str, Any]) -> None:
    """Keep where a sweep has to go on, in the transaction that saves the page it has just read.

    Args:
        about: what else the next cycle has to know of it, for `running_sweep`'s `progress`.
    """
    tx.run(
        _SWEEP,
        of=sweep_id,
        progress=json_text({**about, "sweep": sweep.dump()}),
        pages=sweep.certificate.pages,
        orders=sweep.met,
        total=sweep.total,
    )


def end_sweep(
    tx: Tx, sweep_id: int, *, result: str, reason: str | None, certificate: Certificate | None
) -> None:
    """Keep the result of a sweep, and what it has proved.

    Args:
        result: complete or partial.
        reason: why it is partial; None: it is complete.
    """
    values = {
        "result": result,
        "reason": reason,
        "certificate": None if certificate is None else asdict(certificate),
    }
    tx.run(_SWEEP, of=sweep_id, ended_at=tx.now, progress=None, **values)


def running_sweep(tx: Tx) -> dict[str, Any] | None:
    """The columns of the sweep that is running, or None."""
    return _sweep(tx, _RUNNING_SWEEP)


def last_sweep(tx: Tx) -> dict[str, Any] | None:
    """The columns of the sweep that ended last, or None."""
    return _sweep(tx, _LAST_SWEEP)


def last_complete_sweep(tx: Tx) -> dict[str, Any] | None:
    """The columns of the last complete sweep, or None."""
    return _sweep(tx, _COMPLETE_SWEEP)


def _newest_sweep(condition: ColumnElement[bool]) -> Select[Any]:
    return select(sweeps).where(own(sweeps), condition).order_by(sweeps.c.id.desc()).limit(1)


_RUNNING_SWEEP = _newest_sweep(sweeps.c.result == RUNNING)
_LAST_SWEEP = _newest_sweep(sweeps.c.ended_at.is_not(None))
_COMPLETE_SWEEP = _newest_sweep(sweeps.c.result == "complete")


def _sweep(tx: Tx, statement: Select[Any]) -> dict[str, Any] | None:
    row = tx.run(statement).one_or_none()
    return dict(row._mapping) if row is not None else None


def knows_cycle(tx: Tx, cycle_id: str) -> bool:
    """Whether the mirror holds this cycle; old ones are deleted."""
    statement = select(cycles.c.cycle_id).where(
        cycles.c.connection == tx.connection, cycles.c.cycle_id == cycle_id
    )
    return tx.conn.execute(statement).first() is not None
