"""What a write sends: native values into a body, beside what a mapping says outright."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from syncd.cmms.mapping.mapped import json_value
from syncd.cmms.mapping.values.paths import format_path, parse_path, put
from syncd.cmms.mapping.values.record_map import Assignment, RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.placeholders import Values, fill
from syncd.cmms.rest.reply import SIDE, Reply
from syncd.cmms.rest.request import PreparedRequest, overlay, prepare
from syncd.cmms.rest.schema import CreateCall, UpdateStep
from syncd.core.work_order import Fields
from syncd.errors import Refused


def assignments(records: RecordMap, changes: Fields, held: Fields) -> list[Assignment]:
    """Where each native value goes. Raises Refused naming the field and the mapping's line."""
    done = records.write(changes, held)
    if not isinstance(done, list):
        raise Refused(done.detail, side=SIDE)
    return [replace(one, native=json_value(one.native)) for one in done]


def confirm(success: Expression | None, reply: Reply) -> None:
    """Raise UnexpectedContent where an answer does not say that the write was done."""
    if success is not None and reply.look(success) is not True:
        raise reply.unexpected(f"does not say that it was done, as {success.text} would")


def body_with(
    request: PreparedRequest, told: list[tuple[str, Any]], under: str | None, base: Any
) -> PreparedRequest:
    """The request with these values in its body, by dotted path below `under`; in a form, by the
    path as a name. What the body holds beside them stays. Raises Refused where they would replace
    a list or a value that it holds."""
    if request.form is not None:
        return replace(request, form={**request.form, **dict(told)})
    if not told and base is None:
        return request
    way = () if under is None else parse_path(under)
    body: dict[str, Any] = deepcopy(request.json) if isinstance(request.json, dict) else {}
    if base is not None:
        for key in reversed(way):
            base = {key: base}
        body = overlay(body, base)
    for path, value in told:
        try:
            put(body, (*way, *parse_path(path)), value)
        except ValueError as error:
            raise Refused(str(error), side=SIDE) from None
    return replace(request, json=body)


def create_request(said: CreateCall, done: list[Assignment], values: Values) -> PreparedRequest:
    """The request that makes a record with these values."""
    told = [*constants(said, values), *pairs(done)]
    return body_with(prepare(said, values), told, said.under, {})


def pairs(done: list[Assignment]) -> list[tuple[str, Any]]:
    """The values with their dotted paths, as `body_with` takes them."""
    return [(format_path(one.path), one.native) for one in done]


def constants(said: UpdateStep | CreateCall, values: Values) -> list[tuple[str, Any]]:
    """What a mapping's `set` says, placeholders filled, as `body_with` takes it."""
    return [(path, fill(value, values)) for path, value in said.set.items()]


def drop(body: dict[str, Any], path: str) -> None:
    """Take what is at a dotted path out of a body; nothing if it is not there."""
    *way, last = parse_path(path)
    inner: Any = body
    for key in way:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    if isinstance(inner, dict):
        inner.pop(last, None)
