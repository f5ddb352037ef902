"""The real daemon, killed twelve times while both networks lose answers and people edit both sides.

Judged from outside: the ledgers of the two servers, and what `syncd conflicts list` says.
SYNCD_TEST_SEED=… draws another history; the one that was drawn is printed.
"""

import os
from pathlib import Path

import pytest

from tests.conftest import Postgres
from tests.kills.worlds import play

KILLS = 12
SEED = int(os.environ.get("SYNCD_TEST_SEED", "20260310"))


def _play(home: Path, seed: int, postgres: Postgres | None) -> None:
    print(f"SYNCD_TEST_SEED={seed}")  # noqa: T201 - it is shown where the test fails
    verdict = play(seed, home, kills=KILLS, rest_after=KILLS, faults=1.5, disk=0, postgres=postgres)
    print(*verdict.lives, verdict.counts, sep="\n")  # noqa: T201
    assert verdict.objections == []
    counts = verdict.counts
    assert counts["kills"] == KILLS
    assert counts["edits"] >= KILLS
    assert counts["edits across"] > 0
    assert counts["idle cycles"] >= 3
    assert counts["lost answers upstream"] > 0
    assert counts["lost answers of the CMMS"] > 0


@pytest.mark.judge
@pytest.mark.timeout(900)
def test_no_edit_is_lost_and_no_record_doubled(tmp_path: Path) -> None:
    _play(tmp_path, SEED, None)


@pytest.mark.judge
@pytest.mark.timeout(900)
def test_no_edit_is_lost_and_no_record_doubled_with_a_mirror_on_postgresql(
    tmp_path: Path, postgres: Postgres
) -> None:
    _play(tmp_path, SEED + 1, postgres)
