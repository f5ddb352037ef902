"""The tree of errors, as the module's own text draws it."""

import inspect
import re

from syncd import errors
from syncd.errors import SyncdError

ROW = re.compile(r"^    (?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+) .*\((?P<code>\d+)\)$")


def drawn() -> list[tuple[str, str | None, int]]:
    """Each class of the drawing, with the one that it hangs on and its exit code."""
    above: list[tuple[int, str]] = []
    rows = []
    for line in (errors.__doc__ or "").splitlines():
        row = ROW.match(line)
        if row is not None:
            depth = len(row["branch"])
            above = [one for one in above if one[0] < depth]
            rows.append((row["name"], above[-1][1] if above else None, int(row["code"])))
            above.append((depth, row["name"]))
    return rows


def test_the_tree_names_every_class_where_it_hangs_and_its_exit_code() -> None:
    there = [
        (name, None if kind is SyncdError else kind.__bases__[0].__name__, kind.exit_code)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, SyncdError)
    ]
    assert sorted(drawn(), key=str) == sorted(there, key=str)
    assert len(there) > 10
