"""Make a history happen, bring it to rest, and have it judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from syncd.core.case import IntentState
from syncd.core.planning.failure import REFUSED_TRIES
from syncd.core.planning.plan import Decider, decide
from syncd.core.work_order import Field, Side
from syncd.engine.pinning import load_kept
from syncd.engine.results import CycleReport
from syncd.mirror import state
from syncd.mirror.answers import answer_conflict, release_guard, release_holds
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import conflicts, intents, parked
from syncd.mirror.queries.status import status_counts
from tests.simulation.cmms_adapter import BARS, DENIALS, Fault
from tests.simulation.effects import crash
from tests.simulation.ledger import Event
from tests.simulation.oracles import judge, still_apart
from tests.simulation.oracles_of_looks import judge_looks
from tests.simulation.steps import History, Step
from tests.simulation.world import World

_WAITS_S = 1200.0  # longer than any wait that syncd declares
_CYCLES = 3  # that hold a complete sweep, within which both sides have to be equal
_RETRIES = 12  # cycles in which a side that ignores or refuses is tried until it is given up
_SOON = 4  # cycles, in which two sides come to rest if nothing keeps them from it
IDLE_CYCLES = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a history.

    Attributes:
        faults: what the judge objects to; empty: nothing.
        digest: of the ledger; the same history has the same.
        counts: what happened, for the closing line; effects: of the steps alone.
        ends: what both sides hold at the end.
    """

    faults: tuple[str, ...]
    digest: str
    counts: dict[str, int]
    ends: dict[str, object]


def play(
    history: History, home: Path, *, idle: int = IDLE_CYCLES, decide: Decider = decide
) -> Verdict:
    """Play the history in a new world at `home`; what another has left there goes."""
    world = World(history.setup, home, decide)
    faults: list[str] = []
    opened = effects = world.effects.count  # of the lease, before the first step
    try:
        player = Player(world)
        for step in history.steps:
            player.do(step)
        effects = world.effects.count
        moved = [kind for step in history.steps for kind in step.kinds()].count("columns")
        faults += [*player.faults, *_repeated(world, moved), *world.adapter.incomplete]
        faults += player.rest()
        faults += [*judge(world), *judge_looks(world)]
        faults += player.idle(idle)
    except Exception as error:
        faults.append(f"raised {type(error).__name__}: {error}")
    finally:
        world.close()
    written = len(world.ledger.writes())
    counts = {
        "cycles": world.cycles,
        "writes": written,
        "deaths": world.deaths,
        "effects": effects - opened,
    }
    return Verdict(tuple(faults), world.ledger.digest(), counts, _ends(world))


def _repeated(world: World, moved: int) -> list[str]:
    """Writes that were denied and sent again more often than they may be: a status goes once more
    whenever a field that it needs has changed, and is tried anew when a person has released a
    guard.

    Args:
        moved: how often the CMMS's words may have come to mean something else.
    """
    needs = world.setup.traits.needs
    entered = sum(
        event.op == "set" and bool(needs & event.after.keys()) for event in world.ledger.events
    )
    return [
        f"denied {count} times and sent again: {write}"
        for write, count in sorted(world.adapter.denied.items())
        if count > REFUSED_TRIES + (entered + moved * REFUSED_TRIES if "'status'" in write else 0)
    ]


def _ends(world: World) -> dict[str, object]:
    """Each order's values upstream and in the records that carry its id."""
    ends: dict[str, object] = {}
    for s2e_id in world.upstream.ids():
        told = world.upstream.values(s2e_id) | {"external_id": None}
        records = [world.cmms.values(record) for record in world.cmms.carrying(s2e_id)]
        ends[s2e_id] = (told, records)
    return ends


class Player:
    """Does one step after the other.

    Attributes:
        faults: what a step itself objects to.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults: list[str] = []  # what a step itself objects to
        self._does: dict[str, Callable[..., object]] = {
            "tick": world.tick,
            "full": lambda: world.tick(full=True),
            "tick_soon": lambda: world.tick(soon=True),
            "wait": world.clock.sleep,
            "clock": self._clock,
            "s2e_edit": self._s2e_edit,
            "cmms_edit": self._cmms_edit,
            "s2e_put_back": lambda who, name: self._put_back(Side.S2E, who, name),
            "cmms_put_back": lambda who, name: self._put_back(Side.CMMS, who, name),
            "s2e_undo": lambda who, name: self._undo(Side.S2E, who, name),
            "cmms_undo": lambda who, name: self._undo(Side.CMMS, who, name),
            "s2e_add": self._s2e_add,
            "s2e_delete": self._s2e_delete,
            "cmms_add": self._cmms_add,
            "cmms_copy": lambda who: self._cmms_add(who, copy=True),
            "cmms_delete": self._cmms_delete,
            "cmms_retype": self._cmms_retype,
            "cmms_leave": self._cmms_leave,
            "cmms_edit_record": self._cmms_edit_record,
            "s2e_fault": self._s2e_fault,
            "s2e_late": lambda seconds, dies: world.upstream.late.append((seconds, dies)),
            "cmms_fault": self._cmms_fault,
            "spoil": self._spoil,
            "break_rows": self._break_rows,
            "post_date": self._post_date,
            "s2e_post_date": self._s2e_post_date,
            "old_mark": self._old_mark,
            "bar": self._bar,
            "unbar": self._unbar,
            "deny": self._deny,
            "at": self._at,
            "columns": self._columns,
            "option": self._option,
            "crash": crash,
            "crash_again": self._crash_again,
            "crash_deciding": self._crash_deciding,
            "takeover": world.take_over,
            "answer": self._answer,
            "retry": self._retry,
            "release": self._release,
        }

    def do(self, step: Step) -> None:
        self._does[step.kind](*step.args)

    # ── what happens ──────────────────────────────────────────────────────────────────────

    def _clock(self, error_s: float) -> None:
        self.world.clock.set_wrong(error_s)

    def _order(self, who: int) -> str | None:
        ids = self.world.upstream.ids()
        return ids[who % len(ids)] if ids else None

    def _s2e_edit(self, who: int, name: str, value: Any) -> None:
        s2e_id = self._order(who)
        if s2e_id is not None:
            self.world.upstream.edit(s2e_id, name, value)

    def _record(self, who: int) -> str | None:
        s2e_id = self._order(who)
        carrying = self.world.cmms.carrying(s2e_id) if s2e_id is not None else []
        return carrying[0].number if carrying else None

    def _cmms_edit(self, who: int, name: str, value: Any) -> None:
        number = self._record(who)
        if number is not None:
            self.world.cmms.update("person", number, {name: value})

    def _put_back(self, side: Side, who: int, name: str) -> None:
        """Somebody sets the field to what it was before syncd wrote it last."""
        s2e_id = self._order(who)
        ours = [e for e in self.world.ledger.writes(side.value) if e.s2e_id == s2e_id]
        self._set_back(side, who, name, ours)

    def _undo(self, side: Side, who: int, name: str) -> None:
        """Somebody takes back what a person has entered there last."""
        s2e_id = self._order(who)
        theirs = [
            e
            for e in self.world.ledger.events
            if (e.side, e.actor, e.op, e.s2e_id) == (side.value, "person", "set", s2e_id)
        ]
        self._set_back(side, who, name, theirs)

    def _set_back(self, side: Side, who: int, name: str, events: Sequence[Event]) -> None:
        before = [e.before[name] for e in events if name in e.before]
        if not before or (name == "status" and before[-1] is None):
            return
        value = before[-1]
        edit = self._s2e_edit if side is Side.S2E else self._cmms_edit
        edit(who, name, float(value) if value and name == "actual_hours" else value)

    def _s2e_add(self, status: str) -> None:
        self.world.upstream.add(status=status)

    def _s2e_delete(self, who: int) -> None:
        s2e_id = self._order(who)
        if s2e_id is not None:
            self.world.upstream.delete(s2e_id)

    def _cmms_add(self, who: int | None, *, copy: bool = False) -> None:
        """Somebody, or Scan2Evolve's own push, makes a record; None: one that carries no id."""
        s2e_id = self._order(who) if who is not None else None
        if s2e_id is not None and bool(self.world.cmms.carrying(s2e_id)) is not copy:
            return
        self.world.cmms.create("person", s2e_id, {"title": "made by hand", "status": "ASSIGNED"})

    def _numbered(self, who: int) -> str | None:
        """A record, whatever id it carries."""
        numbers = sorted(self.world.cmms.records)
        return numbers[who % len(numbers)] if numbers else None

    def _cmms_retype(self, who: int, other: int | None) -> None:
        number = self._numbered(who)
        if number is not None:
            s2e_id = None if other is None else self._order(other)
            self.world.cmms.retype(number, s2e_id)

    def _cmms_leave(self, who: int, which: int, how: str) -> None:
        """Of several records with the order's id somebody leaves it in one."""
        s2e_id = self._order(who)
        records = self.world.cmms.carrying(s2e_id) if s2e_id is not None else []
        for place, record in enumerate(records):
            if place != which % len(records):
                if how == "deleted":
                    self.world.cmms.delete(record.number)
                else:
                    self.world.cmms.retype(record.number, None)

    def _cmms_edit_record(self, who: int, name: str, value: Any) -> None:
        number = self._numbered(who)
        if number is not None:
            self.world.cmms.update("person", number, {name: value})

    def _cmms_delete(self, who: int) -> None:
        number = self._record(who)
        if number is not None:
            self.world.cmms.delete(number)

    def _s2e_fault(self, kind: str, method: str, after: int) -> None:
        kind, _, arg = kind.partition(":")
        self.world.upstream.twin.faults.add(kind, method, after=after, arg=arg)

    def _cmms_fault(self, call: str, trouble: Any, after: int, seconds: float = 0.0) -> None:
        self.world.adapter.faults.append(Fault(call, trouble, after, seconds))

    def _spoil(self, who: int, name: str) -> None:
        """A field of the record comes to hold what nobody can read, until somebody writes it."""
        number = self._record(who)
        if number is not None:
            self.world.cmms.spoil(number, name)

    def _break_rows(self, rows: int) -> None:
        """The CMMS lists so many rows that hold no record; nobody ever mends them."""
        self.world.adapter.broken_rows = rows

    def _post_date(self, who: int, ahead_s: float) -> None:
        """The record's time of change becomes one that has not come yet."""
        number = self._record(who)
        if number is not None:
            self.world.cmms.post_date(number, ahead_s)

    def _s2e_post_date(self, who: int, ahead_s: float) -> None:
        s2e_id = self._order(who)
        if s2e_id is not None:
            self.world.upstream.post_date(s2e_id, ahead_s)

    def _old_mark(self, ahead_s: float) -> None:
        """An older version has kept a mark that has not come yet, and this one is started."""
        mark = self.world.clock.true_utc() + timedelta(seconds=ahead_s)
        self.world.person(lambda tx: state.set_moment(tx, state.CMMS_WATERMARK, mark))
        self.world.restart()

    def _bar(self, who: int, kind: str, what: str) -> None:
        """This order's record, or its create, answers so until faults stop."""
        number = self._record(who) or self._order(who)
        adapter = self.world.adapter
        if number is not None:
            (adapter.barred if what == "all" else adapter.unwritable)[number] = BARS[kind]

    def _deny(self, who: int, kind: str) -> None:
        """Writes of this order's record are answered so, and reads show it, until faults stop."""
        number = self._record(who)
        if number is not None:
            self.world.adapter.unwritable[number] = DENIALS[kind]

    def _unbar(self) -> None:
        self.world.adapter.barred.clear()
        self.world.adapter.unwritable.clear()

    def _at(self, number: int, step: Step) -> None:
        """In the middle of what runs next."""

        def act() -> None:
            if step.kind == "takeover" and not self._may_be_overtaken():
                self.world.effects.at(1, act)
            else:
                self.do(step)

        self.world.effects.at(number, act)

    def _may_be_overtaken(self) -> bool:
        """Nobody else can do anything while this process commits. And between an intent's commit
        and its request lies the window that no lease can close (docs/decisions.md)."""
        if self.world.effects.names[-1] == "mirror.commit":
            return False
        with self.world.mirror.read() as tx:
            sending = select(intents.c.id).where(intents.c.state == IntentState.STARTED.value)
            return tx.conn.execute(sending).first() is None

    def _columns(self, ahead: int) -> None:
        """Somebody puts columns before the others of the board, or takes them away. What a board
        was like when syncd first saw it is what its columns mean."""
        with self.world.mirror.read() as tx:
            if load_kept(tx) is not None:
                self.world.cmms.ahead = ahead

    def _option(self) -> None:
        """A person changes an option and starts syncd anew. Where the two sides were at rest, that
        alone writes nothing."""
        rests = self._comes_to_rest()
        self.world.adapter.denied.clear()  # what may be corrected so is tried again
        self.world.adapter.days = not self.world.adapter.days
        self.world.restart()
        if rests:
            before = len(self.world.ledger.writes())
            for _ in range(2):
                self.world.tick(full=True)
            written = self.world.ledger.writes()[before:]
            if written:
                self.faults.append(f"a changed option alone has written: {written[0]}")

    def _comes_to_rest(self) -> bool:
        world = self.world
        world.effects.forget()
        for _ in range(_SOON):
            before = len(world.ledger.writes())
            world.clock.sleep(61)
            done = world.tick(full=True)
            same = len(world.ledger.writes()) == before
            if same and not self._apart(done) and not self._is_parked():
                return done is not None and done.s2e.sweep == "complete" and not done.plan.latches
        return False

    def _is_parked(self) -> bool:
        """A changed option has what was refused tried again."""
        with self.world.mirror.read() as tx:
            return tx.conn.execute(select(parked.c.id)).first() is not None

    def _crash_again(self, later: int) -> None:
        """Die, and so many effects after the restart once more."""
        self.world.dies_again_after = later
        crash()

    def _crash_deciding(self) -> None:
        """The next cycle reads, and dies before it has decided."""
        self.world.dies_deciding = True

    def _answer(self, side: str) -> None:
        def does(tx: Tx) -> None:
            waits = select(conflicts.c.s2e_id, conflicts.c.field).where(
                conflicts.c.winner.is_(None), conflicts.c.resolved_at.is_(None)
            )
            for s2e_id, name in list(tx.conn.execute(waits)):
                answer_conflict(tx, s2e_id, Field(name), Side(side))

        self.world.person(does)

    def _retry(self) -> None:
        """A person has looked into what is parked, a create in doubt among it."""

        self.world.adapter.denied.clear()

        def does(tx: Tx) -> None:
            for s2e_id in sorted(set(tx.conn.execute(select(parked.c.s2e_id)).scalars())):
                release_holds(tx, s2e_id, None, drop=False)
                self.world.ledger.add(self.world.clock.now, "cmms", "person", "look", s2e_id=s2e_id)

        self.world.person(does)

    def _release(self) -> None:
        self.world.person(lambda tx: release_guard(tx, None))

    # ── bringing it to rest ───────────────────────────────────────────────────────────────

    def rest(self) -> list[str]:
        """Faults stop, the clock is set right, people release the guards, waits end."""
        world = self.world
        world.effects.forget()
        world.upstream.twin.faults.clear()
        world.upstream.late.clear()
        world.adapter.faults.clear()
        self._unbar()
        world.cmms.ahead = 0
        if world.clock.error_s:
            world.clock.error_s = 0.0
            world.tick()  # in which waits and answers of the wrong time begin anew
        return self._come_in_step() or self._find_what_is_gone()

    def _come_in_step(self) -> list[str]:
        complete = 0
        apart: list[str] = []
        for _ in range(_RETRIES):
            done = self._wait_and_read()
            complete += done is not None and done.s2e.sweep == "complete"
            apart = self._apart(done)
            if self._tries_again() or (done is not None and done.plan.latches):
                complete = 0  # a wait that is declared has not ended, or a person is waited for
                continue
            if not apart:
                return []
            if complete >= _CYCLES:
                break
        if not apart:
            return []
        return [f"not in step after {complete} complete sweeps: {'; '.join(apart)}"]

    def _find_what_is_gone(self) -> list[str]:
        """A record is known to be gone after several whole reads without it. An order that waits
        because of it goes on then."""
        for _ in range(_CYCLES):
            done = self._wait_and_read()
        apart = self._apart(done)
        return [f"apart once what is gone is known: {'; '.join(apart)}"] if apart else []

    def _wait_and_read(self) -> CycleReport | None:
        self.world.clock.sleep(_WAITS_S)
        self._release()
        return self.world.tick(full=True)

    def _apart(self, done: CycleReport | None) -> list[str]:
        if done is None:
            return ["the last cycle did not end"]
        with self.world.mirror.read() as tx:
            counts = status_counts(tx)
        left = [f"{counts['pending']} pending"] if counts["pending"] else []
        return left + still_apart(self.world)

    def _tries_again(self) -> bool:
        with self.world.mirror.read() as tx:
            timed = select(parked.c.id).where(parked.c.until.is_not(None))
            return tx.conn.execute(timed).first() is not None

    def idle(self, cycles: int) -> list[str]:
        before = len(self.world.ledger.writes())
        for _ in range(cycles):
            self.world.tick()
        after = self.world.ledger.writes()[before:]
        return [f"{len(after)} writes in {cycles} idle cycles: {after[:3]}"] if after else []
