"""The mirror's schema: upgrades, backups, and mirrors that are not ours to read."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from syncd.errors import InputError, MirrorContentError, MirrorUnavailable
from syncd.mirror import schema, state
from syncd.mirror.database import Mirror
from syncd.mirror.tables import metadata
from tests.conftest import Clock


def revise(mirror: Mirror, revision: str) -> None:
    with mirror.transaction() as tx:
        tx.conn.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


def test_an_empty_database_gets_the_newest_schema(
    database_url: str, open_at: Callable[..., Mirror]
) -> None:
    mirror = open_at(database_url)
    assert schema.current(mirror) is None
    assert schema.upgrade(mirror) == (None, schema.newest(), None)
    assert schema.current(mirror) == schema.newest()
    schema.require_current(mirror)


def test_the_migrations_make_exactly_the_tables(
    database_url: str, open_at: Callable[..., Mirror]
) -> None:
    mirror = open_at(database_url)
    schema.upgrade(mirror)
    with mirror.read() as tx:
        context = MigrationContext.configure(
            tx.conn, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_an_upgrade_of_the_newest_schema_does_nothing(mirror: Mirror) -> None:
    assert schema.upgrade(mirror) == (schema.newest(), schema.newest(), None)
    if mirror.path is not None:
        assert list(mirror.path.parent.glob("*backup*")) == []


def test_an_empty_mirror_names_what_fills_it(
    database_url: str, open_at: Callable[..., Mirror]
) -> None:
    with pytest.raises(MirrorContentError, match="syncd run"):
        schema.require_current(open_at(database_url))


def test_a_newer_schema_is_refused_and_left_alone(mirror: Mirror) -> None:
    revise(mirror, "9999")
    for look in (schema.current, schema.require_current, schema.upgrade):
        with pytest.raises(MirrorContentError, match=r"schema 9999, newer than .*newer syncd"):
            look(mirror)
    with mirror.read() as tx:
        assert tx.conn.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_a_database_of_somebody_else_is_refused_and_left_alone(
    database_url: str, open_at: Callable[..., Mirror]
) -> None:
    mirror = open_at(database_url)
    with mirror.transaction() as tx:
        tx.conn.execute(text("CREATE TABLE journal (entry TEXT)"))
    with pytest.raises(MirrorContentError, match=r"journal.*SYNCD_DATABASE_URL"):
        schema.upgrade(mirror)
    with mirror.read() as tx:
        assert inspect(tx.conn).get_table_names() == ["journal"]


def test_an_upgrade_that_fails_leaves_the_mirror_as_it_was(
    database_url: str, open_at: Callable[..., Mirror]
) -> None:
    """The last table is there already: all that was made before it goes again."""
    mirror = open_at(database_url)
    with mirror.transaction() as tx:
        tx.conn.execute(text("CREATE VIEW sweeps AS SELECT 1 AS one"))
    with pytest.raises(Exception, match="sweeps"):
        schema.upgrade(mirror)
    with mirror.read() as tx:
        assert inspect(tx.conn).get_table_names() == []


def test_a_schema_that_can_be_mended_names_the_command(
    sqlite_url: str, open_at: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands for an older schema, of which there is none yet."""
    mirror = open_at(sqlite_url)
    monkeypatch.setattr(schema, "newest", lambda: "0002")
    with pytest.raises(MirrorContentError, match="syncd db upgrade"):
        schema.require_current(mirror)


def test_an_old_mirror_is_copied_before_it_is_upgraded(
    sqlite_url: str, open_at: Callable[..., Mirror], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands for an older schema, of which there is none yet."""
    mirror = open_at(sqlite_url)
    with mirror.transaction() as tx:
        state.set_state(tx, "key", "kept")
    monkeypatch.setattr(schema, "newest", lambda: "0002")
    before, after, saved = schema.upgrade(mirror)
    assert (before, after) == ("0001", "0002")
    assert saved is not None
    assert saved.name == f"syncd.db.backup-0001-{clock():%Y%m%dT%H%M%SZ}"
    monkeypatch.undo()
    with open_at(f"sqlite:///{saved}").read() as tx:
        assert state.get_state(tx, "key") == "kept"


def test_the_migrations_are_found_in_a_folder_with_any_name(tmp_path: Path) -> None:
    folder = schema.migrations_path()
    assert (folder / "env.py").is_file()
    odd = tmp_path / "100%s"
    odd.mkdir()
    os.symlink(folder, odd / "migrations")
    config = schema._config()
    assert config.get_main_option("script_location") == str(folder)


# ── backups ──────────────────────────────────────────────────────────────────────────────


def test_a_backup_is_whole_and_stands_alone(
    sqlite_url: str, open_at: Callable[..., Mirror], tmp_path: Path
) -> None:
    mirror = open_at(sqlite_url)
    with mirror.transaction() as tx:
        state.set_state(tx, "key", "kept")
    target = tmp_path / "copy.db"
    with mirror.transaction() as tx:  # while it is written
        state.set_state(tx, "key", "not committed")
        assert schema.backup(mirror, target) == target
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    with closing(sqlite3.connect(f"file:{target}?immutable=1", uri=True)) as copy:
        assert copy.execute("SELECT value FROM state").fetchall() == [('"kept"',)]


def test_a_backup_replaces_nothing(
    sqlite_url: str, open_at: Callable[..., Mirror], tmp_path: Path
) -> None:
    target = tmp_path / "precious.txt"
    target.write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        schema.backup(open_at(sqlite_url), target)
    assert target.read_text() == "precious"


def test_a_backup_that_cannot_be_written_is_said(
    sqlite_url: str, open_at: Callable[..., Mirror], tmp_path: Path
) -> None:
    with pytest.raises(MirrorUnavailable, match="cannot be written"):
        schema.backup(open_at(sqlite_url), tmp_path / "nowhere" / "copy.db")


def test_a_postgresql_mirror_is_backed_up_with_its_own_tool(
    postgres: object, request: pytest.FixtureRequest, open_at: Callable[..., Mirror], tmp_path: Path
) -> None:
    from tests.conftest import Postgres, text_of

    assert isinstance(postgres, Postgres)
    url = postgres.migrated()
    request.addfinalizer(lambda: postgres.drop(url))
    with pytest.raises(InputError, match="pg_dump"):
        schema.backup(open_at(text_of(url)), tmp_path / "copy.db")
