"""Every answer to every kind of write, with the real engine: what it leaves behind.

python -m tests.simulation.outcomes     prints the table of docs/reference/outcomes.md

`OUTCOMES` (outcome_table.py) says what has to come of each; test_outcomes.py drives each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from syncd.cli.common import exit_code
from syncd.cmms.port import PartlyWritten
from syncd.core.policy import Scope
from syncd.core.work_order import CmmsRecord, Field, Fields
from syncd.engine.results import CycleReport
from syncd.errors import (
    Refused,
    UnexpectedContent,
    Unreachable,
)
from syncd.http.status import error_of, meaning_of
from syncd.mirror.db.database import Tx
from syncd.mirror.db.tables import intents, journal, parked
from tests.simulation.__main__ import quiet
from tests.simulation.cmms import Traits
from tests.simulation.cmms_adapter import FakeAdapter
from tests.simulation.world import Setup, World

LATER = 20  # cycles, of a minute, in which the answer stays the same
LONG_TITLE = "a title that is longer than it keeps"
# Events that say what became of a write.
_EVENTS = ("push.", "link.created", "order.parked", "api.", "conflict.", "auth.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one answer to one kind of write leaves behind.

    Attributes:
        state: of the intent, after the cycle in which it was sent.
        held: why it is not tried, or not now; "" nothing holds it. With "…" it is tried again.
        events: what the journal says of the write.
        tries: how often it is sent in LATER cycles with the same answer.
        ends: what holds it after those; "" nothing.
        code: the exit code of `once` for the cycle in which it was sent.
    """

    state: str
    held: str
    events: str
    tries: int
    ends: str
    code: int


def _status(status: int) -> Callable[[], Exception]:
    def error() -> Exception:
        meaning = meaning_of(status)
        return error_of(meaning, f"{status}: no", side="cmms", status=status, wait_s=5)

    return error


# What the CMMS answers, and what the adapter makes of it.
CMMS_ANSWERS: Mapping[str, Callable[[], Exception] | None] = {
    "success, as sent": None,
    "success, with another value": None,
    "success, in part": None,
    "success, and nothing kept": None,
    "400, 422": _status(400),
    "401": _status(401),
    "403": _status(403),
    "404, 410": _status(404),
    "409, 412": _status(409),
    "429": _status(429),
    "5xx": _status(503),
    "no connection": lambda: Unreachable("refused", side="cmms", may_have_applied=False),
    "no answer, not applied": lambda: Unreachable("reset", side="cmms"),
    "no answer, applied": lambda: Unreachable("reset", side="cmms"),
    "HTML, or wrong JSON": lambda: UnexpectedContent("a login page", side="cmms", status=200),
    "redirect, to a login page too": _status(302),
    "an exception of the adapter's own": lambda: ValueError("a bug"),
}
KINDS = ("create", "update", "status", "sync")  # the last one: to Scan2Evolve


class AnsweringAdapter(FakeAdapter):
    """Answers each write in one way."""

    answer: str = ""
    sent: int = 0

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        return self._answered(
            fields, lambda kept: super(AnsweringAdapter, self).create(s2e_id, kept)
        )

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        return self._answered(
            fields, lambda kept: super(AnsweringAdapter, self).update(cmms_id, kept, expected)
        )

    def _answered(self, fields: Fields, does: Callable[[Fields], CmmsRecord]) -> CmmsRecord:
        if not self.answer:
            return does(fields)
        self.sent += 1
        raises = CMMS_ANSWERS[self.answer]
        if self.answer == "success, in part":
            name = Field.STATUS if Field.STATUS in fields else Field.TITLE
            done = does({n: v for n, v in fields.items() if n != name})
            error = Refused("not this one", side="cmms", status=422)
            return PartlyWritten.of(done, {name: error})
        if self.answer == "success, and nothing kept":
            dropped = {Field.TITLE, Field.STATUS}
            return does({n: v for n, v in fields.items() if n not in dropped})
        if self.answer == "no answer, applied":
            does(fields)
        if raises is None:
            return does(fields)
        raise raises()


def _cmms_world(home: Path, answer: str) -> World:
    quiet()
    alters = answer == "success, with another value"
    traits = Traits(alters=alters, advances=alters)
    world = World(Setup(orders=1, page=8, scope=Scope.ALL, traits=traits), home)
    adapter = AnsweringAdapter(world.cmms, world.clock, world.ledger, world.effects)
    world.adapter = adapter
    world.restart()
    return world


def _drive_cmms(home: Path, answer: str, kind: str) -> Outcome:
    world = begun(home, kind, answer)
    adapter = _adapter_of(world)
    return _observe(world, lambda: adapter.sent)


def begun(home: Path, kind: str, answer: str) -> World:
    """A world in which this kind of write to the CMMS is due, and will be answered so."""
    world = _cmms_world(home, answer)
    (s2e_id,) = world.upstream.ids()
    world.upstream.edit(s2e_id, "status", "ASSIGNED")
    if kind != "create":
        for _ in range(3):
            world.tick(full=True)
            world.clock.sleep(120)
    answering(world, answer)
    if kind == "status":
        world.upstream.edit(s2e_id, "status", "ON_HOLD")
        if answer == "success, with another value":
            world.upstream.edit(s2e_id, "root_cause", "x")  # which advances the status
    else:
        world.upstream.edit(s2e_id, "title", LONG_TITLE)
    return world


def answering(world: World, answer: str) -> None:
    """Have each write answered so from now on; "" as it should be."""
    _adapter_of(world).answer = answer


def _adapter_of(world: World) -> AnsweringAdapter:
    adapter = world.adapter
    assert isinstance(adapter, AnsweringAdapter)
    return adapter


UPSTREAM_ANSWERS: Mapping[str, str] = {
    "success, as sent": "",
    "success, with another value": "",
    "success, and nothing kept": "",
    "400, 422": "status:400",
    "401": "status:401",
    "403": "status:403",
    "404, 410": "status:404",
    "409, 412": "status:409",
    "429": "status:429",
    "5xx": "status:503",
    "no connection": "refuses",
    "no answer, not applied": "drop_before",
    "no answer, applied": "drop_after",
    "HTML, or wrong JSON": "html",
    "success: false": "success_false",
    "redirect, to a login page too": "redirect",
}


def _drive_upstream(home: Path, answer: str) -> Outcome:
    quiet()
    ignores = frozenset({"rootCause"}) if answer == "success, and nothing kept" else frozenset()
    setup = Setup(
        orders=1,
        page=8,
        scope=Scope.ALL,
        s2e_ignores=ignores,
        s2e_normalises=answer == "success, with another value",
    )
    world = World(setup, home)
    (s2e_id,) = world.upstream.ids()
    for _ in range(4):
        world.tick(full=True)
        world.clock.sleep(120)
    kind, _, arg = UPSTREAM_ANSWERS[answer].partition(":")
    if kind == "refuses":
        world.upstream.refuses = frozenset({"POST"})
    elif kind:
        world.upstream.twin.faults.add(kind, "POST", times=10_000, arg=arg)
    (record,) = world.cmms.carrying(s2e_id)
    world.cmms.update("person", record.number, {"root_cause": "worn "})
    before = _posts(world)
    return _observe(world, lambda: _posts(world) - before)


def _posts(world: World) -> int:
    arrived = sum(one.method == "POST" for one in world.upstream.twin.ledger.entries)
    return arrived + world.upstream.refused


def _observe(world: World, sent: Callable[[], int]) -> Outcome:
    with world.mirror.read() as tx:
        seen = [row.id for row in tx.conn.execute(select(intents.c.id))]
        lines = [row.id for row in tx.conn.execute(select(journal.c.id))]
    report: CycleReport | None = None
    for _ in range(5):
        report = world.tick(full=True)
        if sent():
            break
        world.clock.sleep(61)
    assert report is not None
    with world.mirror.read() as tx:
        rows = [r for r in tx.conn.execute(select(intents)) if r.id not in seen]
        events = [r.event for r in tx.conn.execute(select(journal)) if r.id not in lines]
        held = _held(tx)
    states = ", ".join(sorted({row.state for row in rows}))
    told = ", ".join(sorted({e for e in events if e.startswith(_EVENTS)} - {"push.decided"}))
    code = exit_code(report.errors, partial=report.result == "partial")
    for _ in range(LATER):
        world.tick(full=True)
        world.clock.sleep(60)
    with world.mirror.read() as tx:
        ends = _held(tx)
    return Outcome(states, held, told, sent(), ends, code)


def _held(tx: Tx) -> str:
    """The reasons of what is held; with … it is tried again by itself."""
    rows = tx.conn.execute(select(parked))
    return ", ".join(sorted({row.reason + ("" if row.until is None else "…") for row in rows}))


# Cells that cannot be, and why.
IMPOSSIBLE: Mapping[tuple[str, str], str] = {
    ("sync", "success, in part"): "Scan2Evolve takes a changeset as a whole",
    ("sync", "an exception of the adapter's own"): "no adapter is asked",
    **{
        (kind, "success: false"): "an adapter raises what its CMMS means by it"
        for kind in KINDS[:3]
    },
}
ANSWERS = tuple(dict.fromkeys((*CMMS_ANSWERS, *UPSTREAM_ANSWERS)))


def drive(home: Path, kind: str, answer: str) -> Outcome:
    """Give this answer to this kind of write, again and again."""
    return _drive_upstream(home, answer) if kind == "sync" else _drive_cmms(home, answer, kind)


def main() -> None:
    from tests.simulation.outcome_table import lines

    print("\n".join(lines()))


if __name__ == "__main__":
    main()
