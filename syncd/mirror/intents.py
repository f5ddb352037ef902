"""Intents: writes, each committed before it is sent, with what became of it.

The states and their order are drawn in core/case.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, insert, select, update

from syncd.core.case import (
    NO_EFFECTS,
    OPEN_STATES,
    Intent,
    IntentKind,
    IntentState,
    Write,
    WriteEffects,
)
from syncd.core.values import decode_value, encode_value
from syncd.core.work_order import CMMS_OWNED, Field, Side, Value
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import intents

_OPEN = [state.value for state in OPEN_STATES]

_NEW_INTENT = insert(intents).returning(intents.c.id)
_INTENT = update(intents).where(intents.c.id == bindparam("of"))


def _intents(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(intents).where(own(intents), *conditions).order_by(intents.c.id)


_OPEN_INTENTS = _intents(intents.c.state.in_(_OPEN))
_STARTED = _intents(intents.c.state == IntentState.STARTED.value)
_SENT_SINCE = _intents(
    intents.c.side == bindparam("side_written"),
    intents.c.kind == IntentKind.UPDATE.value,
    intents.c.started_at >= bindparam("since"),
    intents.c.state != IntentState.REFUSED.value,
)
_OPEN_UPDATES = update(intents).where(
    own(intents),
    intents.c.s2e_id == bindparam("of"),
    intents.c.cmms_id == bindparam("to"),
    intents.c.kind == IntentKind.UPDATE.value,
    intents.c.side == Side.CMMS.value,
    intents.c.state.in_(_OPEN),
)
_CREATES_IN_DOUBT = update(intents).where(
    own(intents),
    intents.c.s2e_id == bindparam("of"),
    intents.c.kind == IntentKind.CREATE.value,
    intents.c.state == IntentState.IN_DOUBT.value,
)


def start_intent(
    tx: Tx,
    *,
    s2e_id: str,
    cmms_id: str | None,
    side: Side,
    kind: IntentKind,
    writes: Mapping[Field, Write],
    last_synced_before: datetime | None,
    cycle_id: str,
    token: int,
    effects: WriteEffects = NO_EFFECTS,
) -> Intent:
    """Journal a write that is about to be sent. Send it only after this transaction commits.

    Args:
        cmms_id: the record; None for a create.
        side: the side that is written.
        last_synced_before: Scan2Evolve's lastSyncedAt of the order, as it was last read.
        token: of the lease under which the write is sent.
        effects: what it does beside the values that it sends.
    """
    result = tx.run(
        _NEW_INTENT,
        connection=tx.connection,
        s2e_id=s2e_id,
        cmms_id=cmms_id,
        side=side.value,
        kind=kind.value,
        state=IntentState.STARTED.value,
        writes={name.value: _encode(write) for name, write in writes.items()},
        started_at=tx.now,
        last_synced_before=last_synced_before,
        cycle_id=cycle_id,
        token=token,
        effects=_encode_effects(effects),
    )
    return Intent(
        id=result.scalar_one(),
        s2e_id=s2e_id,
        side=side,
        kind=kind,
        state=IntentState.STARTED,
        writes=dict(writes),
        started_at=tx.now,
        cmms_id=cmms_id,
        last_synced_before=last_synced_before,
        effects=effects,
    )


def _encode_effects(effects: WriteEffects) -> dict[str, object] | None:
    if effects == NO_EFFECTS:
        return None
    passes = {name.value: sorted(values) for name, values in effects.passes.items()}
    return {"touches": sorted(effects.touches), "passes": passes}


def _decode_effects(stored: Mapping[str, Any] | None) -> WriteEffects:
    if stored is None:
        return NO_EFFECTS
    passes = {Field(name): frozenset(values) for name, values in stored["passes"].items()}
    return WriteEffects(frozenset(map(Field, stored["touches"])), passes)


def _encode(write: Write) -> dict[str, object]:
    return {
        "before": encode_value(write.before),
        "sent": encode_value(write.sent),
        "source": encode_value(write.source),
        "verdict": write.verdict.value if write.verdict is not None else None,
    }


def _decode(name: Field, stored: Mapping[str, Any]) -> Write:
    verdict = stored["verdict"]
    return Write(
        before=decode_value(name, stored["before"]),
        sent=decode_value(name, stored["sent"]),
        source=decode_value(name, stored["source"]),
        verdict=IntentState(verdict) if verdict is not None else None,
    )


def parse_intent(row: Any) -> Intent:
    """The intent that a row of `intents` holds."""
    return Intent(
        id=row.id,
        s2e_id=row.s2e_id,
        side=Side(row.side),
        kind=IntentKind(row.kind),
        state=IntentState(row.state),
        writes={Field(key): _decode(Field(key), raw) for key, raw in row.writes.items()},
        started_at=row.started_at,
        answered_at=row.answered_at if row.error is None else None,
        cmms_id=row.cmms_id,
        last_synced_before=row.last_synced_before,
        effects=_decode_effects(row.effects),
        given_up_at=row.answered_at if row.error is not None else None,
    )


def finish_intent(
    tx: Tx,
    intent_id: int,
    state: IntentState,
    *,
    request_id: str | None = None,
    error: str | None = None,
    cmms_id: str | None = None,
) -> None:
    """Keep how a write was answered, and with it the state of the intent.

    That an answer is no longer waited for is kept with its time, too: what was sent may be applied
    for a while after it (`core/planning/proof.py`).

    Args:
        request_id: by which the written side knows the request.
        error: the error that came, as text. A write in doubt has one, an answered one has none.
        cmms_id: the record that a create has made.
    """
    values: dict[str, Any] = {"state": state.value, "request_id": request_id, "error": error}
    if state in {IntentState.ANSWERED, IntentState.IN_DOUBT}:
        values["answered_at"] = tx.now
    elif state not in OPEN_STATES:
        values["settled_at"] = tx.now
    if cmms_id is not None:
        values["cmms_id"] = cmms_id
    tx.run(_INTENT, of=intent_id, **values)


def open_intents(tx: Tx) -> list[Intent]:
    """The writes whose result is not final, oldest first."""
    return [parse_intent(row) for row in tx.run(_OPEN_INTENTS)]


def give_up_creates(tx: Tx, s2e_id: str) -> None:
    """Keep that the creates in doubt of this order were not applied, on a person's word."""
    tx.run(_CREATES_IN_DOUBT, of=s2e_id, state=IntentState.NOT_APPLIED.value, settled_at=tx.now)


def give_up_updates(tx: Tx, s2e_id: str, cmms_id: str) -> None:
    """Keep that what became of this order's updates of a record that is gone cannot be known."""
    state = IntentState.NOT_APPLIED.value
    tx.run(_OPEN_UPDATES, of=s2e_id, to=cmms_id, state=state, settled_at=tx.now)


def mark_started_in_doubt(tx: Tx) -> list[Intent]:
    """Put writes in doubt that are still `started` when a cycle begins; return them.

    The process that sent such a write ended before it kept the answer.
    """
    cut_off = [parse_intent(row) for row in tx.run(_STARTED)]
    for intent in cut_off:
        finish_intent(tx, intent.id, IntentState.IN_DOUBT, error="interrupted")
    return cut_off


def recent_writes(tx: Tx, side: Side, since: datetime) -> list[tuple[str, Field, Value]]:
    """The fields sent to a side since then by updates: (s2e_id, field, value sent).

    Refused updates are left out. So is our own bookkeeping (externalId, …), since a first sync
    writes it on all orders.
    """
    rows = tx.run(_SENT_SINCE, side_written=side.value, since=since)
    recent = [parse_intent(row) for row in rows]
    return [
        (intent.s2e_id, name, write.sent)
        for intent in recent
        for name, write in intent.writes.items()
        if name not in CMMS_OWNED
    ]


def cycle_intents(tx: Tx, cycle_id: str) -> list[tuple[Intent, str | None]]:
    """The writes of one cycle, oldest first, each with the error that came, or None."""
    here = (intents.c.connection == tx.connection, intents.c.cycle_id == cycle_id)
    rows = tx.conn.execute(select(intents).where(*here).order_by(intents.c.id))
    return [(parse_intent(row), row.error) for row in rows]
