"""Which orders, and which records that belong to them, need a look in the next plan."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Table,
    Update,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)

from syncd.mirror.db.columns import UtcTime
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cmms_records, links, s2e_orders

_CHUNK = 400  # ids in one IN list
_SETTLED = {"needs_look": False, "look_since": None}
THESE: BindParameter[Any] = bindparam("ids", expanding=True)


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in lists short enough for one IN."""
    rest = list(ids)
    for start in range(0, len(rest), _CHUNK):
        yield rest[start : start + _CHUNK]


def mark(tx: Tx, table: Table) -> dict[str, Any]:
    """That an order or record needs a look, with the time of the first reason for it."""
    now = literal(tx.now, UtcTime)
    return {"needs_look": True, "look_since": func.coalesce(table.c.look_since, now)}


_LINKED_IDS = select(links.c.cmms_id).where(own(links))
_KNOWN_IDS = select(s2e_orders.c.s2e_id).where(own(s2e_orders))
ORDERS = (s2e_orders.c.s2e_id.in_(THESE),)
_THEIR_RECORDS = (
    or_(
        cmms_records.c.s2e_id.in_(THESE),
        cmms_records.c.cmms_id.in_(_LINKED_IDS.where(links.c.s2e_id.in_(THESE))),
    ),
)


def _looking(table: Table, *conditions: ColumnElement[bool]) -> Update:
    since = func.coalesce(table.c.look_since, bindparam("now", type_=UtcTime))
    mark = {"needs_look": True, "look_since": since}
    return update(table).where(own(table), *conditions).values(mark)


def _settling(table: Table, *conditions: ColumnElement[bool]) -> Update:
    return update(table).where(own(table), *conditions).values(_SETTLED)


_LOOK_AT = (_looking(s2e_orders, *ORDERS), _looking(cmms_records, *_THEIR_RECORDS))
_LOOK_AT_ALL = (_looking(s2e_orders), _looking(cmms_records))
_CLEAR_LOOK = (_settling(s2e_orders, *ORDERS), _settling(cmms_records, *_THEIR_RECORDS))
_STRANGERS = _settling(
    cmms_records,
    cmms_records.c.needs_look,
    cmms_records.c.cmms_id.not_in(_LINKED_IDS),
    or_(cmms_records.c.s2e_id.is_(None), cmms_records.c.s2e_id.not_in(_KNOWN_IDS)),
)


def mark_attention(tx: Tx, s2e_ids: Collection[str] | None) -> None:
    """Have these orders decided about in the next plan; None: all of them."""
    if s2e_ids is None:
        for statement in _LOOK_AT_ALL:
            tx.run(statement, now=tx.now)
        return
    for ids in chunks(s2e_ids):
        for statement in _LOOK_AT:
            tx.run(statement, ids=ids, now=tx.now)


def clear_attention(tx: Tx, s2e_ids: Collection[str]) -> None:
    """These orders, and the records that belong to them, are settled until they change."""
    for ids in chunks(s2e_ids):
        for statement in _CLEAR_LOOK:
            tx.run(statement, ids=ids)


def settle_strangers(tx: Tx) -> None:
    """Records that belong to no order we know are counted and left alone."""
    tx.run(_STRANGERS)
