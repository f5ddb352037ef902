"""Opening the mirror, transactions, and what is said when a database fails."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from syncd.errors import ConfigurationError, MirrorContentError, MirrorUnavailable
from syncd.mirror import state
from syncd.mirror.db import schema
from syncd.mirror.db.database import Mirror, open_mirror, parse_url
from syncd.mirror.db.tables import state as state_table
from tests.conftest import Postgres, text_of, utcnow

SECRET = "s3cret-pw"


def put(mirror: Mirror, key: str, value: object = 1) -> None:
    with mirror.transaction() as tx:
        state.set_state(tx, key, value)


def get(mirror: Mirror, key: str) -> object:
    with mirror.read() as tx:
        return state.get_state(tx, key)


# ── the URL ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        f"postgresql://u:{SECRET}@host:port/db",
        f"mysql://u:{SECRET}@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x.db?mode=ro&uri=true",
        "sqlite:///x.db?timeout=1",
    ],
)
def test_a_url_that_cannot_be_used_names_the_setting_and_no_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SYNCD_DATABASE_URL") as caught:
        open_mirror(url, utcnow)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_all_spellings_of_postgresql_mean_psycopg_3(scheme: str) -> None:
    assert parse_url(f"{scheme}://u@h/db").drivername == "postgresql+psycopg"


def test_the_password_of_an_unreachable_database_is_not_told(postgres: Postgres) -> None:
    url = postgres.url.set(
        drivername="postgresql", password=SECRET, database="no_such_database"
    ).update_query_dict({"application_name": SECRET})
    with pytest.raises(MirrorUnavailable) as caught:
        open_mirror(url.render_as_string(hide_password=False), utcnow)
    assert SECRET not in str(caught.value)
    assert "no_such_database" in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(MirrorUnavailable, match="cannot be reached") as caught:
        open_mirror(f"postgresql://u:{SECRET}@127.0.0.1:1/db", utcnow)
    assert SECRET not in str(caught.value)


# ── transactions ─────────────────────────────────────────────────────────────────────────


def test_what_is_to_be_done_after_a_commit_is_done_then_and_only_then(mirror: Mirror) -> None:
    done: list[str] = []
    with mirror.transaction() as tx:
        tx.after_commit(lambda: done.append("kept"))
        assert done == []
    assert done == ["kept"]
    with pytest.raises(ZeroDivisionError), mirror.transaction() as tx:
        tx.after_commit(lambda: done.append("never"))
        _ = 1 / 0
    assert done == ["kept"]


def test_an_error_rolls_the_whole_transaction_back(mirror: Mirror) -> None:
    with pytest.raises(RuntimeError), mirror.transaction() as tx:
        state.set_state(tx, "one", 1)
        raise RuntimeError
    assert get(mirror, "one") is None


def test_a_reader_cannot_write(mirror: Mirror) -> None:
    with pytest.raises(MirrorUnavailable, match="read-only"), mirror.read() as tx:
        state.set_state(tx, "one", 1)
    put(mirror, "two")
    assert (get(mirror, "one"), get(mirror, "two")) == (None, 1)


def test_a_reader_sees_one_moment(mirror: Mirror) -> None:
    put(mirror, "key", "before")
    with mirror.read() as tx:
        assert state.get_state(tx, "key") == "before"
        put(mirror, "key", "after")
        assert state.get_state(tx, "key") == "before"
    assert get(mirror, "key") == "after"


def test_a_bug_is_not_taken_for_a_database_that_is_down(mirror: Mirror) -> None:
    row = {"connection": "default", "key": "twice"}
    with pytest.raises(IntegrityError), mirror.transaction() as tx:
        tx.conn.execute(insert(state_table), [row, row])


def test_readers_and_a_writer_do_not_disturb_each_other(mirror: Mirror) -> None:
    """A status command in a loop, while a backfill writes."""
    done, failures = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            try:
                with mirror.read() as tx:
                    one = state.get_state(tx, "one")
                    time.sleep(0.001)
                    assert state.get_state(tx, "two") == one
            except BaseException as error:  # told to the test below
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(100):
        with mirror.transaction() as tx:
            state.set_state(tx, "one", number)
            state.set_state(tx, "two", number)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []


def test_writers_wait_for_each_other(mirror: Mirror) -> None:
    """Read, then write: what a deferred SQLite transaction fails at."""
    put(mirror, "count", 0)
    failures: list[BaseException] = []

    def add() -> None:
        try:
            for _ in range(10):
                with mirror.transaction() as tx:
                    if tx.conn.dialect.name == "postgresql":  # SQLite has one writer anyway
                        tx.conn.execute(text("LOCK TABLE state IN EXCLUSIVE MODE"))
                    count = state.get_state(tx, "count")
                    state.set_state(tx, "count", int(str(count)) + 1)
        except BaseException as error:  # told to the test below
            failures.append(error)

    writers = [threading.Thread(target=add) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (failures, get(mirror, "count")) == ([], 40)


def test_sqlite_commits_reach_the_disk(sqlite_url: str, open_at: Callable[..., Mirror]) -> None:
    with open_at(sqlite_url).read() as tx:
        settings = [
            tx.conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert settings == ["wal", 2, 1, 5000]


def test_postgresql_commits_reach_the_disk(postgres: Postgres) -> None:
    url = postgres.migrated()
    try:
        postgres.run(f'ALTER DATABASE "{url.database}" SET synchronous_commit = off')
        with closing(open_mirror(text_of(url), utcnow)) as mirror, mirror.read() as tx:
            settings = [
                tx.conn.exec_driver_sql(f"SHOW {name}").scalar()
                for name in ("synchronous_commit", "TimeZone", "lock_timeout", "client_encoding")
            ]
        assert settings == ["on", "UTC", "10s", "UTF8"]
    finally:
        postgres.drop(url)


# ── failures: SQLite ─────────────────────────────────────────────────────────────────────


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MirrorUnavailable, match="does its folder exist"):
        open_mirror(f"sqlite:///{tmp_path}/nowhere/syncd.db", utcnow)


def test_a_missing_file_is_not_made_when_it_should_be_there(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    with pytest.raises(MirrorUnavailable, match="does not exist yet"):
        open_mirror(f"sqlite:///{path}", utcnow, create=False)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, os.urandom(8192)])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "syncd.db"
    path.write_bytes(content)
    with pytest.raises(MirrorContentError, match="not a SQLite database") as caught:
        open_mirror(f"sqlite:///{path}", utcnow)
    assert "links relink" in str(caught.value)
    assert path.read_bytes() == content


def test_damage_is_found_or_does_no_harm(sqlite_url: str, sqlite_template: Path) -> None:
    """Random bytes in a page: found when it is opened, or when it is read, never a bug's error."""
    path = Path(make_url(sqlite_url).database or "")
    whole = sqlite_template.read_bytes()
    found = 0
    for page in range(len(whole) // 4096):
        damaged = bytearray(whole)
        damaged[page * 4096 : page * 4096 + 2000] = bytes(range(250)) * 8
        path.write_bytes(bytes(damaged))
        try:
            with closing(open_mirror(sqlite_url, utcnow)) as mirror:
                schema.require_current(mirror)
                put(mirror, "key")
        except MirrorContentError:
            found += 1
        for name in ("-wal", "-shm"):
            Path(f"{path}{name}").unlink(missing_ok=True)
    assert found > 10


def test_a_lock_held_for_a_while_is_waited_out(
    sqlite_url: str, open_at: Callable[..., Mirror]
) -> None:
    mirror = open_at(sqlite_url)
    with locked_by_another_process(sqlite_url, seconds=1.0):
        put(mirror, "key")
    assert get(mirror, "key") == 1


def test_a_lock_held_for_too_long_is_said(sqlite_url: str, open_at: Callable[..., Mirror]) -> None:
    mirror = open_at(sqlite_url)
    with mirror.engine.connect() as conn:  # the next transaction uses this connection
        conn.exec_driver_sql("PRAGMA busy_timeout = 50")
    with (
        locked_by_another_process(sqlite_url, seconds=1.0),
        pytest.raises(MirrorUnavailable, match="another process has locked it"),
    ):
        put(mirror, "key")


@contextmanager
def locked_by_another_process(url: str, *, seconds: float) -> Any:
    script = """
        import sqlite3, sys, time
        conn = sqlite3.connect(sys.argv[1], isolation_level=None)
        conn.execute("BEGIN EXCLUSIVE")
        print("locked", flush=True)
        time.sleep(float(sys.argv[2]))
        conn.execute("ROLLBACK")
    """
    arguments = [sys.executable, "-c", textwrap.dedent(script), make_url(url).database or ""]
    with subprocess.Popen([*arguments, str(seconds)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield


def test_a_full_database_is_said(sqlite_url: str, open_at: Callable[..., Mirror]) -> None:
    mirror = open_at(sqlite_url)
    with mirror.engine.connect() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(MirrorUnavailable, match="full"):
        put(mirror, "key", "x" * 100_000)
    assert get(mirror, "key") is None


def test_a_disk_that_takes_no_more_is_said_and_nothing_is_lost(
    sqlite_url: str, open_at: Callable[..., Mirror]
) -> None:
    """A process that may write no file beyond 200 kB, as on a full disk."""
    script = """
        import resource, signal, sys
        from tests.conftest import utcnow
        from syncd.errors import MirrorUnavailable
        from syncd.mirror import state
        from syncd.mirror.db.database import open_mirror
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        mirror = open_mirror(sys.argv[1], utcnow)
        for number in range(100):
            try:
                with mirror.transaction() as tx:
                    state.set_state(tx, "number", number)
                    state.set_state(tx, f"big {number}", "x" * 20_000)
            except MirrorUnavailable as error:
                print(number, error)
                break
    """
    said = run_python(script, sqlite_url).stdout
    failed_at = int(said.split()[0])
    assert "cannot be used" in said
    mirror = open_at(sqlite_url)
    assert get(mirror, "number") == failed_at - 1
    put(mirror, "afterwards")


def test_a_file_that_may_not_be_written_is_said(sqlite_template: Path) -> None:
    """Tried by a user who is not root, from whom nothing can be kept."""
    script = """
        import os, sys
        from pathlib import Path
        from tests.conftest import utcnow
        from syncd.errors import MirrorUnavailable
        from syncd.mirror import state
        from syncd.mirror.db.database import open_mirror
        if os.geteuid() == 0:
            os.setuid(65534)
        for url in sys.argv[1:]:
            try:
                mirror = open_mirror(url, utcnow)
                with mirror.transaction() as tx:
                    state.set_state(tx, "key", 1)
                print("written")
            except MirrorUnavailable as error:
                print(error)
    """
    # Not below tmp_path: whose parents only their owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "syncd.db"
        path.write_bytes(sqlite_template.read_bytes())
        path.chmod(0o444)
        folder.chmod(0o555)
        said = run_python(script, f"sqlite:///{path}", f"sqlite:///{folder}/new.db").stdout
        folder.chmod(0o755)
    old, new = said.splitlines()
    assert "read-only for uid" in old
    assert str(path) in old
    assert "may uid" in new


def run_python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )


def test_a_writer_killed_at_any_moment_leaves_whole_transactions(
    sqlite_url: str, open_at: Callable[..., Mirror]
) -> None:
    script = """
        import sys
        from tests.conftest import utcnow
        from syncd.mirror import state
        from syncd.mirror.db.database import open_mirror
        mirror = open_mirror(sys.argv[1], utcnow)
        number = 0
        while True:
            number += 1
            with mirror.transaction() as tx:
                state.set_state(tx, "one", number)
                state.set_state(tx, "ballast", "x" * 50_000)
                state.set_state(tx, "two", number)
            print(number, flush=True)
    """
    for lines in (1, 7, 20):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), sqlite_url],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(lines)][-1]
            process.kill()
            rest = process.stdout.read()
        committed = int((told + rest).split()[-1])
        mirror = open_at(sqlite_url)  # looks for damage
        assert get(mirror, "one") == get(mirror, "two")
        assert int(str(get(mirror, "one"))) in {committed, committed + 1}
        mirror.close()


# ── failures: PostgreSQL ─────────────────────────────────────────────────────────────────


def test_a_lost_session_rolls_back_and_the_next_one_works(postgres: Postgres) -> None:
    url = postgres.migrated()
    try:
        with closing(open_mirror(text_of(url), utcnow)) as mirror:
            with pytest.raises(MirrorUnavailable), mirror.transaction() as tx:
                state.set_state(tx, "one", 1)
                terminate_all(postgres, url.database)
                state.set_state(tx, "two", 2)
            assert (get(mirror, "one"), get(mirror, "two")) == (None, None)
            terminate_all(postgres, url.database)
            put(mirror, "three")
    finally:
        postgres.drop(url)


def terminate_all(postgres: Postgres, database: str | None) -> None:
    postgres.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )


def test_a_table_locked_for_too_long_is_said(postgres: Postgres) -> None:
    url = postgres.migrated()
    try:
        postgres.run(f'ALTER ROLE CURRENT_USER IN DATABASE "{url.database}" SET lock_timeout = 0')
        engine = create_engine(url)
        with (
            closing(open_mirror(text_of(url), utcnow)) as mirror,
            engine.begin() as other,
            pytest.raises(MirrorUnavailable, match="another process has locked it"),
        ):
            other.execute(text("LOCK TABLE state"))
            with mirror.transaction() as tx:
                tx.conn.execute(text("SET LOCAL lock_timeout = 50"))
                state.get_state(tx, "key")
        engine.dispose()
    finally:
        postgres.drop(url)


def test_a_read_only_server_is_said(postgres: Postgres) -> None:
    """As after a failover to a standby."""
    url = postgres.migrated()
    try:
        postgres.run(f'ALTER DATABASE "{url.database}" SET default_transaction_read_only = on')
        with (
            closing(open_mirror(text_of(url), utcnow)) as mirror,
            pytest.raises(MirrorUnavailable, match="read-only"),
        ):
            put(mirror, "key")
    finally:
        postgres.drop(url)


def test_tables_that_are_gone_name_the_remedy(mirror: Mirror) -> None:
    with mirror.transaction() as tx:
        tx.conn.execute(text("DROP TABLE state"))
    with pytest.raises(MirrorContentError, match="links relink"):
        get(mirror, "key")
    assert sqlite3.sqlite_version_info >= (3, 35)  # upserts and RETURNING
