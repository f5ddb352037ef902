"""Undo a cycle: work out from the journal what it wrote, and write the values from before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.planning.selection import PlanLine
from syncd.core.planning.undo import NO_HARM, Cannot, Written, undo, written_by
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Side
from syncd.engine.cycle import Cycle
from syncd.errors import InputError
from syncd.jobs.apply_plan import Applied, apply_all, apply_lines
from syncd.mirror import state
from syncd.mirror.db.database import Mirror
from syncd.mirror.intents import cycle_intents


@dataclass(slots=True)
class Undoing:
    """Decides, order by order, what takes the writes of a cycle back.

    Attributes:
        since: when the looks at both sides began.
        cannot: what is not taken back, by order; kept from the last decision.
    """

    written: Mapping[str, Sequence[Written]]
    since: datetime
    cannot: dict[str, list[Cannot]] = field(default_factory=dict)

    def __call__(self, case: Case, policy: Policy, now: datetime) -> Decision:
        written = self.written.get(case.s2e_id, ())
        decision, self.cannot[case.s2e_id] = undo(case, written, policy, now, self.since)
        return decision

    def reasons(self) -> dict[tuple[str, Side, Field], str]:
        """Why a field is not taken back."""
        return {
            (each.written.s2e_id, each.written.side, each.written.field): each.reason
            for found in self.cannot.values()
            for each in found
            if each.written.field is not None
        }


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of the writes of a cycle."""

    applied: Applied
    cannot: tuple[Cannot, ...]

    @property
    def partial(self) -> bool:
        """Whether anything that the cycle changed is still as it left it."""
        return self.applied.partial or any(each.reason not in NO_HARM for each in self.cannot)


def undo_cycle(cycle: Cycle, cycle_id: str, *, dry: bool) -> Undone:
    """Take back what can be taken back; dry: work it out and write nothing.

    The caller holds the lease. Raises InputError: no such cycle is known.
    """
    deciding = _undoing(cycle, cycle_id)
    applied = apply_all(cycle, tuple(deciding.written), deciding, dry=dry)
    found = deciding.cannot.values()
    return Undone(applied, tuple(each for several in found for each in several))


def apply_undo(cycle: Cycle, cycle_id: str, lines: Mapping[int, PlanLine], *, dry: bool) -> Applied:
    """Apply the lines of an undo's file, as far as they still hold."""
    deciding = _undoing(cycle, cycle_id)
    return apply_lines(cycle, lines, deciding, dry=dry, reasons=deciding.reasons)


def _undoing(cycle: Cycle, cycle_id: str) -> Undoing:
    by_order: dict[str, list[Written]] = {}
    for each in written_in(cycle.mirror, cycle_id):
        by_order.setdefault(each.s2e_id, []).append(each)
    return Undoing(by_order, cycle.utcnow())


def written_in(mirror: Mirror, cycle_id: str) -> list[Written]:
    """What a cycle has written. Raises InputError: no such cycle is known."""
    with mirror.read() as tx:
        if not state.knows_cycle(tx, cycle_id):
            raise InputError(
                f"no cycle {cycle_id} is known; `syncd order show ID --json` and the log name them"
            )
        return written_by(intent for intent, _ in cycle_intents(tx, cycle_id))
