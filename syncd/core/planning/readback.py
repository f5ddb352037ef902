"""What the last reads say about the writes of one work order whose outcome is not known yet.

It is asked in every cycle and of every order, also of one that takes no part any more: a write
that was sent has to come to its end. Where the side that was written is gone for good, nobody
can tell what became of the write, and nothing hangs on it: it counts as not applied.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.case import ARRIVED_STATES, Case, Intent, IntentKind, IntentState, Write
from syncd.core.decision import BaseMove, Settled
from syncd.core.equality import equivalents, same
from syncd.core.planning.verdict import judge
from syncd.core.policy import Policy
from syncd.core.work_order import CmmsRecord, Field, S2eOrder, Side, Value

_LOOKED_WITHIN = timedelta(seconds=60)  # before a cycle begins to send, as `Cycle.fresh` has it


@dataclass(slots=True)
class ReadBack:
    """What the reads have told.

    Attributes:
        settled: the fields whose outcome is known now.
        moves: the bases of those that arrived.
        failed: those that did not: side, field, what was sent, ignored or not applied.
        waiting: fields of which the reads say nothing yet.
        in_doubt: sides with such a write that was not even answered.
    """

    settled: list[Settled] = field(default_factory=list)
    moves: list[BaseMove] = field(default_factory=list)
    failed: list[tuple[Side, Field, Value, IntentState]] = field(default_factory=list)
    waiting: set[Field] = field(default_factory=set)
    in_doubt: set[Side] = field(default_factory=set)


def read_back(
    case: Case,
    policy: Policy,
    s2e: S2eOrder | None,
    cmms: CmmsRecord | None,
    *,
    gone: Collection[Side] = (),
) -> ReadBack:
    """Compare every open update with what its side was last seen to hold.

    Args:
        s2e, cmms: the observations, None if there is none.
        gone: sides that have no such order or record any more.
    """
    told = ReadBack()
    for intent in case.intents:
        if intent.kind is not IntentKind.UPDATE:
            continue
        for name, write in intent.writes.items():
            if write.verdict is None:
                _settle(told, case, policy, intent, name, write, s2e, cmms, gone)
    return told


def _settle(
    told: ReadBack,
    case: Case,
    policy: Policy,
    intent: Intent,
    name: Field,
    write: Write,
    s2e: S2eOrder | None,
    cmms: CmmsRecord | None,
    gone: Collection[Side],
) -> None:
    side = intent.side
    if side in gone:
        told.settled.append(Settled(intent, name, IntentState.NOT_APPLIED, None))
        return
    holder = s2e if side is Side.S2E else cmms
    seen = holder.fields.get(name) if holder is not None else None
    verdict = None
    if holder is not None and name in holder.fields:
        verdict = _verdict(case, policy, intent, name, write, holder, seen)
    if verdict is None:
        told.waiting.add(name)
        if intent.state is not IntentState.ANSWERED:
            told.in_doubt.add(side)
        return
    if verdict is IntentState.IGNORED and _edited_since(intent, holder):
        # It may as well have been taken, and somebody has put the old value back: both sides
        # have changed, and whichever gives way is in the log.
        told.settled.append(Settled(intent, name, IntentState.SUPERSEDED, seen))
        if name in case.base_cmms:
            told.moves.append(BaseMove(name, write.sent, case.base_cmms[name], "put_back"))
        return
    told.settled.append(Settled(intent, name, verdict, seen))
    if verdict in {IntentState.CONFIRMED, IntentState.ALTERED}:
        told.moves.append(_agreed(name, side, seen, write.source))
    elif verdict is IntentState.SUPERSEDED:
        # Applied, and edited since: what we sent is the base, the newer value an edit.
        told.moves.append(_agreed(name, side, write.sent, write.source))
    else:
        told.failed.append((side, name, write.sent, verdict))


def _verdict(
    case: Case,
    policy: Policy,
    intent: Intent,
    name: Field,
    write: Write,
    holder: S2eOrder | CmmsRecord,
    seen: Value,
) -> IntentState | None:
    seen_at = case.s2e_seen_at if intent.side is Side.S2E else case.cmms_seen_at
    if seen_at is None:
        return None
    answered = intent.state is IntentState.ANSWERED
    kept: frozenset[str] = frozenset()
    if isinstance(holder, CmmsRecord):
        kept = equivalents(name, write.sent, holder, policy)
    return judge(
        write,
        seen,
        answered=answered,
        since=(intent.answered_at if answered else None) or intent.started_at,
        seen_at=seen_at,
        lag=policy.s2e_read_lag if intent.side is Side.S2E else policy.cmms_read_lag,
        equivalents=kept,
        sync_moved=isinstance(holder, S2eOrder) and _sync_moved(case, intent, holder),
        certainly_later=isinstance(holder, S2eOrder)
        and _shows_the_write(case, policy, intent, holder),
    )


def _shows_the_write(case: Case, policy: Policy, intent: Intent, order: S2eOrder) -> bool:
    """Whether Scan2Evolve's lastSyncedAt tells that this read shows a state after the write, with
    no other write of ours about that may have moved it since we looked last before the write."""
    looked = intent.started_at - _LOOKED_WITHIN - policy.s2e_read_lag
    others = [each for each in case.intents if each is not intent]
    others += [each for each in case.recent if (each.answered_at or each.started_at) >= looked]
    return _synced_since(intent, order) and all(each.side is not Side.S2E for each in others)


def _sync_moved(case: Case, intent: Intent, order: S2eOrder) -> bool:
    """Whether lastSyncedAt shows that this write was applied: it moved, and no other write of
    ours can have moved it."""
    if any(
        other.side is Side.S2E and other.state is IntentState.ANSWERED for other in case.intents
    ):
        return False
    return _synced_since(intent, order)


def _edited_since(intent: Intent, holder: S2eOrder | CmmsRecord | None) -> bool:
    """Whether Scan2Evolve's own times show an edit after this write had been applied."""
    if not isinstance(holder, S2eOrder) or holder.updated_at is None:
        return False
    synced = holder.last_synced_at
    return synced is not None and _synced_since(intent, holder) and holder.updated_at > synced


def _synced_since(intent: Intent, order: S2eOrder) -> bool:
    # Later, not merely another one: a read that lags shows an older one.
    synced, before = order.last_synced_at, intent.last_synced_before
    return synced is not None and (before is None or synced > before)


def _agreed(name: Field, side: Side, own: Value, other: Value) -> BaseMove:
    s2e, cmms = (own, other) if side is Side.S2E else (other, own)
    return BaseMove(name, s2e, cmms, "read_back")


def shows_the_past(case: Case, policy: Policy, name: Field, side: Side, seen: Value) -> bool:
    """Whether this read shows the value from before a write that has arrived: it may lag behind
    that write, as reads may for a while, and says nothing."""
    seen_at = case.s2e_seen_at if side is Side.S2E else case.cmms_seen_at
    lag = policy.s2e_read_lag if side is Side.S2E else policy.cmms_read_lag
    for intent in (*case.recent, *case.intents):
        write = intent.writes.get(name)
        if intent.side is not side or write is None or write.verdict not in ARRIVED_STATES:
            continue
        since = intent.answered_at or intent.started_at
        past = same(seen, write.before) and not same(seen, write.sent)
        if past and seen_at is not None and seen_at - since < lag:
            return True
    return False


def abandoned_creates(case: Case, policy: Policy, now: datetime) -> list[Settled]:
    """Creates in doubt of an order that takes no part any more, once a record would show."""
    return [
        Settled(intent, name, IntentState.NOT_APPLIED, None)
        for intent in case.intents
        if intent.kind is IntentKind.CREATE and now - intent.started_at >= policy.cmms_index_lag
        for name in intent.writes
    ]
