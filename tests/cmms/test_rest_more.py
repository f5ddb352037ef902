"""Fields that need another request to be read: texts that are rows of another resource."""

import json
from typing import Any

import pytest

from syncd.core.work_order import Field
from syncd.errors import ConfigurationError, Refused, UnexpectedContent, Unreachable
from tests.cmms.rest_bench import got, item, laid, page, rest
from tests.cmms.rpc import MAPPING, PASSWORD, Rpc, call, error
from tests.edges.raw_server import answer_json


def text_of(kind: str) -> dict[str, str]:
    return {"read": f"texts[?kind=='{kind}'].text | [0]", "write": kind}


def set_text(kind: str, field: str) -> dict[str, Any]:
    return {**call("texts.set", id="{id}", kind=kind, text="{value}"), "fields": [field]}


TEXTS = laid(
    {
        "list": {"then": "get"},
        "find": {"then": "get"},
        "get": {"more": {"texts": {**call("texts.read", id="{id}"), "items": "data"}}},
        "update": [
            *MAPPING["update"],
            set_text("CAUSE", "root_cause"),
            set_text("REMEDY", "resolution"),
        ],
        "fields": {
            "root_cause": {**text_of("CAUSE"), "empty": ""},
            "resolution": {**text_of("REMEDY"), "empty": ""},
        },
    },
    MAPPING,
)


def test_texts_of_another_resource_are_read_and_written() -> None:
    cmms = Rpc(rows=3)
    cmms.texts["2"] = {"CAUSE": "Wear", "OTHER": "x"}
    with rest(TEXTS, serve=cmms, PASSWORD=PASSWORD) as made:
        told = {it.cmms_id: it for it in made.adapter.fetch(None)}
        assert told["2"].fields[Field.ROOT_CAUSE] == "Wear"
        assert told["3"].fields[Field.ROOT_CAUSE] is None
        wanted = {Field.RESOLUTION: "Replaced", Field.TITLE: "New", Field.ROOT_CAUSE: "Age"}
        record = made.adapter.update("2", wanted, {Field.ROOT_CAUSE: "Wear"})
        assert {name: record.fields[name] for name in wanted} == wanted
        assert made.adapter.get("2") == record
        cleared = made.adapter.update("2", {Field.ROOT_CAUSE: None}, {Field.ROOT_CAUSE: "Age"})
        assert cleared.fields[Field.ROOT_CAUSE] is None
        made_new = made.adapter.create("wo_9", {Field.TITLE: "T", Field.ROOT_CAUSE: "Dust"})
        assert made_new.fields[Field.ROOT_CAUSE] == "Dust"
        assert made.adapter.find("wo_9") == [made_new]
        kept = json.loads(json.dumps(dict(record.native)))
        assert made.adapter.read_native(kept) == record
    assert cmms.texts["2"] == {"CAUSE": "", "OTHER": "x", "REMEDY": "Replaced"}
    assert cmms.texts["4"] == {"CAUSE": "Dust"}


@pytest.mark.parametrize("faulty", [error(99, "down"), answer_json({"ok": True, "data": {}})])
def test_a_record_of_which_something_could_not_be_read_is_none_without_it(faulty: Any) -> None:
    cmms = Rpc(rows=1)
    with rest(TEXTS, serve=cmms, PASSWORD=PASSWORD) as made:
        made.adapter.get("1")
        read = answer_json({"ok": True, "data": cmms.rows["1"]})
        cmms.faults = [read, *[faulty] * 3]
        with pytest.raises((Unreachable, UnexpectedContent)) as caught:
            made.adapter.get("1")
        assert not caught.value.may_have_applied


# ── over HTTP as usual ───────────────────────────────────────────────────────────────────────

NOTES: dict[str, Any] = {
    "list": {"then": "get"},
    "find": {"then": "get"},
    "get": {"more": {"extra": {
        "request": "GET /sites/{record.site.id}/notes/{id}", "query": {"a": "{address}"}, "at": "n"}}},
    "fields": {"root_cause": {"read": "extra.cause"}, "address": "href"},
}  # fmt: skip
NATIVE = item(1, href="/wo/x", site={"id": "S/1"})
GONE = answer_json({}, 404)


def test_what_the_record_tells_is_where_to_ask() -> None:
    with rest(NOTES, got(NATIVE), got({"n": {"cause": "Wear"}})) as made:
        assert made.adapter.get("1").fields[Field.ROOT_CAUSE] == "Wear"
        assert made.told()[1] == "GET /api/sites/S%2F1/notes/1?a=%2Fwo%2Fx"


def test_nothing_there_is_an_error_unless_the_mapping_says_that_it_means_empty() -> None:
    with rest(NOTES, page(NATIVE), got(NATIVE), GONE) as made:
        assert list(made.adapter.fetch(None)) == []  # it is no deleted record, and is told
        (why,) = made.adapter.unread.values()
        assert "say missing: empty in get.more.extra" in str(why)
    said = {"get": {"more": {"extra": {"missing": "empty"}}}}
    with rest(laid(said, NOTES), got(NATIVE), GONE) as made:
        assert made.adapter.get("1").fields[Field.ROOT_CAUSE] is None
    with (
        rest(laid(said, NOTES), got(NATIVE), answer_json({}, 400)) as made,
        pytest.raises(Refused),
    ):
        made.adapter.get("1")


@pytest.mark.parametrize(
    ("native", "why"),
    [
        ({**NATIVE, "extra": 1}, "holds a extra of its own; give get.more.extra another name"),
        ({**NATIVE, "site": None}, r"there is no \{record.site.id\} in what was read"),
    ],
)
def test_a_record_that_cannot_be_asked_about_is_told(native: dict[str, Any], why: str) -> None:
    with rest(NOTES, got(native)) as made, pytest.raises(UnexpectedContent, match=why):
        made.adapter.get("1")


def test_what_was_asked_for_besides_is_not_sent_back_with_the_whole_record() -> None:
    over = laid(
        {"update": [{"request": "PUT /wo/{id}", "fields": ["title", "status", "description"],
                     "whole": True, "carry": {"why": "extra.cause"}}]},
        NOTES,
    )  # fmt: skip
    notes = got({"n": {"cause": "Wear"}})
    with rest(over, got(NATIVE), notes, got({}), got(NATIVE), notes) as made:
        made.adapter.update("1", {Field.TITLE: "New"}, {})
        assert made.body(2) == {**NATIVE, "name": "New", "why": "Wear"}


CANNOT: list[tuple[dict[str, Any], str]] = [
    ({"list": {"then": None}}, "list: has to say then: get, since get.more"),
    ({"find": {"then": None}}, "find: has to say then: get, since get.more"),
    ({"create": {"then": "item"}}, "create.then: has to be get, since get.more"),
    ({"verify": "reply"}, "verify: has to be get, since get.more"),
    ({"get": {"more": {"extra": {"request": "GET /x", "query": None}}}}, "does not ask for {id}"),
    ({"get": {"more": {"extra": {"items": "n"}}}}, "has at and items"),
    ({"get": {"more": {"extra": {"at": "n["}}}}, "get.more.extra.at: 'n[' is no JMESPath"),
    ({"get": {"more": {"extra": {"query": {"x": "{value}"}}}}}, "there is no {value} here"),
    ({"get": {"more": {f"n{it}": {"request": "GET /{id}"} for it in range(6)}}}, "get.more: "),
]


@pytest.mark.parametrize(("over", "what"), CANNOT, ids=[what[:40] for _, what in CANNOT])
def test_what_cannot_work_is_told_at_load(over: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError) as caught, rest(laid(over, NOTES)):
        pass
    found = [line for line in str(caught.value).splitlines() if what in line]
    assert found, str(caught.value)
    assert int(found[0].split("small.yaml:")[1].split(":")[0]) > 0
