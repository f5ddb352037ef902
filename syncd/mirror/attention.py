"""Which orders have to be decided about, and why. Every reason stands here.

An order is decided about in the next plan if one of these holds. Any other order is left alone
until something of it changes.

    reason                                    kept in                              since
    ────────────────────────────────────────  ───────────────────────────────────  ───────────────
    the order is marked                       s2e_orders.needs_attention           attention_since
    the record that it is linked to is        cmms_records.needs_attention, by     attention_since
    marked                                    way of links
    a record that carries its id is marked    … by way of cmms_records.s2e_id      attention_since
    it is unlinked, and the record that its   … by way of s2e_orders.external_id   attention_since
    externalId names is marked
    the result of a write is not final        intents.state                        started_at
    the time of a hold is over                parked.until                         until
    a person has answered a conflict          conflicts.answer                     not kept

Orders and records are marked for these causes:

    a read shows it for the first time, or with other content      observations.py
    the order has become a tombstone, or shows again after a 404   observations.py
    the linked record is missing, or shows again                   links.py, observations.py
    a person has answered                                          answers.py, link_answers.py
    the record's link is dropped, so that it is free               decided/links.py
    a link is made outside of a cycle                              jobs/rebuild_links.py
    the settings have changed                                      jobs/takeover.py
    something is to be written, or was                             engine/keep.py, engine/cycle.py

Marks are taken away by `clear_attention` once the order is decided about, and from many rows at
once by `set_aside_without_counterpart` and `set_aside_unclaimed`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    Update,
    bindparam,
    exists,
    func,
    or_,
    select,
    union,
    update,
)

from syncd.core.case import OPEN_STATES
from syncd.mirror.db.bulk import IDS, chunks
from syncd.mirror.db.columns import UtcTime
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

_NOW = bindparam("now", type_=UtcTime)
_IS_OPEN = intents.c.state.in_([state.value for state in OPEN_STATES])
_NO_MARK = {"needs_attention": False, "attention_since": None}

# ── the question ──────────────────────────────────────────────────────────────────────────


def _ids(table: Table, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(table.c.s2e_id).where(own(table), *conditions)


def _orders_with_a_reason() -> CompoundSelect[Any]:
    """One statement, since it is asked in every cycle."""
    same = links.c.connection == cmms_records.c.connection
    linked = _ids(links, cmms_records.c.needs_attention).join(
        cmms_records, same & (links.c.cmms_id == cmms_records.c.cmms_id)
    )
    known = s2e_orders.c.connection == cmms_records.c.connection
    carried = _ids(cmms_records, cmms_records.c.needs_attention).join(
        s2e_orders, known & (s2e_orders.c.s2e_id == cmms_records.c.s2e_id)
    )
    marked = select(cmms_records.c.cmms_id).where(own(cmms_records), cmms_records.c.needs_attention)
    named = _ids(
        s2e_orders,
        s2e_orders.c.external_id.in_(marked),
        s2e_orders.c.s2e_id.not_in(_ids(links)),
    )
    return union(
        _ids(s2e_orders, s2e_orders.c.needs_attention),
        linked,
        carried,
        named,
        _ids(intents, _IS_OPEN),
        _ids(parked, parked.c.until.is_not(None), parked.c.until <= _NOW),
        _ids(conflicts, conflicts.c.answer.is_not(None), conflicts.c.resolved_at.is_(None)),
    )


_ORDERS_WITH_A_REASON = _orders_with_a_reason()


def orders_needing_attention(tx: Tx) -> set[str]:
    """The ids of the orders that have to be decided about now."""
    return set(tx.run(_ORDERS_WITH_A_REASON, now=tx.now).scalars())


# ── marks ─────────────────────────────────────────────────────────────────────────────────


def mark_columns(table: Table, now: ColumnElement[datetime]) -> dict[str, Any]:
    """The columns that mark a row of this table; they keep the time of its first reason."""
    return {"needs_attention": True, "attention_since": func.coalesce(table.c.attention_since, now)}


def _marking(table: Table, *conditions: ColumnElement[bool]) -> Update:
    return update(table).where(own(table), *conditions).values(mark_columns(table, _NOW))


def _clearing(table: Table, *conditions: ColumnElement[bool]) -> Update:
    return update(table).where(own(table), *conditions).values(_NO_MARK)


_OF_ORDERS = s2e_orders.c.s2e_id.in_(IDS)
_THEIR_RECORDS = or_(
    cmms_records.c.s2e_id.in_(IDS),
    cmms_records.c.cmms_id.in_(
        select(links.c.cmms_id).where(own(links)).where(links.c.s2e_id.in_(IDS))
    ),
)
_MARK = (_marking(s2e_orders, _OF_ORDERS), _marking(cmms_records, _THEIR_RECORDS))
_MARK_RECORD = _marking(cmms_records, cmms_records.c.cmms_id == bindparam("of"))
_MARK_ALL = (_marking(s2e_orders), _marking(cmms_records))
_CLEAR = (_clearing(s2e_orders, _OF_ORDERS), _clearing(cmms_records, _THEIR_RECORDS))


def mark_attention(tx: Tx, s2e_ids: Collection[str] | None) -> None:
    """Have these orders decided about in the next plan; None: all of them."""
    if s2e_ids is None:
        for statement in _MARK_ALL:
            tx.run(statement, now=tx.now)
        return
    for ids in chunks(s2e_ids):
        for statement in _MARK:
            tx.run(statement, ids=ids, now=tx.now)


def mark_record(tx: Tx, cmms_id: str | None) -> None:
    """Have whatever orders this record belongs to, or may belong to, decided about."""
    if cmms_id is not None:
        tx.run(_MARK_RECORD, of=cmms_id, now=tx.now)


def clear_attention(tx: Tx, s2e_ids: Collection[str]) -> None:
    """Leave these orders, and the records that belong to them, alone until they change."""
    for ids in chunks(s2e_ids):
        for statement in _CLEAR:
            tx.run(statement, ids=ids)


# ── the many about which there is nothing to decide ───────────────────────────────────────

_COUNTERPARTS = (links, cmms_records, parked, conflicts, drifts)
_ANY_ROW = {table: select(table.c.connection).where(own(table)).limit(1) for table in _COUNTERPARTS}


def set_aside_without_counterpart(tx: Tx, reason: str, reason_with_reference: str) -> int:
    """Put marked orders out of scope that have no counterpart of any kind; return how many.

    Such an order has no link, no record carries its id or is named by its externalId, no write
    of it is open, and nothing of it waits.

    Args:
        reason: why orders without an externalId are out of scope.
        reason_with_reference: why those with one are.
    """
    nothing = (
        s2e_orders.c.connection == tx.connection,
        s2e_orders.c.needs_attention,
        s2e_orders.c.tombstone_at.is_(None),
        # Each condition costs time for every order; at a first read all of these tables are empty.
        *(
            ~_has_row(table)
            for table in _COUNTERPARTS
            if tx.run(_ANY_ROW[table]).first() is not None
        ),
        ~_has_row(intents, _IS_OPEN),
    )
    named = exists().where(
        cmms_records.c.connection == s2e_orders.c.connection,
        cmms_records.c.cmms_id == s2e_orders.c.external_id,
    )
    without = s2e_orders.c.external_id.is_(None)
    count = 0
    for why, which in ((reason, without), (reason_with_reference, ~without & ~named)):
        statement = update(s2e_orders).where(*nothing, which)
        count += tx.conn.execute(statement.values(out_of_scope=why, **_NO_MARK)).rowcount
    return count


def set_aside_unclaimed(tx: Tx) -> None:
    """Take the mark from records that carry no order's id and that no order names.

    An order that comes to name one of them later is marked itself then.
    """
    linked = select(links.c.cmms_id).where(links.c.connection == tx.connection)
    named = select(s2e_orders.c.external_id).where(
        s2e_orders.c.connection == tx.connection, s2e_orders.c.external_id.is_not(None)
    )
    tx.conn.execute(
        update(cmms_records)
        .where(
            cmms_records.c.connection == tx.connection,
            cmms_records.c.needs_attention,
            cmms_records.c.s2e_id.is_(None),
            cmms_records.c.cmms_id.not_in(linked),
            cmms_records.c.cmms_id.not_in(named),
        )
        .values(_NO_MARK)
    )


def _has_row(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the table holds a row of this order for which the conditions hold."""
    return exists().where(
        table.c.connection == s2e_orders.c.connection,
        table.c.s2e_id == s2e_orders.c.s2e_id,
        *conditions,
    )
