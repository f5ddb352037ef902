"""Tables of values in CSV files beside the mapping."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.file import load_mapping
from syncd.cmms.rest.adapter import RestAdapter
from syncd.cmms.rest.file import read_rest
from syncd.core.work_order import Field, Unreadable, Unwritable
from syncd.errors import ConfigurationError
from tests.cmms.rest_bench import BASE, got, item, laid, page, rest
from tests.conftest import utcnow

PEOPLE = """\ufeffours;theirs;comment
miller.hans@example.com;0815;Hans Miller
jane@example.com;4711;
j.doe@example.com;99;"Doe; Jane"
;12;who is that?
nobody@example.com;;
"""


def fields(**more: Any) -> dict[str, Any]:
    return {
        "fields": {"assigned_to": {"at": "person", "map": "people", **more}},
        "maps": {"people": {"file": "people.csv"}},
        "update": [
            {"request": "PATCH /wo/{id}", "fields": [*BASE["update"][0]["fields"], "assigned_to"]}
        ],
    }


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Any]:
    """Makes the adapter of a mapping beside which this file stands."""
    adapters = []

    def make(over: dict[str, Any], csv: str | bytes = PEOPLE) -> RestAdapter:
        raw = csv if isinstance(csv, bytes) else csv.encode()
        (tmp_path / "people.csv").write_bytes(raw)
        (tmp_path / "small.yaml").write_text(yaml.safe_dump(laid(over)), encoding="utf-8")
        environ = {"URL": "http://127.0.0.1:9", "TOKEN": "secret"}
        context = AdapterContext(may_write=False, environ=environ, utcnow=utcnow)
        options = RestAdapter.Options(url=None, mapping=str(tmp_path / "small.yaml"))
        adapters.append(RestAdapter.from_options(options, context))
        return adapters[-1]

    yield make
    for adapter in adapters:
        adapter.close()


def test_values_go_by_the_rows_in_both_directions(made: Any) -> None:
    adapter = made(fields())
    native = {"id": 1, "person": "0815"}
    assert adapter.read_native(native).fields[Field.ASSIGNED_TO] == "miller.hans@example.com"
    assert adapter.settled(Field.ASSIGNED_TO, "Jane@Example.com") == "jane@example.com"


def test_a_row_that_is_not_filled_in_is_no_row(made: Any) -> None:
    adapter = made(fields())
    read = adapter.read_native({"id": 1, "person": "12"}).fields[Field.ASSIGNED_TO]
    assert isinstance(read, Unreadable)
    assert "people.csv" in read.why
    assert isinstance(adapter.settled(Field.ASSIGNED_TO, "nobody@example.com"), Unwritable)


def test_what_the_table_has_not_is_left_blank_where_the_mapping_says_so(made: Any) -> None:
    adapter = made(fields(missing="blank"))
    assert adapter.read_native({"id": 1, "person": "12"}).fields[Field.ASSIGNED_TO] is None
    assert adapter.settled(Field.ASSIGNED_TO, "nobody@example.com") is None


def test_or_another_one_of_ours_stands_in_its_place(made: Any) -> None:
    adapter = made(fields(missing="jane@example.com"))
    settled = adapter.settled(Field.ASSIGNED_TO, "nobody@example.com")
    assert settled == "jane@example.com"


@pytest.mark.parametrize(("kind", "written"), [("number", 4711), ("text", "4711")])
def test_ids_are_written_as_numbers_where_the_mapping_says_so(
    kind: str, written: object, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("use,theirs,ours\n,4711,jane\nread,7,jane\n")
    over = laid({"maps": {"people": {"theirs": kind}}}, fields())
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(laid(over)), encoding="utf-8")
    environ = {"URL": "http://127.0.0.1:9", "TOKEN": "secret"}
    mapping = load_mapping(str(tmp_path / "small.yaml"), "rest/1", environ, read_rest)
    people = mapping.records.fields[Field.ASSIGNED_TO]
    assert people.natives("jane") == (written,)
    assert people.meaning((7,)).value == people.meaning((4711,)).value == "jane"


def test_probe_drafts_the_rows_that_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    over = laid({"maps": {"people": {"file": str(file)}}}, fields())
    listed = page(item(1, person="77"), item(2, person="4711"), item(3, person="12"))
    with rest(over, listed, got(item(1, person="77")), page(), listed) as bench:
        found = {what: text for state, what, text in bench.adapter.probe() if state == "look"}
    assert found["assigned_to"].endswith("rows to add and to fill in:\n    ,12,\n    ,77,")


BROKEN: list[tuple[dict[str, Any], str | bytes, str]] = [
    (fields(), "who,theirs\na,1\n", "people.csv:1: maps.people: has no column ours"),
    (fields(), "", "has no column ours and theirs"),
    (fields(), "ours,theirs\na,1\nb,1\n", "people.csv:3: maps.people: '1' stands in"),
    (fields(), "ours,theirs\na,1\na,2\n", "a would be written as 2 and as 1"),
    (fields(), 'ours,theirs\n"a,1\n', "is no CSV"),
    (fields(), b"ours,theirs\n\xe4,1\n", "is no UTF-8 text"),
    (fields(), "ours,theirs,use\na,1,write\n", "people.csv:2: maps.people: use is 'write'"),
    (fields(missing="gone"), PEOPLE, "fields.assigned_to.missing: 'gone' is written by no line"),
    (fields(missing="blank", clears=False), PEOPLE, "this field cannot be empty"),
    (
        laid({"fields": {"status": {"missing": "COMPLETED"}}}, fields()),
        PEOPLE,
        "fields.status.missing: of a status is always park",
    ),
    (
        laid({"maps": {"people": {"theirs": "number"}}}, fields()),
        "ours,theirs\na,x\n",
        "theirs is 'x', and `theirs: number` wants whole numbers",
    ),
    (
        laid({"maps": {"people": {"theirs": "ids"}}}, fields()),
        PEOPLE,
        "maps.people.theirs: is 'ids'; there is text, number",
    ),
    (
        laid({"maps": {"people": {"thiers": "text"}}}, fields()),
        PEOPLE,
        "maps.people.thiers: is not known beside file; did you mean theirs?",
    ),
    (
        laid({"maps": {"people": {"file": "person.csv"}}}, fields()),
        PEOPLE,
        "person.csv cannot be read: No such file",
    ),
]


@pytest.mark.parametrize(("over", "csv", "said"), BROKEN)
def test_what_is_wrong_is_named_with_its_row(
    over: dict[str, Any], csv: str | bytes, said: str, made: Any
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        made(over, csv)
    assert said in str(refused.value)
