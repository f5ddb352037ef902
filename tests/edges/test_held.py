"""What is parked is parked in every list and count; what is tried again by itself says when."""

from datetime import timedelta

import pytest

from syncd.core.case import DROPPED, FORBIDDEN, RELEASED, Hold
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from syncd.core.work_order import Field, Side
from syncd.mirror.db.database import Mirror
from syncd.mirror.decided.holds import put_hold
from syncd.mirror.queries.held import held_list, parked_list
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
        assert status_counts(tx)["parked"] == waiting_counts(tx)["parked"] == parked
        assert status_facts(tx)["tried_again"] == int(state == "again")
