"""The mirror's schema: upgrades, backups, and mirrors that are not ours to read."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, insert, inspect, select, text

from syncd.core.work_order import Field, Status
from syncd.errors import InputError, MirrorContentError, MirrorUnavailable
from syncd.mirror import state
from syncd.mirror.cases import load_cases
from syncd.mirror.db import schema
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.tables import metadata
from tests.conftest import Clock, Postgres, text_of


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


# ── from an older schema ─────────────────────────────────────────────────────────────────

SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "HEAD", None, None


def upgrade() -> None:
    op.add_column("state", sa.Column("note", sa.Text()))
    op.execute("UPDATE state SET note = 'upgraded'")
    FAILS
"""


@pytest.fixture
def next_version(tmp_path: Path) -> Callable[[str], Path]:
    """The migrations of a later syncd, in a folder with an awkward name."""

    def make(then: str = "") -> Path:
        folder = tmp_path / "100%(x)s migrations"
        shutil.copytree(schema.migrations_path(), folder, dirs_exist_ok=True)
        (folder / "versions" / "next.py").write_text(
            SECOND.replace("FAILS", then).replace("HEAD", schema.newest())
        )
        return folder

    return make


def test_the_newest_revision_is_that_of_the_last_migration() -> None:
    assert schema.newest() == schema.newest(schema.migrations_path())


def test_an_older_schema_names_the_command(
    mirror: Mirror, next_version: Callable[[str], Path]
) -> None:
    with pytest.raises(
        MirrorContentError, match=rf"schema {schema.newest()}.*needs next.*syncd db upgrade"
    ):
        schema.require_current(mirror, next_version(""))


def test_an_upgrade_keeps_the_data_and_a_copy_from_before(
    mirror: Mirror,
    open_at: Callable[..., Mirror],
    clock: Clock,
    next_version: Callable[[str], Path],
) -> None:
    with mirror.transaction() as tx:
        state.set_state(tx, "key", "kept")
    before, after, saved = schema.upgrade(mirror, next_version(""))
    assert (before, after) == (schema.newest(), "next")
    with mirror.read() as tx:
        assert state.get_state(tx, "key") == "kept"
        assert tx.conn.scalar(text("SELECT note FROM state")) == "upgraded"
    with pytest.raises(MirrorContentError, match="newer"):  # to the program of before
        schema.require_current(mirror)
    if mirror.path is None:
        assert saved is None
        return
    assert saved == Path(f"{mirror.path}.backup-{before}-{clock():%Y%m%dT%H%M%SZ}")
    copy = open_at(f"sqlite:///{saved}")
    schema.require_current(copy)
    with copy.read() as tx:
        assert state.get_state(tx, "key") == "kept"


def test_a_migration_that_fails_leaves_the_older_schema(
    mirror: Mirror, next_version: Callable[[str], Path]
) -> None:
    with pytest.raises(RuntimeError):
        schema.upgrade(mirror, next_version("raise RuntimeError"))
    schema.require_current(mirror)
    with mirror.read() as tx:
        columns = {column["name"] for column in inspect(tx.conn).get_columns("state")}
    assert "note" not in columns


def test_a_process_killed_in_a_migration_leaves_the_older_schema(
    mirror_url: str, mirror: Mirror, next_version: Callable[[str], Path]
) -> None:
    scripts = next_version("import os; os.kill(os.getpid(), 9)")
    script = (
        "import sys; from pathlib import Path; from tests.conftest import utcnow\n"
        "from syncd.mirror.db import schema; from syncd.mirror.db.database import open_mirror\n"
        "schema.upgrade(open_mirror(sys.argv[1], utcnow), Path(sys.argv[2]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, mirror_url, str(scripts)],
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == -signal.SIGKILL
    schema.require_current(mirror)
    assert schema.upgrade(mirror, next_version(""))[1] == "next"


BEFORE_THE_VIEW = "0003"
RENAMED = {"needs_attention": "needs_look", "attention_since": "look_since"}  # since then
OLD_ROW = {
    "sync_status": "PENDING",
    "fields": {"title": "Pump"},
    "digest": "d",
    "first_seen_at": "2026-03-10T12:00:00.000001Z",
    "seen_at": "2026-03-10T13:00:00.000000Z",
    "changed_at": "2026-03-10T12:30:00.000000Z",
    "needs_look": True,
    "look_since": "2026-03-10T12:30:00.000000Z",
    "out_of_scope": "no_record",
    "not_found_cycle": "c1",
    "tombstone_at": None,
    "swept": 7,
}


@pytest.fixture
def before_the_view(
    database_url: str, open_at: Callable[..., Mirror], tmp_path: Path
) -> tuple[Mirror, Table]:
    """A mirror whose orders had a typed column for each field."""
    folder = tmp_path / "migrations of then"
    shutil.copytree(schema.migrations_path(), folder)
    for script in (folder / "versions").glob("0*.py"):
        if script.name[:4] > BEFORE_THE_VIEW:
            script.unlink()
    mirror = open_at(database_url)
    assert schema.upgrade(mirror, folder)[1] == BEFORE_THE_VIEW
    with mirror.read() as tx:
        return mirror, Table("s2e_orders", MetaData(), autoload_with=tx.conn)


def test_orders_keep_all_but_the_columns_that_their_json_tells(
    before_the_view: tuple[Mirror, Table],
) -> None:
    mirror, orders = before_the_view
    names = [f"wo_{number:04}" for number in range(1000)]
    raw = {"title": "Überprüfung 🔧", "status": "ON_HOLD", "externalId": "7", "estimatedHours": 4.5}
    told = {**OLD_ROW, "status": "ON_HOLD", "external_id": "7", "title": raw["title"]}
    with mirror.transaction() as tx:
        rows = [
            {**told, "connection": connection, "s2e_id": name, "raw": {**raw, "id": name}}
            for name in names
            for connection in ("default", "another")
        ]
        tx.conn.execute(insert(orders), rows)
        before = {row.s2e_id: row for row in tx.conn.execute(select(orders)) if row.swept == 7}
    schema.upgrade(mirror)
    with mirror.read() as tx:
        context = MigrationContext.configure(tx.conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        now = Table("s2e_orders", MetaData(), autoload_with=tx.conn)
        after = tx.conn.execute(select(now)).all()
        cases = {case.s2e_id: case for case in load_cases(tx)}
    assert len(after) == len(rows)
    for row in after:
        was = before[row.s2e_id]._mapping
        kept = {name: was[RENAMED.get(name, name)] for name in row._mapping}
        assert kept | {"connection": row.connection} == dict(row._mapping)
    assert sorted(cases) == names
    order = cases["wo_0007"].s2e
    assert order is not None
    assert order.fields == {
        Field.S2E_ID: "wo_0007",
        Field.TITLE: "Überprüfung 🔧",
        Field.STATUS: Status.ON_HOLD,
        Field.EXTERNAL_ID: "7",
        Field.ESTIMATED_HOURS: Decimal("4.5"),
    }


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
    postgres: Postgres, open_at: Callable[..., Mirror], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="pg_dump"):
        schema.backup(open_at(text_of(postgres.url)), tmp_path / "copy.db")
