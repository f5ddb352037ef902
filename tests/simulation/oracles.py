"""What must be true of a history, judged from what really happened on both sides.

The mirror is asked for one thing only: which reason it gives for what is not in step.
"""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from syncd.core.policy import Scope
from syncd.core.work_order import OPEN_STATUSES
from syncd.mirror.db.tables import links, parked
from tests.simulation.cmms import normalised, whole_day
from tests.simulation.ledger import SHARED, THEIRS, Event, Plain
from tests.simulation.oracles_of_losses import lost
from tests.simulation.reasons import BOOKKEEPING, Reasons, equal
from tests.simulation.world import POLL_EVERY_S, World


def judge(world: World) -> list[str]:
    """All objections to what has happened; none: nothing was lost, doubled or made up."""
    told = Reasons(world)
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
        *lost(world, told),
    ]


# ── in step ───────────────────────────────────────────────────────────────────────────────


def still_apart(world: World) -> list[str]:
    """Where the two sides differ without a reason that the mirror gives."""
    told = Reasons(world)
    return [fault for s2e_id in world.upstream.ids() for fault in _apart(world, told, s2e_id)]


def _apart(world: World, told: Reasons, s2e_id: str) -> Iterator[str]:
    if s2e_id in told.tombstones:
        yield f"{s2e_id} is there and called deleted"
        return
    record = world.cmms.records.get(told.links.get(s2e_id, ""))
    if record is None:
        yield from _unlinked(world, told, s2e_id)
        return
    upstream, below = world.upstream.values(s2e_id), world.cmms.values(record)
    below |= {"external_id": record.number, "external_status": record.values["status"]}
    for name in (*SHARED, *THEIRS, *sorted(BOOKKEEPING)):
        same = equal(world, name, upstream[name], below[name])
        if name == "completed_at" and _is_logged_stamp(world, told, s2e_id, below[name]):
            continue
        if not same and not told.excuses(s2e_id, name) and not _blank(world, s2e_id, name):
            yield f"{s2e_id}.{name}: {upstream[name]!r} upstream, {below[name]!r} in the CMMS"


def _is_logged_stamp(world: World, told: Reasons, s2e_id: str, value: Plain) -> bool:
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


def _unlinked(world: World, told: Reasons, s2e_id: str) -> Iterator[str]:
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
    looked: dict[str | None, Event] = {}
    tried: dict[int | None, Event | None] = {}  # the look before what was sent, and applied late
    there: dict[str, Event] = {}
    for event in world.ledger.events:
        if event.side != "cmms":
            continue
        if event.op == "find":
            looked[event.s2e_id] = event
        elif event.op == "try":
            tried[event.n] = looked.get(event.s2e_id)
        elif event.op == "delete":
            there.pop(str(event.record), None)
        elif event.op == "retype":
            there[str(event.record)] = event
        elif event.op == "create":
            if event.actor == "syncd":
                if world.setup.traits.finds and event.s2e_id not in looked:
                    yield f"{event.s2e_id} was created and not looked for"
                look = tried.get(event.asked, looked.get(event.s2e_id))
                for other in there.values():
                    seen = look and other.n < look.as_of and look.at - other.at > lag
                    if other.s2e_id == event.s2e_id and seen:
                        yield f"{event.s2e_id} was created although {other.record} could be found"
            there[str(event.record)] = event


def _sent(world: World) -> Iterator[tuple[Event, str, Plain, dict[str, dict[str, Plain]]]]:
    """Each field that syncd sent, with what it was shown last of the order and its record."""
    told = Reasons(world)
    linked, of_old = told.links, _records_of(world, told.relinked)
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
            if event.side == "s2e" and event.s2e_id in of_old:
                known = [records[number] for number in of_old[event.s2e_id] & records.keys()]
                both |= {"cmms": _linked_then(event, known) or both["cmms"]}
            for name, value in event.sent.items():
                yield event, name, value, both


def _linked_then(event: Event, records: list[dict[str, Plain]]) -> dict[str, Plain] | None:
    """Of these records the one whose values the write carries over; None: none of them."""
    carried = {n: value for n, value in event.sent.items() if n not in BOOKKEEPING}
    return next((one for one in records if carried.items() <= one.items()), None)


def _records_of(world: World, relinked: set[str]) -> dict[str, set[str]]:
    """The records that have ever carried the ids of these orders."""
    records: dict[str, set[str]] = {}
    for event in world.ledger.events:
        if event.side == "cmms" and event.record is not None and event.s2e_id in relinked:
            records.setdefault(event.s2e_id, set()).add(event.record)
    return records


def _needless(world: World) -> Iterator[str]:
    for event, name, value, shown in _sent(world):
        if event.op == "set" and shown[event.side].get(name, "never shown") == value:
            yield f"{event.s2e_id}.{name} was {value!r} on {event.side} already, and sent again"


def _went_back(world: World) -> Iterator[str]:
    for event, name, value, shown in _sent(world):
        source = shown["cmms" if event.side == "s2e" else "s2e"]
        if name in BOOKKEEPING or name not in source:
            continue
        if source[name] != value:
            yield (
                f"{event.s2e_id}.{name} := {value!r} on {event.side}, "
                f"when the other side was last seen to hold {source[name]!r}"
            )


def _invented(world: World, told: Reasons) -> Iterator[str]:
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
        if name not in BOOKKEEPING and value not in known:
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
        held = list(tx.conn.execute(select(parked)))
    stopped = {row.s2e_id for row in held if not row.field}  # with all their fields
    for row in held:
        if row.reason != "needs_fields" or row.s2e_id in stopped:
            continue
        record = world.cmms.records.get(of.get(row.s2e_id, ""))
        if record is None:
            continue
        if all(record.values[name] for name in world.setup.traits.needs):
            yield f"{row.s2e_id} waits to be closed, and {record.number} lacks nothing"
