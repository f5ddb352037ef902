"""Which order is which record: what is read of it. `decided/links.py` writes it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from syncd.core.case import DUPLICATE_RECORDS, IDENTITY
from syncd.mirror.db.bulk import chunks
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cmms_records, links, parked, s2e_orders
from syncd.mirror.observations import orders_where

_LINKED = select(func.count()).select_from(links).where(own(links))
_CREATED = select(func.count()).select_from(links).where(own(links), links.c.how == "created")
_LINKED_UNSEEN = (
    select(links.c.cmms_id)
    .outerjoin(
        cmms_records,
        (links.c.connection == cmms_records.c.connection)
        & (links.c.cmms_id == cmms_records.c.cmms_id),
    )
    .where(
        own(links),
        cmms_records.c.seen_at.is_(None) | (cmms_records.c.seen_at < bindparam("before")),
    )
)


def linked_count(tx: Tx) -> int:
    """How many orders are linked."""
    count: int = tx.run(_LINKED).scalar_one()
    return count


def created_count(tx: Tx) -> int:
    """How many linked records syncd has created for this connection."""
    count: int = tx.run(_CREATED).scalar_one()
    return count


def linked_unseen_since(tx: Tx, moment: datetime) -> list[str]:
    """The cmms_ids of the linked records that no read has shown since then."""
    return list(tx.run(_LINKED_UNSEEN, before=moment).scalars())


_DISPUTED_ORDERS = select(parked.c.s2e_id).where(
    own(parked), parked.c.field == "", parked.c.reason.in_((DUPLICATE_RECORDS, IDENTITY))
)
_DISPUTED = (
    select(cmms_records.c.cmms_id)
    .where(
        own(cmms_records),
        cmms_records.c.s2e_id.in_(_DISPUTED_ORDERS)
        | cmms_records.c.cmms_id.in_(
            select(links.c.cmms_id).where(own(links), links.c.s2e_id.in_(_DISPUTED_ORDERS))
        ),
    )
    .order_by(cmms_records.c.seen_at)
    .limit(bindparam("at_most"))
)


def disputed_records(tx: Tx, at_most: int) -> list[str]:
    """The cmms_ids of records whose order is parked since they do not say, or not alone, that they
    are its own: those first that were seen longest ago."""
    return list(tx.run(_DISPUTED, at_most=at_most).scalars())


def owner_of(tx: Tx, cmms_id: str) -> str | None:
    """The order that this record is linked to, or None."""
    s2e_id: str | None = tx.conn.execute(
        select(links.c.s2e_id).where(
            links.c.connection == tx.connection, links.c.cmms_id == cmms_id
        )
    ).scalar_one_or_none()
    return s2e_id


def link_of(tx: Tx, s2e_id: str) -> Any:
    """The row of this order's link, or None."""
    return tx.conn.execute(
        select(links).where(links.c.connection == tx.connection, links.c.s2e_id == s2e_id)
    ).one_or_none()


def unlinked_with_a_record(tx: Tx) -> list[str]:
    """The unlinked live orders whose externalId is set, or whose id some record carries."""
    linked = select(links.c.s2e_id).where(own(links))
    carried = select(cmms_records.c.s2e_id).where(
        own(cmms_records), cmms_records.c.s2e_id.is_not(None)
    )
    unlinked = orders_where(
        s2e_orders.c.tombstone_at.is_(None),
        s2e_orders.c.s2e_id.not_in(linked),
        s2e_orders.c.external_id.is_not(None) | s2e_orders.c.s2e_id.in_(carried),
    )
    return list(tx.run(unlinked).scalars())


def linked_records(tx: Tx, s2e_ids: Collection[str]) -> dict[str, str]:
    """For those of these orders that are linked, the cmms_id."""
    cmms_ids: dict[str, str] = {}
    for ids in chunks(s2e_ids):
        rows = tx.conn.execute(
            select(links.c.s2e_id, links.c.cmms_id).where(
                links.c.connection == tx.connection, links.c.s2e_id.in_(ids)
            )
        )
        cmms_ids |= {row.s2e_id: row.cmms_id for row in rows}
    return cmms_ids


def named_records(tx: Tx, s2e_ids: Collection[str]) -> dict[str, str]:
    """For those of these orders whose externalId names a known record, its cmms_id."""
    cmms_ids: dict[str, str] = {}
    same = s2e_orders.c.connection == cmms_records.c.connection
    for ids in chunks(s2e_ids):
        rows = tx.conn.execute(
            select(s2e_orders.c.s2e_id, s2e_orders.c.external_id)
            .join(cmms_records, same & (s2e_orders.c.external_id == cmms_records.c.cmms_id))
            .where(s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id.in_(ids))
        )
        cmms_ids |= {row.s2e_id: row.external_id for row in rows}
    return cmms_ids
