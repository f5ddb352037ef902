"""Orders that the lists should have shown: which are asked for by id, and what a 404 means.

    asked for by id in this cycle                   because
    ─────────────────────────────────────────────   ─────────────────────────────────────────
    open in the mirror, and on no page of its lane  it may be closed, or gone
    answered 404 in an earlier cycle                the second 404 makes a tombstone
    with a write upstream in doubt                  it has to be read before anything else
    with an answered write that no page has shown   a page should have confirmed it by now
    known to the CMMS alone                         Scan2Evolve may have it

Absence from a list alone never means that an order is gone, and one 404 does not either.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from syncd.core.case import Intent, IntentState
from syncd.core.planning.guards import not_found_latch
from syncd.core.work_order import Side
from syncd.engine.fetch_some import fetch_some
from syncd.engine.keep import keep_latch, keep_not_found
from syncd.engine.request import ReadRequest
from syncd.engine.s2e_pages import S2ePages
from syncd.mirror import lanes, observations
from syncd.mirror.db.database import Mirror
from syncd.mirror.intents import open_intents

_UNKNOWN_CLAIMS = 50  # ids that only the CMMS knows, asked upstream in one cycle


def read_missing(
    request: ReadRequest,
    pages: S2ePages,
    open_since: datetime | None,
    unconfirmed: set[str],
    sweep_every: timedelta,
) -> None:
    """Read the orders of the table above. Raises RemoteError.

    Args:
        open_since: since when the lanes have shown every open order; None: not all of them.
        unconfirmed: orders that were read by id before a write; those whose write has come to
            its end are taken out.
    """
    with pages.mirror.read() as tx:
        absent = set() if open_since is None else set(lanes.open_unseen_since(tx, open_since))
        wanted = set(observations.nominated_s2e_ids(tx))
        intents = [intent for intent in open_intents(tx) if intent.side is Side.S2E]
        # One request has been spent on reading these, and one on the write. The next page
        # that shows them confirms it; a third is spent only when that would be late.
        unconfirmed &= {i.s2e_id for i in intents if i.state is IntentState.ANSWERED}
        waiting = set(unconfirmed)
        overdue = _overdue(intents, pages.utcnow(), sweep_every)
        overdue |= lanes.with_changed_record(tx, waiting)
        wanted |= ({intent.s2e_id for intent in intents} - waiting) | overdue | absent
        unknown = [] if pages.unread else observations.unknown_claims(tx, _UNKNOWN_CLAIMS)
        met = observations.s2e_seen_since(tx, wanted | waiting, request.started)
    rest = fetch_some(request, pages, wanted - met, may_wait=waiting - met - wanted)
    pages.read_orders(request, [*sorted(rest), *unknown])


def _overdue(intents: Collection[Intent], now: datetime, sweep_every: timedelta) -> set[str]:
    """Orders of writes that a page of the sweep should have confirmed by now."""
    return {
        intent.s2e_id
        for intent in intents
        if intent.answered_at is not None and now - intent.answered_at >= sweep_every
    }


def nominate(mirror: Mirror, cycle_id: str, not_found: Collection[str]) -> None:
    """Note each 404 of a cycle; the second, in another cycle, makes a tombstone.

    Where they are so many that the credentials must be wrong, a guard latches instead.
    """
    if not not_found:
        return
    with mirror.transaction() as tx:
        # A 404 for an id that only the CMMS knows is no evidence about the credentials.
        known = observations.known_s2e_ids(tx, not_found)
        latch = not_found_latch(len(known), observations.live_s2e_count(tx))
        if latch is not None:
            keep_latch(tx, cycle_id, latch)
            return
        for s2e_id in sorted(known):
            keep_not_found(tx, cycle_id, s2e_id)
