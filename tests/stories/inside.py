"""Run a command in this process: what it prints, and how it ends, as if it were one of its own."""

import io
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from syncd.cli.commands import run_command


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]


def run_inside(args: Sequence[str], environ: Mapping[str, str], home: Path) -> Result:
    """Run `syncd` with these arguments, this environment and this folder."""
    out, err = io.StringIO(), io.StringIO()
    with _as_it_was(), chdir(home), redirect_stdout(out), redirect_stderr(err):
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["syncd", *args]
        code = run_command()
    return Result(code, out.getvalue(), err.getvalue())


@contextmanager
def _as_it_was() -> Iterator[None]:
    """What a command may change in its process is put back."""
    environ, argv, root = dict(os.environ), sys.argv, logging.getLogger()
    handlers, level = root.handlers, root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environ)
        sys.argv, root.handlers = argv, handlers
        root.setLevel(level)
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()
        for number, handler in signals.items():
            signal.signal(number, handler)
