"""From when on a read, or a search, proves what became of a write.

A request that nobody waits for any more may still be at work on the other side: the process that
sent it was killed, or has stopped waiting. It may be applied at any moment until it has run for the
longest time that a request can take there. Only then does that side's lag begin, and only a read
that was *asked* after the lag proves anything; when it was answered does not matter.

    sent      no longer waited for      may no longer be applied     reads prove something
      ├───────────────┤                            │                          │
      │               └── longest request ─────────┤                          │
      └── nothing is sent after this ▲             └── read lag, index lag ───┤
"""

from datetime import datetime

from syncd.core.case import Case, Intent, IntentKind, IntentState
from syncd.core.decision import Verdict
from syncd.core.policy import Policy
from syncd.core.work_order import Side


def arrives_by(intent: Intent, policy: Policy) -> datetime:
    """The last moment at which what was sent may have been applied: the answer's, or for a write
    that was not answered the longest time of a request after the last moment it was sent at."""
    if intent.answered_at is not None:
        return intent.answered_at
    longest = policy.s2e_longest_request if intent.side is Side.S2E else policy.cmms_longest_request
    return (intent.given_up_at or intent.started_at) + longest


def has_made_no_record(intent: Intent, case: Case, policy: Policy, now: datetime) -> bool:
    """Whether a create in doubt can have made no record, where none is known of.

    A search says so that was asked late enough. Where the adapter cannot search, none ever says so,
    and this is whether the time has passed.
    """
    asked_at = case.searched_at if policy.cmms_finds else now
    proves_from = arrives_by(intent, policy) + policy.cmms_index_lag
    return asked_at is not None and asked_at >= proves_from


def creates_in_doubt(case: Case) -> tuple[Intent, ...]:
    """The creates of an order of which it is not known whether they have made a record."""
    return tuple(one for one in case.intents if one.kind is IntentKind.CREATE)


def abandoned_creates(case: Case, policy: Policy, now: datetime) -> list[Verdict]:
    """Verdicts on the creates in doubt of an order that is out of scope, once they can have made
    no record any more."""
    return [
        Verdict(intent, name, IntentState.NOT_APPLIED, None)
        for intent in creates_in_doubt(case)
        if has_made_no_record(intent, case, policy, now)
        for name in intent.writes
    ]
