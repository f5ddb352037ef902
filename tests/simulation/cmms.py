"""A CMMS as quirky as they are, with a ledger, and what people do there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from syncd.errors import Changed, NotFound
from tests.simulation.clock import Clock
from tests.simulation.ledger import SHARED, THEIRS, Actor, Ledger, Plain, plain

KEPT = (*SHARED, *THEIRS)
_LONG = 2**64  # beyond it, JSON's numbers are floats to many a parser
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
        longest_request_s: for how long it may work on a request.
        index_lag_s: for how long lists and searches do not show a new record.
        read_lag_s: for how long a get shows the state from before a write.
        normalises: trims and cuts text, rounds hours to tenths, cuts times to the minute.
        ignores: fields whose writes are taken with success and not kept.
        lossy: DRAFT and ASSIGNED are one status.
        locks: an update of a record that is not as expected is refused.
        filters: lists can be narrowed to what changed since a time.
        clears: fields can be emptied.
        steps: syncd's update is made in several calls: the status move by move, then the time of
            the completion, which a completion stamps.
        alters: it keeps something else than was entered: short texts, hours in halves.
        repeats: to a create it answers with the record that was made last, as if it were new.
        advances: whoever enters a root cause begins the work: the status becomes IN_PROGRESS.
        reuses: the number of a deleted newest record is given to the next one.
        tells_time: its clock can be asked.
        long_ids: its ids are whole numbers that no float can tell apart.
        columns: what a status means depends on its place in a board, which people change.
        needs: fields without which it takes no COMPLETED from syncd.
        options: the adapter has an option that bears on how times are read.
    """

    finds: bool = True
    unique: bool = False
    longest_request_s: float = 30.0
    index_lag_s: float = 0.0
    read_lag_s: float = 0.0
    normalises: bool = False
    ignores: frozenset[str] = frozenset()
    lossy: bool = False
    locks: bool = False
    filters: bool = False
    clears: bool = True
    steps: bool = False
    alters: bool = False
    reuses: bool = False
    repeats: bool = False
    advances: bool = False
    tells_time: bool = False
    long_ids: bool = False
    columns: bool = False
    options: bool = False
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is stored. Values are in the ledger's spelling, status in its own words.

    Attributes:
        earlier: (until, values): what reads show until then.
        carried_at: when somebody has put the id that it carries into it; None: when it was made.
        spoiled: fields that hold what nobody can read, until they are written.
    """

    number: str
    s2e_id: str | None
    values: Mapping[str, Plain]
    made_at: float
    changed: datetime
    earlier: tuple[float, Mapping[str, Plain]] | None = field(default=None)
    carried_at: float | None = None
    spoiled: frozenset[str] = frozenset()


class FakeCmms:
    """The records. An adapter and people work on them; both leave their lines in the ledger.

    Attributes:
        ahead: columns that somebody has put before all others of the board. They hold no record,
            and no record has become another one by them.
    """

    def __init__(self, traits: Traits, clock: Clock, ledger: Ledger) -> None:
        self.traits = traits
        self.records: dict[str, Record] = {}
        self.is_post_dated = False
        self.ahead = 0
        self._clock, self._ledger = clock, ledger
        self._numbers = 0

    # ── what people do, and syncd's writes ────────────────────────────────────────────────

    def create(self, actor: Actor, s2e_id: str | None, values: Mapping[str, Plain]) -> Record:
        if self.traits.unique and s2e_id is not None:
            for record in self.records.values():
                if record.s2e_id == s2e_id:
                    return record
        if self.traits.repeats and self.records:
            return self.records[max(self.records)]
        number = self._next_number()
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
        s2e_ids: Collection[str | None] | None = None,
        *,
        on_the_way: bool = False,
    ) -> Record:
        """Raises NotFound; Changed where it locks and the record is not as expected, or carries
        none of these ids.

        Args:
            on_the_way: a move between two others, whose value is not what is to be carried over.
        """
        record = self._record(number)
        if s2e_ids is not None and record.s2e_id not in s2e_ids:
            raise Changed(f"{number} carries {record.s2e_id}", side="cmms")
        ours = self._ours(record.values)
        if self.traits.locks and expected is not None:
            for name, value in expected.items():
                if ours[name] != value:
                    raise Changed(f"{name} is {ours[name]!r}", side="cmms")
        kept = values
        if actor == "syncd":
            kept = {n: v for n, v in values.items() if n not in self.traits.ignores}
        stored = {**record.values, **self._stored(kept)}
        if self.traits.advances and "root_cause" in kept:
            stored["status"] = self._native("IN_PROGRESS")
        lag = self.traits.read_lag_s if actor == "syncd" else 0.0
        earlier = (self._clock.now + lag, record.values) if lag else None
        changed = replace(
            record,
            values=stored,
            changed=self._stamp(),
            earlier=earlier,
            spoiled=record.spoiled - kept.keys(),
        )
        self.records[number] = changed
        after = self._ours(stored)
        self._tell(
            actor,
            "set",
            changed,
            {name: ours[name] for name in values},
            {name: after[name] for name in values},
            {} if on_the_way else values,
        )
        return changed

    def lacks(self, number: str | None, values: Mapping[str, Plain]) -> list[str]:
        """What is wanting of a record that is closed by these values; None: of a new one."""
        if values.get("status") != "COMPLETED":
            return []
        held = {} if number is None else self._record(number).values
        left = {**held, **values}
        return sorted(name for name in self.traits.needs if not left.get(name))

    def stamp(self, number: str) -> None:
        """A completion by syncd stamps the record by itself. The stamp may fill a blank upstream
        and is nobody's edit."""
        record = self._record(number)
        if record.values["status"] != self._native("COMPLETED"):
            return
        now = plain("completed_at", self._clock.true_utc().replace(microsecond=0).isoformat())
        stamped = replace(record, values={**record.values, "completed_at": now})
        self.records[number] = stamped
        before = {"completed_at": self._ours(record.values)["completed_at"]}
        self._tell("person", "stamp", stamped, before, {"completed_at": now}, {})

    def retype(self, number: str, s2e_id: str | None) -> None:
        """Somebody puts another id, or none, into a record."""
        record = replace(self._record(number), s2e_id=s2e_id, carried_at=self._clock.now)
        self.records[number] = replace(record, changed=self._stamp())
        self._tell("person", "retype", record, {}, self._ours(record.values), {})

    def delete(self, number: str) -> None:
        record = self.records.pop(number)
        self._tell("person", "delete", record, {}, {}, {})

    def spoil(self, number: str, name: str) -> None:
        """The field comes to hold what nobody can read."""
        record = self.records[number]
        self.records[number] = replace(
            record, spoiled=record.spoiled | {name}, changed=self._stamp()
        )

    def post_date(self, number: str, ahead_s: float) -> None:
        """The record's time of change becomes one that has not come yet."""
        self.is_post_dated = True
        changed = self._clock.true_utc() + timedelta(seconds=ahead_s)
        self.records[number] = replace(self.records[number], changed=changed)

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

    def shown_values(self, record: Record) -> dict[str, Plain]:
        """The values that can be read."""
        values = self._ours(record.values)
        return {name: value for name, value in values.items() if name not in record.spoiled}

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

    def _next_number(self) -> str:
        """Where it reuses numbers, that of a deleted record, if there is no newer one."""
        if self.traits.reuses:
            self._numbers = max(map(self._place, self.records), default=0)
        self._numbers += 1
        return str(_LONG + self._numbers) if self.traits.long_ids else f"R{self._numbers}"

    def _place(self, number: str) -> int:
        return int(number) - _LONG if self.traits.long_ids else int(number[1:])

    def _native(self, status: str) -> str:
        return NATIVE_STATUS[status] if self.traits.lossy else status

    def _stored(self, values: Mapping[str, Plain]) -> dict[str, Plain]:
        stored = {name: plain(name, value) for name, value in values.items()}
        if self.traits.normalises:
            stored = {name: normalised(name, value) for name, value in stored.items()}
        if self.traits.alters:
            stored = {name: altered(name, value) for name, value in stored.items()}
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


def altered(name: str, value: Plain) -> Plain:
    """As a CMMS stores it that has its own mind: no form of what was entered."""
    if value is None or name in {"status", "completed_at", "due_date"}:
        return value
    if name == "actual_hours":
        return plain(name, (Decimal(value) * 2).quantize(Decimal(1), ROUND_HALF_UP) / 2)
    return value if len(value) <= 14 else f"{value[:12]}.."


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
