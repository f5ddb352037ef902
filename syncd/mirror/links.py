"""Links between orders and records, and the bases of linked pairs."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from syncd.core.work_order import Fields, Side, encode_fields
from syncd.mirror.database import Tx
from syncd.mirror.observations import chunks, look_at
from syncd.mirror.tables import bases, cmms_records, links, s2e_orders


def make_link(tx: Tx, s2e_id: str, cmms_id: str, how: str) -> None:
    """Keep that this order is that record. Unique both ways: a second link of either fails."""
    tx.conn.execute(
        insert(links).values(
            connection=tx.connection,
            s2e_id=s2e_id,
            cmms_id=cmms_id,
            how=how,
            made_at=tx.now,
            missing_cycles=0,
        )
    )


def drop_link(tx: Tx, s2e_id: str) -> None:
    """Forget the link and its bases; both observations stay."""
    for table in (links, bases):
        tx.conn.execute(
            delete(table).where(table.c.connection == tx.connection, table.c.s2e_id == s2e_id)
        )


def linked_count(tx: Tx) -> int:
    return tx.conn.execute(
        select(func.count()).select_from(links).where(links.c.connection == tx.connection)
    ).scalar_one()


def linked_unseen_since(tx: Tx, moment: datetime) -> list[str]:
    """cmms_ids of linked records that no read has shown since."""
    joined = select(links.c.cmms_id).outerjoin(
        cmms_records,
        (links.c.connection == cmms_records.c.connection)
        & (links.c.cmms_id == cmms_records.c.cmms_id),
    )
    unseen = cmms_records.c.seen_at.is_(None) | (cmms_records.c.seen_at < moment)
    return list(
        tx.conn.execute(joined.where(links.c.connection == tx.connection, unseen)).scalars()
    )


def note_missing(tx: Tx, cmms_id: str, cycle_id: str) -> bool:
    """Note that a linked record was not found by id. True: it is the second cycle in a row."""
    here = (links.c.connection == tx.connection, links.c.cmms_id == cmms_id)
    row = tx.conn.execute(
        select(links.c.s2e_id, links.c.missing_cycles, links.c.missing_cycle).where(*here)
    ).one_or_none()
    if row is None or row.missing_cycle == cycle_id:
        return False
    tx.conn.execute(
        update(links)
        .where(*here)
        .values(missing_cycles=row.missing_cycles + 1, missing_cycle=cycle_id)
    )
    look_at(tx, [row.s2e_id])
    return bool(row.missing_cycles == 1)


def save_bases(
    tx: Tx,
    s2e_id: str,
    s2e: Fields,
    cmms: Fields,
    *,
    native: Mapping[str, object],
    mapping_hash: str = "",
) -> None:
    """Move the bases of these fields, and leave those of all others."""
    sides: tuple[tuple[Side, Fields, Any], ...] = (
        (Side.S2E, s2e, {}),
        (Side.CMMS, cmms, dict(native)),
    )
    for side, fields, own in sides:
        here = (
            bases.c.connection == tx.connection,
            bases.c.s2e_id == s2e_id,
            bases.c.side == side.value,
        )
        stored = tx.conn.execute(select(bases.c.fields).where(*here)).scalar_one_or_none()
        told = {
            "fields": {**(stored or {}), **encode_fields(fields)},
            "native": own,
            "mapping_hash": mapping_hash,
            "moved_at": tx.now,
        }
        if stored is None:
            key = {"connection": tx.connection, "s2e_id": s2e_id, "side": side.value}
            tx.conn.execute(insert(bases).values(**key, **told))
        else:
            tx.conn.execute(update(bases).where(*here).values(**told))


def linked_records(tx: Tx, s2e_ids: Collection[str]) -> dict[str, str]:
    """The cmms_id of each of these orders that is linked."""
    found: dict[str, str] = {}
    for ids in chunks(s2e_ids):
        rows = tx.conn.execute(
            select(links.c.s2e_id, links.c.cmms_id).where(
                links.c.connection == tx.connection, links.c.s2e_id.in_(ids)
            )
        )
        found |= {row.s2e_id: row.cmms_id for row in rows}
    return found


def named_records(tx: Tx, s2e_ids: Collection[str]) -> dict[str, str]:
    """The known record that the externalId of each of these orders names."""
    found: dict[str, str] = {}
    same = s2e_orders.c.connection == cmms_records.c.connection
    for ids in chunks(s2e_ids):
        rows = tx.conn.execute(
            select(s2e_orders.c.s2e_id, s2e_orders.c.external_id)
            .join(cmms_records, same & (s2e_orders.c.external_id == cmms_records.c.cmms_id))
            .where(s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id.in_(ids))
        )
        found |= {row.s2e_id: row.external_id for row in rows}
    return found
