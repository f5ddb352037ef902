"""Bring a mirror to the schema of this syncd, or say why not.

The steps are Alembic revisions in `migrations/versions`. They run in one transaction, after a
SQLite mirror that holds anything has been copied beside itself.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from syncd.errors import InputError, MirrorContentError, MirrorUnavailable
from syncd.mirror.database import Mirror, Tx
from syncd.mirror.failures import REBUILD
from syncd.mirror.tables import metadata

VERSION_TABLE = "syncd_version"  # not Alembic's own name: a neighbour may use that
_LOCK = 0x73796E6364  # "syncd": one upgrade at a time in a PostgreSQL database


def migrations_path() -> Path:
    """The folder of the revisions: in an installed wheel beside the code, else in the checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError("this syncd was installed without its migrations")


def head() -> str:
    """The revision that this syncd needs."""
    revision = _scripts().get_current_head()
    if revision is None:
        raise FileNotFoundError("this syncd was installed without its migrations")
    return revision


def current(mirror: Mirror) -> str | None:
    """The revision that the mirror has; None: it is empty.

    Raises:
        MirrorContentError: it is of a newer syncd, or not a mirror.
    """
    if not mirror.exists():
        return None
    with mirror.read() as tx:
        return _revision(tx, mirror.where)


def require(mirror: Mirror) -> None:
    """Make sure that the mirror can be read by this syncd, without changing it.

    Raises:
        MirrorContentError: it is empty, or of another schema; names the remedy.
    """
    revision = current(mirror)
    if revision is None:
        raise MirrorContentError(
            f"{mirror.where} is empty; `syncd run` or `syncd once` fills it"
        )
    if revision != head():
        raise MirrorContentError(
            f"{mirror.where} has schema {revision}, this syncd needs {head()}; "
            "run `syncd db upgrade`"
        )


def upgrade(mirror: Mirror) -> Path | None:
    """Bring the mirror to this syncd's schema; return the backup made before, if any.

    A mirror that has it already is left alone. One that cannot be upgraded stays as it was.

    Raises:
        MirrorContentError: it is of a newer syncd, or not a mirror.
        MirrorUnavailable: it, or its backup, cannot be written.
    """
    before = current(mirror)
    if before == head():
        return None
    copy = None
    if before is not None and mirror.path is not None:
        stamp = f"{mirror.utcnow():%Y%m%dT%H%M%SZ}"
        copy = backup(mirror, Path(f"{mirror.path}.backup-{before}-{stamp}"))
    with mirror.transaction() as tx:
        if mirror.path is None:
            tx.conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _revision(tx, mirror.where) != head():  # another process may have been quicker
            config = Config()
            config.set_main_option("script_location", str(migrations_path()).replace("%", "%%"))
            config.attributes["connection"] = tx.conn
            command.upgrade(config, "head")
            _write_comments(tx)
    return copy


def backup(mirror: Mirror, path: Path) -> Path:
    """Copy a SQLite mirror to `path` while it is in use, and make sure that the copy is whole.

    Raises:
        InputError: the file exists already, or the mirror is not SQLite.
        MirrorUnavailable: the copy cannot be written.
    """
    if mirror.path is None:
        raise InputError("only a SQLite mirror is copied; for PostgreSQL use pg_dump")
    if path.exists():
        raise InputError(f"{path} exists already")
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(mirror.path)) as source,
            closing(sqlite3.connect(unfinished)) as target,
        ):
            source.backup(target)
            # A copy stands alone: without this it would ask for a WAL beside it.
            target.execute("PRAGMA journal_mode=DELETE")
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise MirrorContentError(f"{mirror.where} is damaged ({found}); {REBUILD}")
        _sync(unfinished)
        os.replace(unfinished, path)
        _sync(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise MirrorUnavailable(f"the backup {path} cannot be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _sync(path: Path) -> None:
    """Have the operating system put a file or a folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(migrations_path()))


def _revision(tx: Tx, where: str) -> str | None:
    tables = set(sa.inspect(tx.conn).get_table_names())
    if VERSION_TABLE not in tables:
        if tables:
            some = ", ".join(sorted(tables)[:3])
            raise MirrorContentError(
                f"{where} holds tables that are not syncd's ({some}); "
                "give syncd a database of its own in SYNCD_DATABASE_URL"
            )
        return None
    context = MigrationContext.configure(tx.conn, opts={"version_table": VERSION_TABLE})
    revision = context.get_current_revision()
    if revision is None:
        raise MirrorContentError(f"{where} has lost its schema's name; {REBUILD}")
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision not in known:
        raise MirrorContentError(
            f"{where} has schema {revision}, newer than {head()}, the last that this syncd knows; "
            "run the newer syncd, or put the backup made before its upgrade in the mirror's place"
        )
    missing = {table.name for table in metadata.sorted_tables} - tables
    if revision == head() and missing:
        raise MirrorContentError(
            f"{where} has lost {', '.join(sorted(missing))}; {REBUILD}"
        )
    return revision


def _write_comments(tx: Tx) -> None:
    """Give PostgreSQL the documentation of tables and columns. SQLite has no place for it."""
    if tx.conn.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        tx.conn.execute(sa.schema.SetTableComment(table))
        for column in table.columns:
            tx.conn.execute(sa.schema.SetColumnComment(column))
