"""What all rules share: which of them apply, over what they are repeated, and how values compare.

Rules are collected where they apply and nowhere else, so that nothing is skipped in silence: an
adapter that clears no field has no test of clearing. What the bench cannot show is declared in
`cannot`, with a reason that becomes a test's name.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import pytest

from syncd.cmms.conformance.bench import Bench, Fault, no_fault
from syncd.cmms.conformance.samples import SAMPLES, TEXTS
from syncd.cmms.port import Capabilities
from syncd.core.equality import is_normalisation, same, stands_for
from syncd.core.work_order import CmmsRecord, Field, Fields, Priority, Status, Value

R = TypeVar("R", bound=Callable[..., Any])

# What a new order has at least, as far as the adapter writes it.
_ORDER = (Field.TITLE, Field.STATUS, Field.PRIORITY)
FREE_TEXT = (
    Field.DESCRIPTION,
    Field.RESOLUTION,
    Field.CLOSURE_NOTE,
    Field.ROOT_CAUSE,
    Field.TITLE,
)
# What is written to show that a write happens, the most ordinary first.
_PLAIN = (*FREE_TEXT, Field.ACTUAL_HOURS, Field.COMPLETED_AT, Field.PRIORITY, Field.STATUS)
READS_TOO = frozenset(Fault) - {
    Fault.REFUSED,
    Fault.IGNORED,
    Fault.LAGGING,
    Fault.TIMEOUT_APPLIED,  # to a reader the same as the other
    Fault.RESET_APPLIED,
}
WRITES_TOO = frozenset(Fault) - {Fault.IGNORED, Fault.LAGGING}
# What ends one page of several. An error of the second page has to be raised like one of the first.
BETWEEN_PAGES = (
    Fault.UNAVAILABLE,
    Fault.SERVER_ERROR,
    Fault.RESET,
    Fault.TRUNCATED,
    Fault.HTML,
    Fault.STRANGE,
    Fault.ERROR_IN_200,
    Fault.THROTTLED,
    Fault.FORBIDDEN,
)
SECRETS = "secrets"
FULL_BENCH = 60  # a bench that can show everything runs at least so many tests
_numbers = count(1)


class Suite:
    """What the author of an adapter says about it, and the helpers of the rules.

    Attributes:
        capabilities: the adapter's, known before a bench is made: they choose the tests.
        cannot: what the bench cannot show, or the CMMS has not, with the reason: a `Fault`, a
            `Status` or a `Priority` that the adapter refuses, or "secrets".
        samples: two values of a field that this CMMS takes, where ours are none.
        secrets: what the adapter was given and nobody may read.
        id_prefix: what the Scan2Evolve ids of the records that are made begin with.
    """

    capabilities: ClassVar[Capabilities]
    cannot: ClassVar[Mapping[str, str]] = MappingProxyType({})
    samples: ClassVar[Mapping[Field, tuple[Value, Value]]] = MappingProxyType({})
    secrets: ClassVar[Sequence[str]] = ()
    id_prefix: ClassVar[str] = "wo_"

    def new_id(self) -> str:
        """A Scan2Evolve id that no record carries."""
        return f"{self.id_prefix}{next(_numbers):06}"

    def sample(self, name: Field, number: int = 0) -> Value:
        """A value of this field that the CMMS takes."""
        if name is Field.S2E_ID:
            return self.new_id()
        return {**SAMPLES, **self.samples}[name][number]

    def order(self, *more: Field) -> dict[Field, Value]:
        """What a new order holds, as far as the adapter writes it, and `more`."""
        wanted = [name for name in (*_ORDER, *more) if name in self.capabilities.writes]
        return {name: self.sample(name) for name in dict.fromkeys(wanted)}

    def everything(self) -> dict[Field, Value]:
        """A value for every field that the adapter writes."""
        return {
            name: self.sample(name)
            for name in Field
            if name in self.capabilities.writes and name is not Field.S2E_ID
        }

    def made(self, bench: Bench, fields: Fields | None = None) -> CmmsRecord:
        """A record that is there: ours if the adapter creates, else a person's."""
        fields = self.order() if fields is None else fields
        if self.capabilities.creates:
            return bench.adapter.create(self.new_id(), fields)
        return bench.adapter.get(bench.add(fields))

    @property
    def plain(self) -> Field:
        """A field that is written to show that a write happens."""
        return next(name for name in _PLAIN if name in self.capabilities.writes)

    @property
    def other(self) -> Field:
        """Another field, for people to edit meanwhile."""
        can = self.capabilities
        pick = [name for name in _PLAIN if name in can.writes and name is not self.plain]
        return (pick or [name for name in _PLAIN if name in can.reads and name is not self.plain])[
            0
        ]

    def change(self, bench: Bench, cmms_id: str) -> Callable[[], CmmsRecord]:
        """A write that shows."""
        wanted: Fields = {self.plain: self.sample(self.plain, 1)}
        return lambda: bench.adapter.update(cmms_id, wanted, {})


# ── which rules apply, and over what ──────────────────────────────────────────────────────


def when(applies: Callable[[type[Suite]], bool]) -> Callable[[R], R]:
    """A rule that is collected only for those to whom it applies."""

    def mark(rule: R) -> R:
        rule.__dict__["applies"] = applies
        return rule

    return mark


def shows(*faults: Fault) -> Callable[[type[Suite]], bool]:
    """Whether the bench can show these."""
    return lambda suite: not any(fault in suite.cannot for fault in faults)


def live(rule: R) -> R:
    """A rule that needs the adapter alone, and makes no other records than its own: it may be
    tried on a live system."""
    rule.__dict__["live"] = True
    return rule


def axes(suite: type[Suite]) -> dict[str, list[str]]:
    """Over what rules are repeated: by the name of their argument."""
    can, cannot = suite.capabilities, suite.cannot

    def shown(faults: Sequence[Fault] | frozenset[Fault]) -> list[str]:
        return [fault for fault in Fault if fault in faults and fault not in cannot]

    def fields(chosen: frozenset[Field]) -> list[str]:
        return [name for name in Field if name in chosen]

    return {
        "written": fields(can.writes - can.writes_once),
        "cleared": fields(can.clears),
        "kept": fields(can.writes - can.clears),
        "status": _taken(Status, Field.STATUS, suite),
        "priority": _taken(Priority, Field.PRIORITY, suite),
        "unsupported": [it for it in (*Status, *Priority) if it in cannot],
        "text": list(TEXTS) if set(FREE_TEXT) & can.writes else [],
        "read_fault": shown(READS_TOO),
        "write_fault": shown(WRITES_TOO),
        "page_fault": shown(BETWEEN_PAGES),
        "reading": ["get", "fetch", "check", *(["find"] if can.finds else [])],
        "writing": ["update", *(["create"] if can.creates else [])],
        "lacking": [f"{key}: {reason}" for key, reason in cannot.items()],
    }


def _taken(kind: type[Status] | type[Priority], name: Field, suite: type[Suite]) -> list[str]:
    written = name in suite.capabilities.writes
    return [value for value in kind if written and value not in suite.cannot]


def rules(suite: type[Suite]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The tests of a class, its own and those that it inherits, also those it was relieved of."""
    for name in dir(suite):
        if name.startswith("test_"):
            defined = (vars(base).get(name) for base in suite.__mro__)
            rule = next((it for it in defined if callable(it)), None)
            if rule is not None:
                yield name, rule


def repeated(rule: Callable[..., Any], over: Mapping[str, list[str]]) -> list[str]:
    """The rule's arguments that are axes."""
    return [name for name in inspect.signature(rule).parameters if name in over]


def stays(suite: type[Suite], rule: Callable[..., Any], *, live_only: bool = False) -> bool:
    """Whether a rule applies to this class."""
    over = axes(suite)
    applies = getattr(rule, "applies", None)
    if live_only and not getattr(rule, "live", False):
        return False
    return all(over[axis] for axis in repeated(rule, over)) and (applies is None or applies(suite))


def leave_out(suite: type[Suite], *, live_only: bool = False) -> None:
    """Take the rules from a class that do not apply to it."""
    for name, rule in list(rules(suite)):
        setattr(suite, name, rule if stays(suite, rule, live_only=live_only) else None)


def number_of_tests(suite: type[Suite]) -> int:
    """How many tests the rules make for this class."""
    over = axes(suite)
    return sum(
        math.prod(len(over[axis]) for axis in repeated(rule, over))
        for name, rule in rules(suite)
        if getattr(suite, name) is not None
    )


# ── comparing ─────────────────────────────────────────────────────────────────────────────


def keeps(name: Field, sent: Value, record: CmmsRecord) -> bool:
    """Whether the record holds what was sent: the same, what a system may make of it when it
    stores it (cut, trimmed, rounded), or a value that is declared to stand for it."""
    held = record.fields.get(name)
    if stands_for(sent, record.equivalents.get(name, frozenset())):
        return True
    return same(sent, held) or is_normalisation(sent, held)


def differing(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """The names whose values differ."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


class Requests:
    """Counts a bench's requests, and decides how each of them fails.

    Args:
        fails: gets the number of this request, from 1, and whether it may write.
    """

    def __init__(
        self, bench: Bench, fails: Callable[[int, bool], Fault | None] = lambda _n, _w: None
    ) -> None:
        self.all = self.writes = 0
        self._bench, self._fails = bench, fails

    def __enter__(self) -> "Requests":
        self._bench.on_request = self._seen
        return self

    def __exit__(self, *_: object) -> None:
        self._bench.on_request = no_fault

    def _seen(self, writes: bool) -> Fault | None:
        self.all += 1
        self.writes += writes
        return self._fails(self.all, writes)


def reads_fail(bench: Bench, fault: Fault, after: int = 0) -> Requests:
    """Every request but the first `after` fails so."""
    return Requests(bench, lambda number, _writes: fault if number > after else None)


def writes_fail(bench: Bench, fault: Fault) -> Requests:
    """Every request that writes fails so."""
    return Requests(bench, lambda _number, writes: fault if writes else None)


def pytest_generate_tests_of(metafunc: pytest.Metafunc) -> None:
    """Repeat a rule over each of its axes."""
    suite = metafunc.cls
    if suite is None or not issubclass(suite, Suite):
        return
    for name, values in axes(suite).items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values, ids=[str(value) for value in values])
