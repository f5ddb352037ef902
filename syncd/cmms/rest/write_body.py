"""Put what a write sends into the body of its request."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from syncd.cmms.mapping import records
from syncd.cmms.mapping.values.paths import format_path, parse_path, put
from syncd.cmms.mapping.values.record_map import Assignment, RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.placeholders import Values, fill
from syncd.cmms.rest.reply import SIDE, Reply
from syncd.cmms.rest.request import PreparedRequest, overlay, prepare
from syncd.cmms.rest.schema import CreateCall, WriteCall
from syncd.core.work_order import Fields
from syncd.errors import Refused


def assignments(record_map: RecordMap, changes: Fields, held: Fields) -> list[Assignment]:
    """The native values of these changes as JSON has them, with their paths.

    Raises Refused naming the field and the mapping's line.

    Args:
        held: what the record holds.
    """
    assigned = records.assignments(record_map, changes, held)
    return [replace(one, native=records.json_value(one.native)) for one in assigned]


def require_success(success: Expression | None, reply: Reply) -> None:
    """Raise UnexpectedContent where the mapping's `success` is not true of the answer."""
    if success is not None and reply.search(success) is not True:
        raise reply.unexpected(f"does not say that it was done: {success.text} is not true of it")


def body_with(
    request: PreparedRequest, values: list[tuple[str, Any]], under: str | None, base: Any
) -> PreparedRequest:
    """The request with these values in its body. All else that the body holds stays.

    Args:
        values: (dotted path, value); in a form the path is the field's name.
        under: the dotted path below which they and `base` go; None: the top.
        base: JSON that is laid over the body first; None: nothing is.

    Raises Refused where a value would replace a list, or another value, that the body holds.
    """
    if request.form is not None:
        return replace(request, form={**request.form, **dict(values)})
    if not values and base is None:
        return request
    top = () if under is None else parse_path(under)
    body: dict[str, Any] = deepcopy(request.json) if isinstance(request.json, dict) else {}
    if base is not None:
        for key in reversed(top):
            base = {key: base}
        body = overlay(body, base)
    for path, value in values:
        try:
            put(body, (*top, *parse_path(path)), value)
        except ValueError as error:
            raise Refused(str(error), side=SIDE) from None
    return replace(request, json=body)


def create_request(
    spec: CreateCall, assigned: list[Assignment], placeholders: Values
) -> PreparedRequest:
    """The request that makes a record with these values."""
    values = [*constants(spec, placeholders), *pairs(assigned)]
    return body_with(prepare(spec, placeholders), values, spec.under, {})


def pairs(assigned: list[Assignment]) -> list[tuple[str, Any]]:
    """The native values with their dotted paths, as `body_with` takes them."""
    return [(format_path(one.path), one.native) for one in assigned]


def constants(spec: WriteCall, placeholders: Values) -> list[tuple[str, Any]]:
    """The values of the mapping's `set`, filled in, as `body_with` takes them."""
    return [(path, fill(value, placeholders)) for path, value in spec.set.items()]


def drop(body: dict[str, Any], path: str) -> None:
    """Remove the value at a dotted path from a body, if there is one."""
    *parents, last = parse_path(path)
    inner: Any = body
    for key in parents:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    if isinstance(inner, dict):
        inner.pop(last, None)
