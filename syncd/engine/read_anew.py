"""Read the mirror's records with a changed mapping, and write to neither side.

The mirror keeps each record as the CMMS spells it (`native`). Example: a mapping now reads the
CMMS's "3" as ON_HOLD instead of ASSIGNED. Nobody has edited the record, so its base is read with
the new mapping, too (`core/planning/remap.py`).

    a record's own values           its observation, and its base, if it was at that base
    ─────────────────────────────   ────────────────────────────────────────────────────────
    tell the field                  are read by the new mapping
    do not tell it                  the CMMS is read whole; what that shows becomes the base
    do not tell it, and were read   stay: that program kept less, and nothing says that the
    by an earlier version of ours   field is read differently

What was refused or ignored by the CMMS, or not kept, is tried again: that may have been corrected.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from syncd.cmms.port import AdapterBase
from syncd.core.planning.remap import read_anew
from syncd.core.values import decode_fields
from syncd.core.work_order import CmmsRecord, Field
from syncd.engine.facts import Subject
from syncd.engine.keep import keep_read_anew, retry_writes
from syncd.mirror import natives, observations, state
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.database import Mirror, Tx

_CHUNK = 200  # records in one transaction


def follow_mapping(mirror: Mirror, adapter: AdapterBase) -> None:
    """Read the mirror's records anew, if they were read with another mapping than this one.

    A record and its bases are saved in one transaction. After a break the work goes on, because
    a record that has been read anew does not change again.
    """
    current = adapter.mapping_hash
    with mirror.read() as tx:
        known = state.get_state(tx, state.CMMS_MAPPING)
    if current in {known, ""}:
        return
    records = changed = 0
    last = ""
    while True:
        with mirror.transaction() as tx:
            rows = natives.records_after(tx, last, _CHUNK)
            for row in rows:
                changed += _read_one(tx, adapter, row, known)
        records += len(rows)
        if len(rows) < _CHUNK:
            break
        last = rows[-1].cmms_id
    with mirror.transaction() as tx:
        state.set_state(tx, state.CMMS_MAPPING, current)
        if records:
            retry_writes(tx)
            mark_attention(tx, None)
    if records:
        structlog.get_logger().info("mapping.changed", records=records, fields=changed)


def _read_one(tx: Tx, adapter: AdapterBase, row: Any, known: str | None) -> int:
    """Save how one record reads now; return how many fields changed, 0 for an unlinked one."""
    before = decode_fields(row.fields)
    record = adapter.read_native(row.native)
    untold = {n for n in before.keys() - record.fields if n in adapter.capabilities.reads}
    # An order's id is never unknown: without it the record would be nobody's.
    stays = untold if known is None else untold & {Field.S2E_ID}
    record = _with_the_old(record, row, {name: before[name] for name in stays})
    untold -= stays
    if untold:
        state.set_state(tx, state.CMMS_FULL_READ_AT, None)
        state.set_state(tx, state.CMMS_VERSION, None)
    changed: Mapping[Field, Any] = {}
    pair = natives.linked_order(tx, row.cmms_id)
    current = adapter.mapping_hash
    if pair is not None and pair.base is not None and pair.base.mapping_hash != current:
        base = decode_fields(pair.base.fields)
        anew = read_anew(before, record.fields, base, pair.order, untold=untold)
        about = Subject(None, pair.s2e_id, row.cmms_id)
        keep_read_anew(tx, about, anew, native=pair.base.native, mapping_hash=current)
        changed = anew.changed
    observations.save_cmms(tx, [record], seen_at=row.seen_at)
    return len(changed)


def _with_the_old(record: CmmsRecord, row: Any, old: Mapping[Field, Any]) -> CmmsRecord:
    """The record with the values of before, in fields that it does not tell."""
    classes = {
        name: frozenset(row.equivalents[name]) for name in old if name in (row.equivalents or {})
    }
    s2e_id = old.get(Field.S2E_ID, record.s2e_id)
    return replace(
        record,
        cmms_id=row.cmms_id,
        s2e_id=s2e_id,
        fields={**old, **record.fields},
        equivalents={**classes, **record.equivalents},
    )
