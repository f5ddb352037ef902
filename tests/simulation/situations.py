"""Kinds of worlds, and the events that only together lead somewhere in them.

Each function draws from a generator of its own, so that one more kind changes no history that is
not of it. `SITUATIONS` is the order in which they are laid over a history.
"""

import random
from collections.abc import Callable
from dataclasses import replace

from syncd.http import DEADLINE_S
from tests.simulation.cmms_adapter import BARS, DENIALS
from tests.simulation.ledger import SHARED, THEIRS
from tests.simulation.steps import NEWEST, History, Step, agreed_value, put, sides

_BARS = 0.2  # of the worlds have a record that cannot be read, or not written
_DENIALS = 0.2  # of the worlds show records and deny them to writes
_ROWS = 0.25  # of the worlds have rows that are bad, or of the future
_AHEAD_S = (400.0, 3600.0, 300 * 86400.0)  # of a time of change that has not come yet
_LATE = 0.3  # of the worlds have writes that are applied when nobody waits for them any more
_UNDECIDED = 0.2  # of the worlds have cycles that die between reading and deciding
_STEPS = 0.2  # of the worlds have a CMMS that is written in steps
_ALTERS = 0.1  # … one that keeps something else than was written
_NEEDS = 0.25  # … one that closes nothing without a resolution, a cause or hours
_REUSES = 0.3  # … one that gives the number of a deleted record to the next one
_RETYPED = 0.15  # … people who change the id that a record carries
_LEFT = 0.15  # … people who copy records, and leave the id in one of those with it
_COLUMNS = 0.15  # of the worlds have a board whose columns people add and take away
_OPTIONS = 0.15  # of the worlds have an option that a person changes


def _barred(history: History, seed: int) -> History:
    """Some of the worlds have records that answer with errors, whoever asks for them."""
    rng = random.Random(f"bars {seed}")
    if rng.random() >= _BARS:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 4)):
        kind, what = rng.choice(sorted(BARS)), rng.choice(("all", "writes"))
        steps.insert(rng.randrange(len(steps)), Step("bar", (rng.randrange(8), kind, what)))
    if rng.random() < 0.5:
        steps.insert(rng.randrange(len(steps)), Step("unbar"))
    return replace(history, steps=tuple(steps))


def _undecided(history: History, seed: int) -> History:
    """Both sides come to hold the same, a cycle sees it and dies, and one is changed back."""
    rng = random.Random(f"undecided {seed}")
    if rng.random() >= _UNDECIDED:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 3)):
        who, name = rng.randrange(8), rng.choice(SHARED)
        value, other = (agreed_value(rng, name) for _ in range(2))
        (first, second) = rng.sample(("s2e", "cmms"), 2)
        found = [
            *(Step(f"{side}_edit", (who, name, value)) for side in (first, second)),
            *[Step("crash_deciding"), Step("tick")] * rng.choice((1, 1, 2)),
            Step(f"{first}_undo", (who, name)),
            *[Step(f"{second}_edit", (who, name, other))] * rng.randint(0, 1),
            Step("tick"),
        ]
        put(rng, steps, found)
    return replace(history, steps=tuple(steps))


def _denied(history: History, seed: int) -> History:
    """Some of the worlds show a record and answer 404 or 409 to each write of it."""
    rng = random.Random(f"denials {seed}")
    if rng.random() >= _DENIALS:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 3)):
        who, place = rng.randrange(8), rng.randrange(len(steps))
        denied = Step("deny", (who, rng.choice(sorted(DENIALS))))
        edited = Step("s2e_edit", (who, "title", "denied"))
        steps[place:place] = [denied, edited, *[Step("tick")] * 12]
    return replace(history, steps=tuple(steps))


def _bad_rows(history: History, seed: int) -> History:
    """Some of the CMMSs have values that nobody can read, rows that are no records, and times
    of change that have not come."""
    rng = random.Random(f"rows {seed}")
    if rng.random() >= _ROWS:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 5)):
        step = rng.choice(
            (
                Step("spoil", (rng.randrange(8), rng.choice((*SHARED, *THEIRS)))),
                Step("break_rows", (rng.choice((1, 2, 5)),)),
                Step("post_date", (rng.randrange(8), rng.choice(_AHEAD_S))),
                Step("post_date", (rng.randrange(8), _AHEAD_S[-1])),
                Step("s2e_post_date", (rng.randrange(8), rng.choice(_AHEAD_S))),
                Step("old_mark", (_AHEAD_S[-1],)),
            )
        )
        steps.insert(rng.randrange(len(steps)), step)
    return replace(history, steps=tuple(steps))


def _retyped(history: History, seed: int) -> History:
    """In some worlds people put another order's id, or none, into a record."""
    rng = random.Random(f"ids {seed}")
    if rng.random() >= _RETYPED:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 3)):
        who, other = rng.randrange(8), rng.choice((None, rng.randrange(8), rng.randrange(8)))
        name = rng.choice(SHARED)
        edit = Step("cmms_edit_record", (who, name, agreed_value(rng, name)))
        put(rng, steps, [Step("cmms_retype", (who, other)), edit, Step("tick")])
    return replace(history, steps=tuple(steps))


def _left(history: History, seed: int) -> History:
    """In some worlds people copy a record, and later leave the id in one of the two."""
    rng = random.Random(f"left {seed}")
    if rng.random() >= _LEFT:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 3)):
        who, name = rng.randrange(8), rng.choice(SHARED)
        found = [
            Step("cmms_copy", (who,)),
            *[Step("tick")] * rng.randint(0, 2),
            Step("cmms_leave", (who, rng.randrange(2), rng.choice(("emptied", "deleted")))),
            Step("cmms_edit", (who, name, agreed_value(rng, name))),
            Step("tick"),
        ]
        put(rng, steps, found)
    return replace(history, steps=tuple(steps))


def _kinds(history: History, seed: int) -> History:
    """Some of the CMMSs write in steps, keep something else, or give a number twice."""
    rng = random.Random(f"kinds {seed}")
    traits = replace(
        history.setup.traits,
        steps=rng.random() < _STEPS,
        alters=rng.random() < _ALTERS,
        reuses=rng.random() < _REUSES,
    )
    return replace(history, setup=replace(history.setup, traits=traits))


def _cut_off(history: History, seed: int) -> History:
    """Where the CMMS is written in steps, an order is completed upstream, and one of the calls
    goes wrong."""
    if not history.setup.traits.steps:
        return history
    rng = random.Random(f"parts {seed}")
    steps = list(history.steps)
    for _ in range(rng.randint(1, 3)):
        who, trouble = rng.randrange(8), rng.choice(("lost", "dropped", "invalid"))
        found = [
            Step("s2e_edit", (who, "status", "ASSIGNED")),
            *[Step("tick")] * 2,
            Step("s2e_edit", (who, "status", "COMPLETED")),
            *[Step("s2e_edit", (who, "completed_at", agreed_value(rng, "completed_at")))]
            * rng.randint(0, 1),
            Step("cmms_fault", ("update", trouble, rng.randint(1, 2))),
            *[Step("tick")] * 2,
        ]
        put(rng, steps, found)
    return replace(history, steps=tuple(steps))


def _columns(history: History, seed: int) -> History:
    """Some of the worlds have a board in which a status is what its place says, and now and then
    somebody puts a column before the others, or takes it away."""
    rng = random.Random(f"columns {seed}")
    if rng.random() >= _COLUMNS:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 4)):
        moved = [Step("columns", (rng.choice((0, 1, 1, 2)),))]
        put(rng, steps, moved + [Step("full")] * rng.randint(0, 2))
    traits = replace(history.setup.traits, columns=True)
    return History(replace(history.setup, traits=traits), tuple(steps))


def _options(history: History, seed: int) -> History:
    """In some worlds a person changes an option of the adapter."""
    rng = random.Random(f"options {seed}")
    if rng.random() >= _OPTIONS:
        return history
    steps = list(history.steps)
    for _ in range(rng.randint(1, 3)):
        steps.insert(rng.randrange(len(steps)), Step("option"))
    traits = replace(history.setup.traits, options=True)
    return History(replace(history.setup, traits=traits), tuple(steps))


def _needs(history: History, seed: int) -> History:
    """Some of the CMMSs want fields filled before they close a record. An order is completed
    upstream while one of them is empty, and it is entered later, on either side."""
    rng = random.Random(f"needs {seed}")
    if rng.random() >= _NEEDS:
        return history
    needs = rng.sample(("resolution", "root_cause", "actual_hours"), rng.choice((1, 1, 2)))
    steps = list(history.steps)
    for _ in range(rng.randint(1, 4)):
        who = rng.randrange(8)
        entered = [
            Step(f"{rng.choice(('s2e', 'cmms'))}_edit", (who, name, agreed_value(rng, name)))
            for name in needs
        ]
        closed = [
            Step("s2e_edit", (who, "status", "IN_PROGRESS")),
            *[Step("cmms_edit", (who, name, None)) for name in needs if rng.random() < 0.3],
            *[Step("tick")] * rng.randint(0, 2),
            Step("s2e_edit", (who, "status", "COMPLETED")),
            *[Step("cmms_fault", ("update", "invalid", rng.randint(0, 1)))] * rng.randint(0, 1),
            *[Step("tick")] * rng.randint(0, 2),
            *entered,
            *[Step("cmms_fault", ("update", "invalid", rng.randint(0, 2)))] * rng.randint(0, 1),
            *[Step("tick")] * rng.randint(1, 2),
        ]
        put(rng, steps, closed)
    traits = replace(history.setup.traits, needs=frozenset(needs))
    return History(replace(history.setup, traits=traits), tuple(steps))


def _late(history: History, seed: int) -> History:
    """Writes that are applied late, after the client is gone; and searches and reads that were
    asked before that and are answered after it."""
    rng = random.Random(f"late {seed}")
    if rng.random() >= _LATE:
        return history
    longest_s = rng.choice((6.0, 30.0, 90.0))
    steps = list(history.steps)
    for _ in range(rng.randint(1, 4)):
        found = _late_create(rng, longest_s)
        if rng.random() < 0.5:
            found = _late_update(rng, longest_s)
        put(rng, steps, found)
    traits = replace(history.setup.traits, longest_request_s=longest_s)
    return History(replace(history.setup, traits=traits), tuple(steps))


def _late_create(rng: random.Random, longest_s: float) -> list[Step]:
    name = rng.choice((*SHARED, *THEIRS))
    side, value = rng.choice(("s2e", "cmms")), agreed_value(rng, name)
    fault = ("create", rng.choice(("late", "dies")), 0, rng.uniform(0.2, longest_s))
    slow = ("find", "slow", rng.choice((0, 0, 1)), rng.uniform(0.2, longest_s + 60))
    return [
        Step("s2e_add", (rng.choice(("ASSIGNED", "IN_PROGRESS")),)),
        Step("cmms_fault", fault),
        Step(rng.choice(("tick", "tick_soon"))),
        *[Step("cmms_fault", slow)] * rng.randint(0, 1),
        *[Step("tick_soon")] * rng.randint(0, 3),
        *[Step(f"{side}_edit", (NEWEST, name, value))] * rng.randint(0, 1),
        *[Step("tick")] * rng.randint(1, 2),
    ]


def _late_update(rng: random.Random, longest_s: float) -> list[Step]:
    (edited, written), who, name = sides(rng), rng.randrange(8), rng.choice(SHARED)
    value, other = (agreed_value(rng, name) for _ in range(2))
    dies = rng.random() < 0.5
    fault = Step("s2e_late", (rng.uniform(0.2, DEADLINE_S), dies))
    slow = Step("s2e_fault", ("slow", "GET", rng.randrange(4)))
    if written == "cmms":
        late_s = rng.uniform(0.2, longest_s)
        fault = Step("cmms_fault", ("update", "dies" if dies else "late", 0, late_s))
        slow_s = rng.uniform(0.2, longest_s + 60)
        slow = Step("cmms_fault", (rng.choice(("fetch", "get")), "slow", 0, slow_s))
    return [
        Step(f"{edited}_edit", (who, name, value)),
        fault,
        Step(rng.choice(("tick", "tick_soon"))),
        *[slow] * rng.randint(0, 1),
        *[Step("tick_soon")] * rng.randint(0, 3),
        *[Step(f"{rng.choice((edited, written))}_edit", (who, name, other))] * rng.randint(0, 1),
        *[Step("tick")] * rng.randint(1, 2),
    ]


SITUATIONS: tuple[Callable[[History, int], History], ...] = (
    _barred,
    _undecided,
    _denied,
    _bad_rows,
    _retyped,
    _left,
    _kinds,
    _cut_off,
    _columns,
    _options,
    _needs,
    _late,
)
