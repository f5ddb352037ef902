"""Scan2Evolve's JSON becomes our words, one bad value at a time."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.order_json import PATHS, OrderJson, order_json, parse_work_order
from syncd.core.work_order import Field, Priority, S2eOrder, Status, Unreadable

ORDER: dict[str, Any] = {
    "id": "wo_def456",
    "title": "Fix leaking valve",
    "description": "Leaking at joint 3",
    "priority": "HIGH",
    "status": "IN_PROGRESS",
    "location": "Hall 2",
    "assetId": "asset_1",
    "assetName": "Pump 7",
    "estimatedHours": 4.50,
    "actualHours": None,
    "dueDate": "2026-03-15T17:00:00.000Z",
    "startedAt": "2026-03-10T16:30:00+02:00",
    "completedAt": None,
    "createdBy": {"id": "u1", "name": "Ann"},
    "assignedTo": {"id": "u2", "name": "Bob", "email": "bob@example.com"},
    "assignedToGroup": {"id": "g1", "name": "Mechanics"},
    "asset": {
        "id": "asset_1",
        "name": "Pump seven",
        "code": "P-7",
        "site": {"id": "site_1", "name": "North", "code": "N"},
    },
    "sourceInspection": {"id": "insp_1", "inspectionNumber": "INS-9"},
    "externalId": "4711",
    "externalStatus": "",
    "externalUrl": None,
    "syncStatus": "SYNCED",
    "lastSyncedAt": "2026-03-10T14:31:00.000Z",
    "rootCause": None,
    "resolution": None,
    "closureNote": None,
    "createdAt": "2026-03-09T08:00:00.000Z",
    "updatedAt": "2026-03-10T14:31:00.123Z",
}


def told(**changes: Any) -> OrderJson:
    order = order_json({**ORDER, **changes})
    assert order is not None
    return order


def parse(**changes: Any) -> S2eOrder:
    return parse_work_order(told(**changes))


def test_every_field_is_read() -> None:
    order = parse()
    assert dict(order.fields) == {
        Field.S2E_ID: "wo_def456",
        Field.TITLE: "Fix leaking valve",
        Field.DESCRIPTION: "Leaking at joint 3",
        Field.PRIORITY: Priority.HIGH,
        Field.STATUS: Status.IN_PROGRESS,
        Field.LOCATION: "Hall 2",
        Field.ASSET_CODE: "P-7",
        Field.ASSET_NAME: "Pump seven",
        Field.SITE_CODE: "N",
        Field.ESTIMATED_HOURS: Decimal("4.5"),
        Field.ACTUAL_HOURS: None,
        Field.DUE_DATE: datetime(2026, 3, 15, 17, tzinfo=UTC),
        Field.STARTED_AT: datetime(2026, 3, 10, 14, 30, tzinfo=UTC),
        Field.COMPLETED_AT: None,
        Field.CREATED_BY: "Ann",
        Field.ASSIGNED_TO: "bob@example.com",
        Field.ASSIGNED_TO_GROUP: "Mechanics",
        Field.SOURCE_INSPECTION: "INS-9",
        Field.EXTERNAL_ID: "4711",
        Field.EXTERNAL_STATUS: None,
        Field.EXTERNAL_URL: None,
        Field.ROOT_CAUSE: None,
        Field.RESOLUTION: None,
        Field.CLOSURE_NOTE: None,
    }
    assert set(order.fields) == set(Field)
    assert order.s2e_id == "wo_def456"
    assert (order.site_id, order.asset_id) == ("site_1", "asset_1")
    assert order.last_synced_at == datetime(2026, 3, 10, 14, 31, tzinfo=UTC)


def test_one_part_of_an_order_is_read_without_the_others() -> None:
    order, whole = told(status=3), parse(status=3)
    assert {name: order.field(name) for name in PATHS} | {Field.S2E_ID: "wo_def456"} == whole.fields
    assert (order.site_id, order.asset_id, order.sync_status) == ("site_1", "asset_1", "SYNCED")
    assert order.updated_at == datetime(2026, 3, 10, 14, 31, 0, 123000, tzinfo=UTC)
    assert order.last_synced_at == whole.last_synced_at


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "ASSIGNED", "assigned", "a\x00b", 7, 7.5, 1e300, True, ["ASSIGNED"], {}, []),
        *("2026-03-10T14:31:00.123Z", "2026-03-10T14:31:00.123999Z", "2026-03-10T16:31:00+02:00"),
        *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00+05:00"),
        *("9999-12-31T23:59:59-05:00", "1969-12-31T23:59:59.001Z", "2026-03-10T14:31:00", "now"),
        *("2026-03-10T14:31:00.1234567Z", "2026-03-10", "20260310T143100Z"),
    ],
)
def test_what_is_asked_of_every_row_is_what_the_general_reader_reads(value: object) -> None:
    order = told(status=value, externalId=value, createdAt=value, updatedAt=value)
    for name, text in ((Field.STATUS, order.status), (Field.EXTERNAL_ID, order.external_id)):
        read = order.field(name)
        assert text == (read if isinstance(read, str) else None)
    moment = order.updated_at
    ms = None if moment is None else round(moment.timestamp() * 1000)
    assert (order.row.created, order.row.updated) == (ms, ms)


def test_a_missing_key_is_absent_and_null_is_empty() -> None:
    order = OrderJson("wo_1", {"id": "wo_1", "rootCause": None})
    assert dict(parse_work_order(order).fields) == {Field.S2E_ID: "wo_1", Field.ROOT_CAUSE: None}
    assert (order.sync_status, order.site_id, order.updated_at) == ("", None, None)


@pytest.mark.parametrize("body", [None, 7, "wo_1", [], {}, {"id": None}, {"id": ""}, {"id": 7}])
def test_what_has_no_id_is_no_work_order(body: object) -> None:
    assert order_json(body) is None


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("status", "REOPENED", Field.STATUS),
        ("status", "in_progress", Field.STATUS),
        ("status", 3, Field.STATUS),
        ("priority", "URGENT", Field.PRIORITY),
        ("priority", ["HIGH"], Field.PRIORITY),
        ("title", {"en": "Fix"}, Field.TITLE),
        ("title", True, Field.TITLE),
        ("estimatedHours", True, Field.ESTIMATED_HOURS),
        ("estimatedHours", "four", Field.ESTIMATED_HOURS),
        ("estimatedHours", Decimal("1E+400"), Field.ESTIMATED_HOURS),
        ("actualHours", Decimal(-1), Field.ACTUAL_HOURS),
        ("dueDate", "15 March", Field.DUE_DATE),
        ("dueDate", "2026-03-15T17:00:00", Field.DUE_DATE),
        ("dueDate", 1773594000, Field.DUE_DATE),
        ("completedAt", {}, Field.COMPLETED_AT),
        ("assignedTo", "bob", Field.ASSIGNED_TO),
        ("assignedTo", {"email": ["bob"]}, Field.ASSIGNED_TO),
        ("assignedToGroup", [], Field.ASSIGNED_TO_GROUP),
        ("createdBy", 7, Field.CREATED_BY),
        ("sourceInspection", "INS-9", Field.SOURCE_INSPECTION),
    ],
)
def test_a_value_of_the_wrong_kind_makes_that_field_unreadable_and_no_other(
    key: str, value: object, field: Field
) -> None:
    order = parse(**{key: value})
    assert isinstance(order.fields[field], Unreadable)
    others = {name: found for name, found in order.fields.items() if name is not field}
    assert others == {name: found for name, found in parse().fields.items() if name is not field}


def test_an_asset_of_the_wrong_kind_is_never_taken_for_none() -> None:
    fields = parse(asset="P-7", assetName=None).fields
    for name in (Field.ASSET_CODE, Field.ASSET_NAME, Field.SITE_CODE):
        assert isinstance(fields[name], Unreadable)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"estimatedHours": "4.50"}, Field.ESTIMATED_HOURS, Decimal("4.5")),
        ({"estimatedHours": 4}, Field.ESTIMATED_HOURS, Decimal(4)),
        ({"externalId": 4711}, Field.EXTERNAL_ID, "4711"),
        ({"assignedTo": {"name": "Bob", "email": None}}, Field.ASSIGNED_TO, "Bob"),
        ({"assignedTo": {"name": "Bob", "email": ""}}, Field.ASSIGNED_TO, "Bob"),
        ({"assignedTo": {"id": "u2"}}, Field.ASSIGNED_TO, None),
        ({"assignedTo": None}, Field.ASSIGNED_TO, None),
        ({"createdBy": {"name": "A", "email": "a@x.org"}}, Field.CREATED_BY, "a@x.org"),
        ({"sourceInspection": {"id": "insp_1"}}, Field.SOURCE_INSPECTION, "insp_1"),
        ({"asset": None}, Field.ASSET_NAME, "Pump 7"),
        ({"asset": None}, Field.ASSET_CODE, None),
        ({"asset": {"id": "a", "name": "P"}}, Field.ASSET_CODE, None),
        ({"asset": {"id": "a", "name": "P", "site": None}}, Field.SITE_CODE, None),
        ({"asset": {"site": {"name": "North"}}}, Field.SITE_CODE, "North"),
    ],
)
def test_values_as_the_api_may_spell_them(
    changes: dict[str, Any], field: Field, value: object
) -> None:
    assert parse(**changes).fields[field] == value


def test_the_assets_id_is_taken_from_wherever_it_stands() -> None:
    assert parse(assetId=None).asset_id == "asset_1"
    assert parse(assetId=None, asset=None).asset_id is None


def test_unknown_keys_are_kept_and_the_whole_can_be_stored_as_json() -> None:
    order = told(tags=["a", {"weight": 0.1}], huge="1E+400")
    stored = json.loads(json.dumps(order.raw, allow_nan=False))
    assert stored["tags"] == ["a", {"weight": 0.1}]
    assert stored["huge"] == "1E+400"
    assert stored["estimatedHours"] == 4.5
    assert stored["id"] == "wo_def456"


MUTANTS: list[object] = [
    None, True, False, 0, -1, 1.5, "1E+999", "", "x", "\x00", "x" * 5000, [],
    [1], {}, {"id": 1}, {"name": []}, {"site": 5},
]  # fmt: skip


@pytest.mark.parametrize("key", sorted(set(ORDER) - {"id"}))
def test_no_value_of_any_key_makes_an_order_unreadable(key: str) -> None:
    for mutant in MUTANTS:
        assert parse(**{key: mutant}).s2e_id == "wo_def456"
        json.dumps(told(**{key: mutant}).raw, allow_nan=False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(set(ORDER) - {"id"})), json_values))
def test_no_order_with_an_id_is_lost(changes: dict[str, Any]) -> None:
    assert parse(**changes).s2e_id == "wo_def456"
