"""What each side was last seen to hold, and which orders need a look."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
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

from syncd import __version__
from syncd.core.order_json import OrderJson
from syncd.core.work_order import (
    SPELLED,
    CmmsRecord,
    Unreadable,
    Value,
    encode_fields,
)
from syncd.mirror.attention import mark_attention, mark_columns
from syncd.mirror.db.bulk import IDS, assign, chunks, find, upsert
from syncd.mirror.db.columns import UtcTime, json_text, kept_json, kept_jsons
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import cmms_records, links, s2e_orders

OTHER = ("other_site", "other_asset")  # out of scope: never asked by id


@dataclass(frozen=True, slots=True)
class Saved:
    """How many rows were shown, and which were new or had changed content.

    Attributes:
        first: how many of them the sweep has met for the first time.
    """

    observed: int
    changed: tuple[str, ...]
    first: int = 0


def save_s2e(
    tx: Tx, orders: Sequence[OrderJson], *, seen_at: datetime, sweep: int | None = None
) -> Saved:
    """Keep what a list or a get has shown. A row with changed content needs a look; one that
    shows again is no tombstone any more.

    Args:
        sweep: the sweep that has met them, to tell afterwards whom it did not meet.
    """
    told = kept_jsons([order.raw for order in orders])
    # Of an id that comes twice the last row counts.
    met = dict(zip([order.s2e_id for order in orders], told, strict=True))
    digests = {s2e_id: _s2e_digest(raw, text) for s2e_id, (raw, text) in met.items()}
    before: dict[str, str] = {}
    back, again = [], 0
    for s2e_id, digest, swept, not_found in find(
        tx, s2e_orders, "s2e_id", list(met), ("digest", "swept", "not_found_cycle")
    ):
        before[s2e_id] = digest
        again += sweep is not None and swept == sweep
        if not_found is not None:
            back.append(s2e_id)
    own = {} if sweep is None else {"swept": sweep}

    def columns_of(s2e_ids: Sequence[str]) -> dict[str, Sequence[Any]]:
        return _s2e_columns(s2e_ids, met)

    saved = _save(tx, s2e_orders, "s2e_id", digests, columns_of, before, seen_at, own)
    for ids in chunks(back):
        tx.conn.execute(
            update(s2e_orders)
            .where(s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id.in_(ids))
            .values(not_found_cycle=None, tombstone_at=None, **_mark(tx))
        )
    return Saved(saved.observed, saved.changed, len(met) - again)


_MISSING = (own(links), links.c.cmms_id.in_(IDS), links.c.missing_cycles > 0)
_GONE = select(links.c.s2e_id).where(*_MISSING)
_FOUND_AGAIN = update(links).where(*_MISSING)


def save_cmms(tx: Tx, records: Sequence[CmmsRecord], *, seen_at: datetime) -> Saved:
    """Keep what the CMMS has shown. A linked record that shows again is no longer missing."""
    rows = {record.cmms_id: _cmms_row(record) for record in records}
    known = dict(find(tx, cmms_records, "cmms_id", list(rows), ("digest",)))
    digests = {cmms_id: row.pop("digest") for cmms_id, row in rows.items()}

    def columns_of(cmms_ids: Sequence[str]) -> dict[str, Sequence[Any]]:
        changed = [rows[cmms_id] for cmms_id in cmms_ids]
        return {name: [row[name] for row in changed] for name in changed[0]}

    saved = _save(tx, cmms_records, "cmms_id", digests, columns_of, known, seen_at)
    for ids in chunks(rows):
        returned = list(tx.run(_GONE, ids=ids).scalars())
        if returned:
            tx.run(_FOUND_AGAIN, ids=ids, missing_cycles=0, missing_cycle=None)
            mark_attention(tx, returned)
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
    """Keep rows under their digests.

    Args:
        digests: of all that was met.
        columns_of: makes the columns of some; asked only for those whose digest is new.
        known: the digests kept so far.
        extra: is kept with every row, changed or not.
    """
    changed = [name for name, digest in digests.items() if known.get(name) != digest]
    if len(changed) < len(digests):
        same = [name for name, digest in digests.items() if known.get(name) == digest]
        assign(tx, table, key, same, {"seen_at": seen_at, **extra})
    if changed:
        columns = {**columns_of(changed), "digest": [digests[name] for name in changed]}
        times = {"seen_at": seen_at, "changed_at": seen_at, "first_seen_at": seen_at}
        own = {"connection": tx.connection, "needs_look": True, "look_since": tx.now}
        upsert(tx, table, columns, {**times, **own, **extra}, kept=frozenset({"first_seen_at"}))
    return Saved(len(digests), tuple(changed))


def _s2e_columns(
    s2e_ids: Sequence[str], met: Mapping[str, tuple[Mapping[str, Any], bytes]]
) -> dict[str, Sequence[Any]]:
    orders = [OrderJson(s2e_id, met[s2e_id][0]) for s2e_id in s2e_ids]
    return {
        "s2e_id": s2e_ids,
        "status": [order.status for order in orders],
        "external_id": [order.external_id for order in orders],
        "sync_status": [order.sync_status for order in orders],
        "raw": [met[s2e_id][1] for s2e_id in s2e_ids],
    }


def _s2e_digest(raw: Mapping[str, Any], told: bytes) -> str:
    """Of the JSON as it came and of this version, which may read more in it than the last did."""
    # Tasks come with a get and not with the list: the same order read both ways is unchanged.
    if "tasks" in raw:
        told = kept_json({key: value for key, value in raw.items() if key != "tasks"})[1]
    digest = _OF_VERSION.copy()
    digest.update(told)
    return digest.hexdigest()


def _cmms_row(record: CmmsRecord) -> dict[str, Any]:
    fields, native = json_text(encode_fields(record.fields)), json_text(dict(record.native))
    equivalents = {name.value: sorted(values) for name, values in record.equivalents.items()}
    row = {column: _column_value(record.fields.get(name)) for name, column in SPELLED.items()} | {
        "cmms_id": record.cmms_id,
        "s2e_id": record.s2e_id,
        "fields": fields,
        "native": native,
        "equivalents": equivalents,
        "updated_at": record.updated_at,
    }
    told = json_text([equivalents, record.s2e_id])
    return row | {"digest": _digest(*(part.encode() for part in (fields, native, told)))}


def _column_value(value: Value) -> Any:
    if value is None or type(value) is str or isinstance(value, datetime):
        return value
    if isinstance(value, Unreadable):
        return None
    return float(value) if isinstance(value, Decimal) else str(value)  # a status is text


def _digest(*parts: bytes) -> str:
    """Of the texts, in the order in which a side spells its keys: another order is looked at
    once more, and found to be the same."""
    return _new_digest(b"\x1f".join(parts)).hexdigest()


def _new_digest(text: bytes) -> "hashlib.blake2b":
    return hashlib.blake2b(text, digest_size=16)


_OF_VERSION = _new_digest(__version__.encode() + b"\x1f")


# ── which orders there are ────────────────────────────────────────────────────────────────


def orders_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The ids of the orders of which this is so, those that were seen longest ago first."""
    found = select(s2e_orders.c.s2e_id).where(own(s2e_orders), *conditions)
    return found.order_by(s2e_orders.c.seen_at)


def counting(*conditions: ColumnElement[bool]) -> Select[Any]:
    """How many orders there are of which this is so."""
    return select(func.count()).select_from(s2e_orders).where(own(s2e_orders), *conditions)


_LIVE = s2e_orders.c.tombstone_at.is_(None)
_NOMINATED = orders_where(s2e_orders.c.not_found_cycle.is_not(None), _LIVE)
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
        cmms_records.c.needs_look,
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
_ABSENCE = select(s2e_orders.c.not_found_cycle, s2e_orders.c.tombstone_at).where(*_ORDER)


def nominated_s2e_ids(tx: Tx) -> list[str]:
    """Orders that answered 404 once: asked again in the next cycle."""
    return list(tx.run(_NOMINATED).scalars())


def known_s2e_ids(tx: Tx, s2e_ids: Collection[str]) -> set[str]:
    """Those of the ids that Scan2Evolve was ever seen to hold."""
    return {known for ids in chunks(s2e_ids) for known in tx.run(_KNOWN, ids=ids).scalars()}


def claims_unseen_since(tx: Tx, moment: datetime) -> list[str]:
    """cmms_ids of records that carry a Scan2Evolve id and that no read has shown since."""
    return list(tx.run(_UNSEEN_CLAIMS, before=moment).scalars())


def forget_record(tx: Tx, cmms_id: str) -> None:
    """Forget a record that is linked to nothing and gone; the order it named is looked at."""
    here = (cmms_records.c.connection == tx.connection, cmms_records.c.cmms_id == cmms_id)
    s2e_id = tx.conn.execute(select(cmms_records.c.s2e_id).where(*here)).scalar_one_or_none()
    tx.conn.execute(delete(cmms_records).where(*here))
    if s2e_id is not None:
        mark_attention(tx, [s2e_id])


def s2e_seen_since(tx: Tx, s2e_ids: Collection[str], moment: datetime) -> set[str]:
    """Those of the ids that a read has shown since."""
    return {
        seen
        for ids in chunks(s2e_ids)
        for seen in tx.run(_SEEN_SINCE, ids=ids, since=moment).scalars()
    }


def has_live_orders(tx: Tx) -> bool:
    """Whether there is an order that upstream is not known to have deleted."""
    return tx.run(_A_LIVE_ONE).first() is not None


def live_s2e_count(tx: Tx) -> int:
    """Orders that upstream is not known to have deleted."""
    # Counted from the two ends, each of which has an index.
    count: int = tx.run(_ALL).scalar_one() - tx.run(_TOMBSTONES).scalar_one()
    return count


def sync_status_count(tx: Tx, sync_status: str) -> int:
    count: int = tx.run(_OF_SYNC_STATUS, wanted=sync_status).scalar_one()
    return count


def unknown_claims(tx: Tx, limit: int) -> list[str]:
    """Scan2Evolve ids that only the CMMS knows, of records not looked at yet."""
    return [s2e_id for s2e_id in tx.run(_UNKNOWN_CLAIMS, at_most=limit).scalars() if s2e_id]


def set_scope(tx: Tx, s2e_id: str, reason: str | None) -> None:
    """Keep why an order is not synced; None: it is."""
    tx.run(_RESCOPE, of=s2e_id, reason=reason, out_of_scope=reason)


def is_known_record(tx: Tx, cmms_id: str) -> bool:
    """Whether the mirror has an observation of this record."""
    found = select(func.count()).where(
        cmms_records.c.connection == tx.connection, cmms_records.c.cmms_id == cmms_id
    )
    return bool(tx.conn.execute(found).scalar_one())


def note_absence(tx: Tx, s2e_id: str, cycle_id: str) -> bool:
    """Note a 404. True: it is the second, in another cycle, and the order is a tombstone now."""
    here = (s2e_orders.c.connection == tx.connection, s2e_orders.c.s2e_id == s2e_id)
    row = tx.run(_ABSENCE, of=s2e_id).one_or_none()
    if row is None or row.tombstone_at is not None:
        return False
    if row.not_found_cycle is None:
        tx.conn.execute(update(s2e_orders).where(*here).values(not_found_cycle=cycle_id))
        return False
    if row.not_found_cycle == cycle_id:
        return False
    tombstone = {"tombstone_at": tx.now, **_mark(tx)}
    tx.conn.execute(update(s2e_orders).where(*here).values(tombstone))
    return True


def _mark(tx: Tx) -> dict[str, Any]:
    return mark_columns(s2e_orders, literal(tx.now, UtcTime))
