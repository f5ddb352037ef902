"""Everything a story needs: a twin upstream, an embedded CMMS, and syncd as a real process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

import syncd
from syncd.mirror.db.database import open_mirror
from syncd.mirror.queries.status import status_counts
from syncd.twin.model import TwinConfig
from syncd.twin.server import LedgerEntry, Twin
from tests.stories.inside import Result, run_inside

_CHECKOUT = Path(syncd.__file__).parent.parent
WRITABLE = ("status", "rootCause", "resolution", "closureNote", "completedAt", "actualHours")


@dataclass
class World:
    """One connection with both of its sides.

    Attributes:
        env: the SYNCD_ settings of the processes, without the prefix.
        inside: run commands in this process, which takes a tenth of the time.
    """

    home: Path
    twin: Twin
    mirror_url: str
    cmms_url: str
    env: dict[str, str] = field(default_factory=dict)
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)
    inside: bool = False

    def __post_init__(self) -> None:
        config = self.twin.config
        self.env = {
            "S2E_URL": self.twin.url,
            "S2E_TOKEN": config.v1_token,
            "S2E_SYNC_TOKEN": config.downstream_token,
            "S2E_SYNC_API_KEY": config.downstream_key,
            "S2E_READ_LAG_S": "0",
            "S2E_LONGEST_REQUEST_S": "0",  # the twin applies a request at once, or never
            "DATABASE_URL": self.mirror_url,
            "CMMS_ADAPTER": "sql",
            "CMMS_URL": self.cmms_url,
            "CMMS_MODE": "create",
            "CMMS_CREATE": "all",
            "LOG_FORMAT": "json",
        } | self.env
        self._engine = create_engine(
            self.cmms_url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool
        )

    # ── processes ─────────────────────────────────────────────────────────────────────────

    def environ(self, more: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """The environment of a process; None in `more` unsets a name."""
        told = {**self.env, **(more or {})}
        ours = {f"SYNCD_{name}": value for name, value in told.items() if value is not None}
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SYNCD_")}
        return {**kept, **ours, "PYTHONPATH": str(_CHECKOUT)}

    def syncd(self, *args: str, **more: str | None) -> Result:
        """Run a command to its end, with these settings changed for it."""
        if self.inside:
            return run_inside(args, self.environ(more), self.home)
        done = subprocess.run(
            [sys.executable, "-m", "syncd", *args],
            env=self.environ(more),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def once(self, *args: str, code: int = 0, **more: str | None) -> dict[str, Any]:
        """Run one cycle, which has to end with `code`; its document."""
        done = self.syncd("once", "--json", *args, **more)
        assert done.code == code, done.out + done.err
        document: dict[str, Any] = done.json
        return document

    def settle(self, cycles: int = 4) -> None:
        """Run cycles until one has nothing left to write or to read back."""
        for _ in range(cycles):
            done = self.once()
            written = done["created"] + done["pushed_s2e"] + done["pushed_cmms"]
            if not written and not self.pending():
                return
        raise AssertionError(self.syncd("status").out)

    def pending(self) -> int:
        """How many orders have something to be decided, sent or read back, from the mirror."""
        with (
            closing(open_mirror(self.mirror_url, lambda: datetime.now(UTC))) as mirror,
            mirror.read() as tx,
        ):
            return status_counts(tx)["pending"]

    def daemon(self, *module: str, **more: str | None) -> "subprocess.Popen[str]":
        """Start `syncd run`, or the daemon of a module with its arguments; the caller stops it."""
        with (self.home / "daemon.log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *(module or ("syncd", "run"))],
                env=self.environ({"POLL_EVERY_S": "1", **more}),
                cwd=self.home,
                stderr=log,
                stdout=log,
                text=True,
            )
        self.processes.append(process)
        return process

    def end(self) -> None:
        """End what a story that failed has left running."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(10)

    def daemon_log(self) -> list[dict[str, Any]]:
        path = self.home / "daemon.log"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    # ── the CMMS, with plain SQL ──────────────────────────────────────────────────────────

    def sql(self, statement: str, **values: Any) -> None:
        with self._engine.begin() as conn:
            conn.execute(text(statement), values)

    def records(self) -> dict[str, dict[str, Any]]:
        """The records that carry an id, by that id; fails when two carry the same."""
        if not self.has_table():
            return {}
        with self._engine.connect() as conn:
            found = conn.execute(text("SELECT * FROM work_orders")).mappings().all()
        records = {str(row["s2e_id"]): dict(row) for row in found if row["s2e_id"]}
        assert len(records) == sum(bool(row["s2e_id"]) for row in found), "a record came twice"
        return records

    def has_table(self) -> bool:
        return inspect(self._engine).has_table("work_orders")

    def some(self, status: str) -> str:
        """The id of an order that is in this status upstream and has a record."""
        records = self.records()
        return next(
            str(order["id"])
            for order in self.twin.people.orders()
            if order["status"] == status and order["id"] in records
        )

    # ── upstream ──────────────────────────────────────────────────────────────────────────

    def writes(self, since: int = 0) -> list[LedgerEntry]:
        return self.twin.ledger.writes()[since:]

    def written(self) -> int:
        return len(self.twin.ledger.writes())


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition, at most so long."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come to that in time"
        time.sleep(0.05)


def cycles(world: World) -> int:
    """How many cycles of its daemons have ended."""
    return sum(line["event"] == "cycle.finished" for line in world.daemon_log())


def stop(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> int:
    """Send a signal and wait for the end; the exit code."""
    process.send_signal(number)
    return process.wait(15)


def make_config(**more: Any) -> TwinConfig:
    return TwinConfig(**({"orders": 16, "seed_order": False} | more))
