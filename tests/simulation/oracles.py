"""What must be true of a history, judged from what really happened on both sides.

The mirror is asked for one thing only: which reason it gives for what is not in step.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from syncd.core.policy import Scope
from syncd.core.work_order import OPEN_STATUSES
from syncd.mirror.db.tables import conflicts, drifts, links, parked, s2e_orders
from tests.simulation.cmms import NATIVE_STATUS, Record, altered, normalised, whole_day
from tests.simulation.ledger import SHARED, THEIRS, Event, Plain, plain
from tests.simulation.world import POLL_EVERY_S, READ_LAG_S, World

_BOOKKEEPING = {"external_id", "external_status"}


def judge(world: World) -> list[str]:
    """All objections to what has happened; none: nothing was lost, doubled or made up."""
    told = _Told(world)
    return [
        *_doubled(world),
        *_created_although_there(world),
        *_needless(world),
        *_invented(world, told),
        *_echoed(world),
        *_went_back(world),
        *_nulls(world),
        *_linked_one_of_several(world),
        *_waits_in_vain(world),
        *_lost(world, told),
    ]


# ── the mirror's reasons ──────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Told:
    """What the mirror says: links, and why something is not in step."""

    links: dict[str, str]
    relinked: set[str]  # orders that were linked to another record before
    scope: dict[str, str]
    tombstones: set[str]
    held: set[tuple[str, str]]  # (order, field); "" is the whole order
    conflicts: set[tuple[str, str, str, Plain]]  # (order, field, side, that side's value)

    def __init__(self, world: World) -> None:
        with world.mirror.read() as tx:
            rows = tx.conn.execute
            linked = list(rows(select(links)))
            self.links = {row.s2e_id: row.cmms_id for row in linked}
            self.relinked = {row.s2e_id for row in linked if row.how == "relinked"}
            orders = list(rows(select(s2e_orders)))
            self.scope = {row.s2e_id: row.out_of_scope for row in orders if row.out_of_scope}
            self.tombstones = {row.s2e_id for row in orders if row.tombstone_at is not None}
            self.held = {(row.s2e_id, row.field) for row in rows(select(parked))}
            self.held |= {(row.s2e_id, row.field) for row in rows(select(drifts))}
            self.conflicts = set()
            for row in rows(select(conflicts)):
                for side, value in (("s2e", row.s2e_value), ("cmms", row.cmms_value)):
                    spelled = plain(row.field, value)
                    self.conflicts.add((row.s2e_id, row.field, side, spelled))
                if row.winner is None and row.resolved_at is None:
                    self.held.add((row.s2e_id, row.field))

    def excuses(self, s2e_id: str, name: str) -> bool:
        return (s2e_id, name) in self.held or (s2e_id, "") in self.held


# ── in step ───────────────────────────────────────────────────────────────────────────────


def still_apart(world: World) -> list[str]:
    """Where the two sides differ without a reason that the mirror gives."""
    told = _Told(world)
    return [fault for s2e_id in world.upstream.ids() for fault in _apart(world, told, s2e_id)]


def _apart(world: World, told: _Told, s2e_id: str) -> Iterator[str]:
    if s2e_id in told.tombstones:
        yield f"{s2e_id} is there and called deleted"
        return
    record = world.cmms.records.get(told.links.get(s2e_id, ""))
    if record is None:
        yield from _unlinked(world, told, s2e_id)
        return
    upstream, below = world.upstream.values(s2e_id), world.cmms.values(record)
    below |= {"external_id": record.number, "external_status": record.values["status"]}
    for name in (*SHARED, *THEIRS, *sorted(_BOOKKEEPING)):
        same = _equal(world, name, upstream[name], below[name])
        if name == "completed_at" and _is_logged_stamp(world, told, s2e_id, below[name]):
            continue
        if not same and not told.excuses(s2e_id, name) and not _blank(world, s2e_id, name):
            yield f"{s2e_id}.{name}: {upstream[name]!r} upstream, {below[name]!r} in the CMMS"


def _is_logged(world: World, told: _Told, s2e_id: str, name: str, side: str, value: Plain) -> bool:
    """Whether the log of conflicts has this value of a side; as days, where syncd may read days."""
    if not world.setup.traits.options:
        return (s2e_id, name, side, value) in told.conflicts
    logged = {
        it
        for order, of, held_by, it in told.conflicts
        if (order, of, held_by) == (s2e_id, name, side)
    }
    return whole_day(name, value) in {whole_day(name, it) for it in logged}


def _is_logged_stamp(world: World, told: _Told, s2e_id: str, value: Plain) -> bool:
    """Whether the CMMS's time came with a status that we wrote, which replaces nothing upstream,
    and the log has it; or has what somebody had entered before the stamp."""
    if (s2e_id, "completed_at", "cmms", value) in told.conflicts:
        return True
    stamps = [e.after["completed_at"] for e in world.ledger.events if e.op == "stamp"]
    logged = {(order, name) for order, name, _side, _value in told.conflicts}
    return value in stamps and (s2e_id, "completed_at") in logged


def _blank(world: World, s2e_id: str, name: str) -> bool:
    """Whether Scan2Evolve, whose field it is, has never held a value: a blank never erases."""
    values = [
        e.after.get(name) for e in world.ledger.events if (e.side, e.s2e_id) == ("s2e", s2e_id)
    ]
    return name in THEIRS and not any(values)


def _unlinked(world: World, told: _Told, s2e_id: str) -> Iterator[str]:
    if (s2e_id, "") in told.held:
        return
    carrying = world.cmms.carrying(s2e_id)
    if s2e_id in told.links:
        if told.scope.get(s2e_id) != "cmms_missing":
            yield f"{s2e_id} has lost its record, which nobody says"
    elif len(carrying) == 1:
        yield f"{s2e_id} has a record and is not linked"
    elif told.scope.get(s2e_id) is None:
        yield f"{s2e_id} is left out without a reason"
    elif world.setup.create and not carrying:
        values = world.upstream.values(s2e_id)
        if values["status"] in OPEN_STATUSES and values["external_id"] is None:
            yield f"{s2e_id} was not created"


def _equal(world: World, name: str, upstream: Plain, below: Plain) -> bool:
    """Whether nothing has to be written to make the two the same."""
    if upstream == below:
        return True
    if name == "status":
        native = [NATIVE_STATUS[str(value)] for value in (upstream, below)]
        return world.setup.traits.lossy and native[0] == native[1]
    return _tidy(world, name, upstream) == _tidy(world, name, below)


def _tidy(world: World, name: str, value: Plain) -> Plain:
    """The value after both sides have made of it what they make of values."""
    if value is None or name in {"status", *_BOOKKEEPING}:
        return value
    if world.setup.s2e_normalises:
        if name == "actual_hours":
            value = plain(name, round(Decimal(value), 2))
        elif name in {"completed_at", "due_date"}:
            value = plain(name, datetime.fromisoformat(str(value)).replace(microsecond=0))
        else:
            value = unicodedata.normalize("NFC", value).strip() or None
    if world.setup.traits.options:
        value = whole_day(name, value)  # as it was perhaps read
    if world.setup.traits.normalises:
        value = normalised(name, value)
    if world.setup.traits.alters and name == "actual_hours":
        return altered(name, value)  # rounded; of a text it keeps something else
    return value


# ── nothing doubled, needless, made up or taken back ──────────────────────────────────────


def _doubled(world: World) -> Iterator[str]:
    made: dict[str | None, int] = {}
    unseen: dict[str | None, str | None] = {}  # records that no answer has shown, and their orders
    for event in world.ledger.events:
        if event.side != "cmms":
            continue
        if event.op == "show":
            unseen.pop(event.record, None)
        elif event.op == "create" and event.actor == "syncd":
            made[event.s2e_id] = made.get(event.s2e_id, 0) + 1
            unseen[event.record] = event.s2e_id
        elif event.op == "retype" and event.record in unseen:
            # Somebody took the id out before any answer showed it: nobody could have known.
            made[unseen.pop(event.record)] -= 1
    for s2e_id, count in made.items():
        if count > 1:
            yield f"{s2e_id} was created {count} times"
    for event in world.ledger.writes("cmms"):
        if event.op == "create" and not world.setup.create:
            yield f"{event.s2e_id} was created in mode adopt"
        status = event.sent.get("status")
        takes_part = world.setup.scope is Scope.ALL or status in OPEN_STATUSES
        if event.op == "create" and not takes_part:
            yield f"{event.s2e_id} was created although it is {status}"


def _created_although_there(world: World) -> Iterator[str]:
    """A record with this id could be found when it was looked for, or nobody looked."""
    lag = world.setup.traits.index_lag_s
    looked: dict[str | None, int] = {}
    there: dict[str, Event] = {}
    for event in world.ledger.events:
        if event.side != "cmms":
            continue
        if event.op == "find":
            looked[event.s2e_id] = event.as_of
        elif event.op == "delete":
            there.pop(str(event.record), None)
        elif event.op == "retype":
            there[str(event.record)] = event
        elif event.op == "create":
            if event.actor == "syncd":
                if world.setup.traits.finds and event.s2e_id not in looked:
                    yield f"{event.s2e_id} was created and not looked for"
                for other in there.values():
                    seen = other.n < looked.get(event.s2e_id, 0) and event.at - other.at > lag
                    if other.s2e_id == event.s2e_id and seen:
                        yield f"{event.s2e_id} was created although {other.record} could be found"
            there[str(event.record)] = event


def _sent(world: World) -> Iterator[tuple[Event, str, Plain, dict[str, dict[str, Plain]]]]:
    """Each field that syncd sent, with what it was shown last of the order and its record."""
    linked = _Told(world).links
    late = {e.asked: e.s2e_id for e in world.ledger.events if e.asked is not None}
    orders: dict[str | None, dict[str, Plain]] = {}
    records: dict[str | None, dict[str, Plain]] = {}
    tried: dict[int | None, dict[str, dict[str, Plain]]] = {}
    for event in world.ledger.events:
        if event.op == "show" and event.side == "s2e":
            orders[event.s2e_id] = dict(event.after)
        elif event.op == "show":
            records[event.record] = {**event.after, "external_id": event.record}
        elif event.op == "try" and event.n in late:
            record = event.record if event.side == "cmms" else linked.get(str(late[event.n]))
            tried[event.n] = {"s2e": orders.get(late[event.n], {}), "cmms": records.get(record, {})}
        elif event.actor == "syncd" and event.op in {"set", "create"}:
            record = event.record if event.side == "cmms" else linked.get(str(event.s2e_id))
            both = {"s2e": orders.get(event.s2e_id, {}), "cmms": records.get(record, {})}
            both = tried.get(event.asked, both)
            for name, value in event.sent.items():
                yield event, name, value, both


def _needless(world: World) -> Iterator[str]:
    for event, name, value, shown in _sent(world):
        if event.op == "set" and shown[event.side].get(name, "never shown") == value:
            yield f"{event.s2e_id}.{name} was {value!r} on {event.side} already, and sent again"


def _went_back(world: World) -> Iterator[str]:
    for event, name, value, shown in _sent(world):
        source = shown["cmms" if event.side == "s2e" else "s2e"]
        if name in _BOOKKEEPING or name not in source:
            continue
        if source[name] != value:
            yield (
                f"{event.s2e_id}.{name} := {value!r} on {event.side}, "
                f"when the other side was last seen to hold {source[name]!r}"
            )


def _invented(world: World, told: _Told) -> Iterator[str]:
    """Every value sent was put on the other side by a person, not by syncd's own writing; or what
    gave way to it is in the log, since no answer has shown whose value it was."""
    held: dict[tuple[str | None, str, str], set[Plain]] = {}
    for event in world.ledger.events:
        if event.actor == "person":
            for name, value in event.after.items():
                held.setdefault((event.s2e_id, event.side, name), set()).add(value)
                if world.setup.traits.options:
                    held[event.s2e_id, event.side, name].add(whole_day(name, value))
    for event, name, value, _ in _sent(world):
        other = "cmms" if event.side == "s2e" else "s2e"
        known = held.get((event.s2e_id, other, name), set())
        if event.s2e_id in told.relinked:
            # What was entered in the record before went upstream, in the form that is kept there,
            # and from there into this one.
            before = held.get((event.s2e_id, event.side, name), set())
            known = known | before | {normalised(name, one) for one in before}
        logged = (event.s2e_id, name, other, value) in told.conflicts
        if logged and world.setup.traits.alters:
            continue
        if name not in _BOOKKEEPING and value not in known:
            yield f"{event.s2e_id}.{name} := {value!r} on {event.side}, which nobody has entered"


def _echoed(world: World) -> Iterator[str]:
    """What a write of ours has stamped in the CMMS replaces no value upstream that was shown."""
    stamps: set[tuple[str | None, Plain]] = set()
    shown: dict[str | None, Plain] = {}
    for event in world.ledger.events:
        if (event.side, event.op) == ("s2e", "show"):
            shown[event.s2e_id] = event.after.get("completed_at")
        if event.op == "stamp":
            stamps.add((event.s2e_id, event.after["completed_at"]))
        elif (event.side, event.actor, event.op) == ("s2e", "syncd", "set"):
            value, before = event.sent.get("completed_at"), event.before.get("completed_at")
            known = before is not None and shown.get(event.s2e_id) == before
            if known and (event.s2e_id, value) in stamps:
                yield f"{event.s2e_id}.completed_at {before!r} gave way to our own stamp {value!r}"


def _nulls(world: World) -> Iterator[str]:
    for entry in world.upstream.twin.ledger.entries:
        if entry.method == "POST" and isinstance(entry.body, dict) and None in entry.body.values():
            yield f"{entry.s2e_id}: null was sent upstream"


def _linked_one_of_several(world: World) -> Iterator[str]:
    """Of two records with one id, neither may be taken for the order's."""
    with world.mirror.read() as tx:
        made = [row for row in tx.conn.execute(select(links)) if row.how == "adopted"]
    for link in made:
        others = [r for r in world.cmms.carrying(link.s2e_id) if r.number != link.cmms_id]
        for other in others:
            carried_at = other.made_at if other.carried_at is None else other.carried_at
            since = world.clock.true_utc() - timedelta(seconds=world.clock.now - carried_at)
            lag = timedelta(seconds=world.setup.traits.index_lag_s + POLL_EVERY_S)
            ahead = timedelta(seconds=world.clock.ahead_s)  # the link may be stamped too late
            if since + lag + ahead < link.made_at:
                yield f"{link.s2e_id} was linked to {link.cmms_id}, and {other.number} was there"


def _waits_in_vain(world: World) -> Iterator[str]:
    """A closing is parked for want of a field only while the record is empty there."""
    with world.mirror.read() as tx:
        of = {row.s2e_id: row.cmms_id for row in tx.conn.execute(select(links))}
        waiting = [r for r in tx.conn.execute(select(parked)) if r.reason == "needs_fields"]
    for row in waiting:
        record = world.cmms.records.get(of.get(row.s2e_id, ""))
        if record is None:
            continue
        if all(record.values[name] for name in world.setup.traits.needs):
            yield f"{row.s2e_id} waits to be closed, and {record.number} lacks nothing"


# ── nothing lost ──────────────────────────────────────────────────────────────────────────


def _lost(world: World, told: _Told) -> Iterator[str]:
    alive = set(world.upstream.ids())
    for event in world.ledger.events:
        if event.actor != "person" or event.op != "set" or event.s2e_id not in alive:
            continue
        s2e_id = event.s2e_id
        record = world.cmms.records.get(told.links.get(s2e_id, ""))
        if record is None or (event.side == "cmms" and record.number != event.record):
            continue  # a side is gone, or never came: `still_apart` asks why
        for name, value in event.after.items():
            counts = name in SHARED or (event.side == "s2e" and name in THEIRS)
            if not counts or event.before.get(name) == value:
                continue
            if not _went_on(world, told, event, record, name, value):
                yield (
                    f"{s2e_id}.{name} := {value!r} on {event.side} (event {event.n}) "
                    "is lost: neither across nor in a log"
                )


def _went_on(
    world: World, told: _Told, event: Event, record: Record, name: str, value: Plain
) -> bool:
    """Whether a person's edit reached the other side, gave way to a later one, or is logged."""
    s2e_id, other = str(event.s2e_id), "cmms" if event.side == "s2e" else "s2e"
    if told.excuses(s2e_id, name) or _is_logged(world, told, s2e_id, name, event.side, value):
        return True
    upstream, below = world.upstream.values(s2e_id)[name], world.cmms.values(record)[name]
    own, there = (upstream, below) if event.side == "s2e" else (below, upstream)
    if own == value and _equal(world, name, upstream, below):
        return True
    if there == value:
        return True
    later = world.ledger.events[event.n + 1 :]
    ours = [one for one in later if one.s2e_id == s2e_id and name in {**one.after, **one.sent}]
    arrived = [one.sent.get(name, one.after.get(name)) for one in ours if one.side == other]
    if any(_equal(world, name, value, held) for held in arrived):
        return True
    if _shown_by_times(world, event, name):
        return _gave_way(world, event, ours, name)
    agreed = {_agreed_last(world, event, record, name, seen=seen) for seen in (False, True)}
    if value in agreed:
        return True  # what both hold, or back to what both held: nothing to carry over
    return _was_shown_so(world, event, name, value) or _gave_way(world, event, ours, name)


def _agreed_last(world: World, event: Event, record: Record, name: str, *, seen: bool) -> Plain:
    """What the two sides held when they were last the same, with this edit at the latest.

    Args:
        seen: as far as syncd was shown it; else as it really was.
    """
    held: dict[str, Plain] = {}
    agreed: Plain = None
    kinds = {"show"} if seen else {"set", "create"}
    for earlier in world.ledger.events[: event.n + 1]:
        told = earlier.op in kinds and name in earlier.after
        if told and earlier.s2e_id == event.s2e_id and earlier.record in {None, record.number}:
            held[earlier.side] = earlier.after[name]
            both = held.get("s2e"), held.get("cmms")
            if len(held) > 1 and _equal(world, name, *both):
                agreed = held[event.side]
    return agreed


def _was_shown_so(world: World, event: Event, name: str, value: Plain) -> bool:
    """Whether the edit makes the field what syncd has just seen it to be: on that side, so that
    nobody can see the edit; or on the other, so that it agrees with all that is known."""
    unseen = {"s2e", "cmms"}
    for earlier in reversed(world.ledger.events[: event.n]):
        told = earlier.op == "show" and earlier.side in unseen and name in earlier.after
        if told and earlier.s2e_id == event.s2e_id:
            unseen.discard(earlier.side)
            if earlier.after[name] == value:
                return True
    return False


def _shown_by_times(world: World, event: Event, name: str) -> bool:
    """Whether Scan2Evolve's own times tell of this edit, though it put back an old value: it
    followed a write of ours that was answered, and the first look that does not lag shows it as
    the last change of the order. Not where it left the field blank: a blank never erases."""
    if event.side != "s2e" or event.after.get(name) is None:
        return False
    ours = [e for e in world.ledger.events if (e.side, e.s2e_id) == ("s2e", event.s2e_id)]
    written = [e for e in ours if e.n < event.n and e.actor == "syncd" and e.op == "set"]
    if not written or name not in written[-1].after:
        return False
    # Nobody can tell it from a write of ours that says the same and was not answered.
    tried = [e for e in ours if written[-1].n < e.n < event.n and e.op == "try"]
    if any(e.sent.get(name) == event.after[name] for e in tried):
        return False
    answer = next((e for e in ours if e.n > written[-1].n and e.op in {"told", "try"}), None)
    if answer is None or answer.op == "try":
        return False
    for later in (e for e in ours if e.n > event.n):
        if later.op == "set":
            return False
        if later.op == "show" and later.at - answer.at >= READ_LAG_S and later.as_of > event.n:
            return True
    return False


def _gave_way(world: World, event: Event, later: list[Event], name: str) -> bool:
    """A later edit of the same field by a person; or a write of ours that nobody could have
    known to be too late, since no read had shown the edit before it was sent."""
    for one in later:
        if one.side != event.side:
            continue
        if one.op == "show" and one.as_of > event.n:
            return any(
                e.side == event.side and e.actor == "person" and e.op == "set" for e in later
            )
        if one.op == "set" and name in one.after:
            locked = event.side == "cmms" and world.setup.traits.locks
            return one.actor == "person" or not locked
    return False
