"""Send what the plan holds: an intent before every write, its outcome after.

What an answer leaves behind, and what becomes of the intent:

    answer                                        intent         what follows
    ───────────────────────────────────────────   ────────────   ──────────────────────────────
    clear success (Scan2Evolve)                   answered       the next read confirms it
    clear success (CMMS: the record as it is)     confirmed, altered, ignored or superseded now
    clear refusal of several fields               refused        each field once, on its own
    clear refusal of one field, or of a create    refused        parked, never again unchanged
    no longer as expected (CMMS)                  refused        read again, decided again
    certainly not sent                            not_applied    planned again
    anything else                                 in_doubt       read back before anything else

Every write checks first that the lease is still ours, the cycle has time left, and nobody has
asked to stop.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from syncd.cmms.port import CmmsAdapter
from syncd.core.case import Hold, Intent, IntentState, Kind, Write
from syncd.core.compare import same
from syncd.core.decision import Change, Decision, as_fields
from syncd.core.plan import Plan
from syncd.core.policy import Policy
from syncd.core.readback import judge
from syncd.core.reconcile import created_bases
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    Side,
    Value,
    encode_fields,
    encode_value,
    show_value,
)
from syncd.errors import (
    Changed,
    ClearRefusal,
    CredentialsRefused,
    IntegrationInactive,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
)
from syncd.mirror import journal, links, observations, waiting
from syncd.mirror.database import Mirror, Tx
from syncd.mirror.lease import Lease
from syncd.scan2evolve.client import Scan2EvolveClient

_FAILURES_IN_A_ROW = 3  # after which a side is taken for down until the next cycle


@dataclass(slots=True)
class Sent:
    """What one cycle has written.

    Attributes:
        created, pushed_s2e, pushed_cmms: work orders written, by kind.
        unsent: work orders whose changes are left for the next cycle.
        in_doubt: writes whose outcome is not known yet.
        stopped: per side, why writing to it ended early.
        not_found: ids whose sync answered 404.
        touched: orders to look at again in the next cycle.
    """

    created: int = 0
    pushed_s2e: int = 0
    pushed_cmms: int = 0
    unsent: int = 0
    stopped: dict[Side, RemoteError] = field(default_factory=dict)
    in_doubt: int = 0
    not_found: list[str] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    cmms_requests: int = 0


class Apply:
    """Sends one plan. Made anew for each cycle."""

    def __init__(
        self,
        *,
        client: Scan2EvolveClient,
        adapter: CmmsAdapter,
        mirror: Mirror,
        lease: Lease,
        policy: Policy,
        cycle_id: str,
        utcnow: Callable[[], datetime],
        stopping: Callable[[], bool],
        closed: frozenset[Side],
    ) -> None:
        self._client = client
        self._adapter = adapter
        self._mirror = mirror
        self._lease = lease
        self._policy = policy
        self._cycle_id = cycle_id
        self._utcnow = utcnow
        self._stopping = stopping
        self._closed = set(closed)
        self._failures = dict.fromkeys(Side, 0)
        self._log = structlog.get_logger()
        self.sent = Sent()

    def run(self, plan: Plan) -> Sent:
        """Send the plan: records to create, then changes to the CMMS, then to Scan2Evolve."""
        for decision in plan.creates():
            if self._may_send(Side.CMMS, decision):
                self._create(decision)
        for decision in plan.updates(Side.CMMS):
            if self._may_send(Side.CMMS, decision):
                self._update(decision, Side.CMMS, decision.changes_on(Side.CMMS))
        for decision in plan.updates(Side.S2E):
            if self._may_send(Side.S2E, decision):
                self._update(decision, Side.S2E, decision.changes_on(Side.S2E))
        return self.sent

    def _may_send(self, side: Side, decision: Decision) -> bool:
        if side in self._closed or self._stopping():
            self.sent.unsent += 1
            self.sent.touched.add(decision.s2e_id)
            return False
        self._lease.check()
        return True

    # ── creating ──────────────────────────────────────────────────────────────────────────

    def _create(self, decision: Decision) -> None:
        """Find by the id first, always; then create, and link what was made."""
        s2e_id, fields = decision.s2e_id, decision.create or {}
        self.sent.cmms_requests += 1
        try:
            found = self._adapter.find(s2e_id) if self._adapter.capabilities.finds else []
        except RemoteError as error:
            self._failed(Side.CMMS, error)
            self._leave(s2e_id)
            return
        if found:
            self._adopt_later(s2e_id, found)
            return
        writes = {name: Write(None, value, value) for name, value in fields.items()}
        intent = self._start(decision, Side.CMMS, Kind.CREATE, writes, None)
        self.sent.cmms_requests += 1
        try:
            record = self._adapter.create(s2e_id, fields)
        except RemoteError as error:
            self._create_failed(intent, fields, error)
            return
        self._failures[Side.CMMS] = 0
        with self._mirror.transaction() as tx:
            now = self._utcnow()
            observations.save_cmms(tx, [record], seen_at=now)
            links.make_link(tx, s2e_id, record.cmms_id, "created")
            moves = created_bases(fields, record)
            links.save_bases(
                tx,
                s2e_id,
                {move.field: move.s2e for move in moves},
                {move.field: move.cmms for move in moves},
                native=record.native,
            )
            journal.finish_intent(tx, intent.id, IntentState.CONFIRMED, cmms_id=record.cmms_id)
            self._note(tx, "link.created", s2e_id, cmms_id=record.cmms_id)
        self._log.info("link.created", s2e_id=s2e_id, cmms_id=record.cmms_id)
        self.sent.created += 1
        self.sent.touched.add(s2e_id)

    def _adopt_later(self, s2e_id: str, found: list[CmmsRecord]) -> None:
        """Somebody else has made the record since it was looked for: the next cycle adopts it."""
        with self._mirror.transaction() as tx:
            observations.save_cmms(tx, found, seen_at=self._utcnow())
        self.sent.touched.add(s2e_id)

    def _create_failed(self, intent: Intent, fields: Fields, error: RemoteError) -> None:
        state = self._close(intent, error)
        if isinstance(error, Refused):
            hold = Hold(Side.CMMS, None, "refused", encode_fields(fields), 1, detail=str(error))
            self._park(intent.s2e_id, hold)
            return
        self._failed(Side.CMMS, error)
        if state is not IntentState.IN_DOUBT:
            self._leave(intent.s2e_id)

    # ── updating ──────────────────────────────────────────────────────────────────────────

    def _update(self, decision: Decision, side: Side, changes: tuple[Change, ...]) -> None:
        writes = {c.field: Write(c.before, c.value, c.source) for c in changes}
        intent = self._start(decision, side, Kind.UPDATE, writes, changes)
        try:
            if side is Side.S2E:
                ack = self._client.sync_work_order(decision.s2e_id, as_fields(changes))
                self._answered(intent, ack.request_id)
            else:
                record = self._write_cmms(decision, changes)
                self._read_back(intent, record)
        except ClearRefusal as error:
            self._refused(decision, side, changes, intent, error)
            return
        except RemoteError as error:
            if self._close(intent, error) is not IntentState.IN_DOUBT:
                self._leave(decision.s2e_id)
            self._failed(side, error)
            return
        self._failures[side] = 0
        if side is Side.S2E:
            self.sent.pushed_s2e += 1
        else:
            self.sent.pushed_cmms += 1
            self.sent.touched.add(decision.s2e_id)
        self._log.info(
            "push.applied",
            s2e_id=decision.s2e_id,
            side=side,
            fields=[change.field.value for change in changes],
        )

    def _write_cmms(self, decision: Decision, changes: tuple[Change, ...]) -> CmmsRecord:
        cmms_id = _cmms_id(decision)
        expected = {change.field: change.before for change in changes}
        self.sent.cmms_requests += 1
        return self._adapter.update(cmms_id, as_fields(changes), expected)

    def _answered(self, intent: Intent, request_id: str | None) -> None:
        with self._mirror.transaction() as tx:
            journal.finish_intent(
                tx,
                intent.id,
                IntentState.ANSWERED,
                request_id=request_id,
            )
            self._note(tx, "push.applied", intent.s2e_id, detail={"request_id": request_id})

    def _read_back(self, intent: Intent, record: CmmsRecord) -> None:
        """A CMMS answers with the record as it is afterwards: that is the read-back."""
        now = self._utcnow()
        with self._mirror.transaction() as tx:
            observations.save_cmms(tx, [record], seen_at=now)
            journal.finish_intent(tx, intent.id, IntentState.ANSWERED)
            for name, write in intent.writes.items():
                seen = record.fields.get(name)
                verdict = judge(
                    write,
                    seen,
                    answered=True,
                    since=now,
                    seen_at=now,
                    lag=self._policy.cmms_read_lag,
                    equivalents=record.equivalents.get(name, frozenset()),
                )
                if verdict not in {IntentState.CONFIRMED, IntentState.ALTERED}:
                    continue  # settled by the next cycle, from what it observes
                journal.settle_write(tx, intent.id, name, verdict)
                links.save_bases(
                    tx, intent.s2e_id, {name: write.source}, {name: seen}, native=record.native
                )
                if verdict is IntentState.ALTERED:
                    self._altered(tx, intent, name, write.sent, seen)
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

    # ── what can go wrong ─────────────────────────────────────────────────────────────────

    def _refused(
        self,
        decision: Decision,
        side: Side,
        changes: tuple[Change, ...],
        intent: Intent,
        error: ClearRefusal,
    ) -> None:
        self._close(intent, error)
        s2e_id = decision.s2e_id
        if isinstance(error, CredentialsRefused | IntegrationInactive):
            self._failed(side, error)
            self._leave(s2e_id)
        elif isinstance(error, Changed):
            self.sent.touched.add(s2e_id)
        elif isinstance(error, NotFound):
            if side is Side.S2E:
                self.sent.not_found.append(s2e_id)
            self.sent.touched.add(s2e_id)
        elif len(changes) > 1:
            # Which of them was it? Each once on its own: what is good still arrives.
            for change in changes:
                if self._may_send(side, decision):
                    self._update(decision, side, (change,))
        else:
            change = changes[0]
            hold = Hold(
                side,
                change.field,
                "refused",
                encode_value(change.value),
                change.tries + 1,
                detail=str(error),
            )
            self._park(s2e_id, hold)
            self._log.warning(
                "push.refused", s2e_id=s2e_id, side=side, field=change.field, error=str(error)
            )

    def _park(self, s2e_id: str, hold: Hold) -> None:
        with self._mirror.transaction() as tx:
            waiting.put_hold(tx, s2e_id, hold)
            self._note(tx, "order.parked", s2e_id, field=hold.field, detail={"reason": hold.reason})
        self._log.warning(
            "order.parked",
            s2e_id=s2e_id,
            side=hold.side,
            field=hold.field,
            reason=hold.reason,
            error=hold.detail,
        )

    def _leave(self, s2e_id: str) -> None:
        """What was planned for this order is left for the next cycle."""
        self.sent.unsent += 1
        self.sent.touched.add(s2e_id)

    def _failed(self, side: Side, error: RemoteError) -> None:
        """Count a failure of a side; stop writing to it when it is not about one order.

        A 429 that was answered delays the next request, which waits for it by itself; one that
        was never sent has found that the wait is longer than the cycle.
        """
        self._failures[side] += 1
        stops = isinstance(error, CredentialsRefused | IntegrationInactive) or (
            isinstance(error, Throttled) and not error.may_have_applied
        )
        if stops or self._failures[side] >= _FAILURES_IN_A_ROW:
            self._closed.add(side)
            self.sent.stopped[side] = error

    def _close(self, intent: Intent, error: RemoteError) -> IntentState:
        """Keep the outcome of a write that did not succeed."""
        if isinstance(error, ClearRefusal):
            state = IntentState.REFUSED
        elif error.may_have_applied:
            state = IntentState.IN_DOUBT
        else:
            state = IntentState.NOT_APPLIED
        event = "push.in_doubt" if state is IntentState.IN_DOUBT else "push.refused"
        with self._mirror.transaction() as tx:
            journal.finish_intent(
                tx,
                intent.id,
                state,
                request_id=error.request_id,
                error=_describe(error),
            )
            self._note(tx, event, intent.s2e_id, detail={"error": _describe(error)})
        if state is IntentState.IN_DOUBT:
            self.sent.in_doubt += 1
            self._log.warning(event, s2e_id=intent.s2e_id, side=intent.side, error=_describe(error))
            self.sent.touched.add(intent.s2e_id)
        return state

    # ── the journal ───────────────────────────────────────────────────────────────────────

    def _start(
        self,
        decision: Decision,
        side: Side,
        kind: Kind,
        writes: dict[Field, Write],
        changes: tuple[Change, ...] | None,
    ) -> Intent:
        order = decision.case.s2e
        cmms_id = None if kind is Kind.CREATE else _cmms_id(decision)
        with self._mirror.transaction() as tx:
            for change in changes or ():
                self._note(
                    tx,
                    "decided",
                    decision.s2e_id,
                    cmms_id=cmms_id,
                    field=change.field,
                    rule=change.rule,
                    detail={
                        "side": side.value,
                        "from": encode_value(change.before),
                        "to": encode_value(change.value),
                        "source": None
                        if same(change.value, change.source)
                        else encode_value(change.source),
                    },
                )
            return journal.start_intent(
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


def _cmms_id(decision: Decision) -> str:
    link = decision.case.link
    if link is not None:
        return link.cmms_id
    if decision.link is None:
        raise ValueError(f"{decision.s2e_id} has no link")
    return decision.link.cmms_id


def _describe(error: RemoteError) -> str:
    return f"{type(error).__name__}: {error}"
