"""What a cycle does before it reads.

what is there                                     what is done
───────────────────────────────────────────────   ──────────────────────────────────────────
times in the mirror that are in the future        brought back: this machine's clock was
                                                  wrong, and has been set back
the clock is ahead of the time that has passed    waits begin anew: it has been set ahead
it is ahead or behind, and orders wait            their ages stay as they were
a write that was started and not answered         in doubt: its process has died
a person's answers about links                    acted on
something that was read and never decided about   decided about, before it is read again
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from syncd.core.policy import Policy
from syncd.engine import facts
from syncd.engine.decide import decide_what_was_read
from syncd.engine.facts import Subject
from syncd.engine.keep import Keeper, keep_link_answers
from syncd.mirror import state
from syncd.mirror.clock_jumps import forget_the_future, keep_ages, wait_from_now
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.intents import mark_started_in_doubt

_SET = timedelta(seconds=5)  # a clock that is further ahead than this was set


@dataclass(slots=True)
class Opening:
    """Opens cycles of one connection.

    Attributes:
        clocks: what the wall clock and the monotonic clock showed when the last cycle was
            opened.
    """

    mirror: Mirror
    policy: Policy
    utcnow: Callable[[], datetime]
    monotonic: Callable[[], float]
    clocks: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        self.clocks = self.utcnow(), self.monotonic()

    def open(self, keeper: Keeper) -> None:
        """Do what the table says."""
        with self.mirror.transaction() as tx:
            self._keep_ages(tx)
            self._notice_set_back(tx)
            self._notice_set_ahead(tx)
            state.start_cycle(tx, keeper.cycle_id)
            undecided = bool(state.get_state(tx, state.UNDECIDED))
            state.set_state(tx, state.UNDECIDED, True)
            for intent in mark_started_in_doubt(tx):
                about = Subject(keeper.cycle_id, intent.s2e_id, intent.cmms_id)
                facts.write_in_doubt(tx, about, intent.side, "interrupted")
            keep_link_answers(tx, keeper.cycle_id)
        if undecided:
            for decisions in decide_what_was_read(self.mirror, self.policy, self.utcnow()):
                keeper.keep_what_passes(decisions)

    def _keep_ages(self, tx: Tx) -> None:
        last, then = self.clocks
        set_by = self.utcnow() - last - timedelta(seconds=self.monotonic() - then)
        if abs(set_by) > _SET:
            keep_ages(tx, set_by)

    def _notice_set_back(self, tx: Tx) -> None:
        ahead = forget_the_future(tx)
        if ahead is not None:
            by_s = round(ahead.total_seconds())
            structlog.get_logger().warning("clock.set_back", by_s=by_s)

    def _notice_set_ahead(self, tx: Tx) -> None:
        last, then = self.clocks
        self.clocks = now, passed = self.utcnow(), self.monotonic()
        ahead = now - last - timedelta(seconds=passed - then)
        if ahead > _SET:
            wait_from_now(tx, last)
            by_s = round(ahead.total_seconds())
            structlog.get_logger().warning("clock.set_ahead", by_s=by_s)
