"""The small form of `make sweeps`."""

from pathlib import Path

import pytest

from syncd.core.paging.lane import NOT_STABLE
from tests.sweeps.page import HEAD, Row, read_rows, summary, write
from tests.sweeps.trial import ORDERS, WRITES, fill, sweep

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "sweeps.md"


@pytest.mark.parametrize("filled", [False, True], ids=["empty mirror", "filled mirror"])
@pytest.mark.parametrize("order", ORDERS)
def test_no_order_is_missed_in_a_sweep_called_complete(
    order: str, filled: bool, tmp_path: Path
) -> None:
    before = fill(1000, 1, tmp_path) if filled else None
    for writes in WRITES:
        trial = sweep(orders=1000, order=order, writes=writes, seed=1, home=tmp_path, filled=before)
        assert (trial.complete, trial.missed) == (True, 0), (writes, trial)
        assert trial.lists <= 9, (writes, trial)
        assert filled or trial.gets == 0


def test_an_order_that_changes_with_every_request_is_never_complete(tmp_path: Path) -> None:
    trial = sweep(orders=1000, order="unstable", writes=0, seed=1, home=tmp_path)
    assert (trial.complete, trial.reason) == (False, NOT_STABLE)


def test_the_page_says_at_its_top_what_its_table_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = read_rows(text)
    assert len(rows) == 96
    assert "\n".join([HEAD, *(row.text() for row in rows)]) in text
    assert summary(rows) in text.partition("<!-- table -->")[0]


def test_a_measurement_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n<!-- summary -->\n<!-- /summary -->\nb\n<!-- table -->\n<!-- /table -->\nc\n"
    )
    row = Row(1000, "id", 20, True, 20, 19, 3, "1 x the head did not join", 9, 7, 2)
    write(page, [row], "Measured on 2026-03-10.")
    write(page, [row], "Measured on 2026-03-11.")
    text = page.read_text()
    assert read_rows(text) == [row]
    assert text.startswith("a\n<!-- summary -->\nMeasured on 2026-03-11.\n\n- 20 sweeps")
    assert "complete sweep missed: 3." in text
    assert text.endswith("(7) | 2 |\n<!-- /table -->\nc\n")
