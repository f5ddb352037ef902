"""The database below the `sql` adapter: how it is opened, transactions, whose fault an error is.

SQLite: a connection for each transaction, on a file that has to be there, so that a file that
was moved away or restored meanwhile is noticed and never written to unseen. Readers say BEGIN
and may not write; writers say BEGIN IMMEDIATE, since a deferred transaction that reads first
fails at once when it comes to write, whatever the busy timeout. PostgreSQL: psycopg 3, with
limits on connecting, on locks and on statements. MariaDB and MySQL: PyMySQL, with strict mode, so
that nothing is cut unseen. SQL Server and Oracle: what SQLAlchemy makes of them.
"""

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import NullPool

from syncd.errors import (
    ConfigurationError,
    CredentialsRefused,
    Refused,
    SyncdError,
    UnexpectedContent,
    Unreachable,
)

_SETTING = "SYNCD_CMMS_URL"
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

# https://sqlite.org/rescode.html, primary codes
_SQLITE_DENIED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_SQLITE_FOREIGN = {
    sqlite3.SQLITE_ERROR,  # no such table, no such column
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FORMAT,
}
_SQLITE_REFUSED = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}
_SQLITE_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# https://www.postgresql.org/docs/current/errcodes-appendix.html, codes and their classes
_POSTGRES_DENIED = {"42501", "25006"}
_POSTGRES_REFUSED = {"22", "23", "44", "P0"}  # P0: an exception that a trigger raised
_POSTGRES_FOREIGN = {"0A", "3F", "42"}
_POSTGRES_ROLLED_BACK = {"40", "53", "55"}
_POSTGRES_UNKNOWN_OUTCOME = "40003"
_POSTGRES_NO_SUCH_ACT = "55000"  # a view that cannot be written to, say
# https://mariadb.com/kb/en/mariadb-error-code-reference/
_MYSQL_DENIED = {1044, 1045, 1142, 1143, 1227, 1290, 1370, 1698, 1792}
_MYSQL_FOREIGN = {1046, 1049, 1054, 1064, 1146, 1356}
_MYSQL_REFUSED = {1062, 1048, 1264, 1292, 1364, 1366, 1406, 1451, 1452, 1644, 3819, 4025}
_MYSQL_ROLLED_BACK = {1205, 1213}
# Drivers that are asked for by the name of the extra that brings them.
_DRIVERS = {
    "mariadb": ("mariadb+pymysql", "mariadb"),
    "mysql": ("mysql+pymysql", "mariadb"),
    "mssql": ("mssql+pymssql", "mssql"),
    "oracle": ("oracle+oracledb", "oracle"),
}
_MYSQL_ARGUMENTS = {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60}  # seconds
# Before a session has begun, libpq tells no code; and the server speaks its own language only
# for what is not one of these, in which case it is merely unreachable.
_NO_CREDENTIALS = re.compile(
    r'password authentication failed|no password supplied|pg_hba\.conf|role ".*" does not exist'
)
_NO_SUCH_OPTION = ("invalid URI query parameter", "invalid connection option")


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
            self._translating(),
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
        with self._translating(), self._engine.connect() as conn, conn.begin():
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
        with self._translating(committing), self._engine.connect() as conn, conn.begin():
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

    # ── errors ────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _translating(self, committing: list[bool] | None = None) -> Iterator[None]:
        """Raise our errors in place of the database's; what is neither is a bug of ours."""
        try:
            yield
        except UnicodeEncodeError as error:
            raise self._refused("a text holds half a surrogate pair") from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            ours = self._translated(error, open_outcome=bool(committing))
            if ours is None:
                raise
            if committing is None and isinstance(ours, Refused):
                # Nobody asked to write: what is there cannot be read, text in no encoding say.
                ours = UnexpectedContent(str(ours), side="cmms", may_have_applied=False)
            raise ours from error

    def _translated(
        self, error: SQLAlchemyError | sqlite3.Error, *, open_outcome: bool
    ) -> SyncdError | None:
        if isinstance(error, NoFreeConnection):
            return self._unreachable("no connection is free", open_outcome)
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        if isinstance(cause, sqlite3.Error):
            return self._of_sqlite(cause, said, open_outcome)
        if isinstance(error, DBAPIError):
            return self._of_server(error, said, open_outcome)
        return None

    def _of_sqlite(self, cause: sqlite3.Error, said: str, open_outcome: bool) -> SyncdError | None:
        code = getattr(cause, "sqlite_errorcode", None)
        if code is None:
            return None
        code &= 0xFF
        if code in _SQLITE_DENIED:
            return self._denied(f"{said}: uid {os.geteuid()} may not write to it or its folder")
        if code in _SQLITE_FOREIGN:
            return self._foreign(said, open_outcome)
        if code in _SQLITE_REFUSED:
            return self._refused(said)
        # A lock that a commit waited for in vain has rolled it back.
        return self._unreachable(said, open_outcome and code not in _SQLITE_LOCKED)

    def _of_server(self, error: DBAPIError, said: str, open_outcome: bool) -> SyncdError | None:
        if self._url.get_backend_name() in {"mariadb", "mysql"}:
            number = next(iter(getattr(error.orig, "args", ())), None)
            return self._of_mysql(error, number, said, open_outcome)
        code = str(getattr(error.orig, "sqlstate", None) or "")
        kind = code[:2]
        if code in _POSTGRES_DENIED:
            return self._denied(f"{said}: this user may not do that there")
        if kind == "28" or (not code and _NO_CREDENTIALS.search(said)):
            return self._denied(f"{said}: check the user and the password in {_SETTING}")
        if kind in _POSTGRES_REFUSED or isinstance(error, IntegrityError | DataError):
            return self._refused(said)
        if kind in _POSTGRES_FOREIGN or code == _POSTGRES_NO_SUCH_ACT:
            return self._foreign(said, open_outcome)
        if isinstance(error, ProgrammingError) and said.startswith(_NO_SUCH_OPTION):
            return ConfigurationError(f"{_SETTING}: {said}")
        if (
            code
            or error.connection_invalidated
            or isinstance(error, OperationalError | InterfaceError)
        ):
            rolled_back = kind in _POSTGRES_ROLLED_BACK and code != _POSTGRES_UNKNOWN_OUTCOME
            return self._unreachable(said, open_outcome and not rolled_back)
        return None

    def _of_mysql(
        self, error: DBAPIError, number: object, said: str, open_outcome: bool
    ) -> SyncdError | None:
        if number in _MYSQL_DENIED:
            return self._denied(f"{said}: check the user, the password and the grants")
        if number in _MYSQL_REFUSED or isinstance(error, IntegrityError | DataError):
            return self._refused(said)
        if number in _MYSQL_FOREIGN:
            return self._foreign(said, open_outcome)
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            return self._unreachable(said, open_outcome and number not in _MYSQL_ROLLED_BACK)
        return None

    def _unreachable(self, said: str, open_outcome: bool) -> Unreachable:
        return Unreachable(f"{self.where}: {said}", side="cmms", may_have_applied=open_outcome)

    def _denied(self, said: str) -> CredentialsRefused:
        return CredentialsRefused(f"{self.where}: {said}", side="cmms")

    def _refused(self, said: str) -> Refused:
        return Refused(f"{self.where}: {said}", side="cmms")

    def _foreign(self, said: str, open_outcome: bool) -> UnexpectedContent:
        text = f"{self.where}: {said}"
        return UnexpectedContent(text, side="cmms", may_have_applied=open_outcome)


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"{_SETTING} is not a database URL; {_EXAMPLES}") from None
    if "@" in (url.host or ""):
        # The host would be shown, and this one starts with the end of a password.
        raise ConfigurationError(f"{_SETTING}: write an @ in the user or the password as %40")
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
            raise ConfigurationError(f"{_SETTING} names no plain file; use sqlite:///path/cmms.db")
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
            f"{_SETTING}: there is no driver for {url.drivername} here; {remedy}"
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
