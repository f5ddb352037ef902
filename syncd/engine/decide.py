"""What the mirror shows, decided: the plan of a cycle, or of a command that reads nothing."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.planning.plan import Plan, decide, guard_plan
from syncd.core.policy import Policy
from syncd.engine.keep import facts, record_what_passes
from syncd.mirror import links, state
from syncd.mirror.attention import orders_needing_attention
from syncd.mirror.cases import load_cases
from syncd.mirror.db.database import Mirror

Decider = Callable[[Case, Policy, datetime], Decision]


def plan_from_mirror(
    mirror: Mirror,
    policy: Policy,
    now: datetime,
    *,
    only: Collection[str] | None = None,
    decider: Decider = decide,
    unsought: Collection[str] = frozenset(),
) -> Plan:
    """What would be written, as far as the mirror knows.

    Args:
        only: these orders; None: all that need a look.
        decider: decides about one order.
        unsought: orders whose records could not be looked for; a create in doubt stays so.
    """
    with mirror.read() as tx:
        cases = load_cases(tx, only, memory=policy.memory)
        known = facts(tx, now)
    decisions = [decider(case, policy, now) for case in cases if case.s2e_id not in unsought]
    plan = guard_plan(decisions, policy, known)
    # A part that is within the limits says nothing of what a person has released.
    return plan if only is None else replace(plan, spent=())


def age_of(mirror: Mirror, now: datetime) -> float:
    """How old the mirror's knowledge is, in seconds; 0 while there is none."""
    with mirror.read() as tx:
        last = state.last_good_cycle_at(tx)
    return (now - last).total_seconds() if last is not None else 0.0


def decide_what_was_left(mirror: Mirror, policy: Policy, now: datetime, cycle_id: str) -> None:
    """Decide about what a cycle has read that came to its end before it could.

    Nothing is sent: what is to be written is planned anew, on what is read now. But what both
    sides held then may be told by no later read (`record.record_what_passes`). Orders without a
    record are left to the plan; after a first read that was cut off they are all that there are.
    """
    with mirror.read() as tx:
        linked = links.linked_records(tx, orders_needing_attention(tx))
        cases = load_cases(tx, linked, memory=policy.memory)
    decisions = [decide(case, policy, now) for case in cases]
    record_what_passes(mirror, decisions, cycle_id, policy.cmms_mapping)
