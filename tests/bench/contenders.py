"""What is run: the raw limit, syncd's first read of everything, and an idle daemon."""

import os
import sqlite3
import sys
import time
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from syncd.cmms.sql.embedded import work_orders
from tests.bench.clock import Daemon, Spent, daemon, run
from tests.bench.orders import make_orders

_TICK_S = 2
_SETTLING = 3  # ticks until all is linked, agreed and read back


def raw_limit(port: int, folder: Path) -> Spent:
    """The least work that keeps a copy."""
    script = str(Path(__file__).with_name("raw_limit.py"))
    return run([sys.executable, script, str(port), str(folder / "raw.db")], folder, _environ())


def backfill(port: int, folder: Path) -> Spent:
    """`syncd once` on an empty mirror and an empty CMMS."""
    argv = [sys.executable, "-m", "syncd", "once"]
    return run(argv, folder, _environ() | _settings(port, folder))


def idle_ticks(
    port: int, folder: Path, orders: int, open_ones: int, records: int, ticks: int
) -> list[float]:
    """CPU seconds of each of some ticks of a daemon that has nothing to do.

    The list is mirrored, its open orders are linked, no sweep is due. Nearly all records of the
    CMMS are none of our business.
    """
    _fill_cmms(folder / "cmms.db", orders, open_ones, records)
    environ = _environ() | _settings(port, folder)
    run([sys.executable, "-m", "syncd", "once"], folder, environ)
    argv = [sys.executable, "-m", "syncd", "run"]
    with daemon(argv, folder, environ | {"SYNCD_POLL_EVERY_S": str(_TICK_S)}) as running:
        return _measure(running, ticks)


def _measure(running: Daemon, ticks: int) -> list[float]:
    spent = []
    done = _SETTLING
    running.wait_for("cycle.finished", done)
    before = running.cpu_s()
    for _ in range(ticks):
        done += 1
        running.wait_for("cycle.finished", done)
        # The tick's end, its heartbeat, comes just after its last line; half a tick is enough.
        time.sleep(_TICK_S / 2)
        after = running.cpu_s()
        spent.append(after - before)
        before = after
    return spent


def _settings(port: int, folder: Path) -> dict[str, str]:
    return {
        "SYNCD_S2E_URL": f"http://127.0.0.1:{port}",
        "SYNCD_S2E_TOKEN": "bench",
        "SYNCD_S2E_SYNC_TOKEN": "bench",
        "SYNCD_S2E_SYNC_API_KEY": "bench",
        "SYNCD_CMMS_ADAPTER": "sql",
        "SYNCD_CMMS_MODE": "adopt",
        "SYNCD_CMMS_URL": f"sqlite:///{folder / 'cmms.db'}",
        "SYNCD_DATABASE_URL": f"sqlite:///{folder / 'syncd.db'}",
        "SYNCD_CYCLE_DEADLINE_S": "3600",
        "SYNCD_LOG_FORMAT": "json",
    }


def _environ() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


def _fill_cmms(path: Path, orders: int, open_ones: int, records: int) -> None:
    """A CMMS that holds a record for each open order, as the order is, and many of its own."""
    names = [column.name for column in work_orders.c]
    ours = [
        _record(order)
        for order, _ in make_orders(orders, open_ones)
        if order["externalId"] is not None
    ]
    taken = {row["id"] for row in ours}
    database = sqlite3.connect(path)
    database.execute(str(CreateTable(work_orders).compile(dialect=sqlite.dialect())))
    database.execute("PRAGMA journal_mode = WAL")
    marks = ", ".join("?" * len(names))
    database.executemany(
        f"INSERT INTO work_orders ({', '.join(names)}) VALUES ({marks})",
        ([row.get(name) for name in names] for row in ours),
    )
    database.executemany(
        "INSERT INTO work_orders (id, title, status) VALUES (?, 'their own', 'DRAFT')",
        ((number,) for number in range(1, records + 1) if number not in taken),
    )
    database.commit()
    database.close()


def _record(order: dict[str, object]) -> dict[str, object]:
    def inner(key: str, name: str) -> object:
        value = order[key]
        return value[name] if isinstance(value, dict) else None

    asset = order["asset"]
    assert isinstance(asset, dict)
    told = {
        name: order[name] for name in ("title", "description", "priority", "status", "location")
    }
    return told | {
        "id": int(str(order["externalId"])),
        "s2e_id": order["id"],
        "asset_code": asset["code"],
        "asset_name": asset["name"],
        "site_code": asset["site"]["code"],
        "assigned_to": inner("assignedTo", "email"),
        "due_at": order["dueDate"],
        "estimated_hours": order["estimatedHours"],
        "started_at": order["startedAt"],
        "completed_at": order["completedAt"],
        "actual_hours": order["actualHours"],
    }
