"""Every order of few events, against the real planner, in the worlds of `small_world.py`.

From every state that is reached the world is brought to rest, and then both sides must hold the
same. A write that overwrites an edit which syncd had been shown, and which is in no log, is an
objection at once, and so is a write of a field whose last write no read has told of yet.

    python -m tests.simulation.small_scope --depth 5
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core.case import IDENTITY, NOT_KEPT, OPEN_STATES
from syncd.core.planning.plan import decide
from syncd.core.policy import Policy
from syncd.core.work_order import Side
from tests.simulation.small_creates import arrive
from tests.simulation.small_world import (
    ID,
    KINDS,
    LAG,
    Kind,
    Objection,
    State,
    events,
    first_state,
    order_of,
    policy_of,
    poll,
)
from tests.simulation.small_writes import push, step

_OWNERS = (Side.CMMS, Side.S2E, None)
_WELL = "nothing lost, nothing apart, nothing made up."
_ROUNDS = 8  # of reading and sending, after which the world must be at rest


def rest(state: State, policy: Policy) -> None:
    """Read and send without a fault until nothing moves. Raises Objection."""
    for _ in range(_ROUNDS):
        state = replace(state, now=state.now + timedelta(minutes=20), lagging=None)
        state = arrive(state)
        if state.case.link is not None:
            state = poll(state, stale=False)
        after = push(state, "arrives", policy)
        if after is None:
            raise Objection("a cycle did not end")
        state = after
    holds = {(hold.field, hold.reason) for hold in state.case.holds}
    if not state.there or state.case.link is None:
        raise Objection("the order has no record")
    if state.carries != ID:
        if (None, IDENTITY) not in holds:
            raise Objection(f"the record carries {state.carries}, and the order is not parked")
        return
    if (None, IDENTITY) in holds:
        raise Objection("the record carries its id again, and the order is still parked")
    manual = {conflict.field for conflict in decide(state.case, policy, state.now).conflicts}
    below = dict(state.cmms)
    for name, value in state.s2e.values:
        kept = below[name] == state.kind.kept(value) and (name, NOT_KEPT) in holds
        if below[name] != value and name not in manual and not kept:
            raise Objection(f"{name} is {value!r} upstream and {below[name]!r} in the CMMS")
    lost = [edit for edit in state.edits if edit[1] not in manual]
    if lost:
        raise Objection(f"lost: {lost}")


def explore(depth: int, owner: Side | None, kind: Kind = KINDS[0]) -> tuple[int, int]:
    """Go through all; return how many states were met and how many events tried.

    Raises Objection, its path among the arguments.
    """
    policy = policy_of(owner, kind)
    first = first_state(kind)
    met, tried = {_key(first)}, 0
    edge = [first]
    alphabet = tuple(events(kind))
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
        (i.side, i.kind, i.state, age(i.started_at), age(i.answered_at),
         tuple(sorted(i.writes.items())),
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
        state.s2e.values, state.cmms, state.carries, state.edits, state.agreed, state.mixed,
        frozenset((*write[:4], age(write[4])) for write in state.unread),
        now.synced_at == now.updated_at, seen.last_synced_at == seen.updated_at, as_seen,
        tuple(order.fields.items()) if order is not None else (),
        (record.s2e_id, *record.fields.items()) if record is not None else (),
        age(case.s2e_seen_at), age(case.cmms_seen_at),
        tuple(sorted(case.base_s2e.items())), tuple(sorted(case.base_cmms.items())),
        state.there, tuple((age(at), values) for at, values in state.coming),
        case.link is None, len(case.claims), age(case.searched_at),
        tuple((age(i.given_up_at), tuple(sorted(i.writes.items()))) for i in case.given_up),
        intents, recent, holds, state.lagging and (age(state.lagging[0]), state.lagging[1].values),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.small_scope")
    parser.add_argument("--depth", type=int, default=5, help="events in a row")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    told = parser.parse_args()
    began = time.monotonic()
    fine = True
    with ProcessPoolExecutor(told.workers) as pool:
        runs = {
            kind: [pool.submit(_explored, told.depth, owner, kind) for owner in _OWNERS]
            for kind in range(len(KINDS))
        }
        for kind, explored in runs.items():
            results = [run.result() for run in explored]
            objections = [line for one in results if isinstance(one, list) for line in one]
            counts = [one for one in results if isinstance(one, tuple)]
            print("\n".join(objections) or _summary(told.depth, KINDS[kind], counts), flush=True)
            fine &= not objections
    print(f"{time.monotonic() - began:.0f} s: {_WELL if fine else 'see above.'}")
    return 0 if fine else 1


def _explored(depth: int, owner: Side | None, kind: int) -> tuple[int, int] | list[str]:
    """The counts; or the objection, and what leads to it."""
    try:
        return explore(depth, owner, KINDS[kind])
    except Objection as objection:
        path = [f"  {' '.join(event)}" for event in objection.args[1]]
        return [f"{KINDS[kind].name}, owner {owner}: {objection.args[0]}, after", *path]


def _summary(depth: int, kind: Kind, counts: list[tuple[int, int]]) -> str:
    states, tried = (sum(one) for one in zip(*counts, strict=True))
    return (
        f"{kind.name}: every order of {depth} of {len(tuple(events(kind)))} events, three owners: "
        f"{tried} steps, {states} states, each brought to rest."
    )


if __name__ == "__main__":
    sys.exit(main())
