"""A bug: what runs in place of functions of syncd.

The functions are replaced in the modules of this process. Import whatever plays syncd after a bug
is planted: a default argument that was evaluated before keeps the function that it was given.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Original = Callable[..., R]
Replacement = Callable[Concatenate[Original[R], P], R]
_HISTORIES = ("tests.simulation", "--histories", "60", "--idle", "4", "--first")
_TESTS = ("pytest", "-q", "-x", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "-n", "0")
_SMALL_SCOPE = ("tests.simulation.small_scope", "--depth", "4")
BUGS: dict[str, "Bug"] = {}


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug.

    Attributes:
        name: what the program does wrong.
        judge: the module that has to find it, with its arguments.
        replacements: each function of syncd, with what runs in its place. That is called with the
            function itself before the function's own arguments.
    """

    name: str
    judge: tuple[str, ...]
    replacements: list[tuple[Callable[..., Any], Callable[..., Any]]] = field(default_factory=list)

    def instead_of(
        self, original: Callable[P, R]
    ) -> Callable[[Replacement[R, P]], Replacement[R, P]]:
        """Have the decorated function run in place of this function or method of syncd."""

        def add(replacement: Replacement[R, P]) -> Replacement[R, P]:
            self.replacements.append((original, replacement))
            return replacement

        return add


def bug(name: str, *, seed: int = 0, small_scope: bool = False, test: str = "") -> Bug:
    """A new bug, among `BUGS` from now on.

    Args:
        seed: where histories have to find it, the first one to play. It comes soon before one
            that finds the bug. What is drawn may change and leave it behind; then the judge goes
            on to the next seeds, and prints which one has found the bug.
        small_scope: the small scope has to find it, and not histories.
        test: this test has to find it, since histories hardly ever lead there.
    """
    if name in BUGS:
        raise ValueError(f"there are two bugs called {name!r}")
    judge: tuple[str, ...] = (*_HISTORIES, "--seed", str(seed))
    if small_scope:
        judge = _SMALL_SCOPE
    elif test:
        judge = (*_TESTS, test)
    BUGS[name] = Bug(name, judge)
    return BUGS[name]


@contextmanager
def planted(planted_bug: Bug) -> Iterator[None]:
    """Let syncd have this bug; afterwards it is as it was.

    Raises LookupError where syncd has none of a function that the bug replaces.
    """
    replaced: list[tuple[object, str, object]] = []
    try:
        for original, replacement in planted_bug.replacements:
            places = places_of(original)
            if not places:
                where = f"{original.__module__}.{original.__qualname__}"
                raise LookupError(f"{planted_bug.name}: {where} is nowhere in syncd")
            for holder, name in places:
                setattr(holder, name, _in_place_of(original, replacement))
                replaced.append((holder, name, original))
        yield
    finally:
        for holder, name, function in replaced:
            setattr(holder, name, function)


def places_of(function: object) -> list[tuple[object, str]]:
    """Each module and class of syncd that holds this function, with its name there."""
    return [
        (holder, name)
        for holder in _holders()
        for name, value in vars(holder).items()
        if value is function
    ]


def _holders() -> Iterator[object]:
    """The modules of syncd that have been imported, and the classes that they define."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "syncd":
            yield module
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == name:
                    yield value


def _in_place_of(
    original: Callable[..., Any], replacement: Callable[..., Any]
) -> Callable[..., Any]:
    """A plain function, so that a class binds it as it binds its own methods."""

    @wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        return replacement(original, *args, **kwargs)

    return run
