"""Bases: what each side held, per field, when the two sides last agreed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select, update

from syncd.core.values import encode_fields
from syncd.core.work_order import Fields, Side
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import bases

_BASE = (own(bases), bases.c.s2e_id == bindparam("of"), bases.c.side == bindparam("of_side"))
_STORED_BASE = select(bases.c.fields).where(*_BASE)
_MOVE_BASE = update(bases).where(*_BASE)


def save_bases(
    tx: Tx,
    s2e_id: str,
    s2e: Fields,
    cmms: Fields,
    *,
    native: Mapping[str, object],
    mapping_hash: str = "",
) -> None:
    """Move the bases of these fields. Those of all other fields stay.

    Args:
        native: the record as the CMMS words it.
        mapping_hash: of the mapping that the record was read with.
    """
    sides: tuple[tuple[Side, Fields, Any], ...] = (
        (Side.S2E, s2e, {}),
        (Side.CMMS, cmms, dict(native)),
    )
    for side, fields, side_native in sides:
        key = {"of": s2e_id, "of_side": side.value}
        stored = tx.run(_STORED_BASE, **key).scalar_one_or_none()
        columns = {
            "fields": {**(stored or {}), **encode_fields(fields)},
            "native": side_native,
            "mapping_hash": mapping_hash,
            "moved_at": tx.now,
        }
        if stored is None:
            tx.insert(bases, s2e_id=s2e_id, side=side.value, **columns)
        else:
            tx.run(_MOVE_BASE, **key, **columns)
