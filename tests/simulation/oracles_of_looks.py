"""What must be true of how syncd looked: nothing is sent blindly, nothing read by halves."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from syncd.core.work_order import OPEN_STATUSES
from syncd.mirror.db.tables import journal
from tests.simulation.ledger import Event, Plain
from tests.simulation.world import POLL_EVERY_S, READ_LAG_S, World

_SLACK_S = 35.0  # a request that hangs, between the look and the write


def judge_looks(world: World) -> list[str]:
    """All objections to how syncd read, and to what it sent without having read."""
    return [
        *_blind_repeats(world),
        *_sent_twice(world),
        *_stale_grounds(world),
        *_overlooked(world),
        *_hasty_tombstones(world),
    ]


def _key(event: Event) -> str:
    """The order upstream, or the record below; a create is named by its order."""
    return str(event.s2e_id if event.side == "s2e" or event.record is None else event.record)


def _blind_repeats(world: World) -> Iterator[str]:
    """After a write without a clear answer the order is read before anything is sent to it."""
    doubtful: dict[tuple[str, str], Event] = {}
    for event in world.ledger.events:
        key = (event.side, _key(event))
        if event.op == "try":
            if key in doubtful:
                yield f"{key[1]} was written again on {event.side}, and not read before"
            doubtful[key] = event
        elif event.op == "told" or (event.op in {"show", "unkept"} and _since(event, doubtful)):
            doubtful.pop(key, None)
        elif event.op in {"find", "look"}:
            doubtful.pop(("cmms", str(event.s2e_id)), None)


def _since(event: Event, doubtful: dict[tuple[str, str], Event]) -> bool:
    sent = doubtful.get((event.side, _key(event)))
    return sent is not None and event.as_of > sent.n


def _sent_twice(world: World) -> Iterator[str]:
    """What was written and could not yet be read back is not written again."""
    lags = {"s2e": READ_LAG_S, "cmms": world.setup.traits.read_lag_s}
    written: dict[tuple[str, str, str], Event] = {}
    for event in world.ledger.events:
        for name, value in {**event.after, **event.sent}.items():
            key = (event.side, _key(event), name)
            before = written.get(key)
            if event.op == "set" and event.actor == "syncd":
                if name not in event.sent:
                    continue  # a move on the way to what is sent
                sent = event.sent[name]
                if before is not None and before.sent[name] == sent:
                    yield f"{event.s2e_id}.{name} := {sent!r} was sent to {event.side} twice"
                written[key] = event
            elif before is not None and _answers(event, before, name, value, lags[event.side]):
                written.pop(key)


def _answers(event: Event, sent: Event, name: str, value: Plain, lag_s: float) -> bool:
    """Whether this tells what has become of a write: a late enough look, or another's edit."""
    if event.op == "show":
        late = event.at - sent.at >= lag_s - 0.1 or value != sent.before.get(name)
        return event.as_of > sent.n and late
    return event.actor == "person" and event.op == "set"


def _stale_grounds(world: World) -> Iterator[str]:
    """Nothing is sent upstream on the ground of an old look."""
    shown: dict[str | None, float] = {}
    for event in world.ledger.events:
        if event.side != "s2e":
            continue
        if event.op == "show":
            shown[event.s2e_id] = event.at
        elif event.op == "try":
            age = event.at - shown.get(event.s2e_id, float("-inf"))
            if age > POLL_EVERY_S + _SLACK_S + world.adapter.slowest_s:
                yield f"{event.s2e_id} was written after a look {age:.0f} s old"


def _overlooked(world: World) -> Iterator[str]:
    """A cycle that could read a side has seen what was changed there before it began."""
    for look in world.ledger.looks:
        before = world.ledger.events[: look.first]
        during = world.ledger.events[look.first : look.last]
        shown = {_key(event) for event in during if event.op == "show"}
        gone = {_key(event) for event in during if event.op == "delete"}
        if look.s2e:
            open_now = {k for k, v in _upstream(before).items() if look.swept or v in OPEN_STATUSES}
            moved = {_key(event) for event in during if event.actor == "person"}
            began = during[0].at if during else 0.0
            # The lists show it with its status from before.
            moved |= _lagging(before, began - world.setup.s2e_lag_s)
            for s2e_id in sorted(open_now - shown - moved):
                yield f"{s2e_id} was not looked at in cycle {look.first}..{look.last}"
        if look.cmms and not _cannot_tell_the_time(world):
            for number in sorted(_changed_below(world, before) - shown - gone):
                yield f"{number} was changed and not seen in cycle {look.first}..{look.last}"


def _cannot_tell_the_time(world: World) -> bool:
    """Whether our clock was ahead, a record was stamped in the future, and the CMMS has no clock
    that can be asked: nobody can say then which times of change have come yet."""
    dated = world.cmms.is_post_dated and not world.setup.traits.tells_time
    return dated and world.clock.ahead_s > 0


def _upstream(events: list[Event]) -> dict[str, Plain]:
    """The orders there are, with their status."""
    alive: dict[str, Plain] = {}
    for event in events:
        if event.side == "s2e" and event.op in {"create", "set"} and "status" in event.after:
            alive[str(event.s2e_id)] = event.after["status"]
        elif event.side == "s2e" and event.op == "delete":
            alive.pop(str(event.s2e_id), None)
    return alive


def _lagging(events: list[Event], since: float) -> set[str]:
    """Orders whose status syncd has written so lately that reads may not show it."""
    wrote = (e for e in events if e.actor == "syncd" and e.op == "set" and e.at >= since)
    return {_key(event) for event in wrote if event.side == "s2e" and "status" in event.after}


def _changed_below(world: World, events: list[Event]) -> set[str]:
    """Records that a person has changed since they were last shown, and that lists show."""
    changed: set[str] = set()
    now = events[-1].at if events else 0.0
    made: dict[str, float] = {}
    for event in events:
        if event.side != "cmms" or event.record is None:
            continue
        if event.op == "create":
            made[event.record] = event.at
        if event.op in {"show", "delete"}:
            changed.discard(event.record)
        elif event.actor == "person":
            changed.add(event.record)
    lag = world.setup.traits.index_lag_s
    return {number for number in changed if now - made[number] >= lag}


def _hasty_tombstones(world: World) -> Iterator[str]:
    """An order is taken for deleted after two cycles have answered 404, not after one."""
    with world.mirror.read() as tx:
        rows = select(journal.c.s2e_id).where(journal.c.event == "order.tombstoned")
        named = set(tx.conn.execute(rows).scalars())
    for s2e_id in sorted(named):
        start = world.clock.true_utc() - timedelta(seconds=world.clock.now)
        answers = [
            (entry.at - start).total_seconds()
            for entry in world.upstream.twin.ledger.entries
            if entry.s2e_id == s2e_id and entry.status == 404
        ]
        cycles = {bisect_right(world.began, at) for at in answers}
        if len(cycles) < 2 and not (world.takeovers and len(answers) > 1):
            yield f"{s2e_id} was called deleted after one cycle"
