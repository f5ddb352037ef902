"""A small world of values: one order, two fields, three values, and the real planner.

The two sides and the mirror are values here, so that a million states take minutes. What may
happen: a person edits either side; syncd reads and decides, also on a read that lags behind its
own write; it decides and sends, and the answer arrives, or it is lost, or the request is, or the
process is killed before or after the request; time passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product

from syncd.core.case import Case, Intent, IntentKind, IntentState, Link, Write
from syncd.core.decision import Decision
from syncd.core.planning.plan import decide
from syncd.core.policy import Mode, Policy
from syncd.core.work_order import SHARED, CmmsRecord, Field, S2eOrder, Side, Value
from tests.core.builders import keep

_ID, _RECORD = "wo_1", "R1"
_BEGAN = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
_STEP = timedelta(seconds=20)
_SENDING = timedelta(seconds=1)  # from a read to the write that it leads to
LAG = timedelta(seconds=60)
FIELDS = (Field.ROOT_CAUSE, Field.RESOLUTION)
VALUES = ("a", "b", "c")
PUSHES = ("arrives", "answer lost", "request lost", "killed before", "killed after")

Values = tuple[tuple[Field, Value], ...]
Event = tuple[str, ...]
# An edit that is neither across nor logged yet: side, field, value, whether syncd has seen it.
Edit = tuple[Side, Field, Value, bool]


class Objection(Exception):
    """Something that must not happen has happened."""


@dataclass(frozen=True, slots=True)
class Scan2Evolve:
    """The order upstream; its times are those of the steps at which they were set."""

    values: Values
    updated_at: datetime
    synced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The whole world.

    Attributes:
        lagging: until when reads may show which older order.
        edits: people's edits that are still to be accounted for.
        agreed: per field what both sides held when they were last the same.
        unread: (side, field, what it held before, what was sent, when): writes that no read has
            told of yet.
    """

    now: datetime
    s2e: Scan2Evolve
    cmms: Values
    case: Case
    lagging: tuple[datetime, Scan2Evolve] | None = None
    edits: frozenset[Edit] = frozenset()
    agreed: Values = ()
    unread: frozenset[tuple[Side, Field, Value, Value, datetime]] = frozenset()
    path: tuple[Event, ...] = field(default=(), compare=False)


def policy_of(owner: Side | None) -> Policy:
    return Policy(
        owners=dict.fromkeys(SHARED, owner),
        cmms_writes=frozenset(FIELDS),
        cmms_clears=frozenset(FIELDS),
        mode=Mode.CREATE,
        s2e_read_lag=LAG,
    )


def first_state() -> State:
    values: Values = tuple((name, "a") for name in FIELDS)
    s2e = Scan2Evolve(values, _BEGAN, _BEGAN)
    case = Case(
        _ID,
        s2e=order_of(s2e),
        cmms=_record(values),
        s2e_seen_at=_BEGAN,
        cmms_seen_at=_BEGAN,
        link=Link(_ID, _RECORD),
        base_s2e=dict(values),
        base_cmms=dict(values),
    )
    return State(_BEGAN, s2e, values, case, agreed=values)


def events() -> Iterator[Event]:
    for side, name, value in product(Side, FIELDS, VALUES):
        yield ("edit", side, name, value)
    yield ("poll",)
    yield ("stale poll",)
    for how in PUSHES:
        yield ("push", how)
    yield ("wait",)


def step(state: State, event: Event, policy: Policy) -> State | None:
    """The state after this event; None where it makes no difference. Raises Objection."""
    after = replace(state, now=state.now + _STEP, path=(*state.path, event))
    kind = event[0]
    if kind == "edit":
        return _edit(after, Side(event[1]), Field(event[2]), event[3])
    if kind == "poll":
        return _keep(poll(after, stale=False), policy)[0]
    if kind == "stale poll":
        lags = after.lagging is not None and after.now < after.lagging[0]
        return _keep(poll(after, stale=True), policy)[0] if lags else None
    if kind == "wait":
        return replace(after, now=after.now + 2 * LAG, lagging=None)
    return push(after, event[1], policy)


# ── people, and what is read ──────────────────────────────────────────────────────────────


def _edit(state: State, side: Side, name: Field, value: Value) -> State | None:
    own = dict(state.s2e.values if side is Side.S2E else state.cmms)
    other = dict(state.cmms if side is Side.S2E else state.s2e.values)
    if own[name] == value:
        return None
    own[name] = value
    edits = {edit for edit in state.edits if edit[:2] != (side, name)}
    known = (state.case.s2e, state.case.cmms)
    shown = {held.fields[name] for held in known if held is not None}
    base = (state.case.base_s2e if side is Side.S2E else state.case.base_cmms)[name]
    # Nothing has changed where somebody puts back what both are known to have held, and nobody
    # can tell an edit upstream from a write of ours that says the same and was not answered.
    doubted = {
        intent.writes[name].sent
        for intent in state.case.intents
        if side is Side.S2E is intent.side
        and intent.state is IntentState.IN_DOUBT
        and name in intent.writes
    }
    if value not in {other[name], dict(state.agreed)[name], base, *shown, *doubted}:
        edits.add((side, name, value, False))
    edited = replace(state, edits=frozenset(edits))
    if side is Side.CMMS:
        return _agree(replace(edited, cmms=_told(own)))
    lagging = state.lagging
    if lagging is not None:  # a person's edit shows at once, in reads that lag too
        late = dict(lagging[1].values) | {name: value}
        lagging = lagging[0], replace(lagging[1], values=_told(late), updated_at=state.now)
    s2e = replace(state.s2e, values=_told(own), updated_at=state.now)
    return _agree(replace(edited, s2e=s2e, lagging=lagging))


def poll(state: State, *, stale: bool) -> State:
    shown = state.lagging[1] if stale and state.lagging is not None else state.s2e
    case = replace(
        state.case,
        s2e=order_of(shown),
        cmms=_record(state.cmms),
        s2e_seen_at=state.now,
        cmms_seen_at=state.now,
    )
    held = {Side.S2E: dict(shown.values), Side.CMMS: dict(state.cmms)}
    edits = {
        (side, name, value, seen or held[side][name] == value)
        for side, name, value, seen in state.edits
    }
    unread = {
        write
        for write in state.unread
        if held[write[0]][write[1]] == write[2] != write[3]
        and state.now - write[4] < _read_lag(write[0])
    }
    return replace(state, case=case, edits=frozenset(edits), unread=frozenset(unread))


def _read_lag(side: Side) -> timedelta:
    return LAG if side is Side.S2E else timedelta(0)


# ── what syncd does ───────────────────────────────────────────────────────────────────────


def _keep(state: State, policy: Policy) -> tuple[State, Decision]:
    """Decide, and keep what was found out: all that a paused daemon does."""
    decision = decide(state.case, policy, state.now)
    case = keep(state.case, decision)
    recent = tuple(one for one in case.recent if state.now - one.started_at < 4 * LAG)
    return _log(replace(state, case=replace(case, recent=recent)), decision), decision


def push(state: State, how: str, policy: Policy) -> State | None:
    """Plan from the mirror and send: each change to its side, as `how` has it."""
    seen_at = state.case.s2e_seen_at
    if seen_at is None or state.now - seen_at > LAG:
        state = poll(state, stale=False)  # nothing is sent on the ground of an old look
    state, decision = _keep(state, policy)
    if not decision.changes and how != PUSHES[0]:
        return None
    state = replace(state, now=state.now + _SENDING)
    for side in (Side.CMMS, Side.S2E):
        changes = decision.changes_on(side)
        if not changes:
            continue
        writes = {c.field: Write(c.before, c.value, c.source) for c in changes}
        intent = Intent(
            1 + len(state.path),
            _ID,
            side,
            IntentKind.UPDATE,
            IntentState.STARTED,
            writes,
            state.now,
            cmms_id=_RECORD,
            last_synced_before=state.s2e.synced_at if seen_at else None,
        )
        if state.case.s2e is not None:
            intent = replace(intent, last_synced_before=state.case.s2e.last_synced_at)
        state = _sent(state, side, writes, read_back=how == "arrives" and side is Side.CMMS)
        if how not in {"request lost", "killed before"}:
            state = _apply(state, side, writes)
        state = _remember(state, intent, how)
        if how.startswith("killed"):
            break
    return state


def _sent(state: State, side: Side, writes: dict[Field, Write], *, read_back: bool) -> State:
    """Raises Objection for a field that is sent again before a read has told what became of it."""
    for of, name, _, _, _ in state.unread:
        if of is side and name in writes:
            raise Objection(f"{name} is sent to {side} again, and was not read back")
    if read_back:
        return state
    held = dict(state.s2e.values if side is Side.S2E else state.cmms)
    sent = {(side, name, held[name], write.sent, state.now) for name, write in writes.items()}
    return replace(state, unread=state.unread | sent)


def _apply(state: State, side: Side, writes: dict[Field, Write]) -> State:
    held = dict(state.s2e.values if side is Side.S2E else state.cmms)
    edits = set(state.edits)
    for name, write in writes.items():
        for edit in list(edits):
            of, field_name, value, seen = edit
            if field_name is not name:
                continue
            if of is side and value == held[name] != write.sent:
                if seen:
                    raise Objection(f"{name} := {value!r} on {side} is overwritten without a log")
                edits.discard(edit)  # nobody could have known
            elif of is side.other and value == write.sent:
                edits.discard(edit)  # it has arrived
        held[name] = write.sent
    state = replace(state, edits=frozenset(edits))
    if side is Side.CMMS:
        return _agree(replace(state, cmms=_told(held)))
    s2e = Scan2Evolve(_told(held), state.now, state.now)
    return _agree(replace(state, s2e=s2e, lagging=(state.now + LAG, state.s2e)))


def _remember(state: State, intent: Intent, how: str) -> State:
    """What the mirror holds of the write afterwards. A CMMS answers with its record."""
    case = state.case
    if how != "arrives":
        doubted = replace(intent, state=IntentState.IN_DOUBT)
        return replace(state, case=replace(case, intents=(*case.intents, doubted)))
    if intent.side is Side.CMMS:  # its answer is the read-back
        sources = {name: write.source for name, write in intent.writes.items()}
        sent = {name: write.sent for name, write in intent.writes.items()}
        case = replace(
            case,
            cmms=_record(state.cmms),
            cmms_seen_at=state.now,
            base_s2e={**case.base_s2e, **sources},
            base_cmms={**case.base_cmms, **sent},
        )
        return replace(state, case=case)
    answered = replace(intent, state=IntentState.ANSWERED, answered_at=state.now)
    return replace(state, case=replace(case, intents=(*case.intents, answered)))


def _log(state: State, decision: Decision) -> State:
    """Edits that a conflict tells of are accounted for."""
    logged = {(c.field, v) for c in decision.conflicts for v in (c.s2e, c.cmms)}
    return replace(state, edits=frozenset(edit for edit in state.edits if edit[1:3] not in logged))


def _agree(state: State) -> State:
    below, agreed = dict(state.cmms), dict(state.agreed)
    agreed |= {name: value for name, value in state.s2e.values if below[name] == value}
    edits = {edit for edit in state.edits if agreed[edit[1]] != edit[2]}
    return replace(state, agreed=_told(agreed), edits=frozenset(edits))


def order_of(s2e: Scan2Evolve) -> S2eOrder:
    return S2eOrder(
        _ID,
        dict(s2e.values),
        updated_at=s2e.updated_at,
        last_synced_at=s2e.synced_at,
    )


def _record(values: Values) -> CmmsRecord:
    return CmmsRecord(_RECORD, _ID, dict(values))


def _told(values: dict[Field, Value]) -> Values:
    return tuple(sorted(values.items()))
