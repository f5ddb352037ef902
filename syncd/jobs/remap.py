"""Plan what a changed mapping has made different, for a person who wants it written.

No cycle does: the records were read anew (`engine/read_anew.py`), and that alone writes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.planning.remap import remap
from syncd.core.policy import Policy
from syncd.core.work_order import Field
from syncd.mirror import natives
from syncd.mirror.db.database import Mirror


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
