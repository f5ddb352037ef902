"""The mirror's schema: its revision, how it is upgraded to ours, and backups.

`scripts` is the folder of the migrations; None stands for syncd's own. Alembic is imported inside
the functions that need it, since every command asks for the revision and few have to upgrade.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import String, column, inspect, select, table

import syncd
from syncd.errors import InputError, MirrorContentError, MirrorUnavailable
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.failures import REBUILD
from syncd.mirror.db.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

NEWEST = "0006"  # of our migrations; tests/edges/test_mirror_schema.py compares
_VERSION = "alembic_version"
_REVISION = select(column("version_num", String)).select_from(table(_VERSION))


def migrations_path() -> Path:
    """The folder of our migrations: inside the installed package, or beside it in a checkout."""
    package = Path(syncd.__file__).parent
    packaged = package / "_migrations"
    return packaged if packaged.is_dir() else package.parent / "migrations"


def _config(scripts: Path | None) -> "Config":
    from alembic.config import Config

    config = Config()
    # ConfigParser takes % for the start of a variable.
    folder = str(scripts or migrations_path()).replace("%", "%%")
    config.set_main_option("script_location", folder)
    return config


def _directory(scripts: Path | None) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(scripts))


def newest(scripts: Path | None = None) -> str:
    """The revision that this version of syncd reads and writes."""
    if scripts is None:
        return NEWEST
    head = _directory(scripts).get_current_head()
    if head is None:
        raise MirrorContentError("the installation lacks its migrations; install syncd again")
    return head


def current(mirror: Mirror, scripts: Path | None = None) -> str | None:
    """The mirror's revision; None if it is empty.

    Raises MirrorContentError when the revision is of a newer version, or the tables are not ours.
    """
    with mirror.read() as tx:
        names = set(inspect(tx.conn).get_table_names())
        revision = tx.conn.execute(_REVISION).scalar_one_or_none() if _VERSION in names else None
    # Others may use a PostgreSQL database too, as long as no table of theirs has a name of ours.
    foreign = names - {_VERSION}
    if mirror.path is None:
        foreign &= set(metadata.tables)
    if revision is None and foreign:
        raise MirrorContentError(
            f"{mirror.where} holds tables that are not syncd's ({', '.join(sorted(foreign)[:3])}); "
            "give the mirror a database of its own in SYNCD_DATABASE_URL"
        )
    if revision in {None, newest(scripts)}:
        return revision
    if revision not in {script.revision for script in _directory(scripts).walk_revisions()}:
        raise MirrorContentError(
            f"{mirror.where} has schema {revision}, newer than this version's {newest(scripts)}; "
            "run the newer syncd, or restore the backup made before the upgrade"
        )
    return revision


def require_current(mirror: Mirror, scripts: Path | None = None) -> None:
    """Raise MirrorContentError unless the mirror is of exactly our revision."""
    revision = current(mirror, scripts)
    if revision is None:
        raise MirrorContentError(f"{mirror.where} is empty; `syncd run` or `syncd once` fills it")
    if revision != newest(scripts):
        raise MirrorContentError(
            f"{mirror.where} has schema {revision}, this version needs {newest(scripts)}; "
            "`syncd db upgrade` brings it there"
        )


def upgrade(mirror: Mirror, scripts: Path | None = None) -> tuple[str | None, str, Path | None]:
    """Bring the mirror to our revision, in one transaction, after a backup of a SQLite file.

    The caller holds the lease. Returns the revision before, the one after, and the backup.
    """
    before, after = current(mirror, scripts), newest(scripts)
    if before == after:
        return before, after, None
    saved = None
    if before is not None and mirror.path is not None:
        stamp = f"{mirror.utcnow():%Y%m%dT%H%M%SZ}"
        saved = backup(mirror, Path(f"{mirror.path}.backup-{before}-{stamp}"))
    from alembic import command

    config = _config(scripts)
    with mirror.transaction() as tx:
        config.attributes["connection"] = tx.conn
        command.upgrade(config, "head")
    return before, after, saved


def backup(mirror: Mirror, target: Path) -> Path:
    """Copy a SQLite mirror, also while it is written. The copy is complete, or there is none.

    Raises:
        InputError: `target` exists, or the mirror is on PostgreSQL.
        MirrorUnavailable: it cannot be written.
        MirrorContentError: the mirror is damaged.
    """
    if mirror.path is None:
        raise InputError("the mirror is on PostgreSQL; back it up with pg_dump")
    if target.exists():
        raise InputError(f"{target} exists already")
    unfinished = target.with_name(f"{target.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(mirror.path)) as source,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            source.backup(copy)
            # A copy in WAL mode could not be read from a read-only disk.
            copy.execute("PRAGMA journal_mode = DELETE")
            result = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if result != "ok":
            raise MirrorContentError(f"{mirror.where} is damaged ({result}). {REBUILD}")
        os.replace(unfinished, target)
    except (OSError, sqlite3.Error) as error:
        raise MirrorUnavailable(f"the backup {target} cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return target


def backup_name(mirror: Mirror, utcnow: Callable[[], datetime]) -> Path:
    """The file that `syncd db backup` writes if none is named."""
    path = mirror.path or Path("syncd.db")
    return path.with_name(f"{path.name}.backup-{utcnow():%Y%m%dT%H%M%SZ}")
