"""The conformance suite fails on broken adapters, in the tests that name the rule."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cmms import broken_adapters
from tests.cmms.broken_adapters import Broken

pytestmark = pytest.mark.adapters
ROOT = Path(__file__).parent.parent.parent
FILE = "tests/cmms/broken_adapters.py"
# What each of them passes, so that a mistake that breaks everything does not count.
PASSED = ("test_it_is_an_adapter", "test_a_record_without_an_order_has_no_s2e_id")
BROKEN = {
    name: kind
    for name, kind in vars(broken_adapters).items()
    if isinstance(kind, type) and issubclass(kind, Broken) and kind is not Broken
}


def outcomes(report: Path) -> dict[tuple[str, str], set[str]]:
    """By class and rule, with and without what it was repeated over, what its tests came to."""
    found: dict[tuple[str, str], set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name, kind = case.attrib["name"], case.attrib["classname"].rpartition(".")[2]
        ended = {child.tag for child in case} & {"failure", "error", "skipped"} or {"passed"}
        for rule in {name, name.partition("[")[0]}:
            found.setdefault((kind, rule), set()).update(ended)
    return found


@pytest.mark.timeout(400)
def test_each_broken_adapter_fails_in_the_rules_that_name_its_mistake(tmp_path: Path) -> None:
    assert len(BROKEN) >= 12
    report = tmp_path / "report.xml"
    wanted = [
        f"{FILE}::{name}::{rule}" for name, kind in BROKEN.items() for rule in kind.rules + PASSED
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=line",
         f"--junitxml={report}", *wanted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    told = outcomes(report)
    blind = [
        f"{name}: {rule} {told.get((name, rule))}"
        for name, kind in BROKEN.items()
        for rule in kind.rules
        if "failure" not in told.get((name, rule), set())
    ]
    assert blind == []
    assert [told[name, rule] for name in BROKEN for rule in PASSED] == [{"passed"}] * (
        len(BROKEN) * len(PASSED)
    )
