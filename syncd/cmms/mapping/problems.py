"""What is wrong with a mapping file: collected line by line, and raised as one error."""

import difflib
from collections.abc import Collection

from syncd.cmms.mapping.nodes import Mark
from syncd.errors import ConfigurationError

_MASKED_FROM = 4  # characters; shorter values would be masked inside of words
_NAMED = 24  # names of a list that are shown


class Problems:
    """The problems of one mapping, each `file:line: path: what is wrong; what would be right`.

    Attributes:
        secrets: values of the environment that stand where a secret belongs.
        given: all values of the environment that the mapping uses: every line masks them.
    """

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.given: set[str] = set()
        self._problems: list[tuple[Mark, str]] = []

    def add(self, mark: Mark, path: str, what: str) -> None:
        """Note a problem at this line, with the path of the key that it is about."""
        self._problems.append((mark, f"{mark}: {path}: {what}" if path else f"{mark}: {what}"))

    def add_text(self, text: str) -> None:
        """Note a problem whose text has file and line already."""
        self._problems.append((Mark("", 0), text))

    def __bool__(self) -> bool:
        return bool(self._problems)

    @property
    def lines(self) -> list[str]:
        """The problems in the order of the file, each once."""
        ordered = sorted(self._problems, key=lambda problem: (problem[0].file, problem[0].line))
        return list(dict.fromkeys(self._masked(text) for _, text in ordered))

    def _masked(self, text: str) -> str:
        for value in sorted(self.given, key=len, reverse=True):
            if len(value) >= _MASKED_FROM:
                text = text.replace(value, "***")
        return text

    def raise_any(self) -> None:
        """Raise ConfigurationError with all problems, if there are any."""
        if self._problems:
            raise ConfigurationError("\n".join(self.lines))


def nearest(name: str, known: Collection[str]) -> str:
    """Say which of the known names was meant, or which there are.

    >>> nearest("titel", ["title", "status"]), nearest("x", ["title", "status"])
    ('did you mean title?', 'there is title, status')
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if matches:
        return f"did you mean {matches[0]}?"
    named = [*known][:_NAMED]
    more = ", …" if len(known) > _NAMED else ""
    return f"there is {', '.join(named)}{more}" if named else "nothing is wanted here"
