"""Text with placeholders, such as {id}, {since} or {child.sys_id}; no expressions."""

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
        """Find the placeholders of the text.

        A name with a dot is allowed by its first part: `child` allows {child.sys_id}.

        Raises ValueError that names a placeholder that is not one of `allowed`.
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
        """Replace every placeholder by its value, encoded.

        >>> Template.parse("/wo/{id}", frozenset({"id"})).fill({"id": "a/b"}, encode_url)
        '/wo/a%2Fb'
        """
        return _PLACEHOLDER.sub(lambda match: encode(values[match.group(1)]), self.text)


def encode_url(value: str) -> str:
    """Percent-encode all but unreserved characters, for a part of a path or a query's value."""
    return quote(value, safe="", errors="replace")
