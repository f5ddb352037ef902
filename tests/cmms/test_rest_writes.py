"""One write is what was asked, once, and honest about how far it came."""

from decimal import Decimal
from typing import Any

import pytest

from syncd.cmms.port import PartlyWritten
from syncd.core.work_order import Field, Fields, Status
from syncd.errors import (
    Changed,
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from tests.cmms.rest_bench import BASE, NO_CONTENT, SECRET, got, item, page, rest
from tests.edges.raw_server import Asked, Behaviour, Peer, answer, answer_json

TITLE: Fields = {Field.TITLE: "New"}
REST_OF = {"request": "PATCH /wo/{id}", "fields": ["title", "description"]}
GO = {"request": "POST /wo/{id}/go", "fields": ["status"]}
MOVES = {"NEW": ["WIP", "VOID"], "WIP": ["HOLD", "DONE"], "HOLD": ["WIP"]}


def status(value: Status) -> Fields:
    return {Field.STATUS: value}


def reset(peer: Peer) -> None:
    peer.reset()


# ── plain ────────────────────────────────────────────────────────────────────────────────────


def test_only_what_changes_is_sent_and_what_is_returned_was_read_again() -> None:
    with rest({}, got(item(1)), NO_CONTENT, got(item(1, name="New "))) as made:
        record = made.adapter.update("1", {**TITLE, Field.STATUS: Status.DRAFT}, {})
        assert made.told() == ["GET /api/wo/1", "PATCH /api/wo/1", "GET /api/wo/1"]
        assert made.body(1) == {"name": "New"}
        assert record.fields[Field.TITLE] == "New "
        assert record.equivalents[Field.STATUS] == {"DRAFT", "ASSIGNED"}


def test_a_value_that_the_cmms_ignores_shows() -> None:
    with rest({}, got(item(1)), got({"ok": True}), got(item(1))) as made:
        assert made.adapter.update("1", TITLE, {}).fields[Field.TITLE] == "No 1"


def test_what_moved_since_is_changed_and_nothing_is_sent() -> None:
    with rest({}, got(item(1, name="Edited"))) as made:
        with pytest.raises(Changed, match="another title"):
            made.adapter.update("1", TITLE, {Field.TITLE: "No 1"})
        assert made.told() == ["GET /api/wo/1"]
        assert made.adapter.update("1", {Field.TITLE: "Edited"}, {Field.TITLE: "No 1"})


@pytest.mark.parametrize("cmms_id", ["a/b c", "ü%?#&", "..a", "x'y"])
def test_an_id_of_any_letters_is_one_part_of_the_path(cmms_id: str) -> None:
    from urllib.parse import unquote

    with rest({}, got(item(cmms_id))) as made:
        made.adapter.get(cmms_id)
        path = made.asked[0].target
        assert unquote(path.removeprefix("/api/wo/")) == cmms_id
        assert path.count("/") == 3
        assert "?" not in path


@pytest.mark.parametrize("cmms_id", ["", ".", ".."])
def test_an_id_that_is_no_part_of_a_path_is_not_found(cmms_id: str) -> None:
    with rest({}, got(item(1))) as made:
        with pytest.raises(NotFound):
            made.adapter.get(cmms_id)
        assert made.told() == []


def test_another_record_than_was_asked_for_is_no_answer() -> None:
    with rest({}, got(item(2))) as made, pytest.raises(UnexpectedContent, match="1 was asked"):
        made.adapter.get("1")


def test_a_record_out_of_a_list_of_one() -> None:
    over = {"get": {"request": "GET /wo", "query": {"id": "{id}"}, "items": "items"}}
    with rest(over, page(item(2), item(1)), page()) as made:
        assert made.adapter.get("1").cmms_id == "1"
        with pytest.raises(NotFound):
            made.adapter.get("1")


def test_an_address_that_is_not_the_id() -> None:
    over = {
        "fields": {"address": "href"},
        "update": [{"request": "POST {address}", "fields": ["title", "status", "description"],
                    "headers": {"x-override": "PATCH"}, "under": "wo.input", "set": {"site": "B"}}],
    }  # fmt: skip
    native = item(1, href="/api/os/_QkVE")
    with rest(over, got(native), NO_CONTENT, got(native)) as made:
        made.adapter.update("1", TITLE, {})
        assert made.told()[1] == "POST /api/os/_QkVE"
        assert made.asked[1].headers["x-override"] == "PATCH"
        assert made.body(1) == {"wo": {"input": {"name": "New", "site": "B"}}}


def test_an_address_on_another_host_is_not_written_to() -> None:
    over = {
        "fields": {"address": "href"},
        "update": [{"request": "POST {address}", "fields": ["title", "status", "description"]}],
    }
    with rest(over, got(item(1, href="https://evil.example/x"))) as made:
        with pytest.raises(UnexpectedContent, match="another host"):
            made.adapter.update("1", TITLE, {})
        assert len(made.asked) == 1


def test_a_method_in_a_header() -> None:
    with rest({"method_override": "X-Method"}, got(item(1)), NO_CONTENT, got(item(1))) as made:
        made.adapter.update("1", TITLE, {})
        assert (made.asked[1].method, made.asked[1].headers["x-method"]) == ("POST", "PATCH")


def test_the_whole_record_is_sent_back_with_the_change_in_it() -> None:
    over = {"update": [{"request": "PUT /wo/{id}", "fields": ["title", "status", "description"],
                        "whole": {"drop": ["changed", "a.b"]}}]}  # fmt: skip
    native = item(1, a={"b": 1, "c": 2})
    with rest(over, got(native), NO_CONTENT, got(native)) as made:
        made.adapter.update("1", TITLE, {})
        assert made.body(1) == {"id": 1, "ref": None, "name": "New", "text": None, "state": "NEW",
                                "a": {"c": 2}}  # fmt: skip


def test_what_would_be_lost_is_carried_along_in_a_form() -> None:
    over = {"update": [{"request": "POST /wo/{id}", "fields": ["title", "status", "description"],
                        "form": {"act": "save"}, "carry": {"state": "state"}}]}  # fmt: skip
    with rest(over, got(item(1)), NO_CONTENT, got(item(1))) as made:
        made.adapter.update("1", TITLE, {})
        assert made.asked[1].body == b"act=save&state=NEW&name=New"
        assert made.asked[1].headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("under", "path"), [("data", "attributes.title"), (None, "data.attributes.title")]
)
def test_what_json_says_stays_beside_the_fields_that_go_below_the_same_key(
    under: str | None, path: str
) -> None:
    data = {"type": "orders", "id": "{id}", "attributes": {"title": "", "tags": [1]}}
    step = {**BASE["update"][0], "json": {"data": data}, "under": under}
    over = {"update": [step], "fields": {"title": {"read": "name", "write": path}}}
    with rest(over, got(item(1)), NO_CONTENT, got(item(1))) as made:
        made.adapter.update("1", TITLE, {})
        told = {"type": "orders", "id": "1", "attributes": {"title": "New", "tags": [1]}}
        assert made.body(1) == {"data": told}


def test_a_whole_record_goes_below_what_json_says() -> None:
    step = {**BASE["update"][0], "json": {"data": {"kind": "order", "a": {"x": 1}}},
            "under": "data", "whole": {"drop": ["changed", "text", "ref", "state"]}}  # fmt: skip
    native = item(1, a={"y": [2]})
    with rest({"update": [step]}, got(native), NO_CONTENT, got(native)) as made:
        made.adapter.update("1", TITLE, {})
        assert made.body(1) == {
            "data": {"kind": "order", "id": 1, "name": "New", "a": {"x": 1, "y": [2]}}
        }


@pytest.mark.parametrize("path", ["text.cause", "text.0.value"])
def test_a_carried_list_is_never_written_into(path: str) -> None:
    """What others keep in it would be thrown away."""
    step = {**BASE["update"][0], "carry": {"text": "text"}}
    native = item(1, text=[{"key": "theirs", "value": "x"}])
    over = {"update": [step], "fields": {"description": {"at": None, "read": "own", "write": path}}}
    with rest(over, got(native)) as made:
        with pytest.raises(Refused, match="a list is at text, and no object"):
            made.adapter.update("1", {Field.DESCRIPTION: "ours"}, {})
        assert made.told() == ["GET /api/wo/1"]


@pytest.mark.parametrize(("rule", "error"), [("busy", None), ("note", "compare it")])
def test_a_condition_is_true_or_false_and_a_text_is_neither(rule: str, error: str | None) -> None:
    records = [item(1, busy=1, note="false"), item(2, busy=0), item(3, busy=[]), item(4)]
    with rest({"list": {"where": rule}}, page(*records)) as made:
        if error is None:
            assert [it.cmms_id for it in made.adapter.fetch(None)] == ["1"]
        else:
            with pytest.raises(UnexpectedContent, match=error):
                list(made.adapter.fetch(None))


def test_a_changed_field_wins_inside_what_is_carried_and_what_is_set() -> None:
    step = {**BASE["update"][0], "carry": {"text": "text"}, "set": {"box": {"kind": "k"}}}
    over = {
        "update": [step],
        "fields": {"title": "box.name", "description": "text.body"},
    }
    native = item(1, box={"name": "Old"}, text={"body": "old", "by": "ann"})
    with rest(over, got(native), NO_CONTENT, got(native)) as made:
        made.adapter.update("1", {**TITLE, Field.DESCRIPTION: "ours"}, {})
        assert made.body(1) == {
            "box": {"kind": "k", "name": "New"}, "text": {"body": "ours", "by": "ann"},
        }  # fmt: skip


def test_a_value_in_a_template_goes_with_what_is_set_and_what_is_carried() -> None:
    step = {**BASE["update"][0], "fields": ["title"], "json": {"name": "{value}"},
            "set": {"by": "syncd"}, "carry": {"tags": "tags"}}  # fmt: skip
    rest_of = {"request": "PATCH /wo/{id}", "fields": ["status", "description"]}
    native = item(1, tags=["a"])
    with rest({"update": [step, rest_of]}, got(native), NO_CONTENT, got(native)) as made:
        made.adapter.update("1", TITLE, {})
        assert made.body(1) == {"name": "New", "by": "syncd", "tags": ["a"]}


# ── status ───────────────────────────────────────────────────────────────────────────────────


def cmms(state: dict[str, Any], broken: dict[int, Behaviour] | None = None) -> Any:
    """A CMMS of one record, which counts its writes; some of them break."""

    def serve(asked: Asked) -> Behaviour:
        import json

        if asked.method == "GET":
            return answer_json(state["record"], ETag=f'"{state["rev"]}"')
        state["writes"] += 1
        fault = (broken or {}).get(state["writes"])
        if fault is not None and state["loses"] is False:
            return fault
        body = json.loads(asked.body)
        state["record"] |= {"state": body["to"]} if "to" in body else body
        state["rev"] += 1
        return fault or answer_json({})

    state |= {"record": item(1), "rev": 1, "writes": 0, "loses": state.get("loses", False)}
    return serve


def walking(**more: Any) -> dict[str, Any]:
    return {"update": [REST_OF, {**GO, "json": {"to": "{value}"}, "moves": MOVES}], **more}


def test_a_status_walks_the_shortest_legal_way() -> None:
    state: dict[str, Any] = {}
    with rest(walking(lock={"etag": "If-Match"}), serve=cmms(state)) as made:
        record = made.adapter.update("1", {**TITLE, **status(Status.COMPLETED)}, {})
        assert record.fields[Field.STATUS] is Status.COMPLETED
        writes = [asked for asked in made.asked if asked.method != "GET"]
        assert [asked.headers["if-match"] for asked in writes] == ['"1"', '"2"', '"3"']
        assert [asked.body for asked in writes[1:]] == [b'{"to": "WIP"}', b'{"to": "DONE"}']


def test_no_legal_way_is_refused_before_anything_is_sent() -> None:
    state: dict[str, Any] = {}
    with rest(walking(), serve=cmms(state)) as made:
        state["record"]["state"] = "DONE"
        with pytest.raises(Refused, match="no move leads from DONE to VOID"):
            made.adapter.update("1", {**TITLE, **status(Status.CANCELLED)}, {})
        assert state["writes"] == 0


def test_a_lost_answer_on_the_way_costs_a_read() -> None:
    state: dict[str, Any] = {"loses": True}
    with rest(walking(), serve=cmms(state, {1: reset, 2: reset})) as made:
        record = made.adapter.update("1", status(Status.COMPLETED), {})
        assert record.fields[Field.STATUS] is Status.COMPLETED
        assert state["writes"] == 2


@pytest.mark.parametrize("touches", [["description"], []])
def test_what_a_step_itself_has_changed_is_no_edit_of_another(touches: list[str]) -> None:
    """A CMMS that stamps a time of its own with the status, and a later step that corrects it.
    Where the mapping does not say so, it may as well have been a person."""
    steps = [{"request": "POST /wo/{id}/go", "fields": ["status"], "touches": touches},
             {**BASE["update"][0], "fields": ["title", "description"], "whole": True}]  # fmt: skip
    done = item(1, state="DONE", text="stamped")
    wanted: Fields = {Field.STATUS: Status.COMPLETED, Field.DESCRIPTION: "ours"}
    replies = [got(item(1)), got({}), got(done), got({}), got({**done, "text": "ours"})]
    with rest({"update": steps}, *replies) as made:
        if not touches:
            with pytest.raises(Unreachable, match="got another description meanwhile"):
                made.adapter.update("1", wanted, {})
            return
        told = made.adapter.update("1", wanted, {})
        assert told.fields[Field.DESCRIPTION] == made.body(3)["text"] == "ours"


def test_a_stamp_that_is_only_read_is_no_edit_between_our_steps() -> None:
    """The moves stamp it; it is told to the caller as the record holds it."""
    steps = [{**GO, "json": {"to": "{value}"}, "moves": MOVES, "touches": ["completed_at"]},
             {**BASE["update"][0], "fields": ["title", "description"], "whole": True}]  # fmt: skip
    over = {
        "update": steps,
        "fields": {"completed_at": {"read": "done"}},
        "lock": {"etag": "If-Match"},
    }
    begun = item(1, state="WIP", done=None)
    done = item(1, state="DONE", done="2026-03-10T14:31:00Z")
    wanted: Fields = {Field.STATUS: Status.COMPLETED, **TITLE}
    ours = {Field.COMPLETED_AT: None, Field.STATUS: Status.IN_PROGRESS}
    replies = [got(begun, ETag='"1"'), got({}), *[got(done, ETag='"2"')] * 2, got({})]
    with rest(over, *replies, got({**done, "name": "New"}, ETag='"3"')) as made:
        told = made.adapter.update("1", wanted, ours)
        assert Field.COMPLETED_AT not in made.adapter.capabilities.writes
        assert made.asked[-2].headers["if-match"] == '"2"'
        assert told.fields[Field.COMPLETED_AT] is not None
        assert told.fields[Field.TITLE] == "New"


def test_a_refusal_after_the_first_step_concerns_that_step_alone() -> None:
    state: dict[str, Any] = {}
    broken = {2: answer_json({"error": "needs a cause"}, 422)}
    with rest(walking(), serve=cmms(state, broken)) as made:
        record = made.adapter.update("1", {**TITLE, **status(Status.IN_PROGRESS)}, {})
        assert isinstance(record, PartlyWritten)
        assert record.fields[Field.TITLE] == TITLE[Field.TITLE]
        assert list(record.refused) == [Field.STATUS]
        assert "needs a cause" in str(record.refused[Field.STATUS])
        assert not record.in_doubt


def test_an_update_knows_the_moves_on_its_way() -> None:
    with rest(walking()) as made:
        held = made.adapter.read_native(item(1, state="NEW"))
        effects = made.adapter.effects_of(status(Status.COMPLETED), held)
        assert effects.passes == {Field.STATUS: frozenset({"IN_PROGRESS"})}
        assert made.adapter.effects_of(TITLE, held).passes == {}


def test_a_move_that_is_ignored_ends_the_walk_and_shows() -> None:
    state: dict[str, Any] = {}
    with rest(walking(), serve=cmms(state, {1: answer_json({"done": True})})) as made:
        record = made.adapter.update("1", status(Status.COMPLETED), {})
        assert record.fields[Field.STATUS] is Status.DRAFT
        assert state["writes"] == 1


def test_moves_with_names_of_their_own() -> None:
    go = {
        **GO,
        "json": {"transition": {"id": "{move}"}},
        "moves": {"NEW": {"WIP": 11, "VOID": 12, "HOLD": 13, "DONE": 14}},
    }
    over = {"update": [REST_OF, go]}
    with rest(over, got(item(1)), NO_CONTENT, got(item(1, state="WIP"))) as made:
        made.adapter.update("1", status(Status.IN_PROGRESS), {})
        assert made.body(1) == {"transition": {"id": 11}}


def test_a_call_of_its_own_for_each_value() -> None:
    calls = {
        str(value): {"request": f"POST /wo/{{id}}/{value.lower()}", "query": {"to": "{value}"}}
        for value in Status
    }
    over = {"update": [REST_OF, {"fields": ["status"], "by_value": calls}]}
    with rest(over, got(item(1)), NO_CONTENT, got(item(1, state="DONE"))) as made:
        made.adapter.update("1", status(Status.COMPLETED), {})
        assert made.told()[1] == "POST /api/wo/1/completed?to=DONE"


def test_a_call_of_its_own_takes_along_what_is_carried_and_what_is_set() -> None:
    calls = {str(value): {"request": "PATCH /wo/{id}", "json": {"open": 0}} for value in Status}
    over = {"update": [REST_OF, {"fields": ["status"], "by_value": calls,
                                 "carry": {"who.id": "user"}, "set": {"who.kind": "user"}}]}  # fmt: skip
    native = item(1, user=7)
    with rest(over, got(native), NO_CONTENT, got(item(1, state="DONE"))) as made:
        made.adapter.update("1", status(Status.COMPLETED), {})
        assert made.body(1) == {"open": 0, "who": {"id": 7, "kind": "user"}}


# ── hours and rows ───────────────────────────────────────────────────────────────────────────

LABOUR: dict[str, Any] = {
    "fields": {"actual_hours": {"read": "sum((rows || `[]`)[].s)", "unit": "s"}},
    "update": [
        {"request": "PATCH /wo/{id}", "fields": ["title", "status", "description"]},
        {"request": "POST /labour", "fields": ["actual_hours"],
         "append": {"json": {"wo": "{id}", "seconds": "{delta}", "note": "S2E {s2e_id}"}}},
    ],
}  # fmt: skip


def test_hours_are_appended_as_what_is_missing() -> None:
    native = item(1, rows=[{"s": 3600}, {"s": 1800}])
    with rest(LABOUR, got(native), NO_CONTENT, got(native)) as made:
        made.adapter.update("1", {Field.ACTUAL_HOURS: Decimal("2.25")}, {})
        assert made.body(1) == {"wo": "1", "seconds": 2700, "note": "S2E "}
        with pytest.raises(Refused, match="takes none back"):
            made.adapter.update("1", {Field.ACTUAL_HOURS: Decimal(1)}, {})


def test_a_new_record_gets_its_hours_as_a_row() -> None:
    made_one = item(1, ref="wo_1", rows=[])
    done = item(1, ref="wo_1", rows=[{"s": 5400}])
    with rest(LABOUR, page(), answer_json({"id": 1}), got(made_one), NO_CONTENT, got(done)) as made:
        assert Field.ACTUAL_HOURS in made.adapter.capabilities.writes
        assert Field.ACTUAL_HOURS not in made.adapter.capabilities.clears
        record = made.adapter.create("wo_1", {**TITLE, Field.ACTUAL_HOURS: Decimal("1.5")})
        assert record.fields[Field.ACTUAL_HOURS] == Decimal("1.5")
        assert made.body(1) == {"ref": "wo_1", "name": "New"}
        assert made.body(3)["seconds"] == 5400


def test_the_rows_of_a_record_are_each_written_to() -> None:
    over = {"update": [REST_OF, {
        "request": "PATCH /task/{child.sys_id}", "fields": ["status"],
        "for_each": {"request": "GET /task", "query": {"of": "{id}"}, "items": "items",
                     "where": "active"}}]}  # fmt: skip
    tasks = page(
        {"sys_id": "a/1", "active": True}, {"sys_id": "b"}, {"sys_id": "c", "active": True}
    )
    done = got(item(1, state="DONE"))
    with rest(over, got(item(1)), tasks, NO_CONTENT, NO_CONTENT, done) as made:
        made.adapter.update("1", status(Status.COMPLETED), {})
        assert made.told()[1:4] == [
            "GET /api/task?of=1", "PATCH /api/task/a%2F1", "PATCH /api/task/c",
        ]  # fmt: skip
    with rest(over, got(item(1)), page()) as made, pytest.raises(Refused, match="no rows"):
        made.adapter.update("1", status(Status.COMPLETED), {})


UPSERT: dict[str, Any] = {
    "update": [
        REST_OF,
        GO,
        {
            "request": "PATCH /notes/{child.id}",
            "fields": ["root_cause"],
            "json": {"text": "{value}"},
            "for_each": {
                "request": "GET /notes", "query": {"of": "{id}"}, "items": "items",
                "where": "kind == 'CAUSE'",
                "make": {"request": "POST /notes",
                         "json": {"of": "{id}", "kind": "CAUSE", "text": "{value}"}},
            },
        },
    ],
    "fields": {"root_cause": {"read": "cause", "write": "cause", "empty": ""}},
}  # fmt: skip


def test_a_row_is_changed_where_it_is_there_and_made_where_it_is_not() -> None:
    cause: Fields = {Field.ROOT_CAUSE: "worn"}
    other, ours = {"id": 7, "kind": "CLOSURE"}, {"id": 8, "kind": "CAUSE"}
    done = got(item(1, cause="worn"))
    with rest(UPSERT, got(item(1, cause="")), page(other), answer_json({"id": 9}), done) as made:
        assert made.adapter.update("1", cause, {}).fields[Field.ROOT_CAUSE] == "worn"
        assert made.told()[1:3] == ["GET /api/notes?of=1", "POST /api/notes"]
        assert made.body(2) == {"of": "1", "kind": "CAUSE", "text": "worn"}
    with rest(UPSERT, got(item(1, cause="dry")), page(other, ours), NO_CONTENT, done) as made:
        made.adapter.update("1", cause, {})
        assert made.told()[1:3] == ["GET /api/notes?of=1", "PATCH /api/notes/8"]
        assert made.body(2) == {"text": "worn"}


# ── locks ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lock", "header", "value", "body"),
    [
        ({"etag": {"read": '"@etag"'}}, "if-match", 'W/"7"', {"name": "New"}),
        ({"version": {"read": "rev", "send": {"json": "rev"}}}, None, None, {"name": "New", "rev": 7}),
        ({"version": {"read": "rev", "send": {"header": "X-Rev"}}}, "x-rev", "7", {"name": "New"}),
        ({"unmodified_since": "updated_at"}, "if-unmodified-since", "Tue, 10 Mar 2026 14:30:00 GMT",
         {"name": "New"}),
    ],
)  # fmt: skip
def test_a_write_holds_for_the_record_as_it_was_read(
    lock: dict[str, Any], header: str | None, value: str, body: dict[str, Any]
) -> None:
    native = item(1, **{"@etag": 'W/"7"', "rev": 7})
    with rest({"lock": lock}, got(native), answer_json({}, 412)) as made:
        assert made.adapter.capabilities.optimistic_lock
        with pytest.raises(Changed) as caught:
            made.adapter.update("1", TITLE, {})
        assert not caught.value.may_have_applied
        assert made.body(1) == body
        assert header is None or made.asked[1].headers[header] == value


def test_without_a_version_nothing_is_written() -> None:
    with rest({"lock": {"etag": "If-Match"}}, got(item(1))) as made:
        with pytest.raises(UnexpectedContent, match="no ETag"):
            made.adapter.update("1", TITLE, {})
        assert len(made.asked) == 1


# ── creating ─────────────────────────────────────────────────────────────────────────────────


def test_a_record_is_looked_for_made_and_read() -> None:
    made_one = item("a b", ref="wo_1", name="New")
    over = {"create": {"id": {"header": "Location", "after": "(", "until": ")"}}}
    created = answer(201, b"", "", Location="/api/wo(a%20b)?x")
    with rest(over, page(), created, got(made_one)) as made:
        record = made.adapter.create("wo_1", {**TITLE, **status(Status.ASSIGNED)})
        assert record.cmms_id == "a b"
        assert made.body(1) == {"ref": "wo_1", "name": "New", "state": "NEW"}
        assert made.told()[2] == "GET /api/wo/a%20b"


def test_a_record_that_is_there_is_not_made_again() -> None:
    with rest({}, page(item(7, ref="wo_1"))) as made:
        assert made.adapter.create("wo_1", TITLE).cmms_id == "7"
        assert [asked.method for asked in made.asked] == ["GET"]


def test_a_conflict_finds_the_record_that_somebody_made_just_now() -> None:
    conflict = answer_json({"error": "duplicate"}, 409)
    with rest({}, page(), conflict, page(item(7, ref="wo_1"))) as made:
        assert made.adapter.create("wo_1", TITLE).cmms_id == "7"
    with rest({}, page(), conflict, page()) as made, pytest.raises(Refused, match="duplicate"):
        made.adapter.create("wo_1", TITLE)


@pytest.mark.parametrize(
    ("behaviours", "kind", "applied"),
    [
        ([page(), reset], Unreachable, True),
        ([page(), answer_json({}, 503)], Unreachable, True),
        ([page(), answer_json({}, 404)], UnexpectedContent, False),
        ([page(), answer_json({}, 422)], Refused, False),
        ([page(), answer_json({"number": 1}, 201)], UnexpectedContent, True),
        ([page(), answer_json({"id": True}, 201)], UnexpectedContent, True),
        ([page(), answer(200, b"<html>", "text/html")], UnexpectedContent, True),
        ([page(), answer_json({"id": 1}, 201), answer_json({}, 404)], Unreachable, True),
        ([page(), answer_json({"id": 1}, 201), got(item(1))], UnexpectedContent, True),
        ([answer_json({}, 500)], Unreachable, False),
    ],
)
def test_what_a_create_has_left_behind_is_told_honestly(
    behaviours: list[Behaviour], kind: type[RemoteError], applied: bool
) -> None:
    with rest({}, *behaviours) as made, pytest.raises(RemoteError) as caught:
        made.adapter.create("wo_1", TITLE)
    assert type(caught.value) is kind, caught.value
    assert caught.value.may_have_applied is applied


def test_a_search_that_answers_other_records_proves_nothing() -> None:
    """A filter that the CMMS does not know is passed over, and everything is answered."""
    with rest({}, page(item(1, ref="wo_9"))) as made:
        with pytest.raises(UnexpectedContent, match="none of which carries it"):
            made.adapter.create("wo_1", TITLE)
        assert len(made.asked) == 1


def test_hours_in_hours_are_sent_as_numbers() -> None:
    over = {
        "fields": {"actual_hours": "h"},
        "update": [
            {**BASE["update"][0], "fields": ["title", "status", "description", "actual_hours"]}
        ],
    }
    held = item(1, h=1)
    with rest(over, got(held), answer_json({}), got({**held, "h": 2.25})) as made:
        made.adapter.update("1", {Field.ACTUAL_HOURS: Decimal("2.25")}, {})
        assert made.body(1) == {"h": 2.25}


def test_without_a_search_the_list_is_looked_through() -> None:
    with rest({"find": "scan"}, page(item(1, ref="wo_9"), item(2, ref="wo_1"))) as made:
        assert [record.cmms_id for record in made.adapter.find("wo_1")] == ["2"]
        assert made.adapter.find("wo_2") == []


def test_an_id_that_would_change_the_search_is_not_asked_for() -> None:
    over = {"find": {"query": {"ref": None, "q": "ref='{s2e_id}'"}}}
    odd = "wo_1' or '1'='1"
    with rest(over, page(), page(item(1, ref="wo_1"), item(2, ref=odd))) as made:
        assert made.adapter.find("wo_1") == []
        assert [record.cmms_id for record in made.adapter.find(odd)] == ["2"]
        assert made.told()[1] == "GET /api/wo", "it is looked for in the whole list"


def test_an_id_in_a_text_that_people_read() -> None:
    over = {"fields": {"s2e_id": {"at": None, "once": None, "marker": "description"}}}
    made_one = item(1, text="Leaks\n\nS2E: wo_1", name="New")
    with rest(over, page(), answer_json({"id": 1}), got(made_one)) as made:
        record = made.adapter.create("wo_1", {**TITLE, Field.DESCRIPTION: "Leaks"})
        assert made.body(1)["text"] == "Leaks\n\nS2E: wo_1"
        assert (record.s2e_id, record.fields[Field.DESCRIPTION]) == ("wo_1", "Leaks")


@pytest.mark.parametrize(
    ("own", "first"),
    [
        ({}, {"type": "order", "ref": "wo_1", "name": "New", "text": "Leaks"}),
        ({"id": "{id}", "type": "order"}, {"type": "order", "ref": "wo_1", "name": "New", "text": "Leaks"}),
        ({"type": "text"}, {"type": "order", "ref": "wo_1", "name": "New"}),
        ({"lang": "en"}, {"type": "order", "ref": "wo_1", "name": "New"}),
    ],
)  # fmt: skip
def test_what_a_step_sets_goes_with_its_fields_when_a_record_is_made(
    own: dict[str, Any], first: dict[str, Any]
) -> None:
    """Unless the create sets the same, or it only names the record, which is not there yet."""
    over = {
        "create": {"set": {"type": "order"}},
        "update": [
            {"request": "PATCH /wo/{id}", "fields": ["title", "status"]},
            {"request": "PATCH /wo/{id}/text", "fields": ["description"], "set": own},
        ],
    }
    wanted: Fields = {**TITLE, Field.DESCRIPTION: "Leaks"}
    made_one = item(1, ref="wo_1", name="New", text=first.get("text"))
    done = got(item(1, ref="wo_1", name="New", text="Leaks"))
    with rest(over, page(), answer_json({"id": 1}), got(made_one), NO_CONTENT, done) as made:
        record = made.adapter.create("wo_1", wanted)
        assert made.body(1) == first
        assert record.fields[Field.DESCRIPTION] == "Leaks"
        if "text" in first:
            assert len(made.asked) == 3
        else:
            assert made.told()[3] == "PATCH /api/wo/1/text"
            assert made.body(3) == {**own, "text": "Leaks"}


# ── what answers mean ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "behaviour", "kind", "applied"),
    [
        ({"status": 500, "body": "Unknown Field", "as": "refused"},
         answer_json({"message": "unknown field x"}, 500), Refused, False),
        ({"status": 200, "code": {"at": "error.code", "is": [7, "B"]}, "as": "refused"},
         answer_json({"error": {"code": "7"}}), Refused, False),
        ({"when": "ok == `false`", "as": "credentials"}, answer_json({"ok": False}),
         CredentialsRefused, False),
        ({"when": "userErrors", "as": "refused"}, answer_json({"userErrors": [{"code": "STALE"}]}),
         Refused, False),
        ({"status": 417, "body": "Timestamp", "as": "changed"},
         answer_json({"exc": "TimestampMismatch"}, 417), Changed, False),
        ({"status": 503, "as": "throttled"}, answer_json({}, 503, Retry_After="7"), Throttled, False),
        ({"status": 500, "as": "unreachable", "applied": False}, answer_json({}, 500), Unreachable, False),
        ({"status": 500, "body": "else", "as": "refused"}, answer_json({}, 500), Unreachable, True),
    ],
)  # fmt: skip
def test_what_an_answer_means_is_said_by_the_mapping(
    rule: dict[str, Any], behaviour: Behaviour, kind: type[RemoteError], applied: bool
) -> None:
    with rest({"errors": [rule]}, got(item(1)), behaviour) as made:
        with pytest.raises(RemoteError) as caught:
            made.adapter.update("1", TITLE, {})
        assert type(caught.value) is kind
        assert caught.value.may_have_applied is applied


def test_what_an_answer_says_is_one_short_line_without_our_secrets() -> None:
    said = f"you sent {SECRET}\r\n\x1b[31mand " + "x" * 500
    over = {"message": "error.text"}
    with rest(over, got(item(1)), answer_json({"error": {"text": said}}, 422)) as made:
        with pytest.raises(Refused) as caught:
            made.adapter.update("1", TITLE, {})
        text = str(caught.value)
        assert SECRET not in text
        assert "you sent *** [31mand xxx" in text
        assert len(text) < 300


def test_a_limit_that_is_met_is_waited_for() -> None:
    busy = answer_json({}, 429, Retry_After="7")
    with rest({}, got(item(1)), busy, NO_CONTENT, got(item(1))) as made:
        made.adapter.update("1", TITLE, {})
        assert made.waits == [7.0]


def test_a_dry_run_writes_nothing() -> None:
    with rest({}, got(item(1))) as made:
        made.adapter._may_write = False
        with pytest.raises(Refused, match="dry run"):
            made.adapter.update("1", TITLE, {})
        with pytest.raises(Refused, match="dry run"):
            made.adapter.create("wo_1", TITLE)
        assert made.asked == []


def test_without_a_create_none_is_made() -> None:
    with rest({"create": None}, page()) as made:
        assert not made.adapter.capabilities.creates
        with pytest.raises(Refused, match="no create"):
            made.adapter.create("wo_1", TITLE)


def test_an_answer_is_trusted_where_the_mapping_says_so() -> None:
    over = {"verify": "reply", "update": [{"request": "PATCH /wo/{id}", "item": "wo",
            "fields": ["title", "status", "description"], "success": "ok"}]}  # fmt: skip
    done = got({"ok": True, "wo": item(1, name="New")})
    with rest(over, got(item(1)), done) as made:
        assert made.adapter.update("1", TITLE, {}).fields[Field.TITLE] == "New"
        assert len(made.asked) == 2
    with rest(over, got(item(1)), got({"ok": False})) as made:
        with pytest.raises(UnexpectedContent, match="does not say that it was done") as caught:
            made.adapter.update("1", TITLE, {})
        assert caught.value.may_have_applied


def test_moves_between_numbers_are_spelled_as_numbers() -> None:
    over = {
        "maps": {"state": dict.fromkeys(BASE["maps"]["state"])
                 | {10: ["DRAFT", "ASSIGNED"], 20: "IN_PROGRESS", 30: "COMPLETED"}},
        "update": [REST_OF, {**GO, "json": {"to": "{value}"}, "moves": {10: [20], 20: [10, 30.0]}}],
    }  # fmt: skip
    natives = [got(item(1, state=state)) for state in (10, 20, 30, 30)]
    behaviours = [natives[0], NO_CONTENT, natives[1], NO_CONTENT, natives[2], natives[3]]
    with rest(over, *behaviours) as made:
        record = made.adapter.update("1", status(Status.COMPLETED), {})
        assert record.fields[Field.STATUS] is Status.COMPLETED
        assert [made.body(number) for number in (1, 3)] == [{"to": 20}, {"to": 30}]
