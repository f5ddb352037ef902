"""Bugs of the ways out: what a person answers, in the CMMS or with a command."""

from sqlalchemy import update

from syncd.core.case import DROPPED, Case, Conflict
from syncd.core.decision import Decision
from syncd.core.planning import identity
from syncd.core.values import encode_value
from syncd.engine.cycle import Cycle
from syncd.engine.read_cmms import CmmsReader, _Tally
from syncd.engine.request import ReadRequest
from syncd.jobs import rebuild_links
from syncd.mirror import answers, attention, link_answers
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import parked
from syncd.mirror.decided import conflicts
from syncd.mirror.queries.waiting import conflict_list
from tests.simulation.planted.bug import Original, bug

_WALKS = "tests/simulation/test_ways_out_of_links.py"


@bug(
    "leaves an order parked whose id a person has left in a copy",
    test=f"{_WALKS}::test_of_two_records_with_one_id_the_order_goes_on_with_the_one_that_keeps_it",
).instead_of(identity.left_in)
def _stay_with_the_linked(original: Original[str | None], case: Case) -> str | None:
    return None


@bug(
    "does not see that a copy is deleted before the next whole read",
    test=f"{_WALKS}::test_an_unlinked_order_goes_on_with_the_one_record_that_keeps_its_id",
).instead_of(CmmsReader._read_disputed)
def _wait_for_a_whole_read(
    original: Original[None], self: CmmsReader, request: ReadRequest, tally: _Tally
) -> None:
    return


@bug(
    "gives a record that a person has freed to nobody until it is edited",
    test="tests/edges/test_mirror_relinking.py::"
    "test_a_record_whose_link_is_dropped_may_be_another_orders",
).instead_of(attention.mark_record)
def _mark_nothing(original: Original[None], tx: Tx, cmms_id: str | None) -> None:
    return


@bug(
    "lets an answer wait for a write that no read will show",
    test=f"{_WALKS}::test_an_order_whose_record_lost_its_id_goes_on_with_the_answer",
).instead_of(link_answers._give_up_what_no_read_shows)
def _wait_for_ever(original: Original[None], tx: Tx, s2e_id: str) -> None:
    return


@bug(
    "links with relink what then waits for the next edit",
    test=f"{_WALKS}::test_pairs_that_relink_has_linked_meet_in_the_next_cycle",
).instead_of(rebuild_links._have_decided)
def _link_and_leave(original: Original[None], cycle: Cycle, made: list[Decision]) -> None:
    return


@bug(
    "leaves externalId at a record that a person has said is the wrong one",
    test=f"{_WALKS}::test_an_order_whose_number_is_anothers_record_gets_one_with_recreate",
).instead_of(link_answers._overwrite_reference)
def _leave_reference(
    original: Original[None], tx: Tx, s2e_id: str, named: str | None, new: str | None
) -> None:
    return


@bug(
    "asks nobody about a conflict that comes again",
    test="tests/edges/test_mirror_journal.py::"
    "test_a_conflict_that_was_over_and_comes_again_waits_again",
).instead_of(conflicts.put_conflict)
def _ask_once(
    original: Original[bool], tx: Tx, s2e_id: str, conflict: Conflict, *, cycle_id: str
) -> bool:
    values = encode_value(conflict.s2e), encode_value(conflict.cmms)
    for row in conflict_list(tx, every=True):
        of_field = row["s2e_id"] == s2e_id and row["field"] == conflict.field
        if of_field and row["resolved_at"] and (row["s2e_value"], row["cmms_value"]) == values:
            return False
    return original(tx, s2e_id, conflict, cycle_id=cycle_id)


@bug(
    "gives up with a drop what no list of what is parked shows",
    test="tests/edges/test_held.py::"
    "test_a_drop_of_the_order_gives_up_what_is_parked_and_nothing_else",
).instead_of(answers.release_holds)
def _drop_the_back_off(
    original: Original[int],
    tx: Tx,
    s2e_id: str,
    name: str | None,
    *,
    drop: bool,
    reason: str | None = None,
) -> int:
    count = original(tx, s2e_id, name, drop=drop, reason=reason)
    if drop:
        values = {"reason": DROPPED, "until": None}
        tx.conn.execute(update(parked).where(parked.c.s2e_id == s2e_id).values(**values))
    return count
