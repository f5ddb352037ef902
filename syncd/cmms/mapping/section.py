"""One part of a mapping file, asked for what it may hold; every problem with its line.

    section = Section(node, "list", problems)
    size = section.integer("size", 200, least=1)
    request = section.required_text("request")
    section.done()                              # what was not asked for is unknown

A problem is collected, never raised, so that one reading finds all of them. What could not be
read is then some harmless value of the right type: the loader raises before anything uses it.
"""

import difflib
import math
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import SecretStr

from syncd.cmms.mapping.nodes import KeyValue, Mark, Node, Scalar, plain
from syncd.cmms.mapping.values.paths import Path, parse_path
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.template import Template
from syncd.core.work_order import Field
from syncd.errors import ConfigurationError

E = TypeVar("E", bound=StrEnum)
_SHOWN = 60  # characters of a value
_MASKED_FROM = 4  # shorter ones would be masked within words
_NAMED = 24  # names of a list


class Problems:
    """What is wrong with a mapping, each `file:line: path: what is wrong; what would be right`.

    Attributes:
        secrets: values that were asked for as secrets, which nobody may see.
        given: all values of the environment: they are masked in every line.
    """

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.given: set[str] = set()
        self._problems: list[tuple[Mark, str]] = []

    def add(self, mark: Mark, path: str, what: str) -> None:
        self._problems.append((mark, f"{mark}: {path}: {what}" if path else f"{mark}: {what}"))

    def add_text(self, text: str) -> None:
        """A line that names its place itself."""
        self._problems.append((Mark("", 0), text))

    def __bool__(self) -> bool:
        return bool(self._problems)

    @property
    def lines(self) -> list[str]:
        """In the order of the file, each once."""
        ordered = sorted(self._problems, key=lambda problem: (problem[0].file, problem[0].line))
        return list(dict.fromkeys(self._masked(text) for _, text in ordered))

    def _masked(self, text: str) -> str:
        for value in sorted(self.given, key=len, reverse=True):
            if len(value) >= _MASKED_FROM:
                text = text.replace(value, "***")
        return text

    def raise_any(self) -> None:
        """Raise ConfigurationError if there are any."""
        if self._problems:
            raise ConfigurationError("\n".join(self.lines))


class Section:
    """A mapping node. See the module text."""

    def __init__(self, node: Node, path: str, problems: Problems) -> None:
        self.node = node
        self.path = path
        self.problems = problems
        self._asked: dict[str, None] = {}
        self._entries: dict[str, KeyValue] = {}
        if isinstance(node.value, dict):
            self._entries = node.value
        elif node.value is not None:
            problems.add(node.mark, path, f"is {_kind(node)}; a mapping of keys is wanted")

    # ── asking ────────────────────────────────────────────────────────────────────────────

    def has(self, key: str) -> bool:
        """Whether it is there and not null."""
        return self._get(key) is not None

    def value(self, key: str) -> Node | None:
        """The node as it stands; None if it is not there, or null."""
        return self._get(key)

    def text(self, key: str, default: str = "") -> str:
        node = self._get(key)
        if node is None:
            return default
        if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
            self.problem(f"is {_kind(node)}; text is wanted", key)
            return default
        return str(node.value)

    def required_text(self, key: str, example: str = "") -> str:
        if not self.has(key):
            self.missing(key, example)
            return ""
        text = self.text(key)
        if not text:
            self.problem("is empty", key)
        return text

    def secret(self, key: str) -> SecretStr:
        """Text that is never shown, and that has to come from the environment."""
        node = self._get(key)
        if node is not None and not node.given and isinstance(node.value, str) and node.value:
            self.problem("is a secret; take it from the environment: ${NAME}", key)
        elif node is not None:
            self.problems.secrets.update(node.given)
        return SecretStr(self.text(key))

    def integer(
        self, key: str, default: int, *, least: int | None = None, most: int | None = None
    ) -> int:
        number = self.number(key, default, least=least, most=most)
        if number != int(number):
            self.problem("has to be a whole number", key)
        return int(number)

    def number(
        self, key: str, default: float, *, least: float | None = None, most: float | None = None
    ) -> float:
        node = self._get(key)
        if node is None:
            return default
        value = node.value
        if isinstance(value, str) and node.filled:
            try:
                value = float(value)
            except ValueError:
                value = None
            value = value if value is not None and math.isfinite(value) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(f"is {_kind(node)}; a number is wanted", key)
            return default
        if (least is not None and value < least) or (most is not None and value > most):
            bounds = f"at least {least}" if most is None else f"from {least or 0} to {most}"
            self.problem(f"has to be {bounds}", key)
            return default
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        node = self._get(key)
        if node is None:
            return default
        value = node.value
        if node.filled and value in {"true", "false"}:
            value = value == "true"
        if not isinstance(value, bool):
            self.problem(f"is {_kind(node)}; true or false is wanted", key)
            return default
        return value

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        if not self.has(key):
            return default
        text = self.text(key)
        if text not in choices:
            self.problem(f"is {self._shown(key)}; {nearest(text, choices)}", key)
            return default
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; a lone text is a list of one."""
        node = self._get(key)
        if node is None:
            return ()
        nodes = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(item.value, str) for item in nodes):
            self.problem("has to be a list of texts", key)
            return ()
        return tuple(str(item.value) for item in nodes)

    def scalars(self, key: str) -> tuple[Scalar, ...]:
        """A list of texts, numbers and booleans; a lone one is a list of one."""
        node = self._get(key)
        if node is None:
            return ()
        nodes = node.value if isinstance(node.value, list) else [node]
        values = [item.value for item in nodes if not isinstance(item.value, list | dict)]
        if len(values) < len(nodes):
            self.problem("has to be a list of plain values", key)
        return tuple(values)

    def field_names(self, key: str) -> tuple[Field, ...]:
        """A list of fields."""
        names = []
        for name in self.texts(key):
            if name in _FIELDS:
                names.append(Field(name))
            else:
                self.problem(f"{name!r} is no field; {nearest(name, _FIELDS)}", key)
        return tuple(names)

    def plain(self, key: str) -> Any:
        """Whatever it is, as plain lists and dicts."""
        node = self._get(key)
        return None if node is None else plain(node)

    def section(self, key: str) -> "Section | None":
        return self.inner(key) if self.has(key) else None

    def sections(self, key: str) -> list["Section"]:
        """A list of mappings; a lone mapping is a list of one."""
        node = self._get(key)
        if node is None:
            return []
        if not isinstance(node.value, list):
            return [Section(node, self._path(key), self.problems)]
        return [
            Section(item, f"{self._path(key)}[{number}]", self.problems)
            for number, item in enumerate(node.value)
        ]

    # ── what a text means ─────────────────────────────────────────────────────────────────

    def expression(self, key: str, default: str | None = None) -> Expression | None:
        """A JMESPath expression, compiled and tried on nothing."""
        text = self.text(key) if self.has(key) else default
        if text is None:
            return None
        try:
            return Expression.parse(text)
        except ValueError as error:
            self.problem(f"{self._shown(key)} {error}", key)
            return None

    def dotted_path(self, key: str) -> Path | None:
        """A place in a body."""
        if not self.has(key):
            return None
        try:
            return parse_path(self.text(key))
        except ValueError as error:
            self.problem(f"{self._shown(key)} {error}", key)
            return None

    def template(self, key: str, allowed: frozenset[str]) -> Template | None:
        """Text with placeholders, of which only `allowed` may be used."""
        if not self.has(key):
            return None
        try:
            return Template.parse(self.text(key), allowed)
        except ValueError as error:
            self.problem(str(error), key)
            return None

    # ── every key ─────────────────────────────────────────────────────────────────────────

    def entries(self) -> Iterator[tuple[str, KeyValue]]:
        """Every key with its node, whatever it is called: none is unknown then."""
        for key, entry in self._entries.items():
            self._asked[key] = None
            yield key, entry

    def inner(self, key: str, *, short: str | None = None) -> "Section":
        """The section of a key that is there; a plain text may be short for one of its keys."""
        self._asked[key] = None
        entry = self._entries[key]
        node = entry.node
        if short is not None and isinstance(node.value, str):
            node = Node(node.mark, {short: KeyValue(short, node.mark, node)})
        # Its line is the key's: what it holds begins one further down in a long form.
        return Section(
            Node(entry.mark, node.value, node.given, node.filled), self._path(key), self.problems
        )

    def done(self) -> None:
        """Report the keys that nobody has asked for, with the nearest that somebody has."""
        for key, entry in self._entries.items():
            if key not in self._asked:
                hint = nearest(key, self._asked)
                self.problems.add(entry.mark, self._path(key), f"is not known here; {hint}")

    # ── problems ──────────────────────────────────────────────────────────────────────────

    def problem(self, what: str, key: str | None = None) -> None:
        """Note what is wrong with this section, or with one of its keys."""
        self.problems.add(self.mark(key), self._path(key), what)

    def missing(self, key: str, example: str = "") -> None:
        hint = f"; an example: {key}: {example}" if example else ""
        self.problems.add(self.mark(), self._path(key), f"is missing{hint}")
        self._asked[key] = None

    def mark(self, key: str | None = None) -> Mark:
        """Where the section begins, or the key stands."""
        entry = self._entries.get(key) if key is not None else None
        return self.node.mark if entry is None else entry.mark

    def where(self, key: str | None = None) -> str:
        """The same as text: file and line."""
        return str(self.mark(key))

    def _get(self, key: str) -> Node | None:
        self._asked[key] = None
        entry = self._entries.get(key)
        return None if entry is None or entry.node.value is None else entry.node

    def _path(self, key: str | None) -> str:
        return ".".join(part for part in (self.path, key) if part)

    def _shown(self, key: str) -> str:
        node = self._get(key)
        if node is None:
            return "it"
        return "what was taken from the environment" if node.given else repr(node.value)[:_SHOWN]


_FIELDS = {name.value: name for name in Field}


def nearest(name: str, known: Collection[str]) -> str:
    """Say which of the known names was meant, or which there are."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if matches:
        return f"did you mean {matches[0]}?"
    named = [*known][:_NAMED]
    more = ", …" if len(known) > _NAMED else ""
    return f"there is {', '.join(named)}{more}" if named else "nothing is wanted here"


def _kind(node: Node) -> str:
    if isinstance(node.value, list):
        return "a list"
    if isinstance(node.value, dict):
        return "a mapping"
    if node.value is None:
        return "empty"
    if isinstance(node.value, bool):
        return "true or false"
    return "text" if isinstance(node.value, str) else "a number"
