"""One connection whose process is killed again and again, both sides watched by one ledger."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

import syncd
from syncd.mirror.db.database import Mirror, open_mirror
from syncd.mirror.db.tables import parked
from syncd.mirror.queries.status import status_counts
from syncd.twin.model import TwinConfig
from tests.kills.cmms import CmmsServer
from tests.kills.moments import Moments
from tests.kills.upstream import Upstream
from tests.simulation.ledger import Ledger
from tests.simulation.world import Setup

_CHECKOUT = Path(syncd.__file__).parent.parent
_SYNCD = [sys.executable, "-m", "syncd"]
_STRACE = ["strace", "-D", "-f", "-qq", "--seccomp-bpf"]


class World:
    """Scan2Evolve's twin, a CMMS over HTTP, a mirror, and `syncd` as a real process.

    Attributes:
        env: the SYNCD_ settings of the processes, without the prefix.
        postgres: whether the mirror is on PostgreSQL.
    """

    def __init__(self, setup: Setup, home: Path, mirror_url: str | None = None) -> None:
        self.setup, self.home = setup, home
        self.postgres = mirror_url is not None
        self.mirror_url = mirror_url or f"sqlite:///{home}/syncd.db"
        self.moments, self.ledger = Moments(), Ledger()
        self.lock = threading.RLock()  # one order for all that happens on both sides
        self._began = time.monotonic()
        config = TwinConfig(
            orders=setup.orders,
            seed=setup.seed,
            seed_order=False,
            order=setup.list_order,
            page_max=setup.page,
        )
        watched = (self.lock, self.moments, self.ledger, self.now)
        self.upstream = Upstream(config, *watched)
        self.upstream.twin.start()
        self.server = CmmsServer(setup.traits, *watched)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.env = {
            "S2E_URL": self.upstream.twin.url,
            "S2E_TOKEN": config.v1_token,
            "S2E_SYNC_TOKEN": config.downstream_token,
            "S2E_SYNC_API_KEY": config.downstream_key,
            "S2E_READ_LAG_S": "0",
            "S2E_LONGEST_REQUEST_S": "0",  # the twin applies a request at once, or never
            "DATABASE_URL": self.mirror_url,
            "CMMS_ADAPTER": "tests.kills.adapter:Records",
            "CMMS_URL": self.server.url,
            "CMMS_LOCKS": "1" if setup.traits.locks else "0",
            "CMMS_PAGE": str(setup.page),
            "CMMS_MODE": "create",
            "CMMS_CREATE": "all",
            "POLL_EVERY_S": "1",
            "SWEEP_EVERY_S": "2",
            "LOG_FORMAT": "json",
            **{f"OWNER_{name.upper()}": side or "manual" for name, side in setup.owners},
        }

    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """End what still runs."""
        self.moments.forget()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(10)
        self.upstream.twin.stop()
        self.server.stop()

    # ── processes ─────────────────────────────────────────────────────────────────────────

    def start(self, inject: str | None = None) -> "subprocess.Popen[bytes]":
        """Start `syncd run`; with a fault in its system calls, as strace's `inject=` has it.

        It is our own child either way: strace runs beside it, and ends with it.
        """
        command = [*_SYNCD, "run"]
        if inject is not None:
            strace = shutil.which(_STRACE[0])
            assert strace is not None, "strace is not installed"
            call = inject.partition(":")[0]
            command = [strace, *_STRACE[1:], "-o", str(self.injected), "-e", f"trace={call}",
                       "-e", f"inject={inject}", *command]  # fmt: skip
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environ(), cwd=self.home, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def syncd(self, *args: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [*_SYNCD, *args],
            env=self.environ(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def environ(self) -> dict[str, str]:
        ours = {f"SYNCD_{name}": value for name, value in self.env.items()}
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SYNCD_")}
        return {**kept, **ours, "PYTHONPATH": str(_CHECKOUT)}

    @property
    def log(self) -> Path:
        return self.home / "daemon.log"

    @property
    def injected(self) -> Path:
        """Where strace writes what it did."""
        return self.home / "strace.log"

    def logged_bytes(self, since: int = 0) -> bytes:
        """The log after so many bytes."""
        if not self.log.exists():
            return b""
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read()

    def logged(self) -> list[dict[str, Any]]:
        """The log's events; a line that a kill has cut off is left out."""
        told = []
        for line in self.logged_bytes().decode("utf-8", "replace").splitlines():
            try:
                told.append(json.loads(line))
            except ValueError:
                continue
        return told

    # ── what the oracles ask ──────────────────────────────────────────────────────────────

    @contextmanager
    def opened(self) -> Iterator[Mirror]:
        """The mirror. Not while a process is to be killed: SQLite recovers a file only where
        nobody else has it open."""
        mirror = open_mirror(self.mirror_url, lambda: datetime.now(UTC))
        try:
            yield mirror
        finally:
            mirror.close()

    def held(self) -> set[str]:
        """The orders of which a write waits until it is tried again by itself."""
        timed = select(parked.c.s2e_id).where(parked.c.until.is_not(None))
        with self.opened() as mirror, mirror.read() as tx:
            return set(tx.conn.execute(timed).scalars())

    def pending(self) -> int:
        """How many orders have something to be decided, sent or read back."""
        with self.opened() as mirror, mirror.read() as tx:
            return status_counts(tx)["pending"]
