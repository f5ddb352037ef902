"""Twenty kills of the real process, half of them of one that has a disk that fails or a mirror
that ends its connections. `make kills KILLS=1000` is more of the same."""

from pathlib import Path

import pytest

from tests.conftest import Postgres
from tests.kills.campaign import Verdict
from tests.kills.worlds import play

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
KILLS = 10


def judged(verdict: Verdict) -> Verdict:
    print(*verdict.lives, verdict.counts, sep="\n")  # noqa: T201 - it is shown where one fails
    assert verdict.objections == []
    assert verdict.counts["kills"] == KILLS
    assert verdict.counts["edits"] >= KILLS
    assert verdict.counts["idle cycles"] >= 3
    return verdict


def test_ten_kills_and_disks_that_fail_lose_and_double_nothing(tmp_path: Path) -> None:
    verdict = judged(play(1, tmp_path, kills=KILLS, disk=0.5))
    assert verdict.counts["disks that failed"] > 0


def test_ten_kills_and_connections_that_end_lose_and_double_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    verdict = judged(play(2, tmp_path, kills=KILLS, postgres=postgres))
    assert verdict.counts["backends ended"] > 0
