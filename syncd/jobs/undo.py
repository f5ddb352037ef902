"""Undo a cycle: read from the journal what it wrote, and write the values from before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.planning.selection import PlanLine
from syncd.core.planning.undo import NO_HARM, Cannot, Written, undo, written_by
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Side
from syncd.engine.cycle import Cycle
from syncd.errors import InputError
from syncd.jobs.lines import Applied, apply_all, apply_lines
from syncd.mirror import state
from syncd.mirror.db.database import Mirror
from syncd.mirror.intents import cycle_intents


@dataclass(slots=True)
class Undoing:
    """Decides, order by order, what undoes the writes of a cycle.

    Attributes:
        written: the writes to undo, by order.
        since: when the reading of both sides began.
        cannot: what is not undone, by order; from the last decision.
    """

    written: Mapping[str, Sequence[Written]]
    since: datetime
    cannot: dict[str, list[Cannot]] = field(default_factory=dict)

    def __call__(self, case: Case, policy: Policy, now: datetime) -> Decision:
        written = self.written.get(case.s2e_id, ())
        decision, self.cannot[case.s2e_id] = undo(case, written, policy, now, self.since)
        return decision

    def reasons(self) -> dict[tuple[str, Side, Field], str]:
        """Return why a field is not undone."""
        return {
            (cannot.written.s2e_id, cannot.written.side, cannot.written.field): cannot.reason
            for of_order in self.cannot.values()
            for cannot in of_order
            if cannot.written.field is not None
        }


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of the writes of a cycle."""

    applied: Applied
    cannot: tuple[Cannot, ...]

    @property
    def partial(self) -> bool:
        """Whether a change of the cycle is not undone."""
        return self.applied.partial or any(cannot.reason not in NO_HARM for cannot in self.cannot)


def undo_cycle(cycle: Cycle, cycle_id: str, *, dry: bool) -> Undone:
    """Undo what can be undone; dry: plan it and write nothing. The caller holds the lease.

    Raises InputError: no such cycle is known.
    """
    undoing = _undoing(cycle, cycle_id)
    applied = apply_all(cycle, tuple(undoing.written), undoing, dry=dry)
    return Undone(applied, tuple(chain.from_iterable(undoing.cannot.values())))


def apply_undo(cycle: Cycle, cycle_id: str, lines: Mapping[int, PlanLine], *, dry: bool) -> Applied:
    """Apply the lines of an undo's file that still hold."""
    undoing = _undoing(cycle, cycle_id)
    return apply_lines(cycle, lines, undoing, dry=dry, reasons=undoing.reasons)


def _undoing(cycle: Cycle, cycle_id: str) -> Undoing:
    by_order: dict[str, list[Written]] = {}
    for written in _written_in(cycle.mirror, cycle_id):
        by_order.setdefault(written.s2e_id, []).append(written)
    return Undoing(by_order, cycle.utcnow())


def _written_in(mirror: Mirror, cycle_id: str) -> list[Written]:
    with mirror.read() as tx:
        if not state.knows_cycle(tx, cycle_id):
            raise InputError(
                f"no cycle {cycle_id} is known; `syncd order show ID --json` and the log name them"
            )
        return written_by(intent for intent, _ in cycle_intents(tx, cycle_id))
