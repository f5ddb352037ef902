"""A CMMS as quirky as they are, with a ledger, and what people do there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from syncd.errors import Changed, NotFound
from tests.simulation.clock import Clock
from tests.simulation.ledger import SHARED, THEIRS, Actor, Ledger, Plain, plain

KEPT = (*SHARED, *THEIRS)
LONGEST = 80  # characters that a normalising CMMS keeps
NATIVE_STATUS = {  # of a CMMS with fewer statuses
    "DRAFT": "OPEN",
    "ASSIGNED": "OPEN",
    "IN_PROGRESS": "WIP",
    "ON_HOLD": "HOLD",
    "COMPLETED": "DONE",
    "CANCELLED": "VOID",
}


@dataclass(frozen=True, slots=True)
class Traits:
    """How this CMMS behaves.

    Attributes:
        finds: a record can be found by the id it carries.
        unique: it refuses a second record with the same id, and hands out the first.
        index_lag_s: for how long lists and searches do not show a new record.
        read_lag_s: for how long a get shows the state from before a write.
        normalises: trims and cuts text, rounds hours to tenths, cuts times to the minute.
        ignores: fields whose writes are taken with success and not kept.
        lossy: DRAFT and ASSIGNED are one status.
        locks: an update of a record that is not as expected is refused.
        filters: lists can be narrowed to what changed since a time.
        clears: fields can be emptied.
        columns: what a status means depends on its place in a board, which people change.
        options: the adapter has an option that bears on how times are read.
    """

    finds: bool = True
    unique: bool = False
    index_lag_s: float = 0.0
    read_lag_s: float = 0.0
    normalises: bool = False
    ignores: frozenset[str] = frozenset()
    lossy: bool = False
    locks: bool = False
    filters: bool = False
    clears: bool = True
    columns: bool = False
    options: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is stored. Values are in the ledger's spelling, status in its own words.

    Attributes:
        earlier: (until, values): what reads show until then.
    """

    number: str
    s2e_id: str | None
    values: Mapping[str, Plain]
    made_at: float
    changed: datetime
    earlier: tuple[float, Mapping[str, Plain]] | None = field(default=None)


class FakeCmms:
    """The records. An adapter and people work on them; both leave their lines in the ledger.

    Attributes:
        ahead: columns that somebody has put before all others of the board. They hold no record,
            and no record has become another one by them.
    """

    def __init__(self, traits: Traits, clock: Clock, ledger: Ledger) -> None:
        self.traits = traits
        self.records: dict[str, Record] = {}
        self.ahead = 0
        self._clock, self._ledger = clock, ledger
        self._numbers = 0

    # ── what people do, and syncd's writes ────────────────────────────────────────────────

    def create(self, actor: Actor, s2e_id: str | None, values: Mapping[str, Plain]) -> Record:
        if self.traits.unique and s2e_id is not None:
            for record in self.records.values():
                if record.s2e_id == s2e_id:
                    return record
        self._numbers += 1
        number = f"R{self._numbers}"
        stored = dict.fromkeys(KEPT) | self._stored(values)
        if stored["status"] is None:
            stored["status"] = self._native("ASSIGNED")
        record = Record(number, s2e_id, stored, self._clock.now, self._stamp())
        self.records[number] = record
        self._tell(actor, "create", record, {}, self._ours(stored), values)
        return record

    def update(
        self,
        actor: Actor,
        number: str,
        values: Mapping[str, Plain],
        expected: Mapping[str, Plain] | None = None,
    ) -> Record:
        """Raises NotFound; Changed where it locks and the record is not as expected."""
        record = self._record(number)
        ours = self._ours(record.values)
        if self.traits.locks and expected is not None:
            for name, value in expected.items():
                if ours[name] != value:
                    raise Changed(f"{name} is {ours[name]!r}", side="cmms")
        kept = values
        if actor == "syncd":
            kept = {n: v for n, v in values.items() if n not in self.traits.ignores}
        stored = {**record.values, **self._stored(kept)}
        lag = self.traits.read_lag_s if actor == "syncd" else 0.0
        earlier = (self._clock.now + lag, record.values) if lag else None
        changed = replace(record, values=stored, changed=self._stamp(), earlier=earlier)
        self.records[number] = changed
        after = self._ours(stored)
        self._tell(
            actor,
            "set",
            changed,
            {name: ours[name] for name in values},
            {name: after[name] for name in values},
            values,
        )
        return changed

    def delete(self, number: str) -> None:
        record = self.records.pop(number)
        self._tell("person", "delete", record, {}, {}, {})

    # ── what reads show ───────────────────────────────────────────────────────────────────

    def shown(self, number: str) -> Record:
        """Raises NotFound."""
        record = self._record(number)
        if record.earlier is not None and self._clock.now < record.earlier[0]:
            return replace(record, values=record.earlier[1])
        return record

    def listed(self, since: datetime | None = None) -> list[Record]:
        """What a list or a search shows: nothing that is younger than the index's lag."""
        return [
            self.shown(number)
            for number, record in self.records.items()
            if self._clock.now - record.made_at >= self.traits.index_lag_s
            and (since is None or record.changed >= since)
        ]

    def carrying(self, s2e_id: str) -> list[Record]:
        return [record for record in self.records.values() if record.s2e_id == s2e_id]

    def values(self, record: Record) -> dict[str, Plain]:
        """In the ledger's words. A status that stands for two of ours is told as the first."""
        return self._ours(record.values)

    def statuses(self, record: Record) -> frozenset[str]:
        """All of our statuses that the record's own stands for."""
        if not self.traits.lossy:
            return frozenset({str(record.values["status"])})
        own = record.values["status"]
        return frozenset(ours for ours, native in NATIVE_STATUS.items() if native == own)

    # ── inside ────────────────────────────────────────────────────────────────────────────

    def _record(self, number: str) -> Record:
        if number not in self.records:
            raise NotFound(f"no record {number}", side="cmms", status=404)
        return self.records[number]

    def _stamp(self) -> datetime:
        """To the second, as many systems keep it."""
        return self._clock.true_utc().replace(microsecond=0)

    def _native(self, status: str) -> str:
        return NATIVE_STATUS[status] if self.traits.lossy else status

    def _stored(self, values: Mapping[str, Plain]) -> dict[str, Plain]:
        stored = {name: plain(name, value) for name, value in values.items()}
        if self.traits.normalises:
            stored = {name: normalised(name, value) for name, value in stored.items()}
        status = stored.get("status")
        return stored | ({"status": self._native(status)} if status is not None else {})

    def _ours(self, stored: Mapping[str, Plain]) -> dict[str, Plain]:
        if not self.traits.lossy:
            return dict(stored)
        ours = {native: status for status, native in reversed(NATIVE_STATUS.items())}
        ours["OPEN"] = "ASSIGNED"
        return dict(stored) | {"status": ours[str(stored["status"])]}

    def _tell(
        self,
        actor: Actor,
        op: str,
        record: Record,
        before: Mapping[str, Plain],
        after: Mapping[str, Plain],
        sent: Mapping[str, Plain],
    ) -> None:
        self._ledger.add(
            self._clock.now,
            "cmms",
            actor,
            op,
            s2e_id=record.s2e_id,
            record=record.number,
            before=before,
            after=after,
            sent=dict(sent) if actor == "syncd" else {},
        )


def whole_day(name: str, value: Plain) -> Plain:
    """As an adapter reads it that is told to read days."""
    if value is None or name not in {"completed_at", "due_date"}:
        return value
    moment = datetime.fromisoformat(value)
    return plain(name, moment.replace(hour=0, minute=0, second=0, microsecond=0))


def normalised(name: str, value: Plain) -> Plain:
    """As a tidy CMMS stores it."""
    if value is None or name == "status":
        return value
    if name == "actual_hours":
        tenths = Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return plain(name, tenths)
    if name in {"completed_at", "due_date"}:
        moment = datetime.fromisoformat(value).replace(second=0, microsecond=0)
        return plain(name, moment)
    return value.strip()[:LONGEST].rstrip() or None
