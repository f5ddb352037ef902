"""The record of one write, from before it is sent to how it was answered.

Each step is committed on its own, so that a process that dies between two of them leaves an
intent that says how far it came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.case import (
    NO_EFFECTS,
    Intent,
    IntentKind,
    IntentState,
    Write,
    WriteEffects,
)
from syncd.core.decision import Change, Decision
from syncd.core.planning.failure import state_after
from syncd.core.work_order import Field, Fields, Side
from syncd.engine import facts
from syncd.engine.facts import Subject
from syncd.errors import RemoteError
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.db.lease import Lease
from syncd.mirror.intents import finish_intent, start_intent


@dataclass(frozen=True, slots=True)
class IntentLog:
    """Keeps the intents of one cycle."""

    mirror: Mirror
    lease: Lease
    cycle_id: str

    def start_create(
        self, decision: Decision, fields: Fields, effects: WriteEffects = NO_EFFECTS
    ) -> Intent:
        """Journal that a record is about to be created with these fields."""
        writes = {name: Write(None, value, value) for name, value in fields.items()}
        with self.mirror.transaction() as tx:
            return self._start(tx, decision, Side.CMMS, IntentKind.CREATE, writes, None, effects)

    def start_update(
        self,
        decision: Decision,
        side: Side,
        changes: Sequence[Change],
        cmms_id: str,
        effects: WriteEffects = NO_EFFECTS,
    ) -> Intent:
        """Journal that these changes are about to be sent, each with the rule that decided."""
        writes = {c.field: Write(c.before, c.value, c.source) for c in changes}
        about = Subject(self.cycle_id, decision.s2e_id, cmms_id)
        with self.mirror.transaction() as tx:
            for change in changes:
                facts.write_decided(tx, about, change)
            return self._start(tx, decision, side, IntentKind.UPDATE, writes, cmms_id, effects)

    def _start(
        self,
        tx: Tx,
        decision: Decision,
        side: Side,
        kind: IntentKind,
        writes: dict[Field, Write],
        cmms_id: str | None,
        effects: WriteEffects,
    ) -> Intent:
        order = decision.case.s2e
        return start_intent(
            tx,
            s2e_id=decision.s2e_id,
            cmms_id=cmms_id,
            side=side,
            kind=kind,
            writes=writes,
            last_synced_before=order.last_synced_at if order is not None else None,
            cycle_id=self.cycle_id,
            token=self.lease.token,
            effects=effects,
        )

    def answered(self, intent: Intent, request_id: str | None) -> None:
        """Keep a clear success; the next read that shows the written values confirms them."""
        with self.mirror.transaction() as tx:
            finish_intent(tx, intent.id, IntentState.ANSWERED, request_id=request_id)
            facts.write_applied(tx, self._about(intent), intent, request_id)

    def failed(self, intent: Intent, error: RemoteError) -> IntentState:
        """Keep the outcome of a write that did not succeed; return it."""
        state = state_after(error)
        text = facts.error_text(error)
        with self.mirror.transaction() as tx:
            finish_intent(tx, intent.id, state, request_id=error.request_id, error=text)
            if state is IntentState.IN_DOUBT:
                facts.write_in_doubt(tx, self._about(intent), intent.side, text)
            else:
                facts.write_refused(tx, self._about(intent), intent, error)
        return state

    def _about(self, intent: Intent) -> Subject:
        return Subject(self.cycle_id, intent.s2e_id, intent.cmms_id)
