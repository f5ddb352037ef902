"""`syncd adapter list`, `new` and `test`, as people call them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from syncd.cmms.catalogue import entries
from syncd.cmms.scaffold import kinds, render

pytestmark = pytest.mark.adapters

ROOT = Path(__file__).parent.parent.parent
FIRST = "test_a_created_record_carries_its_s2e_id"


def syncd(
    *args: str,
    cwd: Path,
    said: str = "",
    paths: tuple[Path, ...] = (ROOT,),
    settings: dict[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    environment = {name: it for name, it in os.environ.items() if not name.startswith("SYNCD_")}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    return subprocess.run(
        [sys.executable, "-m", "syncd", *args],
        cwd=cwd,
        env=environment | (settings or {}),
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )


def on_sqlite(adapter: str = "sql", **more: str) -> dict[str, str]:
    return {"SYNCD_CMMS_ADAPTER": adapter, "SYNCD_CMMS_URL": "sqlite:///cmms.db", **more}


SANDBOX = {"SYNCD_CMMS_SANDBOX": "1"}


# ── list ──────────────────────────────────────────────────────────────────────────────────


def installed(folder: Path, **points: str) -> Path:
    """A folder in which a package with these adapters is installed."""
    info = folder / "acme_syncd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-syncd\nVersion: 1.0\n")
    lines = "".join(f"{name} = {where}\n" for name, where in points.items())
    (info / "entry_points.txt").write_text(f"[syncd.adapters]\n{lines}")
    return folder


def test_the_list_names_the_adapters_and_how_each_was_verified(tmp_path: Path) -> None:
    told = syncd("adapter", "list", cwd=tmp_path)
    assert told.returncode == 0
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("sql ")]
    assert line.split() == ["sql", "live", "syncd.cmms.sql.adapter:SqlAdapter"]
    assert "live: tried against the real system" in told.stdout
    assert max(map(len, told.stdout.splitlines())) < 80


def test_the_list_names_those_of_other_packages_and_what_ails_them(tmp_path: Path) -> None:
    folder = installed(
        tmp_path, acme="acme:AcmeAdapter", gone="no.such.module:Adapter", odd="json:JSONDecoder"
    )
    assert syncd("adapter", "new", "acme", cwd=tmp_path).returncode == 0
    told = syncd("adapter", "list", "--json", cwd=tmp_path, paths=(ROOT, folder))
    found = {it["setting"]: it for it in json.loads(told.stdout)}
    assert found["SYNCD_CMMS_ADAPTER=acme"] == {
        "setting": "SYNCD_CMMS_ADAPTER=acme",
        "verified": "docs",
        "where": "acme:AcmeAdapter",
        "trouble": None,
    }
    assert "cannot be imported" in found["SYNCD_CMMS_ADAPTER=gone"]["trouble"]
    assert "is no adapter" in found["SYNCD_CMMS_ADAPTER=odd"]["trouble"]
    assert found["SYNCD_CMMS_ADAPTER=sql"]["verified"] == "live"
    assert found["SYNCD_CMMS_ADAPTER=rest"]["verified"] == "mapping"


def test_the_list_names_the_presets(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text("name: acme\nverified: spec  # its OpenAPI\n")
    (tmp_path / "bare.yaml").write_text("name: bare\n")
    (tmp_path / "boast.yaml").write_text("verified: surely\n")
    (tmp_path / "broken.yaml").write_bytes(b"\xff")
    found = {it.where: it for it in entries(tmp_path) if "preset:" in it.setting}
    assert found["acme.yaml"].setting == "SYNCD_CMMS_MAPPING=preset:acme"
    assert [found[f"{it}.yaml"].verified for it in ("acme", "bare", "boast")] == [
        "spec",
        "none",
        "none",
    ]
    assert "cannot be read" in str(found["broken.yaml"].trouble)


# ── new ───────────────────────────────────────────────────────────────────────────────────


def test_what_is_written_is_what_our_own_tests_run() -> None:
    """tests/cmms/acme.py, tests/cmms/acme_rest/acme.yaml and their tests are the scaffold's own,
    so the scaffold is proved by them."""
    for kind, folder in (("code", "."), ("rest", "acme_rest")):
        lines = 0
        for name, text in render("acme", kind, module="tests.cmms.acme").items():
            written = (ROOT / "tests" / "cmms" / folder / name).read_text(encoding="utf-8")
            assert written == text
            lines += len(text.splitlines())
        assert lines < 150


def test_a_new_adapter_with_its_fake_and_its_tests_is_short() -> None:
    assert sum(len(text.splitlines()) for text in render("acme").values()) < 150


def test_a_new_adapter_passes_as_it_is(tmp_path: Path) -> None:
    """The whole of it is run by the test of docs/how-to/write-an-adapter.md; here its first rule,
    under a long name."""
    made = syncd("adapter", "new", "north_wind2", "--dir", "deep/er", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.split() == ["deep/er/north_wind2.py", "deep/er/north_wind2_test.py"]
    assert "next: pytest deep/er/north_wind2_test.py" in made.stderr
    assert (
        "class NorthWind2Adapter(AdapterBase):" in (tmp_path / "deep/er/north_wind2.py").read_text()
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", FIRST, "deep/er/north_wind2_test.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "acme_test.py").write_text("mine")
    told = syncd("adapter", "new", "acme", cwd=tmp_path)
    assert told.returncode == 64
    assert "acme_test.py is there already" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["acme_test.py"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("Acme",), "use small letters"),
        (("2fast",), "use small letters"),
        (("class",), "use small letters"),
        (("../evil",), "use small letters"),
        (("acme", "--kind", "soap"), "there is code, rest"),
        (("acme", "--dir", "taken/x"), "--dir taken/x cannot be written to"),
    ],
)
def test_what_cannot_be_begun_is_said(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    (tmp_path / "taken").touch()
    told = syncd("adapter", "new", *args, cwd=tmp_path)
    assert told.returncode == 64
    assert said in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_every_kind_has_a_test_among_its_files() -> None:
    assert kinds() == ["code", "rest"]
    for kind in kinds():
        assert any(name.endswith("_test.py") for name in render("acme", kind))


# ── test ──────────────────────────────────────────────────────────────────────────────────


def test_a_cmms_that_is_no_sandbox_is_never_touched(tmp_path: Path) -> None:
    told = syncd("adapter", "test", "--confirm", "cmms.db", cwd=tmp_path, settings=on_sqlite())
    assert told.returncode == 78
    assert "set SYNCD_CMMS_SANDBOX=1 if nobody works with it" in told.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("args", "said"), [(("--confirm", "other.db"), ""), ((), "other.db\n")])
def test_another_host_than_the_settings_is_refused(
    tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    told = syncd("adapter", "test", *args, cwd=tmp_path, said=said, settings=on_sqlite(**SANDBOX))
    assert told.returncode == 64
    assert "'other.db' is not cmms.db; nothing was done" in told.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(300)
def test_a_sound_adapter_passes_on_its_sandbox_and_what_is_left_is_said(tmp_path: Path) -> None:
    told = syncd("adapter", "test", cwd=tmp_path, said="cmms.db\n", settings=on_sqlite(**SANDBOX))
    assert told.returncode == 0, told.stdout + told.stderr
    assert "test_a_record_is_found_by_its_own_id_and_nothing_like_it PASSED" in told.stdout
    assert " failed" not in told.stdout
    left = told.stdout.partition("Left in cmms.db, all with an s2e id that begins with ")[2]
    prefix = left.partition(":")[0]
    assert prefix.startswith("wo_syncdtest_")
    rows = [line.split(maxsplit=1) for line in left.splitlines()[2:]]
    assert len(rows) > 60
    assert all(text.startswith(prefix) and "cancelled" in text for _, text in rows)


def test_an_adapter_that_breaks_a_rule_is_told_so(tmp_path: Path) -> None:
    told = syncd(
        "adapter", "test", "--confirm", "cmms.db", "--rule", "nothing_like_it", cwd=tmp_path,
        settings=on_sqlite("tests.cmms.live_adapters:Loose", **SANDBOX),
    )  # fmt: skip
    assert told.returncode == 70, told.stdout + told.stderr
    assert "test_a_record_is_found_by_its_own_id_and_nothing_like_it FAILED" in told.stdout
    assert "finds ['wo_syncdtest_" in told.stdout  # the values that were compared


def test_waits_are_kept_and_what_could_not_be_cancelled_is_said(tmp_path: Path) -> None:
    told = syncd(
        "adapter", "test", "--confirm", "cmms.db", "--rule", FIRST, cwd=tmp_path,
        settings=on_sqlite("tests.cmms.live_adapters:Busy", **SANDBOX),
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "could not be cancelled: gone for today" in " ".join(told.stdout.split())


def test_what_was_made_is_looked_for_only_when_the_search_may_know_it(tmp_path: Path) -> None:
    told = syncd(
        "adapter", "test", "--confirm", "cmms.db", "--rule", "is_found_by_its_s2e_id",
        cwd=tmp_path, settings=on_sqlite("tests.cmms.live_adapters:Lagging", **SANDBOX),
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "test_a_created_record_is_found_by_its_s2e_id PASSED" in told.stdout


def test_the_host_is_the_one_that_the_mapping_names(tmp_path: Path) -> None:
    """Typing the name of another must never be enough."""
    settings = {
        "SYNCD_CMMS_ADAPTER": "rest",
        "SYNCD_CMMS_MAPPING": str(ROOT / "tests" / "cmms" / "standin.yaml"),
        "SYNCD_CMMS_URL": "http://sandbox.example",
        "SYNCD_ALLOW_HTTP": "1",
        "STANDIN_URL": "http://127.0.0.1:9/api",
        "STANDIN_USER": "u",
        "STANDIN_SECRET": "s",
        **SANDBOX,
    }
    told = syncd("adapter", "test", "--confirm", "sandbox.example", cwd=tmp_path, settings=settings)
    assert told.returncode == 64, told.stdout + told.stderr
    assert "'sandbox.example' is not 127.0.0.1; nothing was done" in told.stderr


def test_an_adapter_that_creates_nothing_cannot_be_tried(tmp_path: Path) -> None:
    adapter = "tests.cmms.live_adapters:ReadOnly"
    told = syncd("adapter", "test", cwd=tmp_path, settings=on_sqlite(adapter, **SANDBOX))
    assert told.returncode == 78
    assert "creates no records" in told.stderr


def test_samples_and_what_the_cmms_has_not_reach_the_rules(tmp_path: Path) -> None:
    """The embedded CMMS has every status, so that the rule that it refuses one fails."""
    told = syncd(
        "adapter", "test", "--confirm", "cmms.db", "--cannot", "DRAFT=it knows no drafts",
        "--sample", "location=Hall 7,Hall 8", "--rule", "location or DRAFT", cwd=tmp_path,
        settings=on_sqlite(**SANDBOX),
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "test_a_written_field_comes_back[location] PASSED" in told.stdout
    assert "[DRAFT]" not in told.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--sample", "location"), "is not like --sample"),
        (("--sample", "place=a,b"), "there is no such field"),
        (("--sample", "location=a"), "two different values"),
        (("--sample", "location=a,a"), "two different values"),
        (("--sample", "due_date=soon,later"), "'soon' is not an ISO 8601 time"),
        (("--cannot", "DRAFT"), "is not like --cannot 'DRAFT=it knows no drafts'"),
    ],
)
def test_options_that_cannot_be_used_are_said(
    tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    told = syncd("adapter", "test", *args, cwd=tmp_path, settings=on_sqlite(**SANDBOX))
    assert told.returncode == 64
    assert said in told.stderr


def test_without_pytest_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pytest.py").write_text("raise ModuleNotFoundError('no', name='pytest')\n")
    told = syncd(
        "adapter", "test", cwd=tmp_path, paths=(tmp_path, ROOT), settings=on_sqlite(**SANDBOX)
    )
    assert told.returncode == 78
    assert "needs pytest, which is not installed; pip install 'syncd[test]'" in told.stderr
