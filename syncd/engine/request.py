"""What a cycle is asked for, and what it is asked to read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from syncd.core.planning.plan import Decider, decide


@dataclass(frozen=True, slots=True)
class CycleRequest:
    """What one cycle is asked to do.

    Attributes:
        full: read the whole list and the whole CMMS, due or not.
        only: these work orders alone: one, for a pilot, or those of a plan's file.
        dry: read and plan, write nothing to either side.
        decide: decides about one order: the planner, or a filter of what it plans.
    """

    full: bool = False
    only: tuple[str, ...] | None = None
    dry: bool = False
    decide: Decider = decide


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What one cycle is asked to read.

    Attributes:
        started: when the cycle began.
        full, only: as in the request of the cycle.
        stopping: whether the cycle's time is over, or somebody has asked us to stop.
        reads_over: whether the part of it that a long read may take is over.
    """

    cycle_id: str
    started: datetime
    full: bool
    only: tuple[str, ...] | None = None
    stopping: Callable[[], bool] = lambda: False
    reads_over: Callable[[], bool] = lambda: False
