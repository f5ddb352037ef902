"""Gather all that is known of the orders that need a look, in a few queries."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    Table,
    bindparam,
    func,
    select,
    union,
)

from syncd.core.case import ARRIVED_STATES, OPEN_STATES, Case, Conflict, Hold, Kind, Link
from syncd.core.order_json import OrderJson, parse_work_order
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    S2eOrder,
    Side,
    decode_fields,
    decode_value,
)
from syncd.mirror.columns import UtcTime
from syncd.mirror.database import Tx
from syncd.mirror.journal import read_intent
from syncd.mirror.observations import chunks
from syncd.mirror.tables import bases, cmms_records, conflicts, intents, links, parked, s2e_orders


def load_cases(
    tx: Tx, s2e_ids: Collection[str] | None = None, *, lag: timedelta = timedelta(0)
) -> list[Case]:
    """The cases of these orders; None: of all that need a look.

    Args:
        lag: how long after a write a read may not show it.

    An order needs a look when either side's content has changed since it was settled, a write
    has not been read back, a hold has run out, or a person has answered a conflict.
    """
    wanted = sorted(_wanted(tx) if s2e_ids is None else set(s2e_ids))
    return [case for ids in chunks(wanted) for case in _load(tx, ids, tx.now - lag)]


def _wanted(tx: Tx) -> set[str]:
    told = {"own": tx.connection, "now": tx.now}
    return set(tx.conn.execute(_WANTED, told).scalars())


def _ids(table: Table, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(table.c.s2e_id).where(table.c.connection == bindparam("own"), *conditions)


def _needing_a_look() -> CompoundSelect[Any]:
    """One statement, since it is asked in every cycle."""
    now = bindparam("now", type_=UtcTime)
    same = links.c.connection == cmms_records.c.connection
    through_link = _ids(links, cmms_records.c.needs_look).join(
        cmms_records, same & (links.c.cmms_id == cmms_records.c.cmms_id)
    )
    known = s2e_orders.c.connection == cmms_records.c.connection
    claimed = _ids(cmms_records, cmms_records.c.needs_look).join(
        s2e_orders, known & (s2e_orders.c.s2e_id == cmms_records.c.s2e_id)
    )
    # Unlinked orders whose externalId names a record that needs a look.
    changed = select(cmms_records.c.cmms_id).where(
        cmms_records.c.connection == bindparam("own"), cmms_records.c.needs_look
    )
    referring = _ids(
        s2e_orders,
        s2e_orders.c.external_id.in_(changed),
        s2e_orders.c.s2e_id.not_in(_ids(links)),
    )
    return union(
        _ids(s2e_orders, s2e_orders.c.needs_look),
        through_link,
        claimed,
        referring,
        _ids(intents, intents.c.state.in_([state.value for state in OPEN_STATES])),
        _ids(parked, parked.c.until.is_not(None), parked.c.until <= now),
        _ids(conflicts, conflicts.c.answer.is_not(None), conflicts.c.resolved_at.is_(None)),
    )


_WANTED = _needing_a_look()


def _load(tx: Tx, ids: list[str], lately: datetime) -> list[Case]:
    orders = {row.s2e_id: row for row in _rows(tx, s2e_orders, s2e_orders.c.s2e_id.in_(ids))}
    linked = {row.s2e_id: row for row in _rows(tx, links, links.c.s2e_id.in_(ids))}
    references = [row.external_id for row in orders.values() if row.external_id]
    by_id = {
        row.cmms_id: row
        for names in chunks({*references, *(row.cmms_id for row in linked.values())})
        for row in _rows(tx, cmms_records, cmms_records.c.cmms_id.in_(names))
    }
    claims: dict[str, list[Any]] = defaultdict(list)
    for row in _rows(tx, cmms_records, cmms_records.c.s2e_id.in_(ids)):
        claims[row.s2e_id].append(row)
    owners = _owners(tx, {*by_id, *(row.cmms_id for rows in claims.values() for row in rows)})
    named = _named_by_several(tx, references)
    stored: defaultdict[str, dict[str, Fields]] = defaultdict(dict)
    for row in _rows(tx, bases, bases.c.s2e_id.in_(ids)):
        stored[row.s2e_id][row.side] = decode_fields(row.fields)
    written = _grouped(
        tx, intents, ids, intents.c.state.in_([state.value for state in OPEN_STATES])
    )
    arrived = _grouped(
        tx,
        intents,
        ids,
        intents.c.state.in_([state.value for state in ARRIVED_STATES]),
        intents.c.kind == Kind.UPDATE.value,
        func.coalesce(intents.c.answered_at, intents.c.started_at) > lately,
    )
    held = _grouped(tx, parked, ids)
    open_conflicts = _grouped(
        tx, conflicts, ids, conflicts.c.winner.is_(None), conflicts.c.resolved_at.is_(None)
    )
    cases = []
    for s2e_id in ids:
        order, link = orders.get(s2e_id), linked.get(s2e_id)
        # A record that another order is linked to is no claim of this one.
        claiming = [row for row in claims[s2e_id] if owners.get(row.cmms_id, s2e_id) == s2e_id]
        record = by_id.get(link.cmms_id) if link is not None else None
        if link is None and len(claiming) == 1:
            record = claiming[0]
        referenced, named_row = None, None
        if link is None and order is not None and order.external_id in by_id:
            named_row = by_id[order.external_id]
            referenced = _record(named_row)
            owner = owners.get(referenced.cmms_id) or referenced.s2e_id
            others = named.get(referenced.cmms_id, set()) - {s2e_id}
            if owner is None and others:
                owner = min(others)  # named by several, it is free for none of them
            referenced = replace(referenced, s2e_id=owner)
        waiting = open_conflicts[s2e_id]
        cases.append(
            Case(
                s2e_id,
                s2e=_order(order) if order is not None else None,
                cmms=_record(record) if record is not None else None,
                s2e_seen_at=order.seen_at if order is not None else None,
                cmms_seen_at=_seen_at(record, named_row),
                link=Link(s2e_id, link.cmms_id, link.missing_cycles) if link is not None else None,
                claims=tuple(row.cmms_id for row in claiming),
                referenced=referenced,
                base_s2e=_base(stored[s2e_id], Side.S2E),
                base_cmms=_base(stored[s2e_id], Side.CMMS),
                intents=tuple(read_intent(row) for row in written[s2e_id]),
                recent=tuple(read_intent(row) for row in arrived[s2e_id]),
                holds=tuple(_hold(row) for row in held[s2e_id]),
                conflicts=tuple(_conflict(row) for row in waiting),
                answers={Field(row.field): Side(row.answer) for row in waiting if row.answer},
                tombstone=order is not None and order.tombstone_at is not None,
            )
        )
    return cases


def _seen_at(record: Any, referenced: Any) -> datetime | None:
    seen = record if record is not None else referenced
    return None if seen is None else seen.seen_at


def _owners(tx: Tx, cmms_ids: Collection[str]) -> dict[str, str]:
    """The orders that these records are linked to."""
    return {
        row.cmms_id: row.s2e_id
        for names in chunks(cmms_ids)
        for row in _rows(tx, links, links.c.cmms_id.in_(names))
    }


def _named_by_several(tx: Tx, cmms_ids: Collection[str]) -> dict[str, set[str]]:
    """Per record, the unlinked orders whose externalId names it."""
    named: defaultdict[str, set[str]] = defaultdict(set)
    linked = select(links.c.s2e_id).where(links.c.connection == tx.connection)
    for names in chunks(cmms_ids):
        naming = select(s2e_orders.c.external_id, s2e_orders.c.s2e_id).where(
            s2e_orders.c.connection == tx.connection,
            s2e_orders.c.external_id.in_(names),
            s2e_orders.c.tombstone_at.is_(None),
            s2e_orders.c.s2e_id.not_in(linked),
        )
        for cmms_id, s2e_id in tx.conn.execute(naming):
            named[cmms_id].add(s2e_id)
    return named


def _rows(tx: Tx, table: Table, *conditions: Any) -> list[Row[Any]]:
    here = table.c.connection == tx.connection
    return list(tx.conn.execute(select(table).where(here, *conditions)))


def _grouped(tx: Tx, table: Table, ids: list[str], *conditions: Any) -> defaultdict[str, list[Any]]:
    grouped: defaultdict[str, list[Any]] = defaultdict(list)
    here = table.c.connection == tx.connection
    found = select(table).where(here, table.c.s2e_id.in_(ids), *conditions).order_by(table.c.id)
    for row in tx.conn.execute(found):
        grouped[row.s2e_id].append(row)
    return grouped


def _base(stored: dict[str, Fields], side: Side) -> Fields:
    return stored.get(side.value, {})


def _order(row: Any) -> S2eOrder:
    return parse_work_order(OrderJson(row.s2e_id, row.raw))


def _record(row: Any) -> CmmsRecord:
    return CmmsRecord(
        cmms_id=row.cmms_id,
        s2e_id=row.s2e_id,
        fields=decode_fields(row.fields),
        native=row.native,
        equivalents={Field(key): frozenset(names) for key, names in row.equivalents.items()},
        updated_at=row.updated_at,
    )


def _hold(row: Any) -> Hold:
    return Hold(
        side=Side(row.side),
        field=Field(row.field) if row.field else None,
        reason=row.reason,
        value=row.value,
        tries=row.tries,
        until=row.until,
        detail=row.detail,
    )


def _conflict(row: Any) -> Conflict:
    name = Field(row.field)
    return Conflict(
        name,
        decode_value(name, row.s2e_value),
        decode_value(name, row.cmms_value),
        Side(row.winner) if row.winner else None,
    )
