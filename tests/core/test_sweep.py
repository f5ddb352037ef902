"""Paging: what an honest list costs, and what a lying one cannot do."""

from collections.abc import Callable

import pytest

from syncd.core.sweep import PAGE_LIMIT, UNVERIFIED, SeenPage, Sweep


def ids(start: int, count: int) -> list[str]:
    return [f"wo_{number}" for number in range(start, start + count)]


def honest(total: int, limit: int, *, serves: int | None = None) -> Callable[[int], SeenPage]:
    """A server of `total` rows that serves at most `serves` a page."""

    def answer(offset: int) -> SeenPage:
        count = max(0, min(serves or limit, limit, total - offset))
        return SeenPage(ids(offset, count), total, offset, offset + count < total)

    return answer


def read(sweep: Sweep, answer: Callable[[int], SeenPage], *, at_most: int = 10_000) -> list[int]:
    """Read to the end; the offsets asked for. Fails if the sweep does not end."""
    asked: list[int] = []
    while (offset := sweep.next_offset) is not None:
        assert len(asked) < at_most, "the sweep does not end"
        asked.append(offset)
        sweep.take(answer(offset))
    return asked


@pytest.mark.parametrize("total", [0, 1, PAGE_LIMIT - 1, PAGE_LIMIT])
def test_a_list_that_comes_whole_in_one_answer_is_complete(total: int) -> None:
    sweep = Sweep()
    assert read(sweep, honest(total, PAGE_LIMIT)) == [0]
    assert sweep.verdict() == ("complete", None)
    assert len(sweep.seen) == total


@pytest.mark.parametrize("total", [201, 400, 401, 1000])
def test_a_list_of_several_pages_is_read_to_its_end_and_never_called_complete(total: int) -> None:
    sweep = Sweep()
    asked = read(sweep, honest(total, PAGE_LIMIT))
    assert asked == list(range(0, total, PAGE_LIMIT))
    assert sweep.seen == set(ids(0, total))
    assert sweep.pages_expected == len(asked)
    assert sweep.verdict() == ("partial", UNVERIFIED)
    assert sweep.anomaly is None


def test_a_server_with_a_smaller_page_of_its_own_is_read_to_the_end() -> None:
    sweep = Sweep()
    read(sweep, honest(5000, PAGE_LIMIT, serves=7))
    assert len(sweep.seen) == 5000
    assert sweep.anomaly is None


def test_without_paging_words_a_full_page_has_another_and_a_short_one_has_not() -> None:
    sweep = Sweep(limit=2)
    sweep.take(SeenPage(ids(0, 2), None, None, None))
    assert sweep.next_offset == 2
    sweep.take(SeenPage(ids(2, 1), None, None, None))
    assert sweep.next_offset is None
    assert sweep.pages_expected is None
    assert sweep.verdict() == ("partial", UNVERIFIED)


def test_a_page_taken_after_the_end_is_a_bug() -> None:
    sweep = Sweep()
    sweep.take(SeenPage([], 0, 0, False))
    with pytest.raises(ValueError, match="ended"):
        sweep.take(SeenPage([], 0, 0, False))


# ── servers that lie ─────────────────────────────────────────────────────────────────────


def anomaly_of(*pages: SeenPage, limit: int = 2) -> str | None:
    sweep = Sweep(limit=limit)
    for page in pages:
        sweep.take(page)
    result, reason = sweep.verdict()
    assert (result == "complete") == (reason is None)
    return sweep.anomaly


def test_a_list_that_ends_before_its_total_is_partial() -> None:
    first = SeenPage(ids(0, 2), 9, 0, True)
    assert anomaly_of(first, SeenPage([], 9, 2, False)) == "the list ended at 2 of 9"


def test_no_more_is_not_believed_while_rows_come_and_total_says_more() -> None:
    sweep = Sweep(limit=2)
    sweep.take(SeenPage(ids(0, 2), 3, 0, False))
    assert sweep.next_offset == 2
    sweep.take(SeenPage(ids(2, 1), 3, 2, False))
    assert sweep.next_offset is None
    assert len(sweep.seen) == 3


def test_an_empty_page_before_the_end_is_partial_and_ends_it() -> None:
    anomaly = anomaly_of(SeenPage(ids(0, 2), 9, 0, True), SeenPage([], 9, 2, True))
    assert anomaly == "an empty page before the end"


def test_a_server_that_ignores_the_offset_is_partial_and_ends() -> None:
    sweep = Sweep()
    asked = read(sweep, lambda offset: SeenPage(ids(0, 200), 10_000, 0, True))
    assert len(asked) == 2
    assert sweep.verdict()[0] == "partial"
    assert "asked for offset 200, got 0" in str(sweep.anomaly)


def test_a_server_that_repeats_a_page_under_the_right_offset_ends_too() -> None:
    sweep = Sweep()
    assert len(read(sweep, lambda offset: SeenPage(ids(0, 200), 10_000, offset, True))) == 2
    assert sweep.anomaly == "a page without a new row"


def test_an_id_twice_on_one_page_is_partial() -> None:
    assert anomaly_of(SeenPage(["wo_1", "wo_1"], 2, 0, False)) == "an id twice on one page"


def test_a_row_without_an_id_is_partial_and_counts_as_a_row() -> None:
    sweep = Sweep(limit=2)
    sweep.take(SeenPage(["wo_1"], 3, 0, True, unreadable=1))
    assert sweep.next_offset == 2
    assert sweep.anomaly == "a row without an id"


@pytest.mark.parametrize("total", [-1, 0, 1, 3])
def test_one_page_whose_total_is_another_is_partial(total: int) -> None:
    sweep = Sweep()
    sweep.take(SeenPage(ids(0, 2), total, 0, False))
    while (offset := sweep.next_offset) is not None:
        sweep.take(SeenPage([], total, offset, False))
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
    read(sweep, lambda offset: SeenPage(ids(offset, 200), total(offset), offset, True))
    assert sweep.verdict()[0] == "partial"
    assert "more rows than" in str(sweep.anomaly)


def test_a_list_that_grows_a_little_while_it_is_read_is_no_anomaly() -> None:
    sweep = Sweep()

    def answer(offset: int) -> SeenPage:
        return honest(2000 + offset // 10, PAGE_LIMIT)(offset)

    read(sweep, answer)
    assert sweep.anomaly is None
    assert len(sweep.seen) > 2000


def test_the_first_anomaly_is_the_one_that_is_told() -> None:
    sweep = Sweep(limit=2)
    sweep.take(SeenPage(["a", "a"], 9, 0, True))
    sweep.take(SeenPage([], 9, 5, False))
    assert sweep.anomaly == "an id twice on one page"
