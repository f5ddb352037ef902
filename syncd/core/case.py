"""All that is known of one work order when the planner decides about it.

A case is read from the mirror as a whole, decided by pure functions, and never changed in
place. Intents are writes journalled before they were sent:

    started ──▶ answered ──▶ confirmed | altered | not_kept | ignored | superseded | refused
       │  └───▶ refused
       └──────▶ in_doubt ──▶ confirmed | altered | not_kept | superseded | not_applied
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    S2eOrder,
    Side,
    Value,
)


class IntentState(StrEnum):
    STARTED = "started"
    ANSWERED = "answered"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    CONFIRMED = "confirmed"
    ALTERED = "altered"
    NOT_KEPT = "not_kept"  # the written side keeps something else, which nobody has entered
    IGNORED = "ignored"
    SUPERSEDED = "superseded"  # applied, and somebody has changed the value since
    NOT_APPLIED = "not_applied"  # in doubt, and the value from before is still there


OPEN_STATES = frozenset({IntentState.STARTED, IntentState.ANSWERED, IntentState.IN_DOUBT})
ARRIVED_STATES = frozenset({IntentState.CONFIRMED, IntentState.ALTERED, IntentState.SUPERSEDED})


class IntentKind(StrEnum):
    CREATE = "create"  # of a CMMS record
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Write:
    """One field of an intent.

    Attributes:
        before: what the written side held when the write was planned.
        sent: what was sent.
        source: what the other side held then: the value this write carries over.
        verdict: what reading back showed; None until something has been read.
    """

    before: Value
    sent: Value
    source: Value
    verdict: IntentState | None = None


@dataclass(frozen=True, slots=True)
class WriteEffects:
    """What a write to a CMMS record does there beside the values that it sends.

    Attributes:
        touches: the fields that the CMMS sets by itself along with it, such as the stamp of a
            completion.
        passes: per field the values that it takes on the way, encoded: the statuses between two
            that no single move connects.
    """

    touches: frozenset[Field] = frozenset()
    passes: Mapping[Field, frozenset[str]] = field(default_factory=dict)

    def may_show(self, name: Field, value: object) -> bool:
        """Whether the write itself may have left this encoded value there, cut off on its way."""
        return name in self.touches or value in self.passes.get(name, ())


NO_EFFECTS = WriteEffects()


@dataclass(frozen=True, slots=True)
class Intent:
    """A write to one side of one work order, committed to the mirror before it was sent."""

    id: int
    s2e_id: str
    side: Side
    kind: IntentKind
    state: IntentState
    writes: Mapping[Field, Write]
    started_at: datetime
    answered_at: datetime | None = None
    cmms_id: str | None = None
    last_synced_before: datetime | None = None  # Scan2Evolve's lastSyncedAt when it was planned
    effects: WriteEffects = NO_EFFECTS
    given_up_at: datetime | None = None  # in doubt since then; nothing of it was sent later


@dataclass(frozen=True, slots=True)
class Link:
    """This `s2e_id` is that `cmms_id`.

    Attributes:
        missing_cycles: in so many cycles in a row `get` found no such record.
        carried: the record was seen to carry this order's id.
    """

    s2e_id: str
    cmms_id: str
    missing_cycles: int = 0
    carried: bool = False


# Reasons of holds that also say what happens to the write next.
REFUSED = "refused"  # with this value: it is never tried again unchanged
FORBIDDEN = "forbidden"  # no access (403): it is tried again by itself
NOT_KEPT = "not_kept"  # that side keeps another value than the one that was written
IDENTITY = "identity"  # the record does not say, or not alone, that it is this order's
DUPLICATE_RECORDS = "duplicate_records"  # several records carry the id of an unlinked order
NOT_FOUND = "not_found"  # 404 to the write, and reads show the record: tried so often, then parked
CHANGED = "changed"  # 409 or 412 to the write, each time: tried so often, then parked
DROPPED = "dropped"  # by a person: the same value is never tried again
RELEASED = "released"  # by a person, from an oscillation: the next write is let through
# The write was sent, and this came of it. For any other reason it was not even tried: then it is
# decided anew each time whether the reason still holds.
TRIED = frozenset(
    {
        REFUSED,
        FORBIDDEN,
        NOT_KEPT,
        NOT_FOUND,
        CHANGED,
        IntentState.IGNORED,
        IntentState.NOT_APPLIED,
    }
)


@dataclass(frozen=True, slots=True)
class Hold:
    """A write that is not tried now.

    Attributes:
        field: None holds the whole order (link, create).
        value: the encoded value that would have been written; a different one lifts the hold.
        until: when to try again by itself; None: parked until a person or another value.
        tries: how often it was tried.
    """

    side: Side
    field: Field | None
    reason: str
    value: object = None
    tries: int = 0
    until: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed a field to different values.

    Attributes:
        winner: None: a person decides.
        from_write: it came of a write of ours, whose value another one met; no owner decided.
    """

    field: Field
    s2e: Value
    cmms: Value
    winner: Side | None
    from_write: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A CMMS record that may be an order's, as it was last seen.

    Attributes:
        seen_at: when the read began that showed it (our clock, UTC).
        linked_to: the order that it is linked to; None: to none.
        named_by: the live unlinked orders whose externalId names it.
    """

    record: CmmsRecord
    seen_at: datetime
    linked_to: str | None = None
    named_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """One work order with everything that bears on it.

    Attributes:
        s2e, cmms: the last observation of the order and of its linked record; None if there is
            no link, or it was never seen (or is gone).
        s2e_seen_at, cmms_seen_at: when the read began that showed it (our clock, UTC).
        claims: all records, linked ones included, that carry this s2e_id.
        referenced: the record that Scan2Evolve's externalId names, where the order is not linked.
            `planning/identity.py` decides whose these records are.
        base_s2e, base_cmms: per field, what each side held when the two last agreed.
        intents: the open ones, oldest first.
        recent: updates that arrived lately: a read may still not show them
            (`planning/readback.py`), and a field may go to and fro (`planning/oscillation.py`).
        given_up: creates that were in doubt and count as not applied, since the order had a record
            last, oldest first. A record that appears after all is theirs.
        searched_at: when the search was asked that has shown all records with its id; None: they
            were not searched for, or without an answer.
        unread: one of the two could not be read in this cycle, and may hold something else by now.
        holds, conflicts: those not yet released or resolved; conflicts waiting for a person.
        answers: per field, the side a person chose to resolve a conflict.
        tombstone: Scan2Evolve answered 404 in two cycles.
    """

    s2e_id: str
    s2e: S2eOrder | None = None
    cmms: CmmsRecord | None = None
    s2e_seen_at: datetime | None = None
    cmms_seen_at: datetime | None = None
    link: Link | None = None
    claims: tuple[Candidate, ...] = ()
    referenced: Candidate | None = None
    base_s2e: Fields = field(default_factory=dict)
    base_cmms: Fields = field(default_factory=dict)
    intents: tuple[Intent, ...] = ()
    recent: tuple[Intent, ...] = ()
    given_up: tuple[Intent, ...] = ()
    searched_at: datetime | None = None
    unread: bool = False
    holds: tuple[Hold, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    answers: Mapping[Field, Side] = field(default_factory=dict)
    tombstone: bool = False
