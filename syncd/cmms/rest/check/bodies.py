"""Whether each value finds its place in the JSON that a mapping says outright; part of `checks`."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from syncd.cmms.mapping.values.paths import Path, parse_path, put
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.rest.blocks import CallSpec
from syncd.cmms.rest.check.updates import Loc, Problem
from syncd.cmms.rest.placeholders import names_in
from syncd.cmms.rest.schema import CreateCall, RestMapping, UpdateStep
from syncd.cmms.rest.steps import template_of
from syncd.core.work_order import Field

_NAMES = {name.value: name for name in Field}


def check_bodies(told: RestMapping, records: RecordMap, problem: Problem) -> None:
    """Tell of values that a list or a text in `json` or `set` would keep from their place. What
    a placeholder is filled in with is seen when it is."""
    if told.create is not None:
        names = [*(told.create.fields or []), Field.S2E_ID.value]
        _place(("create",), told.create, told.create, _paths(records, names), problem)
    for number, op in enumerate(told.update):
        loc: Loc = ("update", number)
        if op.by_value is not None:
            for value, call in op.by_value.items():
                _place((*loc, "by_value", value), op, call, (), problem)
        elif op.append is None:
            own = op.moves is not None and "move" in names_in(template_of(op))
            by_template = own or "value" in names_in(template_of(op))
            fields = () if by_template else _paths(records, op.fields)
            _place(loc, op, op, fields, problem)


def _paths(records: RecordMap, names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        field = records.fields.get(_NAMES[name]) if name in _NAMES else None
        yield from field.writes if field is not None else ()


def _place(
    loc: Loc,
    said: UpdateStep | CreateCall,
    call: CallSpec,
    fields: Iterable[Path],
    problem: Problem,
) -> None:
    """Put everything where it would go, each kind of it after the other, as a write does."""
    if call.form is not None:
        return
    try:
        way = () if said.under is None else parse_path(said.under)
        carried = {parse_path(path): "{carried}" for path in getattr(said, "carry", {})}
        outright = {parse_path(path): deepcopy(value) for path, value in said.set.items()}
    except ValueError:
        return  # told already
    values: list[tuple[Path, Any]] = [*carried.items(), *outright.items()]
    values += [(path, "{value}") for path in fields]
    whole = isinstance(said, UpdateStep) and said.whole is not None
    if (values or whole) and call.json_ is not None and not isinstance(call.json_, dict):
        problem((*loc, "json"), "is no object, so that nothing can be put into it")
        return
    body: dict[str, Any] = deepcopy(call.json_ or {})
    for path, value in values:
        place = (*way, *path)
        try:
            put(body, place, value)
        except ValueError as error:
            if not _is_filled_in(body, place):
                problem(loc, f"{error}; it stands there in json or set")
                return


def _is_filled_in(body: Any, path: Path) -> bool:
    """Whether what is in the way is a text with a placeholder, which may become an object."""
    for key in path:
        if not isinstance(body, dict):
            break
        body = body.get(key)
    return bool(names_in(body))
