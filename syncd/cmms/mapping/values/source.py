"""Where a value is taken from: a JMESPath expression, or a column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol

import jmespath
from jmespath.exceptions import JMESPathError

from syncd.cmms.mapping.values.paths import Path, format_path
from syncd.core.work_order import Unreadable


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING


class Source(Protocol):
    """Takes one value out of a native record."""

    @property
    def text(self) -> str:
        """As it is spelled in the mapping."""

    def take(self, native: Mapping[str, object]) -> object:
        """The value; None where there is none; MISSING where this record does not tell;
        Unreadable where it cannot be worked out."""


@dataclass(frozen=True, slots=True)
class Column:
    """A key of a flat record: it tells only what it was asked for."""

    text: str

    def take(self, native: Mapping[str, object]) -> object:
        return native.get(self.text, MISSING)


@dataclass(frozen=True, slots=True)
class Expression:
    """A JMESPath expression. `Expression.parse` makes one."""

    text: str
    _compiled: Any = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Expression":
        """Compile it and try it on nothing. Raises ValueError saying what is wrong with it."""
        try:
            made = cls(text, jmespath.compile(text))
        except JMESPathError as error:
            raise ValueError(f"is no JMESPath expression: {_first_line(error)}") from None
        nothings: tuple[object, ...] = (None, {})
        for nothing in nothings:
            try:
                made.search(nothing)
            except JMESPathError as error:
                raise ValueError(
                    f"fails on an empty record: {_first_line(error)}; "
                    "give a default, as in sum(items || `[]`)"
                ) from None
        return made

    @classmethod
    def at(cls, path: Path) -> "Expression":
        """The expression that reads what is written at this path."""
        return cls.parse(format_path(path))

    def search(self, document: object) -> object:
        """What it finds in any document. Raises JMESPathError."""
        return self._compiled.search(document)

    def take(self, native: Mapping[str, object]) -> object:
        try:
            return self.search(native)
        except JMESPathError as error:
            return Unreadable("", f"cannot be worked out: {self.text}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(":")
