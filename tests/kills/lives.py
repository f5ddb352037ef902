"""What a process goes through until it dies: drawn from a seed, kept as data."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from syncd.core.policy import Scope
from syncd.twin.checks import STATUSES
from tests.simulation.cmms import Traits
from tests.simulation.ledger import SHARED, THEIRS
from tests.simulation.world import Setup

_LIST_ORDERS = ("hidden", "createdAt", "-createdAt", "updatedAt", "-updatedAt", "id")
_MOMENTS = 36  # of a cycle or two, at any of which something may happen
_MOST_ORDERS = 18  # from 20 on, a guard finds it odd that the same is done to all of them
_LOST = (("POST", "drop_after"), ("POST", "drop_after_fin"), ("POST", "applied_status:502"))
_FAULTS = (
    *_LOST,
    *_LOST,
    ("POST", "drop_before"),
    ("POST", "status:503"),
    ("GET", "drop_after"),
    ("GET", "status:500"),
    ("GET", "truncate"),
)
_DISK = {"pwrite64": 40, "fdatasync": 16, "write": 8}  # calls of one thread in a cycle or two


@dataclass(frozen=True, slots=True)
class Edit:
    """A person's edit at the n-th moment of the process, 0: before it starts.

    Attributes:
        side: s2e, cmms; add: a new order upstream.
        who: the place of the order among all there are then.
    """

    at: int
    side: Literal["s2e", "cmms", "add"]
    who: int = 0
    name: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of one side's network: the next such request, after so many."""

    side: Literal["s2e", "cmms"]
    method: str
    kind: str
    after: int


@dataclass(frozen=True, slots=True)
class Life:
    """From the start of a process to its end.

    Attributes:
        dies_at, dies_at_write: the moment, or the moment of a write, at which it is killed.
        later_s: so long after that moment; without one, after the first. Below zero: so long
            after its start, whatever it is doing. It dies in any case after some cycles.
        inject: a fault in its system calls, as strace has it.
        terminate: (moment, which): the server ends these connections of its mirror.
    """

    edits: tuple[Edit, ...]
    troubles: tuple[Trouble, ...] = ()
    dies_at: int | None = None
    dies_at_write: int | None = None
    later_s: float = 0.0
    inject: str | None = None
    terminate: tuple[int, str] | None = None


class Drawing:
    """All that is drawn for one world. The same seed draws the same, whatever comes of it."""

    def __init__(self, seed: int, *, postgres: bool, faults: float, disk: float) -> None:
        """
        Args:
            faults: how many faults of the network a life has on average, on each side.
            disk: how often a life on SQLite has a disk that fails.
        """
        self._rng = random.Random(f"kills {seed}")
        self._seed, self._postgres, self._faults, self._disk = seed, postgres, faults, disk
        self._told = 0
        self._focus = (0, "root_cause")
        self._orders = self._rng.choice((4, 6, 9))
        self.setup = self._setup()

    def _setup(self) -> Setup:
        rng = self._rng
        return Setup(
            seed=self._seed,
            orders=self._orders,
            scope=Scope.ALL,
            owners=tuple((name, rng.choice(("cmms", "s2e"))) for name in SHARED),
            list_order=rng.choice(_LIST_ORDERS),
            page=rng.choice((3, 5)),
            traits=Traits(locks=rng.random() < 0.5),
        )

    def lives(self) -> Iterator[Life]:
        """One after the other, without end."""
        while True:
            yield self._life()

    def _life(self) -> Life:
        rng = self._rng
        edits = [self._edit(0) for _ in range(rng.choice((1, 2, 3)))]
        edits += [self._edit(rng.randrange(1, _MOMENTS)) for _ in range(rng.choice((1, 3, 5)))]
        troubles = [each for side in ("s2e", "cmms") for each in self._troubles(side)]
        dies_at: int | None = None
        dies_at_write: int | None = None
        later_s = rng.choice((0.0, rng.uniform(0.0, 0.03)))
        kind = rng.choices(("write", "moment", "time", "start"), (38, 34, 20, 8))[0]
        if kind == "write":
            dies_at_write = rng.choice((1, 1, 2, 2, 3, 4, 5, 6))
        elif kind == "moment":
            dies_at = rng.randrange(1, rng.choice((20, _MOMENTS)))
        elif kind == "time":
            later_s = rng.uniform(0.0, 1.5)
        else:
            later_s = -rng.uniform(0.2, 1.0)
        inject, terminate = None, None
        if self._postgres and rng.random() < 0.35:
            which = rng.choice(("all", "lease", "one"))
            terminate = (rng.randrange(1, _MOMENTS // 2), which)
        elif not self._postgres and rng.random() < self._disk:
            inject = self._inject()
        if inject is not None or terminate is not None:
            dies_at = dies_at_write = None
            later_s = 0.0  # how it goes on is what is asked: it dies after some cycles
        return Life(
            tuple(edits), tuple(troubles), dies_at, dies_at_write, later_s, inject, terminate
        )

    def last_troubles(self) -> tuple[Trouble, ...]:
        """What still happens on the way to rest, where troubles are many: the first answers to
        a write are lost, once more."""
        if self._faults < 1:
            return ()
        return Trouble("s2e", "POST", "drop_after", 0), Trouble("cmms", "PATCH", "drop_after", 0)

    def _troubles(self, side: Any) -> list[Trouble]:
        """So many as there are on average. Of several the first is the next write's lost answer."""
        whole = int(self._faults)
        count = whole + (self._rng.random() < self._faults - whole)
        return [self._trouble(side, lost=whole > 0 and n == 0) for n in range(count)]

    def _inject(self) -> str:
        rng = self._rng
        call = rng.choice(tuple(_DISK))
        when = rng.randrange(1, rng.choice((6, _DISK[call])))
        lasting = rng.choice(("", "+", f"..{when + 4}"))
        return f"{call}:error={rng.choice(('ENOSPC', 'EIO'))}:when={when}{lasting}"

    def _trouble(self, side: Any, *, lost: bool) -> Trouble:
        method, kind = self._rng.choice(_LOST if lost else _FAULTS)
        if side == "cmms" and method == "POST":
            method = self._rng.choice(("POST", "PATCH"))
        after = self._rng.randrange(8) if method == "GET" else self._rng.choice((0, 0, 0, 1, 2))
        return Trouble(side, method, kind, 0 if lost else after)

    # ── edits ─────────────────────────────────────────────────────────────────────────────

    def _edit(self, at: int) -> Edit:
        """Of the same order and field as those before it, as a rule."""
        rng = self._rng
        if rng.random() < 0.08 and self._orders < _MOST_ORDERS:
            self._orders += 1
            return Edit(at, "add", value=rng.choice(STATUSES))
        if rng.random() < 0.4:
            self._focus = (rng.randrange(_MOST_ORDERS), rng.choice((*SHARED, *SHARED, *THEIRS)))
        who, name = self._focus
        side: Any = "s2e" if name in THEIRS else rng.choice(("s2e", "cmms"))
        return Edit(at, side, who, name, self._value(name))

    def _value(self, name: str) -> Any:
        """A value that is told once only, but for statuses, of which there are few."""
        self._told += 1
        number = self._told
        if name == "status":
            return self._rng.choice(STATUSES)
        if name == "actual_hours":
            return number + 0.25
        if name in {"completed_at", "due_date"}:
            return f"2026-04-{1 + number % 28:02}T{number // 28 % 24:02}:{number // 672:02}:11.500Z"
        return f"{name} {number}"
