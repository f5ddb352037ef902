"""Worlds for the stories."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncd.twin.server import Twin
from tests.stories.world import World, make_config

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeWorld]:
    """Make a world on SQLite, or on the database that is named.

    A module that says INSIDE has its commands run in this process.
    """
    inside = getattr(request.module, "INSIDE", False)
    with ExitStack() as stack:

        def make(mirror_url: str | None = None, **config: Any) -> World:
            env = config.pop("env", {})
            twin = stack.enter_context(Twin(make_config(**config)))
            world = make_in(tmp_path, twin, mirror_url, env)
            world.inside = inside
            stack.callback(world.end)
            return world

        yield make


def make_in(home: Path, twin: Twin, mirror_url: str | None, env: dict[str, str]) -> World:
    mirror = mirror_url or f"sqlite:///{home}/syncd.db"
    return World(home, twin, mirror, f"sqlite:///{home}/cmms.db", dict(env))


@dataclass(frozen=True)
class Settled:
    """A world in step, to be copied: its two databases, and its orders upstream."""

    home: Path
    orders: list[dict[str, Any]]


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """Sixteen orders, all of them created in the CMMS, linked and read back."""
    home = tmp_path_factory.mktemp("settled")
    with Twin(make_config()) as twin:
        world = make_in(home, twin, None, {})
        world.once("--full")
        world.settle()
        return Settled(home, twin.people.orders())


@pytest.fixture
def world(make_world: MakeWorld, settled: Settled, tmp_path: Path) -> World:
    """A copy of the settled world, with a twin and a ledger of its own."""
    for path in settled.home.glob("*.db*"):
        shutil.copy(path, tmp_path)
    made = make_world()
    for order in settled.orders:
        made.twin.people.edit(order["id"], **{k: v for k, v in order.items() if k != "id"})
    return made
