"""The sql adapter on a customer's own table, by the mapping that ships as an example."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from syncd.core.work_order import Field, Fields, Priority, Status, Unreadable
from syncd.errors import Changed, ConfigurationError, NotFound, Refused, UnexpectedContent
from tests.cmms.sql_customer import Customer

NEW: Fields = {
    Field.TITLE: "Pump leaks",
    Field.DESCRIPTION: "Oil under the pump.\nSmells.",
    Field.STATUS: Status.ASSIGNED,
    Field.PRIORITY: Priority.CRITICAL,
    Field.DUE_DATE: datetime(2026, 7, 1, 6, 30, tzinfo=UTC),
    Field.ESTIMATED_HOURS: Decimal("1.5"),
}


def test_a_read_yields_the_records_of_the_mapping_in_our_words(customer: Customer) -> None:
    first, second = customer.adapter().fetch(None)
    assert (first.cmms_id, second.cmms_id) == ("1", "3")
    assert first.s2e_id is None
    assert first.fields[Field.TITLE] == "Belt slips"
    assert first.fields[Field.STATUS] is Status.ASSIGNED
    assert first.fields[Field.PRIORITY] is Priority.MEDIUM
    assert first.fields[Field.ACTUAL_HOURS] is None  # 0 minutes are absent
    assert first.fields[Field.EXTERNAL_ID] == "1"
    assert first.fields[Field.EXTERNAL_STATUS] == "REL"
    assert first.fields[Field.EXTERNAL_URL] == "https://plant.example/jobs/1"
    assert first.native["short_text"] == "Belt slips"
    assert second.fields[Field.STATUS] is Status.COMPLETED


def test_a_created_record_carries_the_id_and_their_own_constants(customer: Customer) -> None:
    made = customer.adapter().create("wo_1", NEW)
    row = customer.row(made.cmms_id)
    assert row["scan2evolve_id"] == "wo_1"
    assert row["site_code"] == "HAM"
    assert str(row["state"]).strip() == "REL"
    assert row["prio"] == 1
    assert row["planned_min"] == 90
    assert str(row["finish_by"])[:16] == "2026-07-01 08:30"  # Berlin, in summer
    assert made.s2e_id == "wo_1"
    assert made.fields[Field.DUE_DATE] == NEW[Field.DUE_DATE]
    assert made.fields[Field.PRIORITY] is Priority.HIGH
    assert made.equivalents[Field.PRIORITY] == {"HIGH", "CRITICAL"}


def test_a_record_is_created_once(customer: Customer) -> None:
    adapter = customer.adapter()
    assert adapter.create("wo_1", NEW).cmms_id == adapter.create("wo_1", NEW).cmms_id
    assert len(customer.rows("scan2evolve_id = 'wo_1'")) == 1


def test_a_record_is_found_by_its_id_to_the_letter(customer: Customer) -> None:
    adapter = customer.adapter()
    made = adapter.create("wo_1", NEW)
    assert [it.cmms_id for it in adapter.find("wo_1")] == [made.cmms_id]
    assert adapter.find("WO_1") == []
    assert adapter.find("wo_1\x00") == []


def test_an_update_writes_the_fields_it_is_told_and_no_others(customer: Customer) -> None:
    adapter = customer.adapter()
    before = adapter.get("1")
    after = adapter.update(
        "1",
        {Field.ROOT_CAUSE: "Worn belt", Field.STATUS: Status.IN_PROGRESS},
        {Field.ROOT_CAUSE: None, Field.STATUS: Status.ASSIGNED},
    )
    assert after.fields[Field.ROOT_CAUSE] == "Worn belt"
    assert after.fields[Field.STATUS] is Status.IN_PROGRESS
    unchanged = set(before.fields) - {Field.ROOT_CAUSE, Field.STATUS, Field.EXTERNAL_STATUS}
    assert {n: after.fields[n] for n in unchanged} == {n: before.fields[n] for n in unchanged}
    assert str(customer.row("1")["state"]).strip() == "PCNF"


def test_an_update_of_nothing_writes_nothing(customer: Customer) -> None:
    before = customer.row("1")
    customer.adapter().update("1", {}, {})
    assert customer.row("1") == before


def test_a_field_is_cleared(customer: Customer) -> None:
    adapter = customer.adapter()
    adapter.update("1", {Field.ROOT_CAUSE: "Worn"}, {})
    after = adapter.update("1", {Field.ROOT_CAUSE: None}, {Field.ROOT_CAUSE: "Worn"})
    assert after.fields[Field.ROOT_CAUSE] is None
    assert customer.row("1")["cause_text"] is None


def test_an_edit_in_between_is_not_overwritten(customer: Customer) -> None:
    adapter = customer.adapter()
    customer.edit("1", cause_text="Somebody's own")
    with pytest.raises(Changed, match="root_cause"):
        adapter.update("1", {Field.ROOT_CAUSE: "Worn"}, {Field.ROOT_CAUSE: None})
    assert customer.row("1")["cause_text"] == "Somebody's own"


def test_what_a_map_does_not_know_is_refused_before_anything_is_written(customer: Customer) -> None:
    customer.change("    HOLD: ON_HOLD\n", "")
    adapter = customer.adapter()
    wanted = {Field.STATUS: Status.ON_HOLD, Field.ROOT_CAUSE: "Worn"}
    with pytest.raises(Refused, match=r"status 'ON_HOLD' cannot be written.*plant.yaml:36"):
        adapter.update("1", wanted, {})
    assert customer.row("1")["cause_text"] is None
    assert [note for note in adapter.notes if "ON_HOLD" in note] != []


def test_a_state_that_no_map_knows_parks_its_field_and_nothing_else(customer: Customer) -> None:
    customer.edit("1", state="????")
    record = customer.adapter().get("1")
    told = record.fields[Field.STATUS]
    assert isinstance(told, Unreadable)
    assert "maps.status" in told.why
    assert record.fields[Field.TITLE] == "Belt slips"


def test_a_record_of_another_site_is_not_ours(customer: Customer) -> None:
    adapter = customer.adapter()
    for ask in (adapter.get, lambda cmms_id: adapter.update(cmms_id, {}, {})):
        with pytest.raises(NotFound):
            ask("2")


@pytest.mark.parametrize("cmms_id", ["99", "01", "x", "1 ", "", "1.0", "9" * 30])
def test_what_is_no_id_is_not_found(customer: Customer, cmms_id: str) -> None:
    with pytest.raises(NotFound):
        customer.adapter().get(cmms_id)


def test_a_read_since_yields_what_changed_and_what_has_no_time(customer: Customer) -> None:
    # In November Berlin is an hour ahead of UTC.
    customer.edit("1", last_change="2026-11-20 09:00:00")
    customer.edit("3", last_change="2026-11-23 15:00:01")
    customer.add(site_code="HAM", short_text="No time", state="REL")
    adapter = customer.adapter()
    assert adapter.capabilities.filters_changes
    since = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    found = list(adapter.fetch(since))
    assert [it.cmms_id for it in found] == ["3", "4"]
    assert found[0].updated_at == datetime(2026, 11, 23, 14, 0, 1, tzinfo=UTC)


def test_a_change_in_the_hour_that_comes_twice_is_not_missed(customer: Customer) -> None:
    # 02:45 in summer time is 00:45 UTC; 02:10 of the hour after it is 01:10 UTC.
    customer.edit("1", last_change="2026-10-25 02:10:00")
    customer.edit("3", last_change="2026-10-24 02:10:00")
    found = customer.adapter().fetch(datetime(2026, 10, 25, 0, 45, tzinfo=UTC))
    assert [it.cmms_id for it in found] == ["1"]


def test_a_long_table_is_read_to_its_end_while_rows_move(customer: Customer) -> None:
    for number in range(450):
        customer.add(site_code="HAM", short_text=f"Job {number}", state="REL")
    reading = customer.adapter().fetch(None)
    seen = [next(reading).cmms_id for _ in range(10)]
    customer.people.sql(f"UPDATE {customer.table} SET last_change = '2026-11-23 15:00:00'")
    seen += [record.cmms_id for record in reading]
    assert len(seen) == len(set(seen)) == 452


def test_a_text_over_its_column_is_cut_with_a_mark_and_stands_for_the_whole(
    customer: Customer,
) -> None:
    long = "Pump " * 30
    made = customer.adapter().create("wo_1", {**NEW, Field.TITLE: long})
    kept = made.fields[Field.TITLE]
    assert isinstance(kept, str)
    assert kept.endswith("…")
    assert len(kept) <= 80
    assert made.equivalents[Field.TITLE] == {long}


def test_hours_between_two_minutes_stand_for_what_was_sent(customer: Customer) -> None:
    after = customer.adapter().update("1", {Field.ACTUAL_HOURS: Decimal("0.51")}, {})
    assert after.fields[Field.ACTUAL_HOURS] == Decimal("0.5167")
    assert after.equivalents[Field.ACTUAL_HOURS] == {"0.51"}
    assert customer.row("1")["worked_min"] == 31


def test_a_version_that_moved_meanwhile_is_a_change(customer: Customer) -> None:
    customer.change("version: row_version ", "version: {at: row_version, count: true} ")
    adapter = customer.adapter()
    adapter.update("1", {Field.ROOT_CAUSE: "Worn"}, {})
    assert customer.row("1")["row_version"] == 2


def test_what_the_database_refuses_is_refused(customer: Customer) -> None:
    customer.change(", max: 80}", "}")
    customer.change("title: {at: short_text}", "title: short_text")
    adapter = customer.adapter()
    if customer.sqlite:
        with pytest.raises(Refused, match="NOT NULL"):
            adapter.create("wo_1", {Field.STATUS: Status.DRAFT})
    else:
        with pytest.raises(Refused, match="80"):
            adapter.create("wo_1", {**NEW, Field.TITLE: "x" * 81})


def test_without_an_insert_records_are_linked_and_never_made(customer: Customer) -> None:
    customer.change("insert: {set: {site_code: HAM}}", "# ")
    adapter = customer.adapter()
    assert not adapter.capabilities.creates
    assert any("no insert" in note for note in adapter.notes)
    with pytest.raises(Refused, match="not made by this mapping"):
        adapter.create("wo_1", NEW)


def test_a_column_that_is_not_there_is_named_with_its_line(customer: Customer) -> None:
    customer.change("root_cause: cause_text", "root_cause: cause_txt")
    with pytest.raises(UnexpectedContent, match=r"column cause_txt .*plant.yaml:30.*cause_text"):
        list(customer.adapter().fetch(None))


def test_a_table_that_is_not_there_is_named_with_its_line(customer: Customer) -> None:
    customer.change(f"table: {customer.table}", "table: no_such")
    with pytest.raises(UnexpectedContent, match=r"no table or view no_such \(.*plant.yaml:9\)"):
        customer.adapter().check()


def test_a_zone_is_asked_for_where_the_column_has_none(customer: Customer) -> None:
    customer.change("times: {zone: Europe/Berlin}", "times: {}")
    with pytest.raises(UnexpectedContent, match=r"due_date|finish_by.*zone.*plant.yaml:26"):
        customer.adapter().check()


def test_the_check_counts_the_records(customer: Customer) -> None:
    assert customer.adapter().check().endswith(f"2 records in {customer.table}")


def test_a_record_that_was_kept_is_read_by_a_mapping_of_today(customer: Customer) -> None:
    kept = customer.adapter().get("1").native
    before = customer.adapter()
    customer.change("    REL: ASSIGNED", "    REL: DRAFT")
    customer.change("    CRTD: DRAFT", "    CRTD: ASSIGNED")
    after = customer.adapter()
    assert before.mapping_hash != after.mapping_hash
    assert before.read_native(kept).fields[Field.STATUS] is Status.ASSIGNED
    assert after.read_native(kept).fields[Field.STATUS] is Status.DRAFT
    assert Field.ROOT_CAUSE not in after.read_native({"job_no": 1}).fields


def test_who_may_not_write_cannot(customer: Customer) -> None:
    adapter = customer.adapter(may_write=False)
    assert len(list(adapter.fetch(None))) == 2
    with pytest.raises(RuntimeError):
        adapter.create("wo_1", NEW)


def test_another_kind_of_mapping_is_not_taken(customer: Customer) -> None:
    customer.change("mapping: sql/1", "mapping: rest/1")
    with pytest.raises(ConfigurationError, match="this adapter takes sql/1"):
        customer.adapter()
