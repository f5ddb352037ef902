"""Update one record, step by step in the mapping's order.

    read the record         it has changed since we planned?   Changed, nothing is sent
    check all steps         one of them cannot be written?     Refused, nothing is sent
    send step after step    the record is read again before each whose request depends on it
    read the record again   the caller gets what it holds now

A step that is refused after another one was done concerns its own fields alone: the others are
written, and the caller is told of both (`PartlyWritten`). An update that fails in another way after
its first step is never reported as a refusal: a part of it has been done, so the record has to be
read back. It may be repeated safely, since each step is decided by what the record holds.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.port import PartlyWritten, require_identity
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.locking import WriteLock
from syncd.cmms.rest.read_record import HeldRecord, RecordReader
from syncd.cmms.rest.reply import SIDE, Reply
from syncd.cmms.rest.request import PreparedRequest
from syncd.cmms.rest.schema import RestMapping
from syncd.cmms.rest.steps import Step, make_step
from syncd.core.case import WriteEffects
from syncd.core.equality import same
from syncd.core.work_order import CmmsRecord, Field, Fields, Value
from syncd.errors import (
    AccessRefused,
    Changed,
    ClearRefusal,
    NotFound,
    Refused,
    RemoteError,
    Unreachable,
)


@dataclass(slots=True)
class WriteProgress:
    """How far a write has come.

    Attributes:
        applied: whether a writing call has taken effect, or may have.
    """

    applied: bool = False

    @contextmanager
    def honest(self, what: str) -> Iterator[None]:
        """Around a whole write: its error says whether any part of it may have taken effect.

        Args:
            what: the write, for the message.
        """
        try:
            yield
        except RemoteError as error:
            if self.applied and isinstance(error, ClearRefusal):
                raise _in_part(what, error) from error
            error.may_have_applied = self.applied
            raise

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one writing call: note whether it has taken effect, or may have."""
        try:
            yield
        except RemoteError as error:
            self.applied |= error.may_have_applied
            raise
        self.applied = True


def _in_part(what: str, error: ClearRefusal) -> Unreachable:
    """The error for a write of which a part was done and the rest refused: it has to be read
    back."""
    return Unreachable(
        f"{what} was done only in part, then: {error}",
        side=SIDE,
        status=error.status,
        request_id=error.request_id,
        may_have_applied=True,
    )


class RecordUpdater:
    """The mapping's `update`: writes changes to records that exist.

    Attributes:
        plain_fields: the fields that a `create` without `fields` takes.
    """

    def __init__(
        self,
        client: Client,
        spec: RestMapping,
        reader: RecordReader,
        record_map: RecordMap,
        lock: WriteLock,
    ) -> None:
        self._client = client
        self._reader = reader
        self._map = record_map
        self._lock = lock
        self._trusts_answers = spec.verify == "reply"
        self._steps = [make_step(step, record_map) for step in spec.update]
        create = spec.create
        plain = [step for step in self._steps if create is not None and step.plain_for(create)]
        self.plain_fields = frozenset(name for step in plain for name in step.fields)

    def update(
        self,
        cmms_id: str,
        fields: Fields,
        expected: Fields,
        s2e_ids: Collection[str | None] | None = None,
    ) -> CmmsRecord:
        """See `port.update` and `port.update_carrying`."""
        progress = WriteProgress()
        with progress.honest(f"the update of {cmms_id}"):
            held = self._reader.read(cmms_id)
            if s2e_ids is not None:
                require_identity(held.record, s2e_ids)
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
        """Write those fields that the record does not hold yet, and return the record as it is
        afterwards."""
        changes = {name: value for name, value in fields.items() if not _holds(held, name, value)}
        due = self._due(changes, held)
        record: CmmsRecord | None = held.record
        cmms_id = held.record.cmms_id
        tools = _Tools(
            self._client, self._reader, self._lock, progress, cmms_id, self._trusts_answers
        )
        touched: frozenset[Field] = frozenset()  # what the steps before have changed themselves
        refused: dict[Field, ClearRefusal] = {}
        for number, (step, names) in enumerate(due):
            if number and (step.needs_record or self._lock.locks):
                untouched = [name for name in names if name not in touched]
                held = self._read_again(held, {name: held.fields.get(name) for name in untouched})
            try:
                record = step.run({name: changes[name] for name in names}, held, tools)
            except (Refused, AccessRefused, NotFound) as error:
                if not progress.applied:
                    raise  # nothing was done: the caller may try the fields one by one
                refused |= dict.fromkeys(names, error)
                record = None
            touched |= step.touches
        if not due:
            return held.record
        if record is None:
            record = self._reader.read(cmms_id).record
        record = self._map.recognised(record, fields)
        return PartlyWritten.of(record, refused) if refused else record

    def effects_of(self, fields: Fields, record: CmmsRecord | None) -> WriteEffects:
        """See `port.effects_of`."""
        steps = [step for step in self._steps if set(step.fields) & set(fields)]
        passes = {
            name: values
            for step in steps
            for name, values in step.passes(fields, None if record is None else record.native)
        }
        touches = frozenset(name for step in steps for name in step.touches)
        return WriteEffects(touches, passes)

    def _due(self, changes: Fields, held: HeldRecord) -> list[tuple[Step, list[Field]]]:
        """The steps that have something to write, each with its fields. Raises Refused where a
        change cannot be written."""
        due: list[tuple[Step, list[Field]]] = []
        left = dict(changes)
        for step in self._steps:
            names = [name for name in step.fields if name in left]
            if not names:
                continue
            step.check({name: left.pop(name) for name in names}, held)
            due.append((step, names))
        if left:
            raise Refused(
                f"the mapping's update writes no {', '.join(left)} ({self._map.where})", side=SIDE
            )
        return due

    def _read_again(self, before: HeldRecord, unwritten: Mapping[Field, Value]) -> HeldRecord:
        """The record as it is between two steps. Raises Changed where a field that is still to be
        written has another value than before.

        Args:
            unwritten: these fields, with the values before.
        """
        held = self._reader.read(before.record.cmms_id)
        moved = [name for name, value in unwritten.items() if not _holds(held, name, value)]
        if moved:
            raise Changed(
                f"record {held.record.cmms_id} got another {', '.join(moved)} meanwhile", side=SIDE
            )
        return held


@dataclass(frozen=True, slots=True)
class _Tools:
    """See `steps.StepTools`.

    Attributes:
        trusts_answers: whether the record in an answer is taken for the record as it is.
    """

    client: Client
    reader: RecordReader
    lock: WriteLock
    progress: WriteProgress
    cmms_id: str
    trusts_answers: bool

    def send(
        self, request: PreparedRequest, held: HeldRecord, *, guarded: bool, needs_json: bool
    ) -> Reply:
        whole = self.lock.add_to(request, held.token) if guarded else request
        with self.progress.call():
            return self.client.write(whole, needs_json=needs_json)

    def read(self, request: PreparedRequest) -> Reply:
        return self.client.read(request)

    def read_again(self) -> HeldRecord:
        return self.reader.read(self.cmms_id)

    def record_in(self, reply: Reply, item: Expression) -> CmmsRecord | None:
        native = reply.search(item) if self.trusts_answers else None
        return self.reader.record(native) if isinstance(native, dict) else None


def _holds(held: HeldRecord, name: Field, value: Value) -> bool:
    """Whether the record holds this value, or a native one that stands for it."""
    if same(held.fields.get(name), value):
        return True
    return isinstance(value, str) and value in held.record.equivalents.get(name, frozenset())
