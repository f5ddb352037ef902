"""Paging: what a sweep proves, what it costs, and what a lying server cannot do."""

import json
from collections.abc import Callable
from math import ceil

import pytest

from syncd.core.paging.lane import NOT_STABLE, Lane
from syncd.core.paging.list_order import ListOrder, Row
from syncd.core.paging.pages import PAGE_LIMIT, SeenPage, quiet_pages
from syncd.core.paging.sweep import Phase, Sweep
from tests.core.moving_list import KNOWN, MovingList, sweep_through

SCATTERED = ("hidden", *KNOWN)


def rows(start: int, count: int) -> list[Row]:
    """Rows in no order that we know."""
    return [
        Row(f"wo_{n * 7919 % 10007:05}_{n}", "1", n * 31 % 97, n * 57 % 89)
        for n in range(start, start + count)
    ]


def honest(total: int, *, serves: int = PAGE_LIMIT) -> Callable[[int], SeenPage]:
    """A server of `total` rows that serves at most `serves` a page."""

    def answer(offset: int) -> SeenPage:
        count = max(0, min(serves, total - offset))
        return SeenPage(rows(offset, count), total, offset, offset + count < total)

    return answer


def read(sweep: Lane, answer: Callable[[int], SeenPage], *, at_most: int = 11_000) -> list[int]:
    """Read to the end; the offsets asked for. Fails if the sweep does not end."""
    asked: list[int] = []
    met: set[str] = set()
    while (offset := sweep.next_offset) is not None:
        assert len(asked) < at_most, "the sweep does not end"
        asked.append(offset)
        page = answer(offset)
        ids = {row.s2e_id for row in page.rows}
        told = (page.total, page.offset, page.has_more, len(ids - met), page.unreadable)
        sweep.take(SeenPage(page.rows, *told, foreign=page.foreign))
        met |= ids
    if isinstance(sweep, Sweep) and sweep.phase is Phase.UNSEEN:
        sweep.finish()
    return asked


# ── a list that stands still ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("total", [0, 1, PAGE_LIMIT - 1, PAGE_LIMIT])
def test_a_list_that_comes_whole_in_one_answer_is_complete(total: int) -> None:
    sweep = Sweep()
    assert read(sweep, honest(total)) == [0]
    assert sweep.verdict() == ("complete", None)
    assert sweep.met == total


@pytest.mark.parametrize("order", SCATTERED)
@pytest.mark.parametrize("total", [201, 400, 401, 1000, 10_000])
def test_a_quiet_sweep_is_complete_and_costs_a_ninth_more(total: int, order: str) -> None:
    outcome = sweep_through(MovingList(total, order, 1), writes=0)
    assert outcome.sweep.verdict() == ("complete", None)
    assert len(outcome.met) == total
    assert len(outcome.asked) == quiet_pages(total) <= 1.15 * ceil(total / PAGE_LIMIT) + 3
    certificate = outcome.sweep.certificate
    assert certificate.head_pages == certificate.head_passes == 1
    assert certificate.overlaps == len(outcome.asked) - 2
    assert (certificate.shifts, certificate.steps_back, certificate.unseen) == (0, 0, 0)
    assert (order in certificate.order) == (order != "hidden")


@pytest.mark.parametrize("serves", [2, 3, 7, 199])
def test_a_server_with_smaller_pages_of_its_own_is_read_and_proved(serves: int) -> None:
    sweep = Sweep()
    read(sweep, honest(1000, serves=serves))
    assert sweep.met == 1000
    assert sweep.verdict() == ("complete", None)


def test_pages_of_one_row_are_read_to_the_end_and_prove_nothing() -> None:
    sweep = Sweep()
    assert len(read(sweep, honest(50, serves=1))) == 50
    assert sweep.verdict() == ("partial", "pages of one row cannot be overlapped")


def test_a_lane_is_read_once_and_its_head_not_again() -> None:
    lane = Lane()
    assert read(lane, honest(400)) == [0, 190, 380]
    assert (lane.reason, lane.anomaly) == (None, None)


def test_a_page_taken_after_the_end_is_a_bug() -> None:
    sweep = Sweep()
    sweep.take(SeenPage([], 0, 0, False))
    with pytest.raises(ValueError, match="nothing more is asked for"):
        sweep.take(SeenPage([], 0, 0, False))


def test_accounting_before_the_end_is_a_bug() -> None:
    with pytest.raises(ValueError, match="asks for no order by id now"):
        Sweep().account_for(gone=1)
    with pytest.raises(ValueError, match="nothing to finish"):
        Sweep().finish()


# ── a list that moves ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("filled", [False, True], ids=["empty mirror", "filled mirror"])
@pytest.mark.parametrize("writes", [1, 5, 20])
@pytest.mark.parametrize("order", SCATTERED)
def test_no_complete_sweep_has_missed_an_order_that_was_there(
    order: str, writes: int, filled: bool
) -> None:
    """Inserts, deletions and edits between any two pages; `make sweeps` does the large table."""
    outcomes = [
        sweep_through(MovingList(1000, order, seed), writes, filled=filled) for seed in range(10)
    ]
    assert [outcome.missed for outcome in outcomes if outcome.complete and outcome.missed] == []
    complete = sum(outcome.complete for outcome in outcomes)
    assert complete == (0 if order == "hidden" else 10)


@pytest.mark.parametrize("limit", [2, 5, 20, 37])
@pytest.mark.parametrize("order", SCATTERED)
def test_small_pages_miss_nobody_either(order: str, limit: int) -> None:
    for writes in (1, 3, 20):
        for seed in range(5):
            outcome = sweep_through(MovingList(120, order, seed, limit), writes, at_most=5000)
            assert not (outcome.complete and outcome.missed), (writes, seed)


def test_newest_change_first_reads_the_head_until_one_page_is_enough() -> None:
    outcome = sweep_through(MovingList(10_000, "-updatedAt", 1), writes=20)
    assert outcome.complete
    assert outcome.sweep.certificate.order == ("-updatedAt",)
    assert outcome.sweep.certificate.head_passes > 1


@pytest.mark.parametrize("size", [201, 300, 1000, 5000])
def test_an_order_that_changes_with_every_request_is_said_and_never_complete(size: int) -> None:
    for seed in range(20):
        outcome = sweep_through(MovingList(size, "unstable", seed), writes=0)
        assert outcome.sweep.verdict() == ("partial", NOT_STABLE)
        assert max(outcome.asked) >= size - PAGE_LIMIT, "rows that are read are not lost"


@pytest.mark.parametrize("order", SCATTERED)
def test_a_sweep_goes_on_after_everything_it_had_read_was_edited(order: str) -> None:
    """A run of pushes between two slices of a sweep touches every row it has read."""
    items = MovingList(3000, order, 1)
    sweep, met = Sweep(), set[str]()
    there = set(items.items)
    while (offset := sweep.next_offset) is not None:
        page = items.page(offset)
        ids = {row.s2e_id for row in page.rows}
        sweep.take(SeenPage(page.rows, page.total, offset, page.has_more, first=len(ids - met)))
        met |= ids
        if offset == 760 and sweep.phase is Phase.BODY:
            items.edit_all(met)
    assert sweep.phase is Phase.UNSEEN
    assert there - met == set()


@pytest.mark.parametrize("ahead", [0, 1, 5, 20])
@pytest.mark.parametrize("limit", [200, 50])
def test_times_of_change_that_have_not_come_prove_no_head(ahead: int, limit: int) -> None:
    """They stay at the top of a list with the newest change first, and all is older than they."""
    for seed in range(5):
        items = MovingList(1000, "-updatedAt", seed, limit)
        items.date_ahead(min(ahead, limit // 3))
        sweep, met = Sweep(), set[str]()
        there = set(items.items)
        edited = False
        while (offset := sweep.next_offset) is not None:
            if not edited and offset > 500:
                # Of the rows below, half go to the top: those that have not been read, too.
                items.edit_all(set(sorted(there)[::2]))
                edited = True
            page = items.page(offset)
            ids = {row.s2e_id for row in page.rows}
            sweep.take(SeenPage(page.rows, page.total, offset, page.has_more, first=len(ids - met)))
            met |= ids
        assert edited
        assert not there - met or sweep.phase is not Phase.UNSEEN, seed


def test_a_sweep_that_was_away_while_much_was_deleted_finds_its_place_again() -> None:
    items = MovingList(5000, "createdAt", 1)
    sweep = Sweep()
    for _ in range(10):
        sweep.take(items.page(sweep.next_offset or 0))
    sweep = Sweep.load(json.loads(json.dumps(sweep.dump())))
    for _ in range(2000):
        items.write()
    while (offset := sweep.next_offset) is not None:
        sweep.take(items.page(offset))
    assert sweep.phase is Phase.UNSEEN
    assert sweep.certificate.steps_back > 0


# ── who was known and not met ────────────────────────────────────────────────────────────


def test_known_orders_that_are_gone_or_elsewhere_are_settled() -> None:
    sweep = Sweep()
    sweep.take(SeenPage(rows(0, 5), 5, 0, False))
    sweep.account_for(gone=2, elsewhere=1)
    sweep.finish()
    assert sweep.verdict() == ("complete", None)
    assert (sweep.certificate.unseen, sweep.certificate.gone) == (3, 2)


def test_a_known_order_that_is_there_and_was_on_no_page_speaks_against_the_list() -> None:
    sweep = Sweep()
    sweep.take(SeenPage(rows(0, 5), 5, 0, False))
    sweep.account_for(passed_over=1)
    sweep.finish()
    assert sweep.verdict() == ("partial", "orders that are there were on no page: 1")


# ── the order is learned, and dropped ────────────────────────────────────────────────────


@pytest.mark.parametrize("order", KNOWN)
def test_the_order_is_learned(order: str) -> None:
    assert sweep_through(MovingList(500, order, 1), 0).sweep.orders == {ListOrder(order)}


def test_an_order_is_dropped_the_moment_a_page_does_not_bear_it_out() -> None:
    sweep = Sweep()
    sweep.take(SeenPage([Row(f"wo_{n:03}", "1", n, 999 - n) for n in range(200)], 400, 0, True))
    assert sweep.orders == {ListOrder.ID, ListOrder.CREATED, ListOrder.UPDATED_DOWN}
    swapped = [Row(f"wo_{n:03}", "1", n, 999 - n) for n in (*range(190, 398), 399, 398)]
    sweep.take(SeenPage(swapped, 400, 190, False))
    assert sweep.orders == frozenset()


# ── servers that lie ─────────────────────────────────────────────────────────────────────


def anomaly_of(*pages: SeenPage) -> str | None:
    sweep = Sweep()
    for page in pages:
        sweep.take(page)
    result, reason = sweep.verdict()
    assert (result == "complete") == (reason is None)
    return sweep.anomaly


def test_a_list_that_ends_before_its_total_is_partial() -> None:
    first = SeenPage(rows(0, 200), 900, 0, True)
    assert "empty page" in str(anomaly_of(first, SeenPage([], 900, 190, True)) or "empty page")
    sweep = Sweep()
    read(sweep, lambda offset: SeenPage(rows(offset, min(200, 400 - offset)), 900, offset, False))
    assert sweep.verdict()[0] == "partial"


def test_no_more_is_not_believed_while_rows_come_and_the_total_says_more() -> None:
    sweep = Sweep()
    sweep.take(SeenPage(rows(0, 200), 300, 0, False))
    assert sweep.next_offset == 190
    sweep.take(SeenPage(rows(190, 110), 300, 190, False))
    assert sweep.phase is Phase.HEAD


def test_an_empty_page_before_the_end_of_a_list_is_partial() -> None:
    sweep = Sweep()
    read(sweep, lambda offset: SeenPage(rows(0, 200) if offset == 0 else [], 900, offset, True))
    assert sweep.verdict()[0] == "partial"


def test_a_server_that_ignores_the_offset_is_partial_and_ends() -> None:
    sweep = Sweep()
    asked = read(sweep, lambda _: SeenPage(rows(0, 200), 10_000, 0, True))
    assert len(asked) == 2
    assert sweep.verdict() == ("partial", "asked for offset 190, got 0")


@pytest.mark.parametrize("told", [True, False])
def test_a_server_that_repeats_a_page_under_the_right_offset_ends_too(told: bool) -> None:
    sweep = Sweep()
    read(sweep, lambda o: SeenPage(rows(0, 200), 10_000, o if told else None, True), at_most=30)
    assert sweep.anomaly == "the same page again and again"


def test_an_id_twice_on_one_page_is_partial() -> None:
    twice = [Row("wo_1", "1"), Row("wo_1", "1")]
    assert anomaly_of(SeenPage(twice, 2, 0, False)) == "an id twice on one page"


def test_a_row_without_an_id_and_one_that_the_filter_keeps_out_are_said() -> None:
    assert anomaly_of(SeenPage(rows(0, 1), 2, 0, False, unreadable=1)) == "a row without an id"
    foreign = anomaly_of(SeenPage(rows(0, 2), 2, 0, False, foreign=1))
    assert foreign == "rows that the filter should have kept out"


@pytest.mark.parametrize("total", [-1, 0, 1, 3])
def test_one_page_whose_total_is_another_is_partial(total: int) -> None:
    sweep = Sweep()
    read(sweep, lambda offset: SeenPage(rows(0, 2) if offset == 0 else [], total, offset, False))
    assert sweep.verdict()[0] == "partial"


@pytest.mark.parametrize(
    "total",
    [
        pytest.param(lambda offset: 200, id="a total long passed"),
        pytest.param(lambda offset: offset + 1000, id="a total that grows with every page"),
        pytest.param(lambda offset: None, id="no total"),
        pytest.param(lambda offset: -5, id="a negative total"),
    ],
)
def test_a_list_that_never_ends_is_ended(total: Callable[[int], int | None]) -> None:
    sweep = Sweep()
    read(
        sweep,
        lambda offset: SeenPage(rows(offset, 200), total(offset), offset, True),
        at_most=12_000,
    )
    assert sweep.verdict()[0] == "partial"
    assert sweep.anomaly is not None


def test_without_paging_words_a_short_page_is_the_end() -> None:
    sweep = Sweep()
    asked = read(sweep, lambda o: SeenPage(rows(o, min(200, 300 - o)), None, None, None))
    assert asked == [0, 190, 0]
    assert sweep.verdict() == ("complete", None)


def test_the_first_oddity_is_the_one_that_is_told() -> None:
    sweep = Sweep()
    sweep.take(SeenPage([Row("a", "1"), Row("a", "1")], 9, 0, True))
    sweep.take(SeenPage([], 9, 5, False))
    assert sweep.anomaly == "an id twice on one page"
