"""Gather all that is known of the orders that have to be decided about, in a few queries.

One query a table is asked for some hundred orders at a time. The cases are put together from its
rows; nothing is decided here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    bindparam,
    func,
    select,
)

from syncd.core.case import (
    ARRIVED_STATES,
    OPEN_STATES,
    Candidate,
    Case,
    Conflict,
    Hold,
    Intent,
    IntentKind,
    IntentState,
    Link,
)
from syncd.core.order_json import OrderJson, parse_work_order
from syncd.core.values import decode_fields, decode_value
from syncd.core.work_order import CmmsRecord, Field, Fields, S2eOrder, Side
from syncd.mirror.attention import orders_needing_attention
from syncd.mirror.db.bulk import IDS, chunks
from syncd.mirror.db.columns import UtcTime
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import (
    bases,
    cmms_records,
    conflicts,
    intents,
    links,
    parked,
    s2e_orders,
)
from syncd.mirror.intents import parse_intent


def load_cases(
    tx: Tx, s2e_ids: Collection[str] | None = None, *, memory: timedelta = timedelta(0)
) -> list[Case]:
    """The cases of these orders. None: of all that have to be decided about (attention.py).

    Args:
        memory: how far back `Case.recent` holds an order's writes.
    """
    wanted = sorted(orders_needing_attention(tx) if s2e_ids is None else set(s2e_ids))
    return [case for ids in chunks(wanted) for case in _load(tx, ids, tx.now - memory)]


def _of(table: Table, key: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(table).where(own(table), table.c[key].in_(IDS), *conditions)


def _oldest_first(table: Table, *conditions: ColumnElement[bool]) -> Select[Any]:
    return _of(table, "s2e_id", *conditions).order_by(table.c.id)


_ORDERS = _of(s2e_orders, "s2e_id")
_LINKS, _LINKS_OF_RECORDS = _of(links, "s2e_id"), _of(links, "cmms_id")
_RECORDS, _CLAIMS = _of(cmms_records, "cmms_id"), _of(cmms_records, "s2e_id")
_BASES = _of(bases, "s2e_id")
_OPEN_INTENTS = _oldest_first(intents, intents.c.state.in_([state.value for state in OPEN_STATES]))
_ARRIVED = _oldest_first(
    intents,
    intents.c.state.in_([state.value for state in ARRIVED_STATES]),
    intents.c.kind == IntentKind.UPDATE.value,
    func.coalesce(intents.c.answered_at, intents.c.started_at) > bindparam("lately", type_=UtcTime),
)
_CLOSED_CREATES = _oldest_first(
    intents,
    intents.c.kind == IntentKind.CREATE.value,
    intents.c.state.not_in([state.value for state in OPEN_STATES]),
)
_HOLDS = _oldest_first(parked)
_OPEN_CONFLICTS = _oldest_first(
    conflicts, conflicts.c.winner.is_(None), conflicts.c.resolved_at.is_(None)
)
_NAMING = select(s2e_orders.c.external_id, s2e_orders.c.s2e_id).where(
    own(s2e_orders),
    s2e_orders.c.external_id.in_(IDS),
    s2e_orders.c.tombstone_at.is_(None),
    s2e_orders.c.s2e_id.not_in(select(links.c.s2e_id).where(own(links))),
)


def _load(tx: Tx, ids: list[str], lately: datetime) -> list[Case]:
    orders = {row.s2e_id: row for row in tx.run(_ORDERS, ids=ids)}
    linked = {row.s2e_id: row for row in tx.run(_LINKS, ids=ids)}
    references = [row.external_id for row in orders.values() if row.external_id]
    by_id = {
        row.cmms_id: row
        for names in chunks({*references, *(row.cmms_id for row in linked.values())})
        for row in tx.run(_RECORDS, ids=names)
    }
    claims: dict[str, list[Any]] = defaultdict(list)
    for row in tx.run(_CLAIMS, ids=ids):
        claims[row.s2e_id].append(row)
    owners = _owners(tx, {*by_id, *(row.cmms_id for rows in claims.values() for row in rows)})
    named_by = _named_by(tx, references)
    base_fields: defaultdict[str, dict[str, Fields]] = defaultdict(dict)
    for row in tx.run(_BASES, ids=ids):
        base_fields[row.s2e_id][row.side] = decode_fields(row.fields)
    open_writes = _grouped(tx.run(_OPEN_INTENTS, ids=ids))
    arrived = _grouped(tx.run(_ARRIVED, ids=ids, lately=lately))
    unlinked = [s2e_id for s2e_id in ids if s2e_id not in linked]
    creates = _grouped(tx.run(_CLOSED_CREATES, ids=unlinked) if unlinked else ())
    holds = _grouped(tx.run(_HOLDS, ids=ids))
    open_conflicts = _grouped(tx.run(_OPEN_CONFLICTS, ids=ids))
    cases = []
    for s2e_id in ids:
        order, link = orders.get(s2e_id), linked.get(s2e_id)
        record = by_id.get(link.cmms_id) if link is not None else None
        named_row = None
        if link is None and order is not None and order.external_id:
            named_row = by_id.get(order.external_id)
        waiting = open_conflicts[s2e_id]
        cases.append(
            Case(
                s2e_id,
                s2e=_order(order) if order is not None else None,
                cmms=_record(record) if record is not None else None,
                s2e_seen_at=order.seen_at if order is not None else None,
                cmms_seen_at=record.seen_at if record is not None else None,
                link=None
                if link is None
                else Link(s2e_id, link.cmms_id, link.missing_cycles, link.carried),
                claims=tuple(_candidate(row, owners) for row in claims[s2e_id]),
                referenced=None
                if named_row is None
                else _candidate(named_row, owners, named_by.get(named_row.cmms_id)),
                base_s2e=base_fields[s2e_id].get(Side.S2E.value, {}),
                base_cmms=base_fields[s2e_id].get(Side.CMMS.value, {}),
                intents=tuple(parse_intent(row) for row in open_writes[s2e_id]),
                recent=tuple(parse_intent(row) for row in arrived[s2e_id]),
                given_up=_given_up(parse_intent(row) for row in creates[s2e_id]),
                holds=tuple(_hold(row) for row in holds[s2e_id]),
                conflicts=tuple(_conflict(row) for row in waiting),
                answers={Field(row.field): Side(row.answer) for row in waiting if row.answer},
                tombstone=order is not None and order.tombstone_at is not None,
            )
        )
    return cases


def _given_up(creates: Iterable[Intent]) -> tuple[Intent, ...]:
    """Of these creates, oldest first, those that may still turn out to have made the record."""
    given_up: list[Intent] = []
    for intent in creates:
        if intent.state is IntentState.CONFIRMED:
            given_up.clear()
        elif intent.given_up_at is not None:
            given_up.append(intent)
    return tuple(given_up)


def _candidate(row: Any, owners: Mapping[str, str], named_by: set[str] | None = None) -> Candidate:
    linked_to = owners.get(row.cmms_id)
    return Candidate(_record(row), row.seen_at, linked_to, frozenset(named_by or ()))


def _owners(tx: Tx, cmms_ids: Collection[str]) -> dict[str, str]:
    """For those of these records that are linked, the order."""
    return {
        row.cmms_id: row.s2e_id
        for names in chunks(cmms_ids)
        for row in tx.run(_LINKS_OF_RECORDS, ids=names)
    }


def _named_by(tx: Tx, cmms_ids: Collection[str]) -> dict[str, set[str]]:
    """Per record, the unlinked live orders whose externalId names it."""
    named_by: defaultdict[str, set[str]] = defaultdict(set)
    for names in chunks(cmms_ids):
        for row in tx.run(_NAMING, ids=names):
            named_by[row.external_id].add(row.s2e_id)
    return named_by


def _grouped(rows: Iterable[Row[Any]]) -> defaultdict[str, list[Any]]:
    grouped: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.s2e_id].append(row)
    return grouped


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
