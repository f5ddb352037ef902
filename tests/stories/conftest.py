"""Worlds for the stories."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from syncd.twin.server import Twin
from tests.stories.world import World, make_config

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Make a world on SQLite, or on the database that is named."""
    with ExitStack() as stack:

        def make(mirror_url: str | None = None, **config: Any) -> World:
            env = config.pop("env", {})
            twin = stack.enter_context(Twin(make_config(**config)))
            return World(
                tmp_path,
                twin,
                mirror_url or f"sqlite:///{tmp_path}/syncd.db",
                f"sqlite:///{tmp_path}/cmms.db",
                dict(env),
            )

        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Sixteen orders, all of them created in the CMMS, linked and read back."""
    made = make_world()
    made.once("--full")
    made.settle()
    return made
