"""Two real processes on one mirror: one writes, the other waits, whatever becomes of the first."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import make_url

from syncd.core.policy import Scope
from tests.conftest import Postgres
from tests.kills.campaign import Judged
from tests.kills.world import World
from tests.simulation import world as simulated
from tests.simulation.clock import Clock
from tests.simulation.oracles import still_apart
from tests.simulation.world import Setup
from tests.stories.world import wait_until

pytestmark = [pytest.mark.timeout(600), pytest.mark.judge]
TAKES_OVER_WITHIN_S = 30
_PATIENCE_S = 120  # for what takes a second on a machine that has nothing else to do


@pytest.fixture
def world(mirror_url: str, database: str, tmp_path: Path) -> Iterator[World]:
    """Six orders, with no process yet; on SQLite and on PostgreSQL."""
    setup = Setup(orders=6, scope=Scope.ALL, page=5)
    made = World(setup, tmp_path, mirror_url if database == "postgres" else None)
    yield made
    made.close()


def roles(world: World, role: str) -> list[dict[str, object]]:
    started = [line for line in world.logged() if line.get("event") == "daemon.started"]
    return [line for line in started if line["role"] == role]


def cycles(world: World) -> int:
    return sum(line.get("event") == "cycle.finished" for line in world.logged())


def in_step(world: World) -> bool:
    if world.pending():
        return False
    with world.lock, world.opened() as mirror:
        judged = Judged(
            world.setup, world.ledger, world.upstream, world.server.store, mirror, Clock()
        )
        return not still_apart(cast(simulated.World, judged))


@contextmanager
def active(world: World) -> Iterator["subprocess.Popen[bytes]"]:
    """A holder that has brought both sides in step."""
    holder = world.start()
    wait_until(lambda: cycles(world) > 1 and in_step(world), _PATIENCE_S)
    yield holder


def standing_by(world: World) -> "subprocess.Popen[bytes]":
    second = world.start()
    wait_until(lambda: bool(roles(world, "standby")), _PATIENCE_S)
    return second


def note(world: World, text: str) -> None:
    """A planner writes a closure note into each record."""
    for record in list(world.server.store.records.values()):
        world.server.edit(record.number, "closure_note", f"{text} {record.number}")


def test_the_second_stands_by_or_says_who_holds_and_takes_over_after_a_kill(world: World) -> None:
    with active(world) as holder:
        standby = standing_by(world)
        assert f"pid {holder.pid} " in str(roles(world, "standby")[0]["reason"])
        once = world.syncd("once")
        assert once.returncode == 75
        assert f"pid {holder.pid} " in once.stderr
        assert len(roles(world, "active")) == 1
        holder.kill()
        killed = time.monotonic()
        wait_until(lambda: len(roles(world, "active")) == 2, TAKES_OVER_WITHIN_S)
        assert time.monotonic() - killed < TAKES_OVER_WITHIN_S
        note(world, "after the kill")
        wait_until(lambda: in_step(world), _PATIENCE_S)
        standby.send_signal(signal.SIGTERM)
        assert standby.wait(15) == 0


@pytest.mark.parametrize(
    "moment",
    [
        "cmms.list.answered",
        "s2e.list.answered",
        "s2e.sync.answered",
    ],
)
def test_a_holder_that_slept_while_another_took_over_writes_nothing_more(
    world: World, request: pytest.FixtureRequest, moment: str
) -> None:
    """It sleeps in the middle of a cycle that has six orders to write, and wakes up when all of
    them hold something newer."""
    with active(world) as holder:
        standby = standing_by(world)
        asleep: list[float] = []

        def stop() -> None:
            os.kill(holder.pid, signal.SIGSTOP)
            while is_locked(world):
                # Its lease was being renewed: nobody can overtake a transaction of SQLite.
                os.kill(holder.pid, signal.SIGCONT)
                time.sleep(0.01)
                os.kill(holder.pid, signal.SIGSTOP)
            asleep.append(time.monotonic())

        with world.lock:  # nothing is answered while the edits are made
            note(world, "before")
            world.moments.on(moment, stop)
        wait_until(lambda: bool(asleep), _PATIENCE_S)
        free_the_lease(world, request)
        wait_until(lambda: len(roles(world, "active")) == 2, _PATIENCE_S)
        wait_until(lambda: in_step(world), _PATIENCE_S)
        note(world, "newer")
        wait_until(lambda: in_step(world), _PATIENCE_S)

        written = len(world.ledger.writes())
        holder.send_signal(signal.SIGCONT)
        wait_until(lambda: lost(world), _PATIENCE_S)
        seen = cycles(world)
        wait_until(lambda: cycles(world) >= seen + 3, _PATIENCE_S)
        assert world.ledger.writes()[written:] == []
        assert in_step(world)
        assert len(roles(world, "active")) == 2
        wait_until(lambda: len(roles(world, "standby")) == 2, _PATIENCE_S)
        for process in (holder, standby):
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0


def is_locked(world: World) -> bool:
    """Whether a process has stopped in the middle of writing to the mirror."""
    if world.postgres:
        return False  # which ends the transaction with the session, see `free_the_lease`
    time.sleep(0.01)  # a signal takes a moment
    with closing(sqlite3.connect(world.home / "syncd.db", timeout=1, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        db.execute("ROLLBACK")
    return False


def lost(world: World) -> bool:
    """Whether a process has said that it was overtaken."""
    stopped = [line for line in world.logged() if line.get("event") == "daemon.stopped"]
    return any("was taken over by" in str(line.get("reason")) for line in stopped)


def free_the_lease(world: World, request: pytest.FixtureRequest) -> None:
    """PostgreSQL ends the sleeper's sessions, as it does with a machine that has gone silent. On
    SQLite the lock is gone as on a network file system that has forgotten it."""
    if world.postgres:
        postgres: Postgres = request.getfixturevalue("postgres")
        name = make_url(world.mirror_url).database
        postgres.run(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            f"AND database = (SELECT oid FROM pg_database WHERE datname = '{name}')"
        )
    else:
        shutil.move(world.home / "syncd.db.lease", world.home / "forgotten.lease")
