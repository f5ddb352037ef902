"""Everything that the mirror knows about one order: the document of `order show --json`."""

from typing import Any

from sqlalchemy import or_, select

from syncd.core.order_json import OrderJson, parse_work_order
from syncd.core.values import encode_fields
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import (
    bases,
    cmms_records,
    conflicts,
    drifts,
    intents,
    journal,
    links,
    parked,
    s2e_orders,
)
from syncd.mirror.queries.held import held_list
from syncd.mirror.queries.rows import list_rows


def order_view(tx: Tx, name: str) -> dict[str, Any] | None:
    """Everything about one order; None: neither side was ever seen to hold it.

    Args:
        name: its s2e_id, or the cmms_id of the record that it is linked to.
    """
    by_cmms = tx.conn.execute(
        select(links.c.s2e_id).where(links.c.connection == tx.connection, links.c.cmms_id == name)
    ).scalar_one_or_none()
    s2e_id = by_cmms or name
    orders = [
        {**row, "fields": encode_fields(parse_work_order(OrderJson(s2e_id, row["raw"])).fields)}
        for row in list_rows(tx, s2e_orders, s2e_orders.c.s2e_id == s2e_id)
    ]
    linked = list_rows(tx, links, links.c.s2e_id == s2e_id)
    claims = [cmms_records.c.s2e_id == s2e_id]
    if linked:
        claims.append(cmms_records.c.cmms_id == linked[0]["cmms_id"])
    records = list_rows(tx, cmms_records, or_(*claims))
    if not orders and not records:
        return None
    timeline = [
        {"at": entry.pop("at"), "event": entry.pop("event"), **entry}
        for entry in list_rows(tx, journal, journal.c.s2e_id == s2e_id)
    ]
    return {
        "s2e_id": s2e_id,
        "s2e": orders[0] if orders else None,
        "cmms": records,
        "link": linked[0] if linked else None,
        "bases": {row["side"]: row for row in list_rows(tx, bases, bases.c.s2e_id == s2e_id)},
        "intents": list_rows(tx, intents, intents.c.s2e_id == s2e_id),
        "parked": held_list(tx, parked.c.s2e_id == s2e_id),
        "conflicts": list_rows(tx, conflicts, conflicts.c.s2e_id == s2e_id),
        "drifts": list_rows(tx, drifts, drifts.c.s2e_id == s2e_id),
        "timeline": timeline,
    }
