"""Whatever is parked has a way out: in the code, in the documentation, and walked by a test."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from syncd.core.case import DROPPED, RELEASED, IntentState
from syncd.core.planning.unlinked import RECREATE, UNLINKED
from tests.simulation.ways import WALKED

ROOT = Path(__file__).parents[2]
# Where the reason stands in a call that makes a hold, or says why a value cannot be written.
PLACES = {"Hold": 2, "Unwritable": 0, "_review": 1, "park": 2}
# Holds that do not wait for a person: another try is under way, or a person has answered.
NOT_PARKED = {"", IntentState.NOT_APPLIED, DROPPED, RELEASED, RECREATE, UNLINKED}
# No write is planned where a mapping says so: it is drift (`rules.md`).
DRIFT = {"cannot_clear", "read_only"}
WALKS = (
    "tests.simulation.test_ways_out",
    "tests.simulation.test_ways_out_of_links",
    "tests.simulation.test_ways_out_of_creates",
    "tests.stories.test_ways_out_of_values",
)


def reasons_of_the_code() -> set[str]:
    """Each reason that stands in the code where a hold is made."""
    reasons: set[str] = set()
    for path in (ROOT / "syncd").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for given in _given(function):
                    reasons |= _meant(given, function, module)
    return reasons


def _given(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What stands for the reason in the calls of this function."""
    for call in ast.walk(function):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        place = PLACES.get(call.func.id)
        if place is not None and len(call.args) > place:
            yield call.args[place]
        if place is not None or call.func.id == "replace":
            yield from (key.value for key in call.keywords if key.arg == "reason")


def _meant(given: ast.expr, function: ast.FunctionDef, module: str) -> set[str]:
    """The reasons that this may be: its words, or those of what the function assigns to it. What
    is handed through from elsewhere stands there."""
    if isinstance(given, ast.Constant):
        return {str(given.value)}
    if isinstance(given, ast.IfExp):
        return _meant(given.body, function, module) | _meant(given.orelse, function, module)
    if isinstance(given, ast.Attribute) and isinstance(given.value, ast.Attribute):
        return _meant(given.value, function, module)  # IntentState.IGNORED.value
    if isinstance(given, ast.Attribute) and isinstance(given.value, ast.Name):
        kind = getattr(import_module(module), given.value.id, None)
        return {str(getattr(kind, given.attr))} if kind is IntentState else set()
    if not isinstance(given, ast.Name):
        return set()
    constant = getattr(import_module(module), given.id, None)
    if isinstance(constant, str):
        return {constant}
    return {
        reason
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and any(isinstance(it, ast.Name) and it.id == given.id for it in node.targets)
        for reason in _meant(node.value, function, module)
    }


def rows(page: str, heading: str) -> list[str]:
    """The words in the first column of the first table below this heading."""
    text = (ROOT / page).read_text(encoding="utf-8")
    table = re.search(
        r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", text.split(f"{heading}\n", 1)[1], re.MULTILINE
    )
    assert table is not None, heading
    first = [line.split("|")[1] for line in table[1].splitlines()]
    return [word for cell in first for word in re.findall(r"`(\w+)`", cell)]


def test_the_reasons_of_the_code_are_seen() -> None:
    """Those that a literal, a constant, a state and a name in the function stand for."""
    reasons = reasons_of_the_code()
    assert {"would_reopen", "refused", "not_applied", "external_id_taken"} <= reasons


def test_each_reason_for_parking_has_its_row_its_way_out_and_its_walk() -> None:
    for module in WALKS:
        import_module(module)
    # What a state of an intent stands for is a hold, too (`merge.py`): ignored is parked at last.
    parked = (reasons_of_the_code() | {IntentState.IGNORED.value}) - NOT_PARKED - DRIFT
    documented = rows("docs/reference/rules.md", "## Reasons: why something is parked")
    ways = rows("docs/how-to/answer-what-waits.md", "### Ways out")
    assert sorted(documented) == sorted(parked), "the rows of rules.md"
    assert sorted(set(ways)) == sorted(parked), "the rows of Ways out"
    assert sorted(WALKED) == sorted(parked), "the walks"


def test_each_walk_asks_whether_its_order_is_parked_and_then_in_step() -> None:
    for module in WALKS:
        tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text("utf-8"))
        for function in tree.body:
            if isinstance(function, ast.FunctionDef) and any(
                map(_is_walk, function.decorator_list)
            ):
                called = {
                    node.func.id
                    for node in ast.walk(function)
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                }
                assert called & {"assert_in_step", "assert_quiet"}, function.name


def _is_walk(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id == "walks"
    )
