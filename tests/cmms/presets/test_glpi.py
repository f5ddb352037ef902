"""The preset glpi, where GLPI is unlike others."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from syncd.cmms.conformance.bench import BenchFault
from syncd.core.work_order import Field, Status
from syncd.errors import NotFound, Refused, UnexpectedContent
from tests.cmms.presets.bench import PresetBench, bench_of
from tests.cmms.presets.glpi_bench import GLPI

TITLE = {Field.TITLE: "Pump leaks"}


@pytest.fixture
def bench() -> Iterator[PresetBench]:
    with bench_of(GLPI) as made:
        yield made


def test_texts_are_kept_with_entities_and_come_back_as_they_were(bench: PresetBench) -> None:
    words = {Field.TITLE: "R&D <5 &amp; &#60;", Field.DESCRIPTION: "5 < 6\n&amp; <b>so</b> on"}
    told = bench.adapter.create("wo_1", words)
    assert {name: told.fields[name] for name in words} == words
    row = bench.fake.rows[told.cmms_id]
    assert row["name"] == "R&#38;D &#60;5 &#38;amp; &#38;#60;"
    assert not set("<>") & set(row["content"])


def test_what_a_person_typed_is_stored_with_entities_by_the_server(bench: PresetBench) -> None:
    key = bench.add({Field.TITLE: "R&D <5", Field.DESCRIPTION: "5 < 6"})
    told = bench.adapter.get(key).fields
    assert (told[Field.TITLE], told[Field.DESCRIPTION]) == ("R&D <5", "5 < 6")


def test_a_session_that_has_ended_is_begun_anew(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    bench.adapter.get(key)
    bench.fake.end_sessions()
    assert bench.adapter.get(key).cmms_id == key


def test_a_closed_ticket_takes_its_status_first(bench: PresetBench) -> None:
    """Fields of a closed ticket are refused; reopened, it takes them."""
    key = bench.add(TITLE)
    bench.fake.edit(key, status=6)
    with pytest.raises(Refused, match="ERROR_GLPI_UPDATE|permission"):
        bench.adapter.update(key, {Field.TITLE: "Pump drips"}, {})
    wanted = {Field.TITLE: "Pump drips", Field.STATUS: Status.IN_PROGRESS}
    told = bench.adapter.update(key, wanted, {})
    assert told.fields[Field.STATUS] is Status.IN_PROGRESS
    assert told.fields[Field.TITLE] == "Pump drips"


def test_an_update_that_was_cancelled_under_200_shows_when_it_is_read(bench: PresetBench) -> None:
    """A solved ticket takes no time of solution from before it was opened, and answers true."""
    key = bench.add({**TITLE, Field.STATUS: Status.COMPLETED})
    before = bench.adapter.get(key).fields[Field.COMPLETED_AT]
    early = datetime(2020, 1, 1, tzinfo=UTC)
    told = bench.adapter.update(key, {Field.COMPLETED_AT: early}, {})
    assert told.fields[Field.COMPLETED_AT] == before


def test_what_is_in_the_trash_is_gone_though_it_can_be_read(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    bench.delete(key)
    assert key in bench.fake.rows
    with pytest.raises(NotFound):
        bench.adapter.get(key)


def test_an_id_that_is_no_number_is_none_though_the_list_is_answered(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    for odd in ("no such", f"{key}.5", f"0{key}"):
        with pytest.raises(NotFound):
            bench.adapter.get(odd)


def test_no_hits_are_an_empty_list_and_anything_else_without_data_is_none(
    bench: PresetBench,
) -> None:
    assert list(bench.adapter.fetch(None)) == []
    bench.add(TITLE)
    bench.on_request = lambda _writes: BenchFault.STRANGE
    with pytest.raises(UnexpectedContent, match="holds no list"):
        list(bench.adapter.fetch(None))


def test_hours_are_seconds_and_none_at_all_is_no_hours(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    assert bench.adapter.get(key).fields[Field.ACTUAL_HOURS] is None
    bench.fake.edit(key, actiontime=16200)
    assert str(bench.adapter.get(key).fields[Field.ACTUAL_HOURS]) == "4.5"
