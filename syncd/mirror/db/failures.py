"""Translate a database's errors into ours.

    MirrorUnavailable    time may mend it: a lock, a lost connection, a full disk
    MirrorContentError   a person has to mend it: damage, missing tables

Any other error shows a bug of ours and is raised as it is.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from syncd.errors import MirrorContentError, MirrorUnavailable

REBUILD = (
    "Restore a backup, or move the file away: a new mirror is rebuilt from both sides by "
    "`syncd links relink`, without creating anything twice"
)
_UPGRADE = "`syncd db upgrade` may mend it. Else: " + REBUILD[0].lower() + REBUILD[1:]

# https://sqlite.org/rescode.html, primary codes
_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_PERM: "uid {uid} may not use it",
    sqlite3.SQLITE_BUSY: "another process has locked it",
    sqlite3.SQLITE_LOCKED: "another process has locked it",
    sqlite3.SQLITE_NOMEM: "no memory is left",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only for uid {uid}",
    sqlite3.SQLITE_IOERR: "the disk met an error",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "does its folder exist, and may uid {uid} write there?",
    sqlite3.SQLITE_PROTOCOL: "another process has locked it",
}
_SQLITE_CONTENT = {
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database",
    sqlite3.SQLITE_FORMAT: "is not a SQLite database",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html, codes and their classes
_POSTGRES_UNAVAILABLE = {
    "08": "it cannot be reached",
    "25006": "it is read-only",
    "28": "it refused the credentials",
    "3D": "there is no such database",
    "40": "another process wrote at the same time",
    "42501": "the user may not do that there",
    "53100": "the disk is full",
    "53": "it is out of resources",
    "55P03": "another process has locked it",
    "57": "it is shutting down or was interrupted",
    "58": "its disk met an error",
}
_POSTGRES_DAMAGED = {"XX001", "XX002"}
_POSTGRES_UNDEFINED = {"42P01", "42703"}


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise our errors in place of the database's. Their texts hold no SQL, value or password.

    Args:
        where: the database as the operator may see it.
    """
    try:
        yield
    except DBAPIError as error:
        ours = translate(error, where)
        if ours is None:
            raise
        raise ours from error
    except sqlite3.Error as error:  # from statements that went to the driver directly
        ours = _of_sqlite(error, where)
        if ours is None:
            raise
        raise ours from error
    except NoFreeConnection as error:
        raise MirrorUnavailable(f"the mirror {where} has no free connection left") from error


def translate(error: DBAPIError, where: str) -> MirrorUnavailable | MirrorContentError | None:
    """Our error for the driver's; None if it shows a bug of ours."""
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig, where)
    return _of_postgres(error, where)


def _of_sqlite(error: sqlite3.Error, where: str) -> MirrorUnavailable | MirrorContentError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_UNAVAILABLE:
        return _unavailable(where, str(error), _SQLITE_UNAVAILABLE[code].format(uid=os.geteuid()))
    if code in _SQLITE_CONTENT:
        return MirrorContentError(f"{where} {_SQLITE_CONTENT[code]} ({error}). {REBUILD}")
    message = str(error)
    # SQLite may also report a missing table if the first pages of the file are damaged.
    if message.startswith(("no such table", "no such column")) or "has no column named" in message:
        return MirrorContentError(f"{where} lacks what this syncd needs ({message}). {_UPGRADE}")
    return None


def _of_postgres(error: DBAPIError, where: str) -> MirrorUnavailable | MirrorContentError | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    message = next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
    for key in (state, state[:2]):
        if key in _POSTGRES_UNAVAILABLE:
            return _unavailable(where, message, _POSTGRES_UNAVAILABLE[key])
    if state in _POSTGRES_DAMAGED:
        return MirrorContentError(f"{where} is damaged ({message}). {REBUILD}")
    if state in _POSTGRES_UNDEFINED:
        return MirrorContentError(f"{where} lacks what this syncd needs ({message}). {_UPGRADE}")
    # psycopg gives no state if it never reached a server, or lost it.
    lost = not state and isinstance(error, OperationalError | InterfaceError)
    if lost or error.connection_invalidated:
        return _unavailable(where, message, "it cannot be reached")
    return None


def _unavailable(where: str, message: str, meaning: str) -> MirrorUnavailable:
    return MirrorUnavailable(f"the mirror {where} cannot be used: {meaning} ({message})")
