"""Drift: changes on one side that cannot or may not be written to the other.

Example: a title that was changed in the CMMS, while Scan2Evolve owns titles.
"""

from sqlalchemy import bindparam, delete, select

from syncd.core.decision import Drift
from syncd.core.values import encode_value
from syncd.core.work_order import Field, Side
from syncd.mirror.db.columns import plain_json
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import drifts

_DRIFT_KEY = (
    own(drifts),
    drifts.c.s2e_id == bindparam("of"),
    drifts.c.side == bindparam("changed_side"),
    drifts.c.field == bindparam("named"),
)
_DRIFT = select(drifts).where(*_DRIFT_KEY)
_NO_DRIFT = delete(drifts).where(*_DRIFT_KEY)
_DRIFTING = select(drifts.c.side, drifts.c.field).where(
    own(drifts), drifts.c.s2e_id == bindparam("of")
)


def put_drift(tx: Tx, s2e_id: str, drift: Drift) -> bool:
    """Keep a drift. False: it was known, with the same value and reason."""
    value = plain_json(encode_value(drift.value))
    key = {"of": s2e_id, "changed_side": drift.side.value, "named": drift.field.value}
    known = tx.run(_DRIFT, **key).one_or_none()
    if known is not None and known.value == value and known.reason == drift.reason:
        return False
    clear_drift(tx, s2e_id, drift.side, drift.field)
    tx.insert(
        drifts,
        s2e_id=s2e_id,
        side=drift.side.value,
        field=drift.field.value,
        value=value,
        reason=drift.reason,
        since=tx.now,
    )
    return True


def clear_drift(tx: Tx, s2e_id: str, side: Side, name: Field) -> None:
    """Forget the drift of this side and field, if there is one."""
    tx.run(_NO_DRIFT, of=s2e_id, changed_side=side.value, named=name.value)


def drifting_fields(tx: Tx, s2e_id: str) -> set[tuple[Side, Field]]:
    """The sides and fields where this order drifts."""
    return {(Side(row.side), Field(row.field)) for row in tx.run(_DRIFTING, of=s2e_id)}
