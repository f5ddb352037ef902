"""What a read after a write says about that write.

    the read shows                         answered write          write in doubt
    ─────────────────────────────────────  ──────────────────────  ─────────────────────────
    what was sent, or an equivalent        confirmed               confirmed
    a normalisation of it                  altered                 altered
    anything else, read too early          (says nothing)          (says nothing)
    the value from before, read later      ignored                 not applied
    anything else, read later              superseded: applied,    superseded if lastSyncedAt
                                           and edited since        moved; else not applied:
                                                                   both sides changed

"Too early" is a read that began less than the side's read lag after the answer (for a write
in doubt: after the sending), since read-after-write consistency is not promised. Such a read
shows the value from before, or an edit that was made after our last look and that our write has
overwritten. Where lastSyncedAt has moved, an early read of the latter is certainly a newer edit.
An answered write that looks ignored, on an order that Scan2Evolve says was edited since, is a
dispute: see `planning/readback.py`.
"""

from datetime import datetime, timedelta

from syncd.core.case import IntentState, Write
from syncd.core.equality import is_normalisation, same, stands_for
from syncd.core.work_order import Value


def judge(
    write: Write,
    seen: Value,
    *,
    answered: bool,
    since: datetime,
    seen_at: datetime,
    lag: timedelta,
    equivalents: frozenset[str] = frozenset(),
    sync_moved: bool = False,
    certainly_later: bool = False,
) -> IntentState | None:
    """Decide what became of one written field; None: this read says nothing yet.

    Args:
        seen: what the written side holds in a read that began at `seen_at`.
        answered: whether a clear success was answered; else the write is in doubt.
        since: when it was answered, or, in doubt, sent.
        equivalents: all of our values that the seen native value stands for.
        sync_moved: Scan2Evolve's lastSyncedAt has moved since the write was planned.
        certainly_later: the read shows a state from after the write, however early it began.
    """
    if seen_at < since:
        return None
    if same(seen, write.sent) or stands_for(write.sent, equivalents):
        return IntentState.CONFIRMED
    from_before = same(seen, write.before)
    if not from_before and is_normalisation(write.sent, seen):
        return IntentState.ALTERED
    early = seen_at - since < lag
    if early and (from_before or not certainly_later):
        return None
    if from_before:
        return IntentState.IGNORED if answered else IntentState.NOT_APPLIED
    if answered or sync_moved:
        return IntentState.SUPERSEDED
    return IntentState.NOT_APPLIED
