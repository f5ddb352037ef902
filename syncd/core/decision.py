"""What is to be done about one work order: the planner's answer, as values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from syncd.core.case import Case, Conflict, Hold, Intent, IntentState
from syncd.core.work_order import Field, Fields, Side, Value


@dataclass(frozen=True, slots=True)
class Change:
    """One field to write to one side.

    Attributes:
        before: what that side holds now.
        value: what is to be sent.
        source: what the other side holds: the value that this write carries over.
        rule: the rule that decided, in the words of `planning/merge.py`.
        tries: how often the same write was tried without effect.
        needs: fields of this plan that the side has to have with this one or before it.
    """

    side: Side
    field: Field
    before: Value
    value: Value
    source: Value
    rule: str
    tries: int = 0
    needs: frozenset[Field] = frozenset()


@dataclass(frozen=True, slots=True)
class BaseMove:
    """The two sides agree on a field: each side's value becomes its base."""

    field: Field
    s2e: Value
    cmms: Value
    rule: str


def with_moves(case: Case, moves: Iterable[BaseMove]) -> Case:
    """The case with the bases as they are after these moves; the last one of a field counts."""
    s2e, cmms = dict(case.base_s2e), dict(case.base_cmms)
    for move in moves:
        s2e[move.field], cmms[move.field] = move.s2e, move.cmms
    return replace(case, base_s2e=s2e, base_cmms=cmms)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of one written field, and what the written side holds now.

    Attributes:
        cut_off: the write was not finished, and what is there may be its own doing.
    """

    intent: Intent
    field: Field
    state: IntentState
    seen: Value
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """A change on `side` that the other side cannot or may not take."""

    side: Side
    field: Field
    value: Value
    reason: str


@dataclass(frozen=True, slots=True)
class StillHeld:
    """A hold that stays: the planner would plan the same write again."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is decided about this field in this cycle: a write of it is under way.

    Attributes:
        read_again: what was read may be out of date, so the order has to be read once more.
        edited_again: it has been edited since that write, which a read upstream may settle now.
    """

    field: Field
    read_again: bool = False
    edited_again: bool = False


# What the merge makes of one field.
Outcome = BaseMove | Change | Hold | StillHeld | Conflict | Drift | Wait


@dataclass(frozen=True, slots=True)
class NewLink:
    """This order is that record. `how`: adopted, reference, created."""

    cmms_id: str
    how: str


@dataclass(frozen=True, slots=True)
class Decision:
    """All that one cycle does about one work order.

    Attributes:
        out_of_scope: why the order is mirrored and not synced; None if it is synced.
        link: a link to make before anything else.
        follows: the record to which the next cycle relinks the order, since a person has left its
            id in that one.
        create: the fields of a record to create in the CMMS; None: nothing to create.
        changes: fields to write to either side.
        verdicts, base_moves: what became of our writes, and what was agreed: for the mirror alone.
        holds, lifted: writes to stop trying, and holds that no longer apply.
        conflicts, resolved: conflicts found, and fields whose waiting conflict is over.
        drifts, drift_over: changes we cannot write back, and fields where that is over.
        waiting: fields with a write on its way, not planned again until it is read back.
        carried: the linked record carries the order's id, which was not known yet.
        read_again: what was read may be out of date, or not all of it was decided about: the
            order needs attention in the next cycle, too.
        edited_again: an edit waits behind a write that no read of Scan2Evolve's order has
            confirmed yet; the order is read in this very cycle.
    """

    case: Case
    out_of_scope: str | None = None
    link: NewLink | None = None
    follows: str | None = None
    create: Fields | None = None
    changes: tuple[Change, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    base_moves: tuple[BaseMove, ...] = ()
    holds: tuple[Hold, ...] = ()
    lifted: tuple[tuple[Side, Field | None], ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    resolved: tuple[Field, ...] = ()
    drifts: tuple[Drift, ...] = ()
    drift_over: tuple[tuple[Side, Field], ...] = ()
    waiting: frozenset[Field] = field(default_factory=frozenset)
    carried: bool = False
    read_again: bool = False
    edited_again: bool = False

    @property
    def s2e_id(self) -> str:
        return self.case.s2e_id

    def changes_on(self, side: Side) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.side is side)

    def as_kept(self) -> Case:
        """The case with the bases as they are once this decision has been kept."""
        return with_moves(self.case, self.base_moves)

    @property
    def writes(self) -> bool:
        """Whether anything is to be sent to either side."""
        return self.create is not None or bool(self.changes)


def as_fields(changes: tuple[Change, ...]) -> Mapping[Field, Value]:
    """The changeset: only the fields to write."""
    return {change.field: change.value for change in changes}
