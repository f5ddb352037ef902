"""YAML that remembers the line of every key and value.

It is a strict part of YAML: true and false are the only booleans, numbers are decimal, nothing is
a date, and a key may stand only once in a mapping. So `yes`, `on`, `12:30` and `010` are text.
Tags are refused. Aliases are allowed, as long as they do not make the file grow.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

MOST_BYTES = 1_000_000
MOST_NODES = 20_000
DEEPEST = 30
_TAG = "tag:yaml.org,2002:"

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place: file and line. Line 0 stands for the file, or the setting, as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Node:
    """One value, and its place.

    Attributes:
        value: a scalar, a list of nodes, or keys with their values by the text of the key.
        given: the parts of it that came from the environment, which are never shown.
        filled: whether it was made from ${NAME}, also by its default: text that may be a number.
    """

    mark: Mark
    value: "Scalar | list[Node] | dict[str, KeyValue]"
    given: tuple[str, ...] = ()
    filled: bool = False

    def __repr__(self) -> str:
        return f"Node({self.mark}, {'***' if self.given else repr(self.value)})"


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key of a mapping, as it is spelled, and its value."""

    key: Scalar
    mark: Mark
    node: Node


class YamlProblem(Exception):
    """The text is no YAML of this kind.

    Attributes:
        mark: the place of the problem.
    """

    def __init__(self, mark: Mark, what: str) -> None:
        super().__init__(what)
        self.mark = mark


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, with our own rules for what a plain scalar means."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own name


for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def parse_yaml(text: str, file: str) -> Node:
    """Parse the document. Raises YamlProblem at the first thing that is wrong."""
    if len(text) > MOST_BYTES:
        raise YamlProblem(Mark(file, 1), f"is larger than {MOST_BYTES} characters")
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line = at.line + 1 if at is not None else 1
        raise YamlProblem(Mark(file, line), f"is no YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        line = 1 + text[: getattr(error, "position", 0) or 0].count("\n")
        reason = getattr(error, "reason", None) or "it cannot be read"
        raise YamlProblem(Mark(file, line), f"is no YAML: {reason}") from None
    except RecursionError:
        raise YamlProblem(Mark(file, 1), "is nested too deeply") from None
    if root is None:
        raise YamlProblem(Mark(file, 1), "is empty")
    return _NodeMaker(file).node(root, 0)


class _NodeMaker:
    """Turns PyYAML's nodes into ours, and each alias into a copy of what it names."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._count = 0

    def node(self, raw: Any, depth: int) -> Node:
        mark = Mark(self._file, raw.start_mark.line + 1)
        self._count += 1
        if depth > DEEPEST or self._count > MOST_NODES:
            raise YamlProblem(mark, "is nested too deeply, or too large once its aliases are read")
        if isinstance(raw, ScalarNode):
            return Node(mark, _scalar(raw, mark))
        if isinstance(raw, SequenceNode):
            _check_tag(raw.tag, "seq", mark)
            return Node(mark, [self.node(item, depth + 1) for item in raw.value])
        if isinstance(raw, MappingNode):
            _check_tag(raw.tag, "map", mark)
            return Node(mark, self._entries(raw, depth))
        raise YamlProblem(mark, "is no text, list or mapping")

    def _entries(self, raw: MappingNode, depth: int) -> dict[str, KeyValue]:
        entries: dict[str, KeyValue] = {}
        for key, value in raw.value:
            mark = Mark(self._file, key.start_mark.line + 1)
            if not isinstance(key, ScalarNode):
                raise YamlProblem(mark, "a key has to be text or a number")
            spelled = _scalar(key, mark)
            name = key_text(spelled)
            if name in entries:
                first = entries[name].mark.line
                raise YamlProblem(mark, f"the key {name!r} stands in line {first} already")
            entries[name] = KeyValue(spelled, mark, self.node(value, depth + 1))
        return entries


def key_text(key: Scalar) -> str:
    """The text by which keys are compared: 1, "1" and 1.0 are one key."""
    if key is None:
        return ""
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, float) and key.is_integer():
        return str(int(key))
    return str(key)


def _scalar(raw: ScalarNode, mark: Mark) -> Scalar:
    text = str(raw.value)
    match raw.tag.removeprefix(_TAG):
        case "str":
            return text
        case "null":
            return None
        case "bool" if text in {"true", "false"}:
            return text == "true"
        case "int" if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
            return int(text)
        case "float" if re.fullmatch(r"[-+]?[0-9.eE+-]{1,40}", text):
            try:
                return float(text)
            except ValueError:
                pass
    raise YamlProblem(mark, f"cannot take {text[:40]!r} as {raw.tag.removeprefix(_TAG)}; quote it")


def _check_tag(tag: str, wanted: str, mark: Mark) -> None:
    if tag != f"{_TAG}{wanted}":
        raise YamlProblem(mark, f"the tag {tag[:60]} is not taken here; leave it out")


def plain(node: Node) -> Any:
    """The value as plain lists, dicts and scalars."""
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    if isinstance(node.value, dict):
        return {name: plain(entry.node) for name, entry in node.value.items()}
    return node.value


def merged(under: Node, over: Node) -> Node:
    """Lay `over` on `under`: mappings merge, other values replace, null removes a key."""
    if not isinstance(under.value, dict) or not isinstance(over.value, dict):
        return over
    entries: dict[str, KeyValue] = dict(under.value)
    for name, entry in over.value.items():
        below = entries.get(name)
        if below is None:
            entries[name] = entry
        elif entry.node.value is None:
            del entries[name]
        else:
            entries[name] = KeyValue(entry.key, entry.mark, merged(below.node, entry.node))
    return Node(over.mark, entries)
