"""What really happened on both sides, and what syncd was shown, in one sequence.

Values are kept in one spelling for both sides (`plain`), made here and not by the engine.
"""

import hashlib
import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

Side = Literal["s2e", "cmms"]
Actor = Literal["syncd", "person"]
Plain = str | None
FIELDS = {  # Scan2Evolve's keys of the fields that histories are about
    "status": "status",
    "root_cause": "rootCause",
    "resolution": "resolution",
    "closure_note": "closureNote",
    "completed_at": "completedAt",
    "actual_hours": "actualHours",
    "title": "title",
    "due_date": "dueDate",
    "external_id": "externalId",
    "external_status": "externalStatus",
}
SHARED = ("status", "root_cause", "resolution", "closure_note", "completed_at", "actual_hours")
THEIRS = ("title", "due_date")  # Scan2Evolve's own, which go to the CMMS


def plain(name: str, value: Any) -> Plain:
    """One spelling for values that mean the same."""
    if value is None or value == "":
        return None
    if name == "actual_hours":
        return format(Decimal(str(value)).normalize() + 0, "f")
    if name in {"completed_at", "due_date"}:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return unicodedata.normalize("NFC", str(value).replace("\r\n", "\n"))


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        n: its place; events are in the order in which they took effect.
        at: true seconds since the beginning.
        op: set, create, delete; show: syncd was shown these values, and has kept them; unkept:
            it died before it could; find: it looked for records with this id; look: a person
            did; try: it sent a write; told: it got a clear answer to one.
        s2e_id: the work order; of a CMMS record the id it carries, None if it carries none.
        record: the CMMS record's own id; None upstream.
        before, after: per field that was written or shown, as that side stored it.
        sent: what was sent, where syncd wrote.
        as_of: for a show and a find, the events before this place are in it.
        asked: of a write that was applied when nobody waited for it any more, the place of its try.
    """

    n: int
    at: float
    side: Side
    actor: Actor
    op: Literal[
        "set",
        "create",
        "delete",
        "retype",
        "stamp",
        "show",
        "unkept",
        "find",
        "look",
        "try",
        "told",
    ]
    s2e_id: str | None
    record: str | None = None
    before: Mapping[str, Plain] = field(default_factory=dict)
    after: Mapping[str, Plain] = field(default_factory=dict)
    sent: Mapping[str, Plain] = field(default_factory=dict)
    as_of: int = 0
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One cycle that came to its end.

    Attributes:
        first, last: the places of its first event, and of the first after it.
        s2e, cmms: whether that side could be read.
        swept: whether the whole list was read in it and called complete.
    """

    first: int
    last: int
    s2e: bool
    cmms: bool
    swept: bool


class Ledger:
    """Appends, and answers in the words of the oracles.

    Attributes:
        looks: the cycles that came to their end, oldest first.
        asked: the try of the late write that is being applied, see `Event`.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self.events: list[Event] = []
        self.looks: list[Look] = []
        self._unkept: list[int] = []

    def add(self, at: float, side: Side, actor: Actor, op: Any, **more: Any) -> None:
        more["asked"] = self.asked
        self.events.append(Event(len(self.events), at, side, actor, op, **more))

    def late(self, applies: Callable[[], object]) -> Callable[[], None]:
        """What was tried last, to be applied later."""
        tried = len(self.events) - 1

        def apply() -> None:
            self.asked = tried
            try:
                applies()
            finally:
                self.asked = None

        return apply

    def show(self, at: float, side: Side, as_of: int, **more: Any) -> None:
        """syncd was given an answer with these values; it has them once it has committed."""
        self._unkept.append(len(self.events))
        self.add(at, side, "syncd", "show", as_of=as_of, **more)

    def committed(self) -> None:
        self._unkept.clear()

    def died(self) -> None:
        for place in self._unkept:
            self.events[place] = replace(self.events[place], op="unkept")
        self._unkept.clear()

    def writes(self, side: Side | None = None) -> list[Event]:
        """What syncd has written."""
        return [
            event
            for event in self.events
            if event.actor == "syncd"
            and event.op in {"set", "create"}
            and side in {None, event.side}
        ]

    def digest(self) -> str:
        """The same for the same history."""
        told = [
            [
                e.at,
                e.side,
                e.actor,
                e.op,
                e.s2e_id,
                e.record,
                *map(dict, (e.before, e.after, e.sent)),
            ]
            for e in self.events
        ]
        text = json.dumps(told, sort_keys=True, ensure_ascii=True)
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
