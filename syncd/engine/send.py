"""Send what the plan holds: an intent before every write, its outcome after.

What an answer leaves behind, and what becomes of the intent:

    answer                                        intent         what follows
    ───────────────────────────────────────────   ────────────   ──────────────────────────────
    clear success (Scan2Evolve)                   answered       the next read confirms it
    clear success (CMMS: the record as it is)     confirmed, altered, ignored or superseded now
    clear refusal of several fields               refused        each field once, on its own
    clear refusal of one field, or of a create    refused        parked, never again unchanged
    no access (403) with this one                 refused        tried again, later each time
    no longer as expected (CMMS)                  refused        read again, decided again
    certainly not applied                         not_applied    tried again, later each time
    anything else                                 in_doubt       read back before anything else

Every write checks first that the cycle has time left and nobody has asked to stop; committing
its intent checks that the lease is still ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from syncd.cmms.port import CmmsAdapter
from syncd.core.case import FORBIDDEN, Hold, Intent, IntentState
from syncd.core.decision import Change, Decision, as_fields
from syncd.core.equality import same
from syncd.core.planning.plan import Plan
from syncd.core.planning.unlinked import RECREATE, order_hold
from syncd.core.work_order import CmmsRecord, Fields, Side, encode_fields, encode_value
from syncd.engine.intents import Intents
from syncd.errors import (
    AccessRefused,
    Changed,
    ClearRefusal,
    NotFound,
    Refused,
    RemoteError,
)
from syncd.scan2evolve.client import Scan2EvolveClient

_FAILURES_IN_A_ROW = 3  # after which a side is taken for down until the next cycle


@dataclass(slots=True)
class SendResult:
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
        intents: Intents,
        stopping: Callable[[], bool],
        closed: frozenset[Side],
    ) -> None:
        self._client = client
        self._adapter = adapter
        self._intents = intents
        self._stopping = stopping
        self._closed = set(closed)
        self._failures = dict.fromkeys(Side, 0)
        self._answered: dict[str, CmmsRecord] = {}  # as the CMMS has told it after a write
        self._log = structlog.get_logger()
        self.sent = SendResult()

    def run(self, plan: Plan) -> SendResult:
        """Send the plan: records to create, then changes to the CMMS, then to Scan2Evolve."""
        for decision in plan.creates():
            if self._may_send(Side.CMMS, decision):
                self._create(decision)
        for side in (Side.CMMS, Side.S2E):
            for decision in plan.updates(side):
                changes = self._still_so(decision, side)
                if changes and self._may_send(side, decision):
                    self._update(decision, side, changes)
        return self.sent

    def _still_so(self, decision: Decision, side: Side) -> tuple[Change, ...]:
        """The changes, without those whose source the CMMS's last answer has shown to be
        something else by now: the next cycle decides about these."""
        changes = decision.changes_on(side)
        record = self._answered.get(decision.s2e_id)
        if side is not Side.S2E or record is None:
            return changes
        now = record.fields
        kept = tuple(c for c in changes if same(now.get(c.field, c.source), c.source))
        if len(kept) < len(changes):
            self.sent.touched.add(decision.s2e_id)
        return kept

    def _may_send(self, side: Side, decision: Decision) -> bool:
        if side in self._closed or self._stopping():
            self._leave(decision.s2e_id)
            return False
        return True

    # ── creating ──────────────────────────────────────────────────────────────────────────

    def _create(self, decision: Decision) -> None:
        """Find by the id first, always; then create, and link what was made."""
        s2e_id, fields = decision.s2e_id, decision.create or {}
        self.sent.touched.add(s2e_id)
        self.sent.cmms_requests += 1
        try:
            found = self._adapter.find(s2e_id) if self._adapter.capabilities.finds else []
        except RemoteError as error:
            self._hold_create(decision, fields, error)
            self._failed(Side.CMMS, error)
            self._leave(s2e_id)
            return
        if found:
            # Somebody else has made it since it was looked for: the next cycle adopts it.
            self._intents.seen(found)
            return
        intent = self._intents.start_create(decision, fields)
        self.sent.cmms_requests += 1
        try:
            record = self._adapter.create(s2e_id, fields)
        except RemoteError as error:
            self._create_failed(decision, intent, fields, error)
            return
        self._failures[Side.CMMS] = 0
        self._intents.created(intent, fields, record)
        self.sent.created += 1

    def _create_failed(
        self, decision: Decision, intent: Intent, fields: Fields, error: RemoteError
    ) -> None:
        state = self._close(intent, error)
        if isinstance(error, Refused):
            value = encode_fields(fields)
            hold = Hold(Side.CMMS, None, "refused", value, 1, detail=str(error))
            self._intents.park(intent.s2e_id, hold)
            return
        if state is not IntentState.IN_DOUBT:
            self._hold_create(decision, fields, error)
        self._failed(Side.CMMS, error)

    def _hold_create(self, decision: Decision, fields: Fields, error: RemoteError) -> None:
        held = order_hold(decision.case)
        if held is not None and held.reason == RECREATE:
            return  # a person's mark, which stays until there is a record
        value = encode_fields(fields)
        tries = held.tries if held is not None and held.value == value else 0
        self._hold_back(decision.s2e_id, Hold(Side.CMMS, None, "", value, tries), error)

    # ── updating ──────────────────────────────────────────────────────────────────────────

    def _update(self, decision: Decision, side: Side, changes: tuple[Change, ...]) -> bool:
        """Send these changes. Return whether the outcome is known, so that more may follow."""
        s2e_id, cmms_id = decision.s2e_id, _cmms_id(decision)
        intent = self._intents.start_update(decision, side, changes, cmms_id)
        try:
            if side is Side.S2E:
                ack = self._client.sync_work_order(s2e_id, as_fields(changes))
                self._intents.answered(intent, ack.request_id)
                self.sent.pushed_s2e += 1
            else:
                expected = {change.field: change.before for change in changes}
                self.sent.cmms_requests += 1
                record = self._adapter.update(cmms_id, as_fields(changes), expected)
                self._answered[s2e_id] = record
                self._intents.read_back(decision.case, intent, record)
                self.sent.pushed_cmms += 1
                self.sent.touched.add(s2e_id)
        except ClearRefusal as error:
            self._refused(decision, side, changes, intent, error)
            return True
        except RemoteError as error:
            if self._close(intent, error) is not IntentState.IN_DOUBT:
                for change in changes:
                    self._hold_back(s2e_id, _hold_of(change), error)
            self._failed(side, error)
            return False
        self._failures[side] = 0
        names = [change.field.value for change in changes]
        self._log.info("push.applied", s2e_id=s2e_id, side=side, fields=names)
        return True

    # ── what can go wrong ─────────────────────────────────────────────────────────────────

    def _refused(
        self,
        decision: Decision,
        side: Side,
        changes: tuple[Change, ...],
        intent: Intent,
        error: ClearRefusal,
    ) -> None:
        s2e_id = decision.s2e_id
        self._intents.failed(intent, error)
        self.sent.touched.add(s2e_id)
        if error.is_about_the_side:
            self._failed(side, error)
            self._leave(s2e_id)
        elif isinstance(error, NotFound):
            if side is Side.S2E:
                self.sent.not_found.append(s2e_id)
        elif isinstance(error, Changed):
            self._log.info("push.refused", s2e_id=s2e_id, side=side, error=str(error))
            self._leave(s2e_id)
        elif len(changes) > 1:
            # Which of them was it? Each once on its own: what is good still arrives.
            for change in changes:
                if not (self._may_send(side, decision) and self._update(decision, side, (change,))):
                    break  # nothing is sent to a record while an outcome is unknown
        else:
            (change,) = changes
            if isinstance(error, AccessRefused):
                self._hold_back(s2e_id, _hold_of(change), error)
                self._failed(side, error)
                self._leave(s2e_id)
                return
            value, tries = encode_value(change.value), change.tries + 1
            hold = Hold(side, change.field, "refused", value, tries, detail=str(error))
            self._intents.park(s2e_id, hold)
            self._log.warning(
                "push.refused", s2e_id=s2e_id, side=side, field=change.field, error=str(error)
            )

    def _close(self, intent: Intent, error: RemoteError) -> IntentState:
        """Keep an outcome that is not clear, or that nothing was sent; return it."""
        state = self._intents.failed(intent, error)
        if state is IntentState.IN_DOUBT:
            self.sent.in_doubt += 1
            self.sent.touched.add(intent.s2e_id)
        elif not isinstance(error, Refused):
            self._leave(intent.s2e_id)
        return state

    def _hold_back(self, s2e_id: str, hold: Hold, error: RemoteError) -> None:
        """Let it wait, unless the error says that the order has no part in it."""
        if error.is_about_the_side:
            return
        reason = FORBIDDEN if isinstance(error, AccessRefused) else IntentState.NOT_APPLIED
        tries = hold.tries + 1
        self._intents.hold_back(
            s2e_id, replace(hold, reason=reason, tries=tries, detail=str(error))
        )

    def _leave(self, s2e_id: str) -> None:
        """What was planned for this order is left for the next cycle."""
        self.sent.unsent += 1
        self.sent.touched.add(s2e_id)

    def _failed(self, side: Side, error: RemoteError) -> None:
        """Count a failure of a side; stop writing to it when it is not about one order."""
        self._failures[side] += 1
        if error.is_about_the_side or self._failures[side] >= _FAILURES_IN_A_ROW:
            self._closed.add(side)
            self.sent.stopped[side] = error


def _hold_of(change: Change) -> Hold:
    return Hold(change.side, change.field, "", encode_value(change.value), change.tries)


def _cmms_id(decision: Decision) -> str:
    link = decision.link or decision.case.link
    if link is None:
        raise ValueError(f"{decision.s2e_id} has no link")
    return link.cmms_id
