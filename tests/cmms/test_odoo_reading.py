"""What the odoo adapter reads: requests in our words, and changes without losing any."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from syncd.core.work_order import CmmsRecord, Field, Priority, Status, Unreadable
from syncd.errors import ConfigurationError, UnexpectedContent
from tests.cmms.fake_odoo import FakeOdoo
from tests.cmms.fake_odoo_models import EQUIPMENT, REQUEST, STAGE, USER
from tests.cmms.odoo_bench import NAMES, make_odoo, served

PROTOCOLS = [(18, {}), (19, {"protocol": "json2"})]


def one(odoo: FakeOdoo, number: int, **options: Any) -> CmmsRecord:
    with served(odoo, **options) as (_server, adapter):
        return adapter.get(str(number))


@pytest.mark.parametrize(("version", "options"), PROTOCOLS)
def test_a_request_is_read_in_our_words(version: int, options: dict[str, Any]) -> None:
    odoo = make_odoo(version)
    number = odoo.make(
        REQUEST,
        name="Pump leaks",
        description="plain <b>words</b> &amp; more",
        priority="2",
        stage_id=2,
        user_id=2,
        equipment_id=1,
        schedule_date="2026-03-15 08:00:00",
        duration=6.25,
        x_s2e_actual_hours=4.1,
        x_s2e_closure_note="<p>one</p><p>two</p>",
        x_s2e_started_at="2026-03-14 07:00:00",
    )
    record = one(odoo, number, **options, **NAMES)
    assert record.cmms_id == str(number)
    assert record.s2e_id is None
    assert record.updated_at is not None
    assert record.updated_at.microsecond == 0
    url = record.fields[Field.EXTERNAL_URL]
    assert str(url).endswith(f"/web#id={number}&model=maintenance.request&view_type=form")
    assert {name: value for name, value in record.fields.items() if value is not None} == {
        Field.TITLE: "Pump leaks",
        Field.DESCRIPTION: "plain words & more",
        Field.PRIORITY: Priority.HIGH,
        Field.STATUS: Status.IN_PROGRESS,
        Field.ASSIGNED_TO: "jane@example.com",
        Field.ASSET_CODE: "P-101",
        Field.ASSET_NAME: "Pump 101",
        Field.DUE_DATE: datetime(2026, 3, 15, 8, tzinfo=UTC),
        Field.ESTIMATED_HOURS: Decimal("6.25"),
        Field.ACTUAL_HOURS: Decimal("4.1"),
        Field.CLOSURE_NOTE: "one\ntwo",
        Field.STARTED_AT: datetime(2026, 3, 14, 7, tzinfo=UTC),
        Field.EXTERNAL_ID: str(number),
        Field.EXTERNAL_STATUS: "In Progress",
        Field.EXTERNAL_URL: url,
    }


@pytest.mark.parametrize(
    ("state", "status", "shown"),
    [
        ({"archive": True, "kanban_state": "blocked", "stage_id": 3}, Status.CANCELLED,
         "Repaired (cancelled)"),
        ({"kanban_state": "blocked", "stage_id": 3}, Status.ON_HOLD, "Repaired (blocked)"),
        ({"stage_id": 4}, Status.COMPLETED, "Scrap"),
        ({"stage_id": 2, "kanban_state": "done"}, Status.IN_PROGRESS, "In Progress"),
        ({"stage_id": 1}, Status.ASSIGNED, "New Request"),
    ],
)  # fmt: skip
def test_archived_then_blocked_then_the_stage(
    state: dict[str, Any], status: Status, shown: str
) -> None:
    odoo = make_odoo()
    record = one(odoo, odoo.make(REQUEST, name="x", **state))
    assert record.fields[Field.STATUS] is status
    assert record.fields[Field.EXTERNAL_STATUS] == shown


@pytest.mark.parametrize("user", [False, 2])
def test_a_new_request_agrees_with_a_draft_and_with_an_assigned_order(user: int | bool) -> None:
    odoo = make_odoo()
    record = one(odoo, odoo.make(REQUEST, name="x", user_id=user))
    assert record.equivalents[Field.STATUS] == {"DRAFT", "ASSIGNED"}


def test_a_stage_that_stands_for_nothing_is_said_to_whoever_reads_and_checks() -> None:
    odoo = make_odoo()
    waiting = odoo.make(STAGE, name="Waiting for parts", sequence=9)
    number = odoo.make(REQUEST, name="x", stage_id=waiting)
    with served(odoo) as (_server, adapter):
        status = adapter.get(str(number)).fields[Field.STATUS]
        assert isinstance(status, Unreadable)
        assert "SYNCD_CMMS_STAGE_" in status.why
        assert "5 Waiting for parts stands for nothing" in adapter.check()
    with served(odoo, stage_on_hold="5") as (_server, adapter):
        assert adapter.get(str(number)).fields[Field.STATUS] is Status.ON_HOLD


def test_a_stage_that_is_made_while_we_run_stands_for_nothing_until_it_is_pinned() -> None:
    odoo = make_odoo()
    number = odoo.make(REQUEST, name="x")
    with served(odoo) as (_server, adapter):
        adapter.get(str(number))
        odoo.change(number, stage_id=odoo.make(STAGE, name="Closed", done=True, sequence=9))
        assert isinstance(adapter.get(str(number)).fields[Field.STATUS], Unreadable)
        adapter.pin(adapter.learn())
        assert adapter.get(str(number)).fields[Field.STATUS] is Status.COMPLETED


def test_who_left_and_what_was_scrapped_are_still_named() -> None:
    odoo = make_odoo()
    number = odoo.make(REQUEST, name="x", user_id=2, equipment_id=1)
    odoo.change(2, USER, active=False)
    odoo.change(1, EQUIPMENT, active=False)
    record = one(odoo, number)
    assert record.fields[Field.ASSIGNED_TO] == "jane@example.com"
    assert record.fields[Field.ASSET_CODE] == "P-101"


@pytest.mark.parametrize(
    ("field", "raw", "name"),
    [
        ("priority", "7", Field.PRIORITY),
        ("schedule_date", "2026-03-15T08:00:00Z", Field.DUE_DATE),
        ("name", 7, Field.TITLE),
        ("duration", -1.0, Field.ESTIMATED_HOURS),
    ],
)
def test_a_value_that_cannot_be_read_parks_its_field_alone(
    field: str, raw: object, name: Field
) -> None:
    odoo = make_odoo()
    number = odoo.make(REQUEST, name="x")
    odoo.row(number)[field] = raw
    record = one(odoo, number)
    assert isinstance(record.fields[name], Unreadable)
    assert record.fields[Field.STATUS] is Status.ASSIGNED


@pytest.mark.parametrize("raw", [False, None, "soon", 7])
def test_a_request_without_a_time_of_change_is_read_and_the_others_are(raw: object) -> None:
    odoo = make_odoo()
    first, second = (odoo.make(REQUEST, name=name) for name in "xy")
    odoo.row(first)["write_date"] = raw
    with served(odoo) as (_server, adapter):
        stamps = {it.cmms_id: it.updated_at is None for it in adapter.fetch(None)}
    assert stamps == {str(first): True, str(second): False}


def test_what_is_no_row_is_named_and_the_requests_are_read() -> None:
    odoo = make_odoo()
    number = odoo.make(REQUEST, name="x")
    odoo.broken = [None, {"name": "without an id"}]
    with served(odoo) as (_server, adapter):
        assert [it.cmms_id for it in adapter.fetch(None)] == [str(number)]
        assert list(adapter.nameless) == ["None", "{'name': 'without an id'}"]
        odoo.broken = []
        list(adapter.fetch(None))
        assert not adapter.nameless


def test_the_number_that_people_use_can_be_the_external_id() -> None:
    odoo = make_odoo()
    odoo.add_field("code", "char")
    coded = odoo.make(REQUEST, name="x", code="MR00001")
    bare = odoo.make(REQUEST, name="y", code="/")
    with served(odoo, field_external_id="code") as (_server, adapter):
        assert {it.cmms_id for it in adapter.fetch(None)} == {"MR00001", str(bare)}
        assert adapter.get("MR00001").fields[Field.EXTERNAL_ID] == "MR00001"
        assert adapter.update("MR00001", {Field.TITLE: "z"}, {}).cmms_id == "MR00001"
        assert adapter.get(str(bare)).fields[Field.TITLE] == "y"
        odoo.change(bare, code="MR00001")
        with pytest.raises(UnexpectedContent, match="code has to be unique"):
            adapter.get("MR00001")
        assert [it.cmms_id for it in adapter.fetch(None)] == ["MR00001"]
        ((name, error),) = adapter.unread.items()
        assert name == "MR00001"
        assert f"{coded} and {bare} are both called" in str(error)
        assert error.is_about_one


def test_a_request_that_people_duplicated_is_found_beside_the_first() -> None:
    odoo = make_odoo()
    odoo.add_field("x_copied", "char")
    first = odoo.make(REQUEST, name="x", x_copied="wo_1")
    second = odoo.duplicate(first)
    with served(odoo, field_s2e_id="x_copied") as (_server, adapter):
        assert [it.cmms_id for it in adapter.find("wo_1")] == [str(first), str(second)]


# ── changes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [18, 19])
def test_what_a_long_transaction_commits_late_is_read_within_the_overlap(version: int) -> None:
    """It is stamped with when it began, before what was seen meanwhile."""
    odoo = make_odoo(version)
    with served(odoo, overlap_minutes=15) as (_server, adapter):
        seen = odoo.make(REQUEST, name="quick")
        mark = adapter.get(str(seen)).updated_at
        assert mark is not None
        with odoo.transaction(began=mark - timedelta(minutes=14)):
            late = odoo._create(REQUEST, {"name": "late"})
        with odoo.transaction(began=mark - timedelta(minutes=16)):
            old = odoo._create(REQUEST, {"name": "older than the overlap"})
        found = {it.cmms_id for it in adapter.fetch(mark)}
        assert found == {str(seen), str(late)}
        assert str(old) in {it.cmms_id for it in adapter.fetch(None)}


def test_edits_on_every_page_hide_nothing() -> None:
    odoo = make_odoo()
    numbers = [odoo.make(REQUEST, name=f"{number}") for number in range(40)]
    with served(odoo, page_size=7) as (server, adapter):
        began = adapter.get(str(numbers[0])).updated_at

        def edit(_writes: bool) -> None:
            for number in numbers[:5]:
                odoo.change(number, name="edited")

        server.on_request = edit
        assert began is not None
        assert [it.cmms_id for it in adapter.fetch(began)] == [str(it) for it in numbers]


def test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages() -> None:
    odoo = make_odoo()
    for number in range(12):
        odoo.make(REQUEST, name=f"{number}", description="<p>" + "x" * 3_000_000 + "</p>")
    with served(odoo, page_size=8, deadline_s=30) as (_server, adapter):
        assert len({it.cmms_id for it in adapter.fetch(None)}) == 12


def test_an_order_that_is_not_by_id_is_not_taken_for_the_end() -> None:
    odoo = make_odoo()
    for number in range(3):
        odoo.make(REQUEST, name=f"{number}")
    with served(odoo, page_size=2) as (_server, adapter):
        adapter.check()
        odoo.ignores_order = True
        with pytest.raises(UnexpectedContent, match="does not sort"):
            list(adapter.fetch(None))


def test_a_stage_option_whose_stage_was_deleted_is_said() -> None:
    odoo = make_odoo()
    gone = odoo.make(STAGE, name="Old", sequence=9)
    with served(odoo, stage_on_hold=str(gone)) as (_server, adapter):
        adapter.check()
        odoo.remove(gone, STAGE)
        with pytest.raises(ConfigurationError, match="SYNCD_CMMS_STAGE_ON_HOLD"):
            adapter.learn()
