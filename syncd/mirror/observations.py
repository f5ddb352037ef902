"""What each side was last seen to hold: save it, and ask which orders and records there are.

A row whose content has changed is marked: it has to be decided about (attention.py). Absence is
kept apart from content: an order that answers 404 in two cycles becomes a tombstone, and one that
shows again is live again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)

from syncd.core.order_json import OrderJson
from syncd.core.work_order import CmmsRecord
from syncd.mirror.attention import mark_attention, mark_columns
from syncd.mirror.db.bulk import IDS, assign, chunks, find, upsert
from syncd.mirror.db.columns import UtcTime, kept_jsons
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cmms_records, links, s2e_orders
from syncd.mirror.encoding import cmms_row, s2e_columns, s2e_digest

ELSEWHERE = ("other_site", "other_asset")  # reasons: such an order is never asked for by id
_FIRST_404 = s2e_orders.c["not_found_cycle"]  # the cycle in which it came; null: there was none


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved.

    Attributes:
        observed: how many orders or records the read showed.
        changed: the ids of those that are new or have other content.
        first: how many of them this sweep has not shown before.
    """

    observed: int
    changed: tuple[str, ...]
    first: int = 0


def save_s2e(
    tx: Tx, orders: Sequence[OrderJson], *, seen_at: datetime, sweep: int | None = None
) -> Saved:
    """Keep the orders that a list or a get has shown. Each of them is live.

    Args:
        seen_at: when the read began.
        sweep: the sweep that shows them, so that it is known later which orders it did not show.
    """
    texts = kept_jsons([order.raw for order in orders])
    # Of an id that comes twice the last row counts.
    shown = dict(zip([order.s2e_id for order in orders], texts, strict=True))
    digests = {s2e_id: s2e_digest(raw, text) for s2e_id, (raw, text) in shown.items()}
    known: dict[str, str] = {}
    returned, again = [], 0
    for s2e_id, digest, swept, first_404 in find(
        tx, s2e_orders, "s2e_id", list(shown), ("digest", "swept", _FIRST_404.name)
    ):
        known[s2e_id] = digest
        again += sweep is not None and swept == sweep
        if first_404 is not None:
            returned.append(s2e_id)
    extra = {} if sweep is None else {"swept": sweep}

    def columns_of(s2e_ids: Sequence[str]) -> dict[str, Sequence[Any]]:
        return s2e_columns(s2e_ids, shown)

    saved = _save(tx, s2e_orders, "s2e_id", digests, columns_of, known, seen_at, extra)
    for ids in chunks(returned):
        tx.conn.execute(
            update(s2e_orders)
            .where(s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id.in_(ids))
            .values({_FIRST_404: None, s2e_orders.c.tombstone_at: None} | _mark(tx))
        )
    return Saved(saved.observed, saved.changed, len(shown) - again)


_MISSING = (own(links), links.c.cmms_id.in_(IDS), links.c.missing_cycles > 0)
_LINKED_AND_MISSING = select(links.c.s2e_id).where(*_MISSING)
_NO_LONGER_MISSING = update(links).where(*_MISSING)


def save_cmms(tx: Tx, records: Sequence[CmmsRecord], *, seen_at: datetime) -> Saved:
    """Keep the records that the CMMS has shown. A linked one among them is no longer missing.

    Args:
        seen_at: when the read began, or when the answer to a write came.
    """
    rows = {record.cmms_id: cmms_row(record) for record in records}
    known: dict[str, str] = {}
    carried_before: list[str] = []
    for cmms_id, digest, s2e_id in find(
        tx, cmms_records, "cmms_id", list(rows), ("digest", "s2e_id")
    ):
        known[cmms_id] = digest
        if s2e_id is not None and s2e_id != rows[cmms_id]["s2e_id"]:
            carried_before.append(s2e_id)
    digests = {cmms_id: row.pop("digest") for cmms_id, row in rows.items()}

    def columns_of(cmms_ids: Sequence[str]) -> dict[str, Sequence[Any]]:
        changed = [rows[cmms_id] for cmms_id in cmms_ids]
        return {name: [row[name] for row in changed] for name in changed[0]}

    saved = _save(tx, cmms_records, "cmms_id", digests, columns_of, known, seen_at)
    for ids in chunks(rows):
        returned = list(tx.run(_LINKED_AND_MISSING, ids=ids).scalars())
        if returned:
            tx.run(_NO_LONGER_MISSING, ids=ids, missing_cycles=0, missing_cycle=None)
            mark_attention(tx, returned)
    if carried_before:
        mark_attention(tx, carried_before)
    return saved


def _save(
    tx: Tx,
    table: Table,
    key: str,
    digests: Mapping[str, str],
    columns_of: Callable[[Sequence[str]], dict[str, Sequence[Any]]],
    known: Mapping[str, str],
    seen_at: datetime,
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> Saved:
    """Keep rows. Those with a new digest are written whole and marked.

    Args:
        key: the column of the ids.
        digests: of all rows, by id.
        columns_of: makes the columns of some ids; called for those whose digest is new.
        known: the digests kept so far, by id.
        extra: columns that are set in every row, changed or not.
    """
    changed = [row_id for row_id, digest in digests.items() if known.get(row_id) != digest]
    if len(changed) < len(digests):
        same = [row_id for row_id, digest in digests.items() if known.get(row_id) == digest]
        assign(tx, table, key, same, {"seen_at": seen_at, **extra})
    if changed:
        columns = {**columns_of(changed), "digest": [digests[row_id] for row_id in changed]}
        times = {"seen_at": seen_at, "changed_at": seen_at, "first_seen_at": seen_at}
        mark = {"needs_attention": True, "attention_since": tx.now}
        same_for_all = {"connection": tx.connection, **times, **mark, **extra}
        upsert(tx, table, columns, same_for_all, kept=frozenset({"first_seen_at"}))
    return Saved(len(digests), tuple(changed))


# ── which orders and records there are ────────────────────────────────────────────────────


def orders_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The statement for the ids of such orders, those first that were seen longest ago."""
    statement = select(s2e_orders.c.s2e_id).where(own(s2e_orders), *conditions)
    return statement.order_by(s2e_orders.c.seen_at)


def counting(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The statement for the number of such orders."""
    return select(func.count()).select_from(s2e_orders).where(own(s2e_orders), *conditions)


_LIVE = s2e_orders.c.tombstone_at.is_(None)
_NOMINATED = orders_where(_FIRST_404.is_not(None), _LIVE)
_OF_ORDERS = s2e_orders.c.s2e_id.in_(IDS)
_KNOWN = orders_where(_OF_ORDERS)
_SEEN_SINCE = orders_where(_OF_ORDERS, s2e_orders.c.seen_at >= bindparam("since"))
_A_LIVE_ONE = select(s2e_orders.c.s2e_id).where(own(s2e_orders), _LIVE).limit(1)
_ALL = counting()
_TOMBSTONES = counting(s2e_orders.c.tombstone_at.is_not(None))
_OF_SYNC_STATUS = counting(s2e_orders.c.sync_status == bindparam("wanted"), _LIVE)
_UNSEEN_CLAIMS = select(cmms_records.c.cmms_id).where(
    own(cmms_records),
    cmms_records.c.s2e_id.is_not(None),
    cmms_records.c.seen_at < bindparam("before"),
)
_UNKNOWN_CLAIMS = (
    select(cmms_records.c.s2e_id)
    .distinct()
    .where(
        own(cmms_records),
        cmms_records.c.needs_attention,
        cmms_records.c.s2e_id.is_not(None),
        ~exists().where(
            s2e_orders.c.connection == cmms_records.c.connection,
            s2e_orders.c.s2e_id == cmms_records.c.s2e_id,
        ),
    )
    .order_by(cmms_records.c.s2e_id)
    .limit(bindparam("at_most"))
)
_ORDER = (own(s2e_orders), s2e_orders.c.s2e_id == bindparam("of"))
_RESCOPE = update(s2e_orders).where(
    *_ORDER, s2e_orders.c.out_of_scope.is_distinct_from(bindparam("reason"))
)
_ABSENCE = select(_FIRST_404, s2e_orders.c.tombstone_at).where(*_ORDER)


def nominated_s2e_ids(tx: Tx) -> list[str]:
    """The live orders that answered 404 once. The next cycle asks for them again."""
    return list(tx.run(_NOMINATED).scalars())


def known_s2e_ids(tx: Tx, s2e_ids: Collection[str]) -> set[str]:
    """Those of these ids that Scan2Evolve was ever seen to hold."""
    return {s2e_id for ids in chunks(s2e_ids) for s2e_id in tx.run(_KNOWN, ids=ids).scalars()}


def claims_unseen_since(tx: Tx, moment: datetime) -> list[str]:
    """The cmms_ids of records that carry an order's id and that no read has shown since then."""
    return list(tx.run(_UNSEEN_CLAIMS, before=moment).scalars())


def forget_record(tx: Tx, cmms_id: str) -> None:
    """Forget a record that is gone and not linked; mark the order whose id it carried."""
    here = (cmms_records.c.connection == tx.connection, cmms_records.c.cmms_id == cmms_id)
    s2e_id = tx.conn.execute(select(cmms_records.c.s2e_id).where(*here)).scalar_one_or_none()
    tx.conn.execute(delete(cmms_records).where(*here))
    if s2e_id is not None:
        mark_attention(tx, [s2e_id])


def s2e_seen_since(tx: Tx, s2e_ids: Collection[str], moment: datetime) -> set[str]:
    """Those of these orders that a read has shown since then."""
    return {
        s2e_id
        for ids in chunks(s2e_ids)
        for s2e_id in tx.run(_SEEN_SINCE, ids=ids, since=moment).scalars()
    }


def has_live_orders(tx: Tx) -> bool:
    """Whether there is any order that is no tombstone."""
    return tx.run(_A_LIVE_ONE).first() is not None


def live_s2e_count(tx: Tx) -> int:
    """How many orders are no tombstones."""
    # There is an index for each of these counts, and none for their difference.
    count: int = tx.run(_ALL).scalar_one() - tx.run(_TOMBSTONES).scalar_one()
    return count


def sync_status_count(tx: Tx, sync_status: str) -> int:
    """How many live orders have this sync status, as last seen."""
    count: int = tx.run(_OF_SYNC_STATUS, wanted=sync_status).scalar_one()
    return count


def unknown_claims(tx: Tx, limit: int) -> list[str]:
    """Ids of orders that marked records carry and that Scan2Evolve was never seen to hold."""
    return [s2e_id for s2e_id in tx.run(_UNKNOWN_CLAIMS, at_most=limit).scalars() if s2e_id]


def set_scope(tx: Tx, s2e_id: str, reason: str | None) -> None:
    """Keep why an order is not synced. None: it is synced."""
    tx.run(_RESCOPE, of=s2e_id, reason=reason, out_of_scope=reason)


def is_known_record(tx: Tx, cmms_id: str) -> bool:
    """Whether the mirror has an observation of this record."""
    count = select(func.count()).where(
        cmms_records.c.connection == tx.connection, cmms_records.c.cmms_id == cmms_id
    )
    return bool(tx.conn.execute(count).scalar_one())


def note_absence(tx: Tx, s2e_id: str, cycle_id: str) -> bool:
    """Keep that an order answered 404. A 404 in a second cycle makes it a tombstone.

    Returns:
        Whether this call made it one.
    """
    here = (s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id == s2e_id)
    row = tx.run(_ABSENCE, of=s2e_id).one_or_none()
    if row is None or row.tombstone_at is not None:
        return False
    first_404 = row[0]
    if first_404 is None:
        tx.conn.execute(update(s2e_orders).where(*here).values({_FIRST_404: cycle_id}))
        return False
    if first_404 == cycle_id:
        return False
    tombstone = {"tombstone_at": tx.now, **_mark(tx)}
    tx.conn.execute(update(s2e_orders).where(*here).values(tombstone))
    return True


def _mark(tx: Tx) -> dict[str, Any]:
    return mark_columns(s2e_orders, literal(tx.now, UtcTime))
