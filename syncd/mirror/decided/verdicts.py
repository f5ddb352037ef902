"""Verdicts: what became of each written field."""

from typing import Any

from sqlalchemy import bindparam, select, update

from syncd.core.case import IntentState
from syncd.core.work_order import Field
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import intents

# An intent takes the gravest verdict of its fields. The gravest comes first.
_GRAVEST = (
    IntentState.REFUSED,
    IntentState.IGNORED,
    IntentState.NOT_KEPT,
    IntentState.NOT_APPLIED,
    IntentState.SUPERSEDED,
    IntentState.ALTERED,
    IntentState.CONFIRMED,
)
_INTENT = update(intents).where(intents.c.id == bindparam("of"))
_WRITES = select(intents.c.writes).where(intents.c.id == bindparam("of"))


def record_verdict(tx: Tx, intent_id: int, name: Field, verdict: IntentState) -> None:
    """Keep the verdict on one field of a write. The intent ends with the verdict on its last."""
    stored = tx.run(_WRITES, of=intent_id).scalar_one()
    writes = {**stored, name.value: {**stored[name.value], "verdict": verdict.value}}
    values: dict[str, Any] = {"writes": writes}
    verdicts = {write["verdict"] for write in writes.values()}
    if None not in verdicts:
        state = next(state for state in _GRAVEST if state.value in verdicts)
        values |= {"state": state.value, "settled_at": tx.now}
    tx.run(_INTENT, of=intent_id, **values)
