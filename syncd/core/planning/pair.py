"""One field of a linked order, as both sides hold it, with all that bears on the decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.core.case import Case, Hold
from syncd.core.decision import BaseMove
from syncd.core.equality import agrees
from syncd.core.policy import Policy
from syncd.core.work_order import (
    CMMS_OWNED,
    WRITABLE_ON_S2E,
    CmmsRecord,
    Field,
    Side,
    Unreadable,
    Value,
)

# The base of a record that a changed mapping reads in another place, until that place was read.
UNREAD = Unreadable("", "is to be read with the changed mapping")


@dataclass(frozen=True, slots=True)
class Bases:
    """What each side held in one field when the two last agreed."""

    s2e: Value
    cmms: Value


@dataclass(frozen=True, slots=True)
class Pair:
    """One field of a linked order.

    Attributes:
        s2e, cmms: what the sides hold.
        record: the CMMS record that holds `cmms`.
        bases: None: the two sides meet in this field for the first time.
        holds: per side, why a write of this field is not tried now.
        waits: a write of it was sent, and no read has shown yet what became of that.
        in_doubt: sides to which some write of this order was sent and not answered.
    """

    case: Case
    policy: Policy
    now: datetime
    name: Field
    s2e: Value
    cmms: Value
    record: CmmsRecord
    bases: Bases | None
    holds: Mapping[Side, Hold]
    waits: bool
    in_doubt: frozenset[Side]

    def held_by(self, side: Side) -> Value:
        """What this side holds."""
        return self.s2e if side is Side.S2E else self.cmms

    def sides_agree(self) -> bool:
        """Whether nothing would have to be written to either side."""
        return agrees(self.name, self.s2e, self.cmms, self.record.equivalents, self.policy)

    def may_write(self, side: Side) -> bool:
        """Whether syncd may write this field of an existing order to this side."""
        if side is Side.S2E:
            return self.name in WRITABLE_ON_S2E
        writes = self.policy.cmms_writes - self.policy.cmms_writes_once
        return self.name in writes and self.name not in CMMS_OWNED

    def may_clear(self, side: Side) -> bool:
        """Whether this side takes a blank in place of a value."""
        return side is Side.CMMS and self.name in self.policy.cmms_clears

    def winner(self) -> Side | None:
        """The side that wins a conflict: a person's answer, else the field's owner."""
        return self.case.answers.get(self.name) or self.policy.owner(self.name)

    def agree(self, rule: str) -> BaseMove:
        """What the sides hold becomes their bases."""
        return BaseMove(self.name, self.s2e, self.cmms, rule)
