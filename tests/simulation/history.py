"""What happens in a history: drawn from a seed, kept as data, so that it can be cut down."""

import random
from dataclasses import dataclass, replace
from typing import Any

from syncd.core.policy import Scope
from syncd.http import DEADLINE_S
from syncd.twin.checks import STATUSES
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import BARS, DENIALS, TROUBLES
from tests.simulation.ledger import SHARED, THEIRS
from tests.simulation.world import READ_LAG_S, Setup

EVENTS = 40  # at least so many in a history, cycles not counted
_LIST_ORDERS = ("hidden", "createdAt", "-createdAt", "updatedAt", "-updatedAt", "id")
_S2E_FAULTS = (
    "drop_before",
    "drop_after",
    "drop_after_fin",
    "status",
    "status:404",
    "applied_status",
    "truncate",
    "html",
    "success_false",
    "hang",
    "slow",
    "retry_after",
)
_UNCLEAR = (("drop_after", "drop_before", "hang"), ("lost", "dropped"))  # upstream, below
NEWEST = -1  # the order that was raised last
_CALLS = ("fetch", "get", "find", "create", "update", "any")
_SITUATIONS = 0.08  # of the events are steps that only together lead somewhere
CYCLES = frozenset({"tick", "tick_soon", "full"})
_REVERTS = 0.0  # worlds with rules that undo our writes: rest waits longer than a swing may take
_REVERTED = ("status", "root_cause", "resolution")
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
_EFFECTS = 60  # of a cycle, at any of which something may happen


@dataclass(frozen=True, slots=True)
class Step:
    """One event. `play.py` says what each kind does with its arguments."""

    kind: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}{self.args!r}"


@dataclass(frozen=True, slots=True)
class History:
    setup: Setup
    steps: tuple[Step, ...]


def draw(seed: int) -> History:
    """The history of this seed."""
    return _Drawing(random.Random(f"history {seed}"), seed).history()


class _Drawing:
    def __init__(self, rng: random.Random, seed: int) -> None:
        self._rng = rng
        self._seed = seed
        self._told = 0
        self._used: dict[str, list[Any]] = {}
        self._focus = (0, "status")

    def history(self) -> History:
        rng = self._rng
        steps = self._outage() if rng.random() < 0.2 else []
        events = len(steps)
        steps += [Step("tick")] * rng.choice((0, 1, 2, 3))
        while events < EVENTS:
            if rng.random() < 0.3:
                self._focus = (rng.randrange(8), rng.choice((*SHARED, *SHARED, *THEIRS)))
            if rng.random() < _SITUATIONS:
                found = [*self._situation(), *self._cycles(1, 2)]
                steps += found
                events += sum(step.kind not in CYCLES for step in found)
                continue
            step = self._event()
            steps.append(step)
            events += 1
            # What is planned for the middle of a cycle needs one.
            if rng.random() < (0.8 if step.kind in {"at", "s2e_fault", "cmms_fault"} else 0.3):
                steps.append(Step("full" if rng.random() < 0.25 else "tick"))
        steps = self._with_denials(self._with_undecided(self._with_bars(steps)))
        steps = self._with_rows(steps)
        steps = self._with_left(self._with_ids(steps))
        setup = self._with_kinds(self._setup())
        if setup.traits.steps:
            steps = self._with_parts(steps)
        history = self._with_needs(*self._with_options(*self._with_columns(setup, steps)))
        return self._with_late(history)

    def _with_needs(self, setup: Setup, steps: tuple[Step, ...]) -> History:
        """Some of the CMMSs want fields filled before they close a record. An order is completed
        upstream while one of them is empty, and it is entered later, on either side."""
        rng = random.Random(f"needs {self._seed}")
        if rng.random() >= _NEEDS:
            return History(setup, steps)
        needs = rng.sample(("resolution", "root_cause", "actual_hours"), rng.choice((1, 1, 2)))
        drawn = list(steps)
        for _ in range(rng.randint(1, 4)):
            who = rng.randrange(8)
            entered = [
                Step(
                    f"{rng.choice(('s2e', 'cmms'))}_edit", (who, name, _undecided_value(rng, name))
                )
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
            place = rng.randrange(len(drawn))
            drawn[place:place] = closed
        traits = replace(setup.traits, needs=frozenset(needs))
        return History(replace(setup, traits=traits), tuple(drawn))

    def _with_parts(self, steps: list[Step]) -> list[Step]:
        """An order is completed upstream, and one of the calls that tell the CMMS goes wrong."""
        rng = random.Random(f"parts {self._seed}")
        told = list(steps)
        for _ in range(rng.randint(1, 3)):
            who, trouble = rng.randrange(8), rng.choice(("lost", "dropped", "invalid"))
            found = [
                Step("s2e_edit", (who, "status", "ASSIGNED")),
                *[Step("tick")] * 2,
                Step("s2e_edit", (who, "status", "COMPLETED")),
                *[Step("s2e_edit", (who, "completed_at", _undecided_value(rng, "completed_at")))]
                * rng.randint(0, 1),
                Step("cmms_fault", ("update", trouble, rng.randint(1, 2))),
                *[Step("tick")] * 2,
            ]
            place = rng.randrange(len(told))
            told[place:place] = found
        return told

    def _with_kinds(self, setup: Setup) -> Setup:
        """Some of the CMMSs write in steps, keep something else, or give a number twice."""
        rng = random.Random(f"kinds {self._seed}")
        traits = replace(
            setup.traits,
            steps=rng.random() < _STEPS,
            alters=rng.random() < _ALTERS,
            reuses=rng.random() < _REUSES,
        )
        return replace(setup, traits=traits)

    def _with_ids(self, steps: list[Step]) -> list[Step]:
        """In some worlds people put another order's id, or none, into a record."""
        rng = random.Random(f"ids {self._seed}")
        if rng.random() >= _RETYPED:
            return steps
        told = list(steps)
        for _ in range(rng.randint(1, 3)):
            who, other = rng.randrange(8), rng.choice((None, rng.randrange(8), rng.randrange(8)))
            name = rng.choice(SHARED)
            edit = Step("cmms_edit_record", (who, name, _undecided_value(rng, name)))
            found = [Step("cmms_retype", (who, other)), edit, Step("tick")]
            place = rng.randrange(len(told))
            told[place:place] = found
        return told

    def _with_left(self, steps: list[Step]) -> list[Step]:
        """In some worlds people copy a record, and later leave the id in one of the two."""
        rng = random.Random(f"left {self._seed}")
        if rng.random() >= _LEFT:
            return steps
        told = list(steps)
        for _ in range(rng.randint(1, 3)):
            who, name = rng.randrange(8), rng.choice(SHARED)
            found = [
                Step("cmms_copy", (who,)),
                *[Step("tick")] * rng.randint(0, 2),
                Step("cmms_leave", (who, rng.randrange(2), rng.choice(("emptied", "deleted")))),
                Step("cmms_edit", (who, name, _undecided_value(rng, name))),
                Step("tick"),
            ]
            place = rng.randrange(len(told))
            told[place:place] = found
        return told

    def _with_columns(self, setup: Setup, steps: list[Step]) -> tuple[Setup, list[Step]]:
        """Some of the worlds have a board in which a status is what its place says, and now and
        then somebody puts a column before the others, or takes it away."""
        rng = random.Random(f"columns {self._seed}")
        if rng.random() >= _COLUMNS:
            return setup, steps
        told = list(steps)
        for _ in range(rng.randint(1, 4)):
            moved = [Step("columns", (rng.choice((0, 1, 1, 2)),))]
            moved += [Step("full")] * rng.randint(0, 2)
            place = rng.randrange(len(told))
            told[place:place] = moved
        return replace(setup, traits=replace(setup.traits, columns=True)), told

    def _with_options(self, setup: Setup, steps: list[Step]) -> tuple[Setup, tuple[Step, ...]]:
        rng = random.Random(f"options {self._seed}")
        if rng.random() >= _OPTIONS:
            return setup, tuple(steps)
        told = list(steps)
        for _ in range(rng.randint(1, 3)):
            told.insert(rng.randrange(len(told)), Step("option"))
        return replace(setup, traits=replace(setup.traits, options=True)), tuple(told)

    def _with_late(self, history: History) -> History:
        """Writes that are applied late, after the client is gone; and searches and reads that were
        asked before that and are answered after it."""
        rng = random.Random(f"late {self._seed}")
        if rng.random() >= _LATE:
            return history
        longest_s = rng.choice((6.0, 30.0, 90.0))
        told = list(history.steps)
        for _ in range(rng.randint(1, 4)):
            found = self._late_create(rng, longest_s)
            if rng.random() < 0.5:
                found = self._late_update(rng, longest_s)
            place = rng.randrange(len(told))
            told[place:place] = found
        traits = replace(history.setup.traits, longest_request_s=longest_s)
        return History(replace(history.setup, traits=traits), tuple(told))

    def _late_create(self, rng: random.Random, longest_s: float) -> list[Step]:
        name = rng.choice((*SHARED, *THEIRS))
        side, value = rng.choice(("s2e", "cmms")), _undecided_value(rng, name)
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

    def _late_update(self, rng: random.Random, longest_s: float) -> list[Step]:
        (edited, written), who, name = self._sides(rng), rng.randrange(8), rng.choice(SHARED)
        value, other = (_undecided_value(rng, name) for _ in range(2))
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
            *[Step(f"{rng.choice((edited, written))}_edit", (who, name, other))]
            * rng.randint(0, 1),
            *[Step("tick")] * rng.randint(1, 2),
        ]

    def _with_bars(self, steps: list[Step]) -> list[Step]:
        """Some of the worlds have records that answer with errors, whoever asks for them."""
        rng = random.Random(f"bars {self._seed}")
        if rng.random() < _BARS:
            for _ in range(rng.randint(1, 4)):
                kind, what = rng.choice(sorted(BARS)), rng.choice(("all", "writes"))
                steps.insert(rng.randrange(len(steps)), Step("bar", (rng.randrange(8), kind, what)))
            if rng.random() < 0.5:
                steps.insert(rng.randrange(len(steps)), Step("unbar"))
        return steps

    def _with_denials(self, steps: list[Step]) -> list[Step]:
        """Some of the worlds show a record and answer 404 or 409 to each write of it."""
        rng = random.Random(f"denials {self._seed}")
        if rng.random() < _DENIALS:
            for _ in range(rng.randint(1, 3)):
                who, place = rng.randrange(8), rng.randrange(len(steps))
                denied = Step("deny", (who, rng.choice(sorted(DENIALS))))
                edited = Step("s2e_edit", (who, "title", "denied"))
                steps[place:place] = [denied, edited, *[Step("tick")] * 12]
        return steps

    def _with_rows(self, steps: list[Step]) -> list[Step]:
        """Some of the CMMSs have values that nobody can read, rows that are no records, and times
        of change that have not come."""
        rng = random.Random(f"rows {self._seed}")
        if rng.random() >= _ROWS:
            return steps
        told = list(steps)
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
            told.insert(rng.randrange(len(told)), step)
        return told

    def _with_undecided(self, steps: list[Step]) -> list[Step]:
        """Both sides come to hold the same, a cycle sees it and dies, and one is changed back."""
        rng = random.Random(f"undecided {self._seed}")
        if rng.random() >= _UNDECIDED:
            return steps
        told = list(steps)
        for _ in range(rng.randint(1, 3)):
            who, name = rng.randrange(8), rng.choice(SHARED)
            value, other = (_undecided_value(rng, name) for _ in range(2))
            (first, second) = rng.sample(("s2e", "cmms"), 2)
            found = [
                *(Step(f"{side}_edit", (who, name, value)) for side in (first, second)),
                *[Step("crash_deciding"), Step("tick")] * rng.choice((1, 1, 2)),
                Step(f"{first}_undo", (who, name)),
                *[Step(f"{second}_edit", (who, name, other))] * rng.randint(0, 1),
                Step("tick"),
            ]
            place = rng.randrange(len(told))
            told[place:place] = found
        return told

    def _setup(self) -> Setup:
        rng = self._rng
        seldom = rng.random
        ignored = frozenset({rng.choice(SHARED[1:])})
        rows = random.Random(f"clock and ids {self._seed}")
        keys = {"rootCause", "resolution", "closureNote", "actualHours"}
        return Setup(
            seed=self._seed,
            orders=rng.choice((3, 4, 5, 7)),
            create=seldom() < 0.75,
            scope=rng.choice((Scope.OPEN, Scope.OPEN, Scope.ALL)),
            owners=tuple((name, rng.choice(("cmms", "cmms", "s2e", None))) for name in SHARED),
            list_order=rng.choice(_LIST_ORDERS),
            page=rng.choice((2, 3, 4)),
            s2e_lag_s=rng.choice((0, 0, 0, 20, READ_LAG_S)),
            s2e_normalises=seldom() < 0.2,
            s2e_ignores=frozenset({rng.choice(sorted(keys))}) if seldom() < 0.1 else frozenset(),
            allow_reopen=seldom() < 0.9,
            guard_min=rng.choice((1000, 1000, 1000, 2)),
            traits=Traits(
                finds=seldom() < 0.9,
                unique=seldom() < 0.3,
                index_lag_s=rng.choice((0, 0, 0, 45, 130)),
                read_lag_s=rng.choice((0, 0, 0, 40, 100)),
                normalises=seldom() < 0.25,
                ignores=ignored if seldom() < 0.1 else frozenset(),
                lossy=seldom() < 0.25,
                locks=seldom() < 0.4,
                filters=seldom() < 0.4,
                clears=seldom() < 0.8,
                tells_time=rows.random() < 0.5,
                long_ids=rows.random() < 0.1,
            ),
            reverts=frozenset({rng.choice(_REVERTED)}) if seldom() < _REVERTS else frozenset(),
        )

    def _event(self) -> Step:
        rng = self._rng
        kinds = {
            self._edit: 46,
            self._in_a_cycle: 20,
            self._fault: 14,
            self._coming_and_going: 8,
            self._person: 4,
            self._time: 8,
        }
        return rng.choices(list(kinds), list(kinds.values()))[0]()

    # ── what single events hardly ever lead to ────────────────────────────────────────────

    def _situation(self) -> list[Step]:
        situations = (
            self._put_back,
            self._made_and_edited,
            self._refused_and_unclear,
            self._unclear_and_edited,
            self._records_for_one_order,
            self._overtaken,
            self._outage,
        )
        return self._rng.choice(situations)()

    def _side(self) -> tuple[str, str]:
        """The side that is edited, and the one that is written therefore."""
        return self._sides(self._rng)

    def _sides(self, rng: random.Random) -> tuple[str, str]:
        return rng.choice((("s2e", "cmms"), ("cmms", "s2e")))

    def _cycles(self, least: int, most: int) -> list[Step]:
        return [Step("tick")] * self._rng.randint(least, most)

    def _put_back(self) -> list[Step]:
        """What syncd has written is put back to what it was before."""
        (edited, written), who = self._side(), self._focus[0]
        name = self._rng.choice(SHARED)
        back = Step(f"{written}_put_back", (who, name))
        if self._rng.random() < 0.3:
            back = Step("at", (self._rng.randrange(1, 15), back))
        edit = Step(f"{edited}_edit", (who, name, self._value(name)))
        return [edit, *self._cycles(1, 2), back]

    def _made_and_edited(self) -> list[Step]:
        """A create without a clear answer, and an edit before the record is met again."""
        name, side = self._rng.choice(SHARED), self._rng.choice(("cmms", "cmms", "s2e"))
        trouble = self._rng.choice(("lost", "lost", "dropped"))
        fault = Step("cmms_fault", ("create", trouble, 0))
        edit = Step(f"{side}_edit", (NEWEST, name, self._value(name)))
        new = Step("s2e_add", (self._rng.choice(("ASSIGNED", "IN_PROGRESS")),))
        return [new, fault, Step("tick"), edit]

    def _refused_and_unclear(self) -> list[Step]:
        """Several fields are refused together, and of one that is tried alone no answer comes."""
        (edited, written), who = self._side(), self._focus[0]
        names = self._rng.sample(SHARED, self._rng.randint(2, 4))
        edits = [Step(f"{edited}_edit", (who, name, self._value(name))) for name in names]
        return [*edits, *self._faults(written, after=self._rng.choice((0, 0, 1)))]

    def _faults(self, written: str, after: int) -> list[Step]:
        """A clear no, and after so many writes an outcome that is not known."""
        unclear = self._rng.choice(_UNCLEAR[written == "cmms"])
        if written == "cmms":
            told = (("update", "invalid", 0), ("update", unclear, after))
        else:
            told = (("status:400", "POST", 0), (unclear, "POST", after))
        return [Step(f"{written}_fault", each) for each in told]

    def _unclear_and_edited(self) -> list[Step]:
        """A write without a clear answer, and an edit of the same field after it."""
        (edited, written), who = self._side(), self._focus[0]
        name = self._rng.choice(SHARED)
        fault = self._faults(written, after=0)[1]
        edits = [Step(f"{side}_edit", (who, name, self._value(name))) for side in self._side()]
        first = Step(f"{edited}_edit", (who, name, self._value(name)))
        return [first, fault, Step("tick"), *edits[: self._rng.randint(0, 2)]]

    def _records_for_one_order(self) -> list[Step]:
        """One or two records that people make for an order that has none yet."""
        new = Step("s2e_add", (self._rng.choice(STATUSES),))
        copies = [Step("cmms_copy", (NEWEST,))] * self._rng.randint(0, 1)
        return [new, Step("cmms_add", (NEWEST,)), *copies]

    def _overtaken(self) -> list[Step]:
        """Another holder of the lease, while there is something to write."""
        who, name = self._focus[0], self._rng.choice(SHARED)
        edit = Step(f"{self._side()[0]}_edit", (who, name, self._value(name)))
        return [edit, Step("at", (self._rng.randrange(3, 25), Step("takeover")))]

    def _outage(self) -> list[Step]:
        """Reads upstream fail in a row, more often than one read is tried again."""
        kind = self._rng.choice(("drop_before", "status", "html", "truncate"))
        fault = Step("s2e_fault", (kind, "GET", self._rng.randrange(4)))
        return [fault] * self._rng.randint(3, 5)

    # ── one event ─────────────────────────────────────────────────────────────────────────

    def _edit(self) -> Step:
        who, name = self._focus
        if self._rng.random() < 0.3:
            who = self._rng.randrange(8)
        if self._rng.random() < 0.2:
            name = self._rng.choice(SHARED)
        side = self._rng.choice(("s2e_edit", "cmms_edit"))
        return Step(side, (who, name, self._value(name)))

    def _value(self, name: str) -> Any:
        rng = self._rng
        if name == "status":
            return rng.choice(STATUSES)
        used = self._used.setdefault(name, [])
        if used and rng.random() < 0.15:
            return rng.choice(used)
        if rng.random() < 0.1 and name != "title":
            return None
        self._told += 1
        number = self._told
        if name == "actual_hours":
            value: Any = number + rng.choice((0, 0.25, 0.13))
        elif name in {"completed_at", "due_date"}:
            value = f"2026-04-{1 + number % 28:02}T{number // 28:02}:{rng.randrange(60):02}:11.500Z"
        else:
            tail = rng.choice(("", "", " ", "é", " " + "long " * 30))
            value = f"{name} {number}{tail}"
        used.append(value)
        return value

    def _in_a_cycle(self) -> Step:
        rng = self._rng
        at = rng.randrange(1, rng.choice((15, _EFFECTS)))
        what = rng.choices(("edit", "crash", "takeover", "going"), (10, 6, 1, 1))[0]
        if what == "edit":
            return Step("at", (at, self._edit()))
        if what == "going":
            return Step("at", (at, self._coming_and_going()))
        return Step("at", (at, Step(what)))

    def _fault(self) -> Step:
        rng = self._rng
        if rng.random() < 0.5:
            method = rng.choice(("GET", "POST", "POST"))
            kind = rng.choice(_S2E_FAULTS)
            return Step("s2e_fault", (kind, method, rng.randrange(3 if method == "POST" else 8)))
        call = rng.choice(_CALLS)
        return Step("cmms_fault", (call, rng.choice(TROUBLES), rng.randrange(3)))

    def _coming_and_going(self) -> Step:
        rng = self._rng
        who = self._focus[0]
        return rng.choice(
            (
                Step("s2e_add", (rng.choice(STATUSES),)),
                Step("s2e_add", ("ASSIGNED",)),
                Step("s2e_delete", (who,)),
                Step("cmms_delete", (who,)),
                Step("cmms_add", (who,)),
                Step("cmms_add", (None,)),
                Step("cmms_copy", (who,)),
            )
        )

    def _person(self) -> Step:
        rng = self._rng
        side = rng.choice(("cmms", "s2e"))
        return rng.choice((Step("answer", (side,)), Step("retry"), Step("release")))

    def _time(self) -> Step:
        rng = self._rng
        if rng.random() < 0.3:
            return Step("clock", (rng.choice((0.0, 0.0, 30.0, -30.0, 3600.0, -3600.0, 86400.0)),))
        return Step("wait", (rng.choice((5.0, 61.0, 300.0, 1000.0)),))


def _undecided_value(rng: random.Random, name: str) -> Any:
    number = rng.randrange(1000)
    if name == "status":
        return rng.choice(STATUSES)
    if name == "actual_hours":
        return number + 0.5
    if name in {"completed_at", "due_date"}:
        return f"2026-05-{1 + number % 28:02}T{number % 24:02}:00:00Z"
    return f"{name} agreed {number}"
