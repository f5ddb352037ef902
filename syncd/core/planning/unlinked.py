"""Decide about a work order that is not linked to a CMMS record yet.

what is known                                             outcome
───────────────────────────────────────────────────────   ─────────────────────────────────
deleted upstream; site or asset not among the settings'   out of scope
a person has unlinked it                                  out of scope `dropped`
a create in doubt, and a record carries the id            link `created`, bases from the intent
the same, after the create was given up                   the same: the record is the create's
a create in doubt, and a search that was asked late       not applied: may be created anew
enough (`proof.py`) shows no record
one record carries the id                                 link `adopted`: a first meeting
several records carry the id                              parked `duplicate_records`
its record's number means another order's record now      parked `identity`
a record that carries its id is linked to another order   parked `identity`
externalId names a free record                            link `reference`: a first meeting
externalId names another order's record, or none          parked (create) or out of scope
a person wants its lost record made anew                  create, whatever mode and status
nothing of the kind, mode adopt                           out of scope `no_record`
nothing of the kind, mode create, status in scope         create; parked `needs_fields` where
                                                          the status wants a field that is empty
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.case import (
    DROPPED,
    DUPLICATE_RECORDS,
    IDENTITY,
    Candidate,
    Case,
    Conflict,
    Hold,
    Intent,
    IntentState,
)
from syncd.core.decision import BaseMove, Decision, NewLink, Verdict
from syncd.core.equality import Match, match_sent
from syncd.core.fitting import fit
from syncd.core.meaning import MEANING_CHANGED
from syncd.core.planning.created import UNFINISHED, created_bases, is_kept
from syncd.core.planning.identity import claims_of, owner_of
from syncd.core.planning.needs import NEEDS_FIELDS, lacking, say
from syncd.core.planning.proof import creates_in_doubt, has_made_no_record
from syncd.core.policy import Mode, Policy, Scope
from syncd.core.values import encode_fields
from syncd.core.work_order import (
    OPEN_STATUSES,
    S2E_OWNED,
    SHARED,
    CmmsRecord,
    Field,
    S2eOrder,
    Side,
    Status,
    Unwritable,
    Value,
)

UNKNOWN_UPSTREAM = "unknown_upstream"
TOMBSTONE = "deleted_upstream"
CREATE_IN_DOUBT = "create_in_doubt"
EXTERNAL_ID_UNKNOWN = "external_id_unknown"  # externalId names no record
EXTERNAL_ID_TAKEN = "external_id_taken"  # … another order's record
# Holds that keep a person's answer about the link; they hold no write back.
UNLINKED = "unlinked"
RECREATE = "recreate"


def outside(case: Case, policy: Policy) -> str | None:
    """Why the order is out of scope, linked or not; None if it is not."""
    if case.s2e is None:
        return UNKNOWN_UPSTREAM
    if case.tombstone:
        return TOMBSTONE
    if case.link is None and _is_marked(case, UNLINKED):
        return DROPPED
    if policy.site_ids and case.s2e.site_id not in policy.site_ids:
        return "other_site"
    if policy.asset_ids and case.s2e.asset_id not in policy.asset_ids:
        return "other_asset"
    return None


def without_counterpart(policy: Policy) -> tuple[str, str] | None:
    """Why an order that has no counterpart of any kind is out of scope, without and with an
    externalId; None where each such order needs a decision of its own.

    With these reasons no case has to be loaded for each of the many orders without a record.
    """
    if policy.mode is not Mode.ADOPT or policy.site_ids or policy.asset_ids:
        return None
    return "no_record", EXTERNAL_ID_UNKNOWN


def decide_unlinked(case: Case, policy: Policy, now: datetime) -> Decision:
    """Decide about an unlinked order that takes part and has been observed upstream."""
    order = case.s2e
    if order is None or case.link is not None:
        raise ValueError(f"{case.s2e_id} is not an unlinked order")
    creating = creates_in_doubt(case)
    claims = [claim.record for claim in claims_of(case)]
    taken = [claim for claim in case.claims if claim.linked_to is not None]
    if len(claims) > 1:
        return _review(case, DUPLICATE_RECORDS, ", ".join(sorted(r.cmms_id for r in claims)))
    if claims:
        made_by = _maker((*case.given_up, *creating), claims[0], policy)
        if made_by is not None:
            return _link_created(case, made_by, claims[0], policy)
        if taken:
            return _review(case, IDENTITY, _carried_by_another(case, taken))
        return Decision(case, link=NewLink(claims[0].cmms_id, "adopted"), lifted=_all_holds(case))
    verdicts: tuple[Verdict, ...] = ()
    if _has_lost_its_number(case):
        return Decision(case)
    if taken:
        return _review(case, IDENTITY, _carried_by_another(case, taken))
    if creating:
        if not all(has_made_no_record(intent, case, policy, now) for intent in creating):
            return Decision(case, waiting=frozenset(creating[-1].writes))
        if not policy.cmms_finds:
            return _review(case, CREATE_IN_DOUBT, "the adapter cannot find a record by its id")
        verdicts = _not_applied(creating)
    decision = _by_reference_or_create(case, order, policy, now)
    return Decision(
        case,
        out_of_scope=decision.out_of_scope,
        link=decision.link,
        create=decision.create,
        holds=decision.holds,
        lifted=decision.lifted,
        verdicts=verdicts,
    )


def _maker(creates: Sequence[Intent], record: CmmsRecord, policy: Policy) -> Intent | None:
    """The create that has made this record: of several the newest whose values the record holds
    all, else the newest; None: there was no create."""

    def holds_all(intent: Intent) -> bool:
        sent = {name: write.sent for name, write in intent.writes.items()}
        return all(is_kept(name, value, record, policy) for name, value in sent.items())

    newest = creates[-1] if creates else None
    return next((one for one in reversed(creates) if holds_all(one)), newest)


def _link_created(case: Case, intent: Intent, record: CmmsRecord, policy: Policy) -> Decision:
    """A create in doubt has made this record. A field that its later calls did not write is
    planned again; a value that the record holds there goes to the conflict log."""
    sent = {name: write.sent for name, write in intent.writes.items()}
    seen = {**sent, **record.fields}
    moves = created_bases(sent, record, policy, intent.effects)
    left = {move.field for move in moves if move.rule == UNFINISHED}
    verdicts = tuple(
        Verdict(
            intent,
            name,
            IntentState.NOT_APPLIED if name in left else IntentState.CONFIRMED,
            seen[name],
        )
        for name in sent
    )
    return Decision(
        case,
        link=NewLink(record.cmms_id, "created"),
        base_moves=tuple(moves),
        verdicts=verdicts,
        lifted=_all_holds(case),
        conflicts=tuple(
            Conflict(move.field, sent[move.field], seen[move.field], _winner(move))
            for move in sorted(moves, key=lambda move: move.field)
            if seen[move.field] is not None
            and match_sent(move.field, sent[move.field], seen[move.field], record, policy)
            is Match.OTHER
        ),
    )


def _has_lost_its_number(case: Case) -> bool:
    """Whether the CMMS has said that the number of its record is another order's."""
    held = order_hold(case)
    lost = held is not None and held.reason in {IDENTITY, DROPPED}
    return held is not None and lost and isinstance(held.value, dict) and "by" in held.value


def _carried_by_another(case: Case, taken: list[Candidate]) -> str:
    """A sentence for the order whose id stands in records that are linked to others."""
    records = ", ".join(f"{one.record.cmms_id} (linked to {one.linked_to})" for one in taken)
    return (
        f"{case.s2e_id} stands in records of other orders: {records}; put the right ids into "
        f"them, or `syncd links relink --drop {taken[0].linked_to}` if the record is this order's"
    )


def _winner(move: BaseMove) -> Side:
    """The side whose value stays where a record holds another one than its create sent: what is
    unfinished is written again, and anything else is an edit of the CMMS where it may be one."""
    edit = move.rule != UNFINISHED and move.field in SHARED
    return Side.CMMS if edit else Side.S2E


def _not_applied(creating: Sequence[Intent]) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(intent, name, IntentState.NOT_APPLIED, None)
        for intent in creating
        for name in intent.writes
    )


def _by_reference_or_create(case: Case, order: S2eOrder, policy: Policy, now: datetime) -> Decision:
    if _is_marked(case, RECREATE) and policy.cmms_creates:
        return _create(case, order, replace(policy, create=Scope.ALL), now)
    reference = order.fields.get(Field.EXTERNAL_ID)
    if isinstance(reference, str):
        named = case.referenced
        if named is not None and owner_of(named, case.s2e_id) in {None, case.s2e_id}:
            link = NewLink(named.record.cmms_id, "reference")
            return Decision(case, link=link, lifted=_all_holds(case))
        reason = EXTERNAL_ID_UNKNOWN if named is None else EXTERNAL_ID_TAKEN
        if policy.mode is Mode.ADOPT:
            return Decision(case, out_of_scope=reason, lifted=_all_holds(case))
        return _review(case, reason, f"externalId is {reference}")
    if policy.mode is Mode.ADOPT:
        return Decision(case, out_of_scope="no_record", lifted=_all_holds(case))
    if not policy.cmms_creates:
        return Decision(case, out_of_scope="adapter_cannot_create", lifted=_all_holds(case))
    return _create(case, order, policy, now)


def _create(case: Case, order: S2eOrder, policy: Policy, now: datetime) -> Decision:
    status = order.fields.get(Field.STATUS)
    if not isinstance(status, Status):
        return _review(case, "unreadable", f"status {status!r}")
    if policy.create is Scope.OPEN and status not in OPEN_STATUSES:
        return Decision(case, out_of_scope=f"status_{status.lower()}", lifted=_all_holds(case))
    if Field.STATUS in policy.cmms_moved:
        return Decision(case, out_of_scope=MEANING_CHANGED, lifted=_all_holds(case))
    fields: dict[Field, Value] = {}
    for name in Field:
        value = order.fields.get(name)
        if value is None or name not in policy.cmms_writes or name not in S2E_OWNED | SHARED:
            continue
        fitted = fit(name, value, Side.CMMS, policy)
        if isinstance(fitted, Unwritable) and name is Field.STATUS:
            return _review(case, fitted.reason, fitted.detail)
        if not isinstance(fitted, Unwritable):
            fields[name] = fitted
    if _is_marked(case, RECREATE):
        # The mark stays until there is a record: the create's answer may be lost on the way.
        return Decision(case, create=fields)
    lacks = lacking(fields, policy.cmms_needs)
    if lacks:
        detail = say(status, [_lacks(order, name) for name in lacks])
        return _review(case, NEEDS_FIELDS, detail)
    held = order_hold(case)
    if held is not None and held.value == encode_fields(fields):
        if held.until is None or held.until > now:
            return Decision(case)  # refused with exactly these values
        return Decision(case, create=fields)
    return Decision(case, create=fields, lifted=_all_holds(case))


def _lacks(order: S2eOrder, name: Field) -> str:
    if order.fields.get(name) is None:
        return f"{name}, which is empty: enter it in Scan2Evolve"
    return f"{name}, whose value the CMMS cannot take: enter another"


def _review(case: Case, reason: str, detail: str) -> Decision:
    """Park the whole order until a person acts, or until the cause has changed."""
    held = order_hold(case)
    if held is not None and held.value == detail and held.reason in {reason, DROPPED}:
        return Decision(case)
    return Decision(case, holds=(Hold(Side.CMMS, None, reason, detail, detail=detail),))


def _is_marked(case: Case, reason: str) -> bool:
    held = order_hold(case)
    return held is not None and held.reason == reason


def order_hold(case: Case) -> Hold | None:
    """What holds the whole order, if anything does."""
    return next((hold for hold in case.holds if hold.field is None), None)


def _all_holds(case: Case) -> tuple[tuple[Side, Field | None], ...]:
    return tuple((hold.side, hold.field) for hold in case.holds)
