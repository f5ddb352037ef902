"""Small factories: a case in a line, so that a test shows only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from syncd.core.case import (
    ARRIVED_STATES,
    Candidate,
    Case,
    Conflict,
    Hold,
    Intent,
    IntentKind,
    IntentState,
    Link,
    Write,
)
from syncd.core.decision import Change, Decision
from syncd.core.planning.plan import decide
from syncd.core.policy import Mode, Overflow, Policy, Scope
from syncd.core.work_order import (
    SHARED,
    CmmsRecord,
    Field,
    Fields,
    S2eOrder,
    Side,
    Value,
)

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
S2E_ID = "wo_1"
CMMS_ID = "4711"
READ_LAG = timedelta(seconds=60)
NOTHING: Fields = MappingProxyType({})


def at(seconds: float) -> datetime:
    """That many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def order(
    fields: Fields = NOTHING,
    *,
    s2e_id: str = S2E_ID,
    site_id: str | None = None,
    asset_id: str | None = None,
    last_synced_at: datetime | None = None,
) -> S2eOrder:
    return S2eOrder(
        s2e_id,
        dict(fields),
        site_id=site_id,
        asset_id=asset_id,
        last_synced_at=last_synced_at,
    )


def record(
    fields: Fields = NOTHING,
    *,
    cmms_id: str = CMMS_ID,
    s2e_id: str | None = S2E_ID,
    equivalents: Mapping[Field, frozenset[str]] | None = None,
) -> CmmsRecord:
    return CmmsRecord(cmms_id, s2e_id, dict(fields), equivalents=equivalents or {})


def make_policy(
    *,
    owner: Side | None = Side.CMMS,
    writes: frozenset[Field] = frozenset(Field),
    clears: frozenset[Field] = frozenset(),
    mode: Mode = Mode.ADOPT,
    create: Scope = Scope.OPEN,
    allow_reopen: bool = True,
    overwrite_drift: bool = False,
    overflow: Overflow = Overflow.TRUNCATE,
) -> Policy:
    """A policy in which one side owns every shared field, of an adapter that writes `writes`."""
    return Policy(
        dict.fromkeys(SHARED, owner),
        writes,
        clears,
        mode=mode,
        create=create,
        allow_reopen=allow_reopen,
        overwrite_drift=overwrite_drift,
        overflow=overflow,
    )


def pair(
    s2e: Fields,
    cmms: Fields,
    *,
    base_s2e: Fields | None = None,
    base_cmms: Fields | None = None,
    equivalents: Mapping[Field, frozenset[str]] | None = None,
    intents: Sequence[Intent] = (),
    holds: Sequence[Hold] = (),
    conflicts: Sequence[Conflict] = (),
    answers: Mapping[Field, Side] | None = None,
    seen_at: datetime = NOW,
    last_synced_at: datetime | None = None,
) -> Case:
    """A linked order of which both sides were read at `seen_at`; without bases: just met."""
    return Case(
        S2E_ID,
        s2e=order(s2e, last_synced_at=last_synced_at),
        cmms=record(cmms, equivalents=equivalents),
        s2e_seen_at=seen_at,
        cmms_seen_at=seen_at,
        link=Link(S2E_ID, CMMS_ID),
        base_s2e=dict(base_s2e or {}),
        base_cmms=dict(base_cmms or {}),
        intents=tuple(intents),
        holds=tuple(holds),
        conflicts=tuple(conflicts),
        answers=dict(answers or {}),
    )


def field_case(
    name: Field,
    base: tuple[Value, Value] | None,
    s2e: Value,
    cmms: Value,
) -> Case:
    """A linked order with one field; `base` is what each side held when they last agreed."""
    bases = ({}, {}) if base is None else ({name: base[0]}, {name: base[1]})
    return pair({name: s2e}, {name: cmms}, base_s2e=bases[0], base_cmms=bases[1])


def unlinked(
    s2e: Fields = NOTHING,
    *,
    found: Sequence[CmmsRecord] = (),
    referenced: CmmsRecord | None = None,
    intents: Sequence[Intent] = (),
    holds: Sequence[Hold] = (),
    given_up: Sequence[Intent] = (),
    searched_at: datetime | None = NOW,
    site_id: str | None = None,
    asset_id: str | None = None,
) -> Case:
    """An order without a link; `found` are the records that carry its id."""
    return Case(
        S2E_ID,
        s2e=order(s2e, site_id=site_id, asset_id=asset_id),
        s2e_seen_at=NOW,
        claims=tuple(Candidate(one, NOW) for one in found),
        referenced=Candidate(referenced, NOW) if referenced is not None else None,
        intents=tuple(intents),
        given_up=tuple(given_up),
        searched_at=searched_at,
        holds=tuple(holds),
    )


def intent(
    side: Side,
    writes: Mapping[Field, Write],
    *,
    state: IntentState = IntentState.ANSWERED,
    kind: IntentKind = IntentKind.UPDATE,
    intent_id: int = 1,
    started_at: datetime = NOW,
    answered_at: datetime | None = None,
    last_synced_before: datetime | None = None,
    given_up_at: datetime | None = None,
) -> Intent:
    """A write that was sent at `started_at` and, unless in doubt, answered at once."""
    if state is IntentState.ANSWERED and answered_at is None:
        answered_at = started_at
    return Intent(
        intent_id,
        S2E_ID,
        side,
        kind,
        state,
        dict(writes),
        started_at,
        answered_at=answered_at,
        last_synced_before=last_synced_before,
        given_up_at=given_up_at,
    )


def run(case: Case, policy: Policy | None = None, now: datetime = NOW) -> Decision:
    return decide(case, policy or make_policy(), now)


def sent(decision: Decision, side: Side) -> dict[Field, Value]:
    return {change.field: change.value for change in decision.changes_on(side)}


def only_change(decision: Decision) -> Change:
    (change,) = decision.changes
    return change


def moved(decision: Decision) -> dict[Field, tuple[Value, Value]]:
    """The bases as the decision leaves them: per field (s2e, cmms)."""
    return {move.field: (move.s2e, move.cmms) for move in decision.base_moves}


def keep(case: Case, decision: Decision) -> Case:
    """The case as the mirror holds it once the decision has been recorded, nothing sent."""
    moves = moved(decision)
    open_intents, arrived = [], []
    for one in case.intents:
        verdicts = {
            item.field: item.state for item in decision.verdicts if item.intent.id == one.id
        }
        writes = {
            name: replace(write, verdict=verdicts.get(name, write.verdict))
            for name, write in one.writes.items()
        }
        if any(write.verdict is None for write in writes.values()):
            open_intents.append(replace(one, writes=writes))
        elif any(write.verdict in ARRIVED_STATES for write in writes.values()):
            arrived.append(replace(one, writes=writes, state=IntentState.CONFIRMED))
    new = {(hold.side, hold.field) for hold in decision.holds}
    kept = [
        hold
        for hold in case.holds
        if (hold.side, hold.field) not in decision.lifted and (hold.side, hold.field) not in new
    ]
    return replace(
        case,
        base_s2e={**case.base_s2e, **{name: pair_[0] for name, pair_ in moves.items()}},
        base_cmms={**case.base_cmms, **{name: pair_[1] for name, pair_ in moves.items()}},
        intents=tuple(open_intents),
        recent=(*case.recent, *arrived),
        holds=(*kept, *decision.holds),
        answers={
            name: side for name, side in case.answers.items() if name not in decision.resolved
        },
    )
