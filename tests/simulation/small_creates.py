"""A create in the small world: it is made at once, or late, or not at all; and never twice."""

from dataclasses import replace
from datetime import timedelta

from syncd.core.case import Candidate, Intent, IntentKind, IntentState, Link, Write
from syncd.core.decision import Decision
from syncd.core.work_order import Field, Fields, Side, Value
from tests.simulation.small_world import (
    ID,
    LATE,
    LONGEST,
    RECORD,
    Objection,
    State,
    agree,
    frozen,
    record_of,
)

_ARRIVES_AFTER = LONGEST - timedelta(seconds=5)


def arrive(state: State) -> State:
    """What was sent earlier, and is applied by now."""
    for at, values in state.coming:
        if at <= state.now:
            coming = tuple(one for one in state.coming if one != (at, values))
            state = make(replace(state, coming=coming), dict(values))
    return state


def make(state: State, values: Fields) -> State:
    """A record with these values. Raises Objection if there is one."""
    if state.there:
        raise Objection("a second record is made")
    edits = {one for one in state.edits if values.get(one[1]) != one[2]}
    below = {name: values.get(name) for name, _ in state.cmms}
    return agree(replace(state, there=True, cmms=frozen(below), edits=frozenset(edits)))


def create(state: State, fields: Fields, how: str) -> State:
    """Search, and send a create. What the mirror holds of it afterwards is in the state, too."""
    if state.there:
        return state  # the search shows it; the next cycle links it
    sent: dict[Field, Value] = {
        name: value for name, value in fields.items() if name is not Field.STATUS
    }
    intent = Intent(
        1 + len(state.path),
        ID,
        Side.CMMS,
        IntentKind.CREATE,
        IntentState.IN_DOUBT,
        {name: Write(None, value, value) for name, value in sent.items()},
        state.now,
        given_up_at=state.now,
    )
    if how == LATE:
        coming = (*state.coming, (state.now + _ARRIVES_AFTER, frozen(dict(sent))))
        state = replace(state, coming=coming)
    elif how not in {"request lost", "killed before"}:
        state = make(state, sent)
    case = replace(state.case, intents=(*state.case.intents, intent))
    if how == "arrives":
        case = replace(
            state.case,
            link=Link(ID, RECORD, carried=True),
            cmms=record_of(state),
            cmms_seen_at=state.now,
            base_s2e=dict(sent),
            base_cmms=dict(sent),
            claims=(),
        )
    return replace(state, case=case)


def linked(state: State, decision: Decision) -> State:
    """The case after a decision about an order without a link: its link, and what is given up."""
    case = state.case
    given_up = {
        verdict.intent.id: verdict.intent
        for verdict in decision.verdicts
        if verdict.intent.kind is IntentKind.CREATE and verdict.state is IntentState.NOT_APPLIED
    }
    case = replace(case, given_up=(*case.given_up, *given_up.values()))
    recent = tuple(one for one in case.recent if one.kind is IntentKind.UPDATE)
    case = replace(case, recent=recent)
    if decision.link is None:
        return replace(state, case=case)
    if decision.link.how != "created":
        raise Objection(f"our own record is {decision.link.how}")
    (claim,) = case.claims
    case = replace(
        case,
        link=Link(ID, RECORD, carried=True),
        cmms=claim.record,
        cmms_seen_at=claim.seen_at,
        claims=(),
        given_up=(),
    )
    return replace(state, case=case)


def search(state: State) -> State:
    """What a search that is asked now shows."""
    claims = (Candidate(record_of(state), state.now),) if state.there else ()
    case = replace(state.case, claims=claims, searched_at=state.now)
    return replace(state, case=case)
