"""Bugs of the cycle: of reading, keeping and sending."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from syncd.cmms.port import AdapterBase, Learned
from syncd.core.case import Intent, IntentState, WriteEffects
from syncd.core.decision import Change, Decision
from syncd.core.paging.sweep import Phase
from syncd.core.planning import side_effects
from syncd.core.planning.plan import Plan
from syncd.core.policy import Policy
from syncd.core.work_order import CmmsRecord, Field, Side, Unreadable
from syncd.engine import ask, bad_rows, decide, ends, facts, keep, pinning, read_anew
from syncd.engine.cycle import Cycle
from syncd.engine.ends import End, Ends
from syncd.engine.facts import Subject
from syncd.engine.intents import IntentLog
from syncd.engine.opening import Opening
from syncd.engine.read_cmms import CmmsReader, _Tally
from syncd.engine.read_marks import ReadMarks, SeenStamps
from syncd.engine.read_sweep import SweepReader, _Running
from syncd.engine.results import CmmsRead, SendResult
from syncd.engine.s2e_pages import S2ePages
from syncd.engine.send import Sender
from syncd.errors import ClearRefusal, RemoteError, Throttled, UnexpectedContent
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.decided.bases import save_bases
from syncd.mirror.intents import finish_intent, open_intents
from syncd.mirror.queries import waiting
from tests.simulation.planted.bug import Original, bug

T = TypeVar("T")

# ── before a cycle reads ──────────────────────────────────────────────────────────────────────


@bug("takes a clock that is set ahead for time that has passed", seed=142).instead_of(
    Opening._notice_set_ahead
)
def _notice_nothing(original: Original[None], self: Opening, tx: Tx) -> None:
    return


@bug("forgets what a killed cycle has read, and had not decided yet", seed=28).instead_of(
    decide.decide_what_was_read
)
def _decide_nothing(
    original: Original[Iterator[list[Decision]]], mirror: Mirror, policy: Policy, now: datetime
) -> Iterator[list[Decision]]:
    return iter(())


@bug(
    "leaves a create in doubt out of what a killed cycle has read",
    test="tests/simulation/test_undecided.py::"
    "test_the_last_edit_survives_where_the_create_was_still_in_doubt",
).instead_of(keep._may_pass)
def _linked_only(original: Original[bool], decision: Decision) -> bool:
    return decision.link is None and original(decision)


# ── reading ───────────────────────────────────────────────────────────────────────────────────


@bug("takes an error for the end of the list").instead_of(SweepReader._read_page)
def _end_at_an_error(
    original: Original[None], self: SweepReader, pages: S2ePages, running: _Running
) -> None:
    try:
        original(self, pages, running)
    except Throttled:
        raise
    except RemoteError:
        running.sweep.phase = Phase.UNSEEN
        running.sweep.finish()


@bug("asks for changes after the newest it has seen, not from it on", seed=15).instead_of(
    ReadMarks.changed_since
)
def _changed_after(original: Original[datetime | None], self: ReadMarks) -> datetime | None:
    since = original(self)
    return None if since is None else since + self._overlap + timedelta(seconds=1)


@bug("moves its mark in the CMMS before it has read all", seed=21).instead_of(
    ReadMarks.changed_since
)
def _move_watermark_early(original: Original[datetime | None], self: ReadMarks) -> datetime | None:
    since = original(self)
    return None if since is None else self._utcnow()


_follows_the_future = bug("follows a time of change that has not come yet")


@_follows_the_future.instead_of(ReadMarks._is_ahead)
def _is_never_ahead(original: Original[bool], self: ReadMarks, watermark: datetime) -> bool:
    return False


@_follows_the_future.instead_of(SeenStamps.take)
def _follow_any_stamp(
    original: Original[None], self: SeenStamps, records: Iterable[CmmsRecord], passed: timedelta
) -> None:
    known = list(records)
    original(self, known, passed)
    stamps = [one.updated_at for one in known if one.updated_at is not None]
    self.newest = max([*stamps, *([self.newest] if self.newest else [])], default=None)


@bug("trusts a mark of the future that an older version kept", seed=140).instead_of(
    ReadMarks._is_ahead
)
def _trust_the_mark(original: Original[bool], self: ReadMarks, watermark: datetime) -> bool:
    return False


@bug("takes one value that cannot be read for a read that failed").instead_of(CmmsReader._received)
def _fail_for_one_value(
    original: Original[Iterator[CmmsRecord]],
    self: CmmsReader,
    tally: _Tally,
    yielded: Iterable[CmmsRecord],
    nameless: dict[str, str],
) -> Iterator[CmmsRecord]:
    for record in original(self, tally, yielded, nameless):
        if any(isinstance(value, Unreadable) for value in record.fields.values()):
            raise UnexpectedContent("a value cannot be read", side="cmms")
        yield record


@bug("takes a row without an id for a read that failed").instead_of(bad_rows.name_rows)
def _fail_for_one_row(
    original: Original[None], mirror: Mirror, nameless: Mapping[str, str], *, whole: bool
) -> None:
    original(mirror, nameless, whole=whole)
    if nameless:
        raise UnexpectedContent("a row has no id", side="cmms")


# ── by what is read ───────────────────────────────────────────────────────────────────────────


@bug("follows what the CMMS's words mean while it runs").instead_of(pinning._judge)
def _follow(
    original: Original[None],
    mirror: Mirror,
    adapter: AdapterBase,
    kept: pinning.Kept,
    learned: Learned,
    cycle_id: str,
) -> None:
    pinning._keep(mirror, pinning.Kept(learned))
    adapter.pin(learned)


@bug("takes what a changed option reads for edits").instead_of(read_anew.follow_mapping)
def _follow_nothing(original: Original[None], mirror: Mirror, adapter: AdapterBase) -> None:
    return


@bug(
    "leaves parked what a mapping may have corrected", test="tests/edges/test_remapping.py"
).instead_of(keep.retry_writes)
def _retry_nothing(original: Original[None], tx: Tx) -> None:
    return


# ── deciding ──────────────────────────────────────────────────────────────────────────────────


@bug("writes on the ground of an old read").instead_of(Cycle._is_fresh)
def _always_fresh(original: Original[bool], self: Cycle, decision: Decision) -> bool:
    return True


@bug(
    "judges a create in doubt though nobody has searched for its record",
    test="tests/simulation/test_unfinished.py::"
    "test_a_create_stays_in_doubt_while_the_cmms_cannot_be_read",
).instead_of(Cycle._searched)
def _searched_all(
    original: Original[Mapping[str, datetime]], self: Cycle, cmms: CmmsRead
) -> Mapping[str, datetime]:
    with self.mirror.read() as tx:
        return {intent.s2e_id: self.utcnow() for intent in open_intents(tx)}


# ── keeping ───────────────────────────────────────────────────────────────────────────────────


@bug("keeps no log of what lost a conflict", seed=2).instead_of(keep._keep_conflicts)
def _keep_undecided_conflicts(
    original: Original[None], tx: Tx, about: Subject, cycle_id: str, decision: Decision
) -> None:
    undecided = tuple(one for one in decision.conflicts if one.winner is None)
    original(tx, about, cycle_id, replace(decision, conflicts=undecided))


@bug("forgets what a guard has refused, where reading back had shown it", seed=1675).instead_of(
    keep._mark_what_is_to_be_sent
)
def _mark_nothing(original: Original[None], tx: Tx, decisions: Iterable[Decision]) -> None:
    return


@bug("calls an order done though its write was left", seed=1).instead_of(ends.ends_of)
def _done_with_all(
    original: Original[Ends], plan: Plan, ready: Collection[str], sent: SendResult
) -> Ends:
    return Ends(
        {one.s2e_id: End.READ_AGAIN if one.read_again else End.DONE for one in plan.decisions}
    )


# ── sending ───────────────────────────────────────────────────────────────────────────────────


@bug("creates before it has searched for the record", seed=1).instead_of(Sender._search)
def _find_nothing(
    original: Original[list[CmmsRecord]], self: Sender, s2e_id: str
) -> list[CmmsRecord]:
    return []


@bug("moves the base when it sends, not when it has read back", seed=1).instead_of(
    IntentLog.answered
)
def _agree_on_what_was_sent(
    original: Original[None], self: IntentLog, intent: Intent, request_id: str | None
) -> None:
    sent = {name: write.sent for name, write in intent.writes.items()}
    source = {name: write.source for name, write in intent.writes.items()}
    with self.mirror.transaction() as tx:
        finish_intent(tx, intent.id, IntentState.CONFIRMED, request_id=request_id)
        save_bases(tx, intent.s2e_id, sent, source, native={})
        facts.write_applied(tx, self._about(intent), intent, request_id)


@bug("goes on writing to a record while an outcome is unknown", seed=30).instead_of(Sender._attempt)
def _go_on_after_any_error(
    original: Original[RemoteError | None],
    self: Sender,
    decision: Decision,
    side: Side,
    changes: tuple[Change, ...],
) -> RemoteError | None:
    error = original(self, decision, side, changes)
    return error if isinstance(error, ClearRefusal) else None


@bug("repeats a write that is denied in every cycle").instead_of(Sender._try_later)
def _hold_nothing_back(
    original: Original[None],
    self: Sender,
    s2e_id: str,
    changes: tuple[Change, ...],
    error: ClearRefusal,
) -> None:
    return


# ── outcomes ──────────────────────────────────────────────────────────────────────────────────


@bug(
    "lets a fault of the adapter end the cycle",
    test="tests/simulation/test_outcomes.py::test_what_comes_of_a_write",
).instead_of(ask.ask)
def _let_it_through(original: Original[T], call: Callable[[], T]) -> T:
    return call()


@bug(
    "calls a cycle complete while a write that failed waits",
    test="tests/simulation/test_outcomes.py::test_a_write_that_keeps_failing_is_never_called_done",
).instead_of(waiting.count_failing)
def _count_none(original: Original[int], tx: Tx) -> int:
    return 0


@bug(
    "writes a status over an entry that has not gone upstream",
    test="tests/simulation/test_whose_value.py::"
    "test_a_time_that_somebody_has_entered_goes_upstream_before_our_status_stamps_over_it",
).instead_of(side_effects.entries_at_risk)
def _risk_all(
    original: Original[frozenset[Field]],
    decision: Decision,
    writes: Collection[Field],
    effects: WriteEffects,
) -> frozenset[Field]:
    return frozenset()
