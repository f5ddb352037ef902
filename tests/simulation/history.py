"""What happens in a history: drawn from a seed, kept as data, so that it can be cut down."""

import random
from typing import Any

from syncd.core.policy import Scope
from syncd.twin.checks import STATUSES
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import TROUBLES
from tests.simulation.ledger import SHARED, THEIRS
from tests.simulation.situations import SITUATIONS
from tests.simulation.steps import CYCLES, NEWEST, History, Step, sides
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
_CALLS = ("fetch", "get", "find", "create", "update", "any")
_IN_A_ROW = 0.08  # of the events are steps that only together lead somewhere
_REVERTS = 0.0  # worlds with rules that undo our writes: rest waits longer than a swing may take
_REVERTED = ("status", "root_cause", "resolution")
_EFFECTS = 60  # of a cycle, at any of which something may happen


def draw(seed: int) -> History:
    """The history of this seed."""
    history = _Drawing(random.Random(f"history {seed}"), seed).history()
    for situation in SITUATIONS:
        history = situation(history, seed)
    return history


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
            if rng.random() < _IN_A_ROW:
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
        return History(self._setup(), tuple(steps))

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
        return sides(self._rng)

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
