"""Ids are text, exactly: two ids never become one, and the longest is written to."""

import pytest

from syncd.core.work_order import Field
from syncd.errors import NotFound
from tests.cmms.test_sql_mapped_forms import Make, make

__all__ = ["make"]  # the fixture

MAPPING = "table: jobs\nid: no\nfields: {title: title}\n"
BIG = 2**63 - 1
WHOLE = [
    ("BIGINT", [BIG, BIG - 1, 1234567890123456789, 7, -7]),
    ("INTEGER", [2**31 - 1, 7]),
    ("NUMERIC(30, 0)", [10**18 + 1, 10**18, 7]),
]
ODD = ["007", "7.0", " 7", "+7", "7e0", "٧", "", "x", "NaN", "Infinity", "-0", "1_0", "9" * 19,
       "9" * 40, str(2**63)]  # fmt: skip
LONG = [12345678901234567890123456789, 12345678901234567890123456788, 2**64 + 1, 2**64]


@pytest.mark.parametrize(("kind", "ids"), WHOLE, ids=[kind for kind, _ in WHOLE])
def test_every_number_that_the_database_keeps_is_read_and_written(
    make: Make, kind: str, ids: list[int]
) -> None:
    adapter, people = make(MAPPING, f"CREATE TABLE jobs (no {kind} PRIMARY KEY, title TEXT)")
    for number in ids:
        people.sql(f"INSERT INTO jobs VALUES ({number}, 'of {number}')")
    assert sorted(it.cmms_id for it in adapter.fetch(None)) == sorted(map(str, ids))
    for number in ids:
        after = adapter.update(str(number), {Field.TITLE: "new"}, {Field.TITLE: f"of {number}"})
        assert (after.cmms_id, after.fields[Field.TITLE]) == (str(number), "new")
        people.sql("UPDATE jobs SET title = 'done' WHERE title = 'new'")


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_number_of_thirty_digits_is_an_id(make: Make) -> None:
    adapter, people = make(MAPPING, "CREATE TABLE jobs (no NUMERIC PRIMARY KEY, title TEXT)")
    for number in LONG:
        people.sql(f"INSERT INTO jobs VALUES ({number}, 'of {number}'), ({number}.5, 'half')")
    assert len({it.cmms_id for it in adapter.fetch(None)}) == 2 * len(LONG)
    for number in LONG:
        assert adapter.get(str(number)).fields[Field.TITLE] == f"of {number}"
        assert adapter.get(f"{number}.5").fields[Field.TITLE] == "half"
        after = adapter.update(str(number), {Field.TITLE: "new"}, {})
        assert after.fields[Field.TITLE] == "new"


@pytest.mark.parametrize("kind", ["BIGINT", "INTEGER", "NUMERIC(30, 0)", "TEXT", "VARCHAR(40)"])
@pytest.mark.parametrize("odd", ODD)
def test_what_is_not_spelled_as_an_id_is_no_record(make: Make, kind: str, odd: str) -> None:
    adapter, people = make(MAPPING, f"CREATE TABLE jobs (no {kind} PRIMARY KEY, title TEXT)")
    people.sql("INSERT INTO jobs VALUES (7, 'x'), (0, 'y'), (10, 'z')")
    for call in (adapter.get, lambda it: adapter.update(it, {Field.TITLE: "z"}, {})):
        with pytest.raises(NotFound):
            call(odd)


@pytest.mark.parametrize("ids", [("007", "7", "07"), ("A-1", "a-1"), ("1" * 30, "1" * 31)])
def test_ids_that_are_texts_stay_as_they_are_spelled(make: Make, ids: tuple[str, ...]) -> None:
    adapter, people = make(MAPPING, "CREATE TABLE jobs (no VARCHAR(40) PRIMARY KEY, title TEXT)")
    for text in ids:
        people.sql("INSERT INTO jobs VALUES (:no, :title)", no=text, title=f"of {text}")
    assert sorted(it.cmms_id for it in adapter.fetch(None)) == sorted(ids)
    for text in ids:
        after = adapter.update(text, {Field.TITLE: f"new {text}"}, {Field.TITLE: f"of {text}"})
        assert (after.cmms_id, after.fields[Field.TITLE]) == (text, f"new {text}")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_id_of_a_column_without_a_type_is_met_as_it_is_kept(make: Make) -> None:
    adapter, people = make(MAPPING, "CREATE TABLE jobs (no PRIMARY KEY, title TEXT)")
    people.sql(f"INSERT INTO jobs VALUES (7, 'number'), ('008', 'text'), ({BIG}, 'long')")
    assert adapter.get("7").fields[Field.TITLE] == "number"
    assert adapter.get("008").fields[Field.TITLE] == "text"
    assert adapter.update(str(BIG), {Field.TITLE: "new"}, {}).fields[Field.TITLE] == "new"
    with pytest.raises(NotFound):
        adapter.get("8")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_collation_that_ignores_case_makes_no_two_ids_one(make: Make) -> None:
    adapter, people = make(
        MAPPING, "CREATE TABLE jobs (no TEXT COLLATE NOCASE PRIMARY KEY, title TEXT)"
    )
    people.sql("INSERT INTO jobs VALUES ('WO-7', 'x')")
    assert adapter.get("WO-7").cmms_id == "WO-7"
    with pytest.raises(NotFound):
        adapter.get("wo-7")
    with pytest.raises(NotFound):
        adapter.update("wo-7", {Field.TITLE: "z"}, {})
