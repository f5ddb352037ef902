"""What is handed out: the locks, the wheel, the image's and compose's files, the CI scripts."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from syncd import __version__

ROOT = Path(__file__).parent.parent.parent
PYTHONS = ["3.11", "3.12", "3.13"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def project() -> dict[str, Any]:
    told: dict[str, Any] = tomllib.loads(read("pyproject.toml"))["project"]
    return told


def locked(name: str, environment: dict[str, str]) -> dict[str, str]:
    """The versions a lock pins where `environment` holds, by the package's canonical name."""
    pins: dict[str, str] = {}
    for line in read(name).replace("\\\n", " ").splitlines():
        pin = Requirement(re.sub(r"\s+--hash=\S+", "", line))
        if pin.marker is None or pin.marker.evaluate(environment):
            (spec,) = pin.specifier
            assert canonicalize_name(pin.name) not in pins, f"{pin.name} is pinned twice"
            pins[canonicalize_name(pin.name)] = spec.version
    return pins


def here(python: str | None = None) -> dict[str, str]:
    """This environment's markers, or what they are with another Python."""
    environment = {key: str(value) for key, value in default_environment().items()}
    if python is not None:
        environment |= {"python_version": python, "python_full_version": f"{python}.0"}
    return environment


def test_the_lock_holds_what_the_program_needs_and_nothing_else() -> None:
    pins = locked("requirements.lock", here())
    needed: set[str] = set()
    seen: set[str] = set()
    waiting = [Requirement(line) for line in project()["dependencies"]]
    while waiting:
        wish = waiting.pop()
        name = canonicalize_name(wish.name)
        needed.add(name)
        assert wish.specifier.contains(pins[name]), f"{wish}, but {pins[name]} is locked"
        # Each wish once: packages may name one another.
        if str(wish) in seen:
            continue
        seen.add(str(wish))
        for line in requires(name) or []:
            next_ = Requirement(line)
            extras = wish.extras or {""}
            if next_.marker is None or any(
                next_.marker.evaluate({**here(), "extra": extra}) for extra in extras
            ):
                waiting.append(next_)
    assert needed == set(pins)


@pytest.mark.parametrize("python", PYTHONS)
def test_a_lock_has_one_version_of_everything_wished_for_on_each_python(python: str) -> None:
    wishes = [Requirement(line) for line in project()["dependencies"]]
    assert {canonicalize_name(wish.name) for wish in wishes} <= set(
        locked("requirements.lock", here(python))
    )
    assert set(locked("requirements.lock", here(python))) <= set(
        locked("requirements-test.lock", here(python))
    )


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_says_nothing_of_where_packages_come_from(name: str) -> None:
    for line in read(name).splitlines():
        assert re.fullmatch(
            r"[a-z0-9].*==[^ ]+( ;.*)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line
        )


def test_what_is_installed_runs_without_its_checkout(tmp_path: Path) -> None:
    """The sdist is built, the wheel from the sdist, and the wheel is run where nothing else is."""

    def run(*args: str, cwd: Path, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, *args],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path), cwd=ROOT)
    with tarfile.open(tmp_path / f"syncd-{__version__}.tar.gz") as sdist:
        sdist.extractall(tmp_path, filter="data")
    source = tmp_path / f"syncd-{__version__}"
    run("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=source)
    installed = tmp_path / "installed"
    with zipfile.ZipFile(tmp_path / f"syncd-{__version__}-py3-none-any.whl") as wheel:
        wheel.extractall(installed)
    assert {path.name for path in installed.iterdir()} == {
        "syncd",
        f"syncd-{__version__}.dist-info",
    }
    assert list(installed.rglob("LICENSE"))
    assert (installed / "syncd" / "py.typed").exists()

    home = tmp_path / "home"
    home.mkdir()
    where = {"PYTHONPATH": str(installed), "SYNCD_DATABASE_URL": "sqlite:///mirror.db"}
    assert run("-m", "syncd", "version", cwd=home, **where) == f"syncd {__version__}\n"
    run("-m", "syncd", "db", "upgrade", cwd=home, **where)
    assert (home / "mirror.db").stat().st_size > 0
    told = run(
        "-c",
        "import syncd\n"
        "from importlib.metadata import distribution\n"
        "points = distribution('syncd').entry_points\n"
        "print(syncd.__file__, *(point.load().__name__ for point in points))",
        cwd=home,
        **where,
    )
    assert set(told.split()) == {
        f"{installed}/syncd/__init__.py",
        "main",
        "OdooAdapter",
        "RestAdapter",
        "SqlAdapter",
    }


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    assert project()["version"] == __version__
    assert f'image.version="{__version__}"' in read("Dockerfile")
    assert f"image: syncd:{__version__}\n" in read("docker-compose.yml")


def test_one_service_runs_the_daemon_whatever_the_profile() -> None:
    """Two, with a mirror each, would both write to the CMMS."""
    assert read("docker-compose.yml").count("command: [run]") == 1


def test_no_secret_is_a_value_in_the_container_files() -> None:
    names = re.findall(
        r"^ *-? *([A-Z0-9_]*(?:TOKEN|KEY|SECRET|PASSWORD)[A-Z0-9_]*)[:=]",
        read("docker-compose.yml") + read("Dockerfile"),
        re.MULTILINE,
    )
    assert names
    assert [name for name in names if not name.endswith("_FILE")] == []


def test_the_system_tests_say_which_tools_they_lack(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "id"):
        found = next(
            Path(folder, name)
            for folder in os.environ["PATH"].split(":")
            if Path(folder, name).exists()
        )
        (tmp_path / name).symlink_to(found)
    done = subprocess.run(
        [tmp_path / "bash", ROOT / ".ci" / "test-system"],
        env={"PATH": str(tmp_path), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "make test-system needs strace faketime buildah debootstrap mariadb-server-core "
        "mariadb-client; install them, or run it as root on Debian\n"
    )
