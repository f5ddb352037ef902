"""What became of people's edits, from the two ledgers and the conflict log alone."""

from collections.abc import Collection, Iterator

from tests.simulation.ledger import Event, Ledger, Plain, plain

Logged = Collection[tuple[str, str, str, Plain]]  # order, field, side, that side's value
ACROSS = "across"
LOGGED = "in the conflict log"
SUPERSEDED = "superseded by a later edit"
UNSEEN = "that no merge can see"  # decision 38
LOST = "lost"


def edits(ledger: Ledger, logged: Logged, *, locks: bool) -> Iterator[tuple[Event, str]]:
    """Each edit of a person, and what became of it.

    Args:
        locks: whether the CMMS refuses to overwrite what it was not expected to hold.
    """
    for event in ledger.events:
        if event.actor == "person" and event.op == "set" and event.before != event.after:
            yield event, _fate(event, ledger, logged, locks)


def _fate(event: Event, ledger: Ledger, logged: Logged, locks: bool) -> str:
    ((name, value),) = event.after.items()
    later = [one for one in ledger.events[event.n + 1 :] if one.s2e_id == event.s2e_id]
    written = [one for one in later if one.op in {"set", "create"} and name in one.after]
    if any(one.side != event.side and one.after[name] == value for one in written):
        return ACROSS
    if (event.s2e_id, name, event.side, value) in logged:
        return LOGGED
    if any(one.side == event.side and one.actor == "person" for one in written):
        return SUPERSEDED
    if _held(event, ledger, name, "cmms" if event.side == "s2e" else "s2e") == value:
        return ACROSS  # a person had entered the same there
    if _put_back(event, ledger, name) or _overwritten_unseen(event, later, name, locks):
        return UNSEEN
    return LOST


def _held(event: Event, ledger: Ledger, name: str, side: str) -> Plain:
    """What a side held in this field when the edit was made."""
    for earlier in reversed(ledger.events[: event.n]):
        told = earlier.op in {"set", "create"} and name in earlier.after
        if told and (earlier.side, earlier.s2e_id) == (side, event.s2e_id):
            return earlier.after[name]
    return None


def _put_back(event: Event, ledger: Ledger, name: str) -> bool:
    """Whether the side had held the same before: who looks sees no edit."""
    return any(
        earlier.after.get(name) == event.after[name]
        for earlier in ledger.events[: event.n]
        if earlier.op in {"set", "create"}
        and (earlier.side, earlier.s2e_id) == (event.side, event.s2e_id)
    )


def _overwritten_unseen(event: Event, later: list[Event], name: str, locks: bool) -> bool:
    """Whether syncd wrote over it before any answer had shown it."""
    for one in later:
        if one.side == event.side and one.op == "show" and one.as_of > event.n:
            return False
        if one.side == event.side and one.op == "set" and name in one.after:
            return one.actor == "syncd" and not (locks and event.side == "cmms")
    return False


def logged_in(rows: Collection[dict[str, object]]) -> Logged:
    """The conflict log, as `syncd conflicts list --all --json` tells it."""
    return {
        (
            str(row["s2e_id"]),
            str(row["field"]),
            side,
            plain(str(row["field"]), row[f"{side}_value"]),
        )
        for row in rows
        for side in ("s2e", "cmms")
    }
