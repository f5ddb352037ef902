"""What is parked is parked in every list and count; what is tried again by itself says when."""

from datetime import timedelta

import pytest

from syncd.core.case import DROPPED, FORBIDDEN, RELEASED, Hold
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from syncd.core.work_order import Field, Side
from syncd.errors import InputError
from syncd.jobs.answers import release_all_parked, release_parked
from syncd.mirror.db.database import Mirror
from syncd.mirror.decided.holds import put_hold
from syncd.mirror.queries.held import held_list, parked_fields, parked_list
from syncd.mirror.queries.status import status_counts, status_facts, waiting_counts
from tests.conftest import Clock
from tests.house.test_ways_out import reasons_of_the_code

_ANSWERS = (DROPPED, RELEASED, UNLINKED, RECREATE)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("reason", sorted({*reasons_of_the_code(), *_ANSWERS}))
def test_a_hold_is_the_same_in_every_list_and_count(
    mirror: Mirror, clock: Clock, reason: str, again: bool
) -> None:
    until = clock.now + timedelta(minutes=5) if again or reason == RELEASED else None
    with mirror.transaction() as tx:
        put_hold(tx, "wo_1", Hold(Side.CMMS, Field.TITLE, reason, "x", 1, until))
    state = "again" if until is not None and reason != FORBIDDEN else "parked"
    state = "answered" if reason in _ANSWERS else state
    with mirror.read() as tx:
        (row,) = held_list(tx)
        assert row["state"] == state
        assert (row["until"] is not None) == (until is not None)
        parked = int(state == "parked")
        assert len(parked_list(tx)) == parked
        assert parked_fields(tx, reason) == ({"title": 1} if parked else {})
        assert status_counts(tx)["parked"] == waiting_counts(tx)["parked"] == parked
        assert status_facts(tx)["tried_again"] == int(state == "again")


HELD = {
    Field.TITLE: ("refused", False),
    Field.STATUS: ("not_applied", True),
    Field.ROOT_CAUSE: (DROPPED, False),
    Field.RESOLUTION: (FORBIDDEN, True),
}


def held_of(mirror: Mirror) -> dict[str, str]:
    with mirror.read() as tx:
        return {row["field"]: row["state"] for row in held_list(tx)}


@pytest.fixture
def held(mirror: Mirror, clock: Clock) -> Mirror:
    with mirror.transaction() as tx:
        for field, (reason, again) in HELD.items():
            until = clock.now + timedelta(minutes=5) if again else None
            put_hold(tx, "wo_1", Hold(Side.CMMS, field, reason, "x", 1, until))
    return mirror


def test_a_drop_of_the_order_gives_up_what_is_parked_and_nothing_else(held: Mirror) -> None:
    """A write that is tried again by itself is in no list of what is parked: it still arrives."""
    release_parked(held, "wo_1", None, drop=True)
    assert held_of(held) == {
        "title": "answered", "status": "again", "root_cause": "answered", "resolution": "answered",
    }  # fmt: skip
    with pytest.raises(InputError, match="nothing of wo_1 is parked"):
        release_parked(held, "wo_1", None, drop=True)


def test_a_drop_that_names_the_field_gives_up_what_is_tried_again(held: Mirror) -> None:
    release_parked(held, "wo_1", Field.STATUS, drop=True)
    assert held_of(held)["status"] == "answered"


def test_a_drop_of_a_field_is_of_the_side_on_which_it_is_parked(held: Mirror) -> None:
    with held.transaction() as tx:
        until = tx.now + timedelta(minutes=5)
        put_hold(tx, "wo_1", Hold(Side.S2E, Field.TITLE, "not_applied", "y", 1, until))
    release_parked(held, "wo_1", Field.TITLE, drop=True)
    with held.read() as tx:
        rows = [(row["side"], row["state"]) for row in held_list(tx) if row["field"] == "title"]
    assert sorted(rows) == [("cmms", "answered"), ("s2e", "again")]


def test_a_retry_of_the_order_leaves_what_was_dropped(held: Mirror) -> None:
    release_parked(held, "wo_1", None, drop=False)
    assert held_of(held) == {"root_cause": "answered"}
    release_parked(held, "wo_1", None, drop=False)  # nothing else is left: that takes it back
    assert held_of(held) == {}


@pytest.mark.parametrize("drop", [False, True])
def test_an_answer_to_all_is_to_what_parked_list_shows(held: Mirror, drop: bool) -> None:
    with held.transaction() as tx:
        until = tx.now + timedelta(minutes=5)
        put_hold(tx, "wo_1", Hold(Side.S2E, Field.TITLE, "refused", "y", 1, until))
    assert release_all_parked(held, None, None, drop=drop) == (2, 1)
    with held.read() as tx:
        assert parked_list(tx) == []
        assert {row["side"] for row in held_list(tx) if row["state"] == "again"} == {"s2e", "cmms"}
