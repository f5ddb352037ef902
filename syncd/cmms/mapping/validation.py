"""pydantic's errors in our words: the place in the data, and what is wrong and would be right."""

import re
import types
from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from syncd.cmms.mapping.blocks import kind_of, spelled
from syncd.cmms.mapping.nodes import Node
from syncd.cmms.mapping.problems import nearest

Loc = tuple[str | int, ...]
# pydantic's errors of the wrong kind of value, with the kind that is wanted.
_WANTED = {
    "string_type": "text",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "list_type": "a list",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
}
# Errors of a number's size, with the name of the limit in pydantic's context.
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def place_of(data: Any, error: Any) -> Loc:
    """The place in the data, without pydantic's own names of alternatives."""
    if error["type"] == "missing":
        return (*_in_data(data, error["loc"][:-1]), error["loc"][-1])
    return _in_data(data, error["loc"])


def _in_data(data: Any, loc: Sequence[Any]) -> Loc:
    place: list[str | int] = []
    here = data
    for part in loc:
        if part in here if isinstance(here, dict) else _is_index(part, here):
            here = here[part]
            place.append(part)
    return tuple(place)


def is_other_alternative(data: Any, error: Any) -> bool:
    """Whether the error is about an alternative that was not meant.

    Of `X | "none"` that is X where there is a text, and "none" where there is a block.
    """
    loc, kind = error["loc"], error["type"]
    place = _in_data(data, loc)
    tag = loc[-1] if loc else None
    if not isinstance(tag, str) or len(place) > len(_in_data(data, loc[:-1])):
        return False  # it is a key of the data
    here = data
    for part in place:
        here = here[part]
    if tag.startswith("literal["):
        return isinstance(here, dict | list)
    return kind == "model_type" and not isinstance(here, dict)


def _is_index(part: Any, here: Any) -> bool:
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


def pruned(data: Any, place: Loc) -> bool:
    """Take the key at this place out of the data; False if that cannot be done."""
    here = data
    for part in place[:-1]:
        if not (part in here if isinstance(here, dict) else _is_index(part, here)):
            return True  # taken out with what it was in
        here = here[part]
    if not place or not isinstance(here, dict):
        return False
    return here.pop(place[-1], here) is not here


def text_of(
    model: type[BaseModel], place: Loc, error: Any, *, node: Node | None, shown: str
) -> str:
    """What is wrong at this place of a block, and what would be right.

    Args:
        node: what stands there in the file, if anything.
        shown: its value, as people may see it.
    """
    kind, context = error["type"], error.get("ctx", {})
    block = model_at(model, place[:-1])
    if kind == "extra_forbidden" and block is not None:
        return f"is not known here; {nearest(str(place[-1]), spelled(block))}"
    if kind == "missing":
        example = _example(block, str(place[-1]))
        return f"is missing; an example: {place[-1]}: {example}" if example else "is missing"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        return f"is {shown}; {nearest('' if node is None else str(node.value), choices)}"
    if kind == "value_error":
        return str(context["error"])
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        least, most = _limits(block, str(place[-1]))
        if least is not None and most is not None:
            return f"has to be from {least:g} to {most:g}"
        return f"has to be {words} {context[name]:g}"
    if kind in {"int_from_float", "int_parsing_size"}:
        return "has to be a whole number"
    if kind in _WANTED:
        return f"is {'it' if node is None else kind_of(node.value)}; {_WANTED[kind]} is wanted"
    text: str = error["msg"]
    return text[:1].lower() + text[1:]


def model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel] | None:
    """The block of the schema that stands at this place."""
    here: Any = model
    for part in loc:
        if isinstance(part, int):
            continue
        if not (isinstance(here, type) and issubclass(here, BaseModel)):
            return None
        fields = _fields(here)
        if part not in fields:
            continue  # a key of a mapping of blocks
        here = block_of(fields[str(part)].annotation)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def block_of(annotation: Any) -> Any:
    """The block inside of `X | None`, `list[X]`, `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, types.UnionType, list, dict} or get_args(annotation):
        for inner in get_args(annotation):
            block = block_of(inner)
            if block is not None:
                return block
    return None


def _limits(block: type[BaseModel] | None, key: str) -> tuple[Any, Any]:
    """The least and the greatest number that a key may have."""
    field = _fields(block).get(key)
    metadata = () if field is None else field.metadata
    least, most = (
        next((getattr(it, name) for it in metadata if hasattr(it, name)), None)
        for name in ("ge", "le")
    )
    return least, most


def _example(block: type[BaseModel] | None, key: str) -> str:
    field = _fields(block).get(key)
    return "" if field is None else str(next(iter(field.examples or ()), ""))


def _fields(block: type[BaseModel] | None) -> dict[str, FieldInfo]:
    """The fields of a block by their keys in a mapping file."""
    if block is None:
        return {}
    return {field.alias or name: field for name, field in block.model_fields.items()}
