"""What a failed write means for its intent, and when the same is tried again. Pure.

the write was                         its intent       the same is tried again
───────────────────────────────────   ──────────────   ───────────────────────────────────
refused for what it says              refused          never with these values: parked
refused for lack of access (403)      refused          by itself, later each time
not found, or not as expected         refused          by itself, at once and then later;
  (404, 409, 412)                                      parked after REFUSED_TRIES
not applied, for certain              not applied      by itself, at once and then later
answered in any other way             in doubt         after it has been read back
refused or lost by the whole side     (as above)       when the side is back: nothing is held
"""

from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core.backoff import back_off
from syncd.core.case import CHANGED, FORBIDDEN, NOT_FOUND, REFUSED, Hold, IntentState
from syncd.errors import AccessRefused, Changed, ClearRefusal, NotFound, RemoteError

REFUSED_TRIES = 5  # of a write to a record that is not found, or never as expected


def state_after(error: RemoteError) -> IntentState:
    """The state of an intent whose write ended with this error."""
    if isinstance(error, ClearRefusal):
        return IntentState.REFUSED
    return IntentState.IN_DOUBT if error.may_have_applied else IntentState.NOT_APPLIED


def park_refused(tried: Hold, error: RemoteError) -> Hold:
    """The hold of a write that was refused for what it says.

    Args:
        tried: the write as a hold: its side, field, value, and how often it was tried before.
    """
    return replace(tried, reason=REFUSED, tries=tried.tries + 1, until=None, detail=str(error))


def hold_back(tried: Hold, error: RemoteError, now: datetime) -> Hold | None:
    """The hold of a write that failed, so that it is not tried before the others in every cycle.

    Without a time it is parked: a record that was not found or had changed, in each of
    REFUSED_TRIES tries, although reads still show it. A record that is gone, or has another value,
    is noticed by the next read, which comes before the second try.

    None where the error is about the whole side, and not about this order."""
    if error.is_about_the_side:
        return None
    if isinstance(error, NotFound | Changed) and tried.tries + 1 >= REFUSED_TRIES:
        reason = NOT_FOUND if isinstance(error, NotFound) else CHANGED
        return replace(tried, reason=reason, tries=tried.tries + 1, until=None, detail=str(error))
    reason = FORBIDDEN if isinstance(error, AccessRefused) else IntentState.NOT_APPLIED.value
    tries = tried.tries + 1
    wait = back_off(tries)
    if reason == IntentState.NOT_APPLIED and tries == 1:
        wait = timedelta(0)
    return replace(tried, reason=reason, tries=tries, until=now + wait, detail=str(error))
