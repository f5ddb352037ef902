"""Whole processes, timed from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_READY_S = 300.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process took: seconds by the clock, seconds of CPU, megabytes at its peak.

    A child begins as a copy of its parent, so no peak is told below the bench's own.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Spent:
    """Run a process to its end. Raises RuntimeError with what it said if it failed."""
    said = folder / "said"
    with said.open("wb") as out:
        began = time.perf_counter()
        process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=out, stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{argv[1:3]} ended with {process.returncode}: {_tail(said)}")
    return Spent(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextmanager
def serving(orders: int, open_ones: int) -> Iterator[int]:
    """The bench's own server; yields its port when it is ready."""
    argv = [sys.executable, "-m", "tests.bench.server"]
    argv += ["--orders", str(orders), "--open", str(open_ones)]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def daemon(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Iterator["Daemon"]:
    """A process that runs on until the block ends."""
    said = folder / "daemon"
    with said.open("wb") as out:
        process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=out, stderr=out)
        try:
            yield Daemon(process, said)
        finally:
            process.terminate()
            process.wait()


class Daemon:
    """A running process and what it says."""

    def __init__(self, process: "subprocess.Popen[bytes]", said: Path) -> None:
        self._process = process
        self._said = said

    def cpu_s(self) -> float:
        """CPU of all its threads so far, to the nanosecond."""
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def count(self, event: str) -> int:
        """How often it has logged this event."""
        return self._said.read_bytes().count(f'"{event}"'.encode())

    def wait_for(self, event: str, times: int) -> None:
        """Wait until it has logged this event so often. Raises RuntimeError if it ends first."""
        gives_up = time.monotonic() + _READY_S
        while self.count(event) < times:
            if self._process.poll() is not None or time.monotonic() > gives_up:
                raise RuntimeError(f"no {times} x {event}: {_tail(self._said)}")
            time.sleep(0.05)


def _tail(said: Path) -> str:
    return said.read_text(errors="replace")[-600:]
