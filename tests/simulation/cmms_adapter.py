"""The adapter of the fake CMMS: effects, faults, and the port's words."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, cast

from syncd import http
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.port import NO_LEARNED, AdapterBase, Capabilities, Learned, PartlyWritten
from syncd.core.case import NO_EFFECTS, WriteEffects
from syncd.core.meaning import Meanings
from syncd.core.values import encode_value, parse_value
from syncd.core.work_order import CmmsRecord, Field, Fields, Unreadable, Unwritable, Value
from syncd.errors import (
    AccessRefused,
    Changed,
    ClearRefusal,
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
from tests.simulation.effects import Crash, Effects
from tests.simulation.ledger import Ledger, Plain, plain

Trouble = Literal[
    "refused",
    "dropped",
    "lost",
    "throttled",
    "nonsense",
    "invalid",
    "late",
    "dies",
    "slow",
    "denied",
]
# What any call may meet; the others belong to a situation.
TROUBLES: tuple[Trouble, ...] = ("refused", "dropped", "lost", "throttled", "nonsense", "invalid")
_PAGE = 2  # records
_FIELDS = frozenset(Field(name) for name in KEPT)


@dataclass(slots=True)
class Fault:
    """One call of this kind goes wrong, after so many that do not.

    trouble: refused: no connection; dropped: nothing was applied, no answer; lost: it was
    applied, no answer; throttled; nonsense: it answers what is not its API, nothing applied;
    invalid: it says no to these values; late: no answer, and it is applied so many seconds later;
    dies: the same, and the process that sent it is killed; slow: the answer is what there was when
    it was asked, and comes so many seconds later; denied: 403 to whoever writes.
    """

    call: str
    trouble: Trouble
    after: int = 0
    seconds: float = 0.0


def forbidden() -> RemoteError:
    return AccessRefused("403: not this one", side="cmms", status=403)


def locked() -> RemoteError:
    return Unreachable("423: in use", side="cmms", status=423, may_have_applied=False)


def broken() -> RemoteError:
    return Unreachable("500: sorry", side="cmms", status=500)


def unfound() -> RemoteError:
    return NotFound("404: no such record", side="cmms", status=404)


def changed() -> RemoteError:
    return Changed("409: not from this state", side="cmms", status=409)


BARS: dict[str, Callable[[], RemoteError]] = {
    "forbidden": forbidden,
    "locked": locked,
    "broken": broken,
}
# What a CMMS may answer to writes of a record that reads show all the while.
DENIALS: dict[str, Callable[[], RemoteError]] = {"unfound": unfound, "changed": changed}


class FakeAdapter(AdapterBase):
    """See `syncd.cmms.port`.

    Attributes:
        barred: per record, or order without one, what it answers, whatever is asked of it; a list
            passes over such a record.
        unwritable: per record, what it answers to writes alone.
        incomplete: closings that were sent without a field which was known to be empty.
        denied: how often each write was answered 404 or 409 since a person last looked.
        broken_rows: so many rows of its list hold no record: every second one comes out of the
            adapter as it is, the others are `nameless`.
        slowest_s: how long its slowest answer has taken.
        days: its option, where it has one: times are read as days.

    What it has learned is forgotten with each process, see `restarted`.
    """

    name = "fake"

    def __init__(self, cmms: FakeCmms, clock: Clock, ledger: Ledger, effects: Effects) -> None:
        self._cmms, self._clock, self._ledger, self._effects = cmms, clock, ledger, effects
        self.faults: list[Fault] = []
        self.barred: dict[str, Callable[[], RemoteError]] = {}
        self.unwritable: dict[str, Callable[[], RemoteError]] = {}
        self.denied: Counter[str] = Counter()
        self.incomplete: list[str] = []
        self.unread: dict[str, RemoteError] = {}
        self.nameless: dict[str, str] = {}
        self.broken_rows = 0
        self.slowest_s = 0.0
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
            longest_request_s=traits.longest_request_s,
            index_lag_s=traits.index_lag_s,
            read_lag_s=traits.read_lag_s,
            optimistic_lock=traits.locks,
            status_needs={"COMPLETED": frozenset(map(Field, traits.needs))},
        )

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        after = ""
        self.unread = {}
        self.nameless = {}
        for number in range(self.broken_rows):
            if number % 2:
                self.nameless[f"null #{number}"] = f"row {number}"
            else:
                yield cast(CmmsRecord, None)
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

    def now(self) -> datetime | None:
        return self._clock.true_utc() if self._cmms.traits.tells_time else None

    def get(self, cmms_id: str) -> CmmsRecord:
        self._pass(cmms_id)
        return self._told(self._call("get", lambda: [self._cmms.shown(cmms_id)])[0])

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        def found() -> list[Record]:
            return [record for record in self._cmms.listed() if record.s2e_id == s2e_id]

        self._pass(s2e_id)
        as_of, asked = len(self._ledger.events), self._clock.now
        records = [self._told(record) for record in self._call("find", found)]
        self._ledger.add(asked, "cmms", "syncd", "find", s2e_id=s2e_id, as_of=as_of)
        return records

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        self._writes(s2e_id, None, fields)

        def makes() -> list[Record]:
            self._want_all(None, fields)
            return [self._cmms.create("syncd", s2e_id, _plain(fields))]

        made = self._call("create", makes, writes=True)
        return self._told(made[0])

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        return self._update(cmms_id, fields, expected, None)

    def update_carrying(
        self, s2e_ids: Collection[str | None], cmms_id: str, fields: Fields, expected: Fields
    ) -> CmmsRecord:
        if not self._cmms.traits.locks:
            return super().update_carrying(s2e_ids, cmms_id, fields, expected)
        return self._update(cmms_id, fields, expected, s2e_ids)

    def effects_of(self, fields: Fields, record: CmmsRecord | None) -> WriteEffects:
        status = fields.get(Field.STATUS)
        if not self._cmms.traits.steps or status is None:
            return NO_EFFECTS
        passes = frozenset(_way(str(status)))
        return WriteEffects(frozenset({Field.COMPLETED_AT}), {Field.STATUS: passes})

    def _update(
        self,
        cmms_id: str,
        fields: Fields,
        expected: Fields,
        s2e_ids: Collection[str | None] | None,
    ) -> CmmsRecord:
        self._pass(cmms_id)
        if cmms_id in self.unwritable:
            error = self.unwritable[cmms_id]()
            if isinstance(error, NotFound | Changed):
                self.denied[f"{cmms_id} {sorted(_plain(fields).items())}"] += 1
            raise error
        parts = list(_parts(fields)) if self._cmms.traits.steps else [fields]
        refused: dict[Field, ClearRefusal] = {}
        changed: list[Record] = []
        for done, part in enumerate(parts):
            on_the_way = Field.STATUS in part and part[Field.STATUS] != fields[Field.STATUS]
            try:
                changed = self._send_part(
                    cmms_id, part, None if done else expected, s2e_ids, on_the_way=on_the_way
                )
            except Refused as error:
                if not done:
                    raise
                refused |= dict.fromkeys(part, error)
            except ClearRefusal as error:
                if not done:
                    raise
                raise Unreachable(f"done only in part: {error}", side="cmms") from error
            except RemoteError as error:
                error.may_have_applied |= bool(done)
                raise
        record = self._told(self._cmms.shown(cmms_id) if refused else changed[0])
        return PartlyWritten.of(record, refused) if refused else record

    def _send_part(
        self,
        cmms_id: str,
        part: Fields,
        expected: Fields | None,
        s2e_ids: Collection[str | None] | None,
        *,
        on_the_way: bool,
    ) -> list[Record]:
        """One call of an update."""
        self._writes(None, cmms_id, part)

        def does() -> list[Record]:
            self._want_all(cmms_id, part)
            before = None if expected is None else self._held(cmms_id, expected)
            record = self._cmms.update(
                "syncd", cmms_id, _plain(part), before, s2e_ids, on_the_way=on_the_way
            )
            if self._cmms.traits.steps and Field.STATUS in part:
                self._cmms.stamp(cmms_id)
                record = self._cmms.records[cmms_id]
            return [record]

        return self._call("update", does, writes=True)

    def _want_all(self, number: str | None, fields: Fields) -> None:
        """Refuse a closing for which something is wanting. syncd must have known what it was shown
        last; somebody may have emptied the field since."""
        lacks = self._cmms.lacks(number, _plain(fields))
        if not lacks:
            return
        shown: Mapping[str, Plain] = {}
        for event in self._ledger.events:
            if (event.side, event.op, event.record) == ("cmms", "show", number):
                shown = event.after
        # That a field of the same write is ignored, nobody can know before.
        if any(shown.get(name) is None for name in set(lacks) - self._cmms.traits.ignores):
            self.incomplete.append(f"{number or 'a new record'} was to be closed without {lacks}")
        raise Refused(f"{lacks} must be filled", side="cmms", status=400)

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
        fault = self._fault(name)
        trouble = None if fault is None else fault.trouble
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
        if trouble == "denied" and writes:
            self._tell("told")
            raise forbidden()
        if fault is not None and trouble in {"late", "dies"}:
            self._apply_late(fault, does, writes=writes)
        if trouble in {"dropped", "invalid", "late", "denied"}:
            raise Unreachable("no answer", side="cmms")
        as_of = len(self._ledger.events)
        try:
            records = does()
        except (Changed, NotFound, Refused):
            if writes:
                self._tell("told")
            raise
        if writes:
            as_of = len(self._ledger.events)
        self._effects.happen(f"cmms.{name}.applied")
        if trouble == "lost":
            raise Unreachable("the answer was lost", side="cmms")
        slow_s = fault.seconds if fault is not None and trouble == "slow" else 0.0
        self.slowest_s = max(self.slowest_s, slow_s)
        self._clock.sleep(slow_s or 0.05)
        for record in records:
            if record.number in self.barred:
                continue  # it is listed, and cannot be read
            self._ledger.show(
                self._clock.now,
                "cmms",
                as_of,
                s2e_id=record.s2e_id,
                record=record.number,
                after={n: it for n, it in self._seen(record).items() if n not in record.spoiled},
            )
        if writes:
            self._tell("told")
        self._effects.happen(f"cmms.{name}.answered")
        return records

    def _apply_late(self, fault: Fault, does: Callable[[], object], *, writes: bool) -> None:
        """It has arrived, and works on it however long nobody waits for it."""

        def applies() -> None:
            with suppress(Changed, NotFound):
                does()

        if writes:
            self._clock.later(fault.seconds, self._ledger.late(applies))
        self._clock.sleep(0.1)
        if fault.trouble == "dies":
            raise Crash

    def _fault(self, name: str) -> Fault | None:
        for fault in self.faults:
            if fault.call not in {name, "any"}:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            self.faults.remove(fault)
            return fault
        return None

    def _told(self, record: Record) -> CmmsRecord:
        values = self._seen(record)
        native: dict[str, object] = dict(record.values)
        if self._cmms.traits.columns or self._cmms.traits.options:
            native |= {"number": record.number, "s2e_id": record.s2e_id}
        statuses = self._cmms.statuses(record)
        spoiled = Unreadable("\ufffd", "nobody can read it")
        cmms_id = self._id(record.number)
        return CmmsRecord(
            cmms_id=cmms_id,
            s2e_id=record.s2e_id,
            fields={
                **{Field(name): parse_value(Field(name), values[name]) for name in KEPT},
                **{Field(name): spoiled for name in record.spoiled},
                Field.EXTERNAL_ID: cmms_id,
                Field.EXTERNAL_STATUS: record.values["status"],
            },
            native=native,
            equivalents={Field.STATUS: statuses}
            if len(statuses) > 1 and "status" not in record.spoiled
            else {},
            updated_at=record.changed if self._cmms.traits.filters else None,
        )

    def _id(self, number: str) -> str:
        """As an adapter has it that reads JSON: long ids are numbers there."""
        if not self._cmms.traits.long_ids:
            return number
        body = f'{{"id": {number}}}'.encode()
        answer = http.Response(200, {"content-type": "application/json"}, body)
        return native_key(http.parse_json(answer, side="cmms", where="")["id"])


def _way(status: str) -> list[str]:
    """The statuses on the way to this one."""
    return ["IN_PROGRESS"] if status == "COMPLETED" else []


def _parts(fields: Fields) -> Iterator[Fields]:
    """The calls of an update: the plain fields, the status move by move, the completion's time."""
    own = (Field.STATUS, Field.COMPLETED_AT)
    plain_fields = {name: value for name, value in fields.items() if name not in own}
    if plain_fields:
        yield plain_fields
    if Field.STATUS in fields:
        for status in [*_way(str(fields[Field.STATUS])), fields[Field.STATUS]]:
            yield {Field.STATUS: status}
    if Field.COMPLETED_AT in fields:
        yield {Field.COMPLETED_AT: fields[Field.COMPLETED_AT]}


def _plain(fields: Fields) -> dict[str, Plain]:
    return {name.value: plain(name.value, encode_value(value)) for name, value in fields.items()}
