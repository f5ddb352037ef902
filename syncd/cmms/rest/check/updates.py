"""Check the steps of `update`, and `status_needs`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncd.cmms.mapping.problems import nearest
from syncd.cmms.mapping.values.converters import Mapped, Same
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import CallSpec
from syncd.cmms.rest.moves import Moves
from syncd.cmms.rest.placeholders import names_in
from syncd.cmms.rest.schema import RestMapping, UpdateStep
from syncd.cmms.rest.steps import template_of
from syncd.core.work_order import Field, Priority, Status, ValueKind, kind_of

Loc = tuple[str | int, ...]
Problem = Callable[[Sequence[str | int], str], None]
_FIELDS = {name.value: name for name in Field}


def is_written(loc: Loc, name: str, mapped: frozenset[Field], problem: Problem) -> bool:
    """Whether this is one of the `mapped` fields. If not, the problem is reported."""
    if name not in _FIELDS:
        problem(loc, f"{name!r} is no field; {nearest(name, list(_FIELDS))}")
        return False
    if _FIELDS[name] not in mapped:
        problem(loc, f"{name} has no `at` or `write` in fields: where would it go?")
        return False
    return True


class UpdateChecks:
    """The checks of `update` and `status_needs`. The arguments are those of `mapping.Checks`."""

    def __init__(self, spec: RestMapping, record_map: RecordMap, problem: Problem) -> None:
        self._spec = spec
        self._map = record_map
        self._problem = problem

    def run(self) -> None:
        written: dict[str, int] = {}
        for number, step in enumerate(self._spec.update):
            loc: Loc = ("update", number)
            for name in step.fields:
                # A row or a call of its own needs no path in the record.
                own = step.append is not None or step.by_value is not None
                mapped = self._map.reads if own else self._map.writes
                if is_written((*loc, "fields"), name, mapped, self._problem):
                    if name in written:
                        self._problem(
                            loc,
                            f"{name} is written by update[{written[name]}] already; "
                            "a field has one step",
                        )
                    written.setdefault(name, number)
            for name in step.touches:
                self._touched((*loc, "touches"), name)
            self._step(loc, step)
        for field_name, field in self._map.fields.items():
            if not field.writes or field_name in written or field_name is Field.S2E_ID:
                continue
            create = self._spec.create
            if field.once and create is not None:
                if create.fields is None or field_name in create.fields:
                    continue
                what = "is written once, and create.fields does not name it"
            elif field.once:
                what = "is written once, when a record is made, and there is no create"
            else:
                what = "has a path to write to, and no step of update names it; add it, or `read`"
            self._problem(("fields", field_name.value), what)
        for status, names in self._spec.status_needs.items():
            if status not in Status.__members__:
                why = f"is no status; {nearest(status, list(Status.__members__))}"
                self._problem(("status_needs", status), why)
            for name in names:
                is_written(("status_needs", status), name, self._map.writes, self._problem)

    def _touched(self, loc: Loc, name: str) -> None:
        """A step may touch any field that is read, also one that is never written."""
        if name in _FIELDS and _FIELDS[name] not in self._map.reads:
            self._problem(
                loc, f"{name} is not in fields; take it out here, or say there where it is read"
            )
        elif name not in _FIELDS:
            self._problem(loc, f"{name!r} is no field; {nearest(name, list(_FIELDS))}")

    def _step(self, loc: Loc, step: UpdateStep) -> None:
        blocks = {
            "by_value": step.by_value,
            "moves": step.moves,
            "append": step.append,
            "for_each": step.rows,
            "whole": step.whole,
        }
        kinds = [key for key, block in blocks.items() if block is not None]
        if len(kinds) > 1:
            self._problem(loc, f"has {' and '.join(kinds)}; a step is of one kind")
        single = step.by_value is not None or step.moves is not None or step.append is not None
        makes = step.rows is not None and step.rows.make is not None
        by_template = makes or (step.append is None and "value" in names_in(template_of(step)))
        if (single or by_template) and len(step.fields) != 1:
            self._problem(
                loc,
                "writes one value, and names several fields; make a step of each. A mapping cannot "
                "send other fields in the same call with this value",
            )
            return
        name = _FIELDS.get(step.fields[0])
        if name is None or name not in self._map.fields:
            return
        if (single or by_template) and len(self._map.fields[name].writes) > 1:
            self._problem(loc, f"{name} is two native values, and {{value}} is one")
        if step.moves is not None:
            self._moves(loc, step.moves, name)
        if step.by_value is not None:
            self._by_value(loc, step.by_value, name)
        for key in ("set", "carry", "under"):
            if step.append is not None and getattr(step, key):
                self._problem((*loc, key), "goes into no row; say it in append")
        if step.append is not None and kind_of(name) is not ValueKind.HOURS:
            self._problem(
                loc, f"append adds up hours, and {name} is not hours; {{value}} sends a text"
            )

    def _moves(self, loc: Loc, legal: Mapping[str, Any], name: Field) -> None:
        moves, here = Moves(legal), (*loc, "moves")
        convert = self._map.fields[name].convert
        if isinstance(convert, Mapped):
            table = convert.table
            known = [native_key(entry.native) for entry in table]
            reversed_ = _reversed_pairs(legal, known)
            for value in sorted(moves.values - set(known)):
                why = nearest(value, known)
                if value in reversed_:
                    meant = f"{{{reversed_[value]}: {value}}}"
                    why = f"what it leads to comes first: did you mean {meant}?"
                self._problem(here, f"{value} is not in maps.{table.name}; {why}")
            for ours in sorted(table.writable()):
                entry = table.write(ours)
                if entry is None or moves.reaches(entry.native):
                    continue
                self._problem(
                    here,
                    f"{ours} is written as {entry.native}, which no move leads to; add a move, or "
                    f"make it {{read: {ours}}} ({entry.where})",
                )
        elif isinstance(convert, Same):
            for value in sorted(moves.values - set(Status.__members__)):
                self._problem(here, f"{value} is no status, and {name} has no map")
        else:
            self._problem(loc, f"moves are between the values of a map, and {name} has none")

    def _by_value(self, loc: Loc, by_value: Mapping[str, CallSpec], name: Field) -> None:
        values = {
            ValueKind.STATUS: [*Status.__members__],
            ValueKind.PRIORITY: [*Priority.__members__],
        }
        known = values.get(kind_of(name))
        if known is None:
            self._problem(loc, f"by_value needs a status or a priority, and {name} is neither")
            return
        calls = set(by_value)
        for value in sorted(calls - set(known)):
            self._problem((*loc, "by_value", value), f"is none of ours; {nearest(value, known)}")
        convert = self._map.fields[name].convert
        if isinstance(convert, Mapped):
            for value in sorted(convert.table.writable() - calls):
                self._problem(
                    (*loc, "by_value"),
                    f"has no call for {value}, which maps.{convert.table.name} writes; add one, "
                    f"or make it {{read: {value}}}",
                )


def _reversed_pairs(legal: Mapping[str, Any], known: list[str]) -> dict[str, str]:
    """Moves that are written the wrong way round, `{name: value}` instead of `{value: name}`:
    each name with its value."""
    pairs = (
        pair
        for targets in legal.values()
        if isinstance(targets, Mapping)
        for pair in targets.items()
    )
    return {native_key(to): native_key(name) for to, name in pairs if native_key(name) in known}
