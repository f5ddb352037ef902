"""What the lanes of a tick ask of the observations.

Which orders should a page have shown? Which were not read for a long time? How long is a lane?
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update

from syncd.core.work_order import OPEN_STATUSES
from syncd.mirror.db.bulk import IDS, chunks
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cmms_records, links, s2e_orders
from syncd.mirror.observations import ELSEWHERE, counting, orders_where

_NOT_ELSEWHERE: ColumnElement[bool] = or_(
    s2e_orders.c.out_of_scope.is_(None), s2e_orders.c.out_of_scope.not_in(ELSEWHERE)
)
_OPEN = (
    s2e_orders.c.status.in_([status.value for status in OPEN_STATUSES]),
    s2e_orders.c.tombstone_at.is_(None),
    _NOT_ELSEWHERE,
)
_STATUSES = select(s2e_orders.c.s2e_id, s2e_orders.c.status).where(
    own(s2e_orders),
    s2e_orders.c.s2e_id.in_(IDS),
    s2e_orders.c.status.is_not(None),
)
_OLDEST_OPEN = select(func.min(s2e_orders.c.seen_at)).where(own(s2e_orders), *_OPEN)
_WITH_CHANGED_RECORD = (
    select(links.c.s2e_id)
    .join(
        cmms_records,
        (links.c.connection == cmms_records.c.connection)
        & (links.c.cmms_id == cmms_records.c.cmms_id),
    )
    .where(
        own(links),
        links.c.s2e_id.in_(IDS),
        cmms_records.c.needs_attention,
    )
)
_UNSWEPT = orders_where(
    s2e_orders.c.swept.is_distinct_from(bindparam("sweep")),
    s2e_orders.c.seen_at < bindparam("before"),
    s2e_orders.c.tombstone_at.is_(None),
    _NOT_ELSEWHERE,
)
_OPEN_UNSEEN = orders_where(s2e_orders.c.seen_at < bindparam("before"), *_OPEN)
_OF_STATUS = counting(
    s2e_orders.c.status == bindparam("wanted"), s2e_orders.c.tombstone_at.is_(None)
)
_SWEPT = update(s2e_orders).where(own(s2e_orders), s2e_orders.c.s2e_id == bindparam("of"))


def unswept_s2e_ids(tx: Tx, sweep: int, before: datetime) -> list[str]:
    """The live orders that neither the sweep nor any other read since it began has shown.

    Orders of other sites and assets are left out.

    Args:
        before: when the sweep began.
    """
    return list(tx.run(_UNSWEPT, sweep=sweep, before=before).scalars())


def mark_swept(tx: Tx, s2e_id: str, sweep: int) -> None:
    """Keep that the sweep has asked for this order by id, since no page showed it."""
    tx.run(_SWEPT, of=s2e_id, swept=sweep)


def statuses_of(tx: Tx, s2e_ids: Collection[str]) -> dict[str, str]:
    """The status of each of these orders, as last seen; without those that have none."""
    statuses: dict[str, str] = {}
    for ids in chunks(s2e_ids):
        statuses |= {row.s2e_id: row.status for row in tx.run(_STATUSES, ids=ids)}
    return statuses


def status_count(tx: Tx, status: str) -> int:
    """How many live orders have this status, as last seen."""
    count: int = tx.run(_OF_STATUS, wanted=status).scalar_one()
    return count


def oldest_open_read(tx: Tx) -> datetime | None:
    """The oldest last read of any open order; None: there is no open order."""
    oldest: datetime | None = tx.run(_OLDEST_OPEN).scalar_one_or_none()
    return oldest


def open_unseen_since(tx: Tx, moment: datetime) -> list[str]:
    """The open orders that no read has shown since then, longest unread first."""
    return list(tx.run(_OPEN_UNSEEN, before=moment).scalars())


def with_changed_record(tx: Tx, s2e_ids: Collection[str]) -> set[str]:
    """Those of these orders whose linked record has changed and is not decided about yet."""
    changed: set[str] = set()
    for ids in chunks(s2e_ids):
        changed.update(tx.run(_WITH_CHANGED_RECORD, ids=ids).scalars())
    return changed
