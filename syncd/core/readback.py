"""What a read after a write says about that write.

    the read shows                         answered write          write in doubt
    ─────────────────────────────────────  ──────────────────────  ─────────────────────────
    what was sent, or an equivalent        confirmed               confirmed
    a normalisation of it                  altered                 altered
    the value from before, read too early  (says nothing)          (says nothing)
    the value from before, read later      ignored                 not applied
    anything else                          superseded: applied,    superseded if lastSyncedAt
                                           and edited since        moved; else not applied:
                                                                   both sides changed

"Too early" is a read that began less than the side's read lag after the answer (for a write
in doubt: after the sending), since read-after-write consistency is not promised. An answered
write that looks ignored, on an order that Scan2Evolve says was edited since, is a dispute: see
`settle.py`.
"""

from datetime import datetime, timedelta

from syncd.core.case import IntentState, Write
from syncd.core.compare import is_normalisation, same, stands_for
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
) -> IntentState | None:
    """Decide what became of one written field; None: this read says nothing yet.

    Args:
        seen: what the written side holds in a read that began at `seen_at`.
        answered: whether a clear success was answered; else the write is in doubt.
        since: when it was answered, or, in doubt, sent.
        equivalents: all of our values that the seen native value stands for.
        sync_moved: Scan2Evolve's lastSyncedAt has moved since the write was planned.
    """
    if seen_at < since:
        return None
    if same(seen, write.sent) or stands_for(write.sent, equivalents):
        return IntentState.CONFIRMED
    if same(seen, write.before):
        if seen_at - since < lag:
            return None
        return IntentState.IGNORED if answered else IntentState.NOT_APPLIED
    if is_normalisation(write.sent, seen):
        return IntentState.ALTERED
    if answered or sync_moved:
        return IntentState.SUPERSEDED
    return IntentState.NOT_APPLIED
