"""From when on a read, or a search, proves what became of a write.

A request that nobody waits for any more may still be at work on the other side: the process that
sent it was killed, or has stopped waiting. It may be applied at any moment until it has run for the
longest time that a request can take there. Only then does that side's lag begin, and only a read
that was *asked* after the lag proves anything; when it was answered does not matter.

    sent      no longer waited for      may no longer be applied     reads prove something
      ├───────────────┤                            │                          │
      │               └── longest request ─────────┤                          │
      └── nothing is sent after this ▲             └── read lag, index lag ───┤

The same lag follows a write that has arrived: a read within it may show what was there before
(`shows_the_past`), and that is nobody's edit.
"""

from dataclasses import replace
from datetime import datetime

from syncd.core.case import ARRIVED_STATES, Case, Intent, IntentKind, IntentState
from syncd.core.decision import Verdict
from syncd.core.equality import same
from syncd.core.planning.side_effects import may_be_its_stamp, touched_by
from syncd.core.policy import Policy
from syncd.core.values import encode_value
from syncd.core.work_order import Field, Side, Value


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


# ── reads that lag ────────────────────────────────────────────────────────────────────────


def shows_the_past(case: Case, policy: Policy, name: Field, side: Side, seen: Value) -> bool:
    """Whether this read shows the value from before a write that has arrived, or one of the
    write's own steps. Reads may lag behind a write for a while, so that such a value is no
    evidence of an edit."""
    seen_at = case.s2e_seen_at if side is Side.S2E else case.cmms_seen_at
    lag = policy.s2e_read_lag if side is Side.S2E else policy.cmms_read_lag
    for intent in (*case.recent, *case.intents):
        if intent.side is not side or seen_at is None:
            continue
        since = arrives_by(intent, policy)
        if seen_at - since < lag and _is_past(intent, name, seen, case):
            return True
    return False


def without_the_past(case: Case, policy: Policy) -> Case:
    """The case with the bases where its record, in a read that lags, shows what was before them."""
    if case.cmms is None:
        return case
    past = {
        name: case.base_cmms[name]
        for name, seen in case.cmms.fields.items()
        if name in case.base_cmms and shows_the_past(case, policy, name, Side.CMMS, seen)
    }
    return replace(case, cmms=replace(case.cmms, fields={**case.cmms.fields, **past}))


def _is_past(intent: Intent, name: Field, seen: Value, case: Case) -> bool:
    """Whether the value was there before this write had been applied as a whole."""
    write = intent.writes.get(name)
    if write is None:
        stamped = intent.side is Side.CMMS and name in touched_by(intent)
        return stamped and name in case.base_cmms and not same(seen, case.base_cmms[name])
    if write.verdict not in ARRIVED_STATES or same(seen, write.sent):
        return False
    if same(seen, write.before) or may_be_its_stamp(intent, name, seen):
        return True
    return encode_value(seen) in intent.effects.passes.get(name, ())
