"""Open the mirror, and run transactions on it.

SQLite: WAL, synchronous=FULL, foreign keys, a busy timeout, and `BEGIN IMMEDIATE` for writers,
since a deferred transaction that reads first fails at once when it comes to write
(SQLITE_BUSY_SNAPSHOT, which no busy timeout waits out). PostgreSQL: psycopg 3, REPEATABLE READ
for readers.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from syncd.errors import ConfigurationError, MirrorContentError, MirrorUnavailable

BUSY_TIMEOUT_MS = 5000
_SETTING = "SYNCD_DATABASE_URL"
_DAMAGED = ("malformed", "not a database", "no such table", "no such column", "file is encrypted")


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction of one connection (in our sense), at one moment."""

    conn: Connection
    connection: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Mirror:
    """The database of one connection.

    Attributes:
        path: the SQLite file; None on PostgreSQL.
    """

    engine: Engine
    connection: str
    utcnow: Callable[[], datetime]
    path: Path | None

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Write: all or nothing. Raises MirrorUnavailable, MirrorContentError."""
        with self._translated(), self.engine.connect() as conn, _begun(conn, "BEGIN IMMEDIATE"):
            yield Tx(conn, self.connection, self.utcnow())

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Read one consistent state. Raises MirrorUnavailable, MirrorContentError."""
        with self._translated(), self.engine.connect() as conn, _begun(conn, "BEGIN"):
            yield Tx(conn, self.connection, self.utcnow())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise translate(error, self.where) from error

    @property
    def where(self) -> str:
        """The database as the operator may see it: never a password."""
        return str(self.path) if self.path is not None else shown(self.engine.url)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _begun(conn: Connection, statement: str) -> Iterator[None]:
    """On SQLite the driver's own BEGIN is off, and ours is sent; elsewhere the driver's serves."""
    with conn.begin():
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql(statement)
        yield


def open_mirror(
    url: str, utcnow: Callable[[], datetime], *, connection: str = "default", create: bool = True
) -> Mirror:
    """The mirror at `url`, reached once to be sure.

    Args:
        create: make a missing SQLite file; without it a missing one is MirrorUnavailable.

    Raises:
        ConfigurationError: the URL is malformed.
        MirrorUnavailable: it cannot be opened or reached.
        MirrorContentError: it is not a database.
    """
    parsed = parse_url(url)
    path = (
        Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None
    )
    if path is not None and not create and not path.exists():
        raise MirrorUnavailable(f"{path} does not exist yet; `syncd run` or `syncd once` makes it")
    engine = _sqlite_engine(parsed) if path is not None else _postgres_engine(parsed)
    mirror = Mirror(engine, connection, utcnow, path)
    try:
        with engine.connect() as conn:
            if path is not None:
                _check_file(conn, path)
    except SQLAlchemyError as error:
        raise translate(error, mirror.where) from error
    return mirror


def parse_url(url: str) -> URL:
    """The database URL with its driver chosen. Raises ConfigurationError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            f"{_SETTING} is not a database URL; "
            "use sqlite:///path/to/syncd.db or postgresql://user:password@host/name"
        ) from None
    backend = parsed.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigurationError(
            f"{_SETTING} names {backend!r}; the mirror lives on sqlite or postgresql"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigurationError(f"{_SETTING} names no file; use sqlite:///path/to/syncd.db")
    return parsed


def shown(url: URL) -> str:
    """A URL without its password and its query, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=2,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(dbapi: sqlite3.Connection, _record: Any) -> None:
        dbapi.isolation_level = None
        dbapi.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        dbapi.execute("PRAGMA foreign_keys = ON")
        dbapi.execute("PRAGMA synchronous = FULL")

    return engine


def _postgres_engine(url: URL) -> Engine:
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=2,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 10},
    )


def dedicated_engine(mirror: Mirror) -> Engine:
    """An engine whose connections are not pooled: a lease must die with its holder."""
    return create_engine(mirror.engine.url, poolclass=NullPool, hide_parameters=True)


def _check_file(conn: Connection, path: Path) -> None:
    """Set WAL, which needs the right to write, and look for damage."""
    result = conn.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if result != "ok":
        raise MirrorContentError(_damaged(str(path)))
    conn.exec_driver_sql("PRAGMA journal_mode = WAL")


def _damaged(where: str) -> str:
    return (
        f"{where} is damaged or not a syncd mirror. Restore a backup, or move the file away: "
        "a new mirror is rebuilt from both sides, without creating anything twice"
    )


def translate(error: SQLAlchemyError, where: str) -> MirrorUnavailable | MirrorContentError:
    """The error that says what to do. Its text holds no statement, parameter or password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if any(sign in first for sign in _DAMAGED) or _undefined(cause):
        return MirrorContentError(f"{_damaged(where)} ({first})")
    hint = ""
    if "readonly" in first or "read-only" in first:
        hint = "; the file or its folder is read-only for this user"
    elif "unable to open" in first:
        hint = "; does its folder exist, and may this user write there?"
    elif "full" in first or "No space" in first:
        hint = "; the disk is full"
    return MirrorUnavailable(f"the mirror {where} cannot be used: {first}{hint}")


def _undefined(cause: BaseException) -> bool:
    """PostgreSQL: undefined table or column."""
    return getattr(cause, "sqlstate", None) in {"42P01", "42703"}
