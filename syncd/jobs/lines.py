"""Write chosen lines of a plan, and return what became of each line.

    outcome    what it means
    ────────   ─────────────────────────────────────────────────────────────────────
    applied    sent, and the side answered with success
    in_doubt   sent, and the outcome is unknown: the next cycle reads it back
    refused    the side refused it; it is parked, as in any cycle
    guarded    a guard refuses it until a person releases the guard
    left       not sent: the side does not answer, writing is paused, the time is over
    skipped    the line does not hold any more; the reason says why
    planned    a dry run would have sent it

There is no second way of sending. This is a cycle about the orders of the lines, with the same
reads, guards, intents and read-backs. It plans as always and then drops what no line says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.case import Case, Intent, IntentKind, IntentState
from syncd.core.decision import Decision
from syncd.core.equality import same
from syncd.core.planning.plan import Decider, Plan
from syncd.core.planning.selection import PlanLine, choose, lines_of
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Side
from syncd.engine.cycle import Cycle
from syncd.engine.request import CycleRequest
from syncd.engine.results import CycleReport
from syncd.errors import Changed
from syncd.mirror import state
from syncd.mirror.intents import cycle_intents

Reasons = Mapping[tuple[str, Side, Field], str]
_OUTCOMES = {
    IntentState.STARTED: "in_doubt",
    IntentState.IN_DOUBT: "in_doubt",
    IntentState.REFUSED: "refused",
    IntentState.NOT_APPLIED: "left",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one line, by its number."""

    number: int
    line: PlanLine
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of all lines. `report` is None if there was no line."""

    outcomes: tuple[Outcome, ...]
    report: CycleReport | None = None

    @property
    def partial(self) -> bool:
        """Whether any line was not written."""
        return any(line.outcome not in {"applied", "planned"} for line in self.outcomes)

    def count(self, outcome: str) -> int:
        return sum(line.outcome == outcome for line in self.outcomes)


@dataclass(slots=True)
class Chosen:
    """Decides as `decide` does, and drops what no line says.

    Attributes:
        lines: by the order's id and the line's number.
        since: when the reading of both sides began.
        skipped: why a line was left out, by its number; from the last decision.
    """

    decide: Decider
    lines: Mapping[str, Mapping[int, PlanLine]]
    since: datetime
    skipped: dict[int, str] = field(default_factory=dict)

    def __call__(self, case: Case, policy: Policy, now: datetime) -> Decision:
        lines = self.lines[case.s2e_id]
        for number in lines:
            self.skipped.pop(number, None)
        decision, left = choose(self.decide(case, policy, now), lines, self.since)
        self.skipped |= left
        return decision


def apply_lines(
    cycle: Cycle,
    lines: Mapping[int, PlanLine],
    decide: Decider,
    *,
    dry: bool,
    reasons: Callable[[], Reasons] = dict,
) -> Applied:
    """Read the orders of these lines, and write what still holds. The caller holds the lease.

    Args:
        lines: by their number in the file.
        decide: the planner, an undo, or a changed mapping.
        reasons: called after the cycle: why `decide` has not planned a field. They replace ours.
    """
    if not lines:
        return Applied(())
    by_order: dict[str, dict[int, PlanLine]] = {}
    for number, line in lines.items():
        by_order.setdefault(line.s2e_id, {})[number] = line
    chosen = Chosen(decide, by_order, cycle.utcnow())
    report = cycle.run(CycleRequest(only=tuple(by_order), dry=dry, decide=chosen))
    better = reasons()
    skipped = {
        number: better.get((line.s2e_id, line.side, line.field), chosen.skipped[number])
        for number, line in lines.items()
        if number in chosen.skipped
    }
    return _applied(cycle, lines, skipped, report, dry=dry)


def apply_all(cycle: Cycle, s2e_ids: tuple[str, ...], decide: Decider, *, dry: bool) -> Applied:
    """Read these orders, and write all that `decide` plans. The caller holds the lease."""
    if not s2e_ids:
        return Applied(())
    report = cycle.run(CycleRequest(only=s2e_ids, dry=dry, decide=decide))
    lines = [line for decision in report.plan.decisions for line in lines_of(decision)]
    return _applied(cycle, dict(enumerate(lines, start=1)), {}, report, dry=dry)


def _applied(
    cycle: Cycle,
    lines: Mapping[int, PlanLine],
    skipped: Mapping[int, str],
    report: CycleReport,
    *,
    dry: bool,
) -> Applied:
    with cycle.mirror.read() as tx:
        sent = cycle_intents(tx, report.cycle_id)
        paused = bool(state.get_state(tx, state.PAUSED))
    outcomes = []
    for number, line in lines.items():
        if number in skipped:
            outcomes.append(Outcome(number, line, "skipped", skipped[number]))
        else:
            outcome, reason = _outcome(line, sent, report, dry=dry, paused=paused)
            outcomes.append(Outcome(number, line, outcome, reason))
    return Applied(tuple(outcomes), report)


def _outcome(
    line: PlanLine,
    sent: list[tuple[Intent, str | None]],
    report: CycleReport,
    *,
    dry: bool,
    paused: bool,
) -> tuple[str, str]:
    """Return outcome and reason of one line: its intent's, or why nothing was sent."""
    for intent, error in reversed(sent):
        write = intent.writes.get(line.field)
        here = (intent.s2e_id, intent.side) == (line.s2e_id, line.side)
        if here and write is not None and same(write.sent, line.to):
            if error is not None and error.startswith(f"{Changed.__name__}:"):
                return "skipped", error
            return _OUTCOMES.get(intent.state, "applied"), error or ""
    guard = _refusing(line, report.plan)
    if guard is not None:
        return "guarded", guard
    if dry:
        return "planned", ""
    if paused:
        return "left", "writing is paused (`syncd resume`)"
    stopped = report.sent.stopped.get(line.side)
    errors = report.errors if stopped is None else (stopped,)
    return "left", str(errors[0]) if errors else "something else has come first; plan again"


def _refusing(line: PlanLine, plan: Plan) -> str | None:
    creates = line.kind is IntentKind.CREATE
    refused = plan.refuses_creates() if creates else plan.refuses_changes(line.side)
    if not refused:
        return None
    latches = [latch for latch in plan.latches if latch.side in {line.side, None}]
    return ", ".join(dict.fromkeys(f"{latch.guard.value}: {latch.detail}" for latch in latches))
