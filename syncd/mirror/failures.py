"""From a database's errors to ours: what can only be waited for, and what a person mends."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from syncd.errors import MirrorContentError, MirrorUnavailable, SyncdError

REBUILD = (
    "put a backup in its place, or move it away and rebuild it with `syncd links relink` "
    "(nothing on either side is lost)"
)
_UPGRADE = "run `syncd db upgrade`"

# https://sqlite.org/rescode.html, primary codes
_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_PERM: "is not permitted to uid {uid}",
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another process",
    sqlite3.SQLITE_NOMEM: "has no memory left",
    sqlite3.SQLITE_READONLY: "is read-only for uid {uid}",
    sqlite3.SQLITE_IOERR: "met a disk error",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened by uid {uid}",
    sqlite3.SQLITE_PROTOCOL: "is locked by another process",
}
_SQLITE_CONTENT = {
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database",
    sqlite3.SQLITE_FORMAT: "is not a SQLite database",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html, classes and codes
_POSTGRESQL_UNAVAILABLE = {
    "08": "cannot be reached",
    "25006": "is read-only",
    "28": "refused the credentials",
    "3D": "does not exist",
    "40": "was written by another process at the same time",
    "42501": "does not permit it",
    "53100": "cannot grow: the disk is full",
    "53": "is out of resources",
    "55P03": "is locked by another process",
    "57": "is shutting down or was interrupted",
    "58": "met a disk error",
}
_POSTGRESQL_CONTENT = {"XX001": "is damaged", "XX002": "is damaged"}
_NO_SUCH_COLUMN = ("42P01", "42703")


@contextmanager
def mapped_errors(where: str) -> Iterator[None]:
    """Turn what SQLAlchemy raises into ours. What is none of them is a bug and stays as it is.

    Args:
        where: the subject of the sentences, "the mirror /data/syncd.db".
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        ours = translate(error, where)
        if ours is None:
            raise
        raise ours from error
    except sa.exc.TimeoutError as error:
        raise MirrorUnavailable(f"{where} has no free connection left") from error


def translate(error: sa.exc.DBAPIError, where: str) -> SyncdError | None:
    """Our error for a driver's error; None if it shows a bug of ours."""
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig, where)
    return _of_postgresql(error, where)


def _of_sqlite(error: sqlite3.Error, where: str) -> SyncdError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_UNAVAILABLE:
        what = _SQLITE_UNAVAILABLE[code].format(uid=os.geteuid())
        return MirrorUnavailable(f"{where} {what} ({error})")
    if code in _SQLITE_CONTENT:
        return MirrorContentError(f"{where} {_SQLITE_CONTENT[code]} ({error}); {REBUILD}")
    if str(error).startswith(("no such table", "no such column")) or "has no column" in str(error):
        return MirrorContentError(f"{where} lacks what this syncd needs ({error}); {_UPGRADE}")
    return None


def _of_postgresql(error: sa.exc.DBAPIError, where: str) -> SyncdError | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    said = str(error.orig).strip().splitlines()
    detail = f" ({said[0]})" if said else ""
    for table, made in (
        (_POSTGRESQL_CONTENT, MirrorContentError),
        (_POSTGRESQL_UNAVAILABLE, MirrorUnavailable),
    ):
        for key in (state, state[:2]):
            if key in table:
                return made(f"{where} {table[key]}{detail}")
    if state in _NO_SUCH_COLUMN:
        return MirrorContentError(f"{where} lacks what this syncd needs{detail}; {_UPGRADE}")
    # psycopg gives no state where it never reached a server, or lost it.
    lost = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
    if error.connection_invalidated or (not state and lost):
        return MirrorUnavailable(f"{where} cannot be reached{detail}")
    return None
