"""What Scan2Evolve's own times say about a write: `lastSyncedAt` of the last sync that it has
taken, `updatedAt` of the last change of the order. A read of the CMMS says nothing of the kind.
"""

from datetime import timedelta

from syncd.core.case import Case, Intent, IntentState
from syncd.core.policy import Policy
from syncd.core.work_order import CmmsRecord, S2eOrder, Side

_READ_WITHIN = timedelta(seconds=60)  # before a cycle begins to send, the same as `Cycle.fresh`


def is_certainly_later(
    intent: Intent, holder: S2eOrder | CmmsRecord | None, case: Case, policy: Policy
) -> bool:
    """Whether lastSyncedAt proves that this read shows a state from after the write.

    It does if it has moved, and if no other write of ours can have moved it since we last read the
    order before this write.
    """
    if not isinstance(holder, S2eOrder):
        return False
    last_read = intent.started_at - _READ_WITHIN - policy.s2e_read_lag
    others = [other for other in case.intents if other is not intent]
    others += [past for past in case.recent if (past.answered_at or past.started_at) >= last_read]
    return was_synced_since(intent, holder) and all(one.side is not Side.S2E for one in others)


def shows_our_sync(intent: Intent, holder: S2eOrder | CmmsRecord | None, case: Case) -> bool:
    """Whether lastSyncedAt shows that this write was applied: it moved, and no other write of
    ours can have moved it."""
    if not isinstance(holder, S2eOrder):
        return False
    if any(
        other.side is Side.S2E and other.state is IntentState.ANSWERED for other in case.intents
    ):
        return False
    return was_synced_since(intent, holder)


def was_edited_since(intent: Intent, holder: S2eOrder | CmmsRecord) -> bool:
    """Whether Scan2Evolve's own times show an edit after this write had been applied."""
    if not isinstance(holder, S2eOrder) or holder.updated_at is None:
        return False
    synced = holder.last_synced_at
    return synced is not None and was_synced_since(intent, holder) and holder.updated_at > synced


def is_last_edit(intent: Intent, holder: S2eOrder | CmmsRecord | None, case: Case) -> bool:
    """Whether Scan2Evolve's own times show that nobody has edited the order after this write."""
    if not isinstance(holder, S2eOrder) or not was_synced_since(intent, holder):
        return False
    later = [
        one
        for one in (*case.intents, *case.recent)
        if one.side is Side.S2E and one.id != intent.id and one.started_at >= intent.started_at
    ]
    synced, updated = holder.last_synced_at, holder.updated_at
    if later or synced is None or updated is None:
        return False
    return updated <= synced


def was_synced_since(intent: Intent, order: S2eOrder) -> bool:
    # Later, not merely another one: a read that lags shows an older one.
    synced, before = order.last_synced_at, intent.last_synced_before
    return synced is not None and (before is None or synced > before)
