"""Conflicts: fields that both sides changed, with both values.

A conflict with a winner was decided by a rule, and its row is only a log that keeps the losing
value. A conflict without one waits for a person: `answers.answer_conflict` keeps the choice, the
next cycle writes it, and `close_conflict` ends it once the sides agree.
"""

from typing import Any

from sqlalchemy import bindparam, select, update

from syncd.core.case import Conflict
from syncd.core.values import encode_value
from syncd.core.work_order import Field
from syncd.mirror.db.columns import plain_json
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import conflicts

_OF_FIELD = (
    own(conflicts),
    conflicts.c.s2e_id == bindparam("of"),
    conflicts.c.field == bindparam("named"),
)
_LAST_CONFLICT = select(conflicts).where(*_OF_FIELD).order_by(conflicts.c.id.desc()).limit(1)
_CONFLICT = update(conflicts).where(conflicts.c.id == bindparam("of"))
OPEN_CONFLICT = update(conflicts).where(
    *_OF_FIELD, conflicts.c.winner.is_(None), conflicts.c.resolved_at.is_(None)
)


def put_conflict(tx: Tx, s2e_id: str, conflict: Conflict, *, cycle_id: str) -> bool:
    """Keep a conflict with both values. False: it is in the log, or waits, already.

    A waiting conflict whose values have changed gets the new values. One that was over, and comes
    again with the same values, waits for a person anew.
    """
    values: dict[str, Any] = {
        "s2e_value": plain_json(encode_value(conflict.s2e)),
        "cmms_value": plain_json(encode_value(conflict.cmms)),
        "winner": conflict.winner.value if conflict.winner is not None else None,
    }
    last = tx.run(_LAST_CONFLICT, of=s2e_id, named=conflict.field.value).one_or_none()
    if last is not None:
        same = last.s2e_value == values["s2e_value"] and last.cmms_value == values["cmms_value"]
        waits = last.resolved_at is None and last.winner is None
        logged = conflict.winner is not None and last.winner == values["winner"]
        if same and (waits or logged):
            return False
        if waits:
            tx.run(_CONFLICT, of=last.id, **values)
            return True
    row = values | {
        "s2e_id": s2e_id,
        "field": conflict.field.value,
        "found_at": tx.now,
        "resolved_at": tx.now if conflict.winner is not None else None,
        "cycle_id": cycle_id,
    }
    tx.insert(conflicts, **row)
    return True


def close_conflict(tx: Tx, s2e_id: str, name: Field) -> bool:
    """End the waiting conflict of a field, since the sides agree. False: none waits."""
    result = tx.run(OPEN_CONFLICT, of=s2e_id, named=name.value, resolved_at=tx.now)
    return bool(result.rowcount)
