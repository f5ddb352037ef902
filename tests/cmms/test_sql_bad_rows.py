"""One bad row is one bad row: what a driver cannot read parks one field, and the rest is read."""

from datetime import UTC, datetime, timedelta

import pytest

from syncd.cmms.sql.mapped import MappedSqlAdapter
from syncd.core.work_order import Field, Unreadable
from syncd.errors import UnexpectedContent
from syncd.mirror.db.columns import json_text
from tests.cmms.sql_customer import Customer

BEYOND_PYTHON = ("infinity", "-infinity", "20000-01-01 12:00:00", "0044-03-15 12:00:00 BC")


def _finish_by(adapter: MappedSqlAdapter, cmms_id: str) -> object:
    (listed,) = [it for it in adapter.fetch(None) if it.cmms_id == cmms_id]
    got = adapter.get(cmms_id)
    assert listed.fields == got.fields
    assert got.fields[Field.TITLE] == "Belt slips"
    return got.fields[Field.DUE_DATE]


@pytest.mark.parametrize("time", BEYOND_PYTHON)
def test_a_time_that_python_has_no_number_for_is_one_unreadable_field(
    customer: Customer, time: str
) -> None:
    customer.edit("1", finish_by=time)
    adapter = customer.adapter()
    assert {it.cmms_id for it in adapter.fetch(None)} == {"1", "3"}
    held = _finish_by(adapter, "1")
    assert isinstance(held, Unreadable)
    assert held.raw == time


@pytest.mark.parametrize("time", BEYOND_PYTHON)
def test_a_row_whose_time_of_change_cannot_be_read_is_read_as_one_without(
    customer: Customer, time: str
) -> None:
    customer.edit("3", last_change="2026-03-01 12:00:00")
    customer.edit("1", last_change=time)
    stamps = {it.cmms_id: it.updated_at is None for it in customer.adapter().fetch(None)}
    assert stamps == {"1": True, "3": False}


@pytest.mark.parametrize("time", BEYOND_PYTHON)
def test_the_other_fields_of_such_a_row_are_written(customer: Customer, time: str) -> None:
    customer.edit("1", finish_by=time)
    after = customer.adapter().update("1", {Field.ROOT_CAUSE: "Worn"}, {Field.ROOT_CAUSE: None})
    assert after.fields[Field.ROOT_CAUSE] == "Worn"
    assert isinstance(after.fields[Field.DUE_DATE], Unreadable)
    written = customer.people.sql(f"SELECT cause_text FROM {customer.table} WHERE job_no = 1")
    assert written == [{"cause_text": "Worn"}]


def test_a_row_that_is_listed_for_a_time_of_change_nobody_can_read_stops_no_read_of_changes(
    customer: Customer,
) -> None:
    """Every read of changes shows it, and often it alone."""
    customer.edit("1", last_change="2026-01-05 12:00:00")
    customer.edit("3", last_change="infinity")
    adapter = customer.adapter()
    assert {it.cmms_id for it in adapter.fetch(None)} == {"1", "3"}
    changed = adapter.fetch(datetime(2026, 3, 1, tzinfo=UTC))
    assert [(it.cmms_id, it.updated_at) for it in changed] == [("3", None)]


def test_a_table_of_dates_in_which_no_time_of_change_can_be_read_is_read(
    customer: Customer,
) -> None:
    """On SQLite dates are texts, and may be misspelled by the mapping: there it is an error."""
    customer.edit("1", last_change="infinity")
    if customer.sqlite:
        with pytest.raises(UnexpectedContent, match="no record has a time in last_change"):
            list(customer.adapter().fetch(None))
    else:
        assert {it.cmms_id for it in customer.adapter().fetch(None)} == {"1", "3"}


def test_a_row_without_an_id_is_named_by_its_table_and_the_others_are_read(
    customer: Customer,
) -> None:
    table = customer.table
    nulls = ", ".join(["NULL"] * 11)
    customer.people.sql(
        f"CREATE VIEW {table}_and_more AS SELECT * FROM {table} UNION ALL "
        f"SELECT NULL, 'HAM', NULL, 'No number', NULL, CAST('REL' AS CHAR(4)), 1, {nulls}"
    )
    customer.change("table: maint.jobs" if not customer.sqlite else "table: jobs",
                    f"table: {table}_and_more")  # fmt: skip
    adapter = customer.adapter()
    assert [it.cmms_id for it in adapter.fetch(None)] == ["1", "3"]
    assert adapter.nameless == {"job_no is NULL in 1 rows": f"{table}_and_more"}
    assert "1 without an id, which are left out" in adapter.check()
    assert [it.cmms_id for it in adapter.fetch(datetime(2020, 1, 1, tzinfo=UTC))] == ["1", "3"]
    assert adapter.nameless == {}


def test_a_server_tells_its_own_time_and_a_file_has_ours(customer: Customer) -> None:
    told = customer.adapter().now()
    if customer.sqlite:
        assert told is None
    else:
        assert told is not None
        assert abs(told - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e5000", "-1e5000", "1e-5000"])
def test_a_number_that_is_no_working_time_is_one_unreadable_field(
    customer: Customer, number: str
) -> None:
    customer.people.sql(f"ALTER TABLE {customer.table} ALTER COLUMN planned_min TYPE NUMERIC")
    customer.people.sql(
        f"UPDATE {customer.table} SET planned_min = CAST(:n AS NUMERIC) WHERE job_no = 1", n=number
    )
    first, second = customer.adapter().fetch(None)
    assert (first.cmms_id, second.cmms_id) == ("1", "3")
    held = first.fields[Field.ESTIMATED_HOURS]
    assert isinstance(held, Unreadable) or held == 0
    assert json_text(dict(first.native))


def test_a_row_without_an_id_that_carries_an_order_is_about_that_order_alone(
    customer: Customer,
) -> None:
    table, nulls = customer.table, ", ".join(["NULL"] * 11)
    customer.people.sql(
        f"CREATE VIEW {table}_and_more AS SELECT * FROM {table} UNION ALL "
        f"SELECT NULL, 'HAM', 'wo_7', 'No number', NULL, CAST('REL' AS CHAR(4)), 1, {nulls}"
    )
    customer.change("table: maint.jobs" if not customer.sqlite else "table: jobs",
                    f"table: {table}_and_more")  # fmt: skip
    with pytest.raises(UnexpectedContent) as caught:
        customer.adapter().find("wo_7")
    assert caught.value.is_about_one
