"""Single values of a connection, and the records of cycles and sweeps."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from syncd.core.sweep import Certificate, Sweep
from syncd.mirror.columns import json_text
from syncd.mirror.database import Tx
from syncd.mirror.tables import cycles, state, sweeps

RUNNING = "running"  # a sweep that has not come to its end
# Keys.
PAUSED = "paused"  # true: a person has stopped writing
FIRST_SYNC_OVER = "first_sync_over"  # true: creations are no longer counted
CMMS_FULL_READ_AT = "cmms_full_read_at"
CMMS_WATERMARK = "cmms_watermark"
CMMS_VERSION = "cmms_version"  # of the CMMS as the last whole read met it, if it could tell
CMMS_MAPPING = "cmms_mapping"  # hash of the mapping that the records were read with
POLICY = "policy"  # the settings under which the orders were last settled
MIRROR_ID = "mirror_id"  # made with the mirror, so that a plan's file knows its own
PRUNED_AT = "pruned_at"
LIST_ORDER = "list_order"  # the order that the last sweep found the list in, if it is one we know
LANES = "lanes"  # how far the hot lanes got that do not fit into one tick


def get_state(tx: Tx, key: str) -> Any:
    """The value, or None."""
    here = (state.c.connection == tx.connection, state.c.key == key)
    return tx.conn.execute(select(state.c.value).where(*here)).scalar_one_or_none()


def set_state(tx: Tx, key: str, value: object) -> None:
    here = (state.c.connection == tx.connection, state.c.key == key)
    tx.conn.execute(delete(state).where(*here))
    tx.conn.execute(insert(state).values(connection=tx.connection, key=key, value=value))


def get_moment(tx: Tx, key: str) -> datetime | None:
    stored = get_state(tx, key)
    return datetime.fromisoformat(stored) if isinstance(stored, str) else None


def set_moment(tx: Tx, key: str, moment: datetime) -> None:
    set_state(tx, key, moment.isoformat())


def start_cycle(tx: Tx, cycle_id: str) -> None:
    tx.conn.execute(
        insert(cycles).values(connection=tx.connection, cycle_id=cycle_id, started_at=tx.now)
    )


def end_cycle(tx: Tx, cycle_id: str, result: str, report: Mapping[str, object]) -> None:
    tx.conn.execute(
        update(cycles)
        .where(cycles.c.connection == tx.connection, cycles.c.cycle_id == cycle_id)
        .values(ended_at=tx.now, result=result, report=dict(report))
    )


def last_cycle(tx: Tx) -> dict[str, Any] | None:
    """The last cycle that ended: cycle_id, started_at, ended_at, result, report."""
    row = tx.conn.execute(
        select(cycles)
        .where(cycles.c.connection == tx.connection, cycles.c.ended_at.is_not(None))
        .order_by(cycles.c.ended_at.desc())
        .limit(1)
    ).one_or_none()
    return dict(row._mapping) if row is not None else None


def last_good_cycle_at(tx: Tx) -> datetime | None:
    """When a cycle last ended that could read both sides."""
    moment: datetime | None = tx.conn.execute(
        select(func.max(cycles.c.ended_at)).where(
            cycles.c.connection == tx.connection, cycles.c.result.in_(["complete", "partial"])
        )
    ).scalar_one_or_none()
    return moment


def start_sweep(tx: Tx, cycle_id: str) -> int:
    """Begin a sweep; return its number."""
    statement = insert(sweeps).values(
        connection=tx.connection,
        cycle_id=cycle_id,
        started_at=tx.now,
        result=RUNNING,
        pages=0,
        orders=0,
    )
    number: int = tx.conn.execute(statement.returning(sweeps.c.id)).scalar_one()
    return number


def save_progress(tx: Tx, sweep_id: int, sweep: Sweep, about: Mapping[str, Any]) -> None:
    """Keep where a sweep is to go on, in the transaction of the page it has just read."""
    tx.conn.execute(
        update(sweeps)
        .where(sweeps.c.id == sweep_id)
        .values(
            progress=json_text({**about, "sweep": sweep.dump()}),
            pages=sweep.certificate.pages,
            orders=sweep.met,
            total=sweep.total,
        )
    )


def end_sweep(
    tx: Tx, sweep_id: int, *, result: str, reason: str | None, certificate: Certificate | None
) -> None:
    """Keep what a sweep came to, and what it has proved; its place is no longer needed."""
    proved = None if certificate is None else asdict(certificate)
    tx.conn.execute(
        update(sweeps)
        .where(sweeps.c.id == sweep_id)
        .values(ended_at=tx.now, result=result, reason=reason, certificate=proved, progress=None)
    )


def running_sweep(tx: Tx) -> dict[str, Any] | None:
    """The sweep that has not come to its end: id, started_at, pages, orders, total, progress."""
    return _newest_sweep(tx, sweeps.c.result == RUNNING)


def last_sweep(tx: Tx) -> dict[str, Any] | None:
    """The sweep that ended last: started_at, ended_at, result, reason, pages, certificate."""
    return _newest_sweep(tx, sweeps.c.ended_at.is_not(None))


def last_complete_sweep(tx: Tx) -> dict[str, Any] | None:
    return _newest_sweep(tx, sweeps.c.result == "complete")


def _newest_sweep(tx: Tx, condition: ColumnElement[bool]) -> dict[str, Any] | None:
    row = tx.conn.execute(
        select(sweeps)
        .where(sweeps.c.connection == tx.connection, condition)
        .order_by(sweeps.c.id.desc())
        .limit(1)
    ).one_or_none()
    return dict(row._mapping) if row is not None else None


def knows_cycle(tx: Tx, cycle_id: str) -> bool:
    """Whether there was such a cycle, as far as the mirror remembers."""
    found = select(cycles.c.cycle_id).where(
        cycles.c.connection == tx.connection, cycles.c.cycle_id == cycle_id
    )
    return tx.conn.execute(found).first() is not None
