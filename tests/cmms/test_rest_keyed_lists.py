"""Fields in lists whose entries are named by a key: custom fields, in most systems."""

from typing import Any

import pytest

from syncd.core.work_order import Field, Fields
from syncd.errors import Refused
from tests.cmms.rest_bench import BASE, NO_CONTENT, got, item, laid, page, rest

CAUSE, HOURS = "custom_fields[id=7].value", "custom_fields[id=8].value"
KEYED: dict[str, Any] = {
    "fields": {
        "s2e_id": {"at": "custom_fields[id=3].value", "once": True},
        "root_cause": {"at": CAUSE, "empty": ""},
        "actual_hours": {"at": HOURS, "decimal": "."},
    },
    "update": [{"request": "PATCH /wo/{id}", "fields": [*BASE["update"][0]["fields"], "root_cause", "actual_hours"]}],
}  # fmt: skip
CARRIED = laid(
    {"update": [{**KEYED["update"][0], "carry": {"custom_fields": "custom_fields"}}]}, KEYED
)


def custom(**values: Any) -> dict[str, Any]:
    """The list as a server answers it, by the ids of its entries, in an order of its own."""
    rows = [{"id": int(key[1:]), "name": f"Field {key}", "value": it} for key, it in values.items()]
    return {"custom_fields": rows}


def test_entries_are_read_by_their_key_in_whatever_order_they_come() -> None:
    one = item(1, **custom(_8="1.5", _7="worn", _3="wo_1"))
    other = item(2, **custom(_3="wo_2", _7="", _8="1.5"))
    with rest(KEYED, page(one, other, item(3))) as made:
        records = list(made.adapter.fetch(None))
    assert [record.s2e_id for record in records] == ["wo_1", "wo_2", None]
    assert [record.fields[Field.ROOT_CAUSE] for record in records] == ["worn", None, None]


def test_a_key_is_the_same_as_a_number_and_as_text() -> None:
    named = laid(
        {"fields": {"root_cause": {"at": 'custom_fields[name="Root cause"].value'}}}, KEYED
    )
    rows = [{"id": "3", "value": "wo_1"}, {"id": "x", "name": "Root cause", "value": "worn"}]
    with rest(named, page(item(1, custom_fields=rows))) as made:
        (record,) = made.adapter.fetch(None)
    assert (record.s2e_id, record.fields[Field.ROOT_CAUSE]) == ("wo_1", "worn")


def test_only_the_entries_that_change_are_sent_in_one_call() -> None:
    held = item(1, **custom(_7="worn", _8="1.5", _9="theirs"))
    changes: Fields = {Field.ROOT_CAUSE: None, Field.TITLE: "New"}
    with rest(KEYED, got(held), NO_CONTENT, got(held)) as made:
        made.adapter.update("1", changes, {})
        assert made.body(1) == {"name": "New", "custom_fields": [{"id": 7, "value": ""}]}


def test_where_the_system_takes_only_the_whole_list_the_others_go_along() -> None:
    held = item(1, **custom(_8="1.5", _9="theirs", _7="worn"))
    with rest(CARRIED, got(held), NO_CONTENT, got(held)) as made:
        made.adapter.update("1", {Field.ROOT_CAUSE: "dirt"}, {})
        assert made.body(1) == custom(_8="1.5", _9="theirs", _7="dirt")


def test_an_entry_that_the_record_has_not_is_added_to_those_that_it_has() -> None:
    held = item(1, **custom(_9="theirs"))
    with rest(CARRIED, got(held), NO_CONTENT, got(held)) as made:
        made.adapter.update("1", {Field.ROOT_CAUSE: "dirt"}, {})
        (first, added) = made.body(1)["custom_fields"]
        assert (first["value"], added) == ("theirs", {"id": 7, "value": "dirt"})


def test_a_create_sends_all_entries_in_one_list() -> None:
    made_one = item(1, **custom(_3="wo_1", _7="worn"))
    with rest(KEYED, page(), got({"id": 1}), got(made_one)) as made:
        made.adapter.create("wo_1", {Field.TITLE: "No 1", Field.ROOT_CAUSE: "worn"})
        sent = made.body(1)["custom_fields"]
    assert sorted(sent, key=lambda row: row["id"]) == [
        {"id": 3, "value": "wo_1"},
        {"id": 7, "value": "worn"},
    ]


def test_a_list_that_is_none_is_not_written_over() -> None:
    held = item(1, custom_fields={"a": 1})
    with (
        rest(CARRIED, got(held)) as made,
        pytest.raises(Refused, match="an object is at custom_fields"),
    ):
        made.adapter.update("1", {Field.ROOT_CAUSE: "dirt"}, {})
