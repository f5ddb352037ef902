"""Keep what was decided, and what an answer shows. Nothing is sent from here.

No other module writes links, bases, verdicts, holds, conflicts, drift or guards. Each fact is
written to the journal and logged once, when it is new (`facts.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.cmms.port import PartlyWritten
from syncd.core.case import IDENTITY, TRIED, Conflict, Hold, Intent, IntentState
from syncd.core.decision import BaseMove, Decision
from syncd.core.planning.created import judge_created
from syncd.core.planning.guards import Guard, Latch
from syncd.core.planning.identity import counterpart, is_its_record
from syncd.core.planning.plan import Plan
from syncd.core.planning.readback import read_answer
from syncd.core.planning.remap import ReadAnew
from syncd.core.policy import Policy
from syncd.core.work_order import CmmsRecord, Fields, Side
from syncd.engine import facts
from syncd.engine.facts import Subject
from syncd.mirror import attention, observations, state
from syncd.mirror.db.database import Mirror, Tx
from syncd.mirror.decided import links
from syncd.mirror.decided.bases import save_bases
from syncd.mirror.decided.conflicts import close_conflict, put_conflict
from syncd.mirror.decided.drift import clear_drift, drifting_fields, put_drift
from syncd.mirror.decided.guards import latch_guard, spend_guard, unlatch_guard
from syncd.mirror.decided.holds import lift_hold, put_hold, retry_holds
from syncd.mirror.decided.verdicts import record_verdict
from syncd.mirror.intents import finish_intent, give_up_updates
from syncd.mirror.link_answers import LinkAnswer, Wish, save_answer, take_answers
from syncd.mirror.links import owner_of

_BATCH = 100  # decisions kept in one transaction


@dataclass(frozen=True, slots=True)
class Keeper:
    """Writes to the mirror for one cycle."""

    mirror: Mirror
    cycle_id: str
    policy: Policy
    utcnow: Callable[[], datetime]

    # ── a plan ────────────────────────────────────────────────────────────────────────────

    def keep_plan(self, plan: Plan) -> None:
        """Keep all that the plan decided, apart from what is to be sent."""
        self._keep_decisions(plan.decisions)
        with self.mirror.transaction() as tx:
            for latch in plan.latches:
                keep_latch(tx, self.cycle_id, latch)
            for guard, side in plan.spent:
                spend_guard(tx, guard, side)
            state.set_state(tx, state.UNDECIDED, False)

    def keep_what_passes(self, decisions: Iterable[Decision]) -> None:
        """Keep what only this moment shows, before the sides are read again: where a linked pair
        agrees, what became of our writes, and which record a create has made.

        A difference is seen again for as long as it lasts. An agreement may not be: if it was not
        kept and one side is changed back afterwards, that edit looks like no edit at all.
        """
        self._keep_decisions([decision for decision in decisions if _may_pass(decision)])

    def _keep_decisions(self, decisions: Sequence[Decision]) -> None:
        for start in range(0, len(decisions), _BATCH):
            with self.mirror.transaction() as tx:
                batch = decisions[start : start + _BATCH]
                for decision in batch:
                    self._keep_decision(tx, decision)
                _mark_what_is_to_be_sent(tx, batch)

    def _keep_decision(self, tx: Tx, decision: Decision) -> None:
        link = decision.link or decision.case.link
        about = self._about(decision.s2e_id, link.cmms_id if link is not None else None)
        if decision.case.s2e is not None:
            observations.set_scope(tx, decision.s2e_id, decision.out_of_scope)
        if decision.link is not None:
            self._make_link(tx, about, decision)
        if decision.follows is not None:
            save_answer(tx, LinkAnswer(decision.s2e_id, Wish.RELINK, decision.follows))
        if decision.carried:
            links.mark_carried(tx, decision.s2e_id)
        for verdict in decision.verdicts:
            record_verdict(tx, verdict.intent.id, verdict.field, verdict.state)
            facts.write_judged(tx, about, verdict)
        beside = counterpart(decision.case)
        record = beside.record if beside is not None else None
        self._keep_bases(tx, decision.s2e_id, decision.base_moves, record)
        _keep_holds(tx, about, decision)
        _keep_conflicts(tx, about, self.cycle_id, decision)
        _keep_drift(tx, about, decision)

    def _make_link(self, tx: Tx, about: Subject, decision: Decision) -> None:
        link, beside = decision.link, counterpart(decision.case)
        if link is None:
            return
        if link.how == "created":
            self._take_number(tx, about, link.cmms_id)
        carried = beside is not None and beside.record.s2e_id == decision.s2e_id
        links.make_link(tx, decision.s2e_id, link.cmms_id, link.how, carried=carried)
        facts.link_made(tx, about, link.how)

    # ── answers ───────────────────────────────────────────────────────────────────────────

    def keep_created(self, intent: Intent, fields: Fields, record: PartlyWritten) -> bool:
        """A record was created: link it. What the answer shows of the fields that were sent is
        what the CMMS keeps of them.

        A number that was another order's belongs to the new record: that order's own one is gone.

        Returns:
            False if the record carries another order's id: it is not ours, and the order is parked.
        """
        about = self._about(intent.s2e_id, record.cmms_id)
        with self.mirror.transaction() as tx:
            observations.save_cmms(tx, [record], seen_at=self.utcnow())
            if record.s2e_id not in {None, intent.s2e_id}:
                finish_intent(tx, intent.id, IntentState.NOT_APPLIED)
                detail = (
                    f"the CMMS answered the create with record {record.cmms_id}, which carries "
                    f"{record.s2e_id}; find out why, then `syncd parked retry {intent.s2e_id}`"
                )
                taken: dict[str, str | None] = {"record": record.cmms_id, "by": record.s2e_id}
                _park_identity(tx, about, detail, taken)
                return False
            self._take_number(tx, about, record.cmms_id)
            carried = record.s2e_id is not None
            links.make_link(tx, intent.s2e_id, record.cmms_id, "created", carried=carried)
            open_fields = {*record.refused, *record.in_doubt}
            created = judge_created(fields, record, self.policy, open_fields=open_fields)
            self._keep_bases(tx, intent.s2e_id, created.moves, record)
            finish_intent(tx, intent.id, IntentState.CONFIRMED, cmms_id=record.cmms_id)
            not_kept = [hold.field.value for hold in created.holds if hold.field is not None]
            facts.record_created(tx, about, not_kept)
            self._park(tx, about, created.holds)
            self._log_conflicts(tx, about, created.conflicts)
        return True

    def _take_number(self, tx: Tx, about: Subject, cmms_id: str) -> None:
        """Take the link of this record from an order whose own record is gone."""
        owner = owner_of(tx, cmms_id)
        if owner in {None, about.s2e_id}:
            return
        give_up_updates(tx, owner, cmms_id)
        links.drop_link(tx, owner)
        detail = (
            f"its record {cmms_id} is gone, and the CMMS has given the number to the record of "
            f"{about.s2e_id}; `syncd links relink --order {owner} RECORD`, `--recreate {owner}` "
            f"or `--drop {owner}`"
        )
        facts.link_lost(tx, self._about(owner, cmms_id))
        taken: dict[str, str | None] = {"record": cmms_id, "by": about.s2e_id}
        _park_identity(tx, self._about(owner, cmms_id), detail, taken)
        attention.mark_attention(tx, [owner])

    def keep_answer(self, decision: Decision, intent: Intent, record: PartlyWritten) -> None:
        """A CMMS has answered an update with the record as it is afterwards.

        Fields of which the answer does not show the outcome are left to the reads of the next
        cycle; those that were refused are held by the sender.
        """
        now = self.utcnow()
        about = self._about(intent.s2e_id, record.cmms_id)
        with self.mirror.transaction() as tx:
            observations.save_cmms(tx, [record], seen_at=now)
            finish_intent(tx, intent.id, IntentState.ANSWERED)
            facts.write_applied(tx, about, intent, besides=record.refused)
            case = decision.as_kept()
            if not is_its_record(record, case):
                return
            back = read_answer(
                intent, record, now, case, self.policy, refused=frozenset(record.refused)
            )
            for verdict in back.verdicts:
                record_verdict(tx, intent.id, verdict.field, verdict.state)
                if verdict.state is not IntentState.REFUSED:
                    facts.write_judged(tx, about, verdict)
            for name in back.unasked:
                facts.changed_unasked(tx, about, name, case.cmms, record)
            self._keep_bases(tx, intent.s2e_id, back.moves, record)
            self._park(tx, about, back.holds)
            self._log_conflicts(tx, about, back.conflicts)

    def _log_conflicts(self, tx: Tx, about: Subject, conflicts: Iterable[Conflict]) -> None:
        for conflict in conflicts:
            if put_conflict(tx, about.s2e_id, conflict, cycle_id=self.cycle_id):
                facts.conflict_arose(tx, about, conflict)

    def _park(self, tx: Tx, about: Subject, holds: Iterable[Hold]) -> None:
        for hold in holds:
            put_hold(tx, about.s2e_id, hold)
            facts.order_parked(tx, about, hold)

    def keep_records(self, records: Sequence[CmmsRecord]) -> None:
        """Save records that a search by s2e_id has shown."""
        with self.mirror.transaction() as tx:
            observations.save_cmms(tx, records, seen_at=self.utcnow())

    def park(self, s2e_id: str, hold: Hold) -> None:
        """A write that was refused is not tried again with this value."""
        with self.mirror.transaction() as tx:
            put_hold(tx, s2e_id, hold)
            facts.order_parked(tx, self._about(s2e_id), hold)

    def hold_back(self, s2e_id: str, hold: Hold) -> None:
        """A write that came to nothing is tried again by itself, at the time of the hold."""
        with self.mirror.transaction() as tx:
            put_hold(tx, s2e_id, hold)
            again_in_s = 0.0 if hold.until is None else (hold.until - tx.now).total_seconds()
            facts.write_held_back(tx, self._about(s2e_id), hold, max(again_in_s, 0.0))

    def _keep_bases(
        self, tx: Tx, s2e_id: str, moves: Sequence[BaseMove], record: CmmsRecord | None
    ) -> None:
        if not moves:
            return
        save_bases(
            tx,
            s2e_id,
            {move.field: move.s2e for move in moves},
            {move.field: move.cmms for move in moves},
            native=record.native if record is not None else {},
            mapping_hash=self.policy.cmms_mapping,
        )

    def _about(self, s2e_id: str, cmms_id: str | None = None) -> Subject:
        return Subject(self.cycle_id, s2e_id, cmms_id)


def _park_identity(tx: Tx, about: Subject, detail: str, taken: dict[str, str | None]) -> None:
    """Park an order whose record is another order's now, until a person acts.

    Args:
        taken: the record, and the order that has it (see `unlinked.py`).
    """
    hold = Hold(Side.CMMS, None, IDENTITY, taken, detail=detail)
    put_hold(tx, about.s2e_id, hold)
    facts.order_parked(tx, about, hold)


def _mark_what_is_to_be_sent(tx: Tx, decisions: Iterable[Decision]) -> None:
    """Mark the orders of which something is to be sent, until it is sent.

    The reason why such an order was marked may be over, for example a write that has been judged
    now. But the cycle may still be killed, or a guard may refuse the order's changes.
    """
    attention.mark_attention(tx, [decision.s2e_id for decision in decisions if decision.writes])


def _keep_holds(tx: Tx, about: Subject, decision: Decision) -> None:
    for side, name in decision.lifted:
        lift_hold(tx, about.s2e_id, side, name)
    for hold in decision.holds:
        put_hold(tx, about.s2e_id, hold)
        if hold.until is None:
            facts.order_parked(tx, about, hold)


def _keep_conflicts(tx: Tx, about: Subject, cycle_id: str, decision: Decision) -> None:
    for conflict in decision.conflicts:
        if put_conflict(tx, about.s2e_id, conflict, cycle_id=cycle_id):
            facts.conflict_arose(tx, about, conflict)
    for name in decision.resolved:
        if close_conflict(tx, about.s2e_id, name):
            facts.conflict_resolved(tx, about, name)


def _keep_drift(tx: Tx, about: Subject, decision: Decision) -> None:
    if decision.drift_over:
        for side, name in drifting_fields(tx, about.s2e_id) & set(decision.drift_over):
            clear_drift(tx, about.s2e_id, side, name)
    for drift in decision.drifts:
        if put_drift(tx, about.s2e_id, drift):
            facts.drift_arose(tx, about, drift)


def keep_latch(tx: Tx, cycle_id: str, latch: Latch) -> None:
    """A guard waits for a person from now on."""
    if latch_guard(tx, latch):
        facts.guard_latched(tx, cycle_id, latch)


def keep_unlatched(tx: Tx, guard: Guard, side: Side | None) -> None:
    """What a guard waits for, or was released for, is over."""
    unlatch_guard(tx, guard, side)


def retry_writes(tx: Tx) -> None:
    """Try again what the CMMS refused, ignored or did not keep: its mapping has changed."""
    retry_holds(tx, Side.CMMS, TRIED)


def keep_missing(tx: Tx, cycle_id: str, cmms_id: str) -> None:
    """A linked record was not found by its id; in the second cycle in a row it counts as lost."""
    s2e_id = links.note_missing(tx, cmms_id, cycle_id)
    if s2e_id is not None:
        facts.link_lost(tx, Subject(cycle_id, s2e_id, cmms_id))


def keep_not_found(tx: Tx, cycle_id: str, s2e_id: str) -> None:
    """An order answered 404; in the second cycle it counts as deleted."""
    if observations.note_absence(tx, s2e_id, cycle_id):
        facts.order_tombstoned(tx, Subject(cycle_id, s2e_id))


def keep_link_answers(tx: Tx, cycle_id: str) -> None:
    """Act on what people have answered about links."""
    for taken in take_answers(tx):
        about = Subject(cycle_id, taken.answer.s2e_id, taken.answer.cmms_id)
        facts.link_answered(tx, about, taken)


def keep_read_anew(
    tx: Tx, about: Subject, anew: ReadAnew, *, native: Mapping[str, object], mapping_hash: str
) -> None:
    """Keep the bases of a record that a changed mapping reads differently; it is no edit."""
    save_bases(
        tx,
        about.s2e_id,
        anew.base_s2e,
        anew.base_cmms,
        native=native,
        mapping_hash=mapping_hash,
    )
    for name, (before, now) in anew.changed.items():
        facts.field_read_anew(tx, about, name, before, now)


def _may_pass(decision: Decision) -> bool:
    """Whether a later read may not show any more what this decision rests on."""
    if decision.link is not None:
        return decision.link.how == "created"
    return decision.case.link is not None and bool(decision.base_moves or decision.verdicts)
