"""Bugs of the mirror, of health, and of the client of Scan2Evolve."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from syncd.core.planning.pair import Pair
from syncd.core.work_order import Fields, Side
from syncd.errors import ClearRefusal, RemoteError
from syncd.http import Response, parse_json
from syncd.jobs import heartbeat
from syncd.jobs.heartbeat import Age
from syncd.mirror import clock_jumps, observations, side_reads
from syncd.mirror.db.database import Tx
from syncd.mirror.db.lease import Lease
from syncd.mirror.db.tables import parked
from syncd.scan2evolve import wire
from syncd.scan2evolve.client import Ack, Scan2EvolveClient
from tests.simulation.planted.bug import Original, bug


@bug("takes one 404 for a deletion", seed=3).instead_of(observations.note_absence)
def _note_absence_twice(original: Original[bool], tx: Tx, s2e_id: str, cycle_id: str) -> bool:
    return original(tx, s2e_id, cycle_id) or original(tx, s2e_id, f"after {cycle_id}")


@bug(
    "has a lease without fencing",
    test="tests/edges/test_mirror_lease.py::"
    "test_what_a_cycle_writes_after_it_was_overtaken_is_not_kept",
).instead_of(Lease.check)
def _check_nothing(original: Original[None], self: Lease, tx: Tx) -> None:
    return


@bug("repeats a write blindly when the answer was lost").instead_of(
    Scan2EvolveClient.sync_work_order
)
def _sync_again(
    original: Original[Ack], self: Scan2EvolveClient, s2e_id: str, fields: Fields
) -> Ack:
    try:
        return original(self, s2e_id, fields)
    except ClearRefusal:
        raise
    except RemoteError:
        return original(self, s2e_id, fields)


_sends_null = bug("sends null for a field that was cleared", seed=4)


@_sends_null.instead_of(Pair.may_clear)
def _may_clear_upstream(original: Original[bool], self: Pair, side: Side) -> bool:
    return side is Side.S2E or original(self, side)


@_sends_null.instead_of(wire.format_sync)
def _format_with_nulls(original: Original[bytes], fields: Fields) -> bytes:
    values = {name: value for name, value in fields.items() if value is not None}
    body = json.loads(original(values)) if values else {}
    body |= {wire.SYNC_NAMES[name]: None for name in fields.keys() - values.keys()}
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


@bug("reads a long number of JSON as a float, so that two ids are one", seed=83).instead_of(
    parse_json
)
def _parse_floats(original: Original[Any], response: Response, *, side: str, where: str) -> Any:
    original(response, side=side, where=where)  # raises for what is no JSON
    return json.loads(response.body, parse_int=lambda it: int(it) if len(it) < 20 else float(it))


@bug("calls a side fresh that cannot be read", test="tests/edges/test_side_reads.py").instead_of(
    side_reads.side_reads
)
def _all_is_fresh(
    original: Original[dict[Side, side_reads.SideRead]], tx: Tx
) -> dict[Side, side_reads.SideRead]:
    return {}


@bug(
    "calls a side fresh that nobody reads any more", test="tests/edges/test_side_reads.py"
).instead_of(side_reads.SideRead.late_s)
def _only_a_failure_ages(
    original: Original[float], self: side_reads.SideRead, poll_every_s: float
) -> float:
    return self.age_s if self.fails else 0.0


@bug("answers with the health of the last cycle", test="tests/edges/test_heartbeat.py").instead_of(
    heartbeat.overdue
)
def _overdue_then(
    original: Original[str | None], ages: Iterable[Age], passed_s: float = 0.0
) -> str | None:
    return original(ages)


@bug(
    "forgets how long a write was in back-off when the clock is set",
    test="tests/edges/test_mirror_set_back.py",
).instead_of(clock_jumps.keep_ages)
def _keep_ages_of_marks(original: Original[None], tx: Tx, set_by: timedelta) -> None:
    before = dict(tx.conn.execute(select(parked.c.id, parked.c.since)).tuples())
    original(tx, set_by)
    for number, since in before.items():
        tx.conn.execute(update(parked).where(parked.c.id == number).values(since=since))
