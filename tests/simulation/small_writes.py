"""What syncd does in the small world: it reads, decides and sends, and requests go astray.

An answer arrives, or it is lost, or the request is, or the process is killed before or after the
request. The CMMS's answer is its record, and is judged by the real planner.
"""

from dataclasses import replace
from datetime import timedelta

from syncd.core.case import Intent, IntentKind, IntentState, Write, WriteEffects
from syncd.core.decision import Decision
from syncd.core.planning.plan import decide
from syncd.core.planning.readback import read_answer
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Side
from tests.core.builders import keep
from tests.simulation.small_creates import arrive, create, linked, search
from tests.simulation.small_world import (
    ALTERED,
    CUT_OFF,
    ID,
    LAG,
    LATE,
    LONGEST,
    ON_THE_WAY,
    PUSHES,
    RECORD,
    STEP,
    Event,
    Objection,
    Scan2Evolve,
    State,
    account,
    agree,
    edit,
    frozen,
    poll,
    record_of,
    retype,
)

_SENDING = timedelta(seconds=1)  # from a read to the write that it leads to


def step(state: State, event: Event, policy: Policy) -> State | None:
    """The state after this event; None where it makes no difference. Raises Objection."""
    after = arrive(replace(state, now=state.now + STEP, path=(*state.path, event)))
    kind = event[0]
    if kind == "edit":
        return edit(after, Side(event[1]), Field(event[2]), event[3])
    if kind == "retype":
        return retype(after, event[1] or None)
    if kind == "poll":
        return _keep(_look(after), policy)[0]
    if kind == "slow poll":
        seen = _look(after)
        return _keep(arrive(replace(seen, now=seen.now + 2 * LONGEST)), policy)[0]
    if kind == "stale poll":
        lags = after.lagging is not None and after.now < after.lagging[0]
        return _keep(poll(after, stale=True), policy)[0] if lags else None
    if kind == "wait":
        return arrive(replace(after, now=after.now + 2 * LAG, lagging=None))
    return push(after, event[1], policy)


def _look(state: State) -> State:
    """Read both sides, and search for the record of an order that has none."""
    state = poll(state, stale=False)
    return search(state) if state.case.link is None else state


def _keep(state: State, policy: Policy) -> tuple[State, Decision]:
    """Decide, and keep what was found out: all that a paused daemon does."""
    decision = decide(state.case, policy, state.now)
    case = keep(state.case, decision)
    recent = tuple(one for one in case.recent if state.now - one.started_at < 4 * LAG)
    state = replace(state, case=replace(case, recent=recent))
    if state.kind.creates:
        state = linked(state, decision)
    return account(state, decision.conflicts, case.holds), decision


def push(state: State, how: str, policy: Policy) -> State | None:
    """Plan from the mirror and send: each change to its side, as `how` has it."""
    seen_at = state.case.s2e_seen_at
    if seen_at is None or state.now - seen_at > LAG:
        state = _look(state)  # nothing is sent on the ground of an old look
    state, decision = _keep(state, policy)
    if how == LATE and decision.create is None:
        return None
    if not decision.changes and decision.create is None and how != PUSHES[0]:
        return None
    if decision.create is not None:
        return create(replace(state, now=state.now + _SENDING), decision.create, how)
    _look_at_the_id(state, decision)
    state = replace(state, now=state.now + _SENDING)
    for side in (Side.CMMS, Side.S2E):
        changes = decision.changes_on(side)
        if not changes or (side is Side.CMMS and state.carries != ID):
            continue  # a write that meets another id is refused
        writes = {c.field: Write(c.before, c.value, c.source) for c in changes}
        state = _send(state, side, writes, how, policy)
        if how.startswith("killed"):
            break
    return state


def _look_at_the_id(state: State, decision: Decision) -> None:
    """Raises Objection for a write on the ground of a record that is not this order's."""
    record = state.case.cmms
    if decision.changes and record is not None and record.s2e_id != ID:
        raise Objection(f"written, though the record carries {record.s2e_id}")


def _send(state: State, side: Side, writes: dict[Field, Write], how: str, policy: Policy) -> State:
    order = state.case.s2e
    walked = [name for name, write in writes.items() if write.sent == state.kind.walks]
    passes = {name: frozenset({ON_THE_WAY}) for name in walked if side is Side.CMMS}
    intent = Intent(
        1 + len(state.path),
        ID,
        side,
        IntentKind.UPDATE,
        IntentState.STARTED,
        writes,
        state.now,
        cmms_id=RECORD,
        last_synced_before=order.last_synced_at if order is not None else state.s2e.synced_at,
        effects=WriteEffects(passes=passes),
    )
    state = _sent(state, side, writes, read_back=how == "arrives" and side is Side.CMMS)
    if how not in {"request lost", "killed before"}:
        state = _apply(state, side, writes, how)
    return _remember(state, intent, how, policy)


def _sent(state: State, side: Side, writes: dict[Field, Write], *, read_back: bool) -> State:
    """Raises Objection for a field that is sent again before a read has told what became of it,
    and for a value sent upstream that nobody has entered."""
    for of, name, _, _, _ in state.unread:
        if of is side and name in writes:
            raise Objection(f"{name} is sent to {side} again, and was not read back")
    for name, write in writes.items():
        made_up = side is Side.S2E and write.sent in {ALTERED, ON_THE_WAY}
        if made_up and not (write.sent == ALTERED and name in state.mixed):
            raise Objection(f"{name} := {write.sent!r} upstream, which nobody has entered")
    if read_back:
        return state
    held = dict(state.s2e.values if side is Side.S2E else state.cmms)
    sent = {(side, name, held[name], write.sent, state.now) for name, write in writes.items()}
    return replace(state, unread=state.unread | sent)


def _apply(state: State, side: Side, writes: dict[Field, Write], how: str) -> State:
    held = dict(state.s2e.values if side is Side.S2E else state.cmms)
    edits, mixed = set(state.edits), set(state.mixed)
    for name, write in writes.items():
        kept = write.sent if side is Side.S2E else state.kind.kept(write.sent)
        if side is Side.CMMS and how == CUT_OFF and write.sent == state.kind.walks:
            kept = ON_THE_WAY
        for one in list(edits):
            of, field_name, value, seen = one
            if field_name is not name:
                continue
            if of is side and value == held[name] != write.sent:
                if seen:
                    raise Objection(f"{name} := {value!r} on {side} is overwritten without a log")
                edits.discard(one)  # nobody could have known
            elif of is side.other and value == kept:
                edits.discard(one)  # it has arrived
        held[name] = kept
        if kept == ALTERED and how != "arrives":
            mixed.add(name)
    state = replace(state, edits=frozenset(edits), mixed=frozenset(mixed))
    if side is Side.CMMS:
        return agree(replace(state, cmms=frozen(held)))
    s2e = Scan2Evolve(frozen(held), state.now, state.now)
    return agree(replace(state, s2e=s2e, lagging=(state.now + LAG, state.s2e)))


def _remember(state: State, intent: Intent, how: str, policy: Policy) -> State:
    """What the mirror holds of the write afterwards. A CMMS answers with its record."""
    case = state.case
    if how != "arrives":
        doubted = replace(intent, state=IntentState.IN_DOUBT)
        return replace(state, case=replace(case, intents=(*case.intents, doubted)))
    answered = replace(intent, state=IntentState.ANSWERED, answered_at=state.now)
    waiting = replace(case, intents=(*case.intents, answered))
    if intent.side is Side.S2E:
        return replace(state, case=waiting)
    record = record_of(state)
    back = read_answer(intent, record, state.now, case, policy)
    shown = Decision(waiting, verdicts=back.verdicts, base_moves=back.moves, holds=back.holds)
    kept = replace(keep(waiting, shown), cmms=record, cmms_seen_at=state.now, recent=case.recent)
    return account(replace(state, case=kept), back.conflicts, kept.holds)
