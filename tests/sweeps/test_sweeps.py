"""The small form of `make sweeps`."""

from pathlib import Path

import pytest

from syncd.core.paging.lane import NOT_STABLE
from tests.sweeps.trial import ORDERS, WRITES, fill, sweep


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
