"""Text with placeholders: {id}, {since}, {child.sys_id}. No language, no expressions."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[A-Za-z_][\w]*)?)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text and the names in it. `Template.parse` makes one."""

    text: str
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str, allowed: frozenset[str]) -> "Template":
        """Raises ValueError naming a placeholder that is not one of `allowed`.

        A name with a dot is allowed by its first part: `child` allows {child.sys_id}.
        """
        names = frozenset(_PLACEHOLDER.findall(text))
        unknown = sorted(name for name in names if name.partition(".")[0] not in allowed)
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "none"
            raise ValueError(
                f"holds {{{unknown[0]}}}, which is not filled in here; there is {known}"
            )
        return cls(text, names)

    def fill(self, values: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
        """The text with every placeholder replaced by its value, encoded.

        >>> Template.parse("/wo/{id}", frozenset({"id"})).fill({"id": "a/b"}, encode_url)
        '/wo/a%2Fb'
        """
        return _PLACEHOLDER.sub(lambda found: encode(values[found.group(1)]), self.text)


def encode_url(value: str) -> str:
    """For a path's part or a query's value: everything but unreserved characters."""
    return quote(value, safe="")
