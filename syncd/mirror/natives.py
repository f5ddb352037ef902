"""Records in the CMMS's own words, so that a changed mapping can read them again.

`engine/read_anew.py` does that when the mapping has changed; it needs no request to the CMMS.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from syncd.core.order_json import OrderJson, parse_work_order
from syncd.core.work_order import Field, S2eOrder, Side
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import bases, cmms_records, journal, links, s2e_orders


@dataclass(frozen=True, slots=True)
class LinkedOrder:
    """A linked order, as far as it matters for reading its record again.

    Attributes:
        order: its observation; None: Scan2Evolve was never seen to hold it.
        base: the row of the CMMS's base: fields, native, mapping_hash; None: there is none yet.
    """

    s2e_id: str
    order: S2eOrder | None
    base: Any


def records_after(tx: Tx, cmms_id: str, limit: int) -> Sequence[Any]:
    """The next records after this id, in the order of their ids, at most `limit` of them.

    Each is a row of cmms_id, fields, native, equivalents and seen_at.
    """
    names = ("cmms_id", "fields", "native", "equivalents", "seen_at")
    columns = (cmms_records.c[name] for name in names)
    records = select(*columns).where(
        cmms_records.c.connection == tx.connection, cmms_records.c.cmms_id > cmms_id
    )
    return tx.conn.execute(records.order_by(cmms_records.c.cmms_id).limit(limit)).all()


def linked_order(tx: Tx, cmms_id: str) -> LinkedOrder | None:
    """The order that this record is linked to, or None."""
    s2e_id = tx.conn.execute(
        select(links.c.s2e_id).where(
            links.c.connection == tx.connection, links.c.cmms_id == cmms_id
        )
    ).scalar_one_or_none()
    if s2e_id is None:
        return None
    raw = tx.conn.execute(
        select(s2e_orders.c.raw).where(
            s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id == s2e_id
        )
    ).scalar_one_or_none()
    base = tx.conn.execute(
        select(bases.c.fields, bases.c.native, bases.c.mapping_hash).where(
            bases.c.connection == tx.connection,
            bases.c.s2e_id == s2e_id,
            bases.c.side == Side.CMMS.value,
        )
    ).one_or_none()
    order = None if raw is None else parse_work_order(OrderJson(s2e_id, raw))
    return LinkedOrder(s2e_id, order, base)


def remapped_fields(tx: Tx) -> dict[str, frozenset[Field]]:
    """Per order, the fields that changed mappings have read differently, in all cycles kept."""
    fields: defaultdict[str, set[Field]] = defaultdict(set)
    rows = select(journal.c.s2e_id, journal.c.field).distinct()
    rows = rows.where(journal.c.connection == tx.connection, journal.c.event == "remapped")
    for s2e_id, name in tx.conn.execute(rows):
        fields[s2e_id].add(Field(name))
    return {s2e_id: frozenset(names) for s2e_id, names in sorted(fields.items())}
