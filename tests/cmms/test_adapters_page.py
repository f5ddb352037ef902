"""The pages about adapters say what happens: their commands are run, each page as one session."""

import ast
import re
import tomllib
from dataclasses import fields
from inspect import get_annotations
from pathlib import Path

import pytest

from syncd.cmms.conformance import BenchFault
from syncd.cmms.port import VERIFIED, AdapterBase, Capabilities
from tests.house.pages import DOCS, blocks, play

pytestmark = pytest.mark.adapters

PORT = (DOCS / "reference" / "adapter-port.md").read_text(encoding="utf-8")
WRITING = "how-to/write-an-adapter.md"
PAGES = {
    WRITING: 6,
    "how-to/try-an-adapter-on-a-sandbox.md": 3,
    "how-to/connect-an-http-cmms.md": 2,
}


def only(kind: str) -> str:
    (text,) = [block.text for block in blocks(WRITING) if block.kind == kind]
    return text


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_is_run_as_it_is_written(page: str, tmp_path: Path) -> None:
    assert play(page, tmp_path) == PAGES[page]


def test_the_tables_are_whole() -> None:
    rows = set(re.findall(r"`([a-z0-9_]+)`", "".join(re.findall(r"^\|.*$", PORT, re.MULTILINE))))
    assert set(VERIFIED) <= rows
    assert {field.name for field in fields(Capabilities)} <= rows
    assert {str(fault) for fault in BenchFault} <= rows


def test_every_member_that_may_be_left_out_is_documented() -> None:
    named = {text.partition("(")[0] for text in re.findall(r"(?<!`)`([^`\n]+)`", PORT)}
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
