"""One writer for each connection, whatever becomes of the processes."""

import os
import selectors
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.errors import LeaseHeld, LeaseLost, MirrorUnavailable
from syncd.mirror import state
from syncd.mirror.db.database import Mirror, open_mirror
from syncd.mirror.db.lease import Lease
from syncd.mirror.db.tables import leases
from tests.conftest import Clock, Postgres, text_of, utcnow


class Waits:
    """A clock and a sleep that cost no time; `then` happens in a sleep."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.now = 0.0
        self.then = then

    def sleep(self, seconds: float) -> bool:
        self.now += seconds
        self.then()
        return True

    def monotonic(self) -> float:
        return self.now


Make = Callable[..., Lease]


@pytest.fixture
def make(mirror_url: str, open_at: Callable[..., Mirror]) -> Iterator[Make]:
    """Leases of one database, each as in a process of its own."""
    made: list[Lease] = []

    def lease(holder: str, waits: Waits | None = None, connection: str = "default") -> Lease:
        waits = waits or Waits()
        mirror = open_at(mirror_url, connection=connection)
        made.append(Lease(mirror, holder, waits.sleep, waits.monotonic))
        return made[-1]

    yield lease
    for old in made:
        old.release()


def take(lease: Lease, wait_s: float = 0.0) -> int:
    lease.acquire(wait_s)
    return lease.announce()


def write(mirror: Mirror, lease: Lease) -> None:
    """A transaction of a cycle under this lease."""
    with mirror.fenced(lease.check).transaction():
        pass


def test_a_free_lease_is_taken_and_checked(make: Make, mirror: Mirror) -> None:
    lease = make("one")
    assert take(lease) == lease.token == 1
    write(mirror, lease)
    lease.renew()


def test_a_held_lease_names_its_holder(make: Make, clock: Clock) -> None:
    take(make("host-a pid 41"))
    with pytest.raises(LeaseHeld, match="host-a pid 41 since 2026-03-10T14:30:00Z"):
        take(make("two"))


def test_a_held_lease_is_waited_for_only_so_long(make: Make) -> None:
    take(make("one"))
    waits = Waits()
    with pytest.raises(LeaseHeld):
        take(make("two", waits), wait_s=10)
    assert 10 <= waits.now < 11


def test_a_lease_that_comes_free_is_taken(make: Make) -> None:
    one = make("one")
    take(one)
    assert take(make("two", Waits(then=one.release)), wait_s=10) == 2


def test_tokens_only_grow(make: Make) -> None:
    tokens = []
    for name in ("one", "two", "three"):
        lease = make(name)
        tokens.append(take(lease))
        lease.release()
    assert tokens == [1, 2, 3]


def test_connections_have_leases_of_their_own(database: str, make: Make) -> None:
    """On PostgreSQL. A SQLite file has one connection's daemon at a time."""
    take(make("one", connection="a"))
    if database == "postgres":
        assert take(make("two", connection="b")) == 1


def test_a_holder_that_was_overtaken_may_not_write(make: Make, mirror: Mirror) -> None:
    """As after a long sleep in which its lock was lost."""
    one = make("one")
    take(one)
    with mirror.transaction() as tx:
        tx.conn.execute(leases.update().values(token=7, holder="two"))
    with pytest.raises(LeaseLost, match="two"):
        write(mirror, one)
    with pytest.raises(LeaseLost, match="two"):
        one.renew()
    one.release()
    with mirror.read() as tx:  # giving back what is lost takes nothing from the new holder
        assert tx.conn.execute(select(leases.c.token, leases.c.holder)).one() == (7, "two")


def test_what_a_cycle_writes_after_it_was_overtaken_is_not_kept(make: Make, mirror: Mirror) -> None:
    one = make("one")
    take(one)
    with mirror.transaction() as tx:
        tx.conn.execute(leases.update().values(token=7, holder="two"))
    with (
        pytest.raises(LeaseLost, match="two"),
        mirror.fenced(one.check).transaction() as tx,
    ):
        state.set_state(tx, state.PAUSED, True)
    with mirror.read() as tx:
        assert state.get_state(tx, state.PAUSED) is None


def test_a_lease_never_taken_is_not_held(make: Make, mirror: Mirror) -> None:
    with pytest.raises(LeaseLost, match="nobody"):
        write(mirror, make("one"))


def test_releasing_twice_or_without_holding_is_harmless(make: Make, mirror: Mirror) -> None:
    one, two = make("one"), make("two")
    take(one)
    two.release()
    write(mirror, one)
    one.release()
    one.release()
    assert take(two) == 2


def test_renewing_keeps_the_time(make: Make, mirror: Mirror, clock: Clock) -> None:
    lease = make("one")
    take(lease)
    later = clock.pass_(60)
    lease.renew()
    with mirror.read() as tx:
        assert tx.conn.scalar(select(leases.c.renewed_at)) == later


# ── other processes ──────────────────────────────────────────────────────────────────────

HOLDER = textwrap.dedent("""
    import os, sys, time
    from syncd.errors import LeaseHeld
    from syncd.mirror.db.database import open_mirror
    from syncd.mirror.db.lease import Lease
    from tests.conftest import utcnow
    sleep = lambda seconds: time.sleep(seconds) or True
    lease = Lease(open_mirror(sys.argv[1], utcnow), f"pid {os.getpid()}", sleep, time.monotonic)
    lease.acquire(float(sys.argv[2]))
    print(lease.announce(), flush=True)
    time.sleep(60)
""")


@contextmanager
def holding(url: str, wait_s: float = 0) -> Iterator[subprocess.Popen[str]]:
    """Another process that takes the lease; its first line is the token."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(wait_s)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def token_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_a_killed_holder_frees_the_lease(mirror_url: str, open_at: Callable[..., Mirror]) -> None:
    with holding(mirror_url) as process:
        assert token_of(process) == 1
        lease = Lease(open_at(mirror_url), "me", sleeping, time.monotonic)
        with pytest.raises(LeaseHeld, match=f"pid {process.pid}"):
            lease.acquire(0)
        os.kill(process.pid, signal.SIGKILL)
        assert take(lease, wait_s=5) == 2
        lease.release()


def sleeping(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def test_a_stopped_holder_keeps_the_lease_and_goes_on(
    mirror_url: str, open_at: Callable[..., Mirror]
) -> None:
    with holding(mirror_url) as process:
        token_of(process)
        os.kill(process.pid, signal.SIGSTOP)
        lease = Lease(open_at(mirror_url), "me", sleeping, time.monotonic)
        with pytest.raises(LeaseHeld):
            lease.acquire(0.3)
        os.kill(process.pid, signal.SIGCONT)


def test_of_two_processes_that_start_at_once_one_gets_it(mirror_url: str) -> None:
    with holding(mirror_url, wait_s=30) as one, holding(mirror_url, wait_s=30) as two:
        first, second = (one, two)
        # Whoever was first is killed; the other one follows with the next token.
        ready = first_to_speak(first, second)
        assert token_of(ready) == 1
        ready.kill()
        other = two if ready is one else one
        assert token_of(other) == 2


def first_to_speak(*processes: subprocess.Popen[str]) -> subprocess.Popen[str]:
    with selectors.DefaultSelector() as selector:
        for process in processes:
            assert process.stdout is not None
            selector.register(process.stdout, selectors.EVENT_READ, process)
        [(key, _)] = selector.select(30)
    found: subprocess.Popen[str] = key.data
    return found


# ── when the database is not there ───────────────────────────────────────────────────────


def test_a_lease_file_that_cannot_be_made_is_said(
    sqlite_url: str, open_at: Callable[..., Mirror]
) -> None:
    mirror = open_at(sqlite_url)
    assert mirror.path is not None
    mirror.path.with_name("syncd.db.lease").mkdir()
    with pytest.raises(MirrorUnavailable, match="syncd.db.lease"):
        Lease(mirror, "one", sleeping, time.monotonic).acquire(0)


def test_a_lost_session_is_taken_anew_if_nobody_else_has_it(postgres: Postgres) -> None:
    url = postgres.migrated()
    with closing(open_mirror(text_of(url), utcnow)) as mirror:
        lease = Lease(mirror, "one", sleeping, time.monotonic)
        take(lease)
        terminate_all(postgres, url.database)
        lease.renew()
        write(mirror, lease)
        other = Lease(mirror, "two", sleeping, time.monotonic)
        with pytest.raises(LeaseHeld):
            other.acquire(0)
        lease.release()
    postgres.drop(url)


def test_a_lost_session_that_another_process_has_taken_over_is_lost(postgres: Postgres) -> None:
    url = postgres.migrated()
    with closing(open_mirror(text_of(url), utcnow)) as mirror:
        one, two = (Lease(mirror, name, sleeping, time.monotonic) for name in ("one", "two"))
        take(one)
        terminate_all(postgres, url.database)
        assert take(two, wait_s=5) == 2
        with pytest.raises(LeaseLost, match="two"):
            one.renew()
        with pytest.raises(LeaseLost, match="two"):
            write(mirror, one)
        one.release()
        write(mirror, two)
        two.release()
    postgres.drop(url)


def test_a_server_that_is_gone_is_unavailable(postgres: Postgres) -> None:
    url = postgres.migrated()
    with closing(open_mirror(text_of(url), utcnow)) as mirror:
        lease = Lease(mirror, "one", sleeping, time.monotonic)
        take(lease)
        postgres.drop(url)
        with pytest.raises(MirrorUnavailable):
            write(mirror, lease)
        for act in (lease.renew, lease.release):
            with pytest.raises(MirrorUnavailable):
                act()
        with pytest.raises(MirrorUnavailable):
            Lease(mirror, "two", sleeping, time.monotonic).acquire(0)


def terminate_all(postgres: Postgres, database: str | None) -> None:
    postgres.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )
