"""The house rules that no other tool checks: documentation, files, locks, the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer.main

from syncd.cli.commands import app
from syncd.errors import SyncdError

ROOT = Path(__file__).parent.parent.parent
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".lock", ".txt", ".example", ""}
# Built from parts, so that this file does not hold what it looks for.
FORBIDDEN = [
    "files." + "pythonhosted",
    "pypi" + ".org",
    "/" + "simple/",
    "--index" + "-url",
    "--find" + "-links",
    "file:" + "///opt",
    "/work/" + "main",
    "/tmp/" + "v/",
    "../" + "shared",
]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.fail("the house rules are checked in a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in tracked()
        if path.suffix in TEXT
        for text in FORBIDDEN
        if text in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert found == []


def test_no_lock_file_but_ours_is_tracked() -> None:
    assert not [path for path in tracked() if path.name in {"uv.lock", "poetry.lock"}]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_every_locked_requirement_has_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 20
    assert [line for line in lines if "--hash=sha256:" not in line or "==" not in line] == []


def test_the_lock_of_the_tests_holds_the_versions_of_the_program() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text, re.MULTILINE))

    ours, tests = pins("requirements.lock"), pins("requirements-test.lock")
    assert {name: tests.get(name) for name in ours} == ours


def test_modules_are_of_a_readable_size() -> None:
    sizes = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "syncd").rglob("*.py")
    }
    assert {str(path): size for path, size in sizes.items() if size > 430} == {}


def test_the_generated_documentation_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ".ci/write-docs.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def commands() -> dict[str, object]:
    """Every command by its full name."""
    found: dict[str, object] = {}
    group = typer.main.get_command(app)
    for name, command in getattr(group, "commands", {}).items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {sub}": it for sub, it in inner.items()} if inner else {name: command}
    return found


def test_every_command_is_documented_and_has_help_with_an_example() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    missing = [name for name in commands() if f"`syncd {name}" not in page]
    assert missing == []
    helpless = [
        name
        for name, command in commands().items()
        if "Example: syncd" not in str(command.help)  # type: ignore[attr-defined]
    ]
    assert helpless == []


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    kinds, codes = [SyncdError], {0, 64, 75}
    while kinds:
        kind = kinds.pop()
        codes.add(kind.exit_code)
        kinds += kind.__subclasses__()
    assert [code for code in sorted(codes) if f"| {code} |" not in page] == []


def test_every_event_that_is_logged_is_documented() -> None:
    from syncd.log import EVENTS

    pattern = re.compile(r"""["']([a-z0-9]+\.[a-z_]+)["']\s*,""")
    families = {name.partition(".")[0] for name in EVENTS}
    files = {"cmms.db", "syncd.db"}
    logged = {
        name
        for path in (ROOT / "syncd").rglob("*.py")
        if path.name != "log.py" and "twin" not in path.parts
        for name in pattern.findall(path.read_text(encoding="utf-8"))
        if name.partition(".")[0] in families
    }
    assert logged
    assert sorted(logged - set(EVENTS) - files) == []


def test_the_wheel_holds_the_migrations_and_the_type_marker(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"syncd/py.typed", "syncd/_migrations/env.py"} <= names
    presets = {path.name for path in (ROOT / "config" / "presets").iterdir()}
    assert {f"syncd/_presets/{name}" for name in presets} <= names
    assert any(name.startswith("syncd/_migrations/versions/0001") for name in names)


def test_imports_point_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
