"""The sql adapter on its embedded table, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from syncd.cmms.load import AdapterContext, find_adapter
from syncd.cmms.sql.adapter import SqlAdapter
from syncd.core.work_order import Field, Fields, Priority, Status, Unreadable
from syncd.errors import (
    Changed,
    ConfigurationError,
    CredentialsRefused,
    NotFound,
    Refused,
    UnexpectedContent,
    Unreachable,
)


def utcnow() -> datetime:
    return datetime.now(UTC)


WRITER, READER = AdapterContext(True, utcnow), AdapterContext(False, utcnow)
FIELDS: Fields = {
    Field.TITLE: "Replace bearing",
    Field.STATUS: Status.ASSIGNED,
    Field.PRIORITY: Priority.HIGH,
    Field.ACTUAL_HOURS: Decimal("4.5"),
    Field.DUE_DATE: datetime(2026, 3, 15, 8, tzinfo=UTC),
}


@pytest.fixture
def adapter(database_url: str) -> Iterator[SqlAdapter]:
    with closing(SqlAdapter(database_url, WRITER)) as made:
        yield made


@pytest.fixture
def people(database_url: str) -> Iterator[Engine]:
    """Somebody else's connection to the same database."""
    engine = create_engine(
        database_url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool
    )
    yield engine
    engine.dispose()


def say(people: Engine, statement: str) -> None:
    with people.begin() as conn:
        conn.execute(text(statement))


def test_what_is_created_is_what_is_read(adapter: SqlAdapter) -> None:
    made = adapter.create("wo_1", FIELDS)
    (found,) = adapter.find("wo_1")
    assert made == found == adapter.get(made.cmms_id) == next(iter(adapter.fetch(None)))
    assert {name: made.fields[name] for name in FIELDS} == FIELDS
    assert made.fields[Field.EXTERNAL_ID] == made.cmms_id
    assert made.fields[Field.EXTERNAL_STATUS] == "ASSIGNED"
    assert set(made.fields) == adapter.capabilities.reads


def test_a_record_that_changed_meanwhile_is_not_written(
    adapter: SqlAdapter, people: Engine
) -> None:
    made = adapter.create("wo_1", FIELDS)
    say(people, "UPDATE work_orders SET title = 'By hand'")
    with pytest.raises(Changed, match="title"):
        adapter.update(made.cmms_id, {Field.TITLE: "x"}, {Field.TITLE: "Replace bearing"})
    assert adapter.get(made.cmms_id).fields[Field.TITLE] == "By hand"


@pytest.mark.parametrize("cmms_id", ["4711", "abc", "", "-1", "1.5"])
def test_an_unknown_id_is_not_found(adapter: SqlAdapter, cmms_id: str) -> None:
    adapter.create("wo_1", FIELDS)
    with pytest.raises(NotFound):
        adapter.get(cmms_id)
    with pytest.raises(NotFound):
        adapter.update(cmms_id, {Field.TITLE: "x"}, {})


def test_what_people_type_is_read(adapter: SqlAdapter, people: Engine) -> None:
    adapter.create("wo_1", FIELDS)
    say(
        people,
        "UPDATE work_orders SET status = 'WAITING', actual_hours = 2.25, "
        "completed_at = '2026-03-10T15:30:00+01:00', root_cause = ''",
    )
    say(people, "INSERT INTO work_orders (title) VALUES ('Typed by hand')")
    first, second = adapter.fetch(None)
    assert first.fields[Field.STATUS] == Unreadable("WAITING", "is not a status we know")
    assert first.fields[Field.EXTERNAL_STATUS] == "WAITING"
    assert first.fields[Field.ACTUAL_HOURS] == Decimal("2.25")
    assert first.fields[Field.COMPLETED_AT] == datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
    assert first.fields[Field.ROOT_CAUSE] is None
    assert (second.s2e_id, second.fields[Field.TITLE]) == (None, "Typed by hand")


def test_hours_that_are_no_number_park_their_field_alone(
    adapter: SqlAdapter, people: Engine
) -> None:
    made = adapter.create("wo_1", FIELDS)
    say(people, "UPDATE work_orders SET actual_hours = 'NaN'")
    told = adapter.get(made.cmms_id)
    assert isinstance(told.fields[Field.ACTUAL_HOURS], Unreadable)
    assert told.fields[Field.TITLE] == "Replace bearing"


def test_a_fetch_of_several_chunks_misses_nothing_while_others_edit(
    adapter: SqlAdapter, people: Engine
) -> None:
    adapter.create("wo_0", FIELDS)
    with people.begin() as conn:
        for number in range(1, 2300):
            conn.execute(
                text("INSERT INTO work_orders (s2e_id) VALUES (:n)"), {"n": f"wo_{number}"}
            )
    seen = []
    for number, record in enumerate(adapter.fetch(None)):
        seen.append(record.s2e_id)
        if number % 500 == 0:
            say(people, f"UPDATE work_orders SET title = 'x' WHERE s2e_id = 'wo_{number}'")
    assert sorted(seen, key=str) == sorted((f"wo_{n}" for n in range(2300)), key=str)


def test_who_may_not_write_makes_no_table(database_url: str) -> None:
    with closing(SqlAdapter(database_url, READER)) as reader:
        assert list(reader.fetch(None)) == []
        assert reader.find("wo_1") == []
        assert "no table" in reader.check()
    if database_url.startswith("sqlite"):
        assert not Path(database_url.removeprefix("sqlite:///")).exists()


def test_a_table_of_somebody_else_is_said(database_url: str, people: Engine) -> None:
    say(people, "CREATE TABLE work_orders (id INTEGER PRIMARY KEY, title TEXT)")
    with (
        closing(SqlAdapter(database_url, WRITER)) as adapter,
        pytest.raises(UnexpectedContent, match="lacks s2e_id"),
    ):
        list(adapter.fetch(None))


def test_a_violated_constraint_is_a_refusal(adapter: SqlAdapter, people: Engine) -> None:
    made = adapter.create("wo_1", FIELDS)
    say(people, "CREATE UNIQUE INDEX one_title ON work_orders (title)")
    adapter.create("wo_2", {Field.TITLE: "Second"})
    with pytest.raises(Refused):
        adapter.update(made.cmms_id, {Field.TITLE: "Second"}, {})


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_cannot_be_one_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SYNCD_CMMS_URL"):
        SqlAdapter(url, WRITER)


def test_a_server_that_is_not_there_is_unreachable_and_tells_no_password() -> None:
    adapter = SqlAdapter("postgresql://me:hunter22@127.0.0.1:9/x", WRITER)
    with pytest.raises(Unreachable) as caught:
        adapter.find("wo_1")
    assert not caught.value.may_have_applied
    assert "hunter22" not in str(caught.value)


def test_a_file_that_may_not_be_written_is_a_matter_of_permission(tmp_path: Path) -> None:
    url = f"sqlite:///file:{tmp_path}/cmms.db?mode=ro&uri=true"
    with closing(SqlAdapter(f"sqlite:///{tmp_path}/cmms.db", WRITER)) as adapter:
        adapter.create("wo_1", FIELDS)
    with (
        closing(SqlAdapter(url, WRITER)) as adapter,
        pytest.raises(CredentialsRefused, match="may not write"),
    ):
        adapter.create("wo_2", FIELDS)


# ── finding adapters ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["sql", "syncd.cmms.sql.adapter:SqlAdapter"])
def test_an_adapter_is_found_by_name_and_by_path(name: str) -> None:
    found: object = find_adapter(name)
    assert found is SqlAdapter


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sqll", "did you mean sql"),
        ("maximo", "there are odoo, rest, sql"),
        ("no.such.module:Class", "cannot be imported"),
        ("syncd.cmms.sql.adapter:Nothing", "cannot be imported"),
        ("syncd.errors:SyncdError", "is no adapter"),
    ],
)
def test_what_is_no_adapter_is_said(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        find_adapter(name)
