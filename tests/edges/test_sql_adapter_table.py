"""The sql adapter: the table, every kind of value in it, and people who edit it meanwhile."""

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from syncd.cmms.sql.adapter import SqlAdapter
from syncd.core.work_order import Field, Fields, Priority, Status, Unreadable, Value
from syncd.errors import Changed, NotFound, Refused, UnexpectedContent, Unreachable
from tests.conftest import Clock, Postgres, text_of
from tests.edges.sql_bench import ORDER, People, make_adapter

ROOT = Path(__file__).parent.parent.parent
FULL: Fields = {
    **ORDER,
    Field.DESCRIPTION: "Behind the boiler\nsecond line",
    Field.LOCATION: "Hall 3",
    Field.ASSET_CODE: "P-101",
    Field.ASSET_NAME: "Pump 101",
    Field.SITE_CODE: "VIE",
    Field.ASSIGNED_TO: "jane@example.com",
    Field.DUE_DATE: datetime(2026, 3, 12, 16, tzinfo=UTC),
    Field.ESTIMATED_HOURS: Decimal("4.5"),
    Field.STARTED_AT: datetime(2026, 3, 10, 8, 15, 30, 123000, tzinfo=UTC),
    Field.COMPLETED_AT: datetime(2026, 3, 11, 9, tzinfo=UTC),
    Field.ACTUAL_HOURS: Decimal(3),
    Field.ROOT_CAUSE: "Worn seal",
    Field.RESOLUTION: "New seal",
    Field.CLOSURE_NOTE: "Tested",
}


@pytest.fixture
def adapter(database_url: str, clock: Clock) -> Iterator[SqlAdapter]:
    with closing(make_adapter(database_url, clock=clock)) as made:
        yield made


@pytest.fixture
def people(database_url: str) -> People:
    return People(database_url)


@pytest.fixture
def record(adapter: SqlAdapter) -> str:
    """The id of a record that is there."""
    return adapter.create("wo_1", ORDER).cmms_id


def held(adapter: SqlAdapter, cmms_id: str, name: Field) -> Value:
    return adapter.get(cmms_id).fields[name]


@contextmanager
def another_process(code: str, url: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that has said that it is ready, and goes on when it is told to."""
    started = "print('ready', flush=True); sys.stdin.readline()\n"
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys\nurl = sys.argv[1]\n{code}".replace("GO\n", started),
            url,
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("\n")
        other.stdin.flush()
        yield other
    assert other.returncode == 0


# ── the table ─────────────────────────────────────────────────────────────────────────────


def test_what_it_can_is_told_as_data(adapter: SqlAdapter) -> None:
    can = adapter.capabilities
    external = {Field.EXTERNAL_ID, Field.EXTERNAL_STATUS, Field.EXTERNAL_URL}
    assert can.reads - can.writes == external
    assert can.writes - can.clears == {Field.TITLE, Field.STATUS, Field.PRIORITY, Field.S2E_ID}
    assert can.clears < can.writes < can.reads
    assert can.optimistic_lock
    assert can.finds
    assert can.creates
    assert not can.filters_changes


def test_who_may_write_makes_the_table_by_reading(adapter: SqlAdapter, people: People) -> None:
    assert list(adapter.fetch(None)) == []
    assert people.sql("SELECT * FROM work_orders") == []


def test_who_may_not_write_makes_nothing_and_changes_nothing(
    database_url: str, people: People, tmp_path: Path
) -> None:
    with closing(make_adapter(database_url, may_write=False)) as looking:
        assert looking.find("wo_1") == []
        with pytest.raises(NotFound):
            looking.get("1")
        with pytest.raises(NotFound):
            looking.update("1", ORDER, {})
        assert "the first run makes it" in looking.check()
    assert list(tmp_path.iterdir()) == []
    with closing(make_adapter(database_url)) as writing:
        writing.create("wo_1", ORDER)
    with closing(make_adapter(database_url, may_write=False)) as looking:
        assert [found.s2e_id for found in looking.fetch(None)] == ["wo_1"]
        with pytest.raises(RuntimeError):
            looking.update("1", {Field.TITLE: "x"}, {})
        with pytest.raises(RuntimeError):
            looking.create("wo_2", ORDER)
    assert len(people.sql("SELECT * FROM work_orders")) == 1


def test_a_table_that_people_emptied_is_an_empty_one(adapter: SqlAdapter, people: People) -> None:
    adapter.create("wo_1", ORDER)
    people.sql("DELETE FROM work_orders")
    assert list(adapter.fetch(None)) == []


def test_a_table_that_lacks_columns_is_told_with_them_until_it_is_mended(
    database_url: str, people: People
) -> None:
    people.sql("CREATE TABLE work_orders (id INTEGER PRIMARY KEY, s2e_id TEXT, title TEXT)")
    with closing(make_adapter(database_url)) as adapter:
        for _ in range(2):
            with pytest.raises(UnexpectedContent, match=r"lacks description, priority") as caught:
                adapter.create("wo_1", ORDER)
            assert not caught.value.may_have_applied
            assert "title" not in str(caught.value)
        people.sql("DROP TABLE work_orders")
        assert adapter.create("wo_1", ORDER).s2e_id == "wo_1"


def test_a_table_that_people_made_works(database_url: str, database: str, people: People) -> None:
    """Its numbers are not given by the database, its types are others, an id may come twice."""
    time = "TIMESTAMPTZ" if database == "postgres" else "TEXT"
    people.sql(
        "CREATE TABLE work_orders (id INTEGER NOT NULL PRIMARY KEY, s2e_id TEXT, title TEXT,"
        " description TEXT, priority TEXT, status TEXT, location TEXT, asset_code TEXT,"
        " asset_name TEXT, site_code TEXT, assigned_to TEXT, due_at TEXT,"
        f" estimated_hours DOUBLE PRECISION, started_at {time}, completed_at {time},"
        " actual_hours TEXT, root_cause TEXT, resolution TEXT, closure_note TEXT, url TEXT,"
        " updated_at TEXT, theirs TEXT DEFAULT 'x')"
    )
    with closing(make_adapter(database_url)) as adapter:
        for number in range(3):
            made = adapter.create(f"wo_{number}", FULL)
            assert {name: made.fields[name] for name in FULL} == FULL
        assert adapter.create("wo_2", FULL).cmms_id == made.cmms_id
        assert len({found.cmms_id for found in adapter.fetch(None)}) == 3
        updated = adapter.update(made.cmms_id, {Field.STARTED_AT: None}, FULL)
        assert updated.fields[Field.STARTED_AT] is None
        people.sql("INSERT INTO work_orders (id, s2e_id) VALUES (77, 'wo_2')")
        assert [found.cmms_id for found in adapter.find("wo_2")] == [made.cmms_id, "77"]


# ── values ────────────────────────────────────────────────────────────────────────────────


def test_every_field_comes_back_as_it_was_written(adapter: SqlAdapter) -> None:
    made = adapter.create("wo_1", FULL)
    assert {name: made.fields[name] for name in FULL} == FULL
    assert made.s2e_id == made.fields[Field.S2E_ID] == "wo_1"
    assert adapter.find("wo_1") == list(adapter.fetch(None)) == [made]


def test_the_status_is_told_as_it_is_stored(adapter: SqlAdapter, people: People) -> None:
    made = adapter.create("wo_1", ORDER)
    assert made.fields[Field.EXTERNAL_URL] is None
    people.sql("UPDATE work_orders SET url = 'https://cmms.example/1', status = ' Waiting '")
    told = adapter.get(made.cmms_id).fields
    assert told[Field.EXTERNAL_URL] == "https://cmms.example/1"
    assert told[Field.EXTERNAL_STATUS] == " Waiting "
    assert told[Field.STATUS] == Unreadable("Waiting", "is not a status we know")


def test_times_are_written_in_utc_and_ours_stamp_the_change(
    adapter: SqlAdapter, people: People, clock: Clock
) -> None:
    made = adapter.create("wo_1", FULL)
    row = people.row(made.cmms_id)
    assert row["due_at"] == "2026-03-12T16:00:00.000Z"
    assert row["started_at"] == "2026-03-10T08:15:30.123Z"
    assert row["updated_at"] == "2026-03-10T14:30:00.000Z"
    clock.pass_(60)
    adapter.update(made.cmms_id, {Field.TITLE: "Other"}, {})
    assert people.row(made.cmms_id)["updated_at"] == "2026-03-10T14:31:00.000Z"


def test_people_can_sum_the_hours(adapter: SqlAdapter, people: People) -> None:
    for number, hours in enumerate(["0.1", "0.2", "1000000"]):
        adapter.create(f"wo_{number}", {**ORDER, Field.ACTUAL_HOURS: Decimal(hours)})
    (row,) = people.sql("SELECT sum(actual_hours) AS total FROM work_orders")
    assert float(row["total"]) == pytest.approx(1000000.3)


def test_hours_are_read_as_number_or_text(adapter: SqlAdapter, people: People, record: str) -> None:
    for raw in ("2.25", "4.50", "8", "0", "1e2"):
        for literal in (raw, f"'{raw}'", f"' {raw} '"):
            people.sql(f"UPDATE work_orders SET actual_hours = {literal}")
            assert held(adapter, record, Field.ACTUAL_HOURS) == Decimal(raw)


def test_hours_that_are_none_park_their_field_and_no_other(
    adapter: SqlAdapter, people: People, record: str, database: str
) -> None:
    bad = {"-1": "negative", "'NaN'": "finite", "'Infinity'": "finite", "99999999999": "range"}
    empty = ["NULL"]
    if database == "sqlite":  # PostgreSQL does not take these
        bad |= {"'abc'": "number", "'2,5'": "number", "9e999": "finite", "X'FF'": "number"}
        empty.append("''")
    for literal, why in bad.items():
        people.sql(f"UPDATE work_orders SET actual_hours = {literal}, root_cause = 'Rust'")
        told = adapter.get(record).fields
        hours = told[Field.ACTUAL_HOURS]
        assert isinstance(hours, Unreadable), literal
        assert why in hours.why
        assert told[Field.ROOT_CAUSE] == "Rust"
    for literal in empty:
        people.sql(f"UPDATE work_orders SET actual_hours = {literal}")
        assert held(adapter, record, Field.ACTUAL_HOURS) is None


def test_times_are_read_with_any_offset(adapter: SqlAdapter, people: People, record: str) -> None:
    half_past_two = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
    for raw in (
        "2026-03-10T14:30:00Z",
        "2026-03-10 15:30:00+01:00",
        "2026-03-10T09:00:00.000-05:30",
        " 2026-03-10T14:30Z\n",
    ):
        people.sql("UPDATE work_orders SET completed_at = :raw", raw=raw)
        assert held(adapter, record, Field.COMPLETED_AT) == half_past_two
    people.sql("UPDATE work_orders SET completed_at = ''")
    assert held(adapter, record, Field.COMPLETED_AT) is None


def test_a_time_is_never_guessed(adapter: SqlAdapter, people: People, record: str) -> None:
    for raw, why in {
        "2026-03-10 14:30:00": "offset",
        "2026-03-10": "offset",
        "tomorrow": "ISO 8601",
        "0001-01-01T00:00:00+14:00": "range",
    }.items():
        people.sql("UPDATE work_orders SET completed_at = :raw", raw=raw)
        value = held(adapter, record, Field.COMPLETED_AT)
        assert isinstance(value, Unreadable)
        assert why in value.why


def test_any_text_comes_back_as_it_was_written(adapter: SqlAdapter, record: str) -> None:
    letters = "aé🔧\u0301\u202e\x1b\t\r\n'\"%:\\;-" + "\U0010ffff\ue000\x7f"
    drawn = random.Random(7)
    texts = ["".join(drawn.choices(letters, k=drawn.randrange(1, 40))) for _ in range(30)]
    for text in [*texts, "x" * 2_000_000, "'; DROP TABLE work_orders; --"]:
        written = adapter.update(record, {Field.DESCRIPTION: text}, {})
        assert written.fields[Field.DESCRIPTION] == text


def test_a_nul_is_left_out_of_what_is_written(adapter: SqlAdapter, record: str) -> None:
    written = adapter.update(record, {Field.TITLE: "a\x00b"}, {})
    assert written.fields[Field.TITLE] == "ab"
    assert adapter.find("wo\x00_1") == []


def test_half_a_surrogate_pair_is_refused_for_its_record_alone(
    adapter: SqlAdapter, record: str
) -> None:
    with pytest.raises(Refused, match="surrogate"):
        adapter.update(record, {Field.TITLE: "a\ud800"}, {})
    with pytest.raises(Refused, match="surrogate"):
        adapter.create("wo_2", {**ORDER, Field.TITLE: "a\ud800"})
    assert held(adapter, record, Field.TITLE) == ORDER[Field.TITLE]
    assert adapter.find("wo_2") == []


def test_text_that_is_not_utf_8_parks_its_field_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cmms.db'}"
    broken = "CAST(X'FF41' AS TEXT)"
    with closing(make_adapter(url)) as adapter:
        made = adapter.create("wo_1", ORDER)
        People(url).sql(f"UPDATE work_orders SET title = {broken}, status = {broken}")
        People(url).sql(f"INSERT INTO work_orders (s2e_id) VALUES ({broken})")
        told, other = adapter.fetch(None)
        for name in (Field.TITLE, Field.STATUS, Field.EXTERNAL_STATUS):
            assert isinstance(told.fields[name], Unreadable)
        assert told.fields[Field.PRIORITY] is Priority.HIGH
        assert other.s2e_id is None
        mended = adapter.update(made.cmms_id, ORDER, {})
        assert mended.fields == made.fields


def test_text_that_is_not_utf_8_is_told_on_postgresql(postgres: Postgres) -> None:
    """Only a database that was made without an encoding can hold it."""
    made = postgres.make()
    assert made.database is not None
    bare = made.set(database=f"{made.database}_bare")
    postgres.run(
        f"CREATE DATABASE \"{bare.database}\" ENCODING 'SQL_ASCII' LC_COLLATE 'C'"
        " LC_CTYPE 'C' TEMPLATE template0"
    )
    url = text_of(bare.update_query_dict({"client_encoding": "utf8"}))
    try:
        with closing(make_adapter(url)) as adapter:
            record = adapter.create("wo_1", ORDER)
            People(url).sql("UPDATE work_orders SET title = E'\\xff'")
            with pytest.raises(UnexpectedContent, match="invalid byte sequence"):
                adapter.get(record.cmms_id)
    finally:
        postgres.drop(bare)
        postgres.drop(made)


# ── people ────────────────────────────────────────────────────────────────────────────────


def test_a_plain_update_by_people_is_read(adapter: SqlAdapter, people: People, record: str) -> None:
    people.sql("UPDATE work_orders SET status = 'IN_PROGRESS' WHERE s2e_id = 'wo_1'")
    for since in (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)):
        (found,) = adapter.fetch(since)  # nothing tells when it changed
        assert found.cmms_id == record
        assert found.fields[Field.STATUS] is Status.IN_PROGRESS


def test_a_plain_insert_by_people_is_read(adapter: SqlAdapter, people: People, record: str) -> None:
    people.sql("INSERT INTO work_orders (title) VALUES ('Sweep the yard')")
    people.sql("INSERT INTO work_orders (s2e_id, title) VALUES ('', 'Mow')")
    found = list(adapter.fetch(None))
    assert [one.s2e_id for one in found] == ["wo_1", None, None]
    assert len({one.cmms_id for one in found}) == 3
    assert adapter.get(found[1].cmms_id).fields[Field.TITLE] == "Sweep the yard"


def test_a_record_gets_its_link_by_an_update(
    adapter: SqlAdapter, people: People, record: str
) -> None:
    people.sql("INSERT INTO work_orders (title) VALUES ('Sweep the yard')")
    theirs = list(adapter.fetch(None))[-1].cmms_id
    linked = adapter.update(theirs, {Field.S2E_ID: "wo_2"}, {Field.S2E_ID: None})
    assert linked.s2e_id == "wo_2"
    with pytest.raises(Refused):  # that id is taken
        adapter.update(theirs, {Field.S2E_ID: "wo_1"}, {})
    assert adapter.get(theirs).s2e_id == "wo_2"


@pytest.mark.parametrize(
    "cmms_id", ["0", "007", "+1", " 1", "1_0", "١", "²", "WO-1", "9" * 30, "9" * 5000]
)
def test_what_is_not_spelled_as_an_id_is_not_found(
    adapter: SqlAdapter, record: str, cmms_id: str
) -> None:
    with pytest.raises(NotFound):
        adapter.get(cmms_id)
    with pytest.raises(NotFound):
        adapter.update(cmms_id, {Field.TITLE: "x"}, {})


def test_ids_of_peoples_own_are_found(adapter: SqlAdapter, people: People, record: str) -> None:
    for number in (-5, 0, 2_000_000_000):
        people.sql("INSERT INTO work_orders (id, title) VALUES (:n, 'x')", n=number)
        assert adapter.get(str(number)).cmms_id == str(number)
    ids = [int(found.cmms_id) for found in adapter.fetch(None)]
    assert ids == sorted({-5, 0, int(record), 2_000_000_000})


# ── creating ──────────────────────────────────────────────────────────────────────────────


def test_two_that_create_at_once_make_one_record(database_url: str, people: People) -> None:
    code = (
        "from contextlib import closing\n"
        "from tests.edges.sql_bench import ORDER, make_adapter\n"
        "with closing(make_adapter(url)) as adapter:\n"
        "    adapter.check()\n"
        "    GO\n"
        "    print(*(adapter.create(f'wo_{n}', ORDER).cmms_id for n in range(20)))\n"
    )
    with closing(make_adapter(database_url)) as adapter:
        adapter.check()
        with another_process(code, database_url) as other:
            ours = [adapter.create(f"wo_{number}", ORDER).cmms_id for number in range(20)]
            assert other.stdout is not None
            theirs = other.stdout.read().split()
    assert ours == theirs
    assert len(people.sql("SELECT id FROM work_orders")) == 20


def test_numbers_that_people_took_are_stepped_over(
    adapter: SqlAdapter, people: People, record: str
) -> None:
    """PostgreSQL's own count does not know of the numbers that people insert."""
    for number in range(2, 6):
        people.sql("INSERT INTO work_orders (id, title) VALUES (:n, 'x')", n=number)
    assert adapter.create("wo_2", ORDER).cmms_id == "6"
    assert adapter.create("wo_3", ORDER).s2e_id == "wo_3"
    assert len(people.sql("SELECT id FROM work_orders")) == 7


# ── updating ──────────────────────────────────────────────────────────────────────────────


def test_an_update_writes_its_columns_and_no_others(adapter: SqlAdapter, people: People) -> None:
    made = adapter.create("wo_1", FULL)
    before = people.row(made.cmms_id)
    fields: Fields = {Field.STATUS: Status.COMPLETED, Field.ROOT_CAUSE: None}
    written = adapter.update(made.cmms_id, fields, {Field.STATUS: Status.ASSIGNED})
    after = people.row(made.cmms_id)
    assert {name for name in after if after[name] != before[name]} == {"status", "root_cause"}
    assert after["root_cause"] is None
    assert written == adapter.get(made.cmms_id)
    assert written.fields[Field.STATUS] is Status.COMPLETED


def test_a_record_that_moved_since_is_left_alone(
    adapter: SqlAdapter, people: People, record: str
) -> None:
    people.sql("UPDATE work_orders SET status = 'ON_HOLD'")
    expected: Fields = {Field.STATUS: Status.ASSIGNED, Field.TITLE: "Pump leaks"}
    with pytest.raises(Changed, match="another status than") as caught:
        adapter.update(record, {Field.STATUS: Status.COMPLETED, Field.TITLE: "New"}, expected)
    assert not caught.value.may_have_applied
    row = people.row(record)
    assert (row["status"], row["title"]) == ("ON_HOLD", "Pump leaks")


def test_another_spelling_of_what_was_expected_is_no_change(
    adapter: SqlAdapter, people: People, record: str
) -> None:
    people.sql(
        "UPDATE work_orders SET actual_hours = '4.50', completed_at = '2026-03-10T15:30:00+01:00',"
        " resolution = :text, estimated_hours = -1",
        text="one\r\ntwo",
    )
    expected: Fields = {
        Field.ACTUAL_HOURS: Decimal("4.5"),
        Field.COMPLETED_AT: datetime(2026, 3, 10, 14, 30, tzinfo=UTC),
        Field.RESOLUTION: "one\ntwo",
        Field.ESTIMATED_HOURS: held(adapter, record, Field.ESTIMATED_HOURS),
        Field.LOCATION: None,
    }
    assert isinstance(expected[Field.ESTIMATED_HOURS], Unreadable)
    new: Fields = {Field.ACTUAL_HOURS: Decimal(5), Field.ESTIMATED_HOURS: Decimal(2)}
    written = adapter.update(record, new, expected)
    assert {name: written.fields[name] for name in new} == new


def test_what_the_customers_own_rule_forbids_is_refused(
    adapter: SqlAdapter, people: People, record: str, database: str
) -> None:
    if database == "postgres":
        people.sql("ALTER TABLE work_orders ADD CHECK (priority <> 'LOW')")
    for when in ("INSERT", "UPDATE") if database == "sqlite" else ():
        people.sql(
            f"CREATE TRIGGER on_{when} BEFORE {when} ON work_orders WHEN NEW.priority = 'LOW'"
            " BEGIN SELECT RAISE(ABORT, 'no trifles'); END"
        )
    low: Fields = {**ORDER, Field.PRIORITY: Priority.LOW}
    with pytest.raises(Refused) as caught:
        adapter.create("wo_2", low)
    assert not caught.value.may_have_applied
    with pytest.raises(Refused):
        adapter.update(record, low, {})
    assert held(adapter, record, Field.PRIORITY) is Priority.HIGH
    assert adapter.find("wo_2") == []
    assert adapter.create("wo_2", ORDER).s2e_id == "wo_2"


# ── reading it all ────────────────────────────────────────────────────────────────────────


def test_a_thousand_records_are_all_read_and_written_while_another_process_edits(
    adapter: SqlAdapter, people: People, database_url: str
) -> None:
    adapter.check()
    rows = ", ".join(f"('wo_{n}', 'ASSIGNED')" for n in range(1000))
    people.sql(f"INSERT INTO work_orders (s2e_id, status) VALUES {rows}")
    code = (
        "from tests.edges.sql_bench import People\n"
        "people = People(url)\n"
        "GO\n"
        "for n in map(str, range(25)):\n"
        "    people.sql('UPDATE work_orders SET root_cause = :n WHERE id < 500', n=n)\n"
        "    people.sql('INSERT INTO work_orders (title) VALUES (:n)', n=n)\n"
        "    people.sql('DELETE FROM work_orders WHERE title = :n', n=str(int(n) - 3))\n"
    )
    with another_process(code, database_url) as other:
        looks = 0
        while other.poll() is None or not looks:
            found = list(adapter.fetch(None))
            assert [one.s2e_id for one in found if one.s2e_id] == [f"wo_{n}" for n in range(1000)]
            assert len({one.cmms_id for one in found}) == len(found)
            adapter.update(found[looks].cmms_id, {Field.STATUS: Status.ON_HOLD}, {})
            looks += 1
    on_hold = people.sql("SELECT id FROM work_orders WHERE status = 'ON_HOLD'")
    assert len(on_hold) == looks


def test_a_fetch_that_is_not_read_to_its_end_holds_nothing(
    adapter: SqlAdapter, people: People
) -> None:
    adapter.check()
    rows = ", ".join(f"('wo_{n}')" for n in range(500))
    people.sql(f"INSERT INTO work_orders (s2e_id) VALUES {rows}")
    reading = adapter.fetch(None)
    first = next(reading)
    people.sql("UPDATE work_orders SET title = 'New'")
    people.sql("DELETE FROM work_orders WHERE s2e_id = 'wo_499'")
    adapter.update(first.cmms_id, {Field.TITLE: "Ours"}, {})
    last = list(reading)[-1]
    assert (last.s2e_id, last.fields[Field.TITLE]) == ("wo_498", "New")


def test_check_counts_the_records(adapter: SqlAdapter, record: str) -> None:
    assert adapter.check().endswith(": 1 records in work_orders")


# ── the file ──────────────────────────────────────────────────────────────────────────────


def test_the_file_is_made_in_wal_mode_and_a_found_one_keeps_its_own(tmp_path: Path) -> None:
    made, found = tmp_path / "made.db", tmp_path / "found.db"
    People(f"sqlite:///{found}").sql("CREATE TABLE theirs (x)")
    for path, mode in ((made, "wal"), (found, "delete")):
        with closing(make_adapter(f"sqlite:///{path}")) as adapter:
            adapter.create("wo_1", ORDER)
        assert People(f"sqlite:///{path}").sql("PRAGMA journal_mode") == [{"journal_mode": mode}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.db", "made.db"]


def test_a_file_name_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "a #%41 b&c=d?.db"
    url = URL.create("sqlite", database=str(path)).render_as_string()
    with closing(make_adapter(url)) as adapter:
        adapter.create("wo_1", ORDER)
    assert path.exists()


def test_a_file_that_was_moved_away_is_neither_made_anew_nor_written_unseen(
    tmp_path: Path,
) -> None:
    path, aside = tmp_path / "cmms.db", tmp_path / "aside.db"
    with closing(make_adapter(f"sqlite:///{path}")) as adapter:
        made = adapter.create("wo_1", ORDER)
        path.rename(aside)
        calls: list[Callable[[], object]] = [
            lambda: list(adapter.fetch(None)),
            lambda: adapter.get(made.cmms_id),
            lambda: adapter.update(made.cmms_id, {Field.TITLE: "x"}, {}),
            lambda: adapter.create("wo_2", ORDER),
        ]
        for call in calls:
            with pytest.raises(Unreachable) as caught:
                call()
            assert not caught.value.may_have_applied
        assert not path.exists()
        aside.rename(path)
        assert adapter.get(made.cmms_id) == made
