"""Links between orders and records, and the bases of linked pairs.

A base is what a side held, per field, when the two sides last agreed.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from syncd.core.work_order import Fields, Side, encode_fields
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.bulk import chunks
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import bases, cmms_records, links, s2e_orders
from syncd.mirror.observations import orders_where


def make_link(tx: Tx, s2e_id: str, cmms_id: str, how: str) -> None:
    """Keep that this order is that record. A second link of either one is an error.

    Args:
        how: adopted, reference, created or relinked.
    """
    made = {"made_at": tx.now, "missing_cycles": 0}
    tx.insert(links, s2e_id=s2e_id, cmms_id=cmms_id, how=how, **made)


def drop_link(tx: Tx, s2e_id: str) -> None:
    """Forget the link and its bases. Both observations stay."""
    for table in (links, bases):
        tx.conn.execute(
            delete(table).where(table.c.connection == tx.connection, table.c.s2e_id == s2e_id)
        )


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
_LINK = (own(links), links.c.cmms_id == bindparam("of"))
_ONE_LINK = select(links.c.s2e_id, links.c.missing_cycles, links.c.missing_cycle).where(*_LINK)
_MISSING = update(links).where(*_LINK)
_BASE = (own(bases), bases.c.s2e_id == bindparam("of"), bases.c.side == bindparam("of_side"))
_STORED_BASE = select(bases.c.fields).where(*_BASE)
_MOVE_BASE = update(bases).where(*_BASE)


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


def note_missing(tx: Tx, cmms_id: str, cycle_id: str) -> str | None:
    """Keep that the CMMS has no record of this id in this cycle.

    Returns:
        The order that is linked to it, if this is the second such cycle in a row; else None.
    """
    row = tx.run(_ONE_LINK, of=cmms_id).one_or_none()
    if row is None or row.missing_cycle == cycle_id:
        return None
    tx.run(_MISSING, of=cmms_id, missing_cycles=row.missing_cycles + 1, missing_cycle=cycle_id)
    mark_attention(tx, [row.s2e_id])
    return str(row.s2e_id) if row.missing_cycles == 1 else None


def save_bases(
    tx: Tx,
    s2e_id: str,
    s2e: Fields,
    cmms: Fields,
    *,
    native: Mapping[str, object],
    mapping_hash: str = "",
) -> None:
    """Move the bases of these fields. Those of all other fields stay.

    Args:
        native: the record as the CMMS words it.
        mapping_hash: of the mapping that the record was read with.
    """
    sides: tuple[tuple[Side, Fields, Any], ...] = (
        (Side.S2E, s2e, {}),
        (Side.CMMS, cmms, dict(native)),
    )
    for side, fields, side_native in sides:
        key = {"of": s2e_id, "of_side": side.value}
        stored = tx.run(_STORED_BASE, **key).scalar_one_or_none()
        columns = {
            "fields": {**(stored or {}), **encode_fields(fields)},
            "native": side_native,
            "mapping_hash": mapping_hash,
            "moved_at": tx.now,
        }
        if stored is None:
            tx.insert(bases, s2e_id=s2e_id, side=side.value, **columns)
        else:
            tx.run(_MOVE_BASE, **key, **columns)


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
