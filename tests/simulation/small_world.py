"""A small world of values: one order, two fields, three values, and the real planner.

The two sides and the mirror are values here, so that a million states take minutes. What may
happen: a person edits either side, or the id that the record carries; syncd reads and decides,
also on a read that lags behind its own write, or on a search that was asked early and answered
late; it decides and sends (`small_writes.py`, `small_creates.py`); time passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product

from syncd.core.case import NOT_KEPT, Case, Conflict, Hold, IntentState, Link
from syncd.core.policy import Mode, Policy
from syncd.core.work_order import SHARED, CmmsRecord, Field, S2eOrder, Side, Status, Value

ID, RECORD = "wo_1", "R1"
STEP = timedelta(seconds=20)
LAG = timedelta(seconds=60)
LONGEST = timedelta(seconds=50)  # for which a create may be at work
FIELDS = (Field.ROOT_CAUSE, Field.RESOLUTION)
VALUES = ("a", "b", "c")
ALTERED, ON_THE_WAY = "d", "w"  # which nobody enters
PUSHES = ("arrives", "answer lost", "request lost", "killed before", "killed after")
CUT_OFF = "cut off on its way"
LATE = "comes late"
_BEGAN = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)

Values = tuple[tuple[Field, Value], ...]
Event = tuple[str, ...]
# An edit that is neither across nor logged yet: side, field, value, whether syncd has seen it.
Edit = tuple[Side, Field, Value, bool]


class Objection(Exception):
    """Something that must not happen has happened."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the CMMS is like, and what people do in it.

    Attributes:
        fields: that people edit.
        alters: the value of which the CMMS keeps something else when syncd writes it.
        walks: the value that syncd writes in two calls, by way of another one.
        creates: there is no record at first.
        ids: what people may put into the record as the order's id; "" is none.
    """

    name: str
    fields: tuple[Field, ...] = FIELDS
    alters: str = ""
    walks: str = ""
    creates: bool = False
    ids: tuple[str, ...] = ()

    def kept(self, value: Value) -> Value:
        """What the CMMS keeps of a value that syncd writes."""
        return ALTERED if self.alters and value == self.alters else value


KINDS = (
    Kind("plain"),
    Kind("keeps something else", alters="c"),
    Kind("walks", walks="c"),
    Kind("creates", fields=FIELDS[:1], creates=True),
    Kind("ids move", fields=FIELDS[:1], ids=(ID, "wo_2", "")),
)


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
        carries: the id in the record; None: none.
        lagging: until when reads may show which older order.
        edits: people's edits that are still to be accounted for.
        agreed: per field what both sides held when they were last the same.
        unread: (side, field, what it held before, what was sent, when): writes that no read has
            told of yet.
        there: whether there is a record.
        coming: creates that are applied later: when, and with what.
        mixed: fields of which the CMMS keeps something else, and the answer was lost: nobody can
            tell that from an edit.
    """

    now: datetime
    s2e: Scan2Evolve
    cmms: Values
    case: Case
    kind: Kind = KINDS[0]
    carries: str | None = ID
    lagging: tuple[datetime, Scan2Evolve] | None = None
    edits: frozenset[Edit] = frozenset()
    agreed: Values = ()
    unread: frozenset[tuple[Side, Field, Value, Value, datetime]] = frozenset()
    there: bool = True
    coming: tuple[tuple[datetime, Values], ...] = ()
    mixed: frozenset[Field] = frozenset()
    path: tuple[Event, ...] = field(default=(), compare=False)


def policy_of(owner: Side | None, kind: Kind = KINDS[0]) -> Policy:
    return Policy(
        owners=dict.fromkeys(SHARED, owner),
        cmms_writes=frozenset(FIELDS),
        cmms_clears=frozenset(FIELDS),
        mode=Mode.CREATE,
        s2e_read_lag=LAG,
        cmms_longest_request=LONGEST if kind.creates else timedelta(0),
    )


def first_state(kind: Kind) -> State:
    values: Values = tuple((name, "a") for name in FIELDS)
    s2e = Scan2Evolve(values, _BEGAN, _BEGAN)
    case = Case(
        ID,
        s2e=order_of(s2e),
        cmms=CmmsRecord(RECORD, ID, dict(values)),
        s2e_seen_at=_BEGAN,
        cmms_seen_at=_BEGAN,
        link=Link(ID, RECORD, carried=True),
        base_s2e=dict(values),
        base_cmms=dict(values),
    )
    if not kind.creates:
        return State(_BEGAN, s2e, values, case, kind, agreed=values)
    nothing: Values = tuple((name, None) for name in FIELDS)
    alone = Case(ID, s2e=order_of(s2e, Status.ASSIGNED), s2e_seen_at=_BEGAN)
    return State(_BEGAN, s2e, nothing, alone, kind, agreed=nothing, there=False)


def events(kind: Kind) -> Iterator[Event]:
    for side, name, value in product(Side, kind.fields, VALUES):
        yield ("edit", side, name, value)
    for s2e_id in kind.ids:
        yield ("retype", s2e_id)
    yield ("poll",)
    yield ("stale poll",)
    if kind.creates:
        yield ("slow poll",)
    more = [CUT_OFF] * bool(kind.walks) + [LATE] * kind.creates
    for how in (*PUSHES, *more):
        yield ("push", how)
    yield ("wait",)


# ── people ────────────────────────────────────────────────────────────────────────────────


def retype(state: State, s2e_id: str | None) -> State | None:
    """Somebody puts another id, or none, into the record."""
    return None if state.carries == s2e_id else replace(state, carries=s2e_id)


def edit(state: State, side: Side, name: Field, value: Value) -> State | None:
    if side is Side.CMMS and not state.there:
        return None
    own = dict(state.s2e.values if side is Side.S2E else state.cmms)
    other = dict(state.cmms if side is Side.S2E else state.s2e.values)
    if own[name] == value:
        return None
    own[name] = value
    edits = {one for one in state.edits if one[:2] != (side, name)}
    known = (state.case.s2e, state.case.cmms)
    shown = {held.fields[name] for held in known if held is not None}
    base = (state.case.base_s2e if side is Side.S2E else state.case.base_cmms).get(name)
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
        return agree(replace(edited, cmms=frozen(own)))
    lagging = state.lagging
    if lagging is not None:  # a person's edit shows at once, in reads that lag too
        late = dict(lagging[1].values) | {name: value}
        lagging = lagging[0], replace(lagging[1], values=frozen(late), updated_at=state.now)
    s2e = replace(state.s2e, values=frozen(own), updated_at=state.now)
    return agree(replace(edited, s2e=s2e, lagging=lagging))


def poll(state: State, *, stale: bool) -> State:
    shown = state.lagging[1] if stale and state.lagging is not None else state.s2e
    alone = state.case.link is None
    case = replace(
        state.case,
        s2e=order_of(shown, Status.ASSIGNED if alone else None),
        s2e_seen_at=state.now,
    )
    if not alone:
        case = replace(case, cmms=record_of(state), cmms_seen_at=state.now)
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


def account(state: State, conflicts: tuple[Conflict, ...], holds: tuple[Hold, ...]) -> State:
    """Edits that a conflict tells of, or that are parked as not kept, are accounted for."""
    logged = {(c.field, v) for c in conflicts for v in (c.s2e, c.cmms)}
    parked = {(one.field, one.value) for one in holds if one.reason == NOT_KEPT}
    left = {one for one in state.edits if one[1:3] not in logged | parked}
    return replace(state, edits=frozenset(left))


def agree(state: State) -> State:
    if not state.there:
        return state
    below, agreed = dict(state.cmms), dict(state.agreed)
    agreed |= {name: value for name, value in state.s2e.values if below[name] == value}
    edits = {one for one in state.edits if agreed[one[1]] != one[2]}
    return replace(state, agreed=frozen(agreed), edits=frozenset(edits))


def order_of(s2e: Scan2Evolve, status: Status | None = None) -> S2eOrder:
    more: dict[Field, Value] = {} if status is None else {Field.STATUS: status}
    return S2eOrder(
        ID,
        {**dict(s2e.values), **more},
        updated_at=s2e.updated_at,
        last_synced_at=s2e.synced_at,
    )


def record_of(state: State) -> CmmsRecord:
    return CmmsRecord(RECORD, state.carries, dict(state.cmms))


def frozen(values: dict[Field, Value]) -> Values:
    return tuple(sorted(values.items()))
