"""What must be true of people's edits: each went across, gave way to a later one, or is logged."""

from collections.abc import Iterator

from tests.simulation.cmms import Record
from tests.simulation.ledger import SHARED, THEIRS, Event, Plain
from tests.simulation.reasons import Reasons, equal, is_logged
from tests.simulation.world import READ_LAG_S, World


def lost(world: World, told: Reasons) -> Iterator[str]:
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
    world: World, told: Reasons, event: Event, record: Record, name: str, value: Plain
) -> bool:
    """Whether a person's edit reached the other side, gave way to a later one, or is logged."""
    s2e_id, other = str(event.s2e_id), "cmms" if event.side == "s2e" else "s2e"
    if told.excuses(s2e_id, name) or is_logged(world, told, s2e_id, name, event.side, value):
        return True
    upstream, below = world.upstream.values(s2e_id)[name], world.cmms.values(record)[name]
    own, there = (upstream, below) if event.side == "s2e" else (below, upstream)
    if own == value and equal(world, name, upstream, below):
        return True
    if there == value:
        return True
    later = world.ledger.events[event.n + 1 :]
    ours = [one for one in later if one.s2e_id == s2e_id and name in {**one.after, **one.sent}]
    arrived = [one.sent.get(name, one.after.get(name)) for one in ours if one.side == other]
    if any(equal(world, name, value, held) for held in arrived):
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
            if len(held) > 1 and equal(world, name, *both):
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
