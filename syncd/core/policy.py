"""The settings and the adapter's capabilities, as the planner needs them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from syncd.core.work_order import CMMS_OWNED, SHARED, Field, Side, Unwritable, Value


class Mode(StrEnum):
    ADOPT = "adopt"  # link what appears in the CMMS, create nothing
    CREATE = "create"


class Scope(StrEnum):
    OPEN = "open"
    ALL = "all"


class Overflow(StrEnum):
    TRUNCATE = "truncate"
    PARK = "park"


SWING = timedelta(hours=1)  # steps of a field that goes to and fro count for this long


def as_it_is(_name: Field, value: Value) -> Value | Unwritable:
    """`Policy.cmms_keeps` of a CMMS that stores every value as it is written."""
    return value


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings and the adapter's capabilities, in one value.

    Attributes:
        owners: per shared field the side that wins a conflict; None waits for a person.
        cmms_writes, cmms_clears: what the adapter can write, and set to empty.
        cmms_writes_once: of these, what can be written when a record is made, and only then.
        site_ids, asset_ids: only orders of these; empty means all.
        s2e_longest_request, cmms_longest_request: how long a request that nobody waits for any
            more may still be at work; the lags begin after it (`planning/proof.py`).
        s2e_read_lag, cmms_read_lag: how long a read may still show the value from before.
        cmms_index_lag: how long after a create the CMMS may not find the record; so long a create
            in doubt waits before it is made again.
        cmms_creates, cmms_finds: whether the adapter can create a record, and find one by s2e_id.
        cmms_mapping: the hash of the mapping that CMMS records are read with; empty: none.
        cmms_moved: fields of which a word of the CMMS means something else on its server than what
            is pinned; their differences wait for a person.
        cmms_keeps: what a value reads back as, once it is written to a CMMS record, or why it
            cannot be written.
        cmms_creates_with: what a record holds as soon as it is made, when the adapter makes it by
            several calls; None: everything.
        cmms_needs: per status the fields that the CMMS wants with it or before it.
        guard_percent, guard_min: the mass-change guard (decisions.md, 9).
    """

    owners: Mapping[Field, Side | None]
    cmms_writes: frozenset[Field]
    cmms_clears: frozenset[Field]
    cmms_writes_once: frozenset[Field] = frozenset()
    cmms_creates: bool = True
    cmms_finds: bool = True
    cmms_mapping: str = field(default="", compare=False)
    cmms_moved: frozenset[Field] = frozenset()
    cmms_keeps: Callable[[Field, Value], Value | Unwritable] = field(
        default=as_it_is, compare=False
    )
    cmms_creates_with: frozenset[Field] | None = None
    cmms_needs: Mapping[str, frozenset[Field]] = field(default_factory=dict)
    mode: Mode = Mode.ADOPT
    create: Scope = Scope.OPEN
    site_ids: frozenset[str] = field(default_factory=frozenset)
    asset_ids: frozenset[str] = field(default_factory=frozenset)
    allow_reopen: bool = True
    overwrite_drift: bool = False
    overflow: Overflow = Overflow.TRUNCATE
    s2e_longest_request: timedelta = timedelta(0)
    cmms_longest_request: timedelta = timedelta(0)
    s2e_read_lag: timedelta = timedelta(seconds=60)
    cmms_read_lag: timedelta = timedelta(0)
    cmms_index_lag: timedelta = timedelta(0)
    first_sync_max: int = 200
    guard_percent: int = 30
    guard_min: int = 50

    @property
    def memory(self) -> timedelta:
        """How far back the writes of an order bear on what is decided about it."""
        s2e = self.s2e_longest_request + self.s2e_read_lag
        cmms = self.cmms_longest_request + self.cmms_read_lag
        return max(s2e, cmms, SWING)

    def owner(self, name: Field) -> Side | None:
        """The side that wins a conflict on this field; None: a person decides."""
        if name in SHARED:
            return self.owners.get(name, Side.CMMS)
        return Side.CMMS if name in CMMS_OWNED else Side.S2E
