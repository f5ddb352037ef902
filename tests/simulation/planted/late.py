"""Bugs about writes that arrive when nobody waits for them any more."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from syncd.core.case import OPEN_STATES, Case, Conflict, Intent
from syncd.core.planning import proof, readback, unlinked
from syncd.core.planning.readback import Evidence
from syncd.core.policy import Policy
from syncd.core.work_order import CmmsRecord, Field
from syncd.engine.read_cmms import CmmsReader, _Tally
from tests.simulation.planted.bug import Original, bug


@bug("counts lags from the sending, though the request may still be at work").instead_of(
    proof.arrives_by
)
def _arrives_at_once(original: Original[datetime], intent: Intent, policy: Policy) -> datetime:
    return intent.answered_at or intent.given_up_at or intent.started_at


@bug(
    "takes a search for one that was asked when it was answered",
    test="tests/simulation/test_late.py::"
    "test_a_search_that_was_asked_too_early_proves_nothing_however_late_it_is_answered",
).instead_of(CmmsReader._find)
def _search_as_answered(
    original: Original[None], self: CmmsReader, tally: _Tally, s2e_ids: Iterable[str]
) -> None:
    for s2e_id in s2e_ids:
        original(self, tally, [s2e_id])
        if s2e_id in tally.searched:
            tally.searched[s2e_id] = self._utcnow()


@bug(
    "does not log what a write in doubt may yet overwrite",
    test="tests/simulation/test_late.py::"
    "test_what_a_write_in_doubt_overwrites_when_it_arrives_is_in_the_log",
).instead_of(readback._may_be_overwritten)
def _log_nothing(
    original: Original[list[Conflict]],
    intent: Intent,
    name: Field,
    evidence: Evidence,
    case: Case,
    policy: Policy,
) -> list[Conflict]:
    return []


@bug(
    "takes the record of a create that was given up for somebody else's",
    test="tests/simulation/test_late.py::"
    "test_a_record_that_arrives_later_than_the_setting_says_is_still_our_own",
).instead_of(unlinked._maker)
def _made_by_others(
    original: Original[Intent | None],
    creates: Sequence[Intent],
    record: CmmsRecord,
    policy: Policy,
) -> Intent | None:
    return original([one for one in creates if one.state in OPEN_STATES], record, policy)
