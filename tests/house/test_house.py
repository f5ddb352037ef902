"""The house rules that no other tool checks: documentation, files, locks, the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer.main

from syncd.cli.commands import app
from syncd.core.case import IntentState
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


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


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


@pytest.mark.parametrize("page", ["README.md", "docs/explanation/architecture.md"])
def test_the_tree_names_the_packages_that_exist(page: str) -> None:
    """Two levels of syncd/, with what stands in it beside packages, each in one line."""
    tree = read(page).partition("<!-- tree -->")[2].partition("<!-- end -->")[0]
    lines = [line for line in tree.splitlines() if line.startswith("  ")]
    named, inside = set(), ""
    for line in lines:
        name, sentence = line.split(maxsplit=1)
        depth = (len(line) - len(line.lstrip())) // 2
        inside = name if depth == 1 else inside
        named.add(name if depth == 1 else inside + name)
        assert sentence.endswith("."), f"{name} does not say what it is in one sentence"
        assert len(line) <= 100, f"{name}: its sentence does not fit into the line"
    package = ROOT / "syncd"
    inits = [it for level in ("*", "*/*") for it in package.glob(f"{level}/__init__.py")]
    there = {f"{path.parent.relative_to(package)}/" for path in inits}
    there |= {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    assert named == there


def test_every_decision_has_a_status_and_what_supersedes_it_exists() -> None:
    parts = re.split(r"^(?=\d+\. \*\*)", read("docs/decisions.md"), flags=re.MULTILINE)[1:]
    numbers = [int(part.partition(".")[0]) for part in parts]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, part in zip(numbers, parts, strict=True):
        (status,) = re.findall(r"^ +Status: (.*(?:\n +.*)*)", part, re.MULTILINE)
        assert re.match(r"stands[.;]|superseded by \d+", status), f"{number}: {status}"
        assert status.endswith("."), f"{number}: {status}"
        for other in map(int, re.findall(r"\d+", status)):
            assert other in numbers, f"{number}: there is no decision {other}"
            assert other > number, f"{number} came after {other}"


def test_every_link_between_pages_leads_somewhere() -> None:
    dead = []
    for path in tracked():
        if path.suffix != ".md":
            continue
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            target, _, anchor = link.partition("#")
            page = (path.parent / target).resolve() if target else path
            if "://" not in link and not (page.exists() and anchor in anchors(page, anchor)):
                dead.append(f"{path.relative_to(ROOT)}: {link}")
    assert dead == []


def anchors(page: Path, wanted: str) -> set[str]:
    """What a link may name in this page, its top included."""
    if not wanted:
        return {""}
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_on_the_map() -> None:
    text = read("docs/README.md")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert [page for page in sorted(pages - {"README.md"}) if f"({page})" not in text] == []


def test_every_module_that_a_page_names_exists() -> None:
    named = {
        (str(path.relative_to(ROOT)), module)
        for path in tracked()
        if path.suffix == ".md" and path.name != "CHANGELOG.md"
        for module in re.findall(
            r"\b(?:syncd|tests|migrations)/[\w/]*\.\w+\b", path.read_text(encoding="utf-8")
        )
    }
    assert len(named) > 20
    gone = sorted(f"{path}: {it}" for path, it in named if not (ROOT / it).exists())
    assert gone == []


def test_every_page_that_is_named_exists() -> None:
    """In code, tests, settings and pages alike: as docs/….md."""
    named = {
        (str(path.relative_to(ROOT)), page)
        for path in tracked()
        if path.suffix in TEXT and path.name != "CHANGELOG.md"
        for page in re.findall(
            r"\bdocs/[\w./-]+\.md\b", path.read_text(encoding="utf-8", errors="replace")
        )
    }
    assert len(named) > 20
    assert sorted(f"{path}: {page}" for path, page in named if not (ROOT / page).exists()) == []


def commands() -> dict[str, object]:
    """Every command by its full name."""
    found: dict[str, object] = {}
    group = typer.main.get_command(app)
    for name, command in getattr(group, "commands", {}).items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {sub}": it for sub, it in inner.items()} if inner else {name: command}
    return found


def test_every_command_is_documented_and_has_help_with_an_example() -> None:
    page = read("docs/reference/commands.md")
    missing = [name for name in commands() if f"`syncd {name}" not in page]
    assert missing == []
    helpless = [
        name
        for name, command in commands().items()
        if "Example: syncd" not in str(command.help)  # type: ignore[attr-defined]
    ]
    assert helpless == []


def test_every_option_is_documented() -> None:
    text = read("docs/reference/commands.md") + read("docs/reference/simulate.md")
    options = {
        max(option.opts, key=len)
        for command in commands().values()
        for option in getattr(command, "params", ())
        if option.param_type_name == "option"
    }
    assert len(options) > 20
    assert sorted(name for name in options if name not in text) == []


def test_every_reason_and_state_is_documented() -> None:
    text = read("docs/reference/rules.md")
    reasons = {
        reason
        for path in (ROOT / "syncd").rglob("*.py")
        for reason in re.findall(r'Unwritable\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert len(reasons) > 4
    words = reasons | {str(state) for state in IntentState}
    assert sorted(word for word in words if f"`{word}`" not in text) == []


def test_every_exit_code_is_documented() -> None:
    page = read("docs/reference/commands.md")
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
        if "twin" not in path.parts
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
    assert {f"syncd/cmms/templates/code/NAME{it}.py.txt" for it in ("", "_test")} <= names
    presets = {path.name for path in (ROOT / "config" / "presets").iterdir()}
    assert {f"syncd/_presets/{name}" for name in presets} <= names
    assert any(name.startswith("syncd/_migrations/versions/0001") for name in names)


def test_imports_point_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
