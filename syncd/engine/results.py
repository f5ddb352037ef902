"""What each stage of a cycle returns, and what the cycle did as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from syncd.core.planning.plan import Plan
from syncd.core.work_order import Side
from syncd.errors import RemoteError, SyncdError


@dataclass(frozen=True, slots=True)
class S2eRead:
    """What one cycle has read of Scan2Evolve.

    Attributes:
        observed, changed: orders that were read, and those of them whose content is new.
        error: why reading ended early; None if everything that was due has been read.
        sweep: complete, partial or none; `sweep_reason` says why it is partial.
        unread: a whole read is not finished that was asked for, or that is the first.
        not_found, failed: ids that answered 404, or could not be read, in this cycle.
    """

    observed: int = 0
    changed: int = 0
    error: RemoteError | None = None
    sweep: str = "none"
    sweep_reason: str | None = None
    unread: bool = False
    not_found: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether the side answered what was due; a first read may have shown a part of it, but
        not nothing: a server that answers 429 to everything is none that was read."""
        return self.error is None and bool(self.observed or not self.unread)


@dataclass(frozen=True, slots=True)
class CmmsRead:
    """What one cycle has read of the CMMS.

    Attributes:
        observed, changed: records that were read, and those of them whose content is new.
        error: why reading ended early; None if everything that was due has been read.
        failed: records that could not be read, and orders whose records could not be searched.
        owed: records whose present state is not known, since they could not be read.
        searched: orders whose records were searched, each with the time at which this was asked.
        requests: calls of the adapter.
    """

    observed: int = 0
    changed: int = 0
    error: RemoteError | None = None
    failed: tuple[str, ...] = ()
    owed: frozenset[str] = frozenset()
    searched: Mapping[str, datetime] = field(default_factory=dict)
    requests: int = 0

    @property
    def is_good(self) -> bool:
        """Whether the side answered what was due."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class SendResult:
    """What one cycle has written.

    Attributes:
        created, pushed_s2e, pushed_cmms: work orders written, by kind.
        unsent: work orders whose changes are left for the next cycle.
        in_doubt: writes whose outcome is not known yet.
        stopped: per side, why writing to it ended early.
        not_found: ids whose sync answered 404.
        touched: orders that need attention in the next cycle.
        cmms_requests: calls of the adapter.
    """

    created: int = 0
    pushed_s2e: int = 0
    pushed_cmms: int = 0
    unsent: int = 0
    in_doubt: int = 0
    stopped: Mapping[Side, RemoteError] = field(default_factory=dict)
    not_found: tuple[str, ...] = ()
    touched: frozenset[str] = frozenset()
    cmms_requests: int = 0


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did, and where it leaves the orders.

    Attributes:
        result: complete; partial (time ran out, or something is left to send); failed (a side
            could not be read).
        waiting: conflicts, parked writes and so on, by `waiting_counts` of the mirror's queries.
        out_of_scope: orders that are not synced.
        errors: what stopped part of the cycle, the gravest of which is the exit code.
    """

    cycle_id: str
    started: datetime
    result: str
    seconds: float
    s2e: S2eRead
    cmms: CmmsRead
    sent: SendResult
    plan: Plan
    waiting: dict[str, int]
    out_of_scope: int
    s2e_requests: int = 0
    cmms_requests: int = 0
    errors: tuple[SyncdError, ...] = ()

    def document(self, connection: str) -> dict[str, object]:
        """The document of `once --json`."""
        return {
            "connection": connection,
            "cycle_id": self.cycle_id,
            "result": self.result,
            "seconds": round(self.seconds, 3),
            "s2e": {
                "requests": self.s2e_requests,
                "observed": self.s2e.observed,
                "changed": self.s2e.changed,
                "sweep": self.s2e.sweep,
                "sweep_reason": self.s2e.sweep_reason,
            },
            "cmms": {
                "requests": self.cmms_requests,
                "observed": self.cmms.observed,
                "changed": self.cmms.changed,
            },
            "created": self.sent.created,
            "pushed_s2e": self.sent.pushed_s2e,
            "pushed_cmms": self.sent.pushed_cmms,
            "conflicts": self.waiting["conflicts"],
            "parked": self.waiting["parked"],
            "in_doubt": self.waiting["in_doubt"],
            "out_of_scope": self.out_of_scope,
        }

    def log(self) -> None:
        """One line a cycle, whatever happened in it."""
        counts = {
            "created": self.sent.created,
            "pushed_s2e": self.sent.pushed_s2e,
            "pushed_cmms": self.sent.pushed_cmms,
            "left": self.sent.unsent,
            **{key: self.waiting[key] for key in ("conflicts", "parked", "in_doubt")},
        }
        structlog.get_logger().info(
            "cycle.finished",
            result=self.result,
            duration_ms=round(self.seconds * 1000),
            requests=self.s2e_requests,
            observed=self.s2e.observed,
            changed=self.s2e.changed + self.cmms.changed,
            **{key: count for key, count in counts.items() if count},
        )
