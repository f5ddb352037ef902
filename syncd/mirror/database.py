"""Open the mirror and hand out transactions.

    with mirror.transaction() as tx:   one writer at a time; whole or not at all
    with mirror.read() as tx:          one moment's picture; writes are refused

SQLite runs in WAL mode with synchronous=FULL: an intent that was committed is on the disk
before its write is sent. Writers begin with BEGIN IMMEDIATE, since a reader that turns writer
fails at once, whatever the busy timeout (SQLITE_BUSY_SNAPSHOT).
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url

from syncd.errors import ConfigurationError, MirrorContentError, MirrorUnavailable
from syncd.mirror.columns import dump_json
from syncd.mirror.failures import mapped_errors

BUSY_TIMEOUT_S = 5.0  # how long a SQLite writer waits for another one
_CONNECT_TIMEOUT_S = 10
_SQLITE_HEADER = b"SQLite format 3\x00"
_READ_ONLY = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction.

    Attributes:
        connection: the connection whose rows are read and written.
        now: when it began, UTC.
    """

    conn: sa.Connection
    connection: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Mirror:
    """An open mirror. Its methods may be called from any thread.

    Attributes:
        engine: a pool of database connections.
        connection: the connection whose rows its transactions see.
        where: the database for people, without its password.
        path: the file; None for PostgreSQL.
    """

    engine: sa.Engine
    connection: str
    utcnow: Callable[[], datetime]
    where: str
    path: Path | None

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Write: committed when the block ends, rolled back whole when it raises.

        Raises:
            MirrorUnavailable: it cannot be reached or written (locked, full, read-only).
            MirrorContentError: it is damaged, or its schema is not ours.
        """
        with mapped_errors(self.where), self.engine.connect() as conn:
            if self.path is not None:
                conn = conn.execution_options(begin="BEGIN IMMEDIATE")
            with conn.begin():
                yield Tx(conn, self.connection, self.utcnow())

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Read: all statements of the block see the same moment. Raises as `transaction`."""
        with mapped_errors(self.where), self.engine.connect() as conn:
            if self.path is None:
                conn = conn.execution_options(**_READ_ONLY)
                with conn.begin():
                    yield Tx(conn, self.connection, self.utcnow())
                return
            with conn.begin():
                conn.exec_driver_sql("PRAGMA query_only=ON")
                try:
                    yield Tx(conn, self.connection, self.utcnow())
                finally:
                    conn.exec_driver_sql("PRAGMA query_only=OFF")

    def exists(self) -> bool:
        """Whether there is a database. A SQLite file is made by the first connection."""
        return self.path is None or (self.path.exists() and self.path.stat().st_size > 0)

    def close(self) -> None:
        """Close all database connections. A SQLite file is then whole without its WAL."""
        self.engine.dispose()


def _utcnow() -> datetime:
    return datetime.now(UTC)


def open_mirror(
    url: str,
    *,
    connection: str = "default",
    utcnow: Callable[[], datetime] = _utcnow,
    verify: bool = True,
) -> Mirror:
    """Open the database at `url` and make sure that it can be used; its schema is not looked at.

    Args:
        url: sqlite:///path, postgresql://…, postgres://… or postgresql+psycopg://….
        verify: read the whole SQLite file for damage (about a second for each gigabyte).

    Raises:
        ConfigurationError: the URL is malformed or names a database we do not know.
        MirrorUnavailable: it cannot be opened or reached.
        MirrorContentError: the file is not a database, or is damaged.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "").absolute()
        where = f"the mirror {path}"
        _look_at_file(path)
        mirror = Mirror(_sqlite_engine(path), connection, utcnow, where, path)
    else:
        where = f"the mirror {parsed.set(query={}).render_as_string(hide_password=True)}"
        mirror = Mirror(_postgresql_engine(parsed), connection, utcnow, where, None)
    try:
        if mirror.exists():
            _try(mirror, verify=verify)
    except BaseException:
        mirror.close()
        raise
    return mirror


def parse_url(url: str) -> URL:
    """The database URL, its driver filled in. Raises ConfigurationError without quoting it."""
    try:
        parsed = make_url(url.strip())
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigurationError(
            "SYNCD_DATABASE_URL is not a database URL; "
            "write sqlite:///path/to/file or postgresql://user@host/database"
        ) from None
    scheme = parsed.drivername
    if scheme in {"sqlite", "sqlite+pysqlite"}:
        name = parsed.database or ""
        if name in {"", ":memory:"} or name.startswith("file:") or parsed.query or parsed.host:
            raise ConfigurationError(
                "SYNCD_DATABASE_URL has to name a plain file: sqlite:///relative/path or "
                "sqlite:////absolute/path (the mirror outlives the process)"
            )
        return parsed
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise ConfigurationError(
        f"SYNCD_DATABASE_URL begins with {scheme}://; "
        "the mirror can be sqlite:///… or postgresql://…"
    )


def _look_at_file(path: Path) -> None:
    """Say what is wrong with a path more plainly than SQLite does ("unable to open")."""
    if path.is_dir():
        raise ConfigurationError(f"SYNCD_DATABASE_URL names a directory, not a file: {path}")
    if not path.exists():
        if not path.parent.is_dir():
            raise MirrorUnavailable(f"the mirror's directory does not exist: {path.parent}")
        if not os.access(path.parent, os.W_OK):
            raise MirrorUnavailable(
                f"the mirror's directory cannot be written by uid {os.geteuid()}: {path.parent}"
            )
        return
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE_HEADER))
    except OSError as error:
        raise MirrorUnavailable(
            f"the mirror {path} cannot be read by uid {os.geteuid()}: {error.strerror}"
        ) from error
    if head and head != _SQLITE_HEADER:
        raise MirrorContentError(
            f"{path} is not a SQLite database; name another file in SYNCD_DATABASE_URL"
        )


def _try(mirror: Mirror, *, verify: bool) -> None:
    with mirror.read() as tx:
        if mirror.path is None:
            tx.conn.execute(sa.text("SELECT 1"))
        elif verify:
            found = tx.conn.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if found != "ok":
                raise MirrorContentError(
                    f"{mirror.where} is damaged ({found}); put a backup in its place, or move it "
                    "away and rebuild it with `syncd links relink`"
                )


# ── engines ──────────────────────────────────────────────────────────────────────────────


def _sqlite_engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None},
        hide_parameters=True,
        json_serializer=dump_json,
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: Any) -> None:
        _use_wal(raw)
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(conn: sa.Connection) -> None:
        conn.exec_driver_sql(conn.get_execution_options().get("begin", "BEGIN"))

    return engine


def _use_wal(raw: sqlite3.Connection) -> None:
    """Turn WAL on. While another process does the same, SQLite says "locked" without waiting.

    A database that cannot be written stays in the mode it is in: it can still be read.
    """
    ends = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                return
            busy = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            if not busy or time.monotonic() >= ends:
                raise
            time.sleep(0.05)
        else:
            return


def _postgresql_engine(url: URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "syncd",
            "client_encoding": "utf8",
            # A peer that has vanished without a word is noticed after half a minute.
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        },
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=dump_json,
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: Any) -> None:
        with raw.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute("SET lock_timeout = '10s'")
            # An intent has to be on the disk before its write is sent.
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
        raw.commit()

    return engine
