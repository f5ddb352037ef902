"""The record of one write, from before it is sent to what became of it.

Each step is committed on its own, so that a process that dies between two of them leaves an
intent that says how far it came.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from syncd.core.backoff import back_off
from syncd.core.case import Case, Conflict, Hold, Intent, IntentKind, IntentState, Write
from syncd.core.decision import Change, Decision
from syncd.core.equality import same
from syncd.core.planning.created import UNFINISHED, created_bases
from syncd.core.planning.readback import Evidence, read_answer
from syncd.core.policy import Policy
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    Side,
    Value,
    encode_value,
    show_value,
)
from syncd.errors import ClearRefusal, RemoteError
from syncd.mirror import journal, links, observations
from syncd.mirror.conflicts import put_conflict
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.db.lease import Lease
from syncd.mirror.holds import put_hold
from syncd.mirror.intents import finish_intent, record_verdict, start_intent


class Intents:
    """Keeps the intents of one cycle, with a line in the journal for each step."""

    def __init__(
        self,
        mirror: Mirror,
        lease: Lease,
        cycle_id: str,
        utcnow: Callable[[], datetime],
        policy: Policy,
    ) -> None:
        self._policy = policy
        self._mirror = mirror
        self._lease = lease
        self._cycle_id = cycle_id
        self._utcnow = utcnow
        self._log = structlog.get_logger()

    def start_create(self, decision: Decision, fields: Fields) -> Intent:
        """Journal that a record is about to be created with these fields."""
        writes = {name: Write(None, value, value) for name, value in fields.items()}
        with self._mirror.transaction() as tx:
            return self._start(tx, decision, Side.CMMS, IntentKind.CREATE, writes, None)

    def start_update(
        self, decision: Decision, side: Side, changes: Sequence[Change], cmms_id: str
    ) -> Intent:
        """Journal that these changes are about to be sent, each with the rule that decided."""
        writes = {c.field: Write(c.before, c.value, c.source) for c in changes}
        with self._mirror.transaction() as tx:
            for change in changes:
                whole = None if same(change.value, change.source) else encode_value(change.source)
                detail = {
                    "side": side.value,
                    "from": encode_value(change.before),
                    "to": encode_value(change.value),
                    "source": whole,
                }
                self._note(
                    tx,
                    "decided",
                    decision.s2e_id,
                    cmms_id=cmms_id,
                    field=change.field,
                    rule=change.rule,
                    detail=detail,
                )
            return self._start(tx, decision, side, IntentKind.UPDATE, writes, cmms_id)

    def _start(
        self,
        tx: Tx,
        decision: Decision,
        side: Side,
        kind: IntentKind,
        writes: dict[Field, Write],
        cmms_id: str | None,
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
            cycle_id=self._cycle_id,
            token=self._lease.token,
        )

    def created(self, intent: Intent, fields: Fields, record: CmmsRecord) -> None:
        """The record was created: link it, with what was sent as its bases on both sides."""
        with self._mirror.transaction() as tx:
            observations.save_cmms(tx, [record], seen_at=self._utcnow())
            links.make_link(tx, intent.s2e_id, record.cmms_id, "created")
            moves = created_bases(fields, record, self._policy)
            links.save_bases(
                tx,
                intent.s2e_id,
                {move.field: move.s2e for move in moves},
                {move.field: move.cmms for move in moves},
                native=record.native,
                mapping_hash=self._policy.cmms_mapping,
            )
            finish_intent(tx, intent.id, IntentState.CONFIRMED, cmms_id=record.cmms_id)
            for move in moves:
                if move.rule == UNFINISHED and move.cmms is not None:
                    left = Conflict(move.field, fields[move.field], move.cmms, Side.S2E)
                    put_conflict(tx, intent.s2e_id, left, cycle_id=self._cycle_id)
                    self._note(tx, "conflict.found", intent.s2e_id, field=move.field)
            self._note(tx, "link.created", intent.s2e_id, cmms_id=record.cmms_id)
        self._log.info("link.created", s2e_id=intent.s2e_id, cmms_id=record.cmms_id)

    def answered(self, intent: Intent, request_id: str | None) -> None:
        """A clear success; what was written is confirmed by the next read that shows it."""
        with self._mirror.transaction() as tx:
            finish_intent(tx, intent.id, IntentState.ANSWERED, request_id=request_id)
            self._note(tx, "push.applied", intent.s2e_id, detail={"request_id": request_id})

    def read_back(self, case: Case, intent: Intent, record: CmmsRecord) -> None:
        """A CMMS answers with the record as it is afterwards: that is the read-back.

        Fields of which it says nothing yet, or that it did not keep, are left to the next cycle.
        """
        now = self._utcnow()
        with self._mirror.transaction() as tx:
            observations.save_cmms(tx, [record], seen_at=now)
            finish_intent(tx, intent.id, IntentState.ANSWERED)
            back = read_answer(intent, Evidence(record, now, is_answer=True), case, self._policy)
            for verdict in back.verdicts:
                record_verdict(tx, intent.id, verdict.field, verdict.state)
                if verdict.state is IntentState.ALTERED:
                    sent = intent.writes[verdict.field].sent
                    self._altered(tx, intent, verdict.field, sent, verdict.seen)
            if back.moves:
                links.save_bases(
                    tx,
                    intent.s2e_id,
                    {move.field: move.s2e for move in back.moves},
                    {move.field: move.cmms for move in back.moves},
                    native=record.native,
                    mapping_hash=self._policy.cmms_mapping,
                )
            self._note(tx, "push.confirmed", intent.s2e_id, cmms_id=record.cmms_id)

    def _altered(self, tx: Tx, intent: Intent, name: Field, sent: Value, seen: Value) -> None:
        detail = {"sent": encode_value(sent), "seen": encode_value(seen)}
        self._note(tx, "push.altered", intent.s2e_id, field=name, detail=detail)
        self._log.info(
            "push.altered",
            s2e_id=intent.s2e_id,
            side=intent.side,
            field=name,
            sent=show_value(sent),
            seen=show_value(seen),
        )

    def failed(self, intent: Intent, error: RemoteError) -> IntentState:
        """Keep the outcome of a write that did not succeed; return it."""
        if isinstance(error, ClearRefusal):
            state = IntentState.REFUSED
        elif error.may_have_applied:
            state = IntentState.IN_DOUBT
        else:
            state = IntentState.NOT_APPLIED
        event = "push.in_doubt" if state is IntentState.IN_DOUBT else "push.refused"
        said = f"{type(error).__name__}: {error}"
        with self._mirror.transaction() as tx:
            finish_intent(tx, intent.id, state, request_id=error.request_id, error=said)
            self._note(tx, event, intent.s2e_id, detail={"error": said})
        if state is IntentState.IN_DOUBT:
            self._log.warning(event, s2e_id=intent.s2e_id, side=intent.side, error=said)
        return state

    def park(self, s2e_id: str, hold: Hold) -> None:
        """A write that was refused is not tried again with this value."""
        with self._mirror.transaction() as tx:
            put_hold(tx, s2e_id, hold)
            detail: dict[str, object] = {"reason": hold.reason, "error": hold.detail}
            self._note(tx, "order.parked", s2e_id, field=hold.field, detail=detail)
        self._log.warning(
            "order.parked",
            s2e_id=s2e_id,
            side=hold.side,
            field=hold.field,
            reason=hold.reason,
            error=hold.detail,
        )

    def hold_back(self, s2e_id: str, hold: Hold) -> None:
        """A write that came to nothing is tried again by itself, later each time, so that it
        does not stand before the others' in every cycle."""
        later = back_off(hold.tries)
        if hold.reason == IntentState.NOT_APPLIED and hold.tries == 1:
            later = timedelta(0)
        until = self._utcnow() + later
        with self._mirror.transaction() as tx:
            put_hold(tx, s2e_id, replace(hold, until=until))
        self._log.warning(
            "push.refused",
            s2e_id=s2e_id,
            side=hold.side,
            field=hold.field,
            reason=hold.reason,
            again_in_s=later.total_seconds(),
            error=hold.detail,
        )

    def seen(self, records: Sequence[CmmsRecord]) -> None:
        """Keep records that were met while looking for something else."""
        with self._mirror.transaction() as tx:
            observations.save_cmms(tx, records, seen_at=self._utcnow())

    def _note(
        self,
        tx: Tx,
        event: str,
        s2e_id: str,
        *,
        cmms_id: str | None = None,
        field: Field | None = None,
        rule: str | None = None,
        detail: dict[str, object] | None = None,
    ) -> None:
        journal.write(
            tx,
            event,
            cycle_id=self._cycle_id,
            s2e_id=s2e_id,
            cmms_id=cmms_id,
            field=field,
            rule=rule,
            detail=detail,
        )
