"""How it stands: counts, freshness, and how the list is read.

An order is pending while something of it is still to be decided, sent or read back. attention.py
lists more reasons to decide about an order, such as a hold whose time is over.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Table, bindparam, func, select

from syncd.core.case import OPEN_STATES, IntentState
from syncd.mirror import lanes
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
from syncd.mirror.queries.held import PARKED, TRIED_AGAIN
from syncd.mirror.queries.rows import time_text
from syncd.mirror.queries.waiting import CONFLICT_WAITS, guard_list
from syncd.mirror.side_reads import side_reads
from syncd.mirror.state import (
    CMMS_AHEAD,
    CMMS_NAMELESS,
    LIST_ORDER,
    PAUSED,
    get_state,
    last_complete_sweep,
    last_cycle,
    last_sweep,
    running_sweep,
)

_OPEN = [state.value for state in OPEN_STATES]
_UNANSWERED = [state for state in _OPEN if state != IntentState.ANSWERED.value]


def _counting(table: Table, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(own(table), *conditions).scalar_subquery()


# One statement, since it is asked in every cycle.
_WAITING = select(
    _counting(parked, PARKED).label("parked"),
    _counting(conflicts, *CONFLICT_WAITS).label("conflicts"),
    _counting(intents, intents.c.state == IntentState.IN_DOUBT.value).label("in_doubt"),
)
_COUNTS = select(
    _counting(s2e_orders).label("total"),
    _counting(links).label("linked"),
    _counting(s2e_orders, s2e_orders.c.tombstone_at.is_not(None)).label("tombstones"),
    _counting(links, links.c.missing_cycles > 1).label("cmms_missing"),
)


def waiting_counts(tx: Tx) -> dict[str, int]:
    """What is not finished: the numbers of parked, conflicts, in_doubt and pending."""
    return {**tx.run(_WAITING).one()._mapping, "pending": len(_pending(tx))}


def status_counts(tx: Tx, reasons: Mapping[str, int] | None = None) -> dict[str, int]:
    """The `orders` object of `status --json`.

    Args:
        reasons: what `out_of_scope_reasons` returns, if the caller has it already.
    """
    counted, waiting = tx.run(_COUNTS).one()._mapping, waiting_counts(tx)
    out_of_scope = out_of_scope_reasons(tx) if reasons is None else reasons
    return {
        "total": counted["total"],
        "linked": counted["linked"],
        "pending": waiting["pending"],
        "parked": waiting["parked"],
        "conflicts": waiting["conflicts"],
        "in_doubt": waiting["in_doubt"],
        "tombstones": counted["tombstones"],
        "cmms_missing": counted["cmms_missing"],
        "out_of_scope": sum(out_of_scope.values()),
    }


_REASONS = (
    select(s2e_orders.c.out_of_scope, func.count().label("orders"))
    .where(own(s2e_orders), s2e_orders.c.out_of_scope.is_not(None))
    .group_by(s2e_orders.c.out_of_scope)
    .order_by(s2e_orders.c.out_of_scope)
)


def out_of_scope_reasons(tx: Tx) -> dict[str, int]:
    """How many orders are not synced, by reason."""
    rows = tx.run(_REASONS)
    return {row.out_of_scope: row.orders for row in rows}


def unlinked_records(tx: Tx) -> int:
    """How many CMMS records carry no order's id and are not linked."""
    # Counted as the difference of three counts, since counting them directly takes longer where
    # there are many records and few links.
    linked = (
        select(func.count())
        .select_from(links)
        .join(
            cmms_records,
            (links.c.connection == cmms_records.c.connection)
            & (links.c.cmms_id == cmms_records.c.cmms_id),
        )
        .where(links.c.connection == tx.connection)
    )
    linked_all = tx.conn.execute(linked).scalar_one()
    linked_with_id = tx.conn.execute(linked.where(cmms_records.c.s2e_id.is_not(None))).scalar_one()
    return _count(tx, cmms_records, cmms_records.c.s2e_id.is_(None)) - (linked_all - linked_with_id)


_MARKED_ORDERS = select(s2e_orders.c.s2e_id, s2e_orders.c.attention_since).where(
    own(s2e_orders), s2e_orders.c.needs_attention
)
_MARKED_RECORDS = (
    select(links.c.s2e_id, cmms_records.c.attention_since)
    .join(
        cmms_records,
        (links.c.connection == cmms_records.c.connection)
        & (links.c.cmms_id == cmms_records.c.cmms_id),
    )
    .where(own(links), cmms_records.c.needs_attention)
)
# A create in doubt that is parked as a whole waits for a person, and is not pending.
_PARKED_AS_A_WHOLE = select(parked.c.s2e_id).where(
    own(parked), parked.c.field == "", parked.c.until.is_(None)
)
_OPEN_WRITES = select(intents.c.s2e_id, intents.c.started_at).where(
    own(intents),
    intents.c.state.in_(bindparam("states", expanding=True)),
    intents.c.s2e_id.not_in(_PARKED_AS_A_WHOLE),
)


# A write that has failed and is tried again is as old as its first try.
_HELD_BACK = select(parked.c.s2e_id, parked.c.since).where(
    own(parked), TRIED_AGAIN, parked.c.s2e_id.not_in(_PARKED_AS_A_WHOLE)
)


def _pending(tx: Tx, states: list[str] = _OPEN) -> dict[str, datetime]:
    """The pending orders, each with the time since when it is.

    Args:
        states: of the writes that make an order pending.
    """
    oldest: dict[str, datetime] = {}
    rows: list[Any] = [
        *tx.run(_MARKED_ORDERS),
        *tx.run(_MARKED_RECORDS),
        *tx.run(_OPEN_WRITES, states=states),
        *tx.run(_HELD_BACK),
    ]
    for s2e_id, since in rows:
        if s2e_id is not None:
            oldest[s2e_id] = min(since, oldest.get(s2e_id, since))
    return oldest


def waiting_s(tx: Tx) -> float | None:
    """Seconds since the oldest change that is not on the other side yet; None: none waits.

    A write that was answered with success is on the other side, though it is not read back yet.
    """
    times = _pending(tx, _UNANSWERED).values()
    return max(((tx.now - since).total_seconds() for since in times), default=None)


def freshness_s(tx: Tx, poll_every_s: float = math.inf) -> float:
    """Seconds since the oldest change that may not be on the other side yet; 0 if there is none.

    A side that is not read may have changed right after its last good read.

    Args:
        poll_every_s: after a good read of a side, the next is due within these seconds; inf: no
            cycle is due.
    """
    sides = (read.late_s(poll_every_s) for read in side_reads(tx).values())
    return max(waiting_s(tx) or 0.0, *sides, 0.0)


def status_facts(tx: Tx, poll_every_s: float = math.inf) -> dict[str, Any]:
    """The document of `status --json`, without `connection` and whether it is healthy.

    Args:
        poll_every_s: see `freshness_s`.
    """
    last, complete = last_cycle(tx), last_complete_sweep(tx)
    reasons = out_of_scope_reasons(tx)
    return {
        "freshness_s": round(freshness_s(tx, poll_every_s), 1),
        "unread_s": {
            side.value: round(seconds, 1)
            for side, read in side_reads(tx).items()
            if (seconds := read.unread_s(poll_every_s)) is not None
        },
        "last_complete_sweep": time_text(complete["ended_at"]) if complete is not None else None,
        "last_cycle": None
        if last is None
        else {
            "cycle_id": last["cycle_id"],
            "ended_at": time_text(last["ended_at"]),
            "result": last["result"],
        },
        "orders": status_counts(tx, reasons),
        "guards": guard_list(tx),
        "sweep": sweep_view(tx),
        "oldest_open_look_s": round(open_read_age_s(tx), 1),
        "paused": bool(get_state(tx, PAUSED)),
        "out_of_scope": reasons,
        "cmms_unlinked": unlinked_records(tx),
        "cmms_nameless": dict(get_state(tx, CMMS_NAMELESS) or {}),
        "cmms_ahead": dict(get_state(tx, CMMS_AHEAD) or {}),
        "drifts": _count(tx, drifts),
        "tried_again": _count(tx, parked, TRIED_AGAIN),
    }


def sweep_view(tx: Tx) -> dict[str, Any]:
    """How the list is read, for `status --json`.

    Returns:
        running: the sweep that is running, or None.
        last: the sweep that ended last, or None.
        certificate: what the last complete sweep has proved, or None.
        list_order: the order in which the list comes, or None.
    """
    running, last, complete = running_sweep(tx), last_sweep(tx), last_complete_sweep(tx)
    return {
        "running": None
        if running is None
        else {
            "started_at": time_text(running["started_at"]),
            **{key: running[key] for key in ("pages", "orders", "total")},
        },
        "last": None
        if last is None
        else {
            "ended_at": time_text(last["ended_at"]),
            **{key: last[key] for key in ("result", "reason", "pages", "orders", "total")},
        },
        "certificate": None if complete is None else complete["certificate"],
        "list_order": get_state(tx, LIST_ORDER),
    }


def open_read_age_s(tx: Tx) -> float:
    """Seconds since the open order was read that was not read for the longest time; else 0."""
    oldest = lanes.oldest_open_read(tx)
    return 0.0 if oldest is None else (tx.now - oldest).total_seconds()


def _count(tx: Tx, table: Table, *conditions: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(table)
    return tx.conn.execute(
        statement.where(table.c.connection == tx.connection, *conditions)
    ).scalar_one()
