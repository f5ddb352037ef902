"""The forms a customer's database takes: views with statements, markers, ids of other kinds."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.cmms.load import AdapterContext
from syncd.cmms.sql.mapped import MappedSqlAdapter
from syncd.core.work_order import Field, Fields, Priority, Status, Unreadable
from syncd.errors import Changed, NotFound, Refused, UnexpectedContent
from tests.conftest import Clock
from tests.edges.sql_bench import People

NEW: Fields = {Field.TITLE: "Pump leaks", Field.STATUS: Status.ASSIGNED}
Make = Callable[..., tuple[MappedSqlAdapter, People]]


@pytest.fixture
def make(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Make]:
    """An adapter by a mapping, on tables that these statements make."""
    opened: list[MappedSqlAdapter] = []
    people = People(database_url)
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch()

    def made(mapping: str, *statements: str) -> tuple[MappedSqlAdapter, People]:
        for statement in statements:
            with people.engine.begin() as conn:
                conn.exec_driver_sql(statement)
        file = tmp_path / "x.yaml"
        file.write_text(f"mapping: sql/1\nname: x\n{mapping}", encoding="utf-8")
        options = MappedSqlAdapter.Options(url=database_url, mapping=str(file))
        context = AdapterContext(may_write=True, utcnow=clock)
        opened.append(MappedSqlAdapter.from_options(options, context))
        return opened[-1], people

    yield made
    for adapter in opened:
        adapter.close()
    people.engine.dispose()


VIEWED = """
table: open_jobs
id: no
insert: {statement: "INSERT INTO jobs (no, s2e, title, st) VALUES (100, :s2e_id, :title, :status)"}
update:
- fields: [status, location]
  statement: "UPDATE jobs SET st = :status, room = :location WHERE no = :id"
- fields: [title, s2e_id]
  statement: "UPDATE jobs SET title = :title, s2e = :s2e_id WHERE no = :id"
fields: {s2e_id: s2e, title: title, status: {at: st, map: status}, location: room}
maps: {status: {1: ASSIGNED, 2: IN_PROGRESS}}
"""
JOBS = "CREATE TABLE jobs (no INTEGER PRIMARY KEY, s2e TEXT, title TEXT, st INTEGER, room TEXT)"
VIEW = "CREATE VIEW open_jobs AS SELECT no, s2e, title, st, room FROM jobs"


def test_a_view_is_written_by_statements_that_are_told_what_stays(make: Make) -> None:
    adapter, people = make(
        VIEWED, JOBS, VIEW, "INSERT INTO jobs (no, title, st, room) VALUES (1, 'Belt', 1, 'H3')"
    )
    after = adapter.update("1", {Field.STATUS: Status.IN_PROGRESS}, {})
    assert (after.fields[Field.STATUS], after.fields[Field.LOCATION]) == ("IN_PROGRESS", "H3")
    adapter.update("1", {Field.TITLE: "Belt 2", Field.LOCATION: None, Field.S2E_ID: "wo_7"}, {})
    (row,) = people.sql("SELECT * FROM jobs")
    assert row == {"no": 1, "s2e": "wo_7", "title": "Belt 2", "st": 2, "room": None}
    made = adapter.create("wo_9", NEW)
    assert (made.cmms_id, made.s2e_id) == ("100", "wo_9")


MARKED = """
table: jobs
id: no
insert: {}
fields: {s2e_id: {marker: description}, title: title, description: long, status: st}
"""


def test_a_text_carries_the_id_where_no_column_does(make: Make, database: str) -> None:
    serial = "SERIAL" if database == "postgres" else "INTEGER"
    adapter, people = make(
        MARKED,
        f"CREATE TABLE jobs (no {serial} PRIMARY KEY, title TEXT, long TEXT, st TEXT)",
    )
    made = adapter.create("wo_1", {**NEW, Field.DESCRIPTION: "Oil"})
    assert people.sql("SELECT long FROM jobs") == [{"long": "Oil\n\nS2E: wo_1"}]
    assert (made.s2e_id, made.fields[Field.DESCRIPTION]) == ("wo_1", "Oil")
    adapter.update(made.cmms_id, {Field.DESCRIPTION: None}, {})
    assert people.sql("SELECT long FROM jobs") == [{"long": "S2E: wo_1"}]
    assert [it.cmms_id for it in adapter.find("wo_1")] == [made.cmms_id]
    assert adapter.find("wo_") == []


TEXT_IDS = """
table: jobs
id: code
changed: {at: moved, format: iso}
insert: {}
fields:
  s2e_id: code
  title: title
  status: st
  completed_at: {at: done, format: "%d.%m.%Y", zone: UTC}
"""


def test_ids_and_times_may_be_texts(make: Make) -> None:
    adapter, people = make(
        TEXT_IDS,
        "CREATE TABLE jobs (code TEXT PRIMARY KEY, title TEXT, st TEXT, done TEXT, moved TEXT)",
    )
    people.sql("INSERT INTO jobs (code, title, moved) VALUES ('A 1', 'x', '2026-03-10 15:00:00Z')")
    people.sql("INSERT INTO jobs (code, title, moved) VALUES ('B', 'y', '2026-03-09T15:00:00Z')")
    made = adapter.create("wo_1", {**NEW, Field.COMPLETED_AT: datetime(2026, 3, 10, tzinfo=UTC)})
    assert made.cmms_id == "wo_1"
    assert people.sql("SELECT done FROM jobs WHERE code = 'wo_1'") == [{"done": "10.03.2026"}]
    assert adapter.get("A 1").updated_at == datetime(2026, 3, 10, 15, tzinfo=UTC)
    since = datetime(2026, 3, 10, 14, 59, tzinfo=UTC)
    assert sorted(it.cmms_id for it in adapter.fetch(since)) == ["A 1", "wo_1"]


def test_stamps_that_nobody_can_read_are_no_reason_to_read_all_forever(make: Make) -> None:
    adapter, people = make(
        TEXT_IDS,
        "CREATE TABLE jobs (code TEXT PRIMARY KEY, title TEXT, st TEXT, done TEXT, moved TEXT)",
    )
    people.sql("INSERT INTO jobs (code, title, moved) VALUES ('A', 'x', 'yesterday')")
    with pytest.raises(UnexpectedContent, match=r"no record has a time in moved.*x.yaml:6"):
        list(adapter.fetch(None))
    people.sql("INSERT INTO jobs (code, title, moved) VALUES ('B', 'x', '2026-03-10T15:00:00Z')")
    assert [it.updated_at is None for it in adapter.fetch(None)] == [True, False]


NUMBERED = """
table: jobs
id: no
version: rv
insert: {sequence: numbers}
fields: {title: title, status: st, priority: {at: urgent, map: urgent}, actual_hours: hours}
maps: {urgent: {true: [CRITICAL, HIGH], false: [LOW, MEDIUM]}}
"""


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_sequence_gives_the_id_where_nothing_is_found_by(make: Make) -> None:
    adapter, _people = make(
        NUMBERED,
        "CREATE SEQUENCE numbers START 500",
        "CREATE TABLE jobs (no NUMERIC PRIMARY KEY, title TEXT, st TEXT, urgent BOOLEAN,"
        " hours NUMERIC(6, 2), rv INTEGER)",
    )
    assert not adapter.capabilities.finds
    assert adapter.find("wo_1") == []
    assert any("no record can be found" in note or "s2e_id" in note for note in adapter.notes)
    made = adapter.create("wo_1", {**NEW, Field.PRIORITY: Priority.HIGH})
    assert made.cmms_id == "500"
    assert made.equivalents[Field.PRIORITY] == {"CRITICAL", "HIGH"}
    assert adapter.get("500").fields[Field.PRIORITY] is Priority.CRITICAL


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_view_that_cannot_be_written_to_is_no_outage(make: Make) -> None:
    """It needs a statement of its own, and no waiting."""
    adapter, _ = make(
        "table: few\nid: no\nfields: {title: title}\n",
        "CREATE TABLE jobs (no INTEGER, title TEXT)",
        "INSERT INTO jobs VALUES (1, 'x')",
        "CREATE VIEW few AS SELECT no, max(title) AS title FROM jobs GROUP BY no",
    )
    with pytest.raises(UnexpectedContent, match="FOR UPDATE is not allowed with GROUP BY"):
        adapter.update("1", {Field.TITLE: "z"}, {})


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_version_that_a_rule_moves_in_between_is_a_change(make: Make) -> None:
    """The UPDATE that asks for the version of the read finds no row."""
    adapter, people = make(
        NUMBERED,
        "CREATE SEQUENCE numbers",
        "CREATE TABLE jobs (no INTEGER PRIMARY KEY, title TEXT, st TEXT, urgent BOOLEAN,"
        " hours NUMERIC, rv INTEGER)",
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER late BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION late()",
        "INSERT INTO jobs VALUES (1, 'busy', 'ASSIGNED', false, NULL, 1)",
    )
    with pytest.raises(Changed, match="was changed in this moment"):
        adapter.update("1", {Field.STATUS: Status.ON_HOLD}, {})
    assert people.sql("SELECT st FROM jobs") == [{"st": "ASSIGNED"}]


def test_an_id_of_several_rows_is_refused(make: Make) -> None:
    mapping = "table: jobs\nid: no\nfields: {title: title}\n"
    adapter, people = make(mapping, "CREATE TABLE jobs (no INTEGER, title TEXT)")
    people.sql("INSERT INTO jobs VALUES (1, 'x'), (1, 'y')")
    with pytest.raises(Refused, match=r"2 rows have the id 1.*x.yaml:4"):
        adapter.update("1", {Field.TITLE: "z"}, {})
    assert [row["title"] for row in people.sql("SELECT title FROM jobs ORDER BY 1")] == ["x", "y"]


def test_rows_without_an_id_are_left_out_and_counted(make: Make) -> None:
    mapping = "table: jobs\nid: no\nfields: {title: title}\n"
    adapter, people = make(mapping, "CREATE TABLE jobs (no INTEGER, title TEXT)")
    people.sql("INSERT INTO jobs VALUES (1, 'x'), (NULL, 'y')")
    assert adapter.check().endswith("1 records in jobs, and 1 without an id, which are left out")
    assert [it.cmms_id for it in adapter.fetch(None)] == ["1"]


@pytest.mark.parametrize(
    ("column", "field", "says"),
    [
        ("due TIMESTAMP", "due_date: due", "due is TIMESTAMP without a zone; say which is meant"),
        ("due TIMESTAMPTZ", "due_date: {at: due, format: iso}", "say format: timestamp"),
        ("due TEXT", "due_date: {at: due, zone: UTC}", "due is TEXT; say how it spells times"),
    ],
)
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_column_of_another_kind_than_its_format_is_told(
    make: Make, column: str, field: str, says: str
) -> None:
    adapter, _ = make(
        f"table: jobs\nid: no\nfields:\n  {field}\n", f"CREATE TABLE jobs (no INTEGER, {column})"
    )
    with pytest.raises(UnexpectedContent, match=rf"{says}.*x.yaml:6"):
        adapter.check()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_columns_of_all_kinds_are_read_and_kept_as_json(make: Make) -> None:
    adapter, people = make(
        "table: jobs\nid: no\nfields:\n  due_date: due\n  completed_at: {at: day, zone: UTC}\n"
        "  actual_hours: hours\n  location: room\n  title: raw\n",
        "CREATE TABLE jobs (no UUID PRIMARY KEY, due TIMESTAMPTZ, day DATE, hours FLOAT8,"
        " room UUID, raw BYTEA)",
        "INSERT INTO jobs VALUES ('c0ffee00-0000-4000-8000-000000000001', '2026-03-10 15:00+01',"
        " '2026-03-10', 4.25, 'c0ffee00-0000-4000-8000-000000000002', 'x')",
    )
    record = adapter.get("c0ffee00-0000-4000-8000-000000000001")
    assert record.fields[Field.DUE_DATE] == datetime(2026, 3, 10, 14, tzinfo=UTC)
    assert record.fields[Field.COMPLETED_AT] == datetime(2026, 3, 10, tzinfo=UTC)
    assert record.fields[Field.LOCATION] == "c0ffee00-0000-4000-8000-000000000002"
    assert isinstance(record.fields[Field.TITLE], Unreadable)
    kept = json.loads(json.dumps(dict(record.native)))
    assert adapter.read_native(kept).fields == record.fields
    after = adapter.update(
        record.cmms_id,
        {
            Field.DUE_DATE: datetime(2026, 4, 1, 8, tzinfo=UTC),
            Field.COMPLETED_AT: datetime(2026, 4, 1, 8, tzinfo=UTC),
        },
        {},
    )
    assert after.fields[Field.DUE_DATE] == datetime(2026, 4, 1, 8, tzinfo=UTC)
    assert people.sql("SELECT day::text AS d FROM jobs") == [{"d": "2026-04-01"}]


def test_ids_of_nineteen_digits_are_written_each_to_its_own_row(make: Make) -> None:
    adapter, people = make(
        "table: jobs\nid: no\ninsert: {}\nfields: {s2e_id: s2e, title: title, status: st}\n",
        "CREATE TABLE jobs (no BIGINT PRIMARY KEY, s2e TEXT, title TEXT, st TEXT)",
    )
    ids = [2**63 - 1, 2**63 - 2, 1234567890123456789]
    for number in ids:
        people.sql("INSERT INTO jobs (no, title) VALUES (:no, 'old')", no=number)
    assert sorted(int(it.cmms_id) for it in adapter.fetch(None)) == sorted(ids)
    for number in ids:
        adapter.update(str(number), {Field.TITLE: f"of {number}"}, {Field.TITLE: "old"})
    rows = people.sql("SELECT no, title FROM jobs")
    assert {row["no"]: row["title"] for row in rows} == {number: f"of {number}" for number in ids}
    for beyond in (2**63, 10**30):
        with pytest.raises(NotFound):
            adapter.get(str(beyond))
