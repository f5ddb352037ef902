"""The short form of `make bench`: that it measures what it says. Nothing here is timed."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.clock import ROOT, serving
from tests.bench.contenders import backfill, idle_ticks, raw_limit


def test_both_contenders_keep_the_whole_list(tmp_path: Path) -> None:
    with serving(450, 0) as port:
        limit = raw_limit(port, tmp_path)
        ours = backfill(port, tmp_path)
    assert limit.wall_s > 0 < ours.cpu_s
    kept = sqlite3.connect(tmp_path / "raw.db").execute("SELECT id, json FROM orders").fetchall()
    mirrored = sqlite3.connect(tmp_path / "syncd.db").execute("SELECT s2e_id, raw FROM s2e_orders")
    told = {name: json.loads(raw) for name, raw in mirrored}
    assert {name: json.loads(raw) for name, raw in kept} == told
    assert len(told) == 450


@pytest.mark.judge
def test_the_idle_daemon_has_its_open_orders_linked(tmp_path: Path) -> None:
    with serving(60, 9) as port:
        spent = idle_ticks(port, tmp_path, 60, 9, 50, ticks=2)
    assert len(spent) == 2
    assert min(spent) > 0
    mirror = sqlite3.connect(tmp_path / "syncd.db")
    assert mirror.execute("SELECT count(*) FROM links").fetchone() == (9,)
    assert mirror.execute("SELECT count(*) FROM intents").fetchone() == (0,)


@pytest.mark.judge
def test_the_command_writes_its_table_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table -->\nold\n<!-- /table -->\nafter\n")
    argv = [sys.executable, "-m", "tests.bench", "--rounds", "1", "--ticks", "1", "--orders", "30"]
    argv += ["--fewer", "20", "--open", "3", "--records", "9", "--out", str(page)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, timeout=120)
    told = page.read_text()
    assert told.startswith("before\n<!-- table -->\nMeasured on")
    assert told.endswith("|\n<!-- /table -->\nafter\n")
    assert "first read of 30 orders, times the raw limit" in told
    assert "old" not in told
