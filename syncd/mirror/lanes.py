"""Questions the lanes ask the mirror: whom a page should have shown, and how old a look is."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update

from syncd.core.work_order import OPEN_STATUSES
from syncd.mirror.database import Tx
from syncd.mirror.observations import OTHER, chunks, count_where, ids_where
from syncd.mirror.tables import cmms_records, links, s2e_orders

_ASKED_FOR: ColumnElement[bool] = or_(
    s2e_orders.c.out_of_scope.is_(None), s2e_orders.c.out_of_scope.not_in(OTHER)
)


def unswept_s2e_ids(tx: Tx, sweep: int, before: datetime) -> list[str]:
    """Known live orders that the sweep has not met, and nothing else since it began."""
    return ids_where(
        tx,
        s2e_orders.c.swept.is_distinct_from(sweep),
        s2e_orders.c.seen_at < before,
        s2e_orders.c.tombstone_at.is_(None),
        _ASKED_FOR,
    )


def mark_swept(tx: Tx, s2e_id: str, sweep: int) -> None:
    """The sweep has settled this order, though no page showed it."""
    here = (s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id == s2e_id)
    tx.conn.execute(update(s2e_orders).where(*here).values(swept=sweep))


def statuses_of(tx: Tx, s2e_ids: Collection[str]) -> dict[str, str]:
    """The status last seen upstream, of those that have one."""
    found: dict[str, str] = {}
    for ids in chunks(s2e_ids):
        rows = tx.conn.execute(
            select(s2e_orders.c.s2e_id, s2e_orders.c.status).where(
                s2e_orders.c.connection == tx.connection,
                s2e_orders.c.s2e_id.in_(ids),
                s2e_orders.c.status.is_not(None),
            )
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def status_count(tx: Tx, status: str) -> int:
    """Live orders of this status, as last seen."""
    return count_where(tx, s2e_orders.c.status == status, s2e_orders.c.tombstone_at.is_(None))


def oldest_open_look(tx: Tx) -> datetime | None:
    """When the open order was looked at that has been waiting longest for a look."""
    oldest: datetime | None = tx.conn.execute(
        select(func.min(s2e_orders.c.seen_at)).where(
            s2e_orders.c.connection == tx.connection,
            s2e_orders.c.status.in_([status.value for status in OPEN_STATUSES]),
            s2e_orders.c.tombstone_at.is_(None),
            _ASKED_FOR,
        )
    ).scalar_one_or_none()
    return oldest


def open_unseen_since(tx: Tx, moment: datetime) -> list[str]:
    """Orders whose last observation is open, and that no read has shown since."""
    return ids_where(
        tx,
        s2e_orders.c.seen_at < moment,
        s2e_orders.c.status.in_([status.value for status in OPEN_STATUSES]),
        s2e_orders.c.tombstone_at.is_(None),
        _ASKED_FOR,
    )


def looked_for(tx: Tx, s2e_ids: Collection[str]) -> set[str]:
    """Those of the ids of which the CMMS has something to say that nobody has looked at."""
    found: set[str] = set()
    for ids in chunks(s2e_ids):
        rows = (
            select(links.c.s2e_id)
            .join(
                cmms_records,
                (links.c.connection == cmms_records.c.connection)
                & (links.c.cmms_id == cmms_records.c.cmms_id),
            )
            .where(
                links.c.connection == tx.connection,
                links.c.s2e_id.in_(ids),
                cmms_records.c.needs_look,
            )
        )
        found.update(tx.conn.execute(rows).scalars())
    return found
