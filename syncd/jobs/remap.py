"""Read the mirror's records with a changed mapping, and write to neither side.

The mirror keeps each record as the CMMS spells it (`native`). Example: a mapping now reads the
CMMS's "3" as ON_HOLD instead of ASSIGNED. Nobody has edited the record, so its base is read with
the new mapping, too (`core/planning/remap.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from syncd.cmms.port import AdapterBase
from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.planning.remap import read_anew, remap
from syncd.core.policy import Policy
from syncd.core.values import decode_fields
from syncd.core.work_order import Field
from syncd.engine.facts import Subject
from syncd.engine.keep import keep_read_anew
from syncd.mirror import natives, observations, state
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
                changed += _read_one(tx, adapter, row, current)
        records += len(rows)
        if len(rows) < _CHUNK:
            break
        last = rows[-1].cmms_id
    with mirror.transaction() as tx:
        state.set_state(tx, state.CMMS_MAPPING, current)
    if records:
        structlog.get_logger().info("mapping.changed", records=records, fields=changed)


def _read_one(tx: Tx, adapter: AdapterBase, row: Any, mapping: str) -> int:
    """Save how one record reads now; return how many fields changed, 0 for an unlinked one."""
    record = replace(adapter.read_native(row.native), cmms_id=row.cmms_id)
    changed: Mapping[Field, Any] = {}
    pair = natives.linked_order(tx, row.cmms_id)
    if pair is not None and pair.base is not None and pair.base.mapping_hash != mapping:
        base = decode_fields(pair.base.fields)
        anew = read_anew(decode_fields(row.fields), record.fields, base, pair.order)
        about = Subject(None, pair.s2e_id, row.cmms_id)
        keep_read_anew(tx, about, anew, native=pair.base.native, mapping_hash=mapping)
        changed = anew.changed
    observations.save_cmms(tx, [record], seen_at=row.seen_at)
    return len(changed)


@dataclass(frozen=True, slots=True)
class Remapping:
    """Plans what a changed mapping has made different, in these fields of each order."""

    fields: Mapping[str, frozenset[Field]]

    def __call__(self, case: Case, policy: Policy, now: datetime) -> Decision:
        return remap(case, self.fields.get(case.s2e_id, frozenset()), policy, now)


def remapped(mirror: Mirror) -> Remapping:
    """Return what reads differently since a mapping changed, as far as the journal remembers."""
    with mirror.read() as tx:
        return Remapping(natives.remapped_fields(tx))
