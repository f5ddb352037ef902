"""Every order of few events, against the real planner, in the world of `small_world.py`.

From every state that is reached the world is brought to rest, and then both sides must hold the
same. A write that overwrites an edit which syncd had been shown, and which is in no log, is an
objection at once, and so is a write of a field whose last write no read has told of yet.

    python -m tests.simulation.small_scope --depth 5
"""

import argparse
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core.case import OPEN_STATES
from syncd.core.planning.plan import decide
from syncd.core.policy import Policy
from syncd.core.work_order import Side
from tests.simulation.small_world import (
    LAG,
    Objection,
    State,
    events,
    first_state,
    order_of,
    policy_of,
    poll,
    push,
    step,
)

_ROUNDS = 8  # of reading and sending, after which the world must be at rest


def rest(state: State, policy: Policy) -> None:
    """Read and send without a fault until nothing moves. Raises Objection."""
    for _ in range(_ROUNDS):
        state = replace(state, now=state.now + timedelta(minutes=20), lagging=None)
        state = poll(state, stale=False)
        after = push(state, "arrives", policy)
        if after is None:
            raise Objection("a cycle did not end")
        state = after
    manual = {conflict.field for conflict in decide(state.case, policy, state.now).conflicts}
    below = dict(state.cmms)
    for name, value in state.s2e.values:
        if below[name] != value and name not in manual:
            raise Objection(f"{name} is {value!r} upstream and {below[name]!r} in the CMMS")
    lost = [edit for edit in state.edits if edit[1] not in manual]
    if lost:
        raise Objection(f"lost: {lost}")


def explore(depth: int, owner: Side | None) -> tuple[int, int]:
    """Go through all; return how many states were met and how many events tried.

    Raises Objection, its path among the arguments.
    """
    policy = policy_of(owner)
    first = first_state()
    met, tried = {_key(first)}, 0
    edge = [first]
    alphabet = tuple(events())
    for _ in range(depth):
        reached = []
        for state in edge:
            for event in alphabet:
                tried += 1
                try:
                    after = step(state, event, policy)
                    if after is None or (key := _key(after)) in met:
                        continue
                    met.add(key)
                    rest(after, policy)
                except Objection as objection:
                    raise Objection(str(objection), (*state.path, event)) from None
                reached.append(after)
        edge = reached
    return len(met), tried


def _key(state: State) -> tuple[object, ...]:
    """The same for states that cannot be told apart by anything that follows."""

    def age(moment: datetime | None) -> object:
        return None if moment is None else min(state.now - moment, 4 * LAG)

    case = state.case
    order, record = case.s2e, case.cmms
    intents = tuple(
        (i.side, i.state, age(i.started_at), age(i.answered_at), tuple(sorted(i.writes.items())),
         order is not None and i.last_synced_before == order.last_synced_at,
         i.last_synced_before == state.s2e.synced_at)
        for i in case.intents
        if i.state in OPEN_STATES
    )  # fmt: skip
    recent = tuple(
        (i.side, age(i.started_at), age(i.answered_at), tuple(sorted(i.writes.items())))
        for i in case.recent
    )
    holds = tuple(
        (h.side, h.field, h.reason, h.value, h.tries, h.until and age(h.until)) for h in case.holds
    )
    now, seen = state.s2e, order or order_of(state.s2e)
    as_seen = (now.synced_at, now.updated_at) == (seen.last_synced_at, seen.updated_at)
    return (
        state.s2e.values, state.cmms, state.edits, state.agreed,
        frozenset((*write[:4], age(write[4])) for write in state.unread),
        now.synced_at == now.updated_at, seen.last_synced_at == seen.updated_at, as_seen,
        tuple(order.fields.items()) if order is not None else (),
        tuple(record.fields.items()) if record is not None else (),
        age(case.s2e_seen_at), age(case.cmms_seen_at),
        tuple(sorted(case.base_s2e.items())), tuple(sorted(case.base_cmms.items())),
        intents, recent, holds, state.lagging and (age(state.lagging[0]), state.lagging[1].values),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.small_scope")
    parser.add_argument("--depth", type=int, default=5, help="events in a row")
    told = parser.parse_args()
    states = tried = 0
    began = time.monotonic()
    for owner in (Side.CMMS, Side.S2E, None):
        try:
            counts = explore(told.depth, owner)
        except Objection as objection:
            print(f"owner {owner}: {objection.args[0]}, after")
            for event in objection.args[1]:
                print(f"  {' '.join(event)}")
            return 1
        states, tried = states + counts[0], tried + counts[1]
    print(
        f"every order of {told.depth} of {len(tuple(events()))} events, three owners: {tried} "
        f"steps, {states} states, each brought to rest, {time.monotonic() - began:.0f} s: "
        "nothing lost, nothing apart."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
