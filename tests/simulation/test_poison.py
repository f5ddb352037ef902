"""A few orders whose records cannot be read or written never hold up all the others."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.core.planning.failure import REFUSED_TRIES
from syncd.core.policy import Scope
from syncd.core.work_order import Field
from syncd.errors import RemoteError
from syncd.jobs.answers import release_all_parked
from syncd.mirror.db.tables import links
from syncd.mirror.queries.held import parked_list
from syncd.mirror.queries.status import waiting_counts
from tests.simulation.__main__ import quiet
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import BARS, Fault, broken, changed, forbidden, unfound
from tests.simulation.world import Setup, World

ORDERS, BARRED, CYCLES = 30, 7, 20
ANSWERS = [
    pytest.param(answer, id=name, marks=() if name == "forbidden" else pytest.mark.judge)
    for name, answer in BARS.items()
]


def _world(home: Path, *, filters: bool) -> World:
    quiet()
    traits = Traits(filters=filters)
    world = World(Setup(orders=ORDERS, page=50, scope=Scope.ALL, traits=traits), home)
    world.cycle.sweep_every = timedelta(hours=6)  # a whole read would hide what is asked by its id
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return _world(tmp_path, filters=False)


def _tick(world: World, cycles: int = CYCLES) -> None:
    """So many cycles; the CMMS is read in each."""
    for number in range(cycles):
        told = world.tick(full=number == 0)
        assert told is not None
        assert told.cmms.error is None, "the CMMS is not down"


def _records(world: World) -> dict[str, str]:
    """The number of each order's record."""
    found = {r.s2e_id: r.number for r in world.cmms.records.values() if r.s2e_id is not None}
    assert len(found) == len(world.cmms.records)
    return found


def _edit_all(world: World) -> None:
    """A title upstream and a root cause below, different ones: one value on all is dangerous."""
    for s2e_id, number in sorted(_records(world).items()):
        world.upstream.edit(s2e_id, "title", f"title of {s2e_id}")
        world.cmms.update("person", number, {"root_cause": f"cause of {s2e_id}"})


def _have_title(world: World) -> set[str]:
    """The orders whose new title is in the CMMS."""
    records = world.cmms.records
    return {i for i, n in _records(world).items() if records[n].values["title"] == f"title of {i}"}


def _have_cause(world: World) -> set[str]:
    """The orders whose new root cause is upstream."""
    upstream = world.upstream
    return {i for i in _records(world) if upstream.values(i)["root_cause"] == f"cause of {i}"}


@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize("answer", ANSWERS)
def test_records_that_cannot_be_read_or_written(
    tmp_path: Path, answer: Callable[[], RemoteError], filters: bool
) -> None:
    """Where a list can be narrowed to what has changed, they are asked for by their ids."""
    world = _world(tmp_path, filters=filters)
    _tick(world, 3)
    records = _records(world)
    barred = sorted(records)[:BARRED]
    world.adapter.barred = {records[s2e_id]: answer for s2e_id in barred}
    _edit_all(world)
    _tick(world)
    assert _have_title(world) == _have_cause(world) == set(records) - set(barred)
    # A later change moves the watermark on: the barred are no longer in the lists.
    last = max(records)
    world.cmms.update("person", records[last], {"resolution": "later"})
    _tick(world, 5)
    assert world.upstream.values(last)["resolution"] == "later"
    world.adapter.barred = {}
    _tick(world)
    assert _have_title(world) == _have_cause(world) == set(records)


def test_a_write_in_doubt_whose_record_cannot_be_read(tmp_path: Path) -> None:
    world = _world(tmp_path, filters=True)
    _tick(world, 3)
    records = _records(world)
    barred = sorted(records)[:BARRED]
    world.adapter.unwritable = {records[s2e_id]: broken for s2e_id in barred}
    _edit_all(world)
    _tick(world, 1)
    with world.mirror.read() as tx:
        assert waiting_counts(tx)["in_doubt"] == 3, "then the side is left alone"
    world.adapter.barred, world.adapter.unwritable = world.adapter.unwritable, {}
    _tick(world)
    assert _have_title(world) >= set(records) - set(barred)
    world.adapter.barred = {}
    _tick(world)
    assert _have_title(world) == _have_cause(world) == set(records)


@pytest.mark.parametrize("answer", ANSWERS)
def test_records_that_can_be_read_and_not_written(
    world: World, answer: Callable[[], RemoteError]
) -> None:
    _tick(world, 3)
    records = _records(world)
    barred = sorted(records)[:BARRED]
    world.adapter.unwritable = {records[s2e_id]: answer for s2e_id in barred}
    _edit_all(world)
    _tick(world)
    assert _have_title(world) == set(records) - set(barred)
    assert _have_cause(world) == set(records)
    world.adapter.unwritable = {}
    _tick(world)
    assert _have_title(world) == _have_cause(world) == set(records)


@pytest.mark.parametrize("answer", ANSWERS)
def test_records_that_cannot_be_created(world: World, answer: Callable[[], RemoteError]) -> None:
    orders = sorted(world.upstream.ids())
    world.adapter.barred = dict.fromkeys(orders[:BARRED], answer)
    _tick(world)
    assert set(_records(world)) == set(orders[BARRED:])
    world.adapter.barred = {}
    _tick(world)
    assert set(_records(world)) == set(orders)


def test_a_create_in_doubt_that_cannot_be_looked_for_stays_in_doubt(world: World) -> None:
    """That a search fails says nothing of the record: it is neither there nor not there."""
    first = min(world.upstream.ids())
    world.adapter.faults.append(Fault("create", "lost"))
    world.adapter.barred = {}
    _tick(world, 1)
    (made,) = [record for record in world.cmms.records.values() if record.s2e_id == first]
    lost = str(made.s2e_id)
    world.adapter.barred = {lost: forbidden, made.number: forbidden}
    _tick(world, 5)
    with world.mirror.read() as tx:
        assert waiting_counts(tx)["in_doubt"] == 1
    world.adapter.barred = {}
    _tick(world, 5)
    assert set(_records(world)) == set(world.upstream.ids())
    with world.mirror.read() as tx:
        how = tx.conn.execute(select(links.c.how).where(links.c.s2e_id == lost)).scalar_one()
    assert how == "created"


def test_what_is_forbidden_is_told_and_tried_less_and_less(world: World) -> None:
    _tick(world, 3)
    s2e_id, number = min(_records(world).items())
    world.adapter.barred = {}
    world.adapter.unwritable = {number: forbidden}
    world.upstream.edit(s2e_id, "title", "edited")
    _tick(world, 60)
    with world.mirror.read() as tx:
        (parked,) = parked_list(tx)
    assert (parked["s2e_id"], parked["field"], parked["reason"]) == (s2e_id, "title", "forbidden")
    assert "403" in parked["detail"]
    assert 5 < parked["tries"] < 12


@pytest.mark.parametrize(("answer", "reason"), [(unfound, "not_found"), (changed, "changed")])
def test_a_write_refused_of_a_record_that_reads_show_is_parked_after_its_tries(
    world: World, answer: Callable[[], RemoteError], reason: str
) -> None:
    """404 or 409 to the write, while the list goes on showing the record as it was."""
    _tick(world, 3)
    s2e_id, number = min(_records(world).items())
    asked: list[RemoteError] = []

    def refuse() -> RemoteError:
        asked.append(answer())
        return asked[-1]

    world.adapter.unwritable = {number: refuse}
    world.upstream.edit(s2e_id, "title", "edited")
    _tick(world, 60)
    assert len(asked) == REFUSED_TRIES
    with world.mirror.read() as tx:
        (parked,) = parked_list(tx)
    assert (parked["s2e_id"], parked["field"], parked["reason"]) == (s2e_id, "title", reason)
    assert (parked["until"], parked["tries"]) == (None, REFUSED_TRIES)

    world.adapter.unwritable = {}
    assert release_all_parked(world.mirror, "refused", None, drop=False) == (0, 0)
    assert release_all_parked(world.mirror, reason, None, drop=False) == (1, 1)
    _tick(world, 3)
    assert world.cmms.records[number].values["title"] == "edited"
    with world.mirror.read() as tx:
        assert parked_list(tx) == []


def test_one_answer_for_all_that_is_parked_of_a_field(world: World) -> None:
    _tick(world, 3)
    chosen = sorted(_records(world).items())[:3]
    world.adapter.unwritable = {number: forbidden for _, number in chosen}
    for s2e_id, _ in chosen:
        world.upstream.edit(s2e_id, "title", f"edited {s2e_id}")
    _tick(world, 8)
    assert release_all_parked(world.mirror, None, Field.STATUS, drop=True) == (0, 0)
    assert release_all_parked(world.mirror, "forbidden", Field.TITLE, drop=True) == (3, 3)
    world.adapter.unwritable = {}
    _tick(world, 5)
    for s2e_id, number in chosen:
        assert world.cmms.records[number].values["title"] != f"edited {s2e_id}", "given up"
        world.upstream.edit(s2e_id, "title", f"again {s2e_id}")
    _tick(world, 5)
    for s2e_id, number in chosen:
        assert world.cmms.records[number].values["title"] == f"again {s2e_id}"
