"""Open the mirror, and run transactions on it.

SQLite: WAL, synchronous=FULL, foreign keys, a busy timeout, and `BEGIN IMMEDIATE` for writers. A
deferred transaction that reads first and writes later may fail at once (SQLITE_BUSY_SNAPSHOT),
whatever the busy timeout. PostgreSQL: psycopg 3, REPEATABLE READ for readers.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    Executable,
    Insert,
    Table,
    bindparam,
    create_engine,
    event,
    insert,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool

from syncd.core.database_url import stray_at
from syncd.errors import ConfigurationError, MirrorContentError, MirrorUnavailable
from syncd.mirror.db.columns import dump_json
from syncd.mirror.db.failures import REBUILD, translated

BUSY_TIMEOUT_MS = 5000
LOCK_TIMEOUT_MS = 10_000
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_PAGE_SIZE = 16384  # bytes, so that a row of some kilobytes fits into one page
_SETTING = "SYNCD_DATABASE_URL"
_POSTGRES_ARGUMENTS = {
    "connect_timeout": 10,  # seconds
    "application_name": "syncd",
    "client_encoding": "utf8",
    # A server that is gone without closing the connection is noticed after half a minute.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction, for one connection (a pair of Scan2Evolve and a CMMS), at one moment.

    Attributes:
        conn: SQLAlchemy's connection to the database.
        connection: the name of the pair; every row carries it.
    """

    conn: Connection
    connection: str
    now: datetime
    _afterwards: list[Callable[[], None]] = field(default_factory=list)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Have this done once the transaction has been committed; never if it is not."""
        self._afterwards.append(action)

    def committed(self) -> None:
        """Do what was to be done after the commit."""
        for action in self._afterwards:
            action()

    def run(self, statement: Executable, **values: Any) -> CursorResult[Any]:
        """Execute a statement that was composed at import, on this connection's rows.

        SQLAlchemy takes longer to compose a statement than SQLite to execute it. `values` fill
        its bound parameters, and the columns of an INSERT or UPDATE; the parameter of `own` is
        filled in here.
        """
        return self.conn.execute(statement, {"own": self.connection, **values})

    def insert(self, table: Table, **values: Any) -> None:
        """Add one row of this connection."""
        self.conn.execute(_insert_into(table), {"connection": self.connection, **values})


@cache
def _insert_into(table: Table) -> Insert:
    return insert(table)


def own(table: Table) -> ColumnElement[bool]:
    """The condition that a row belongs to the transaction's connection, for `Tx.run`."""
    return table.c.connection == bindparam("own")


@dataclass(frozen=True, slots=True)
class Mirror:
    """The database of one connection.

    Attributes:
        path: the SQLite file; None on PostgreSQL.
        fence: called at the start of every transaction that writes; raises if it must not.
    """

    engine: Engine
    connection: str
    utcnow: Callable[[], datetime]
    path: Path | None
    fence: "Callable[[Tx], None] | None" = None

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Tx]:
        """Write all or nothing. Raises MirrorUnavailable, MirrorContentError.

        Args:
            durable: whether it is on the disk when it returns. Observations need not be: what a
                power cut takes of them is read again, and later commits come after them on disk.
        """
        with translated(self.where), self.engine.connect() as conn, _writing(conn, durable):
            tx = Tx(conn, self.connection, self.utcnow())
            if self.fence is not None:
                self.fence(tx)
            yield tx
        tx.committed()

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Read one consistent state; a write is refused. Raises as `transaction` does."""
        with translated(self.where), self.engine.connect() as conn, _reading(conn):
            yield Tx(conn, self.connection, self.utcnow())

    def fenced(self, fence: Callable[[Tx], None]) -> Self:
        """The same mirror with this fence before each of its writes."""
        return replace(self, fence=fence)

    @property
    def where(self) -> str:
        """The database as the operator may see it, without a password."""
        return str(self.path) if self.path is not None else shown(self.engine.url)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _writing(conn: Connection, durable: bool) -> Iterator[None]:
    with conn.begin():
        if conn.dialect.name == "sqlite":  # the driver sends no BEGIN of its own, see `prepare`
            driver = _sqlite_of(conn)
            driver.execute("PRAGMA query_only = OFF")
            driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            driver.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def _reading(conn: Connection) -> Iterator[None]:
    if conn.dialect.name != "sqlite":
        conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with conn.begin():
        if conn.dialect.name == "sqlite":
            driver = _sqlite_of(conn)
            driver.execute("PRAGMA query_only = ON")
            driver.execute("BEGIN")
        yield


def _sqlite_of(conn: Connection) -> sqlite3.Connection:
    """The driver's own connection.

    The statements that begin each transaction go to it directly, in a twentieth of the time.
    """
    driver = conn.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type checker
    return driver


def open_mirror(
    url: str, utcnow: Callable[[], datetime], *, connection: str = "default", create: bool = True
) -> Mirror:
    """The mirror at `url`. It is connected to once, so that a bad one is noticed here.

    Args:
        create: make a missing SQLite file; without it a missing file is MirrorUnavailable.

    Raises:
        ConfigurationError: the URL is malformed.
        MirrorUnavailable: the database cannot be opened or reached.
        MirrorContentError: the file is damaged, or is not a database.
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
        with translated(mirror.where), engine.connect() as conn:
            if path is not None:
                _check_file(conn, path)
    except BaseException:
        engine.dispose()
        raise
    return mirror


def parse_url(url: str) -> URL:
    """The database URL with its driver chosen. Raises ConfigurationError."""
    if (remedy := stray_at(url)) is not None:
        raise ConfigurationError(f"{_SETTING}: {remedy}")
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
    name = parsed.database or ""
    if name in {"", ":memory:"} or name.startswith("file:") or parsed.query or parsed.host:
        raise ConfigurationError(f"{_SETTING} names no plain file; use sqlite:///path/to/syncd.db")
    return parsed


def shown(url: URL) -> str:
    """The URL without its password, and without its query, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=2,
        hide_parameters=True,
        json_serializer=dump_json,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(dbapi: sqlite3.Connection, _record: Any) -> None:
        dbapi.isolation_level = None
        dbapi.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        dbapi.execute("PRAGMA foreign_keys = ON")
        dbapi.execute(f"PRAGMA page_size = {_PAGE_SIZE}")  # for a file that is made now
        dbapi.execute("PRAGMA synchronous = FULL")

    return engine


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=2,
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=dump_json,
        connect_args=_POSTGRES_ARGUMENTS,
    )

    @event.listens_for(engine, "connect")
    def prepare(dbapi: Any, _record: Any) -> None:
        with dbapi.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
            # An intent has to be on the disk before its write is sent.
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
        dbapi.commit()

    return engine


def dedicated_engine(mirror: Mirror) -> Engine:
    """An engine without a pool: closing its connection gives back the lease that it holds."""
    return create_engine(
        mirror.engine.url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args=_POSTGRES_ARGUMENTS,
    )


def _check_file(conn: Connection, path: Path) -> None:
    """Raise if the file is damaged; turn WAL on, which fails without the right to write."""
    result = conn.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if result != "ok":
        raise MirrorContentError(f"{path} is damaged ({result}). {REBUILD}")
    _use_wal(conn)


def _use_wal(conn: Connection) -> None:
    """Turn WAL on. Try again while another process does the same, since SQLite then answers
    "locked" at once, whatever the busy timeout."""
    gives_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            conn.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            locked = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _LOCKED
            if not locked or time.monotonic() >= gives_up:
                raise
            time.sleep(0.05)
        else:
            return
