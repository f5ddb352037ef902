"""Decide, field by field, what each side of a linked work order still has to be told.

A three-way merge. Each side is compared with its own past (the base), never with the other
side's spelling of the same value, so a CMMS that rounds hours or cuts titles does not look
changed. Timestamps take no part in the decision.

    Scan2Evolve   CMMS        outcome                                          rule
    ───────────   ─────────   ──────────────────────────────────────────────   ────────────
    same          same        nothing
    changed       same        write to the CMMS, if it may be written there    s2e_changed
    same          changed     write to Scan2Evolve, if it may be written       cmms_changed
    changed       changed     equal: the bases move, nothing is written        both_equal
                              different: the owner wins, or a person decides   conflict_…

A change that may not be written where it would have to go is drift. A field without a base is
met for the first time (`_first_meeting`). A field whose last write has not been read back yet
is waiting: it is not planned again, and an observation of the value from before is no revert.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.core.backoff import back_off
from syncd.core.case import Case, Conflict, Hold, IntentState
from syncd.core.decision import BaseMove, Change, Decision, Drift, Settled
from syncd.core.equality import agrees, fit, same
from syncd.core.planning.oscillation import OSCILLATION, RELEASED, evidence
from syncd.core.planning.readback import read_back, shows_the_past
from syncd.core.policy import Policy
from syncd.core.work_order import (
    CMMS_OWNED,
    SHARED,
    TERMINAL_STATUSES,
    WRITABLE_ON_S2E,
    CmmsRecord,
    Field,
    Fields,
    S2eOrder,
    Side,
    Unreadable,
    Unwritable,
    Value,
    encode_value,
)

IGNORED_TRIES = 3  # writes that a side accepted and did not keep, before the field is parked
_DROPPED = "dropped"


def reconcile(case: Case, policy: Policy, now: datetime) -> Decision:
    """Decide about a linked order of which both sides have been observed."""
    if case.s2e is None or case.cmms is None or case.link is None:
        raise ValueError(f"{case.s2e_id} is not an observed pair")
    merge = _Merge(case, policy, now, _with_omitted(case.s2e, case.base_s2e), case.cmms)
    merge.settle_intents()
    for name in Field:
        if name in merge.s2e.fields and name in merge.cmms.fields:
            merge.decide(name)
    return merge.decision()


def _with_omitted(order: S2eOrder, base: Fields) -> S2eOrder:
    """The order with the fields that Scan2Evolve leaves out while they are empty.

    The API does not promise a key for an empty field. A key that is missing where a value was
    stays absent: it is no clearing, since nothing would be lost by waiting and something by
    blanking.
    """
    omitted: dict[Field, Value] = {
        name: None
        for name in WRITABLE_ON_S2E
        if name is not Field.STATUS and name not in order.fields and base.get(name) is None
    }
    return replace(order, fields={**order.fields, **omitted}) if omitted else order


@dataclass(slots=True)
class _Merge:
    """One run over one case; collects what `Decision` holds."""

    case: Case
    policy: Policy
    now: datetime
    s2e: S2eOrder
    cmms: CmmsRecord
    base_s2e: dict[Field, Value] = field(default_factory=dict)
    base_cmms: dict[Field, Value] = field(default_factory=dict)
    held: dict[tuple[Side, Field | None], Hold] = field(default_factory=dict)
    in_doubt: set[Side] = field(default_factory=set)
    waiting: set[Field] = field(default_factory=set)
    unreadable: set[Field] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    moves: list[BaseMove] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    wanted: set[tuple[Side, Field | None]] = field(default_factory=set)
    conflicts: list[Conflict] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    look_again: bool = False

    def __post_init__(self) -> None:
        self.base_s2e.update(self.case.base_s2e)
        self.base_cmms.update(self.case.base_cmms)
        self.held.update({(hold.side, hold.field): hold for hold in self.case.holds})

    # ── reading back ──────────────────────────────────────────────────────────────────────

    def settle_intents(self) -> None:
        told = read_back(self.case, self.policy, self.s2e, self.cmms)
        self.settled, self.moves = told.settled, told.moves
        self.waiting, self.in_doubt = told.waiting, told.in_doubt
        for move in told.moves:
            self.base_s2e[move.field], self.base_cmms[move.field] = move.s2e, move.cmms
        for side, name, sent, verdict in told.failed:
            self._try_later(side, name, sent, verdict)

    def _agree_on(self, name: Field, side: Side, own: Value, other: Value, rule: str) -> None:
        s2e, cmms = (own, other) if side is Side.S2E else (other, own)
        self.base_s2e[name], self.base_cmms[name] = s2e, cmms
        self.moves.append(BaseMove(name, s2e, cmms, rule))

    def _try_later(self, side: Side, name: Field, sent: Value, verdict: IntentState) -> None:
        held = self.held.get((side, name))
        if held is not None and held.value != encode_value(sent):
            held = None
        if held is not None and held.reason == IntentState.IGNORED and held.reason != verdict:
            # Not applied is no try that was ignored; those counted so far stay counted.
            later = self.now + back_off(held.tries)
            self._hold(Hold(side, name, held.reason, held.value, held.tries, later))
            return
        again = held is not None and held.reason == verdict
        tries = 1 + (held.tries if held is not None and again else 0)
        until: datetime | None = self.now + back_off(tries)
        if verdict is IntentState.IGNORED and tries >= IGNORED_TRIES:
            until = None
        if verdict is IntentState.NOT_APPLIED and tries == 1:
            until = self.now
        self._hold(Hold(side, name, verdict.value, encode_value(sent), tries, until))

    def _hold(self, hold: Hold) -> None:
        self.held[hold.side, hold.field] = hold
        self.wanted.add((hold.side, hold.field))
        self.holds.append(hold)

    # ── the table ─────────────────────────────────────────────────────────────────────────

    def decide(self, name: Field) -> None:
        s2e, cmms = self.s2e.fields[name], self.cmms.fields[name]
        if name in self.waiting:
            return
        if any(
            shows_the_past(self.case, self.policy, name, side, seen)
            for side, seen in ((Side.S2E, s2e), (Side.CMMS, cmms))
        ):
            self.waiting.add(name)
            self.look_again = True
            return
        if isinstance(s2e, Unreadable) or isinstance(cmms, Unreadable):
            self._park_unreadable(name, s2e, cmms)
            return
        agreed = agrees(name, s2e, cmms, self.cmms.equivalents, self.policy)
        if name not in self.base_s2e or name not in self.base_cmms:
            self._first_meeting(name, s2e, cmms, agreed)
            return
        s2e_changed = not same(s2e, self.base_s2e[name])
        cmms_changed = not same(cmms, self.base_cmms[name])
        if not s2e_changed and not cmms_changed:
            return
        if agreed:
            self._agree_on(name, Side.S2E, s2e, cmms, "both_equal")
        elif name is Field.EXTERNAL_ID and s2e is not None and cmms is not None:
            self._hold_external_id(s2e, cmms)
        elif s2e_changed and cmms_changed:
            self._conflict(name, s2e, cmms, "conflict")
        elif s2e_changed:
            self._write(name, Side.CMMS, "s2e_changed")
        elif name not in WRITABLE_ON_S2E and self._may_overwrite(name, s2e):
            self._write(name, Side.CMMS, "drift_overwritten")
        else:
            self._write(name, Side.S2E, "cmms_changed")

    def _first_meeting(self, name: Field, s2e: Value, cmms: Value, agreed: bool) -> None:
        """Both sides exist and have no common past. A blank never erases."""
        owner = self.policy.owner(name)
        if agreed:
            self._agree_on(name, Side.S2E, s2e, cmms, "met_equal")
        elif name in SHARED and None in {s2e, cmms} and not self._disputed(name):
            self._meet(name, Side.S2E if s2e is None else Side.CMMS)
        elif name in SHARED:
            self._meet_different(name, s2e, cmms)
        elif owner is Side.CMMS and cmms is not None:
            if name is Field.EXTERNAL_ID and s2e is not None:
                self._hold_external_id(s2e, cmms)
            else:
                self._meet(name, Side.S2E)
        elif owner is Side.S2E and s2e is not None:
            self._meet(name, Side.CMMS)
        else:
            self._agree_on(name, Side.S2E, s2e, cmms, "met_blank")

    def _disputed(self, name: Field) -> bool:
        """Whether a person has been asked about the field: a value cleared since is an edit."""
        asked = any(conflict.field is name for conflict in self.case.conflicts)
        return name in self.case.answers or (asked and self.policy.owner(name) is None)

    def _meet(self, name: Field, side: Side) -> None:
        """Fill `side` from the other; where it cannot be written, begin from what there is."""
        if self._may_write(name, side):
            self._write(name, side, "met")
        else:
            self._agree_on(name, Side.S2E, self.s2e.fields[name], self.cmms.fields[name], "met")

    def _meet_different(self, name: Field, s2e: Value, cmms: Value) -> None:
        winner = self._winner(name)
        if self._would_regress(name, winner, s2e, cmms):
            self._park(self._loser(winner), name, "would_reopen", cmms, "met")
            return
        self._conflict(name, s2e, cmms, "met")
        if winner is not None and not self._may_write(name, winner.other):
            # The winner's value cannot go there. The two begin from what there is, so that the
            # next edit on either side is seen as one.
            self._agree_on(name, Side.S2E, s2e, cmms, "met")

    def _winner(self, name: Field) -> Side | None:
        return self.case.answers.get(name) or self.policy.owner(name)

    def _would_regress(self, name: Field, owner: Side | None, s2e: Value, cmms: Value) -> bool:
        """Whether the owner's value would reopen what the other side has ended.

        syncd never derives that by itself from a first meeting; a person may.
        """
        if name is not Field.STATUS or owner is None or name in self.case.answers:
            return False
        winner, loser = (s2e, cmms) if owner is Side.S2E else (cmms, s2e)
        return loser in TERMINAL_STATUSES and winner not in TERMINAL_STATUSES

    @staticmethod
    def _loser(owner: Side | None) -> Side:
        return Side.S2E if owner is Side.CMMS else Side.CMMS

    def _conflict(self, name: Field, s2e: Value, cmms: Value, rule: str) -> None:
        winner = self._winner(name)
        self.conflicts.append(Conflict(name, s2e, cmms, winner))
        if winner is None:
            return
        by = "answer" if name in self.case.answers else winner.value
        self._write(name, winner.other, f"{rule}_{by}")

    def _hold_external_id(self, s2e: Value, cmms: Value) -> None:
        if self.case.answers.get(Field.EXTERNAL_ID) is Side.CMMS:
            self._write(Field.EXTERNAL_ID, Side.S2E, "relinked")
            return
        detail = f"Scan2Evolve says {s2e}, the CMMS record is {cmms}"
        self._park(Side.S2E, Field.EXTERNAL_ID, "external_id_differs", cmms, detail)

    # ── may it be written, and what ───────────────────────────────────────────────────────

    def _may_write(self, name: Field, side: Side) -> bool:
        if side is Side.S2E:
            return name in WRITABLE_ON_S2E
        may = self.policy.cmms_writes - self.policy.cmms_writes_once
        return name in may and name not in CMMS_OWNED

    def _may_overwrite(self, name: Field, s2e: Value) -> bool:
        """Whether a CMMS edit to what Scan2Evolve owns is to be, and can be, taken back."""
        if not self.policy.overwrite_drift or not self._may_write(name, Side.CMMS):
            return False
        return s2e is not None or name in self.policy.cmms_clears

    def _write(self, name: Field, side: Side, rule: str) -> None:
        """Plan a write of the other side's value to `side`, if it may and can be written."""
        here, there = self.s2e.fields[name], self.cmms.fields[name]
        before, source = (here, there) if side is Side.S2E else (there, here)
        if not self._may_write(name, side):
            self.drifts.append(Drift(side.other, name, source, "not_writable"))
            return
        if source is None and (side is Side.S2E or name not in self.policy.cmms_clears):
            self.drifts.append(Drift(side.other, name, source, "cannot_clear"))
            return
        value = fit(name, source, side, self.policy)
        if isinstance(value, Unwritable):
            self._park(side, name, value.reason, source, value.detail)
            return
        if same(value, before):
            self._agree_on(name, side, before, source, "same_after_fitting")
            return
        if (
            name is Field.STATUS
            and not self.policy.allow_reopen
            and before in TERMINAL_STATUSES
            and value not in TERMINAL_STATUSES
        ):
            self._park(side, name, "would_reopen", value, "SYNCD_ALLOW_REOPEN is 0")
            return
        held = self.held.get((side, name))
        tries = 0
        if held is not None and held.value == encode_value(value):
            self.wanted.add((side, name))
            if held.until is None or held.until > self.now:
                return
            tries = held.tries
        if side in self.in_doubt:
            return  # one write at a time while an outcome is unknown
        if held is None or held.reason != RELEASED:
            against = evidence(self.case, side, name, before, value, self.now)
            if against is not None:
                self._park(side, name, OSCILLATION, value, against)
                return
        self.changes.append(Change(side, name, before, value, source, rule, tries))

    def _park(self, side: Side, name: Field, reason: str, value: Value, detail: str) -> None:
        held = self.held.get((side, name))
        encoded = encode_value(value)
        if held is not None and held.value == encoded and held.reason in {reason, _DROPPED}:
            self.wanted.add((side, name))
            return
        self._hold(Hold(side, name, reason, encoded, detail=detail))

    def _park_unreadable(self, name: Field, s2e: Value, cmms: Value) -> None:
        self.unreadable.add(name)
        for side, value in ((Side.S2E, s2e), (Side.CMMS, cmms)):
            if isinstance(value, Unreadable):
                self._park(side.other, name, "unreadable", value, f"{value.raw!r} {value.why}")

    # ── the result ────────────────────────────────────────────────────────────────────────

    def decision(self) -> Decision:
        waiting_before = {c.field for c in self.case.conflicts} | set(self.case.answers)
        drifting = {(drift.side, drift.field) for drift in self.drifts}
        # A conflict is over when it is no longer found, not when its winner is known: the
        # winner's write may have to wait, and an answer is needed until it has arrived.
        unresolved = self.waiting | self.unreadable
        unresolved |= {conflict.field for conflict in self.conflicts}
        unresolved |= {change.field for change in self.changes}
        return Decision(
            case=self.case,
            changes=tuple(self.changes),
            settled=tuple(self.settled),
            base_moves=tuple(self.moves),
            holds=tuple(self.holds),
            lifted=tuple(
                (hold.side, hold.field)
                for hold in self.case.holds
                if (hold.side, hold.field) not in self.wanted and hold.field not in self.waiting
            ),
            conflicts=tuple(self.conflicts),
            resolved=tuple(sorted(waiting_before - unresolved)),
            drifts=tuple(self.drifts),
            drift_over=tuple(
                (side, name)
                for side in Side
                for name in self.s2e.fields
                if (side, name) not in drifting and name not in self.waiting
            ),
            waiting=frozenset(self.waiting),
            look_again=self.look_again,
        )
