"""Every key of a rest/1 mapping with its meaning.

The tables of docs/reference/mapping-rest.md are made from it.
"""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from syncd.cmms.mapping.validation import block_of
from syncd.cmms.rest.blocks import CallSpec, ReadPlace, SendPlace, TotalPlace
from syncd.cmms.rest.schema import NewId, RestMapping

# Blocks that stand in many places, and what they are called there.
_SHARED: dict[type[BaseModel], str] = {
    CallSpec: "a call",
    ReadPlace: "a place in an answer",
    TotalPlace: "a total",
    SendPlace: "a place in a request",
}


def reference() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each block and its keys with their meanings. The outermost block comes first, and a
    block that stands in many places comes once, at the end."""
    yield "the file", list(_rows(RestMapping))
    yield from _inner(RestMapping, "", set())
    for model, name in _SHARED.items():
        yield name, list(_rows(model))


def _inner(
    model: type[BaseModel], path: str, done: set[type[BaseModel]]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for name, field in model.model_fields.items():
        block = block_of(field.annotation)
        if block is None or block in _SHARED or block in done:
            continue
        done.add(block)
        where = f"{path}.{field.alias or name}".lstrip(".")
        yield where, list(_rows(block))
        yield from _inner(block, where, done)


def _rows(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    base = next(
        (it for it in (CallSpec, ReadPlace) if issubclass(model, it) and model is not it), None
    )
    inherited = set(base.model_fields) if base is not None else set()
    if base is not None:
        yield f"({_SHARED[base]})", "its keys, too"
    for name, field in model.model_fields.items():
        if name in inherited and model is not NewId and not _overrides(model, name):
            continue
        yield field.alias or name, _meaning(field)


def _overrides(model: type[BaseModel], name: str) -> bool:
    return name in model.__annotations__


def _meaning(field: FieldInfo) -> str:
    text = field.description or ""
    block = block_of(field.annotation)
    if block in _SHARED:
        text += f" ({_SHARED[block]})"
    choices = _choices(field.annotation)
    if choices:
        text += f": {', '.join(choices)}"
    default = field.default
    if field.is_required():
        text += "; required"
    elif isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        text += f"; default {default}"
    return text


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(it) for it in get_args(annotation)]
    return [it for inner in get_args(annotation) for it in _choices(inner)]
