"""Worlds by their seeds."""

import shutil
import tempfile
import traceback
from contextlib import closing, nullcontext
from pathlib import Path

from tests.conftest import Postgres, text_of
from tests.kills.campaign import Campaign, Verdict
from tests.kills.lives import Drawing
from tests.kills.world import World

KILLS_A_WORLD = 20


def played(seed: int, kills: int, postgres_url: str | None) -> Verdict:
    """The world of this seed, in a process of its own and on a disk in memory."""
    memory = Path("/dev/shm")
    home = tempfile.mkdtemp(prefix="syncd-kills-", dir=memory if memory.is_dir() else None)
    odd = postgres_url is not None and seed % 2
    server = closing(Postgres(str(postgres_url))) if odd else nullcontext()
    with server as postgres:
        try:
            verdict = play(seed, Path(home), kills=kills, postgres=postgres)
        except Exception as error:  # said with its seed, and the other worlds go on
            told = "".join(traceback.format_exception(error))
            verdict = Verdict(seed, [f"it could not be played to its end: {told}"])
    if verdict.objections:
        verdict.objections.append(f"its log and mirror are in {home}")
    else:
        shutil.rmtree(home, ignore_errors=True)
    return verdict


def play(
    seed: int,
    home: Path,
    *,
    kills: int,
    rest_after: int = 10,
    faults: float = 0.6,
    disk: float = 0.25,
    postgres: Postgres | None = None,
) -> Verdict:
    """The world of this seed, on PostgreSQL if one is given, else on SQLite at `home`."""
    drawing = Drawing(seed, postgres=postgres is not None, faults=faults, disk=disk)
    url = postgres.borrow() if postgres is not None else None
    world = World(drawing.setup, home, None if url is None else text_of(url))
    try:
        return Campaign(world, drawing, seed, postgres).run(kills, rest_after)
    finally:
        world.close()
        if postgres is not None and url is not None:
            postgres.give_back(url)
