"""The kinds of a write: what each sends for the fields that it takes.

plain      the changed fields in one body, or one value in a template
whole      the record as it was read, with the changes in it
by_value   an own call for each of our values
moves      one legal move after another, read in between
append     a new row with the hours that are missing
for_each   the same body to each of the record's rows, or a new row
"""

from copy import deepcopy
from decimal import Decimal
from typing import Any, Protocol

from syncd.cmms.mapping.mapped import json_value
from syncd.cmms.mapping.values.converters import Mapped
from syncd.cmms.mapping.values.paths import format_path
from syncd.cmms.mapping.values.record_map import Assignment, FieldMap, RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import CallSpec
from syncd.cmms.rest.moves import Moves
from syncd.cmms.rest.placeholders import Values, fill, names_in
from syncd.cmms.rest.read_record import HeldRecord
from syncd.cmms.rest.reply import SIDE, Reply, holds
from syncd.cmms.rest.request import PreparedRequest, prepare
from syncd.cmms.rest.schema import CreateCall, UpdateStep
from syncd.cmms.rest.write_body import assignments, body_with, confirm, constants, drop, pairs
from syncd.core.work_order import CmmsRecord, Field, Fields, encode_value
from syncd.errors import Changed, Refused, Unreachable

_AGAIN = 2  # times that a move whose answer is lost is decided anew
_RECORD = frozenset({"id", "address"})
_TEMPLATES = ("request", "query", "headers", "json_", "form")


class StepTools(Protocol):
    """What an op may do."""

    def send(
        self, request: PreparedRequest, held: HeldRecord, *, guarded: bool, needs_json: bool
    ) -> Reply:
        """Send what writes."""

    def read(self, request: PreparedRequest) -> Reply:
        """Send what reads."""

    def again(self) -> HeldRecord:
        """The record as it is now."""

    def told(self, reply: Reply, item: Expression) -> CmmsRecord | None:
        """The record in this answer, where the mapping trusts it."""


def template_of(call: CallSpec) -> list[Any]:
    """All texts of a call that may hold placeholders."""
    return [getattr(call, name) for name in _TEMPLATES]


class PlainStep:
    """The changed fields in one body. Also the base of the other kinds."""

    needs_record = False

    def __init__(self, said: UpdateStep, records: RecordMap) -> None:
        self.said = said
        self.fields = tuple(Field(name) for name in said.fields)
        self._map = records
        self._item = None if said.item is None else Expression.parse(said.item)
        self._success = None if said.success is None else Expression.parse(said.success)
        self._carry = {path: Expression.parse(text) for path, text in said.carry.items()}
        self._one_value = "value" in names_in(template_of(said))
        self.needs_record = said.whole is not None or bool(said.carry)
        self._guarded = said.lock if said.lock is not None else True
        self.touches = frozenset(map(Field, said.touches))

    def plain_for(self, create: CreateCall) -> bool:
        """Whether a create may take these fields in its own body: they need nothing that this
        step sets, beyond what the create sets too and what names the record."""
        return not self._one_value and all(
            _RECORD & names_in(value) or (path in create.set and create.set[path] == value)
            for path, value in self.said.set.items()
        )

    def check(self, changes: Fields, held: HeldRecord) -> None:
        """Raise Refused for what cannot be written; nothing is sent."""
        self._assignments(changes, held)

    def run(self, changes: Fields, held: HeldRecord, hands: StepTools) -> CmmsRecord | None:
        """Write the changes. The record afterwards, if it is known without reading it."""
        reply = self._send(self._request(self.said, changes, held, held.values()), held, hands)
        return None if self._item is None else hands.told(reply, self._item)

    def _send(self, request: PreparedRequest, held: HeldRecord, hands: StepTools) -> Reply:
        needs_json = self.said.reply == "json"
        reply = hands.send(request, held, guarded=self._guarded, needs_json=needs_json)
        confirm(self._success, reply)
        return reply

    def _assignments(self, changes: Fields, held: HeldRecord) -> list[Assignment]:
        return assignments(self._map, changes, held.fields)

    def _request(
        self, call: CallSpec, changes: Fields, held: HeldRecord, values: Values
    ) -> PreparedRequest:
        done = self._assignments(changes, held)
        told = [*self._carried(held), *constants(self.said, values)]
        if self._one_value:
            (one,) = done
            values = {**values, "value": one.native}
        else:
            told += pairs(done)
        base: Any = None
        whole = self.said.whole
        if whole is not None:
            base = deepcopy(Expression.parse(whole.take).take(held.own))
            if not isinstance(base, dict):
                raise Refused(f"whole: {whole.take} finds no record to send back", side=SIDE)
            for path in whole.drop:
                drop(base, path)
        return body_with(prepare(call, values), told, self.said.under, base)

    def _carried(self, held: HeldRecord) -> list[tuple[str, Any]]:
        # A copy: a changed field may go into it, and the record stays as it was read.
        return [(path, deepcopy(found.take(held.native))) for path, found in self._carry.items()]

    def _field(self) -> FieldMap:
        return self._map.fields[self.fields[0]]


class ByValueStep(PlainStep):
    """An own call for each of our values."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def check(self, changes: Fields, held: HeldRecord) -> None:
        self._call(changes)

    def run(self, changes: Fields, held: HeldRecord, hands: StepTools) -> CmmsRecord | None:
        call = self._call(changes)
        natives = self._field().natives(changes[self.fields[0]])
        native = natives[0] if isinstance(natives, tuple) else None
        values = {**held.values(), "value": native}
        told = [*self._carried(held), *constants(self.said, values)]
        request = body_with(prepare(call, values), told, self.said.under, None)
        reply = self._send(request, held, hands)
        return None if self._item is None else hands.told(reply, self._item)

    def _call(self, changes: Fields) -> CallSpec:
        value = changes[self.fields[0]]
        call = (self.said.by_value or {}).get(str(encode_value(value)))
        if call is None:
            raise Refused(
                f"{self.fields[0]} {encode_value(value)} has no call in by_value "
                f"({self._field().where})",
                side=SIDE,
            )
        return call


class MovesStep(PlainStep):
    """A status that the CMMS changes only in legal moves."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def __init__(self, said: UpdateStep, records: RecordMap) -> None:
        super().__init__(said, records)
        self.needs_record = True
        self._moves = Moves(said.moves or {})

    def check(self, changes: Fields, held: HeldRecord) -> None:
        (one,) = self._assignments(changes, held)
        self._way(held, one.native)

    def run(self, changes: Fields, held: HeldRecord, hands: StepTools) -> CmmsRecord | None:
        """Move by move, each decided from a fresh read, so that a lost answer costs a read."""
        (one,) = self._assignments(changes, held)
        sent, lost = 0, 0
        while way := self._way(held, one.native):
            if sent > len(self._moves.values):
                break  # it is led in circles; what it holds now is what the caller sees
            move, before = way[0], native_key(self._native(held))
            values = {**held.values(), "value": self._spelled(move.to), "move": move.name}
            try:
                self._send(self._step(values), held, hands)
                sent += 1
            except (Unreachable, Changed) as error:
                # A move of ours may have stamped the record anew after it was answered.
                lost += 1
                if lost > _AGAIN or (isinstance(error, Changed) and not sent):
                    raise
                held = hands.again()
                continue
            held = hands.again()
            if native_key(self._native(held)) == before:
                break  # the CMMS has ignored it
        return held.record

    def _step(self, values: Values) -> PreparedRequest:
        request = prepare(self.said, values)
        if self._one_value or "move" in names_in(template_of(self.said)):
            return body_with(request, constants(self.said, values), self.said.under, None)
        path = format_path(self._field().writes[0])
        told = [*constants(self.said, values), (path, values["value"])]
        return body_with(request, told, self.said.under, None)

    def _way(self, held: HeldRecord, target: object) -> Any:
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


class AppendStep(PlainStep):
    """Hours as rows: what is missing becomes a new one. Nothing is ever taken back."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def __init__(self, said: UpdateStep, records: RecordMap) -> None:
        super().__init__(said, records)
        self.needs_record = True
        self._guarded = bool(said.lock)

    def check(self, changes: Fields, held: HeldRecord) -> None:
        self._delta(changes, held)

    def run(self, changes: Fields, held: HeldRecord, hands: StepTools) -> CmmsRecord | None:
        append = self.said.append
        if append is None:
            raise ValueError("an append op without append")
        values = {**held.values(), "delta": self._delta(changes, held)}
        request = prepare(self.said, values).merged(
            {}, {}, fill(append.json_, values),
            None if append.form is None else fill(append.form, values),
        )  # fmt: skip
        self._send(request, held, hands)
        return None

    def _delta(self, changes: Fields, held: HeldRecord) -> Any:
        name = self.fields[0]
        wanted, has = changes[name], held.fields.get(name)
        if not isinstance(wanted, Decimal) or not isinstance(has, Decimal | None):
            raise Refused(f"{name} cannot be appended to: {has!s:.60} is there", side=SIDE)
        missing = wanted - (has or Decimal(0))
        if missing <= 0:
            raise Refused(
                f"{name} is {has} in the CMMS, which adds rows and takes none back ({wanted})",
                side=SIDE,
            )
        natives = self._field().convert.write(missing)
        if not isinstance(natives, tuple):
            raise Refused(f"{name} {missing} cannot be written: {natives.detail}", side=SIDE)
        return json_value(natives[0])


class RowsStep(PlainStep):
    """The same changes to each of the record's rows; where there is none, it may be made."""

    def plain_for(self, create: CreateCall) -> bool:
        return False

    def __init__(self, said: UpdateStep, records: RecordMap) -> None:
        super().__init__(said, records)
        self._guarded = bool(said.lock)

    def run(self, changes: Fields, held: HeldRecord, hands: StepTools) -> CmmsRecord | None:
        children = self.said.for_each
        if children is None:
            raise ValueError("a for_each op without for_each")
        reply = hands.read(prepare(children, held.values()))
        found = [] if reply.empty else reply.look(Expression.parse(children.items))
        if not isinstance(found, list):
            raise reply.unexpected(f"holds no list at {children.items}")
        where = None if children.where is None else Expression.parse(children.where)
        rows = [row for row in found if where is None or holds(where, row, reply.where)]
        if not rows and children.make is not None:
            (one,) = self._assignments(changes, held)
            self._send(prepare(children.make, {**held.values(), "value": one.native}), held, hands)
        elif not rows:
            raise Refused(
                f"record {held.record.cmms_id} has no rows to write {', '.join(changes)} to",
                side=SIDE,
            )
        for row in rows:
            values = {**held.values(), "child": row}
            self._send(self._request(self.said, changes, held, values), held, hands)
        return None


Step = PlainStep


def make_step(said: UpdateStep, records: RecordMap) -> Step:
    """The op of this kind."""
    kind: type[PlainStep] = PlainStep
    if said.by_value is not None:
        kind = ByValueStep
    elif said.moves is not None:
        kind = MovesStep
    elif said.append is not None:
        kind = AppendStep
    elif said.for_each is not None:
        kind = RowsStep
    return kind(said, records)
