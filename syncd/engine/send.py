"""Send what the plan holds: an intent before every write, its outcome after.

What an answer means for the intent, and what follows:

    answer                                        intent         what follows
    ───────────────────────────────────────────   ────────────   ──────────────────────────────
    clear success (Scan2Evolve)                   answered       the next read confirms it
    clear success (CMMS: the record as it is)     judged now     see `planning/readback.py`
    clear refusal of several fields               refused        each field once, on its own; a
                                                                 status with what it needs, or later
    clear refusal of one field, or of a create    refused        parked, never again unchanged
    no access (403) with this one                 refused        tried again, later each time
    no such record, no longer as expected         refused        read again, decided again; later
                                                                 each time, and parked at last
    certainly not applied                         not_applied    tried again, later each time
    anything else, also an exception of the       in_doubt       read back before anything else
    adapter's own (`ask.py`)

A write is sent only while the cycle has time left and nobody has asked syncd to stop. Committing
its intent checks that the lease is still ours.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from syncd.cmms.port import AdapterBase, PartlyWritten
from syncd.core.case import NO_EFFECTS, Hold, Intent, IntentState, WriteEffects
from syncd.core.decision import Change, Decision, as_fields
from syncd.core.planning.failure import hold_back, park_refused
from syncd.core.planning.identity import counterpart
from syncd.core.planning.needs import split, wait_for, without_needs
from syncd.core.planning.plan import Plan
from syncd.core.planning.selection import still_holding
from syncd.core.planning.side_effects import entries_at_risk
from syncd.core.planning.unlinked import RECREATE, order_hold
from syncd.core.values import encode_fields, encode_value
from syncd.core.work_order import CmmsRecord, Field, Fields, Side
from syncd.engine.ask import ask
from syncd.engine.intents import IntentLog
from syncd.engine.keep import Keeper
from syncd.engine.results import SendResult
from syncd.errors import AccessRefused, Changed, ClearRefusal, NotFound, Refused, RemoteError
from syncd.scan2evolve.client import Scan2EvolveClient

_FAILURES_IN_A_ROW = 3  # after these a side is not written until the next cycle
Changes = tuple[Change, ...]


@dataclass(slots=True)
class Sender:
    """Sends one plan. Made anew for each cycle.

    Attributes:
        closed: sides that are not written, or not any more.
        created, pushed, …: see `SendResult`.
        answers: CMMS records, as the CMMS has answered an update with them, by order.
        carried: fields that went upstream before the CMMS was written, by order.
    """

    client: Scan2EvolveClient
    adapter: AdapterBase
    intents: IntentLog
    keeper: Keeper
    stopping: Callable[[], bool]
    closed: set[Side]
    created: int = 0
    pushed: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    unsent: int = 0
    in_doubt: int = 0
    cmms_requests: int = 0
    stopped: dict[Side, RemoteError] = field(default_factory=dict)
    failures: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    not_found: list[str] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    answers: dict[str, CmmsRecord] = field(default_factory=dict)
    carried: dict[str, frozenset[Field]] = field(default_factory=dict)

    def send(self, plan: Plan) -> SendResult:
        """Send the plan: records to create, then changes to the CMMS, then to Scan2Evolve.

        An entry that a change to the CMMS may stamp over goes upstream before it.
        """
        for decision in plan.creates():
            if self._may_send(Side.CMMS, decision):
                self._create(decision, decision.create or {})
        upstream = {decision.s2e_id: decision for decision in plan.updates(Side.S2E)}
        for decision in plan.updates(Side.CMMS):
            changes = decision.changes_on(Side.CMMS)
            at_risk = self._at_risk(decision, changes)
            if at_risk and not self._carry_first(upstream.get(decision.s2e_id), at_risk):
                upstream.pop(decision.s2e_id, None)
                self._leave(decision.s2e_id)
                continue
            self._update(decision, Side.CMMS, changes)
        for decision in upstream.values():
            self._update(decision, Side.S2E, self._still_holding(decision))
        return SendResult(
            created=self.created,
            pushed_s2e=self.pushed[Side.S2E],
            pushed_cmms=self.pushed[Side.CMMS],
            unsent=self.unsent,
            in_doubt=self.in_doubt,
            stopped=self.stopped,
            not_found=tuple(self.not_found),
            touched=frozenset(self.touched),
            cmms_requests=self.cmms_requests,
        )

    def _at_risk(self, decision: Decision, changes: Changes) -> frozenset[Field]:
        """Entries in the CMMS that are not upstream yet, and that these changes may stamp over."""
        if not (decision.changes_on(Side.S2E) or decision.case.intents):
            return frozenset()
        effects = self._effects_of(decision, Side.CMMS, changes)
        return entries_at_risk(decision, as_fields(changes).keys(), effects)

    def _carry_first(self, decision: Decision | None, fields: frozenset[Field]) -> bool:
        """Send these fields upstream; return whether all of them have arrived there.

        Args:
            decision: None: nothing may be sent upstream for this order.
        """
        if decision is None:
            return False
        changes = tuple(c for c in decision.changes_on(Side.S2E) if c.field in fields)
        arrived = self._update(decision, Side.S2E, changes)
        self.carried[decision.s2e_id] = arrived
        return fields <= arrived

    def _still_holding(self, decision: Decision) -> Changes:
        """The changes upstream that are left, without those that an answer of this cycle has
        overtaken."""
        carried = self.carried.get(decision.s2e_id, frozenset())
        changes = tuple(c for c in decision.changes_on(Side.S2E) if c.field not in carried)
        kept = still_holding(changes, self.answers.get(decision.s2e_id))
        if len(kept) < len(changes):
            self.touched.add(decision.s2e_id)
        return kept

    def _may_send(self, side: Side, decision: Decision) -> bool:
        if side in self.closed or self.stopping():
            self._leave(decision.s2e_id)
            return False
        return True

    # ── creating ──────────────────────────────────────────────────────────────────────────

    def _create(self, decision: Decision, fields: Fields) -> None:
        """Find by the id first, always; then create, and link what was made."""
        s2e_id = decision.s2e_id
        self.touched.add(s2e_id)
        try:
            records = self._search(s2e_id)
        except RemoteError as error:
            self._hold_create_back(decision, fields, error)
            self._count_failure(Side.CMMS, error)
            self._leave(s2e_id)
            return
        if records:
            # Somebody else has made it since the CMMS was read: the next cycle adopts it.
            self.keeper.keep_records(records)
            return
        effects = self.adapter.effects_of(fields, None)
        intent = self.intents.start_create(decision, fields, effects)
        self.cmms_requests += 1
        try:
            written = PartlyWritten.of(ask(lambda: self.adapter.create(s2e_id, fields)))
        except RemoteError as error:
            self._create_failed(decision, intent, fields, error)
            return
        self.failures[Side.CMMS] = 0
        if not self.keeper.keep_created(intent, fields, written):
            return
        self.created += 1
        self._keep_parts(decision, _changes_of(fields, written), written)

    def _keep_parts(self, decision: Decision, changes: Changes, written: PartlyWritten) -> None:
        """Keep what became of the fields of a write that was done only in part: each was refused,
        or its outcome is not known."""
        for change in changes:
            if change.field in written.refused:
                self._hold_refused(decision.s2e_id, change, written.refused[change.field])
        if not written.in_doubt:
            return
        in_doubt = tuple(change for change in changes if change.field in written.in_doubt)
        cmms_id = written.cmms_id
        effects = self.adapter.effects_of(as_fields(in_doubt), written)
        intent = self.intents.start_update(decision, Side.CMMS, in_doubt, cmms_id, effects)
        error = next(iter(written.in_doubt.values()))
        self._close(intent, error)
        self._count_failure(Side.CMMS, error)

    def _hold_refused(self, s2e_id: str, change: Change, error: ClearRefusal) -> None:
        """A value that was refused for what it says is parked; one that was refused for lack of
        access is tried again by itself."""
        if isinstance(error, AccessRefused):
            self._hold_back(s2e_id, _tried(change), error)
        else:
            self.keeper.park(s2e_id, park_refused(_tried(change), error))

    def _search(self, s2e_id: str) -> list[CmmsRecord]:
        """The records that carry the order's id, where the adapter can find them."""
        self.cmms_requests += 1
        return ask(lambda: self.adapter.find(s2e_id)) if self.adapter.capabilities.finds else []

    def _create_failed(
        self, decision: Decision, intent: Intent, fields: Fields, error: RemoteError
    ) -> None:
        state = self._close(intent, error)
        if isinstance(error, Refused):
            self.keeper.park(intent.s2e_id, park_refused(_tried_create(fields, 0), error))
            return
        if state is not IntentState.IN_DOUBT:
            self._hold_create_back(decision, fields, error)
        self._count_failure(Side.CMMS, error)

    def _hold_create_back(self, decision: Decision, fields: Fields, error: RemoteError) -> None:
        held = order_hold(decision.case)
        if held is not None and held.reason == RECREATE:
            return  # a person's mark, which stays until there is a record
        same_values = held is not None and held.value == encode_fields(fields)
        tries = held.tries if held is not None and same_values else 0
        self._hold_back(decision.s2e_id, _tried_create(fields, tries), error)

    # ── updating ──────────────────────────────────────────────────────────────────────────

    def _update(self, decision: Decision, side: Side, changes: Changes) -> frozenset[Field]:
        """Send these changes to one record; where they are refused together, part by part. Return
        the fields that were written.

        A status goes with the fields that it needs or after them, and waits where one of them was
        not written (`planning/needs.py`). Nothing more is sent to a record while the outcome of
        a write to it is unknown.
        """
        attempts = deque([changes] if changes else [])
        written: set[Field] = set()
        while attempts:
            if not self._may_send(side, decision):
                return frozenset(written)
            attempt = self._with_its_needs(decision, attempts.popleft(), written)
            if not attempt:
                continue
            error = self._attempt(decision, side, attempt)
            if error is None:
                written |= {change.field for change in attempt}
                continue
            if not isinstance(error, ClearRefusal):
                return frozenset(written)
            if len(attempt) > 1 and _is_about_values(error):
                # Any of them may be the cause. Sent part by part, the good ones still arrive.
                attempts.extend(split(attempt))
        return frozenset(written)

    def _with_its_needs(self, decision: Decision, changes: Changes, written: set[Field]) -> Changes:
        """These changes, without a status for which the record lacks a field."""
        lacks = without_needs(changes, written)
        if lacks is None:
            return changes
        status, names = lacks
        self.touched.add(decision.s2e_id)
        self.keeper.park(decision.s2e_id, wait_for(status, names))
        return tuple(change for change in changes if change is not status)

    def _attempt(self, decision: Decision, side: Side, changes: Changes) -> RemoteError | None:
        """One request with its intent; return the error that it ended with."""
        cmms_id = _cmms_id(decision)
        effects = self._effects_of(decision, side, changes)
        intent = self.intents.start_update(decision, side, changes, cmms_id, effects)
        try:
            if side is Side.S2E:
                ack = self.client.sync_work_order(decision.s2e_id, as_fields(changes))
                self.intents.answered(intent, ack.request_id)
            else:
                expected = {change.field: change.before for change in changes}
                self.cmms_requests += 1
                written = PartlyWritten.of(
                    ask(
                        lambda: self.adapter.update_carrying(
                            _ids_of(decision), cmms_id, as_fields(changes), expected
                        )
                    )
                )
                self.answers[decision.s2e_id] = written
                self.keeper.keep_answer(decision, intent, written)
                self.touched.add(decision.s2e_id)
                self._keep_parts(decision, changes, written)
        except ClearRefusal as error:
            self._refused(decision.s2e_id, side, changes, intent, error)
            return error
        except RemoteError as error:
            if self._close(intent, error) is not IntentState.IN_DOUBT:
                for change in changes:
                    self._hold_back(decision.s2e_id, _tried(change), error)
            self._count_failure(side, error)
            return error
        self.pushed[side] += 1
        self.failures[side] = 0
        return None

    def _effects_of(self, decision: Decision, side: Side, changes: Changes) -> WriteEffects:
        beside = counterpart(decision.case)
        if side is Side.S2E or beside is None:
            return NO_EFFECTS
        return self.adapter.effects_of(as_fields(changes), beside.record)

    # ── what can go wrong ─────────────────────────────────────────────────────────────────

    def _refused(
        self, s2e_id: str, side: Side, changes: Changes, intent: Intent, error: ClearRefusal
    ) -> None:
        self.intents.failed(intent, error)
        self.touched.add(s2e_id)
        if error.is_about_the_side:
            self._count_failure(side, error)
            self._leave(s2e_id)
        elif isinstance(error, NotFound):
            if side is Side.S2E:
                self.not_found.append(s2e_id)
            self._try_later(s2e_id, changes, error)
            self._leave(s2e_id)
        elif isinstance(error, Changed):
            self._try_later(s2e_id, changes, error)
            self._leave(s2e_id)
        elif len(changes) == 1:
            self._hold_refused(s2e_id, changes[0], error)
            if isinstance(error, AccessRefused):
                self._count_failure(side, error)
                self._leave(s2e_id)

    def _try_later(self, s2e_id: str, changes: Changes, error: ClearRefusal) -> None:
        for change in changes:
            self._hold_back(s2e_id, _tried(change), error)

    def _close(self, intent: Intent, error: RemoteError) -> IntentState:
        """Keep how a failed write ended, count it as in doubt or unsent; return its state."""
        state = self.intents.failed(intent, error)
        if state is IntentState.IN_DOUBT:
            self.in_doubt += 1
            self.touched.add(intent.s2e_id)
        elif not isinstance(error, Refused):
            self._leave(intent.s2e_id)
        return state

    def _hold_back(self, s2e_id: str, tried: Hold, error: RemoteError) -> None:
        """Have it tried later, or parked where it has been tried often enough."""
        hold = hold_back(tried, error, self.keeper.utcnow())
        if hold is not None and hold.until is None:
            self.keeper.park(s2e_id, hold)
        elif hold is not None:
            self.keeper.hold_back(s2e_id, hold)

    def _leave(self, s2e_id: str) -> None:
        """What was planned for this order is left for the next cycle."""
        self.unsent += 1
        self.touched.add(s2e_id)

    def _count_failure(self, side: Side, error: RemoteError) -> None:
        """Count a failure of a side; stop writing to it if other orders would fail too."""
        self.failures[side] += 1
        if error.is_about_the_side or self.failures[side] >= _FAILURES_IN_A_ROW:
            self.closed.add(side)
            self.stopped[side] = error


def _is_about_values(error: ClearRefusal) -> bool:
    """Whether the side may accept some of the fields when they are sent alone."""
    return not (error.is_about_the_side or isinstance(error, NotFound | Changed))


def _tried(change: Change) -> Hold:
    return Hold(change.side, change.field, "", encode_value(change.value), change.tries)


def _changes_of(fields: Fields, written: PartlyWritten) -> Changes:
    """The fields of a create, as changes of the record that it has made."""
    seen = written.fields
    return tuple(
        Change(Side.CMMS, name, seen.get(name), value, value, "create")
        for name, value in fields.items()
    )


def _ids_of(decision: Decision) -> frozenset[str | None]:
    """The Scan2Evolve ids that the linked record of this order may carry; None: no id."""
    beside = counterpart(decision.case)
    carried = decision.case.link is not None and decision.case.link.carried
    carries = carried or (beside is not None and beside.record.s2e_id is not None)
    return frozenset({decision.s2e_id} if carries else {decision.s2e_id, None})


def _tried_create(fields: Fields, tries: int) -> Hold:
    return Hold(Side.CMMS, None, "", encode_fields(fields), tries)


def _cmms_id(decision: Decision) -> str:
    link = decision.link or decision.case.link
    if link is None:
        raise ValueError(f"{decision.s2e_id} has no link")
    return link.cmms_id
