"""How a cycle ends for each order that it has decided about.

    end         when                                                    what follows
    ─────────   ─────────────────────────────────────────────────────   ──────────────────────────
    AGAIN       something was sent, or tried, or overtaken              the next cycle decides
    HELD_BACK   its last read is too old to write on, or its record     it keeps its mark, and
                could not be read                                       counts as left to send
    GUARDED     a guard refuses part of it                              it keeps its mark
    READ_AGAIN  what was read may be out of date                        it keeps its mark
    DONE        anything else                                           no mark until it changes

Where several hold, the first counts; an order that is guarded and held back counts as guarded.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.planning.plan import Plan
from syncd.engine.results import SendResult


class End(StrEnum):
    AGAIN = "again"
    HELD_BACK = "held_back"
    GUARDED = "guarded"
    READ_AGAIN = "read_again"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Ends:
    """The end of each order."""

    by_order: dict[str, End]

    def of(self, end: End) -> list[str]:
        """The orders with this end."""
        return [s2e_id for s2e_id, one in self.by_order.items() if one is end]


def ends_of(plan: Plan, ready: Collection[str], sent: SendResult) -> Ends:
    """The end of each order of the plan.

    Args:
        ready: the orders of which something could be sent.
    """
    guarded = plan.guarded()
    ends = {}
    for decision in plan.decisions:
        s2e_id = decision.s2e_id
        if s2e_id in sent.touched:
            ends[s2e_id] = End.AGAIN
        elif s2e_id in guarded:
            ends[s2e_id] = End.GUARDED
        elif decision.writes and s2e_id not in ready:
            ends[s2e_id] = End.HELD_BACK
        elif decision.read_again:
            ends[s2e_id] = End.READ_AGAIN
        else:
            ends[s2e_id] = End.DONE
    return Ends(ends)
