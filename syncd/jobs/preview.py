"""What the next cycle would write, planned without writing it."""

from dataclasses import dataclass

from syncd.app import App, utcnow
from syncd.core.planning.plan import Plan
from syncd.core.planning.selection import PlanLine, lines_of
from syncd.engine.decide import age_of, plan_from_mirror
from syncd.engine.pinning import pin_kept
from syncd.engine.request import CycleRequest
from syncd.errors import LeaseHeld, SyncdError
from syncd.jobs.remap import remapped
from syncd.jobs.takeover import leased


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan of which nothing is written.

    Attributes:
        cycle_id: the dry cycle that planned it; "" if it was planned from the mirror.
        errors: what went wrong while both sides were read.
        mirror_age_s: how old the mirror is that it was planned from; None: both sides were read.
    """

    plan: Plan
    cycle_id: str = ""
    errors: tuple[SyncdError, ...] = ()
    mirror_age_s: float | None = None

    def lines(self) -> list[PlanLine]:
        """Return a line for each field that would be written."""
        return [line for decision in self.plan.decisions for line in lines_of(decision)]

    def is_refused(self, line: PlanLine) -> bool:
        """Whether a guard refuses the line."""
        if line.rule == "create":
            return self.plan.refuses_creates()
        return self.plan.refuses_changes(line.side)


def preview_cycle(app: App, *, full: bool, order: str | None) -> Preview:
    """Plan what a cycle would write; to one order or to all.

    If another process holds the lease, the plan is made from the mirror and neither side is read.
    """
    only = None if order is None else (order,)
    try:
        with leased(app, 0.0) as lease:
            report = app.cycle(lease).run(CycleRequest(full=full, only=only, dry=True))
        return Preview(report.plan, report.cycle_id, report.errors)
    except LeaseHeld:
        pin_kept(app.mirror(), app.adapter())
        now = utcnow()
        plan = plan_from_mirror(app.mirror(), app.policy(), now)
        age_s = age_of(app.mirror(), now)
        if order is not None:
            plan = plan.only(d for d in plan.decisions if d.s2e_id == order)
        return Preview(plan, mirror_age_s=age_s)


def preview_remap(app: App, *, order: str | None) -> Preview:
    """Plan the differences that a changed mapping has made. No cycle writes them by itself.

    Raises LeaseHeld: another process holds the lease.
    """
    with leased(app) as lease:
        remapping = remapped(app.mirror())
        only = [s2e_id for s2e_id in remapping.fields if order in {None, s2e_id}]
        request = CycleRequest(only=tuple(only), dry=True, decide=remapping)
        report = app.cycle(lease).run(request)
    return Preview(report.plan, report.cycle_id, report.errors)
