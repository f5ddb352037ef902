"""`syncd probe` reads a live CMMS through its mapping, and says what to look at."""

from pathlib import Path
from typing import Any

import pytest

from syncd.twin.server import Twin
from tests.cmms.rest_bench import got, item, page, rest
from tests.cmms.standin import standin
from tests.cmms.standin_bench import MAPPING, StandinBench, environ
from tests.edges.raw_server import Behaviour
from tests.stories.world import World, make_config


def test_a_cmms_that_is_as_the_mapping_says() -> None:
    with standin() as world:
        bench = StandinBench(world)
        for number in range(7):
            world.add(ref=f"wo_{number}", summary="x", changed=f"2026-03-10 14:3{number}:00")
        found = {what: (state, text) for state, what, text in bench.adapter.probe()}
        bench.close()
    assert {state for state, _ in found.values()} == {"ok"}, found
    assert found["pages"][1] == "2 pages of 5, 2 records"
    assert "id ascending" in found["order"][1]
    assert found["find"][1] == "wo_0 finds 1001"
    assert found["since"][1] == "narrows the list, and leaves out none"
    assert not world.ledger


def test_a_cmms_that_is_not() -> None:
    far = "2199-01-01T00:00:00Z"
    listed = page(item(1, state="LOST", ref="wo_1", changed=far), item(2, changed=None), item(3))
    over = {"list": {"since": {"query": {"from": "{since}"}}}}
    date = "Tue, 10 Mar 2026 14:30:00 GMT"
    behaviours = [listed, got(item(1, text="more"), Date=date), page(), listed]
    with rest(over, *behaviours) as made:
        found = [(what, text) for state, what, text in made.adapter.probe() if state == "look"]
    told = dict(found)
    assert "'LOST' (1 times) is not in maps.state" in told["status"]
    assert told["get"] == "only get holds description: say list.then: get"
    assert told["find"] == "wo_1 finds nothing"
    assert told["since"] == "3 records changed after tomorrow: the CMMS ignores it"
    assert "its clock cannot be compared" in told["clock"]


def told_of(over: dict[str, Any], *behaviours: Behaviour) -> list[tuple[str, str, str]]:
    with rest(over, *behaviours) as made:
        return list(made.adapter.probe())


NUMBER: dict[str, Any] = {"send": {"query": "p"}, "size": 9, "total": "total", "end": "total"}
STAMPS = ("2026-03-10T14:33:00Z", "2026-03-10T14:32:00Z", "2026-03-10T14:31:00Z")


@pytest.mark.parametrize(
    ("ids", "stamps", "page_by", "state"),
    [
        ((3, 1, 2), STAMPS, {"number": NUMBER}, "look"),
        ((3, 1, 2), STAMPS, {"offset": NUMBER}, "look"),
        ((3, 2, 1), STAMPS, {"number": NUMBER}, "look"),
        ((3, 1, 2), STAMPS[::-1], {"number": NUMBER}, "look"),
        ((1, 2, 3), STAMPS[::-1], {"number": NUMBER}, "ok"),
        ((3, 1, 2), STAMPS, {"cursor": {"send": {"query": "c"}, "read": "next"}}, "ok"),
    ],
)
def test_an_order_that_moves_is_looked_at_where_pages_are_places_in_it(
    ids: tuple[int, ...], stamps: tuple[str, ...], page_by: dict[str, Any], state: str
) -> None:
    rows = [item(number, changed=stamp) for number, stamp in zip(ids, stamps, strict=True)]
    over = {"list": {"page": {"none": None, **page_by}}}
    found = told_of(over, page(*rows, total=3), got(rows[0]))
    (order,) = [it for it in found if it[1] == "order"]
    assert order[0] == state
    assert ("moves to a page that was read before" in order[2]) == (state == "look")


@pytest.mark.parametrize("then", ["item", "get"])
def test_a_path_that_no_record_has_is_looked_at(then: str) -> None:
    whole = item(1, deep={"x": None})
    listed = whole if then == "item" else item(1)
    over = {
        "list": {"then": then},
        "fields": {
            "description": "texxt", "location": {"read": "deep.x"},
            "asset_name": {"read": "deep.y"}, "site_code": {"read": "rows[?a].b | [0]"},
        },
    }  # fmt: skip
    found = told_of(over, page(listed), got(whole))
    looks = {what: text for state, what, text in found if state == "look" and "nothing in" in text}
    assert looks == {
        "description": "texxt finds nothing in any of 1 records: is it there?",
        "asset_name": "deep.y finds nothing in any of 1 records: is it there?",
        "site_code": "rows[?a].b | [0] finds nothing in any of 1 records: is it there?",
    }


def test_an_empty_cmms() -> None:
    with rest({}, page()) as made:
        assert ("look", "list") in [(state, what) for state, what, _ in made.adapter.probe()]


def test_the_command(tmp_path: Path) -> None:
    with standin() as cmms, Twin(make_config(orders=1)) as twin:
        cmms.add(summary="x")
        adapter = {"CMMS_ADAPTER": "rest", "CMMS_MAPPING": str(MAPPING)}
        world = World(tmp_path, twin, f"sqlite:///{tmp_path}/m.db", "sqlite:///c.db", adapter)
        told = {**world.environ({"CMMS_URL": cmms.url}), **environ(cmms)}
        world.environ = lambda _more=None: told  # type: ignore[method-assign,assignment]
        done = world.syncd("probe")
        assert done.code == 0, done.err
        assert "1 records read" in done.out
        assert world.syncd("probe", "--json").json["findings"][0]["what"] == "list"
