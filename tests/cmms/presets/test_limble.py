"""The preset limble, where Limble is unlike others."""

from collections.abc import Iterator

import pytest

from syncd.core.work_order import Field, Status, Unreadable
from syncd.errors import CredentialsRefused, Throttled
from tests.cmms.presets import fake_limble as fake
from tests.cmms.presets.bench import PresetBench, bench_of
from tests.cmms.presets.limble_bench import LIMBLE

TITLE = {Field.TITLE: "Pump leaks"}


@pytest.fixture
def bench() -> Iterator[PresetBench]:
    with bench_of(LIMBLE) as made:
        yield made


@pytest.mark.parametrize(
    ("has", "told"),
    [
        ({"userID": 7}, (7, "user")),
        ({"teamID": fake.TEAM}, (fake.TEAM, "team")),
        ({}, (fake.JOE, "user")),
    ],
)
def test_who_has_a_task_keeps_it_when_it_is_completed(
    bench: PresetBench, has: dict[str, int], told: tuple[int, str]
) -> None:
    """It does not complete one without saying whose it is."""
    key = bench.add(TITLE)
    bench.fake.edit(key, **has)
    record = bench.adapter.update(key, {Field.STATUS: Status.COMPLETED}, {})
    assert record.fields[Field.STATUS] is Status.COMPLETED
    assert record.fields[Field.COMPLETED_AT] is not None
    ((_, _, sent),) = bench.fake.ledger
    assert (sent["assignment"], sent["assignmentType"]) == told


def test_what_is_complete_opens_again_and_what_is_in_progress_stays_so(bench: PresetBench) -> None:
    """Its API moves nothing back to Open; that nothing moved shows in what is read back."""
    done, busy = (bench.add({**TITLE, Field.STATUS: it}) for it in ("COMPLETED", "IN_PROGRESS"))
    opened = bench.adapter.update(done, {Field.STATUS: Status.ASSIGNED}, {})
    assert opened.fields[Field.STATUS] is Status.ASSIGNED
    assert opened.fields[Field.COMPLETED_AT] is None
    kept = bench.adapter.update(busy, {Field.STATUS: Status.ASSIGNED}, {})
    assert kept.fields[Field.STATUS] is Status.IN_PROGRESS


def test_one_without_a_due_date_is_made_with_none(bench: PresetBench) -> None:
    record = bench.adapter.create("wo_1", TITLE)
    assert record.fields[Field.DUE_DATE] is None
    ((_, _, sent),) = bench.fake.ledger
    assert (sent["due"], sent["locationID"]) == (0, fake.LOCATION)


def test_a_status_of_the_plants_own_is_no_status_of_ours(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    bench.fake.edit(key, statusID=13)
    assert isinstance(bench.adapter.get(key).fields[Field.STATUS], Unreadable)


def test_templates_schedules_and_other_locations_are_left_out(bench: PresetBench) -> None:
    key = bench.add(TITLE)
    for values in ({"template": True}, {"type": 1}, {"locationID": 1}):
        bench.fake.add(**values)
    assert [record.cmms_id for record in bench.adapter.fetch(None)] == [key]


def test_a_search_without_case_finds_only_what_carries_the_id(bench: PresetBench) -> None:
    bench.add({**TITLE, Field.S2E_ID: "WO_1"})
    assert bench.adapter.find("wo_1") == []


def test_a_spent_minute_says_how_long_to_wait(bench: PresetBench) -> None:
    assert isinstance(bench.fake, fake.FakeLimble)
    bench.fake.spent = True
    with pytest.raises(Throttled) as caught:
        bench.adapter.get("1001")
    assert caught.value.wait_s == 21


def test_wrong_credentials_are_forbidden() -> None:
    wrong = bench_of(LIMBLE, LIMBLE_SECRET="wrong")
    with wrong as bench, pytest.raises(CredentialsRefused, match="Not authorized"):
        bench.adapter.get("1001")
