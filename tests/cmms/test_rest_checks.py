"""What a mapping cannot say is told when it is loaded, with its line."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncd.cmms.load import AdapterContext
from syncd.cmms.rest.adapter import RestAdapter
from syncd.core.work_order import Field
from syncd.errors import ConfigurationError
from tests.cmms.rest_bench import BASE, rest
from tests.conftest import utcnow
from tests.house.pages import blocks

PAGE = "how-to/connect-an-http-cmms.md"
PATCH = BASE["update"][0]
STATUS = {"request": "POST /wo/{id}/go", "fields": ["status"], "json": {"to": "{value}"}}
REST_OF = {"request": "PATCH /wo/{id}", "fields": ["title", "description"]}

ROWS = {
    "request": "GET /rows",
    "items": "rows",
    "make": {"request": "POST /rows", "json": {"of": "{id}", "text": "{value}"}},
}


def moves(**said: list[str]) -> dict[str, Any]:
    return {"update": [REST_OF, {**STATUS, "moves": said}]}


CANNOT: list[tuple[dict[str, Any], str]] = [
    ({"lists": {}}, "lists: is not known here; did you mean list?"),
    ({"list": {"reqest": "x"}}, "list.reqest: is not known here; did you mean request?"),
    ({"get": {"request": None}}, "get.request: is missing"),
    ({"list": {"request": "FETCH /x"}}, "list.request: has to be a method and a path"),
    ({"list": {"items": "a["}}, "list.items: 'a[' is no JMESPath"),
    ({"list": {"page": {"link": {"read": "next"}}}}, "list.page: give exactly one of"),
    ({"list": {"page": {"none": None, "cursor": {"read": "next"}}}}, "list.page.cursor.send: is missing"),
    ({"list": {"page": {"none": None, "number": {"send": {"query": "p"}, "end": "more"}}}}, "end: more needs more"),
    ({"list": {"page": {"none": None, "offset": {"send": {"query": "o"}, "size": 2, "end": "short", "step": "size"}}}}, "step: size needs end: total"),
    ({"list": {"page": {"none": None, "keyset": {"by": "id"}}}}, "has no {last}"),
    ({"list": {"query": {"q": "{since}"}}}, "there is no {since} here"),
    ({"list": {"since": {"query": {"q": "x"}}}}, "has no {since} anywhere"),
    ({"list": {"since": {"query": {"q": "{since}"}}}, "fields": {"updated_at": None}}, "needs fields.updated_at"),
    ({"list": {"since": {"query": {"q": "{since}"}, "format": "%Y-%m-%d"}}}, "no offset"),
    ({"list": {"since": {"query": {"q": "{since}"}, "zone": "Mars/Olympus"}}}, "no time zone"),
    ({"get": {"request": "GET /wo/{address}"}}, "only the id is known"),
    ({"get": {"request": "GET /wo"}}, "does not ask for {id}"),
    ({"find": {"query": {"ref": "all"}}}, "does not ask for {s2e_id}"),
    ({"find": None}, "find: is missing"),
    ({"find": "nobody"}, "find: is 'nobody'; there is none, scan"),
    ({"find": "none"}, "create: cannot be without find"),
    ({"fields": {"s2e_id": None}}, "create: needs fields.s2e_id"),
    ({"fields": {"s2e_id": {"at": None, "read": "ref", "once": None}}}, "cannot write fields.s2e_id"),
    ({"create": {"id": None}}, "create.id: is missing"),
    ({"create": {"json": {"x": "{value}"}}}, "there is no {value} here; there is {s2e_id}"),
    ({"create": {"set": {"a[0]": 1}}}, "create.set.a[0]"),
    ({"update": [REST_OF]}, "fields.status: has a path to write to, and no step of update names it"),
    ({"update": [PATCH, STATUS]}, "status is written by update[0] already"),
    ({"update": [{**PATCH, "fields": ["titel"]}]}, "'titel' is no field; did you mean title?"),
    ({"update": [{**PATCH, "fields": ["location"]}]}, "location has no `at` or `write`"),
    ({"update": [{**PATCH, "touches": ["completed_at"]}]}, "completed_at is not in fields"),
    ({"update": [{**PATCH, "touches": ["finished"]}]}, "'finished' is no field"),
    ({"update": [{**PATCH, "json": {"to": "{value}"}}]}, "writes one value, and names several"),
    ({"get": {"json": {"query": "order(id:1){{a{id}}}"}}}, "fills in {id} right behind a letter"),
    ({"list": {"json": {"query": "orders{name}"}}}, "there is no {name} here; there is none; for a plain brace write {{name}}"),
    ({"update": [{**PATCH, "for_each": ROWS}]}, "writes one value, and names several"),
    ({"update": [{**STATUS, "for_each": {**ROWS, "make": {"request": "POST /rows"}}}, REST_OF]}, "for_each.make: has no {value}"),
    ({"update": [{**STATUS, "for_each": {**ROWS, "make": {"request": "POST /{child.id}", "json": "{value}"}}}, REST_OF]}, "there is no {child} here"),
    ({"update": [{**STATUS, "for_each": {**ROWS, "request": "PUT /r/{child.id}"}}, REST_OF]}, "the step's own request is made for each"),
    ({"update": [{**PATCH, "query": {"n": "{nr}"}}]}, "there is no {nr} here"),
    ({"update": [{**PATCH, "json": {"data": "x"}, "under": "data"}]}, "update[0]: data.name cannot be set: a value is at data"),
    ({"update": [{**PATCH, "json": {"a": [1]}, "set": {"a.b": 1}}]}, "a.b cannot be set: a list is at a"),
    ({"update": [{**PATCH, "json": [{"op": "add"}]}]}, "update[0].json: is no object"),
    ({"update": [{**PATCH, "json": "{record}", "whole": True}]}, "update[0].json: is no object"),
    ({"update": [REST_OF, {**STATUS, "json": ["{value}"], "set": {"a": 1}}]}, "update[1].json: is no object"),
    ({"create": {"json": {"ref": 1}, "set": {"ref.x": 1}}}, "create: ref.x cannot be set"),
    ({"update": [{**PATCH, "request": ""}]}, "needs a request"),
    ({"update": [{**PATCH, "whole": True, "moves": {"NEW": ["WIP"]}}]}, "a step is of one kind"),
    ({"update": [REST_OF, {**STATUS, "append": {"json": {"m": "{delta}"}}, "json": None}]}, "append adds up hours"),
    ({"update": [REST_OF, {**STATUS, "append": {"json": {"m": "{delta}"}}, "set": {"a": 1}, "json": None}]}, "update[1].set: goes into no row"),
    ({"update": [REST_OF, {**STATUS, "append": {"json": {"m": 1}}, "json": None}]}, "has no {delta}"),
    (moves(NEW=["WIP"], WIP=["HOLD", "DONE"]), "CANCELLED is written as VOID, which no move leads to"),
    (moves(NEW=["WIP"], WIP=["HOLD", "DONE", "VOID"], DONE=["GONE"]), "GONE is not in maps.state"),
    ({"update": [REST_OF, {**STATUS, "moves": {"NEW": {"start": "WIP"}}}]}, "start is not in maps.state; what it leads to comes first: did you mean {WIP: start}?"),
    ({"update": [REST_OF, {"fields": ["status"], "by_value": {"COMPLETED": {"request": "POST /c"}}}]}, "has no call for ASSIGNED"),
    ({"update": [REST_OF, {"fields": ["status"], "by_value": {"FINISHED": {"request": "POST /c"}}}]}, "FINISHED: is none of ours"),
    ({"lock": {"unmodified_since": "updated_at"}, "fields": {"updated_at": None}}, "unmodified_since needs fields.updated_at"),
    ({"lock": {"version": {"send": {"header": "If-Match"}}}}, "lock.version.read: is missing"),
    ({"lock": {"etag": "If-Match"}, "get": {"items": "rows"}}, "the header of a list is no record's"),
    ({"auth": {"bearer": "s3cret"}}, "is a secret; take it from the environment"),
    ({"auth": {"query": {"name": "x", "value": "${TOKEN}"}}}, "auth: give exactly one of"),
    ({"auth": {"bearer": None, "login": {"request": "POST /a"}}}, "exactly one of token, text, token_header"),
    ({"auth": {"bearer": None, "oauth2": {"token_url": "/t", "grant": "password", "client_id": "x"}}}, "grant password needs username"),
    ({"errors": [{"as": "refused"}]}, "has no condition"),
    ({"errors": [{"status": 400, "as": "expired"}]}, "expired needs auth.oauth2 or auth.login"),
    ({"limits": {"remaining": "X"}}, "needs per_minute, or a reset header"),
    ({"status_needs": {"CLOSED": ["title"]}}, "CLOSED: is no status"),
    ({"fields": {"title": {"at": "name", "once": True}}, "update": [{**PATCH, "fields": ["status", "description"]}], "create": None}, "and there is no create"),
    ({"read_lag_s": 5, "fields": {"actual_hours": {"at": "h"}}, "update": [PATCH, {"request": "POST /l", "fields": ["actual_hours"], "append": {"json": {"h": "{delta}"}}}]}, "the same hours would be added twice"),
    ({"find": ["none"]}, "find: is a list; a mapping of keys is wanted"),
    ({"deadline_s": 601}, "deadline_s: has to be at most 600"),
    ({"login_again": [1.5]}, "login_again[0]: has to be a whole number"),
    ({"verify": "repy"}, "verify: is 'repy'; did you mean reply?"),
    ({"deadline_s": 20, "longest_request_s": 19}, "longest_request_s: has to be at least deadline_s, 20"),
    ({"deadline_s": "soon"}, "deadline_s: is text; a number is wanted"),
]  # fmt: skip


@pytest.mark.parametrize(("over", "what"), CANNOT, ids=[what[:40] for _, what in CANNOT])
def test_what_cannot_work_is_told_at_load(over: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError) as caught, rest(over):
        pass
    lines = str(caught.value).splitlines()
    found = [line for line in lines if what in line]
    assert found, str(caught.value)
    assert "small.yaml:" in found[0]
    number = int(found[0].split("small.yaml:")[1].split(":")[0])
    assert number > 0
    assert "s3cret" not in str(caught.value)


def test_the_small_mapping_itself_can_be_used() -> None:
    with rest({}) as made:
        assert made.adapter.capabilities.creates
        assert not made.adapter.capabilities.optimistic_lock


def test_a_status_that_nothing_stands_for_is_told_beforehand() -> None:
    with rest({"maps": {"state": {"VOID": {"read": "CANCELLED"}}}}) as made:
        (note,) = made.adapter.notes
        assert note.startswith("status CANCELLED cannot be written: nothing in maps.state")
    with rest({}) as made:
        assert made.adapter.notes == []


def test_the_example_of_the_documentation_can_be_used(tmp_path: Path) -> None:
    example = next(block.text for block in blocks(PAGE) if block.kind == "yaml")
    path = tmp_path / "acme.yaml"
    path.write_text(example, encoding="utf-8")
    environ = {"ACME_URL": "https://acme.example", "ACME_TOKEN": "secret-canary"}
    context = AdapterContext(True, utcnow, environ=environ)
    adapter = RestAdapter.from_options(RestAdapter.Options(url=None, mapping=str(path)), context)
    assert adapter.capabilities.writes == {
        Field.TITLE,
        Field.DESCRIPTION,
        Field.STATUS,
        Field.S2E_ID,
    }
    assert adapter.mapping_trust is not None
    adapter.close()


@pytest.mark.parametrize(
    ("number", "extra"),
    [(1, Field.ASSIGNED_TO), (2, Field.DESCRIPTION), (3, Field.ROOT_CAUSE), (4, Field.TITLE)],
    ids=["json_api", "odata", "rpc", "graphql"],
)
def test_the_parts_of_mappings_in_the_documentation_can_be_used(
    number: int, extra: Field, tmp_path: Path
) -> None:
    examples = [block.text for block in blocks(PAGE) if block.kind == "yaml"]
    assert len(examples) == 5
    example = examples[number]
    head = "mapping: rest/1\nname: acme\nbase_url: https://acme.example\n"
    (tmp_path / "acme.yaml").write_text(f"{head}{example}", encoding="utf-8")
    environ = {"ACME_USER": "u", "ACME_PASSWORD": "secret-canary"}
    context = AdapterContext(True, utcnow, environ=environ)
    options = RestAdapter.Options(url=None, mapping=str(tmp_path / "acme.yaml"))
    with closing(RestAdapter.from_options(options, context)) as adapter:
        assert adapter.capabilities.writes == {Field.TITLE, Field.S2E_ID, extra}


def test_without_a_mapping_the_remedy_is_told() -> None:
    with pytest.raises(ConfigurationError, match="SYNCD_CMMS_MAPPING is not set"):
        RestAdapter.from_options(RestAdapter.Options(url=None), AdapterContext(True, utcnow))


def test_without_an_address_the_remedy_is_told() -> None:
    with (
        pytest.raises(ConfigurationError, match="no base_url, and SYNCD_CMMS_URL is not set"),
        rest({"base_url": None}),
    ):
        pass


@pytest.mark.parametrize(
    ("over", "seconds"),
    [({}, 30), ({"deadline_s": 7}, 7), ({"deadline_s": 7, "longest_request_s": 90}, 90)],
)
def test_the_longest_request_is_the_deadline_unless_the_mapping_says_more(
    over: dict[str, Any], seconds: float
) -> None:
    with rest(over) as made:
        assert made.adapter.capabilities.longest_request_s == seconds
