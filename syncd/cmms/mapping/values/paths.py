"""Where a value is written: a dotted path, such as `extra.room`, into a body of nested objects."""

import json
import re
from collections.abc import Iterable
from itertools import pairwise

Path = tuple[str, ...]

_PART = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([\w@$#:/-]+))\s*(\.|$)')


def parse_path(text: str) -> Path:
    """Split a dotted path into its keys. Raises ValueError with what is wrong with the path.

    >>> parse_path('extra."Root cause"')
    ('extra', 'Root cause')
    """
    if "[" in text and '"' not in text:
        raise ValueError("is no path that can be written: a list has no fixed places")
    parts, at = [], 0
    while True:
        part = _PART.match(text, at)
        if part is None:
            raise ValueError('is no dotted path; an example: extra."Root cause"')
        quoted, plain, dot = part.groups()
        try:
            parts.append(plain if quoted is None else json.loads(f'"{quoted}"'))
        except ValueError:
            raise ValueError("holds a quoted key that is no JSON text") from None
        at = part.end()
        if not dot:
            return tuple(parts)


def format_path(path: Path) -> str:
    """Spell the path so that `parse_path` and JMESPath both read it."""
    return ".".join(
        part if re.fullmatch(r"[A-Za-z_]\w*", part, re.ASCII) else json.dumps(part) for part in path
    )


def put(body: dict[str, object], path: Path, value: object) -> None:
    """Set the value in the body, and make the objects on the way to it.

    Raises ValueError where the way leads through a list or a plain value, which would be lost.

    >>> body = {"a": {"b": 1}}
    >>> put(body, ("a", "c"), 2); body
    {'a': {'b': 1, 'c': 2}}
    """
    *way, last = path
    for key in way:
        inner = body.get(key)
        if inner is None:
            inner = {}
            body[key] = inner
        if not isinstance(inner, dict):
            what = "a list" if isinstance(inner, list) else "a value"
            raise ValueError(
                f"{format_path(path)} cannot be set: {what} is at {key}, and no object"
            )
        body = inner
    body[last] = value


def clash(paths: Iterable[Path]) -> tuple[Path, Path] | None:
    """Find two paths of which one would overwrite the other, such as `a` and `a.b`."""
    listed = sorted(paths)
    for one, next_ in pairwise(listed):
        if next_[: len(one)] == one:
            return one, next_
    return None
