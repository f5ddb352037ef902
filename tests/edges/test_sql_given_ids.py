"""No id of the embedded table is given twice, and a table of an earlier version learns it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncd.cmms.sql.embedded import COLUMNS
from syncd.errors import NotFound
from tests.edges.sql_bench import ORDER, People, make_adapter

ROOT = Path(__file__).parent.parent.parent
# As syncd made it before: `id` is an alias of the rowid, which SQLite gives again.
_MIDDLE = ", \n\t".join(
    f"{name} {'NUMERIC' if name.endswith('_hours') else 'TEXT'}"
    for name in [*COLUMNS, "url", "updated_at"]
)
OLD = f"""
CREATE TABLE work_orders (
\tid INTEGER NOT NULL, \n\t{_MIDDLE}, \n\tPRIMARY KEY (id), \n\tUNIQUE (s2e_id)
)

"""


@pytest.fixture
def people(database_url: str) -> Iterator[People]:
    made = People(database_url)
    yield made
    made.engine.dispose()


def _filled(people: People, statement: str = OLD) -> None:
    people.sql(statement)
    for number in (1, 2, 9):
        people.sql(
            "INSERT INTO work_orders (id, s2e_id, title, status, priority, actual_hours)"
            " VALUES (:n, :s, :t, 'ASSIGNED', 'HIGH', :h)",
            n=number, s=f"wo_{number}", t=f"of {number}", h="1.5",
        )  # fmt: skip


def _schema(people: People) -> dict[str, str]:
    rows = people.sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {str(row["name"]): str(row["sql"]) for row in rows}


def test_the_id_of_a_deleted_record_is_never_given_again(database_url: str, people: People) -> None:
    with closing(make_adapter(database_url)) as adapter:
        given = [adapter.create(f"wo_{number}", ORDER).cmms_id for number in range(3)]
        for number in range(3, 8):
            people.sql("DELETE FROM work_orders WHERE id = (SELECT max(id) FROM work_orders)")
            given.append(adapter.create(f"wo_{number}", ORDER).cmms_id)
        people.sql("DELETE FROM work_orders")
        given.append(adapter.create("wo_9", ORDER).cmms_id)
    assert len(set(given)) == len(given)


def test_an_id_that_people_have_taken_and_deleted_is_not_given_again(
    database_url: str, people: People
) -> None:
    """Where they insert an id that the database would have given, it has to choose another."""
    with closing(make_adapter(database_url)) as adapter:
        given = [adapter.create("wo_1", ORDER).cmms_id]
        people.sql("INSERT INTO work_orders (id, s2e_id) VALUES (2, 'wo_2'), (3, 'wo_3')")
        for number in range(4, 8):
            given.append(adapter.create(f"wo_{number}", ORDER).cmms_id)
            people.sql("DELETE FROM work_orders WHERE id = (SELECT max(id) FROM work_orders)")
    assert not {"2", "3"} & set(given)
    assert len(set(given)) == len(given)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_table_of_an_earlier_version_keeps_its_rows_ids_and_what_people_added(
    database_url: str, people: People
) -> None:
    _filled(people)
    people.sql("ALTER TABLE work_orders ADD COLUMN theirs TEXT DEFAULT 'x, PRIMARY'")
    people.sql("CREATE INDEX by_status ON work_orders (status)")
    people.sql("CREATE VIEW open_ones AS SELECT id, title FROM work_orders")
    people.sql(
        "CREATE TABLE parts (work_order INTEGER REFERENCES work_orders (id) ON DELETE CASCADE)"
    )
    people.sql("INSERT INTO parts VALUES (9)")
    people.sql(
        "CREATE TRIGGER moved AFTER UPDATE OF title ON work_orders BEGIN"
        " UPDATE work_orders SET theirs = 'moved' WHERE id = NEW.id; END"
    )
    people.sql("UPDATE work_orders SET theirs = 'y' WHERE id = 2")
    rows, schema = people.sql("SELECT * FROM work_orders ORDER BY id"), _schema(people)
    with closing(make_adapter(database_url)) as adapter:
        assert [it.cmms_id for it in adapter.fetch(None)] == ["1", "2", "9"]
        after = _schema(people)
        assert people.sql("SELECT * FROM work_orders ORDER BY id") == rows
        assert "AUTOINCREMENT" in after.pop("work_orders")
        assert after.pop("sqlite_sequence")
        assert "AUTOINCREMENT" not in schema.pop("work_orders")
        assert after == schema
        assert len(people.sql("SELECT * FROM open_ones")) == 3
        assert people.sql("SELECT * FROM parts") == [{"work_order": 9}]
        people.sql("DELETE FROM work_orders WHERE id = 9")
        assert adapter.create("wo_10", ORDER).cmms_id == "10"
        people.sql("UPDATE work_orders SET title = 'z' WHERE id = 10")
        assert people.row("10")["theirs"] == "moved"
        with pytest.raises(NotFound):
            adapter.get("9")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("at", ["CREATE TABLE", "INSERT INTO", "DROP TABLE", "ALTER TABLE"])
def test_a_death_in_the_middle_leaves_the_old_table_whole(
    database_url: str, people: People, at: str
) -> None:
    """The process is killed before the statement; the next one finds the old table."""
    _filled(people)
    people.sql("CREATE INDEX by_status ON work_orders (status)")
    rows, schema = people.sql("SELECT * FROM work_orders ORDER BY id"), _schema(people)
    code = f"""
import os, signal
from sqlalchemy import Engine, event
from tests.edges.sql_bench import make_adapter

def dies(conn, cursor, statement, *_):
    if statement.startswith({at!r}):
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", dies)
list(make_adapter({database_url!r}).fetch(None))
"""
    died = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), check=False)
    assert died.returncode == -signal.SIGKILL
    assert _schema(people) == schema
    assert people.sql("SELECT * FROM work_orders ORDER BY id") == rows
    with closing(make_adapter(database_url)) as adapter:
        assert len(list(adapter.fetch(None))) == 3
    assert "AUTOINCREMENT" in _schema(people)["work_orders"]
    assert _schema(people)["by_status"] == schema["by_status"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_may_not_write_changes_no_table_and_says_what_will_be(
    database_url: str, people: People
) -> None:
    _filled(people)
    schema = _schema(people)
    with closing(make_adapter(database_url, may_write=False)) as adapter:
        assert len(list(adapter.fetch(None))) == 3
        assert "gives the id of the newest record again" in adapter.check()
    assert _schema(people) == schema
    with closing(make_adapter(database_url)) as adapter:
        assert adapter.check().endswith("3 records in work_orders")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_table_that_people_made_stays_as_it_is(database_url: str, people: People) -> None:
    _filled(people, OLD.replace("id INTEGER NOT NULL,", "id INTEGER PRIMARY KEY,").replace(
        "PRIMARY KEY (id), \n\t", ""))  # fmt: skip
    schema = _schema(people)
    with closing(make_adapter(database_url)) as adapter:
        assert adapter.create("wo_10", ORDER).cmms_id == "10"
        assert "is not AUTOINCREMENT" in adapter.check()
    assert _schema(people) == schema


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_empty_table_of_an_earlier_version_begins_at_one(
    database_url: str, people: People
) -> None:
    people.sql(OLD)
    with closing(make_adapter(database_url)) as adapter:
        assert adapter.create("wo_1", ORDER).cmms_id == "1"
        people.sql("DELETE FROM work_orders")
        assert adapter.create("wo_2", ORDER).cmms_id == "2"
