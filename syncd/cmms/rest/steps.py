"""The kinds of a step of an update: what each of them sends for the fields that it takes.

plain      the changed fields in one body, or one value in a template
whole      the record as it was read, with the changes in it
by_value   a call of its own for each of our values
moves      one legal move after another, with a read after each
append     a new row with the hours that are missing
for_each   the same body to each of the record's rows, or a new row
"""

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any, Protocol

from syncd.cmms.mapping.records import json_value
from syncd.cmms.mapping.values.converters import Mapped
from syncd.cmms.mapping.values.paths import format_path
from syncd.cmms.mapping.values.record_map import Assignment, FieldMap, RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import CallSpec
from syncd.cmms.rest.moves import Move, Moves
from syncd.cmms.rest.placeholders import Values, fill, names_in
from syncd.cmms.rest.read_record import HeldRecord
from syncd.cmms.rest.reply import SIDE, Reply, holds
from syncd.cmms.rest.request import PreparedRequest, prepare
from syncd.cmms.rest.schema import AppendedRow, CreateCall, RowsCall, UpdateStep
from syncd.cmms.rest.write_body import (
    assignments,
    body_with,
    constants,
    drop,
    pairs,
    require_success,
)
from syncd.core.values import encode_value
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable
from syncd.errors import Changed, Refused, Unreachable

_MOST_LOST = 2  # answers of one step; after each the next move is decided anew
_RECORD = frozenset({"id", "address"})
_TEMPLATES = ("request", "query", "headers", "json_", "form")


class StepTools(Protocol):
    """What a step may do."""

    def send(
        self, request: PreparedRequest, held: HeldRecord, *, guarded: bool, needs_json: bool
    ) -> Reply:
        """Send a request that writes.

        Args:
            held: the record as it was read, for the lock.
            guarded: whether the lock guards the request.
            needs_json: whether the answer has to be JSON.
        """

    def read(self, request: PreparedRequest) -> Reply:
        """Send a request that reads."""

    def read_again(self) -> HeldRecord:
        """The record as it is now."""

    def record_in(self, reply: Reply, item: Expression) -> CmmsRecord | None:
        """The record in this answer; None where the mapping says `verify: get`."""


def template_of(call: CallSpec) -> list[Any]:
    """The parts of a call that may hold placeholders."""
    return [getattr(call, name) for name in _TEMPLATES]


class Step:
    """A plain step: the changed fields in one body. It is also the base of the other kinds.

    Attributes:
        fields: the fields that it writes.
        needs_record: whether its request depends on what the record holds.
        touches: the fields that the CMMS sets by itself along with it.
    """

    def __init__(self, spec: UpdateStep, record_map: RecordMap) -> None:
        self.spec = spec
        self.fields = tuple(Field(name) for name in spec.fields)
        self._map = record_map
        self._item = None if spec.item is None else Expression.parse(spec.item)
        self._success = None if spec.success is None else Expression.parse(spec.success)
        self._carry = {path: Expression.parse(text) for path, text in spec.carry.items()}
        self._one_value = "value" in names_in(template_of(spec))
        self.needs_record = spec.whole is not None or bool(spec.carry)
        self._guarded = spec.lock if spec.lock is not None else True
        self.touches = frozenset(map(Field, spec.touches))

    def plain_for(self, create: CreateCall) -> bool:
        """Whether a create may take these fields in its own body.

        It may if this step's `set` holds only what create's own `set` holds, too, or what names
        the record.
        """
        return not self._one_value and all(
            _RECORD & names_in(value) or (path in create.set and create.set[path] == value)
            for path, value in self.spec.set.items()
        )

    def passes(
        self, changes: Fields, native: Mapping[str, object] | None
    ) -> list[tuple[Field, frozenset[str]]]:
        """The values, encoded, that a field takes on the way to the one that is written.

        Args:
            native: the record as it was read last; None: it is to be made.
        """
        return []

    def check(self, changes: Fields, held: HeldRecord) -> None:
        """Raise Refused where a change cannot be written. Nothing is sent."""
        self._assignments(changes, held)

    def run(self, changes: Fields, held: HeldRecord, tools: StepTools) -> CmmsRecord | None:
        """Write the changes, and return the record afterwards; None: it has to be read for that."""
        request = self._request(self.spec, changes, held, held.values())
        return self._send_and_read(request, held, tools)

    def _send(self, request: PreparedRequest, held: HeldRecord, tools: StepTools) -> Reply:
        needs_json = self.spec.reply == "json"
        reply = tools.send(request, held, guarded=self._guarded, needs_json=needs_json)
        require_success(self._success, reply)
        return reply

    def _send_and_read(
        self, request: PreparedRequest, held: HeldRecord, tools: StepTools
    ) -> CmmsRecord | None:
        reply = self._send(request, held, tools)
        return None if self._item is None else tools.record_in(reply, self._item)

    def _assignments(self, changes: Fields, held: HeldRecord) -> list[Assignment]:
        return assignments(self._map, changes, held.fields)

    def _request(
        self, call: CallSpec, changes: Fields, held: HeldRecord, values: Values
    ) -> PreparedRequest:
        assigned = self._assignments(changes, held)
        body = [*self._carried(held), *constants(self.spec, values)]
        if self._one_value:
            (one,) = assigned
            values = {**values, "value": one.native}
        else:
            body += pairs(assigned)
        base: Any = None
        whole = self.spec.whole
        if whole is not None:
            base = deepcopy(Expression.parse(whole.take).take(held.own))
            if not isinstance(base, dict):
                raise Refused(f"whole: {whole.take} finds no record to send back", side=SIDE)
            for path in whole.drop:
                drop(base, path)
        return body_with(prepare(call, values), body, self.spec.under, base)

    def _carried(self, held: HeldRecord) -> list[tuple[str, Any]]:
        # A copy: a changed field may go into it, and the record stays as it was read.
        return [(path, deepcopy(part.take(held.native))) for path, part in self._carry.items()]

    def _field(self) -> FieldMap:
        return self._map.fields[self.fields[0]]


class ByValueStep(Step):
    """A call of its own for each of our values."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def check(self, changes: Fields, held: HeldRecord) -> None:
        self._call(changes)

    def run(self, changes: Fields, held: HeldRecord, tools: StepTools) -> CmmsRecord | None:
        call = self._call(changes)
        natives = self._field().natives(changes[self.fields[0]])
        native = natives[0] if isinstance(natives, tuple) else None
        values = {**held.values(), "value": native}
        body = [*self._carried(held), *constants(self.spec, values)]
        request = body_with(prepare(call, values), body, self.spec.under, None)
        return self._send_and_read(request, held, tools)

    def _call(self, changes: Fields) -> CallSpec:
        value = changes[self.fields[0]]
        call = (self.spec.by_value or {}).get(str(encode_value(value)))
        if call is None:
            raise Refused(
                f"{self.fields[0]} {encode_value(value)} has no call in by_value "
                f"({self._field().where})",
                side=SIDE,
            )
        return call


class MovesStep(Step):
    """A status that the CMMS changes only in legal moves."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def __init__(self, spec: UpdateStep, record_map: RecordMap) -> None:
        super().__init__(spec, record_map)
        self.needs_record = True
        self._moves = Moves(spec.moves or {})

    def passes(
        self, changes: Fields, native: Mapping[str, object] | None
    ) -> list[tuple[Field, frozenset[str]]]:
        name, convert = self.fields[0], self._field().convert
        target = convert.write(changes[name])
        if isinstance(target, Unwritable):
            return []
        start = self._moves.first if native is None else self._field().reads[0].take(native)
        way = self._moves.way(start, target[0]) or []
        begun = [] if native is not None else [start]  # a new record begins there
        between = [*begun, *(self._spelled(move.to) for move in way[:-1])]
        values = {encode_value(convert.read((one,)).value) for one in between}
        return [(name, frozenset(str(value) for value in values if isinstance(value, str)))]

    def check(self, changes: Fields, held: HeldRecord) -> None:
        (one,) = self._assignments(changes, held)
        self._way(held, one.native)

    def run(self, changes: Fields, held: HeldRecord, tools: StepTools) -> CmmsRecord | None:
        """Send move by move. Each is decided by a fresh read, so a lost answer costs only a
        read."""
        (one,) = self._assignments(changes, held)
        sent, lost = 0, 0
        while way := self._way(held, one.native):
            if sent > len(self._moves.values):
                break  # the CMMS goes in circles; the caller sees what it holds now
            move, before = way[0], native_key(self._native(held))
            values = {**held.values(), "value": self._spelled(move.to), "move": move.name}
            try:
                self._send(self._move_request(values), held, tools)
                sent += 1
            except (Unreachable, Changed) as error:
                # An earlier move of ours may have changed the record after it was answered.
                lost += 1
                if lost > _MOST_LOST or (isinstance(error, Changed) and not sent):
                    raise
                held = tools.read_again()
                continue
            held = tools.read_again()
            if native_key(self._native(held)) == before:
                break  # the CMMS has ignored it
        return held.record

    def _move_request(self, values: Values) -> PreparedRequest:
        body = constants(self.spec, values)
        if not (self._one_value or "move" in names_in(template_of(self.spec))):
            body = [*body, (format_path(self._field().writes[0]), values["value"])]
        return body_with(prepare(self.spec, values), body, self.spec.under, None)

    def _way(self, held: HeldRecord, target: object) -> list[Move]:
        start = self._native(held)
        way = self._moves.way(start, target)
        if way is None:
            raise Refused(
                f"no move leads from {native_key(start) or '(empty)'} to {native_key(target)} "
                f"({self._field().where})",
                side=SIDE,
            )
        return way

    def _native(self, held: HeldRecord) -> object:
        return self._field().reads[0].take(held.native)

    def _spelled(self, key: str) -> Any:
        """The native value as the mapping's table spells it."""
        convert = self._field().convert
        if isinstance(convert, Mapped):
            entry = convert.table.read(key)
            if entry is not None:
                return entry.native
        return key


class AppendStep(Step):
    """Hours as rows: the hours that are missing become a new row. No row is ever taken back."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def __init__(self, spec: UpdateStep, append: AppendedRow, record_map: RecordMap) -> None:
        super().__init__(spec, record_map)
        self._append = append
        self.needs_record = True
        self._guarded = bool(spec.lock)

    def check(self, changes: Fields, held: HeldRecord) -> None:
        self._delta(changes, held)

    def run(self, changes: Fields, held: HeldRecord, tools: StepTools) -> CmmsRecord | None:
        append = self._append
        values = {**held.values(), "delta": self._delta(changes, held)}
        request = prepare(self.spec, values).merged(
            {}, {}, fill(append.json_, values),
            None if append.form is None else fill(append.form, values),
        )  # fmt: skip
        self._send(request, held, tools)
        return None

    def _delta(self, changes: Fields, held: HeldRecord) -> Any:
        name = self.fields[0]
        wanted, has = changes[name], held.fields.get(name)
        if not isinstance(wanted, Decimal) or not isinstance(has, Decimal | None):
            raise Refused(f"{name} cannot be appended to: {has!s:.60} is there", side=SIDE)
        missing = wanted - (has or Decimal(0))
        if missing <= 0:
            raise Refused(
                f"{name} is {has} in the CMMS, which adds rows and takes none back; it cannot "
                f"become {wanted}",
                side=SIDE,
            )
        natives = self._field().convert.write(missing)
        if not isinstance(natives, tuple):
            raise Refused(f"{name} {missing} cannot be written: {natives.detail}", side=SIDE)
        return json_value(natives[0])


class RowsStep(Step):
    """`for_each`: the same changes to each of the record's rows. Where there is none, one may be
    made."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def __init__(self, spec: UpdateStep, rows: RowsCall, record_map: RecordMap) -> None:
        super().__init__(spec, record_map)
        self._rows = rows
        self._items = Expression.parse(rows.items)
        self._where = None if rows.where is None else Expression.parse(rows.where)
        self._guarded = bool(spec.lock)

    def run(self, changes: Fields, held: HeldRecord, tools: StepTools) -> CmmsRecord | None:
        reply = tools.read(prepare(self._rows, held.values()))
        rows = [
            row
            for row in reply.list_at(self._items)
            if self._where is None or holds(self._where, row, reply.where)
        ]
        if not rows and self._rows.make is not None:
            (one,) = self._assignments(changes, held)
            values = {**held.values(), "value": one.native}
            self._send(prepare(self._rows.make, values), held, tools)
        elif not rows:
            raise Refused(
                f"record {held.record.cmms_id} has no rows to write {', '.join(changes)} to",
                side=SIDE,
            )
        for row in rows:
            values = {**held.values(), "child": row}
            self._send(self._request(self.spec, changes, held, values), held, tools)
        return None


def make_step(spec: UpdateStep, record_map: RecordMap) -> Step:
    """The step of this kind."""
    if spec.by_value is not None:
        return ByValueStep(spec, record_map)
    if spec.moves is not None:
        return MovesStep(spec, record_map)
    if spec.append is not None:
        return AppendStep(spec, spec.append, record_map)
    if spec.rows is not None:
        return RowsStep(spec, spec.rows, record_map)
    return Step(spec, record_map)
