"""Settle, in one statement, the orders that have no counterpart of any kind."""

from sqlalchemy import ColumnElement, Table, exists, select, update

from syncd.core.case import OPEN_STATES
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import (
    cmms_records,
    conflicts,
    drifts,
    intents,
    links,
    parked,
    s2e_orders,
)

_MAY_SPEAK = (links, cmms_records, parked, conflicts, drifts)
_ANYTHING = {table: select(table.c.connection).where(own(table)).limit(1) for table in _MAY_SPEAK}


def set_aside_without_counterpart(tx: Tx, reason: str, reason_with_reference: str) -> int:
    """Put out of scope the orders that need a look and about which there is nothing to say: no
    link, no record that carries their id or that their externalId names, no write under way and
    nothing that waits. Return how many.

    Args:
        reason, reason_with_reference: why, without and with an externalId.
    """
    nothing = (
        s2e_orders.c.connection == tx.connection,
        s2e_orders.c.needs_look,
        s2e_orders.c.tombstone_at.is_(None),
        # At a first read all of these are empty, and each costs something with every order.
        *(~_any(table) for table in _MAY_SPEAK if tx.run(_ANYTHING[table]).first() is not None),
        ~_any(intents, intents.c.state.in_([state.value for state in OPEN_STATES])),
    )
    named = exists().where(
        cmms_records.c.connection == s2e_orders.c.connection,
        cmms_records.c.cmms_id == s2e_orders.c.external_id,
    )
    without = s2e_orders.c.external_id.is_(None)
    done = 0
    for why, which in ((reason, without), (reason_with_reference, ~without & ~named)):
        settled = update(s2e_orders).where(*nothing, which)
        settled = settled.values(out_of_scope=why, needs_look=False, look_since=None)
        done += tx.conn.execute(settled).rowcount
    return done


def set_aside_unclaimed(tx: Tx) -> None:
    """Records that carry no Scan2Evolve id and that no order names are counted and left alone.

    An order that comes to name one needs a look of its own then.
    """
    linked = select(links.c.cmms_id).where(links.c.connection == tx.connection)
    named = select(s2e_orders.c.external_id).where(
        s2e_orders.c.connection == tx.connection, s2e_orders.c.external_id.is_not(None)
    )
    tx.conn.execute(
        update(cmms_records)
        .where(
            cmms_records.c.connection == tx.connection,
            cmms_records.c.needs_look,
            cmms_records.c.s2e_id.is_(None),
            cmms_records.c.cmms_id.not_in(linked),
            cmms_records.c.cmms_id.not_in(named),
        )
        .values(needs_look=False, look_since=None)
    )


def _any(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the table holds anything of this order."""
    return exists().where(
        table.c.connection == s2e_orders.c.connection,
        table.c.s2e_id == s2e_orders.c.s2e_id,
        *conditions,
    )
