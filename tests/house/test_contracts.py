"""The import contracts: they know every module, and they find what they are there to find."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Read by everything above the edges, or the program's own door: in no layer.
ASIDE = {"syncd.__main__", "syncd.log", "syncd.settings", "syncd.twin"}
PLANTED = [
    ("syncd/core/backoff.py", "import time", "syncd.core.backoff -> time"),
    ("syncd/core/paging/sweep.py", "import logging", "syncd.core.paging.sweep -> logging"),
    ("syncd/engine/read_sweep.py", "import httpx", "syncd.engine.read_sweep -> httpx"),
    ("syncd/mirror/links.py", "from syncd.cmms import port", "syncd.mirror.links -> syncd.cmms"),
    ("syncd/engine/cycle.py", "from syncd import app", "syncd.engine.cycle -> syncd.app"),
    (
        "syncd/http/response.py",
        "from syncd import settings",
        "syncd.http.response -> syncd.settings",
    ),
    (
        "syncd/engine/send.py",
        "from syncd.mirror.decided import holds",
        "syncd.engine.send -> syncd.mirror.decided",
    ),
    ("syncd/twin/seed.py", "from syncd import errors", "syncd.twin.seed -> syncd.errors"),
]


def contracts() -> dict[str, dict[str, list[str]]]:
    """Each contract of pyproject.toml by its name."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {it["name"]: it for it in told["tool"]["importlinter"]["contracts"]}


def modules() -> set[str]:
    """What lies directly in the package."""
    found = {path.stem for path in (ROOT / "syncd").glob("*.py")} - {"__init__"}
    found |= {path.parent.name for path in (ROOT / "syncd").glob("*/__init__.py")}
    return {f"syncd.{name}" for name in found}


def lint(folder: Path) -> tuple[int, str]:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_every_module_has_its_place_in_the_layers() -> None:
    layers = contracts()["Imports point one way"]["layers"]
    placed = {name for layer in layers for name in layer.split(" | ")}
    assert placed | ASIDE == modules()


def test_every_module_but_http_is_kept_from_httpx() -> None:
    kept = contracts()["Only syncd.http speaks httpx"]["source_modules"]
    assert set(kept) == modules() - {"syncd.http", "syncd.__main__"}


def test_the_twin_is_kept_from_every_module() -> None:
    kept = contracts()["The twin knows nothing of syncd"]["forbidden_modules"]
    assert set(kept) == modules() - {"syncd.twin", "syncd.__main__"}


def test_the_contracts_find_what_they_are_there_to_find(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "syncd", tmp_path / "syncd")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, line, _ in PLANTED:
        with (tmp_path / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    code, said = lint(tmp_path)
    assert code == 1
    assert [edge for _, _, edge in PLANTED if edge not in said] == []
    assert [name for name in contracts() if f"{name} BROKEN" not in said] == []
