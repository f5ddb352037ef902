"""Where a value is read from: a JMESPath expression, or a column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol

import jmespath
from jmespath.exceptions import JMESPathError

from syncd.cmms.mapping.values.paths import Path, as_jmespath, format_path
from syncd.core.work_order import Unreadable


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING


class Source(Protocol):
    """Takes one value out of a native record."""

    @property
    def text(self) -> str:
        """The source as the mapping spells it."""

    def take(self, native: Mapping[str, object]) -> object:
        """The value in this record.

        None: the record has no value there. MISSING: the record was read without this part.
        Unreadable: the expression fails on this record.
        """


@dataclass(frozen=True, slots=True)
class Column:
    """A key of a flat record. A row lacks the columns that were not selected: MISSING."""

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
        """Compile the expression and try it on an empty record.

        Raises ValueError with what is wrong with it.
        """
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
        """The expression that reads the value at this path, spelled as the path."""
        return cls(format_path(path), jmespath.compile(as_jmespath(path)))

    @property
    def tree(self) -> Any:
        """The expression as the parser of jmespath has it."""
        return self._compiled.parsed

    def search(self, document: object) -> object:
        """The expression's result on any document. Raises JMESPathError."""
        return self._compiled.search(document)

    def take(self, native: Mapping[str, object]) -> object:
        try:
            return self.search(native)
        except JMESPathError as error:
            return Unreadable("", f"cannot be worked out: {self.text}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(":")
