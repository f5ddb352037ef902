"""Check that `json` and `set` leave a place for each value that goes into a body."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from syncd.cmms.mapping.values.paths import Path, parse_path, put
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.rest.blocks import CallSpec
from syncd.cmms.rest.check.updates import Loc, Problem
from syncd.cmms.rest.placeholders import names_in
from syncd.cmms.rest.schema import RestMapping, UpdateStep, WriteCall
from syncd.cmms.rest.steps import template_of
from syncd.core.work_order import Field

_NAMES = {name.value: name for name in Field}


def check_bodies(spec: RestMapping, record_map: RecordMap, problem: Problem) -> None:
    """Report values for which `json` or `set` holds a list or a text in their place.

    A placeholder counts as free: only a write shows what it is filled in with.
    """
    if spec.create is not None:
        names = [*(spec.create.fields or []), Field.S2E_ID.value]
        _place(("create",), spec.create, spec.create, _paths(record_map, names), problem)
    for number, step in enumerate(spec.update):
        loc: Loc = ("update", number)
        if step.by_value is not None:
            for value, call in step.by_value.items():
                _place((*loc, "by_value", value), step, call, (), problem)
        elif step.append is None:
            names_in_step = names_in(template_of(step))
            by_move = step.moves is not None and "move" in names_in_step
            by_template = by_move or "value" in names_in_step
            fields = () if by_template else _paths(record_map, step.fields)
            _place(loc, step, step, fields, problem)


def _paths(record_map: RecordMap, names: Iterable[str]) -> Iterator[Path]:
    """The paths that these fields are written to."""
    for name in names:
        field = record_map.fields.get(_NAMES[name]) if name in _NAMES else None
        yield from field.writes if field is not None else ()


def _place(
    loc: Loc,
    spec: WriteCall,
    call: CallSpec,
    fields: Iterable[Path],
    problem: Problem,
) -> None:
    """Put every value to its place, in the order in which a write does it."""
    if call.form is not None:
        return
    try:
        top = () if spec.under is None else parse_path(spec.under)
        carry = spec.carry if isinstance(spec, UpdateStep) else {}
        carried = {parse_path(path): "{carried}" for path in carry}
        constants = {parse_path(path): deepcopy(value) for path, value in spec.set.items()}
    except ValueError:
        return  # check.mapping reports it
    values: list[tuple[Path, Any]] = [*carried.items(), *constants.items()]
    values += [(path, "{value}") for path in fields]
    whole = isinstance(spec, UpdateStep) and spec.whole is not None
    if (values or whole) and call.json_ is not None and not isinstance(call.json_, dict):
        problem((*loc, "json"), "is no object, so no value can be put into it")
        return
    body: dict[str, Any] = deepcopy(call.json_ or {})
    for path, value in values:
        place = (*top, *path)
        try:
            put(body, place, value)
        except ValueError as error:
            if not _is_filled_in(body, place):
                problem(loc, f"{error}; it stands there in json or set")
                return


def _is_filled_in(body: Any, path: Path) -> bool:
    """Whether a text with a placeholder is in the way. It may be filled in with an object."""
    for key in path:
        if not isinstance(body, dict):
            break
        body = body.get(key)
    return bool(names_in(body))
