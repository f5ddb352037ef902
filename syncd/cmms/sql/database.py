"""The database below the `sql` adapter: how it is opened, and its transactions.

SQLite: a connection for each transaction, on a file that has to be there, so that a file that
was moved away or restored meanwhile is noticed and never written to unseen. Readers say BEGIN
and may not write; writers say BEGIN IMMEDIATE, since a deferred transaction that reads first
fails at once when it comes to write, whatever the busy timeout. PostgreSQL: psycopg 3, with
limits on connecting, on locks and on statements. MariaDB and MySQL: PyMySQL, with strict mode, so
that nothing is cut unseen. SQL Server and Oracle: what SQLAlchemy makes of them.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from syncd.cmms.sql.errors import SETTING, SqlErrors
from syncd.errors import ConfigurationError, Unreachable

_EXAMPLES = "use sqlite:///path/to/cmms.db or postgresql://user:password@host/name"
LOCK_TIMEOUT_S = 5.0
_STATEMENT_TIMEOUT_MS = 30_000
_RACY_S = 2.0  # the coarsest time stamps of file systems in use
_POSTGRES_ARGUMENTS = {
    "connect_timeout": 10,  # seconds
    "application_name": "syncd",
    "client_encoding": "utf8",
    # A peer that has vanished without a word is noticed after half a minute, not after hours.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# Drivers that are asked for by the name of the extra that brings them.
_DRIVERS = {
    "mariadb": ("mariadb+pymysql", "mariadb"),
    "mysql": ("mysql+pymysql", "mariadb"),
    "mssql": ("mssql+pymssql", "mssql"),
    "oracle": ("oracle+oracledb", "oracle"),
}
_MYSQL_ARGUMENTS = {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60}  # seconds


class Database:
    """One database and its transactions. Every error is one of `syncd.errors`, or a bug.

    Args:
        url: as SQLAlchemy spells it.
        may_write: without it, `writing` is a bug of the caller's.
        lock_timeout_s: how long a locked file, table or row is waited for.

    Raises:
        ConfigurationError: the URL is malformed, or there is no driver for it.
    """

    def __init__(
        self, url: str, *, may_write: bool, lock_timeout_s: float = LOCK_TIMEOUT_S
    ) -> None:
        self._url = _parse_url(url)
        self._may_write = may_write
        self._lock_timeout_s = lock_timeout_s
        sqlite = self._url.get_backend_name() == "sqlite"
        name = str(self._url.database).removeprefix("file:")
        self.path = Path(name) if sqlite else None
        self._errors = SqlErrors(self.where, self._url.get_backend_name())
        self._engine = self._sqlite() if sqlite else _server(self._url, lock_timeout_s)

    @property
    def where(self) -> str:
        """The database as the operator may see it: never a password."""
        if self.path is not None:
            return str(self.path)
        return self._url.set(query={}).render_as_string(hide_password=True)

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    def is_absent(self) -> bool:
        """Whether it is a file that is not there yet. Raises Unreachable if its folder is not."""
        if self.path is None or os.path.exists(self.path):
            return False
        if not os.access(self.path.parent, os.X_OK):
            raise Unreachable(
                f"{self.where}: its folder does not exist, or is closed to uid {os.geteuid()}",
                side="cmms",
                may_have_applied=False,
            )
        return True

    def make_file(self) -> None:
        """Make the SQLite file, in WAL mode: people then read while we write."""
        # Whoever made it in the same moment may hold it: it then keeps the mode it has. What else
        # goes wrong here does so again when the table is made, and is told then.
        with (
            self._errors.translating(),
            closing(self._open("rwc")) as dbapi,
            suppress(sqlite3.OperationalError),
        ):
            dbapi.execute("PRAGMA journal_mode = WAL")

    def file_version(self, now: float) -> str | None:
        """A text that is another one after every commit to the SQLite file, whoever's it is;
        None where that cannot be told.

        Whoever commits writes to the file, its journal or its WAL, which moves a time stamp.
        The system's stamps are milliseconds apart, so a file that was written to within the last
        seconds may be written to again unseen. A connection kept open could tell by SQLite's
        own data_version; but then the WAL would never be folded back into the file, and a copy
        that people make of the file alone would lack it.
        """
        if self.path is None:
            return None
        parts = []
        for suffix in ("", "-journal", "-wal"):
            try:
                told = os.stat(f"{self.path}{suffix}")
            except FileNotFoundError:
                parts.append("-")
                continue
            except OSError:
                return None
            if now - max(told.st_mtime, told.st_ctime) < _RACY_S:
                return None
            parts.append(f"{told.st_dev}.{told.st_ino}.{told.st_size}.{told.st_mtime_ns}")
            parts.append(str(told.st_ctime_ns))
        return " ".join(parts)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that only reads."""
        with self._errors.translating(), self._engine.connect() as conn, conn.begin():
            if self.path is not None:
                conn.exec_driver_sql("PRAGMA query_only = ON")
                conn.exec_driver_sql("BEGIN")
            elif conn.dialect.name == "postgresql":
                # Not postgresql_readonly: given back, it begins the next transaction READ WRITE,
                # where the database's or the user's own default may be read-only.
                conn.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all or nothing. An error while it commits leaves the outcome open."""
        if not self._may_write:
            raise RuntimeError("a command that may not write tried to")
        committing: list[bool] = []
        with self._errors.translating(committing), self._engine.connect() as conn, conn.begin():
            if self.path is not None:
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            yield conn
            committing.append(True)

    def close(self) -> None:
        self._engine.dispose()

    # ── opening ───────────────────────────────────────────────────────────────────────────

    def _sqlite(self) -> Engine:
        mode = "ro" if self._url.query.get("mode") == "ro" else "rw"
        return create_engine(
            "sqlite://", creator=lambda: self._open(mode), poolclass=NullPool, hide_parameters=True
        )

    def _open(self, mode: str) -> sqlite3.Connection:
        dbapi = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=self._lock_timeout_s,
            isolation_level=None,  # BEGIN is ours to say
            check_same_thread=False,
        )
        dbapi.text_factory = _text
        return dbapi


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"{SETTING} is not a database URL; {_EXAMPLES}") from None
    if "@" in (url.host or ""):
        # The host would be shown, and this one starts with the end of a password.
        raise ConfigurationError(f"{SETTING}: write an @ in the user or the password as %40")
    backend = url.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        name = (url.database or "").removeprefix("file:")
        plain = url.drivername in {"sqlite", "sqlite+pysqlite"} and not url.host
        options = dict(url.query)
        mode = options.pop("mode", "rw")
        options.pop("uri", None)
        if not plain or name in {"", ":memory:"} or mode not in {"ro", "rw"} or options:
            raise ConfigurationError(f"{SETTING} names no plain file; use sqlite:///path/cmms.db")
    if url.drivername in _DRIVERS:
        return url.set(drivername=_DRIVERS[url.drivername][0])
    return url


def _server(url: URL, lock_timeout_s: float) -> Engine:
    backend = url.get_backend_name()
    postgres, mysql = backend == "postgresql", backend in {"mariadb", "mysql"}
    ours: Mapping[str, object] = {}
    if postgres or url.drivername.endswith("+pymysql"):
        ours = _POSTGRES_ARGUMENTS if postgres else _MYSQL_ARGUMENTS
    try:
        engine = create_engine(
            url,
            pool_size=2,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={name: value for name, value in ours.items() if name not in url.query},
        )
    except (ModuleNotFoundError, SQLAlchemyError) as error:
        extra = _DRIVERS[backend][1] if backend in _DRIVERS else None
        remedy = f"install syncd[{extra}]" if extra is not None else _EXAMPLES
        raise ConfigurationError(
            f"{SETTING}: there is no driver for {url.drivername} here; {remedy}"
        ) from error

    if postgres:

        @event.listens_for(engine, "connect")
        def prepare(dbapi: Any, _record: Any) -> None:
            with dbapi.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = {round(lock_timeout_s * 1000)}")
                cursor.execute(f"SET statement_timeout = {_STATEMENT_TIMEOUT_MS}")
            dbapi.commit()

    if mysql:

        @event.listens_for(engine, "connect")
        def prepare_mysql(dbapi: Any, _record: Any) -> None:
            with closing(dbapi.cursor()) as cursor:
                cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {round(lock_timeout_s)}")
                cursor.execute(
                    "SET SESSION sql_mode = CONCAT_WS(',', @@sql_mode, 'STRICT_ALL_TABLES')"
                )
            dbapi.commit()

    return engine


def _text(raw: bytes) -> str | bytes:
    """Text that is not UTF-8 as its bytes: its field is unreadable then, and not the table."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
