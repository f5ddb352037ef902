"""What all rules share: which of them apply, over what they are repeated, how values compare.

A rule is collected only where it applies: an adapter that clears no field has no test of
clearing. So no test is ever skipped. What the bench cannot show is declared in `cannot`, with a
reason that becomes the name of a test.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import pytest

from syncd.cmms.conformance.bench import Bench, BenchFault, no_fault
from syncd.cmms.conformance.samples import SAMPLES, TEXTS
from syncd.cmms.port import Capabilities
from syncd.core.equality import is_normalisation, same, stands_for
from syncd.core.work_order import CmmsRecord, Field, Fields, Priority, Status, Value

R = TypeVar("R", bound=Callable[..., Any])

# The fields of a new order, as far as the adapter writes them.
_ORDER = (Field.TITLE, Field.STATUS, Field.PRIORITY)
FREE_TEXT = (
    Field.DESCRIPTION,
    Field.RESOLUTION,
    Field.CLOSURE_NOTE,
    Field.ROOT_CAUSE,
    Field.TITLE,
)
# The field that a plain write writes: the first of these that the adapter writes.
_PLAIN = (*FREE_TEXT, Field.ACTUAL_HOURS, Field.COMPLETED_AT, Field.PRIORITY, Field.STATUS)
READS_TOO = frozenset(BenchFault) - {
    BenchFault.REFUSED,
    BenchFault.IGNORED,
    BenchFault.LAGGING,
    BenchFault.TIMEOUT_APPLIED,  # for a read, the same as TIMEOUT; so is RESET_APPLIED
    BenchFault.RESET_APPLIED,
}
WRITES_TOO = frozenset(BenchFault) - {BenchFault.IGNORED, BenchFault.LAGGING}
# Faults of the second page. They have to be raised like those of the first.
BETWEEN_PAGES = (
    BenchFault.UNAVAILABLE,
    BenchFault.SERVER_ERROR,
    BenchFault.RESET,
    BenchFault.TRUNCATED,
    BenchFault.HTML,
    BenchFault.STRANGE,
    BenchFault.ERROR_IN_200,
    BenchFault.THROTTLED,
    BenchFault.FORBIDDEN,
)
SECRETS = "secrets"
MAPPING_HASH = "mapping_hash"
# Options that say where the CMMS is, who asks, and how much at once.
CONNECTION_OPTIONS = frozenset({
    "url", "host", "port", "database", "protocol", "timeout_s", "page_size", "login", "user",
    "username", "password", "password_file", "token", "token_file", "api_key", "api_key_file",
})  # fmt: skip
FULL_BENCH = 60  # tests, at least, of a bench that can show everything
_numbers = count(1)


class Suite:
    """What an adapter's author sets, and what the rules use in common.

    Attributes:
        capabilities: the adapter's own. They choose the tests, before a bench is made.
        cannot: what the bench cannot show or the CMMS does not have, each with the reason. A key
            is a `BenchFault`, a `Status` or `Priority` that the adapter refuses, "secrets", or
            "mapping_hash" where no option bears on how a record is read or written.
        samples: two values of a field, where this CMMS refuses those of `samples.SAMPLES`.
        secrets: the adapter's credentials, which no text may show.
        id_prefix: the Scan2Evolve ids of all records that are made begin with it.
        breaks: what else the bench can show: "value" (`BreaksValues`), "row" (`BreaksRows`).
    """

    capabilities: ClassVar[Capabilities]
    cannot: ClassVar[Mapping[str, str]] = MappingProxyType({})
    samples: ClassVar[Mapping[Field, tuple[Value, Value]]] = MappingProxyType({})
    secrets: ClassVar[Sequence[str]] = ()
    id_prefix: ClassVar[str] = "wo_"
    breaks: ClassVar[frozenset[str]] = frozenset()

    def new_id(self) -> str:
        """A Scan2Evolve id that no record carries."""
        return f"{self.id_prefix}{next(_numbers):06}"

    def sample(self, name: Field, number: int = 0) -> Value:
        """A value of this field that the CMMS takes."""
        if name is Field.S2E_ID:
            return self.new_id()
        return {**SAMPLES, **self.samples}[name][number]

    def order(self) -> dict[Field, Value]:
        """The fields of a new order, as far as the adapter writes them."""
        return {name: self.sample(name) for name in _ORDER if name in self.capabilities.writes}

    def everything(self) -> dict[Field, Value]:
        """A value for every field that the adapter writes."""
        return {
            name: self.sample(name)
            for name in Field
            if name in self.capabilities.writes and name is not Field.S2E_ID
        }

    def made(self, bench: Bench, fields: Fields | None = None) -> CmmsRecord:
        """Make a record: by the adapter if it creates, else as a person."""
        fields = self.order() if fields is None else fields
        if self.capabilities.creates:
            return bench.adapter.create(self.new_id(), fields)
        return bench.adapter.get(bench.add(fields))

    @property
    def plain(self) -> Field:
        """The field that a plain write writes."""
        return next(name for name in _PLAIN if name in self.capabilities.writes)

    @property
    def other(self) -> Field:
        """Another field, which people edit in the meantime."""
        can = self.capabilities
        pick = [name for name in _PLAIN if name in can.writes and name is not self.plain]
        return (pick or [name for name in _PLAIN if name in can.reads and name is not self.plain])[
            0
        ]

    def change(self, bench: Bench, cmms_id: str) -> Callable[[], CmmsRecord]:
        """A write of one field, to be called; it changes the record."""
        wanted: Fields = {self.plain: self.sample(self.plain, 1)}
        return lambda: bench.adapter.update(cmms_id, wanted, {})


# ── which rules apply, and over what ──────────────────────────────────────────────────────


def when(applies: Callable[[type[Suite]], bool]) -> Callable[[R], R]:
    """Mark a rule that is collected only for the suites to which it applies."""

    def mark(rule: R) -> R:
        rule.__dict__["applies"] = applies
        return rule

    return mark


def shows(*faults: BenchFault) -> Callable[[type[Suite]], bool]:
    """Whether the bench of a suite can show these faults."""
    return lambda suite: not any(fault in suite.cannot for fault in faults)


def live(rule: R) -> R:
    """Mark a rule that needs only the adapter and touches only records that it has made. It may
    be tried on a live system."""
    rule.__dict__["live"] = True
    return rule


def axes(suite: type[Suite]) -> dict[str, list[str]]:
    """The values over which rules are repeated, by the name of a rule's argument."""
    can, cannot = suite.capabilities, suite.cannot

    def shown(faults: Sequence[BenchFault] | frozenset[BenchFault]) -> list[str]:
        return [fault for fault in BenchFault if fault in faults and fault not in cannot]

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
    """All rules of a class with their names, inherited ones and those left out included."""
    for name in dir(suite):
        if name.startswith("test_"):
            defined = (vars(base).get(name) for base in suite.__mro__)
            rule = next((it for it in defined if callable(it)), None)
            if rule is not None:
                yield name, rule


def repeated(rule: Callable[..., Any], over: Mapping[str, list[str]]) -> list[str]:
    """The arguments of a rule over whose values it is repeated."""
    return [name for name in inspect.signature(rule).parameters if name in over]


def stays(suite: type[Suite], rule: Callable[..., Any], *, live_only: bool = False) -> bool:
    """Whether a rule applies to this class."""
    over = axes(suite)
    applies = getattr(rule, "applies", None)
    if live_only and not getattr(rule, "live", False):
        return False
    return all(over[axis] for axis in repeated(rule, over)) and (applies is None or applies(suite))


def leave_out(suite: type[Suite], *, live_only: bool = False) -> None:
    """Remove the rules that do not apply to a class."""
    for name, rule in list(rules(suite)):
        setattr(suite, name, rule if stays(suite, rule, live_only=live_only) else None)


def number_of_tests(suite: type[Suite]) -> int:
    """How many tests the rules of this class come to."""
    over = axes(suite)
    return sum(
        math.prod(len(over[axis]) for axis in repeated(rule, over))
        for name, rule in rules(suite)
        if getattr(suite, name) is not None
    )


# ── comparing ─────────────────────────────────────────────────────────────────────────────


def keeps(name: Field, sent: Value, record: CmmsRecord) -> bool:
    """Whether the record holds what was sent: the same value; that value cut, trimmed or rounded
    as systems do; or one that `equivalents` declares to stand for it."""
    held = record.fields.get(name)
    if stands_for(sent, record.equivalents.get(name, frozenset())):
        return True
    return same(sent, held) or is_normalisation(sent, held)


def differing(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """The names whose values are not the same in both."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


class Requests:
    """Counts the requests of a bench while it is entered, and decides how each one fails.

    Args:
        fails: called with the request's number, from 1, and whether it may write; returns how the
            request fails, None: it does not.

    Attributes:
        all, writes: the number of requests so far, and of those that may write.
    """

    def __init__(
        self, bench: Bench, fails: Callable[[int, bool], BenchFault | None] = lambda _n, _w: None
    ) -> None:
        self.all = self.writes = 0
        self._bench, self._fails = bench, fails

    def __enter__(self) -> "Requests":
        self._bench.on_request = self._seen
        return self

    def __exit__(self, *_: object) -> None:
        self._bench.on_request = no_fault

    def _seen(self, writes: bool) -> BenchFault | None:
        self.all += 1
        self.writes += writes
        return self._fails(self.all, writes)


def reads_fail(bench: Bench, fault: BenchFault, after: int = 0) -> Requests:
    """Every request after the first `after` ones fails with this fault."""
    return Requests(bench, lambda number, _writes: fault if number > after else None)


def writes_fail(bench: Bench, fault: BenchFault) -> Requests:
    """Every request that may write fails with this fault."""
    return Requests(bench, lambda _number, writes: fault if writes else None)


def pytest_generate_tests_of(metafunc: pytest.Metafunc) -> None:
    """Repeat a rule over all values of its arguments."""
    suite = metafunc.cls
    if suite is None or not issubclass(suite, Suite):
        return
    for name, values in axes(suite).items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values, ids=[str(value) for value in values])
