"""The plan that follows from the mirror, for a cycle or for a command that reads nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from syncd.core.case import Case, IntentKind
from syncd.core.decision import Decision
from syncd.core.planning.guards import sudden_fields
from syncd.core.planning.plan import Decider, Plan, decide, guard_plan
from syncd.core.policy import Policy
from syncd.engine.pinning import moved_fields
from syncd.mirror import links, state
from syncd.mirror.attention import orders_needing_attention
from syncd.mirror.cases import load_cases
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.guard_counts import load_counts, load_hours
from syncd.mirror.intents import open_intents


def plan_from_mirror(
    mirror: Mirror,
    policy: Policy,
    now: datetime,
    *,
    only: Collection[str] | None = None,
    decider: Decider = decide,
    searched: Mapping[str, datetime] = MappingProxyType({}),
    unread: Callable[[str], bool] = lambda _s2e_id: False,
) -> Plan:
    """What would be written, as far as the mirror knows.

    Args:
        only: these orders; None: all that need attention.
        decider: decides about one order.
        searched: orders whose records were searched, and when that was asked. A create in doubt
            of any other stays so.
        unread: whether this cycle could not read the order itself, or one of the sides.
    """
    with mirror.read() as tx:
        policy = replace(policy, cmms_moved=moved_fields(tx))
        cases = _cases(tx, only, policy)
        counts = load_counts(tx, now)
    decisions = [
        decider(
            replace(
                case,
                searched_at=searched.get(case.s2e_id),
                unread=case.unread or unread(case.s2e_id),
            ),
            policy,
            now,
        )
        for case in cases
    ]
    sudden = sudden_fields(decisions, policy)
    if sudden:
        with mirror.read() as tx:
            counts = replace(counts, hours=load_hours(tx, now, sudden))
    plan = guard_plan(decisions, policy, counts)
    # Only the plan of all orders shows that the release of a guard is no longer needed.
    return plan if only is None else replace(plan, spent=())


def decide_what_was_read(mirror: Mirror, policy: Policy, now: datetime) -> Iterator[list[Decision]]:
    """Decide about what was read by a cycle that keeps no plan: one that was cut off, or a dry one.

    Nothing of these decisions is sent: writes are planned anew on what is read now. But no later
    read may show what both sides held then (`Keeper.keep_what_passes`). First come the orders whose
    create was in doubt, then those with a record. Orders without one are left to the plan: after a
    first read that was cut off, there are no others.

    Yields:
        decisions to keep before the next are asked for.
    """
    with mirror.read() as tx:
        policy = replace(policy, cmms_moved=moved_fields(tx))
        created = {one.s2e_id for one in open_intents(tx) if one.kind is IntentKind.CREATE}
        cases = _cases(tx, created, policy)
    yield [decide(case, policy, now) for case in cases if case.link is None]
    with mirror.read() as tx:
        linked = links.linked_records(tx, orders_needing_attention(tx))
        cases = _cases(tx, linked, policy)
    yield [decide(case, policy, now) for case in cases]


def _cases(tx: Tx, only: Collection[str] | None, policy: Policy) -> list[Case]:
    """The cases of these orders; of a record that could not be read lately, as `unread`."""
    owed = set(state.get_state(tx, state.CMMS_OWED) or ())
    return [
        replace(case, unread=case.link is not None and case.link.cmms_id in owed)
        for case in load_cases(tx, only, memory=policy.memory)
    ]


def age_of(mirror: Mirror, now: datetime) -> float:
    """How old the mirror's knowledge is, in seconds; 0 while there is none."""
    with mirror.read() as tx:
        last = state.last_good_cycle_at(tx)
    return (now - last).total_seconds() if last is not None else 0.0
