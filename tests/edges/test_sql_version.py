"""Whether the sql adapter can tell that nothing has changed, and what that spares."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.cmms.sql.adapter import SqlAdapter
from syncd.engine.read_cmms import CmmsReader
from syncd.engine.request import ReadRequest
from syncd.engine.results import CmmsRead
from syncd.mirror import attention, state
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.tables import links as link_table
from syncd.mirror.decided.links import make_link
from tests.conftest import Clock
from tests.edges.sql_bench import ORDER, People, make_adapter


@pytest.fixture
def adapter(database_url: str) -> Iterator[SqlAdapter]:
    clock = Clock()
    clock.now = datetime.now(UTC)
    with closing(make_adapter(database_url, clock=clock)) as made:
        made.create("wo_1", ORDER)
        yield made


@pytest.fixture
def later(adapter: SqlAdapter) -> None:
    """A clock that is past the time in which a stamp may hide a second write."""
    clock = adapter._context.utcnow
    assert isinstance(clock, Clock)
    clock.now += timedelta(minutes=5)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE work_orders SET title = 'x'",
        "DELETE FROM work_orders",
        "INSERT INTO work_orders (id, title) VALUES (77, 'new')",
    ],
)
def test_any_write_by_others_makes_another_version(
    adapter: SqlAdapter, later: None, database_url: str, statement: str
) -> None:
    before = adapter.version()
    assert before is not None
    assert adapter.version() == before
    list(adapter.fetch(None))
    assert adapter.version() == before  # reading is no writing
    People(database_url).sql(statement)
    assert adapter.version() != before


def test_a_change_that_leaves_the_count_and_every_column_but_two_alike_is_told(
    adapter: SqlAdapter, later: None, database_url: str
) -> None:
    adapter.create("wo_2", ORDER)
    people = People(database_url)
    people.sql("UPDATE work_orders SET title = 'a', location = 'b'")
    before = adapter.version()
    people.sql("UPDATE work_orders SET title = 'b', location = 'a'")
    assert adapter.version() != before


def test_another_process_has_another_version(
    adapter: SqlAdapter, later: None, database_url: str
) -> None:
    with closing(make_adapter(database_url)) as other:
        assert other.version() != adapter.version()


def test_a_file_that_was_written_to_this_moment_has_no_version(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = datetime.now(UTC)
    with closing(make_adapter(f"sqlite:///{tmp_path / 'cmms.db'}", clock=clock)) as adapter:
        adapter.create("wo_1", ORDER)
        assert adapter.version() is None


def test_a_file_that_was_put_in_its_place_has_another_version(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = datetime.now(UTC) + timedelta(minutes=5)
    path = tmp_path / "cmms.db"
    with closing(make_adapter(f"sqlite:///{path}", clock=clock)) as adapter:
        adapter.create("wo_1", ORDER)
        before = adapter.version()
        shutil.copy2(path, tmp_path / "copy")  # the same bytes, stamps and size
        os.replace(tmp_path / "copy", path)
        assert adapter.version() != before


def read(poll: CmmsReader, clock: Clock, *, full: bool = False) -> CmmsRead:
    return poll.read(ReadRequest("c", clock.now, full))


def test_a_poll_reads_again_only_what_may_have_changed(mirror: Mirror, tmp_path: Path) -> None:
    clock = Clock()
    clock.now = datetime.now(UTC) + timedelta(minutes=5)
    url = f"sqlite:///{tmp_path / 'cmms.db'}"
    with closing(make_adapter(url, clock=clock)) as adapter:
        adapter.create("wo_1", ORDER)
        poll = CmmsReader(adapter, mirror, clock, timedelta(hours=1))
        assert read(poll, clock).observed == 1
        assert read(poll, clock).observed == 0
        assert read(poll, clock, full=True).observed == 1
        People(url).sql("UPDATE work_orders SET title = 'x'")
        assert read(poll, clock).changed == 1
        assert read(poll, clock).observed == 0
        clock.now += timedelta(hours=1)  # a whole read is due, whatever the file says
        assert read(poll, clock).observed == 1
        with mirror.transaction() as tx:  # another mirror, or one from a backup
            state.set_state(tx, state.CMMS_VERSION, None)
            attention.mark_attention(tx, None)
        assert read(poll, clock).observed == 1


def test_a_record_that_is_gone_is_missed_again_in_the_next_cycle(
    mirror: Mirror, tmp_path: Path
) -> None:
    clock = Clock()
    clock.now = datetime.now(UTC) + timedelta(minutes=5)
    url = f"sqlite:///{tmp_path / 'cmms.db'}"
    with closing(make_adapter(url, clock=clock)) as adapter:
        made = adapter.create("wo_1", ORDER)
        poll = CmmsReader(adapter, mirror, clock, timedelta(hours=1))
        read(poll, clock)
        with mirror.transaction() as tx:
            make_link(tx, "wo_1", made.cmms_id, "created")
        People(url).sql("DELETE FROM work_orders")
        for cycle in ("c1", "c2"):
            clock.now += timedelta(seconds=60)
            poll.read(ReadRequest(cycle, clock.now, False))
        with mirror.read() as tx:
            assert tx.conn.scalar(select(link_table.c.missing_cycles)) == 2
