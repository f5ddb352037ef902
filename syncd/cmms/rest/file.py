"""Read the part of a mapping file that only rest/1 has, and check it as a whole.

Every problem names the file and the line of the key that it is about.
"""

import types
from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from syncd.cmms.mapping.nodes import KeyValue, Mark, Node, plain
from syncd.cmms.mapping.section import Section, nearest
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.rest.blocks import spelled
from syncd.cmms.rest.check.mapping import Checks
from syncd.cmms.rest.schema import FindCall, RestMapping

Loc = tuple[str | int, ...]
_MESSAGES = {
    "missing": "is missing",
    "string_type": "has to be text",
    "dict_type": "has to be a mapping of keys",
    "model_type": "has to be a mapping of keys",
    "list_type": "has to be a list",
    "int_parsing": "has to be a whole number",
    "int_type": "has to be a whole number",
    "float_parsing": "has to be a number",
    "float_type": "has to be a number",
    "bool_parsing": "has to be true or false",
    "bool_type": "has to be true or false",
}
_KEY = 12  # characters; a value of the environment of this length or more may be an API key
# These values are never shown. They come from the environment and never stand in a mapping.
_SECRETS: tuple[Loc, ...] = (
    ("auth", "bearer"),
    ("auth", "basic", "password"),
    ("auth", "header", "value"),
    ("auth", "query", "value"),
    ("auth", "json", "value"),
    ("auth", "oauth2", "client_secret"),
    ("auth", "oauth2", "refresh_token"),
    ("auth", "oauth2", "password"),
)


def read_rest(section: Section, records: RecordMap) -> RestMapping:
    """Read the rest part of the mapping. Problems are added to the section's; if there are any, the
    mapping that is returned must not be used."""
    keys = spelled(RestMapping)
    nodes = {key: section.value(key) for key in keys}
    data = {key: plain(node) for key, node in nodes.items() if node is not None}
    places = Places(section)
    _secrets(section, places)
    try:
        spec = RestMapping.model_validate(data)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            places.report(data, item)
        return RestMapping.model_construct()
    Checks(spec, records, places.problem).run()
    _, lag = places.find(("read_lag_s",))
    for number, step in enumerate(spec.update):
        if step.append is not None and lag is not None and lag.value not in (0, 0.0, "0"):
            places.problem(
                ("update", number, "append"),
                "adds the hours that a read shows to be missing. A read that lags (read_lag_s) "
                "misses some that are there, so the same hours would be added twice",
            )
    return spec


class Places:
    """Finds the line of each part of the file."""

    def __init__(self, section: Section) -> None:
        self._section = section

    def problem(self, loc: Sequence[str | int], what: str) -> None:
        """Add a problem at this place of the data."""
        mark, _ = self.find(tuple(loc))
        self._section.problems.add(mark, _path(loc), what)

    def find(self, loc: Loc) -> tuple[Mark, Node | None]:
        """The line of the nearest key on the way there, and the node itself; None if there is
        none."""
        node, mark = self._section.node, self._section.mark()
        for part in loc:
            if isinstance(node.value, dict) and str(part) in node.value:
                entry: KeyValue = node.value[str(part)]
                node, mark = entry.node, entry.mark
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                mark = node.mark
            else:
                return mark, None
        return mark, node

    def report(self, data: Any, item: Any) -> None:
        """Add one of pydantic's errors, in our words."""
        loc = _in_data(data, item["loc"], item["type"])
        if loc is None:
            return
        kind, text = item["type"], item["msg"]
        model = _model_at(loc[:-1])
        if kind == "extra_forbidden" and model is not None:
            what = f"is not known here; {nearest(str(loc[-1]), spelled(model))}"
        elif kind == "value_error":
            what = str(item["ctx"]["error"])
        else:
            what = _MESSAGES.get(kind, text[:1].lower() + text[1:])
        self.problem(loc, what)


def _in_data(data: Any, loc: Sequence[Any], kind: str) -> Loc | None:
    """The place of an error in the data: pydantic's own, without its tags of a union's branches.
    None where the error is about a branch that the author did not mean."""
    place: list[str | int] = []
    here = data
    for number, part in enumerate(loc):
        inside = part in here if isinstance(here, dict) else _is_index(part, here)
        if inside:
            here = here[part]
        elif kind == "missing" and number == len(loc) - 1:
            pass
        else:
            tag = str(part)
            if tag.startswith("literal[") and isinstance(here, dict | list):
                return None
            if tag == FindCall.__name__ and not isinstance(here, dict):
                return None
            continue
        place.append(part)
    return tuple(place)


def _is_index(part: Any, here: Any) -> bool:
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


def _model_at(loc: Sequence[str | int]) -> type[BaseModel] | None:
    """The block of the schema at this place; None if there is none."""
    model: Any = RestMapping
    for part in loc:
        if isinstance(part, int):
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part not in fields:
            continue  # a key of a mapping of blocks
        model = block_of(fields[part].annotation)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def block_of(annotation: Any) -> Any:
    """The block inside of `X | None`, `list[X]` or `dict[str, X]`; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, types.UnionType, list, dict} or get_args(annotation):
        for inner in get_args(annotation):
            block = block_of(inner)
            if block is not None:
                return block
    return None


def _secrets(section: Section, places: Places) -> None:
    """Note the values to be masked. A secret that stands in the file itself is a problem."""
    for loc in _SECRETS:
        _, node = places.find(loc)
        if node is not None and node.value and not node.given:
            places.problem(loc, "is a secret; take it from the environment: ${NAME}")
    _, auth = places.find(("auth",))
    if auth is not None:
        section.problems.secrets.update(_given(auth))
    for loc in (("headers",), ("query",)):  # an API key may stand there; other values are short
        _, node = places.find(loc)
        if node is not None:
            section.problems.secrets.update(it for it in _given(node) if len(it) >= _KEY)


def _given(node: Node) -> list[str]:
    """All values from the environment, in a node and below it."""
    inner: list[Node] = []
    if isinstance(node.value, dict):
        inner = [entry.node for entry in node.value.values()]
    elif isinstance(node.value, list):
        inner = node.value
    return [*node.given, *(text for it in inner for text in _given(it))]


def _path(loc: Sequence[str | int]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text
