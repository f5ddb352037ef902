"""The database of the `sql` adapter: its connections and transactions.

SQLite: each transaction has a connection of its own, and the file has to exist. So syncd notices
a file that was moved away or restored, and never writes to the old one. Readers use BEGIN and may
not write. Writers use BEGIN IMMEDIATE: a deferred transaction that reads first fails at once when
it comes to write, whatever the busy timeout.
PostgreSQL: psycopg 3, with limits on connecting, on locks and on statements. A value that Python
has none for is read as its text (`loaders`).
MariaDB and MySQL: PyMySQL, in strict mode, so that the server cuts no value without an error.
SQL Server and Oracle: SQLAlchemy's defaults.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import UserDefinedType

from syncd.cmms.sql.errors import SETTING, SqlErrors
from syncd.cmms.sql.loaders import read_all_values
from syncd.core.database_url import stray_at
from syncd.errors import ConfigurationError, Unreachable

_EXAMPLES = "use sqlite:///path/to/cmms.db or postgresql://user:password@host/name"
LOCK_TIMEOUT_S = 5.0
_STATEMENT_TIMEOUT_MS = 30_000
_RACY_S = 2.0  # seconds; the coarsest time stamps of file systems in use
_POSTGRES_ARGUMENTS = {
    "connect_timeout": 10,  # seconds
    "application_name": "syncd",
    "client_encoding": "utf8",
    # A server that vanished is noticed after half a minute, not after hours.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# By the name in the URL: SQLAlchemy's dialect and driver, and the extra that installs the driver.
_DRIVERS = {
    "mariadb": ("mariadb+pymysql", "mariadb"),
    "mysql": ("mysql+pymysql", "mariadb"),
    "mssql": ("mssql+pymssql", "mssql"),
    "oracle": ("oracle+oracledb", "oracle"),
}
# The server's clock as a time of UTC without an offset, by SQLAlchemy's name of the dialect.
_NOW = {
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "mysql": "SELECT utc_timestamp()",
    "mariadb": "SELECT utc_timestamp()",
    "mssql": "SELECT sysutcdatetime()",
    "oracle": "SELECT CAST(sys_extract_utc(systimestamp) AS DATE) FROM dual",
}
_ANSWER_S = 60.0  # for an answer of MariaDB and MySQL, and what other servers may take
_MYSQL_ARGUMENTS = {"connect_timeout": 10, "read_timeout": _ANSWER_S, "write_timeout": _ANSWER_S}


class AsIs(UserDefinedType[Any]):
    """A column type whose values are passed between us and the driver unchanged.

    A number is written as text, which SQLite and PostgreSQL turn into a number without a float in
    between. The statement has no cast, so a column that people made may have another type, such
    as TIMESTAMPTZ.
    """

    cache_ok = True

    def __init__(self, spec: str) -> None:
        self.spec = spec

    def get_col_spec(self, **_kw: Any) -> str:
        return self.spec


class Database:
    """One database and its transactions. Every error is one of `syncd.errors`, or a bug.

    Args:
        url: the database's URL, as SQLAlchemy spells it.
        may_write: whether `writing` may be called.
        lock_timeout_s: how long to wait for a locked file, table or row.

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

    @property
    def longest_request_s(self) -> float:
        """How long a statement may be at work although nobody waits for it. A SQLite file is
        written by this process alone, which is alive or dead."""
        if self.path is not None:
            return 0.0
        return _STATEMENT_TIMEOUT_MS / 1000 if self.dialect == "postgresql" else _ANSWER_S

    def is_absent(self) -> bool:
        """Whether it is a file that does not exist yet.

        Raises Unreachable if its folder does not exist, or is closed to us.
        """
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
        """Create the SQLite file, in WAL mode: people can then read while we write."""
        # Another process may create and lock the file in the same moment; it then keeps the mode
        # that it has. Any other error comes again when the table is created, and is raised there.
        with (
            self._errors.translating(),
            closing(self._open("rwc")) as dbapi,
            suppress(sqlite3.OperationalError),
        ):
            dbapi.execute("PRAGMA journal_mode = WAL")

    def file_version(self, now: float) -> str | None:
        """A text that changes with every commit to the SQLite file, by anybody.

        None if it is not known: another database, or a file that was written to just now.

        A commit writes to the file, its journal or its WAL, which changes a time stamp. The time
        stamps of a file system are coarse, so a file that was written to within the last seconds
        may be written to again with the same stamp. SQLite's own data_version would need a
        connection that stays open. The WAL would then never be folded back into the file, and a
        copy that people make of the file alone would lack it.
        """
        if self.path is None:
            return None
        parts = []
        for suffix in ("", "-journal", "-wal"):
            try:
                status = os.stat(f"{self.path}{suffix}")
            except FileNotFoundError:
                parts.append("-")
                continue
            except OSError:
                return None
            if now - max(status.st_mtime, status.st_ctime) < _RACY_S:
                return None
            parts.append(f"{status.st_dev}.{status.st_ino}.{status.st_size}.{status.st_mtime_ns}")
            parts.append(str(status.st_ctime_ns))
        return " ".join(parts)

    def now(self) -> datetime | None:
        """The server's clock, in UTC; None on SQLite, which has ours."""
        statement = _NOW.get(self.dialect)
        if statement is None:
            return None
        with self.reading() as conn:
            moment = conn.exec_driver_sql(statement).scalar_one()
        return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        with self._errors.translating(), self._engine.connect() as conn, conn.begin():
            if self.path is not None:
                conn.exec_driver_sql("PRAGMA query_only = ON")
                conn.exec_driver_sql("BEGIN")
            elif conn.dialect.name == "postgresql":
                # Not postgresql_readonly: once set, the connection's next transaction is READ
                # WRITE, even where the database or the user is read-only by default.
                conn.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes all or nothing.

        After an error before the commit nothing was written. An error of the commit itself may
        leave that open: its `may_have_applied` says so.
        """
        if not self._may_write:
            raise RuntimeError("a command that may not write tried to write")
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
            isolation_level=None,  # we send BEGIN ourselves
            check_same_thread=False,
        )
        dbapi.text_factory = _text
        return dbapi


def _parse_url(text: str) -> URL:
    if (remedy := stray_at(text)) is not None:
        raise ConfigurationError(f"{SETTING}: {remedy}")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"{SETTING} is not a database URL; {_EXAMPLES}") from None
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
            read_all_values(dbapi)
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
    """Decode a text; its bytes if it is no UTF-8: then one field is unreadable, not the table."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
