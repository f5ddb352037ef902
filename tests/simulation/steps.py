"""What a history is: a world, and the events in it, as data."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from syncd.twin.checks import STATUSES
from tests.simulation.world import Setup

CYCLES = frozenset({"tick", "tick_soon", "full"})  # kinds of steps that are no events
NEWEST = -1  # in the place of an order's number: the one that was raised last


@dataclass(frozen=True, slots=True)
class Step:
    """One event. `play.py` says what each kind does with its arguments."""

    kind: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}{self.args!r}"

    def kinds(self) -> list[str]:
        """Its kind, and that of a step within it."""
        within = [kind for one in self.args if isinstance(one, Step) for kind in one.kinds()]
        return [self.kind, *within]


@dataclass(frozen=True, slots=True)
class History:
    setup: Setup
    steps: tuple[Step, ...]


def put(rng: random.Random, steps: list[Step], added: Sequence[Step]) -> None:
    """Put these steps, in a row, somewhere among the others."""
    place = rng.randrange(len(steps))
    steps[place:place] = added


def sides(rng: random.Random) -> tuple[str, str]:
    """The side that is edited, and the one that is written therefore."""
    return rng.choice((("s2e", "cmms"), ("cmms", "s2e")))


def agreed_value(rng: random.Random, name: str) -> Any:
    """A value of this field that both sides may come to hold."""
    number = rng.randrange(1000)
    if name == "status":
        return rng.choice(STATUSES)
    if name == "actual_hours":
        return number + 0.5
    if name in {"completed_at", "due_date"}:
        return f"2026-05-{1 + number % 28:02}T{number % 24:02}:00:00Z"
    return f"{name} agreed {number}"
