"""What the odoo adapter writes, and what it leaves alone."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from syncd.core.work_order import Field, Fields, Status
from syncd.errors import Changed, NotFound, Refused, UnexpectedContent
from tests.cmms.fake_odoo_models import EQUIPMENT, REQUEST, STAGE, USER, XMLID
from tests.cmms.odoo_bench import NAMES, make_odoo, served

ORDER: Fields = {Field.TITLE: "Pump leaks", Field.STATUS: Status.ASSIGNED}
DONE = datetime(2026, 3, 11, 9, 30, tzinfo=UTC)
DAY = datetime(2026, 3, 11, tzinfo=UTC)


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


@pytest.mark.parametrize("options", [{}, NAMES], ids=["identifier", "field"])
def test_the_id_goes_in_with_the_request_in_one_transaction(options: dict[str, Any]) -> None:
    odoo = make_odoo()
    with served(odoo, **options) as (_server, adapter):
        adapter.create("wo_1", ORDER)
        writes = [call.method for call in odoo.calls if call.writes]
        assert writes == ["create" if options else "load"]


def test_an_import_leaves_alone_what_was_made_since_it_was_looked_for() -> None:
    """Another made the same record in between: it stays as it is, and is returned."""
    odoo = make_odoo()
    with served(odoo) as (server, adapter):

        def made_meanwhile(writes: bool) -> None:
            if writes and not odoo.tables[XMLID]:
                odoo.mark(odoo.make(REQUEST, name="Theirs"), "wo_1")
                next(iter(odoo.tables[XMLID].values()))["noupdate"] = True

        server.on_request = made_meanwhile
        assert adapter.create("wo_1", ORDER).fields[Field.TITLE] == "Theirs"
        assert len(odoo.tables[REQUEST]) == 1


def test_a_completed_request_gets_its_day_in_a_second_write() -> None:
    odoo = make_odoo()
    with served(odoo) as (_server, adapter):
        made = adapter.create("wo_1", ORDER)
        before = len(odoo.calls)
        changes: Fields = {Field.STATUS: Status.COMPLETED, Field.COMPLETED_AT: DONE}
        told = adapter.update(made.cmms_id, changes, {})
        assert told.fields[Field.COMPLETED_AT] == DAY
        writes = [call.named["vals"] for call in odoo.calls[before:] if call.writes]
        assert writes == [{"stage_id": 3}, {"close_date": "2026-03-11"}]


def test_a_second_write_that_is_refused_says_that_the_first_was_done() -> None:
    odoo = make_odoo()
    with served(odoo) as (server, adapter):
        made = adapter.create("wo_1", ORDER)
        writes: list[bool] = []

        def second(write: bool) -> str | None:
            writes.extend([True] * write)
            return "refused" if write and len(writes) == 2 else None

        server.on_request = second
        changes: Fields = {Field.STATUS: Status.COMPLETED, Field.COMPLETED_AT: DONE}
        with pytest.raises(UnexpectedContent, match="not wholly") as caught:
            adapter.update(made.cmms_id, changes, {})
        assert caught.value.may_have_applied
        assert odoo.row(int(made.cmms_id))["close_date"] == today()


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.ASSIGNED, Status.CANCELLED])
def test_a_new_request_keeps_its_day_of_completion(status: Status) -> None:
    with served(make_odoo()) as (_server, adapter):
        fields: Fields = {**ORDER, Field.STATUS: status, Field.COMPLETED_AT: DONE}
        made = adapter.create("wo_1", fields)
        assert made.fields[Field.COMPLETED_AT] == DAY
        assert made.fields[Field.STATUS] is status


def test_a_done_stage_that_people_chose_is_kept() -> None:
    """Scrap is as done as Repaired; and writing the stage would reset the day."""
    odoo = make_odoo()
    number = odoo.make(REQUEST, name="x", stage_id=4, close_date="2026-01-02")
    with served(odoo) as (_server, adapter):
        told = adapter.update(str(number), {Field.STATUS: Status.COMPLETED}, {})
        assert told.fields[Field.EXTERNAL_STATUS] == "Scrap"
        assert odoo.row(number)["close_date"] == "2026-01-02"
        assert not any(call.writes for call in odoo.calls)


@pytest.mark.parametrize("begin", [*Status])
@pytest.mark.parametrize("end", [*Status])
def test_every_status_leads_to_every_other(begin: Status, end: Status) -> None:
    with served(make_odoo()) as (_server, adapter):
        made = adapter.create("wo_1", {**ORDER, Field.STATUS: begin})
        told = adapter.update(made.cmms_id, {Field.STATUS: end}, {})
        alike = told.equivalents.get(Field.STATUS, frozenset({str(told.fields[Field.STATUS])}))
        assert end in alike


def test_stages_that_options_name_are_written() -> None:
    odoo = make_odoo()
    waits = odoo.make(STAGE, name="Waits", sequence=9)
    options = {"stage_on_hold": str(waits), "stage_cancelled": "4", "stage_completed": "3"}
    with served(odoo, **options) as (_server, adapter):
        made = adapter.create("wo_1", ORDER)
        for status, stage in ((Status.ON_HOLD, waits), (Status.CANCELLED, 4), (Status.ASSIGNED, 1)):
            told = adapter.update(made.cmms_id, {Field.STATUS: status}, {})
            row = odoo.row(int(made.cmms_id))
            assert (row["stage_id"], row["archive"], row["kanban_state"]) == (
                stage,
                False,
                "normal",
            )
            assert told.fields[Field.STATUS] is status


def test_a_status_without_a_stage_is_refused_with_the_setting() -> None:
    odoo = make_odoo()
    for number in (2, 3, 4):
        odoo.remove(number, STAGE)
    with served(odoo) as (_server, adapter):
        made = adapter.create("wo_1", ORDER)
        with pytest.raises(Refused, match="SYNCD_CMMS_STAGE_COMPLETED"):
            adapter.update(made.cmms_id, {Field.STATUS: Status.COMPLETED}, {})


def test_what_the_record_holds_already_is_not_written() -> None:
    """Odoo would stamp it anew, and it would be read again."""
    odoo = make_odoo()
    odoo_fields = {**NAMES, "equipment_by": "serial_no"}
    with served(odoo, **odoo_fields) as (_server, adapter):
        fields: dict[Field, Any] = {
            **ORDER,
            Field.DESCRIPTION: "one\n\n  two < three",
            Field.ASSET_CODE: "P-101",
            Field.ASSIGNED_TO: "Jane@Example.com",
            Field.DUE_DATE: DONE,
            Field.ACTUAL_HOURS: Decimal("4.5"),
            Field.CLOSURE_NOTE: "as it was",
        }
        made = adapter.create("wo_1", fields)
        before = len(odoo.calls)
        adapter.update(made.cmms_id, fields, {})
        assert not any(call.writes for call in odoo.calls[before:])


def test_a_record_that_is_not_as_expected_is_not_written() -> None:
    odoo = make_odoo()
    with served(odoo) as (_server, adapter):
        made = adapter.create("wo_1", ORDER)
        odoo.change(int(made.cmms_id), name="Edited")
        with pytest.raises(Changed, match="another title"):
            adapter.update(made.cmms_id, {Field.TITLE: "Ours"}, {Field.TITLE: "Pump leaks"})
        assert odoo.row(int(made.cmms_id))["name"] == "Edited"


def test_a_record_that_is_deleted_in_between_is_not_found() -> None:
    odoo = make_odoo()
    with served(odoo) as (server, adapter):
        made = adapter.create("wo_1", ORDER)

        def deleted(writes: bool) -> None:
            if writes:
                odoo.remove(int(made.cmms_id))

        server.on_request = deleted
        with pytest.raises(NotFound):
            adapter.update(made.cmms_id, {Field.TITLE: "Ours"}, {})


# ── people and equipment ──────────────────────────────────────────────────────────────────


def test_a_user_is_found_by_login_address_or_name_and_only_if_it_is_one() -> None:
    odoo = make_odoo()
    odoo.make(USER, name="Max", login="max", email="max@example.com")
    odoo.make(USER, name="Max", login="max2", email="other@example.com")
    odoo.make(USER, name="Portal", login="portal@example.com", share=True)
    with served(odoo) as (_server, adapter):
        made = adapter.create("wo_1", ORDER)

        def assign(value: str) -> Any:
            told = adapter.update(made.cmms_id, {Field.ASSIGNED_TO: value}, {})
            return odoo.row(int(made.cmms_id))["user_id"], told

        user, told = assign("MAX@example.com")
        assert user == 4
        assert told.fields[Field.ASSIGNED_TO] == "max@example.com"
        assert assign("Joe")[0] == 3
        for value in ("Max", "nobody@example.com", "j%@example.com", "portal@example.com"):
            with pytest.raises(Refused, match="has to mean one user"):
                assign(value)
        assert odoo.row(int(made.cmms_id))["user_id"] == 3


@pytest.mark.parametrize(
    ("by", "field", "value", "unknown"),
    [
        ("serial_no", Field.ASSET_CODE, "P-102", "P-1"),
        ("name", Field.ASSET_NAME, "Pump 102", "Pump"),
        ("x_tag", Field.ASSET_CODE, "T2", "T3"),
    ],
)
def test_equipment_is_found_by_what_the_option_names(
    by: str, field: Field, value: str, unknown: str
) -> None:
    odoo = make_odoo()
    odoo.add_field("x_tag", "char", model=EQUIPMENT)
    odoo.change(2, EQUIPMENT, x_tag="T2")
    with served(odoo, equipment_by=by) as (_server, adapter):
        made = adapter.create("wo_1", {**ORDER, field: value})
        assert made.fields[field] == value
        assert odoo.row(int(made.cmms_id))["equipment_id"] == 2
        with pytest.raises(Refused, match="piece of equipment"):
            adapter.update(made.cmms_id, {field: unknown}, {})
        assert adapter.update(made.cmms_id, {field: None}, {}).fields[field] is None


def test_without_the_option_equipment_is_read_and_not_written() -> None:
    with served(make_odoo()) as (_server, adapter):
        assert Field.ASSET_CODE in adapter.capabilities.reads
        assert Field.ASSET_CODE not in adapter.capabilities.writes
        made = adapter.create("wo_1", ORDER)
        with pytest.raises(Refused, match="asset_code cannot be written"):
            adapter.update(made.cmms_id, {Field.ASSET_CODE: "P-101"}, {})


def test_another_machine_does_not_change_who_is_assigned() -> None:
    """Odoo would name the technician of the new one."""
    odoo = make_odoo()
    odoo.change(2, EQUIPMENT, technician_user_id=3)
    with served(odoo, equipment_by="serial_no") as (_server, adapter):
        made = adapter.create("wo_1", {**ORDER, Field.ASSIGNED_TO: "jane@example.com"})
        told = adapter.update(made.cmms_id, {Field.ASSET_CODE: "P-102"}, {})
        assert told.fields[Field.ASSIGNED_TO] == "jane@example.com"


@pytest.mark.parametrize(("status", "user"), [(Status.DRAFT, None), (Status.ASSIGNED, 3)])
def test_a_draft_is_made_without_the_machines_technician(status: Status, user: int | None) -> None:
    odoo = make_odoo()
    odoo.change(2, EQUIPMENT, technician_user_id=3)
    with served(odoo, equipment_by="serial_no") as (_server, adapter):
        fields: Fields = {**ORDER, Field.STATUS: status, Field.ASSET_CODE: "P-102"}
        made = adapter.create("wo_1", fields)
        assert odoo.row(int(made.cmms_id))["user_id"] == user


def test_whom_and_what_nobody_knows_is_left_out_of_a_new_request() -> None:
    fields: Fields = {**ORDER, Field.ASSIGNED_TO: "nobody@example.com", Field.ASSET_CODE: "P-9"}
    with served(make_odoo(), equipment_by="serial_no") as (_server, adapter):
        made = adapter.create("wo_1", fields)
        assert made.fields[Field.ASSIGNED_TO] is None
        assert made.fields[Field.ASSET_CODE] is None


# ── the Scan2Evolve id of a request that is there ─────────────────────────────────────────


@pytest.mark.parametrize("options", [{}, NAMES], ids=["identifier", "field"])
def test_a_request_of_people_gets_the_id_and_can_get_another(options: dict[str, Any]) -> None:
    odoo = make_odoo()
    number = str(odoo.make(REQUEST, name="x"))
    with served(odoo, **options) as (_server, adapter):
        for s2e_id in ("wo_1", "wo_2"):
            assert adapter.update(number, {Field.S2E_ID: s2e_id}, {}).s2e_id == s2e_id
        assert adapter.find("wo_1") == []
        assert [it.cmms_id for it in adapter.find("wo_2")] == [number]


def test_an_identifier_that_another_request_has_is_refused() -> None:
    odoo = make_odoo()
    with served(odoo) as (_server, adapter):
        adapter.create("wo_1", ORDER)
        other = adapter.create("wo_2", ORDER)
        third = str(odoo.make(REQUEST, name="x"))
        with pytest.raises(Refused, match="unique"):
            adapter.update(third, {Field.S2E_ID: "wo_2"}, {})
        assert [it.cmms_id for it in adapter.find("wo_2")] == [other.cmms_id]


def test_read_only_fields_are_read_and_never_written() -> None:
    options = {"read_only": "assigned_to, description"}
    with served(make_odoo(), **options) as (_server, adapter):
        assert {Field.ASSIGNED_TO, Field.DESCRIPTION} <= adapter.capabilities.reads
        assert not {Field.ASSIGNED_TO, Field.DESCRIPTION} & adapter.capabilities.writes
