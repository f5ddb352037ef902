"""A side that cannot be read is not healthy, although nothing is seen to wait."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cmms.presets import fake_erpnext
from tests.cmms.presets.server import serving
from tests.conftest import Postgres, text_of
from tests.stories.conftest import MakeWorld
from tests.stories.world import World, cycles, stop, wait_until

OBJECTIVE_S = 4
SLO = {"FRESHNESS_SLO_S": str(OBJECTIVE_S)}


@dataclass(frozen=True)
class Trouble:
    """What breaks a side, and what mends it.

    Attributes:
        who: what `health` names.
        sides: those that `status` names.
    """

    breaks: Callable[[World], object]
    mends: Callable[[World], object]
    who: str
    sides: tuple[str, ...]


def _upstream(kind: str, arg: str = "") -> Trouble:
    def breaks(world: World) -> None:
        world.twin.faults.add(kind, "GET", times=None, arg=arg)

    return Trouble(breaks, lambda world: world.twin.faults.clear(), "Scan2Evolve", ("s2e",))


def _renamed(before: str, after: str) -> Callable[[World], object]:
    return lambda world: world.sql(f"ALTER TABLE {before} RENAME TO {after}")


HANG = _upstream("hang")
MISSING_TABLE = Trouble(
    _renamed("work_orders", "elsewhere"),
    _renamed("elsewhere", "work_orders"),
    "the CMMS",
    ("cmms",),
)
TROUBLES = {
    "401": _upstream("status", "401"),
    "html": _upstream("html"),
    "reset": _upstream("drop"),
    "refused": Trouble(
        lambda world: world.twin.stop(), lambda world: world.twin.start(),
        "Scan2Evolve", ("s2e",),
    ),
    "missing table": MISSING_TABLE,
    # No cycle ends that could tell which side it waits for.
    "hang": Trouble(HANG.breaks, HANG.mends, "neither side", ("s2e", "cmms")),
}  # fmt: skip


def _goes_through(world: World, trouble: Trouble) -> None:
    """The daemon is healthy, not healthy in time, and healthy again after it is mended."""
    daemon = world.daemon(**SLO)
    wait_until(lambda: cycles(world) >= 1)
    assert world.syncd("health").code == 0
    trouble.breaks(world)
    broken = time.monotonic()
    wait_until(lambda: world.syncd("health", **SLO).code == 1, 30)
    # A poll before, and the time of a cycle; and at the latest two polls after.
    assert OBJECTIVE_S - 2 <= time.monotonic() - broken <= OBJECTIVE_S + 6
    because = world.syncd("health").out
    assert f"{trouble.who} has not been read for" in because
    # As often as the daemon, where none of its cycles ends; else a cycle that takes a while counts.
    poll = "1" if len(trouble.sides) > 1 else "60"
    status = world.syncd("status", "--json", POLL_EVERY_S=poll, **SLO).json
    assert status["healthy"] is False
    assert tuple(status["unread_s"]) == trouble.sides
    oldest_s = max(status["unread_s"].values())
    assert status["freshness_s"] >= oldest_s - 1 > OBJECTIVE_S - 2
    printed = world.syncd("status", POLL_EVERY_S=poll, **SLO).out
    for side in trouble.sides:
        assert f"not read        {'the CMMS' if side == 'cmms' else 'Scan2Evolve'}, for" in printed
    trouble.mends(world)
    assert stop(daemon) == 0
    world.once()
    status = world.syncd("status", "--json").json
    assert (status["unread_s"], status["healthy"]) == ({}, True)


@pytest.mark.parametrize("kind", TROUBLES)
def test_a_side_that_cannot_be_read_is_as_old_as_its_last_good_read(
    world: World, kind: str
) -> None:
    _goes_through(world, TROUBLES[kind])


def test_a_missing_table_of_postgresql_is_a_side_that_cannot_be_read(
    postgres: Postgres, make_world: MakeWorld
) -> None:
    url = postgres.borrow()
    world = make_world(orders=3)
    world = World(world.home, world.twin, world.mirror_url, text_of(url))
    try:
        world.once("--full")
        world.settle()
        _goes_through(world, MISSING_TABLE)
    finally:
        world.end()
        postgres.give_back(url)


def test_a_side_that_could_never_be_read_ages_from_the_first_try(make_world: MakeWorld) -> None:
    """429 to everything: the first read begins in each cycle, and shows nothing."""
    world = make_world(orders=3)
    world.twin.faults.add("throttle", "GET", times=None, arg="60")
    daemon = world.daemon(CYCLE_DEADLINE_S="10", **SLO)
    wait_until(lambda: cycles(world) >= 1)
    wait_until(lambda: "Scan2Evolve has not been read for" in world.syncd("health", **SLO).out)
    assert list(world.syncd("status", "--json", **SLO).json["unread_s"]) == ["s2e"]
    world.twin.faults.clear()
    assert stop(daemon) == 0
    world.once()
    assert world.syncd("status", "--json").json["unread_s"] == {}


@pytest.fixture
def erpnext() -> Iterator[fake_erpnext.FakeErpnext]:
    with serving(fake_erpnext.FakeErpnext()) as fake:
        assert isinstance(fake, fake_erpnext.FakeErpnext)
        yield fake


@pytest.mark.parametrize("fault", ["unauthorized", "html", "reset"])
def test_an_http_cmms_that_cannot_be_read_is_as_old_as_its_last_good_read(
    make_world: MakeWorld,
    erpnext: fake_erpnext.FakeErpnext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    for name, value in {
        "ERPNEXT_URL": erpnext.url, "ERPNEXT_KEY": fake_erpnext.KEY,
        "ERPNEXT_SECRET": fake_erpnext.SECRET, "ERPNEXT_ZONE": str(fake_erpnext.ZONE),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    world = make_world(orders=3)
    mapping = tmp_path / "erpnext.yaml"
    mapping.write_text(yaml.safe_dump({"extends": "preset:erpnext"}))
    world.env |= {"CMMS_ADAPTER": "rest", "CMMS_MAPPING": str(mapping), "CMMS_URL": ""}
    world.once("--full")
    world.settle()

    def judge_by(kind: str | None) -> Callable[[World], None]:
        def change(_world: World) -> None:
            erpnext.judge = lambda _writes: kind

        return change

    _goes_through(world, Trouble(judge_by(fault), judge_by(None), "the CMMS", ("cmms",)))
