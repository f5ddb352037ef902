"""What one cycle is asked to read, and what it has read."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.paging.pages import SeenPage
from syncd.core.work_order import Field, Status
from syncd.errors import RemoteError
from syncd.scan2evolve.wire import Page


@dataclass(slots=True)
class Seen:
    """What one cycle has read of one side.

    Attributes:
        error: why reading ended early; None if everything that was due has been read.
        sweep: complete, partial or none; `sweep_reason` says why it is partial.
        unread: a whole read was asked for, or is the first, and has not come to its end.
        not_found, failed: ids that answered 404, or could not be read, in this cycle.
        owed: records whose present state is not known, since they could not be read.
        unsought: orders whose records could not be looked for: nothing is known of them.
        requests: calls of the CMMS adapter (Scan2Evolve's are counted by its client).
    """

    observed: int = 0
    changed: int = 0
    error: RemoteError | None = None
    sweep: str = "none"
    sweep_reason: str | None = None
    unread: bool = False
    not_found: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    owed: frozenset[str] = frozenset()
    unsought: set[str] = field(default_factory=set)
    requests: int = 0


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What one cycle is asked to read.

    Attributes:
        only: these orders alone, and their records; None: whatever is due.
        stopping: whether the cycle's time is over, or somebody has asked us to stop.
        reads_over: whether the part of it that a long read may take is over.
    """

    cycle_id: str
    started: datetime
    full: bool
    only: tuple[str, ...] | None = None
    stopping: Callable[[], bool] = lambda: False
    reads_over: Callable[[], bool] = lambda: False


def keep(seen: Seen, observed: int, changed: Collection[str]) -> None:
    """Count what was saved."""
    seen.observed += observed
    seen.changed += len(changed)


def seen_page(page: Page, *, first: int | None = None, status: Status | None = None) -> SeenPage:
    """A page as paging decisions need it.

    Args:
        first: how many of its orders the sweep had not met before.
        status: the filter that was asked for.
    """
    foreign = 0
    if status is not None:
        foreign = sum(order.field(Field.STATUS) != status for order in page.orders)
    return SeenPage(
        rows=[order.row for order in page.orders],
        total=page.total,
        offset=page.offset,
        has_more=page.has_more,
        first=first,
        unreadable=page.unreadable,
        foreign=foreign,
    )
