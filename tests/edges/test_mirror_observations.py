"""What each side was last seen to hold, and which orders that brings before the planner."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import column, select, table
from sqlalchemy.exc import StatementError

from syncd.core.order_json import PATHS, OrderJson
from syncd.core.values import encode_value
from syncd.core.work_order import CmmsRecord, Field, S2eOrder, Status, Unreadable, Value
from syncd.mirror import attention, lanes, observations
from syncd.mirror.cases import load_cases
from syncd.mirror.db.database import Mirror
from syncd.mirror.db.tables import cmms_records, s2e_orders
from syncd.mirror.decided.links import make_link, note_missing
from tests.conftest import Clock

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def order(s2e_id: str = "wo_1", **fields: Value) -> OrderJson:
    """An order as the API spells it."""
    raw: dict[str, Any] = {"id": s2e_id, "syncStatus": "PENDING"}
    for name, value in {"title": "Pump", "status": Status.ASSIGNED, **fields}.items():
        [*outer, last] = PATHS[Field(name)][0]
        place = raw
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = spelled(value)
    return OrderJson(s2e_id, raw)


def spelled(value: Value) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return value.raw if isinstance(value, Unreadable) else encode_value(value)


def record(cmms_id: str = "7", s2e_id: str | None = None, **fields: Value) -> CmmsRecord:
    told = {Field(name): value for name, value in fields.items()}
    values: dict[Field, Value] = {Field.TITLE: "Pump", **told}
    return CmmsRecord(cmms_id, s2e_id, values, native={"no": cmms_id})


def save(mirror: Mirror, *orders: OrderJson, at: datetime = NOON) -> observations.Saved:
    with mirror.transaction() as tx:
        return observations.save_s2e(tx, orders, seen_at=at)


def save_records(mirror: Mirror, *records: CmmsRecord, at: datetime = NOON) -> observations.Saved:
    with mirror.transaction() as tx:
        return observations.save_cmms(tx, records, seen_at=at)


def looked_at(mirror: Mirror) -> list[str]:
    with mirror.read() as tx:
        return [case.s2e_id for case in load_cases(tx)]


def settle(mirror: Mirror, *s2e_ids: str) -> None:
    with mirror.transaction() as tx:
        attention.clear_attention(tx, s2e_ids)


def test_an_observation_comes_back_as_it_was_seen(mirror: Mirror) -> None:
    fields: dict[str, Value] = {
        "title": "Überprüfung 🔧\r\n2",
        "status": Status.IN_PROGRESS,
        "actual_hours": Decimal("4.1"),
        "due_date": datetime(2026, 3, 11, 8, 0, 0, 123000, tzinfo=UTC),
        "priority": Unreadable("URGENT", "is not a priority we know"),
        "resolution": None,
        "site_code": "N",
        "asset_name": "Pump seven",
    }
    seen = order("wo_1", **fields)
    told = {"assetId": "as_1", "lastSyncedAt": "2026-03-10T12:00:00.001Z", "new": [1, None, True]}
    save(mirror, OrderJson("wo_1", {**seen.raw, **told}))
    with mirror.read() as tx:
        [case] = load_cases(tx, ["wo_1"])
    held = {"s2e_id": "wo_1", "asset_code": None, **fields}
    assert case.s2e == S2eOrder(
        "wo_1",
        {Field(name): value for name, value in held.items()},
        asset_id="as_1",
        last_synced_at=NOON + timedelta(milliseconds=1),
    )
    assert case.s2e_seen_at == NOON


def test_a_record_comes_back_as_it_was_seen(mirror: Mirror) -> None:
    seen = CmmsRecord(
        "7",
        "wo_1",
        {Field.STATUS: Status.DRAFT, Field.ACTUAL_HOURS: Decimal("0.25")},
        native={"status": 3, "hours": "0.250"},
        equivalents={Field.STATUS: frozenset({"DRAFT", "ASSIGNED"})},
        updated_at=NOON,
    )
    save_records(mirror, seen)
    with mirror.read() as tx:
        [case] = load_cases(tx, ["wo_1"])
    assert [claim.record for claim in case.claims] == [seen]


def test_columns_of_a_status_that_cannot_be_read_are_empty(mirror: Mirror) -> None:
    save(mirror, order(status=Unreadable("REOPENED", ""), external_id="7"))
    with mirror.read() as tx:
        row = tx.conn.execute(select(s2e_orders)).one()
    assert (row.status, row.external_id, row.sync_status) == (None, "7", "PENDING")
    assert row.raw["status"] == "REOPENED"


def test_an_unchanged_row_only_gets_its_time(mirror: Mirror) -> None:
    assert save(mirror, order()).changed == ("wo_1",)
    settle(mirror, "wo_1")
    later = NOON + timedelta(minutes=1)
    again = save(mirror, order(), at=later)
    assert (again.observed, again.changed) == (1, ())
    assert looked_at(mirror) == []
    with mirror.read() as tx:
        row = tx.conn.execute(select(s2e_orders)).one()
    assert (row.first_seen_at, row.changed_at, row.seen_at) == (NOON, NOON, later)


def test_a_changed_row_needs_a_look(mirror: Mirror) -> None:
    save(mirror, order(), order("wo_2"))
    settle(mirror, "wo_1", "wo_2")
    assert save(mirror, order(title="Valve"), order("wo_2")).changed == ("wo_1",)
    assert looked_at(mirror) == ["wo_1"]


def test_of_an_order_that_comes_twice_the_last_one_counts(mirror: Mirror) -> None:
    saved = save(mirror, order(title="old"), order(title="new"))
    assert saved.observed == 1
    with mirror.read() as tx:
        row = tx.conn.execute(select(s2e_orders)).one()
    assert row.raw["title"] == "new"


def test_connections_do_not_see_each_other(mirror_url: str, open_at: Callable[..., Mirror]) -> None:
    one, two = open_at(mirror_url, connection="one"), open_at(mirror_url, connection="two")
    save(one, order(title="of one"))
    save(two, order(title="of two"))
    settle(one, "wo_1")
    assert (looked_at(one), looked_at(two)) == ([], ["wo_1"])
    with two.read() as tx:
        [case] = load_cases(tx, ["wo_1"])
    assert case.s2e is not None
    assert case.s2e.fields[Field.TITLE] == "of two"


def test_ten_thousand_orders_are_kept_and_all_need_a_look(mirror: Mirror) -> None:
    orders = [order(f"wo_{n:05}", title=f"Pump {n}") for n in range(10_000)]
    for start in range(0, len(orders), 200):
        save(mirror, *orders[start : start + 200])
    save(mirror, *orders)
    with mirror.read() as tx:
        assert observations.live_s2e_count(tx) == 10_000
        assert len(load_cases(tx)) == 10_000


# ── text that databases do not take ──────────────────────────────────────────────────────


AWKWARD = "a\x00b\ud800c\udfff𝄞"


def test_text_that_no_database_takes_is_kept_as_far_as_it_can_be(mirror: Mirror) -> None:
    told = {
        "syncStatus": f"PEND\x00ING{AWKWARD}",
        "status": "DRA\x00FT",
        f"key{AWKWARD}": [float("nan"), float("inf"), 10**30],
    }
    awkward = order(external_id=AWKWARD, title=AWKWARD)
    save(mirror, OrderJson("wo_1", {**awkward.raw, **told}))
    save_records(mirror, CmmsRecord("7", "wo_1", {Field.TITLE: AWKWARD}, native={"t": AWKWARD}))
    with mirror.read() as tx:
        [case] = load_cases(tx, ["wo_1"])
        row = tx.conn.execute(select(s2e_orders)).one()
    assert row.sync_status == "PENDINGab�c�𝄞"
    assert row.raw["title"] == row.external_id == "ab�c�𝄞"
    assert case.s2e is not None
    assert case.s2e.fields[Field.TITLE] == "ab�c�𝄞"
    assert case.s2e.fields[Field.STATUS] == row.status


def test_awkward_text_that_has_not_changed_is_not_a_change(mirror: Mirror) -> None:
    save(mirror, order(title=AWKWARD))
    assert save(mirror, order(title=AWKWARD)).changed == ()


def test_native_values_that_json_has_no_word_for_are_kept_as_text(mirror: Mirror) -> None:
    native = {
        "at": datetime(2026, 3, 10, 8, 0),
        "day": datetime(2026, 3, 10).date(),
        "hours": Decimal("4.10"),
        "blob": b"\x00\xff",
        "id": UUID(int=7),
        "not a number": Decimal("NaN"),
    }
    save_records(mirror, CmmsRecord("7", None, {Field.TITLE: "Pump"}, native=native))
    with mirror.read() as tx:
        stored = tx.conn.scalar(select(cmms_records.c.native))
    assert stored is not None
    assert stored["at"].startswith("2026-03-10")
    assert stored["id"] == str(UUID(int=7))
    assert sorted(stored) == sorted(native)


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
ON_ONE_MIRROR = [HealthCheck.function_scoped_fixture]  # the same one for all examples, on purpose


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=ON_ONE_MIRROR)
@given(text=st.text(CHARACTERS, min_size=1))
def test_any_other_text_survives_exactly(mirror: Mirror, text: str) -> None:
    save(mirror, order(title=text))
    with mirror.read() as tx:
        [case] = load_cases(tx, ["wo_1"])
        assert tx.conn.scalar(select(column("title")).select_from(table("s2e_work_orders"))) == text
    assert case.s2e is not None
    assert case.s2e.fields[Field.TITLE] == text


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(970, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    ],
)
def test_times_at_the_edges_survive(mirror: Mirror, moment: datetime) -> None:
    save(mirror, order(due_date=moment), at=moment)
    with mirror.read() as tx:
        [case] = load_cases(tx, ["wo_1"])
    assert case.s2e is not None
    assert case.s2e.fields[Field.DUE_DATE] == moment
    assert case.s2e_seen_at == moment


def test_times_sort_as_time_does(mirror: Mirror) -> None:
    ticks = [timedelta(microseconds=1), timedelta(days=1), timedelta(0)]
    moments = [*(NOON + tick for tick in ticks), NOON.replace(year=970)]
    for number, moment in enumerate(moments):
        save(mirror, order(f"wo_{number}"), at=moment)
    with mirror.read() as tx:
        stored = tx.conn.scalars(select(s2e_orders.c.seen_at).order_by(s2e_orders.c.seen_at))
        assert list(stored) == sorted(moments)


def test_a_time_without_a_zone_is_refused(mirror: Mirror) -> None:
    with pytest.raises(StatementError, match="no time zone"), mirror.transaction() as tx:
        observations.s2e_seen_since(tx, ["wo_1"], datetime(2026, 3, 10))


# ── absence ──────────────────────────────────────────────────────────────────────────────


def not_found(mirror: Mirror, cycle_id: str) -> bool:
    with mirror.transaction() as tx:
        return observations.note_absence(tx, "wo_1", cycle_id)


def test_only_a_second_cycle_makes_a_tombstone(mirror: Mirror) -> None:
    save(mirror, order())
    settle(mirror, "wo_1")
    assert [not_found(mirror, "c1"), not_found(mirror, "c1")] == [False, False]
    with mirror.read() as tx:
        assert observations.nominated_s2e_ids(tx) == ["wo_1"]
        assert observations.live_s2e_count(tx) == 1
    assert not_found(mirror, "c2")
    assert not not_found(mirror, "c3")
    with mirror.read() as tx:
        assert observations.nominated_s2e_ids(tx) == []
        assert observations.live_s2e_count(tx) == 0
        assert lanes.open_unseen_since(tx, tx.now + timedelta(days=1)) == []
        [case] = load_cases(tx)
    assert case.tombstone


def test_an_order_that_shows_again_is_alive(mirror: Mirror) -> None:
    save(mirror, order())
    not_found(mirror, "c1")
    not_found(mirror, "c2")
    settle(mirror, "wo_1")
    save(mirror, order())
    assert looked_at(mirror) == ["wo_1"]
    with mirror.read() as tx:
        [case] = load_cases(tx)
        assert observations.live_s2e_count(tx) == 1
    assert not case.tombstone


def test_a_look_between_two_404_begins_the_count_anew(mirror: Mirror) -> None:
    save(mirror, order())
    not_found(mirror, "c1")
    save(mirror, order())
    assert not not_found(mirror, "c2")
    assert not_found(mirror, "c3")


def test_a_404_for_an_id_never_seen_is_no_tombstone(mirror: Mirror) -> None:
    assert [not_found(mirror, "c1"), not_found(mirror, "c2")] == [False, False]


def test_a_linked_record_is_missing_after_two_cycles_and_back_when_seen(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"))
    with mirror.transaction() as tx:
        make_link(tx, "wo_1", "7", "adopted")
    with mirror.transaction() as tx:
        noted = [note_missing(tx, "7", cycle) for cycle in ("c1", "c1", "c2", "c3")]
    assert noted == [None, None, "wo_1", None]
    settle(mirror, "wo_1")
    save_records(mirror, record("7", "wo_1"))
    assert looked_at(mirror) == ["wo_1"]
    with mirror.read() as tx:
        [case] = load_cases(tx)
    assert case.link is not None
    assert case.link.missing_cycles == 0


def test_a_record_that_went_missing_brings_its_order_before_the_planner(mirror: Mirror) -> None:
    save(mirror, order())
    save_records(mirror, record("7", "wo_1"))
    with mirror.transaction() as tx:
        make_link(tx, "wo_1", "7", "adopted")
    settle(mirror, "wo_1")
    with mirror.transaction() as tx:
        note_missing(tx, "7", "c1")
    assert looked_at(mirror) == ["wo_1"]


# ── questions ────────────────────────────────────────────────────────────────────────────


def test_open_orders_are_those_with_an_open_status(mirror: Mirror) -> None:
    save(
        mirror,
        order("wo_1", status=Status.ASSIGNED),
        order("wo_2", status=Status.COMPLETED),
        order("wo_3", status=Status.ON_HOLD),
        order("wo_4", status=Status.DRAFT),
    )
    with mirror.read() as tx:
        assert sorted(lanes.open_unseen_since(tx, tx.now + timedelta(days=1))) == ["wo_1", "wo_3"]


def test_seen_since_counts_the_moment_itself(mirror: Mirror) -> None:
    save(mirror, order("wo_1"), at=NOON)
    save(mirror, order("wo_2"), at=NOON - timedelta(microseconds=1))
    with mirror.read() as tx:
        assert observations.s2e_seen_since(tx, ["wo_1", "wo_2", "wo_3"], NOON) == {"wo_1"}


def test_many_ids_fit_into_any_question(mirror: Mirror) -> None:
    save(mirror, *(order(f"wo_{n}") for n in range(1_100)))
    ids = [f"wo_{n}" for n in range(2_000)]
    with mirror.read() as tx:
        assert len(observations.s2e_seen_since(tx, ids, NOON)) == 1_100
        assert len(load_cases(tx, ids)) >= 1_100


def test_ids_that_only_the_cmms_knows_are_asked_upstream(mirror: Mirror) -> None:
    save(mirror, order("wo_1"))
    save_records(mirror, record("1", "wo_1"), record("2", "wo_9"), record("3"))
    with mirror.read() as tx:
        assert observations.unknown_claims(tx, limit=10) == ["wo_9"]
    with mirror.transaction() as tx:
        attention.clear_attention(tx, ["wo_9"])
    with mirror.read() as tx:
        assert observations.unknown_claims(tx, limit=10) == []


def test_scope_is_kept_and_lifted(mirror: Mirror) -> None:
    save(mirror, order())
    for reason in ("no_record", None):
        with mirror.transaction() as tx:
            observations.set_scope(tx, "wo_1", reason)
        with mirror.read() as tx:
            assert tx.conn.scalar(select(s2e_orders.c.out_of_scope)) == reason
    with mirror.transaction() as tx:
        observations.set_scope(tx, "wo_1", "other_site")
    save(mirror, order(title="changed"))
    with mirror.read() as tx:
        assert lanes.open_unseen_since(tx, tx.now + timedelta(days=1)) == []


def test_looking_at_all_orders_brings_all_before_the_planner(mirror: Mirror, clock: Clock) -> None:
    save(mirror, order("wo_1"), order("wo_2"))
    settle(mirror, "wo_1", "wo_2")
    with mirror.transaction() as tx:
        attention.mark_attention(tx, None)
    assert looked_at(mirror) == ["wo_1", "wo_2"]
