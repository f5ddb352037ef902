"""A driver's error as one of ours, with whether an interrupted write may have been committed."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from syncd.errors import (
    ConfigurationError,
    CredentialsRefused,
    Refused,
    SyncdError,
    UnexpectedContent,
    Unreachable,
)

SETTING = "SYNCD_CMMS_URL"
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
_POSTGRES_FOREIGN = {"0A", "3F", "42"}  # no such table, no such column
_POSTGRES_ROLLED_BACK = {"40", "53", "55"}
_POSTGRES_UNKNOWN_OUTCOME = "40003"
_POSTGRES_NOT_POSSIBLE = "55000"  # such as a view that cannot be written to
# https://mariadb.com/kb/en/mariadb-error-code-reference/
_MYSQL_DENIED = {1044, 1045, 1142, 1143, 1227, 1290, 1370, 1698, 1792}
_MYSQL_FOREIGN = {1046, 1049, 1054, 1064, 1146, 1356}
_MYSQL_REFUSED = {1062, 1048, 1264, 1292, 1364, 1366, 1406, 1451, 1452, 1644, 3819, 4025}
_MYSQL_ROLLED_BACK = {1205, 1213}
# libpq gives no code before a session has begun, so these are known by their text. A server that
# speaks another language is then unreachable, which is retried.
_NO_CREDENTIALS = re.compile(
    r'password authentication failed|no password supplied|pg_hba\.conf|role ".*" does not exist'
)
_NO_SUCH_OPTION = ("invalid URI query parameter", "invalid connection option")


class SqlErrors:
    """Turns one database's errors into those of `syncd.errors`.

    Args:
        where: the database as the operator may see it.
        backend: SQLAlchemy's name of it: sqlite, postgresql, mariadb and so on.
    """

    def __init__(self, where: str, backend: str) -> None:
        self._where = where
        self._backend = backend

    @contextmanager
    def translating(self, committing: list[bool] | None = None) -> Iterator[None]:
        """Raise our errors in place of the database's. Any other error passes: it is a bug.

        Args:
            committing: not empty once a commit was begun; None: the transaction only reads.
        """
        try:
            yield
        except UnicodeEncodeError as error:
            raise self._refused("a text holds half a surrogate pair") from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            ours = self._translated(error, open_outcome=bool(committing))
            if ours is None:
                raise
            if committing is None and isinstance(ours, Refused):
                # Nothing was to be written, so a value in the database cannot be read.
                ours = UnexpectedContent(str(ours), side="cmms", may_have_applied=False)
            raise ours from error

    def _translated(
        self, error: SQLAlchemyError | sqlite3.Error, *, open_outcome: bool
    ) -> SyncdError | None:
        if isinstance(error, NoFreeConnection):
            return self._unreachable("no connection is free", open_outcome)
        cause = error.orig if isinstance(error, DBAPIError) else error
        message = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        if isinstance(cause, sqlite3.Error):
            return self._of_sqlite(cause, message, open_outcome)
        if isinstance(error, DBAPIError):
            return self._of_server(error, message, open_outcome)
        return None

    def _of_sqlite(
        self, cause: sqlite3.Error, message: str, open_outcome: bool
    ) -> SyncdError | None:
        code = getattr(cause, "sqlite_errorcode", None)
        if code is None:
            return None
        code &= 0xFF
        if code in _SQLITE_DENIED:
            return self._denied(f"{message}: uid {os.geteuid()} may not write to it or its folder")
        if code in _SQLITE_FOREIGN:
            return self._foreign(message, open_outcome)
        if code in _SQLITE_REFUSED:
            return self._refused(message)
        # A commit that waited for a lock in vain was rolled back.
        return self._unreachable(message, open_outcome and code not in _SQLITE_LOCKED)

    def _of_server(self, error: DBAPIError, message: str, open_outcome: bool) -> SyncdError | None:
        if self._backend in {"mariadb", "mysql"}:
            number = next(iter(getattr(error.orig, "args", ())), None)
            return self._of_mysql(error, number, message, open_outcome)
        code = str(getattr(error.orig, "sqlstate", None) or "")
        kind = code[:2]
        if code in _POSTGRES_DENIED:
            return self._denied(f"{message}: this user may not do that there")
        if kind == "28" or (not code and _NO_CREDENTIALS.search(message)):
            return self._denied(f"{message}: check the user and the password in {SETTING}")
        if kind in _POSTGRES_REFUSED or isinstance(error, IntegrityError | DataError):
            return self._refused(message)
        if kind in _POSTGRES_FOREIGN or code == _POSTGRES_NOT_POSSIBLE:
            return self._foreign(message, open_outcome)
        if isinstance(error, ProgrammingError) and message.startswith(_NO_SUCH_OPTION):
            return ConfigurationError(f"{SETTING}: {message}")
        if (
            code
            or error.connection_invalidated
            or isinstance(error, OperationalError | InterfaceError)
        ):
            rolled_back = kind in _POSTGRES_ROLLED_BACK and code != _POSTGRES_UNKNOWN_OUTCOME
            return self._unreachable(message, open_outcome and not rolled_back)
        return None

    def _of_mysql(
        self, error: DBAPIError, number: object, message: str, open_outcome: bool
    ) -> SyncdError | None:
        if number in _MYSQL_DENIED:
            return self._denied(f"{message}: check the user, the password and the grants")
        if number in _MYSQL_REFUSED or isinstance(error, IntegrityError | DataError):
            return self._refused(message)
        if number in _MYSQL_FOREIGN:
            return self._foreign(message, open_outcome)
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            return self._unreachable(message, open_outcome and number not in _MYSQL_ROLLED_BACK)
        return None

    def _unreachable(self, message: str, open_outcome: bool) -> Unreachable:
        return Unreachable(f"{self._where}: {message}", side="cmms", may_have_applied=open_outcome)

    def _denied(self, message: str) -> CredentialsRefused:
        return CredentialsRefused(f"{self._where}: {message}", side="cmms")

    def _refused(self, message: str) -> Refused:
        return Refused(f"{self._where}: {message}", side="cmms")

    def _foreign(self, message: str, open_outcome: bool) -> UnexpectedContent:
        text = f"{self._where}: {message}"
        return UnexpectedContent(text, side="cmms", may_have_applied=open_outcome)
