"""The adapter of the fake CMMS: effects, faults, and the port's words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from syncd.cmms.port import NO_LEARNED, AdapterBase, Capabilities, Learned
from syncd.core.meaning import Meanings
from syncd.core.values import encode_value, parse_value
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import (
    AccessRefused,
    Changed,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.twin.checks import STATUSES
from tests.simulation.clock import Clock
from tests.simulation.cmms import KEPT, FakeCmms, Record, whole_day
from tests.simulation.effects import Effects
from tests.simulation.ledger import Ledger, Plain, plain

Trouble = Literal["refused", "dropped", "lost", "throttled", "nonsense", "invalid"]
TROUBLES: tuple[Trouble, ...] = ("refused", "dropped", "lost", "throttled", "nonsense", "invalid")
_PAGE = 2  # records
_FIELDS = frozenset(Field(name) for name in KEPT)


@dataclass(slots=True)
class Fault:
    """One call of this kind goes wrong, after so many that do not.

    trouble: refused: no connection; dropped: nothing was applied, no answer; lost: it was
    applied, no answer; throttled; nonsense: it answers what is not its API, nothing applied;
    invalid: it says no to these values.
    """

    call: str
    trouble: Trouble
    after: int = 0


def forbidden() -> RemoteError:
    return AccessRefused("403: not this one", side="cmms", status=403)


def locked() -> RemoteError:
    return Unreachable("423: in use", side="cmms", status=423, may_have_applied=False)


def broken() -> RemoteError:
    return Unreachable("500: sorry", side="cmms", status=500)


BARS: dict[str, Callable[[], RemoteError]] = {
    "forbidden": forbidden,
    "locked": locked,
    "broken": broken,
}


class FakeAdapter(AdapterBase):
    """See `syncd.cmms.port`.

    Attributes:
        barred: per record, or order without one, what it answers, whatever is asked of it; a list
            passes over such a record.
        unwritable: per record, what it answers to writes alone.
        days: its option, where it has one: times are read as days.

    What it has learned is forgotten with each process, see `restarted`.
    """

    name = "fake"

    def __init__(self, cmms: FakeCmms, clock: Clock, ledger: Ledger, effects: Effects) -> None:
        self._cmms, self._clock, self._ledger, self._effects = cmms, clock, ledger, effects
        self.faults: list[Fault] = []
        self.barred: dict[str, Callable[[], RemoteError]] = {}
        self.unwritable: dict[str, Callable[[], RemoteError]] = {}
        self.unread: dict[str, RemoteError] = {}
        self._pending: dict[str, Any] = {}
        self.days = False
        self._ahead: int | None = None
        traits = cmms.traits
        self.capabilities = Capabilities(
            reads=_FIELDS | {Field.EXTERNAL_ID, Field.EXTERNAL_STATUS},
            writes=_FIELDS,
            clears=_FIELDS - {Field.STATUS} if traits.clears else frozenset(),
            finds=traits.finds,
            filters_changes=traits.filters,
            change_resolution_s=1.0 if traits.filters else None,
            index_lag_s=traits.index_lag_s,
            read_lag_s=traits.read_lag_s,
            optimistic_lock=traits.locks,
        )

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        after = ""
        self.unread = {}
        while True:
            page = self._call("fetch", partial(self._page, changed_since, after))
            for record in page:
                if record.number in self.barred:
                    self.unread[record.number] = self.barred[record.number]()
                else:
                    yield self._told(record)
            if len(page) < _PAGE:
                return
            after = page[-1].number

    def _page(self, since: datetime | None, after: str) -> list[Record]:
        found = sorted(self._cmms.listed(since), key=lambda record: record.number)
        return [record for record in found if record.number > after][:_PAGE]

    def get(self, cmms_id: str) -> CmmsRecord:
        self._pass(cmms_id)
        return self._told(self._call("get", lambda: [self._cmms.shown(cmms_id)])[0])

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        def found() -> list[Record]:
            return [record for record in self._cmms.listed() if record.s2e_id == s2e_id]

        self._pass(s2e_id)
        as_of = len(self._ledger.events)
        records = [self._told(record) for record in self._call("find", found)]
        now = self._clock.now
        self._ledger.add(now, "cmms", "syncd", "find", s2e_id=s2e_id, as_of=as_of)
        return records

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        self._writes(s2e_id, None, fields)
        made = self._call(
            "create", lambda: [self._cmms.create("syncd", s2e_id, _plain(fields))], writes=True
        )
        return self._told(made[0])

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        self._pass(cmms_id)
        if cmms_id in self.unwritable:
            raise self.unwritable[cmms_id]()
        self._writes(None, cmms_id, fields)
        changed = self._call(
            "update",
            lambda: [
                self._cmms.update("syncd", cmms_id, _plain(fields), self._held(cmms_id, expected))
            ],
            writes=True,
        )
        return self._told(changed[0])

    # ── what it reads by ──────────────────────────────────────────────────────────────────

    def restarted(self) -> None:
        """A new process has learned nothing yet."""
        self._ahead = None

    @property
    def mapping_hash(self) -> str:  # type: ignore[override]
        traits = self._cmms.traits
        if not (traits.columns or traits.options) or (traits.columns and self._ahead is None):
            return ""
        return f"{self._ahead} columns ahead, days {self.days}"

    def learn(self) -> Learned:
        if not self._cmms.traits.columns:
            return NO_LEARNED
        self._call("learn", list)
        return {"ahead": self._cmms.ahead}

    def meanings(self, learned: Learned) -> Meanings:
        read = {f"column {s}": self._moved(s, learned["ahead"]) for s in STATUSES}
        return {Field.STATUS: read} if learned else {}

    def pin(self, learned: Learned) -> None:
        if learned:
            self._ahead = learned["ahead"]

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        if self.days and isinstance(value, datetime):
            return value.replace(hour=0, minute=0, second=0, microsecond=0)
        return value

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        values = {str(name): None if it is None else str(it) for name, it in native.items()}
        number, s2e_id = str(values.pop("number")), values.pop("s2e_id")
        now = self._cmms.records.get(number)
        changed = now.changed if now is not None else self._clock.utcnow()
        return self._told(Record(number, s2e_id, values, 0.0, changed))

    def _moved(self, status: str, ahead: int) -> str:
        """What a status is by its place, with so many columns before it."""
        place = STATUSES.index(status) + ahead
        return STATUSES[min(place, len(STATUSES) - 1)]

    def _seen(self, record: Record) -> dict[str, Plain]:
        """The record's values as this adapter reads them."""
        ahead = self._cmms.ahead if self._ahead is None else self._ahead
        values = self._cmms.values(record)
        if self._cmms.traits.columns:
            values["status"] = self._moved(str(values["status"]), ahead)
        return {n: whole_day(n, it) for n, it in values.items()} if self.days else values

    def _held(self, number: str, expected: Fields) -> dict[str, Plain]:
        """What is expected, in the place of what this adapter reads as that."""
        record = self._cmms.records.get(number)
        held = {} if record is None else self._cmms.values(record)
        return {
            name: held[name]
            if self.days and name in held and whole_day(name, held[name]) == value
            else value
            for name, value in _plain(expected).items()
        }

    def _pass(self, number: str) -> None:
        if number in self.barred:
            self._effects.happen("cmms.barred")
            raise self.barred[number]()

    def _writes(self, s2e_id: str | None, record: str | None, fields: Fields) -> None:
        """A write is about to be sent; not so where it finds no connection."""
        self._pending = {"s2e_id": s2e_id, "record": record, "sent": _plain(fields)}

    def _tell(self, op: str) -> None:
        self._ledger.add(self._clock.now, "cmms", "syncd", op, **self._pending)

    def _call(
        self, name: str, does: Callable[[], list[Record]], *, writes: bool = False
    ) -> list[Record]:
        """One exchange with the CMMS, as a network would have it."""
        trouble = self._trouble(name)
        self._effects.happen(f"cmms.{name}.sent")
        if trouble == "refused":
            raise Unreachable("connection refused", side="cmms", may_have_applied=False)
        if trouble == "throttled":
            raise Throttled("slow down", side="cmms", wait_s=5, may_have_applied=False)
        if writes:
            self._tell("try")
        if trouble == "nonsense":
            raise UnexpectedContent("a login page", side="cmms")
        if trouble == "invalid" and writes:
            self._tell("told")
            raise Refused("not with these values", side="cmms", status=400)
        if trouble in {"dropped", "invalid"}:
            raise Unreachable("no answer", side="cmms")
        as_of = len(self._ledger.events)
        try:
            records = does()
        except (Changed, NotFound):
            if writes:
                self._tell("told")
            raise
        if writes:
            as_of = len(self._ledger.events)
        self._effects.happen(f"cmms.{name}.applied")
        if trouble == "lost":
            raise Unreachable("the answer was lost", side="cmms")
        self._clock.sleep(0.05)
        for record in records:
            if record.number in self.barred:
                continue  # it is listed, and cannot be read
            self._ledger.show(
                self._clock.now,
                "cmms",
                as_of,
                s2e_id=record.s2e_id,
                record=record.number,
                after=self._seen(record),
            )
        if writes:
            self._tell("told")
        self._effects.happen(f"cmms.{name}.answered")
        return records

    def _trouble(self, name: str) -> Trouble | None:
        for fault in self.faults:
            if fault.call not in {name, "any"}:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            self.faults.remove(fault)
            return fault.trouble
        return None

    def _told(self, record: Record) -> CmmsRecord:
        values = self._seen(record)
        native: dict[str, object] = dict(record.values)
        if self._cmms.traits.columns or self._cmms.traits.options:
            native |= {"number": record.number, "s2e_id": record.s2e_id}
        statuses = self._cmms.statuses(record)
        return CmmsRecord(
            cmms_id=record.number,
            s2e_id=record.s2e_id,
            fields={
                **{Field(name): parse_value(Field(name), values[name]) for name in KEPT},
                Field.EXTERNAL_ID: record.number,
                Field.EXTERNAL_STATUS: record.values["status"],
            },
            native=native,
            equivalents={Field.STATUS: statuses} if len(statuses) > 1 else {},
            updated_at=record.changed if self._cmms.traits.filters else None,
        )


def _plain(fields: Fields) -> dict[str, Plain]:
    return {name.value: plain(name.value, encode_value(value)) for name, value in fields.items()}
