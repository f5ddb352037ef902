"""The preset maximo, where Maximo is unlike others."""

from collections.abc import Iterator

import pytest

from syncd.core.work_order import Field, Priority, Status
from syncd.errors import NotFound, Refused
from tests.cmms.presets.bench import PresetBench, bench_of
from tests.cmms.presets.maximo_bench import MAXIMO

TITLE = {Field.TITLE: "Pump leaks"}


@pytest.fixture
def bench() -> Iterator[PresetBench]:
    with bench_of(MAXIMO) as made:
        yield made


def test_what_is_approved_is_cancelled_by_way_of_waiting_for_approval(bench: PresetBench) -> None:
    key = bench.add({**TITLE, Field.STATUS: Status.ASSIGNED})
    told = bench.adapter.update(key, {Field.STATUS: Status.CANCELLED}, {})
    assert told.fields[Field.STATUS] is Status.CANCELLED
    sent = [note["status"] for what, _, note in bench.fake.ledger if what == "patch"]
    assert sent == ["WAPPR", "CAN"]


def test_what_is_completed_does_not_come_back(bench: PresetBench) -> None:
    """Refused before anything is sent, with the reason."""
    key = bench.add({**TITLE, Field.STATUS: Status.COMPLETED})
    with pytest.raises(Refused, match="no move leads from COMP to INPRG"):
        bench.adapter.update(key, {Field.STATUS: Status.IN_PROGRESS}, {})
    assert bench.fake.ledger == []


def test_fields_are_written_before_a_status_that_freezes_them(bench: PresetBench) -> None:
    key = bench.add({**TITLE, Field.STATUS: Status.IN_PROGRESS})
    wanted = {Field.STATUS: Status.COMPLETED, Field.PRIORITY: Priority.HIGH}
    told = bench.adapter.update(key, wanted, {})
    assert told.fields[Field.PRIORITY] is Priority.HIGH
    assert told.fields[Field.COMPLETED_AT] is not None
    with pytest.raises(Refused, match="BMXAA2256E"):
        bench.adapter.update(key, {Field.PRIORITY: Priority.LOW}, {})


def test_the_rows_below_a_work_order_stay(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    bench.fake.edit(key, worklog=[{"description": "called the plumber"}])
    bench.adapter.update(key, {Field.TITLE: "Pump drips"}, {})
    assert bench.fake.rows[key]["worklog"] == [{"description": "called the plumber"}]


def test_tasks_are_no_work_orders(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    task = bench.fake.add(istask=True, description="Close the valve")
    assert [record.cmms_id for record in bench.adapter.fetch(None)] == [key]
    with pytest.raises(NotFound):
        bench.adapter.get(task)


def test_a_wildcard_reads_no_record(bench: PresetBench) -> None:
    bench.add({**TITLE, Field.S2E_ID: "wo_1"})
    assert bench.adapter.find("wo_%") == []
    with pytest.raises(NotFound):
        bench.adapter.get("%")


def test_people_see_the_label_and_the_long_text_is_html(bench: PresetBench) -> None:
    key = bench.add({**TITLE, Field.STATUS: Status.IN_PROGRESS})
    told = bench.adapter.update(key, {Field.DESCRIPTION: "5 < 6\n& so on"}, {})
    assert told.fields[Field.DESCRIPTION] == "5 < 6\n& so on"
    assert bench.fake.rows[key]["description_longdescription"].endswith("<!-- RICH TEXT -->")
    assert told.fields[Field.EXTERNAL_STATUS] == "In Progress"
