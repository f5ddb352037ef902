"""The twin's orders: made by a seed, edited by people, moved by syncs, read with a lag."""

import json
import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.twin.checks import PRIORITIES, STATUSES
from syncd.twin.model import ORDERS, Organisation, TwinConfig
from syncd.twin.orders import make_orders
from syncd.twin.seed import seed_order
from syncd.twin.server import Twin
from tests.conftest import Clock
from tests.edges.twin_calls import LIST, Calls, exchange, request_bytes

SEED = "wo_def456"
DOCUMENTED = Path(__file__).parent.parent / "contract" / "wo_def456.json"


@pytest.fixture
def twin(clock: Clock) -> Iterator[Twin]:
    with Twin(TwinConfig(clock=clock)) as running:
        yield running


@pytest.fixture
def calls(twin: Twin) -> Iterator[Calls]:
    with Calls(twin) as made:
        yield made


# ── the seed ─────────────────────────────────────────────────────────────────────────────


def test_the_documented_order_is_answered_as_it_is_documented(calls: Calls) -> None:
    documented = json.loads(DOCUMENTED.read_text("utf-8"))
    told = calls.get(SEED).json()
    assert told == documented
    assert list(told) == list(documented), "each key in its place"
    [listed] = [order for order in calls.page()["workOrders"] if order["id"] == SEED]
    assert list(listed) == [name for name in documented if name != "tasks"]


def test_the_same_seed_gives_the_same_bytes_on_any_day(clock: Clock) -> None:
    def answers(twin: Twin) -> bytes:
        with Calls(twin) as calls:
            twin.add()
            twin.edit(SEED, title="X")
            calls.sync(SEED, {"status": "ON_HOLD"})
            one = exchange(twin, request_bytes(f"GET {LIST}", calls.v1))
            return one + exchange(twin, request_bytes(f"GET {LIST}?limit=7", calls.v1))

    for order in ORDERS:
        told = set()
        for _ in range(2):
            with Twin(TwinConfig(orders=60, seed=5, order=order, clock=clock)) as twin:
                told.add(answers(twin))
        assert len(told) == 1, order
    assert make_orders(60, 5) == make_orders(60, 5) != make_orders(60, 6)


def test_more_orders_of_a_seed_begin_with_the_fewer() -> None:
    assert make_orders(50, 3)[:20] == make_orders(20, 3)


def test_made_up_orders_are_of_every_kind() -> None:
    orders = make_orders(300, 1)
    assert len({order["id"] for order in orders}) == 300
    assert {order["status"] for order in orders[:6]} == set(STATUSES)
    assert {order["priority"] for order in orders[:6]} == set(PRIORITIES)
    for name in ("asset", "dueDate", "assignedTo", "assignedToGroup", "estimatedHours"):
        missing = sum(order[name] is None for order in orders)
        assert 0 < missing < 300, name
    sites = [order["asset"]["site"] for order in orders if order["asset"]]
    assert None in sites
    assert any(not order["title"].isascii() for order in orders)
    assert any(
        order["assignedTo"] and not order["assignedTo"]["name"].isascii() for order in orders
    )
    assert {len(order["tasks"]) for order in orders} == {0, 1, 2}
    assert {order["externalId"] for order in orders} == {None}
    assert {order["syncStatus"] for order in orders} == {"PENDING"}


def test_what_a_made_up_order_tells_fits_its_status() -> None:
    closing = ("rootCause", "resolution", "closureNote", "completedAt", "actualHours")
    for order in make_orders(200, 2):
        done = order["status"] == "COMPLETED"
        assert all((order[name] is not None) == done for name in closing)
        assert (order["startedAt"] is not None) == (
            order["status"] in {"IN_PROGRESS", "ON_HOLD", "COMPLETED"}
        )
        times = [order["createdAt"], order["startedAt"], order["completedAt"], order["updatedAt"]]
        told = [moment for moment in times if moment]
        assert told == sorted(told)
        assert set(order) == set(seed_order())


def test_orders_count_the_documented_one_and_may_do_without_it() -> None:
    with_it = Organisation(TwinConfig(orders=5)).orders()
    without = Organisation(TwinConfig(orders=5, seed_order=False)).orders()
    assert [len(with_it), len(without)] == [5, 5]
    assert SEED in {order["id"] for order in with_it}
    assert SEED not in {order["id"] for order in without}
    assert Organisation(TwinConfig(orders=0)).orders() == []


# ── the list's order ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", sorted(set(ORDERS) - {"hidden", "unstable"}))
def test_a_list_can_be_sorted(twin: Twin, calls: Calls, order: str) -> None:
    name = order.removeprefix("-")
    twin.configure(order=order)
    for _ in range(2):
        keys = [each[name] for each in calls.page()["workOrders"]]
        assert keys == sorted(keys, reverse=order.startswith("-"))
        twin.edit(calls.ids()[10], title="Moves if the list follows changes")


def test_the_hidden_order_is_stable_and_follows_nothing_that_is_told(
    twin: Twin, calls: Calls
) -> None:
    ids = calls.ids()
    page = calls.page()["workOrders"]
    for name in ("id", "createdAt", "updatedAt"):
        keys = [order[name] for order in page]
        assert keys not in (sorted(keys), sorted(keys, reverse=True))
    twin.edit(ids[3], title="Changed")
    calls.sync(ids[4], {"status": "ON_HOLD"})
    assert calls.ids() == ids
    twin.delete(ids[5])
    assert calls.ids() == ids[:5] + ids[6:]
    added = twin.add()
    assert [s2e_id for s2e_id in calls.ids() if s2e_id != added] == ids[:5] + ids[6:]


def test_another_seed_hides_another_order() -> None:
    def ids(seed: int) -> list[str]:
        people = Organisation(TwinConfig(seed=seed))
        for number in range(20):
            people.add(id=f"wo_{number}")
        page = people.page({"limit": "200"})["workOrders"]
        return [order["id"] for order in page if len(order["id"]) < 6]

    assert sorted(ids(1)) == sorted(ids(2))
    assert ids(1) != ids(2)


def test_an_unstable_list_is_another_one_every_time(twin: Twin, calls: Calls) -> None:
    twin.configure(order="unstable")
    first, second = calls.ids(), calls.ids()
    assert first != second
    assert sorted(first) == sorted(second)


# ── what people do ───────────────────────────────────────────────────────────────────────


def test_an_edit_moves_updated_at_and_nothing_else_by_itself(twin: Twin, clock: Clock) -> None:
    s2e_id = next(o["id"] for o in twin.orders() if o["status"] == "ASSIGNED")
    before = twin.order(s2e_id)
    twin.edit(s2e_id, title="Changed", priority="CRITICAL")
    after = twin.order(s2e_id)
    told = {"title": "Changed", "priority": "CRITICAL", "updatedAt": "2026-03-10T14:30:00.000Z"}
    assert after == before | told


def test_an_edit_leaves_a_synced_order_synced(twin: Twin, calls: Calls) -> None:
    calls.sync(SEED, {"externalStatus": "Closed"})
    synced = twin.order(SEED)["lastSyncedAt"]
    twin.edit(SEED, status="IN_PROGRESS")
    after = twin.order(SEED)
    assert (after["syncStatus"], after["lastSyncedAt"]) == ("SYNCED", synced)
    assert after["updatedAt"] > synced


def test_an_edit_is_not_checked_since_an_api_may_grow(twin: Twin, calls: Calls) -> None:
    twin.edit(SEED, status="PAUSED", futureField={"a": [1]}, updatedAt="1999-01-01T00:00:00.000Z")
    told = calls.get(SEED).json()
    assert (told["status"], told["futureField"]) == ("PAUSED", {"a": [1]})
    assert told["updatedAt"] == "1999-01-01T00:00:00.000Z"


def test_an_order_keeps_its_id(twin: Twin) -> None:
    with pytest.raises(ValueError, match="keeps its id"):
        twin.edit(SEED, id="wo_other")
    with pytest.raises(ValueError, match="already"):
        twin.add(id=SEED)
    for act in (twin.delete, twin.order, twin.edit):
        with pytest.raises(KeyError):
            act("wo_nobody")


def test_a_new_order_is_assigned_pending_and_new(twin: Twin, calls: Calls, clock: Clock) -> None:
    s2e_id = twin.add(title="A leak", assignedTo=None)
    told = calls.get(s2e_id).json()
    assert told["title"] == "A leak"
    assert (told["status"], told["syncStatus"]) == ("ASSIGNED", "PENDING")
    assert told["createdAt"] == told["updatedAt"] == "2026-03-10T14:30:00.000Z"
    for name in ("externalId", "lastSyncedAt", "startedAt", "completedAt", "rootCause"):
        assert told[name] is None
    assert set(told) == set(seed_order())
    assert calls.page()["pagination"]["total"] == 29
    assert twin.add() != s2e_id


def test_a_deleted_order_is_gone_from_every_call(twin: Twin, calls: Calls) -> None:
    twin.delete(SEED)
    assert calls.get(SEED).status_code == 404
    assert calls.sync(SEED, {}).status_code == 404
    assert SEED not in calls.ids()
    assert calls.page()["pagination"]["total"] == 27
    twin.add(**seed_order())
    assert calls.get(SEED).json() == seed_order()


def test_what_is_handed_out_is_a_copy(twin: Twin) -> None:
    twin.order(SEED)["asset"]["site"]["name"] = "Nowhere"
    twin.orders()[-1]["createdBy"]["name"] = "Nobody"
    site = {"id": "site_1", "name": "Here", "code": "H"}
    twin.edit(SEED, asset={"id": "a", "name": "A", "code": "A", "site": site})
    site["name"] = "There"
    assert twin.order(SEED)["asset"]["site"]["name"] == "Here"
    assert twin.order(SEED)["createdBy"]["name"] == "Jane Doe"


# ── stamps ───────────────────────────────────────────────────────────────────────────────


def test_no_two_changes_share_a_stamp_though_the_clock_stands_still(
    twin: Twin, clock: Clock
) -> None:
    rng = random.Random(4)
    ids = [order["id"] for order in twin.orders()]
    stamps = []
    for step in range(300):
        s2e_id = rng.choice(ids)
        twin.edit(s2e_id, title=str(step))
        stamps.append(twin.order(s2e_id)["updatedAt"])
        clock.pass_(rng.choice((0, 0, 0.0004, 1, -5)))
    assert len(set(stamps)) == 300
    assert [stamp for stamp in stamps if stamp < "2026-03-10T15"] == sorted(
        stamp for stamp in stamps if stamp < "2026-03-10T15"
    )


def test_each_change_of_an_order_is_later_than_the_one_before(twin: Twin, clock: Clock) -> None:
    stamps = [twin.order(SEED)["updatedAt"]]  # half an hour after the test's clock
    for step in range(5):
        twin.edit(SEED, title=str(step))
        stamps.append(twin.order(SEED)["updatedAt"])
    assert stamps == sorted(set(stamps))
    other = next(order["id"] for order in twin.orders() if order["id"] != SEED)
    twin.edit(other, title="By the clock")
    assert twin.order(other)["updatedAt"] < "2026-03-10T14:31"


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59.999Z", "yesterday", None])
def test_a_stamp_that_is_none_does_not_stop_the_next_edit(twin: Twin, stamp: object) -> None:
    twin.edit(SEED, updatedAt=stamp)
    twin.edit(SEED, title="Goes on")
    assert twin.order(SEED)["updatedAt"].startswith("2026-03-10T14:30")


# ── syncs that are not kept as they were sent ────────────────────────────────────────────


def test_reads_lag_behind_a_sync_and_nothing_else(twin: Twin, calls: Calls, clock: Clock) -> None:
    twin.configure(read_lag_s=5)
    before = calls.get(SEED).json()
    calls.sync(SEED, {"status": "ON_HOLD"})
    assert calls.get(SEED).json() == before
    assert calls.page(status="ON_HOLD", assetId="asset_456")["pagination"]["total"] == 0
    assert twin.order(SEED)["status"] == "ON_HOLD", "as it really is"
    twin.edit(SEED, title="By a person")
    told = calls.get(SEED).json()
    assert (told["title"], told["status"]) == ("By a person", "COMPLETED")
    clock.pass_(4.999)
    assert calls.get(SEED).json()["status"] == "COMPLETED"
    clock.pass_(0.001)
    assert calls.get(SEED).json() == twin.order(SEED)
    assert calls.page(status="ON_HOLD", assetId="asset_456")["pagination"]["total"] == 1


def test_each_sync_shows_when_its_own_lag_is_over(twin: Twin, calls: Calls, clock: Clock) -> None:
    twin.configure(read_lag_s=5)
    told = []
    for status in ("ON_HOLD", "CANCELLED"):
        calls.sync(SEED, {"status": status})
        clock.pass_(3)
        told.append(calls.get(SEED).json()["status"])
    clock.pass_(2)
    told.append(calls.get(SEED).json()["status"])
    assert told == ["COMPLETED", "ON_HOLD", "CANCELLED"]


def test_a_lagging_order_that_is_deleted_is_gone(twin: Twin, calls: Calls) -> None:
    twin.configure(read_lag_s=5)
    calls.sync(SEED, {"status": "ON_HOLD"})
    twin.delete(SEED)
    assert calls.get(SEED).status_code == 404


def test_a_normalising_twin_keeps_a_tidier_value(twin: Twin, calls: Calls) -> None:
    twin.configure(normalise=True)
    sent = {
        "rootCause": "  Verschleiß\u0308 \r\n",
        "externalStatus": "e\u0301 done",
        "actualHours": 4.126,
        "completedAt": "2026-03-10T14:30:00.987+02:00",
        "status": "ON_HOLD",
    }
    calls.sync(SEED, sent)
    kept = {
        "rootCause": "Verschleiß\u0308",
        "externalStatus": "\u00e9 done",
        "actualHours": 4.13,
        "completedAt": "2026-03-10T12:30:00.000Z",
        "status": "ON_HOLD",
    }
    assert {name: twin.order(SEED)[name] for name in sent} == kept
    [entry] = twin.ledger.writes()
    assert entry.body == sent
    assert {name: pair[1] for name, pair in entry.changes.items()} == kept


def test_ignored_fields_are_taken_with_success_and_not_kept(twin: Twin, calls: Calls) -> None:
    twin.configure(ignore_fields=["rootCause"])
    assert calls.sync(SEED, {"rootCause": "Rust", "status": "ON_HOLD"}).json()["success"] is True
    assert twin.order(SEED)["rootCause"] == "Equipment Failure"
    assert twin.order(SEED)["status"] == "ON_HOLD"
    assert twin.ledger.writes()[0].changes == {
        "rootCause": ("Equipment Failure", "Equipment Failure"),
        "status": ("COMPLETED", "ON_HOLD"),
    }
    assert calls.sync(SEED, {"rootCause": "x" * 501}).status_code == 400


# ── the twin as a whole ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "switches",
    [
        {"orders": -1},
        {"order": "random"},
        {"page_max": 0},
        {"page_max": 201},
        {"rate_limit": 0},
        {"rate_window_s": 0},
        {"read_lag_s": -1},
        {"ignore_fields": frozenset({"title"})},
    ],
)
def test_a_switch_that_cannot_be_set_so_is_refused(twin: Twin, switches: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        TwinConfig(**switches)
    with pytest.raises(ValueError, match=r"\w"):
        twin.configure(normalise=True, **switches)
    assert twin.config.normalise is False, "all or nothing"


@pytest.mark.parametrize("name", ["seed", "orders", "clock", "normalize"])
def test_what_only_counts_at_the_beginning_cannot_be_changed_later(twin: Twin, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        twin.configure(**{name: 3})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "localhost", "::"])
def test_a_twin_listens_on_loopback_alone(host: str) -> None:
    with pytest.raises(ValueError, match=r"loopback|IPv"):
        Twin(host=host)


def test_a_stopped_twin_refuses_connections_and_comes_back_as_it_was(
    twin: Twin, calls: Calls
) -> None:
    url = twin.url
    calls.sync(SEED, {"status": "ON_HOLD"})
    twin.stop()
    twin.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    with pytest.raises(httpx.TransportError):
        calls.listed()
    twin.start()
    twin.start()
    assert twin.url == url
    assert calls.get(SEED).json()["status"] == "ON_HOLD"
    assert twin.ledger.entries[-1].n == 2


def test_a_twin_that_never_answered_can_be_stopped_too() -> None:
    Twin().stop()


def test_a_port_in_use_is_an_error(twin: Twin) -> None:
    with pytest.raises(OSError, match="in use"):
        Twin(port=twin.port)


def test_the_ledger_is_found_by_method_path_and_order(twin: Twin, calls: Calls) -> None:
    other = twin.add()
    calls.listed(limit=1)
    calls.get(other)
    calls.sync(other, {"status": "ON_HOLD"})
    calls.sync(SEED, {"status": "ON_HOLD"})
    calls.sync(SEED, {"status": "PAUSED"})
    ledger = twin.ledger
    assert [e.n for e in ledger.requests("POST")] == [3, 4, 5]
    assert [e.n for e in ledger.requests(path_prefix="/api/v1/")] == [1, 2]
    assert [e.n for e in ledger.requests("POST", SEED)] == [4, 5]
    assert [e.n for e in ledger.writes()] == [3, 4]
    assert [e.n for e in ledger.writes(other)] == [3]
    assert [e.s2e_id for e in ledger.entries] == [None, other, other, SEED, SEED]
    assert ledger.entries[0].query == {"limit": "1"}
    ledger.clear()
    calls.listed()
    assert [e.n for e in ledger.entries] == [6]
    assert len(ledger) == 1


def test_many_threads_lose_nothing_and_the_ledger_is_the_order_of_the_syncs() -> None:
    with Twin() as twin:

        def write(worker: int) -> None:
            with Calls(twin) as calls:
                for step in range(15):
                    assert calls.sync(SEED, {"externalStatus": f"{worker}-{step}"}).is_success
                    twin.edit(SEED, title=f"{worker}-{step}")
                    twin.add()

        threads = [threading.Thread(target=write, args=(worker,)) for worker in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        changes = [entry.changes["externalStatus"] for entry in twin.ledger.writes()]
        assert len(changes) == 90
        assert [before for before, _ in changes] == ["Closed", *(new for _, new in changes[:-1])]
        assert [entry.n for entry in twin.ledger.entries] == list(range(1, 91))
        assert len(twin.orders()) == 28 + 90


def test_ten_thousand_orders_are_paged_quickly(clock: Clock) -> None:
    people = Organisation(TwinConfig(orders=10_000, clock=clock))
    seen: set[str] = set()
    for offset in range(0, 10_000, 200):
        page = people.page({"limit": "200", "offset": str(offset)})
        seen |= {order["id"] for order in page["workOrders"]}
    assert len(seen) == 10_000


def test_stamps_follow_a_clock_that_moves(twin: Twin, clock: Clock) -> None:
    s2e_id = twin.add()
    clock.pass_(timedelta(hours=2).total_seconds())
    twin.edit(s2e_id, title="Later")
    assert twin.order(s2e_id)["updatedAt"] == "2026-03-10T16:30:00.000Z"
