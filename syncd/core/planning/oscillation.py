"""A field that somebody else keeps putting back: written the same way again and again.

Two daemons on one pair of systems, a rule inside a CMMS, a second integration: each sees the
other's write as an edit and answers it, for ever. Seen from here it is always the same: a field
of one side is to go from A to B, and has gone from A to B before, and again. People do that too,
so a step counts only within an hour, and only where it has arrived.

    steps A → B that arrived within the hour     the next step A → B
    ────────────────────────────────────────     ───────────────────────────────────────────
    fewer than three                             is written
    three                                        is parked as `oscillation`, with its times
    three, and a person has released it          is written once
"""

from datetime import datetime

from syncd.core.case import ARRIVED_STATES, Case
from syncd.core.equality import same
from syncd.core.policy import SWING
from syncd.core.values import show_value
from syncd.core.work_order import Field, Side, Value

OSCILLATION = "oscillation"
STEPS = 3  # the same step, before the next one is parked


def evidence(
    case: Case, side: Side, name: Field, before: Value, value: Value, now: datetime
) -> str | None:
    """Why `value` should not be written once more in place of `before`, for the operator; None
    where the field does not oscillate."""
    times = [
        intent.started_at
        for intent in case.recent
        if intent.side is side and now - intent.started_at <= SWING
        for write in [intent.writes.get(name)]
        if write is not None
        and write.verdict in ARRIVED_STATES
        and same(write.before, before)
        and same(write.sent, value)
    ]
    if len(times) < STEPS:
        return None
    clock_times = ", ".join(f"{moment:%H:%M:%S}" for moment in sorted(times))
    return (
        f"went from {show_value(before)} to {show_value(value)} {len(times)} times within an hour "
        f"(UTC {clock_times}), and something puts it back each time"
    )
