"""What one cycle did, for `once --json`, the log and the mirror."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from syncd.core.planning.plan import Plan
from syncd.engine.request import Seen
from syncd.engine.send import SendResult
from syncd.errors import SyncdError


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did, and where it leaves the orders.

    Attributes:
        result: complete; partial (time ran out, or something is left to send); failed (a side
            could not be read).
        waiting: what is not settled, as `report.waiting_counts` counts it.
        out_of_scope: orders that are not synced.
        errors: what stopped part of the cycle, the gravest of which is the exit code.
    """

    cycle_id: str
    started: datetime
    result: str
    seconds: float
    s2e: Seen
    cmms: Seen
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
        told = {
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
            **{key: count for key, count in told.items() if count},
        )
