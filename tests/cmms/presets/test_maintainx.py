"""The preset maintainx, where MaintainX is unlike others."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from syncd.core.work_order import Field, Status
from syncd.errors import NotFound, Refused
from tests.cmms.presets import fake_maintainx
from tests.cmms.presets.bench import PAGE, PresetBench, bench_of
from tests.cmms.presets.fake_maintainx import FakeMaintainX
from tests.cmms.presets.maintainx_bench import MAINTAINX

TITLE = {Field.TITLE: "Pump leaks"}


@pytest.fixture
def bench() -> Iterator[PresetBench]:
    with bench_of(MAINTAINX) as made:
        yield made


def test_what_starts_in_the_future_is_listed_too(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    bench.fake.edit(key, startDate=fake_maintainx.stamp(datetime.now(UTC) + timedelta(days=9)))
    assert [record.cmms_id for record in bench.adapter.fetch(None)] == [key]


def test_the_list_alone_shows_whose_order_it_is(bench: PresetBench) -> None:
    """One request for a page, none for each record."""
    for number in range(PAGE):
        bench.add({**TITLE, Field.S2E_ID: f"wo_{number}"})
    assert {record.s2e_id for record in bench.adapter.fetch(None)} == {
        f"wo_{number}" for number in range(PAGE)
    }
    assert len(bench.fake.calls) == 1


def test_what_was_deleted_is_gone_though_the_list_still_holds_it(bench: PresetBench) -> None:
    key, kept = bench.add(TITLE), bench.add(TITLE)
    bench.delete(key)
    assert [record.cmms_id for record in bench.adapter.fetch(None)] == [kept]
    with pytest.raises(NotFound):
        bench.adapter.get(key)


def test_a_status_has_a_call_of_its_own_and_calls_no_webhook(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    told = bench.adapter.update(key, {Field.STATUS: Status.COMPLETED}, {})
    assert told.fields[Field.STATUS] is Status.COMPLETED
    assert told.fields[Field.COMPLETED_AT] is not None  # stamped there; nobody may set it
    (call,) = [call for call in bench.fake.calls if call.method == "PATCH"]
    assert call.path == f"/v1/workorders/{key}/status"
    assert call.query == {"skipWebhook": "true"}


def test_hours_are_added_and_never_taken_away(bench: PresetBench) -> None:
    key = bench.add({**TITLE, Field.ACTUAL_HOURS: Decimal(1)})
    bench.adapter.update(key, {Field.ACTUAL_HOURS: Decimal("2.25")}, {})
    assert bench.fake.ledger == [
        ("costs", key, {"type": "TIME", "costType": "WORK", "durationTotal": 4500})
    ]
    with pytest.raises(Refused, match="takes none back"):
        bench.adapter.update(key, {Field.ACTUAL_HOURS: Decimal(1)}, {})


def test_a_field_that_nobody_has_made_is_refused_by_its_name() -> None:
    with bench_of(MAINTAINX, MAINTAINX_CAUSE_FIELD="Cause") as bench:
        key = bench.add(TITLE)
        with pytest.raises(Refused, match="unknown extra field Cause"):
            bench.adapter.update(key, {Field.ROOT_CAUSE: "Worn seal"}, {})


def test_a_key_of_several_organisations_names_one() -> None:
    organization = fake_maintainx.ORGANIZATION
    with bench_of(MAINTAINX, MAINTAINX_ORGANIZATION=organization) as bench:
        assert isinstance(bench.fake, FakeMaintainX)
        bench.fake.several = True
        key = bench.add(TITLE)
        assert bench.adapter.get(key).cmms_id == key
