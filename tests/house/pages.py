"""The commands on a page of the documentation, run in their order as one session of a shell.

What the word behind a fence means:

    sh           run; it has to succeed
    sh fails     run; it has to fail
    sh until     run again and again, until it says what the next block of text says
    text         lines that the commands just before have to say

Any other block is not run.
"""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_PATIENCE_S = 60.0
# The session is many shells: each begins with the variables that the one before has left.
_PRELUDE = """
set -e -a
trap 'export -p > "$STATE"' EXIT
[ ! -e "$STATE" ] || . "$STATE"
"""


class Block(NamedTuple):
    """A fenced block: what stands behind the fence, and its text."""

    kind: str
    text: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page under docs/."""
    text = (DOCS / page).read_text(encoding="utf-8")
    fenced = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(kind, body) for kind, body in fenced]


class Session:
    """A shell in a folder of its own, with this checkout's syncd and no settings."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "session"
        tools = home / "tools"
        self._folder.mkdir()
        tools.mkdir()
        for name, module in (("syncd", "syncd"), ("pytest", "pytest -p no:cacheprovider")):
            tool = tools / name
            tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
            tool.chmod(0o755)
        plain = {name: it for name, it in os.environ.items() if not name.startswith("SYNCD_")}
        self._environ = plain | {
            "PATH": f"{tools}:{plain['PATH']}",
            "PYTHONPATH": f"{ROOT}:.",
            "STATE": str(home / "state.sh"),
        }
        self._groups: list[int] = []

    def run(self, text: str) -> tuple[int, str]:
        """Run these commands; their exit code and all that they said."""
        shell = subprocess.Popen(
            ["bash", "-c", _PRELUDE + text],
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._groups.append(shell.pid)
        output, _ = shell.communicate()
        return shell.returncode, output

    def end(self) -> None:
        """Kill what is still running in the background."""
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


def play(page: str, home: Path) -> int:
    """Run a page; return how many blocks were run. Raises AssertionError with what was said."""
    listed = blocks(page)
    session = Session(home)
    ran, output = 0, ""
    try:
        for place, (kind, text) in enumerate(listed):
            if kind in {"sh", "sh fails", "sh until"}:
                ends = time.monotonic() + (_PATIENCE_S if kind == "sh until" else 0)
                wanted = listed[place + 1].text if kind == "sh until" else ""
                while True:
                    code, output = session.run(text)
                    if not _missing(wanted, output) or time.monotonic() >= ends:
                        break
                    time.sleep(0.5)
                assert (code != 0) is (kind == "sh fails"), f"{text}\n{output}"
                ran += 1
            elif kind == "text":
                assert _missing(text, output) == [], output
    finally:
        session.end()
    return ran


def _missing(text: str, output: str) -> list[str]:
    return [line for line in text.splitlines() if line not in output]
