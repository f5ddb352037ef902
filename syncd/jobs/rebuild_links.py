"""Rebuild the links of a mirror from what both sides hold, and write to neither side.

A link is held three times: in the mirror, in the CMMS record that carries the order's id, and in
externalId upstream. An order without a link in the mirror is linked if one of the other two names
its record. A contradiction between the two is reported, and no link is dropped.
"""

from dataclasses import dataclass, field

from syncd.core.case import DROPPED
from syncd.core.decision import Decision
from syncd.core.planning.plan import Plan, decide
from syncd.core.work_order import Field
from syncd.engine.cycle import Cycle
from syncd.engine.keep import Keeper
from syncd.engine.request import CycleRequest
from syncd.engine.results import CycleReport
from syncd.mirror.attention import mark_attention
from syncd.mirror.cases import load_cases
from syncd.mirror.links import unlinked_with_a_record

_CONFLICTS = frozenset({"external_id_unknown", "external_id_taken"})


@dataclass(slots=True)
class Rebuilt:
    """The new links, and why other orders are not linked.

    Attributes:
        linked: s2e_id, cmms_id and how, of each new link.
        conflicts: s2e_id, reason and detail, of each order that cannot be linked.
        under_way: orders whose create is being read back; the read-back links them.
    """

    report: CycleReport
    linked: list[tuple[str, str, str]] = field(default_factory=list)
    conflicts: list[tuple[str, str, str]] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)


def rebuild_links(cycle: Cycle) -> Rebuilt:
    """Read both sides as a whole and link what is unlinked. The caller holds the lease."""
    report = cycle.run(CycleRequest(full=True, dry=True))
    rebuilt = Rebuilt(report)
    if report.s2e.error is not None or report.cmms.error is not None:
        return rebuilt
    with cycle.mirror.read() as tx:
        cases = load_cases(tx, unlinked_with_a_record(tx), memory=cycle.policy.memory)
    made = []
    for case in cases:
        decision = decide(case, cycle.policy, cycle.utcnow())
        if case.intents:
            rebuilt.under_way.append(case.s2e_id)
        elif decision.link is not None:
            made.append(Decision(case, link=decision.link, lifted=decision.lifted))
            rebuilt.linked.append((case.s2e_id, decision.link.cmms_id, decision.link.how))
        else:
            rebuilt.conflicts += _conflicts(decision)
    _have_decided(cycle, made)
    keeper = Keeper(cycle.mirror, rebuilt.report.cycle_id, cycle.policy, cycle.utcnow)
    keeper.keep_plan(Plan(tuple(made)))
    return rebuilt


def _have_decided(cycle: Cycle, made: list[Decision]) -> None:
    """Mark what is linked: no cycle has decided about it as a pair, and without a mark it would
    wait for the next edit."""
    with cycle.mirror.transaction() as tx:
        mark_attention(tx, [decision.s2e_id for decision in made])


def _conflicts(decision: Decision) -> list[tuple[str, str, str]]:
    if decision.out_of_scope == DROPPED:
        return []
    holds = [*decision.holds, *decision.case.holds]
    conflicts = [(decision.s2e_id, h.reason, h.detail) for h in holds if h.field is None][:1]
    if decision.out_of_scope in _CONFLICTS:
        order = decision.case.s2e
        external_id = order.fields.get(Field.EXTERNAL_ID) if order is not None else None
        conflicts.append((decision.s2e_id, decision.out_of_scope, f"externalId is {external_id}"))
    return conflicts
