"""One update of a record: op by op in the mapping's order, and honest about how far it came.

    read the record          has it moved since we planned?  Changed, nothing sent
    plan all ops             can any of it not be said?      Refused, nothing sent
    send op after op         each from a fresh read where what it sends depends on one
    read the record again    what it holds now is what the caller gets

An update that fails after its first op has gone through is never called a refusal: it may have
applied, and is read back. A repeat of it is safe, since each op is decided from a fresh read.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.locking import WriteLock
from syncd.cmms.rest.read_record import HeldRecord, RecordReader
from syncd.cmms.rest.reply import SIDE, Reply
from syncd.cmms.rest.request import PreparedRequest
from syncd.cmms.rest.schema import CreateCall, UpdateStep
from syncd.cmms.rest.steps import Step, make_step
from syncd.core.equality import same
from syncd.core.work_order import CmmsRecord, Field, Fields, Value
from syncd.errors import Changed, ClearRefusal, Refused, RemoteError, Unreachable


@dataclass(slots=True)
class WriteProgress:
    """How far a write has come.

    Attributes:
        applied: a call that writes has gone through, or may have.
    """

    applied: bool = False

    @contextmanager
    def honest(self, what: str) -> Iterator[None]:
        """Errors from within say whether anything may have applied."""
        try:
            yield
        except RemoteError as error:
            if self.applied and isinstance(error, ClearRefusal):
                raise _in_part(what, error) from error
            error.may_have_applied = self.applied
            raise

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call that writes, whose error tells for itself what it has left."""
        try:
            yield
        except RemoteError as error:
            self.applied |= error.may_have_applied
            raise
        self.applied = True


def _in_part(what: str, error: ClearRefusal) -> Unreachable:
    """A refusal of the rest of something is none of the whole: it is told as an outcome that has
    to be read back."""
    return Unreachable(
        f"{what} was done only in part, then: {error}",
        side=SIDE,
        status=error.status,
        request_id=error.request_id,
        may_have_applied=True,
    )


class RecordUpdater:
    """Writes changes to records that exist.

    Attributes:
        plain_fields: what `create` may take in its own body.
    """

    def __init__(
        self,
        client: Client,
        said: Sequence[UpdateStep],
        records: RecordReader,
        record_map: RecordMap,
        guard: WriteLock,
        *,
        create: CreateCall | None,
        verify: str,
    ) -> None:
        self._client = client
        self._records = records
        self._map = record_map
        self._guard = guard
        self._verify = verify
        self._ops = [make_step(update, record_map) for update in said]
        plain = [op for op in self._ops if create is not None and op.plain_for(create)]
        self.plain_fields = frozenset(name for op in plain for name in op.fields)

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """See `port.update`."""
        progress = WriteProgress()
        with progress.honest(f"the update of {cmms_id}"):
            held = self._records.read(cmms_id)
            if not fields:
                return held.record
            moved = [
                name
                for name, value in expected.items()
                if not _holds(held, name, value) and not _holds(held, name, fields.get(name, value))
            ]
            if moved:
                raise Changed(
                    f"record {cmms_id} has another {', '.join(moved)} than we read", side=SIDE
                )
            return self.bring(held, fields, progress)

    def bring(self, held: HeldRecord, fields: Fields, progress: WriteProgress) -> CmmsRecord:
        """Write what the record does not hold yet; the record afterwards."""
        changes = {name: value for name, value in fields.items() if not _holds(held, name, value)}
        steps = self._steps(changes, held)
        record: CmmsRecord | None = held.record
        cmms_id = held.record.cmms_id
        hands = _Tools(
            self._client, self._records, self._guard, progress, cmms_id, self._verify == "reply"
        )
        touched: frozenset[Field] = frozenset()  # by what we have written ourselves
        for number, (op, names) in enumerate(steps):
            if number and (op.needs_record or self._guard.locks):
                still = [name for name in names if name not in touched]
                held = self._again(held, {name: held.fields.get(name) for name in still})
            wanted = {name: changes[name] for name in names}
            record = op.run(wanted, held, hands)
            touched |= op.touches
        if not steps:
            return held.record
        if record is None:
            record = self._records.read(cmms_id).record
        return self._map.recognised(record, fields)

    def check(self, fields: Fields) -> None:
        """Raise Refused for a value that no record could be given."""
        told = self._map.write(fields, {})
        if not isinstance(told, list):
            raise Refused(told.detail, side=SIDE)

    def _steps(self, changes: Fields, held: HeldRecord) -> list[tuple[Step, list[Field]]]:
        """The ops with what each takes. Raises Refused for what cannot be written."""
        steps: list[tuple[Step, list[Field]]] = []
        left = dict(changes)
        for op in self._ops:
            names = [name for name in op.fields if name in left]
            if not names:
                continue
            op.check({name: left.pop(name) for name in names}, held)
            steps.append((op, names))
        if left:
            raise Refused(
                f"the mapping's update writes no {', '.join(left)} ({self._map.where})", side=SIDE
            )
        return steps

    def _again(self, before: HeldRecord, unwritten: Mapping[Field, Value]) -> HeldRecord:
        """The record read again between two ops; what is still to be written has not moved."""
        held = self._records.read(before.record.cmms_id)
        moved = [name for name, value in unwritten.items() if not _holds(held, name, value)]
        if moved:
            raise Changed(
                f"record {held.record.cmms_id} got another {', '.join(moved)} meanwhile", side=SIDE
            )
        return held


@dataclass(frozen=True, slots=True)
class _Tools:
    """See `ops.Hands`."""

    client: Client
    records: RecordReader
    guard: WriteLock
    progress: WriteProgress
    cmms_id: str
    trusts: bool

    def send(
        self, request: PreparedRequest, held: HeldRecord, *, guarded: bool, needs_json: bool
    ) -> Reply:
        whole = self.guard.put(request, held.token) if guarded else request
        with self.progress.call():
            return self.client.write(whole, needs_json=needs_json)

    def read(self, request: PreparedRequest) -> Reply:
        return self.client.read(request)

    def again(self) -> HeldRecord:
        return self.records.read(self.cmms_id)

    def told(self, reply: Reply, item: Expression) -> CmmsRecord | None:
        found = reply.look(item) if self.trusts else None
        return self.records.record(found) if isinstance(found, dict) else None


def _holds(held: HeldRecord, name: Field, value: Value) -> bool:
    """Whether the record holds this value, or a native one that stands for it."""
    if same(held.fields.get(name), value):
        return True
    return isinstance(value, str) and value in held.record.equivalents.get(name, frozenset())
