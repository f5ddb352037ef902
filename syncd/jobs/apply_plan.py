"""Apply a plan's file: the planner decides again, or the undo or the mapping that made the file."""

from syncd.core.planning.plan import decide
from syncd.engine.cycle import Cycle
from syncd.jobs.lines import Applied, apply_lines
from syncd.jobs.plan_file import PlanFile, Purpose
from syncd.jobs.remap import remapped
from syncd.jobs.undo import apply_undo


def apply_plan(cycle: Cycle, plan: PlanFile, *, dry: bool) -> Applied:
    """Write the lines of the file that still hold. The caller holds the lease.

    Raises InputError: the cycle that the file undoes is not known.
    """
    match plan.header.purpose:
        case Purpose.UNDO:
            return apply_undo(cycle, plan.header.cycle_id, plan.lines, dry=dry)
        case Purpose.REMAP:
            return apply_lines(cycle, plan.lines, remapped(cycle.mirror), dry=dry)
        case Purpose.PLAN:
            return apply_lines(cycle, plan.lines, decide, dry=dry)
