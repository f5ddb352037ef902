"""docs/adapters.md says what happens: its commands are run, in their order, as one session."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from inspect import get_annotations
from pathlib import Path
from typing import NamedTuple

import pytest

from syncd.cmms.conformance import BenchFault
from syncd.cmms.port import VERIFIED, AdapterBase, Capabilities

pytestmark = pytest.mark.adapters

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
_PRELUDE = f"""
set -e
trap 'export -p > "$STATE"' EXIT
[ ! -e "$STATE" ] || . "$STATE"
syncd() {{ {sys.executable} -m syncd "$@"; }}
pytest() {{ {sys.executable} -m pytest -p no:cacheprovider "$@"; }}
"""


class Block(NamedTuple):
    """A fenced block: what stands behind the fence, and its text."""

    kind: str
    text: str


def blocks() -> list[Block]:
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [Block(kind, text) for kind, text in found]


def only(kind: str) -> str:
    (text,) = [block.text for block in blocks() if block.kind == kind]
    return text


@pytest.mark.timeout(900)
def test_the_tutorial_runs_as_it_is_written(tmp_path: Path) -> None:
    environment = {name: it for name, it in os.environ.items() if not name.startswith("SYNCD_")}
    environment |= {"PYTHONPATH": f"{ROOT}:.", "STATE": str(tmp_path / "state.sh")}
    folder = tmp_path / "session"
    folder.mkdir()
    ran, said = 0, ""
    for kind, text in blocks():
        if kind.startswith("sh"):
            done = subprocess.run(
                ["bash", "-c", _PRELUDE + text],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            said = done.stdout
            assert (done.returncode != 0) is (kind == "sh fails"), f"{text}\n{said}"
            ran += 1
        elif kind == "text":
            missing = [line for line in text.splitlines() if line not in said]
            assert missing == [], said
    assert ran >= 8


def test_the_tables_are_whole() -> None:
    rows = set(re.findall(r"`([a-z0-9_]+)`", "".join(re.findall(r"^\|.*$", PAGE, re.MULTILINE))))
    assert set(VERIFIED) <= rows
    assert {field.name for field in fields(Capabilities)} <= rows
    assert {str(fault) for fault in BenchFault} <= rows


def test_every_member_that_may_be_left_out_is_documented() -> None:
    named = {text.partition("(")[0] for text in re.findall(r"(?<!`)`([^`\n]+)`", PAGE)}
    members = {name for name in vars(AdapterBase) if not name.startswith("_")}
    assert members | set(get_annotations(AdapterBase)) <= named


def test_the_other_blocks_are_what_they_claim() -> None:
    package = tomllib.loads(only("toml"))["project"]
    assert package["entry-points"]["syncd.adapters"] == {"acme": "acme:AcmeAdapter"}
    (declared,) = ast.parse(only("python")).body
    assert isinstance(declared, ast.ClassDef)
    names = {target.id for it in declared.body if isinstance(it, ast.Assign)
             for target in it.targets if isinstance(target, ast.Name)}  # fmt: skip
    assert names == {"capabilities", "cannot", "samples"}
