"""Bugs of the mirror and of the client of Scan2Evolve."""

import json
from typing import Any

from syncd.core.planning.pair import Pair
from syncd.core.work_order import Fields, Side
from syncd.errors import ClearRefusal, RemoteError
from syncd.http import Response, parse_json
from syncd.mirror import observations, side_reads
from syncd.mirror.db.database import Tx
from syncd.mirror.db.lease import Lease
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
    side_reads.unread_s
)
def _all_is_fresh(original: Original[dict[Side, float]], tx: Tx) -> dict[Side, float]:
    return {}
