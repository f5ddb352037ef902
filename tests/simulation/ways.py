"""Walks out of what is parked: a world in which it happens, and what has to be so at the end.

A walk is a test. It makes the hold happen, takes the way out that docs/how-to/answer-what-waits.md
names, and asks whether both sides are in step. `walks` says for which reason it is one, and the
house compares these with the reasons that the code has (tests/house/test_ways_out.py).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from syncd.core.policy import Scope
from syncd.core.work_order import Field
from syncd.engine.read_cmms import CmmsReader
from syncd.jobs.answers import release_parked
from syncd.mirror.link_answers import LinkAnswer, Wish, save_answer
from syncd.mirror.links import link_of
from syncd.mirror.queries.held import parked_list
from tests.simulation.__main__ import quiet
from tests.simulation.cmms import Record, Traits
from tests.simulation.world import Setup, World

Test = TypeVar("Test", bound=Callable[..., None])
WALKED: set[str] = set()  # the reasons for which some walk is written


def walks(reason: str) -> Callable[[Test], Test]:
    """The decorated test walks out of what is parked for this reason."""

    def keep(test: Test) -> Test:
        WALKED.add(reason)
        return test

    return keep


def make(home: Path, traits: Traits | None = None, **setup: Any) -> World:
    """A world of open orders, in step unless something keeps them from it. Whole reads are rare,
    so that no way out is helped by one."""
    quiet()
    values = {"orders": 2, "page": 8, "scope": Scope.ALL, "traits": traits or Traits(filters=True)}
    world = World(Setup(**{**values, **setup}), home)
    for s2e_id in world.upstream.ids():
        world.upstream.edit(s2e_id, "status", "ASSIGNED")
    world.cycle.cmms_reader = CmmsReader(
        world.adapter, world.cycle.mirror, world.clock.utcnow, timedelta(hours=6)
    )
    world.tick(full=True)
    cycles(world, 3)
    return world


def cycles(world: World, count: int) -> None:
    for _ in range(count):
        report = world.tick()
        assert report is not None
        world.clock.sleep(5)


def parked(world: World, s2e_id: str) -> dict[str, str]:
    """What `syncd parked list` shows of the order: reason by field; "" is the whole order."""
    with world.mirror.read() as tx:
        return {r["field"]: r["reason"] for r in parked_list(tx) if r["s2e_id"] == s2e_id}


def until_parked(world: World, s2e_id: str, name: str, reason: str, most: int = 1) -> None:
    """Run cycles until the field is parked, or the order where `name` is ""."""
    for _ in range(most):
        cycles(world, 1)
        if parked(world, s2e_id):
            break
    assert parked(world, s2e_id) == {name: reason}


def retry(world: World, s2e_id: str, field: Field | None = None, *, drop: bool = False) -> None:
    """`syncd parked retry` or `drop`."""
    release_parked(world.mirror, s2e_id, field, drop=drop)


def relink(world: World, s2e_id: str, wish: Wish, cmms_id: str | None = None) -> None:
    """`syncd links relink --order`, `--recreate` or `--drop`."""
    with world.mirror.transaction() as tx:
        save_answer(tx, LinkAnswer(s2e_id, wish, cmms_id))


def record_of(world: World, s2e_id: str) -> Record:
    """The record that the order is linked to."""
    with world.mirror.read() as tx:
        row = link_of(tx, s2e_id)
    assert row is not None, f"{s2e_id} is linked to nothing"
    return world.cmms.records[row.cmms_id]


def mend(world: World, **traits: Any) -> None:
    """The CMMS behaves from now on as these traits say."""
    world.cmms.traits = replace(world.cmms.traits, **traits)


def assert_in_step(world: World, s2e_id: str, within: int) -> None:
    """Within so many cycles nothing of the order is parked, both sides hold the same, an edit on
    either side arrives, and then nothing is written any more. Nothing is there twice."""
    cycles(world, within)
    assert parked(world, s2e_id) == {}
    assert _same(world, s2e_id)
    number = record_of(world, s2e_id).number
    assert world.upstream.twin.order(s2e_id)["externalId"] == number
    assert [r.number for r in world.cmms.carrying(s2e_id)] in ([number], [])
    world.upstream.edit(s2e_id, "title", "Belt, again")
    world.cmms.update("person", number, {"closure_note": "swept"})
    cycles(world, 2)
    assert record_of(world, s2e_id).values["title"] == "Belt, again"
    assert world.upstream.values(s2e_id)["closure_note"] == "swept"
    cycles(world, 1)
    written = len(world.ledger.writes())
    cycles(world, 5)
    assert len(world.ledger.writes()) == written
    assert _same(world, s2e_id)


def _same(world: World, s2e_id: str) -> bool:
    upstream, record = world.upstream.values(s2e_id), record_of(world, s2e_id)
    return all(upstream[name] == value for name, value in world.cmms.values(record).items())
