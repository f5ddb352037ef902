"""The conformance kit itself: how its rules are chosen, and what it needs."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from syncd.cmms.conformance import AdapterConformance
from syncd.cmms.conformance.suite import number_of_tests, rules
from syncd.core.work_order import Field, Status
from tests.cmms.acme import AcmeAdapter

pytestmark = pytest.mark.adapters

ROOT = Path(__file__).parent.parent.parent


class Whole(AdapterConformance):
    """All that the sound adapter can, on a bench that can show everything."""

    capabilities = AcmeAdapter.capabilities


class Modest(Whole):
    """An adapter that only reads and answers."""

    capabilities = replace(
        AcmeAdapter.capabilities,
        writes=frozenset({Field.STATUS}),
        clears=frozenset(),
        creates=False,
        finds=False,
        filters_changes=False,
    )
    cannot: ClassVar[dict[str, str]] = {
        "lagging": "it has no search at all",
        Status.DRAFT: "it knows no drafts",
    }


def collected(suite: type[AdapterConformance]) -> set[str]:
    return {name for name, _ in rules(suite) if getattr(suite, name) is not None}


def test_importing_the_adapters_does_not_need_pytest_and_the_suite_says_that_it_does() -> None:
    code = (
        "import sys\n"
        "sys.modules['pytest'] = None\n"
        "import syncd.cmms.port, syncd.cmms.load, syncd.cmms.sql.adapter, syncd.cmms.scaffold\n"
        "import syncd.cli.commands\n"
        "print('fine')\n"
        "import syncd.cmms.conformance\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "fine\n", done.stderr
    assert "needs pytest, which is not installed; pip install 'syncd[test]'" in done.stderr


def test_a_rule_that_does_not_apply_is_not_collected_and_comes_back_where_it_does() -> None:
    class Again(Modest):
        capabilities = AcmeAdapter.capabilities

    assert "test_none_clears_where_declared" in collected(Whole)
    assert "test_none_clears_where_declared" not in collected(Modest)
    assert "test_creating_twice_makes_one_record" not in collected(Modest)
    assert "test_an_index_that_lags_is_declared" not in collected(Again)  # its bench cannot
    assert "test_none_clears_where_declared" in collected(Again)
    assert collected(Modest) < collected(Again)


def test_what_a_bench_cannot_show_becomes_tests_of_its_own() -> None:
    assert "test_what_cannot_be_shown_is_known_and_has_a_reason" not in collected(Whole)
    assert "test_what_cannot_be_shown_is_known_and_has_a_reason" in collected(Modest)
    assert "test_a_value_that_the_cmms_has_not_is_refused" in collected(Modest)


def test_a_full_bench_gets_more_than_sixty_tests() -> None:
    assert number_of_tests(Whole) > 200
    assert number_of_tests(Modest) > 60


def test_an_author_who_says_no_capabilities_is_told() -> None:
    with pytest.raises(TypeError, match=r"Silent does not say .* add `capabilities = "):

        class Silent(AdapterConformance):
            pass


def test_every_rule_has_a_story() -> None:
    assert [name for name, rule in rules(Whole) if not rule.__doc__] == []
