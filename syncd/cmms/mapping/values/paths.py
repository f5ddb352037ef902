"""Where a value is put: a dotted path into a body of nested objects."""

import json
import re
from collections.abc import Iterable
from itertools import pairwise

Path = tuple[str, ...]

_PART = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([\w@$#:/-]+))\s*(\.|$)')


def parse_path(text: str) -> Path:
    """The keys of a dotted path. Raises ValueError saying what is wrong with it.

    >>> parse_path('extra."Root cause"')
    ('extra', 'Root cause')
    """
    if "[" in text and '"' not in text:
        raise ValueError("is no path that can be written: a list has no fixed places")
    parts, at = [], 0
    while True:
        found = _PART.match(text, at)
        if found is None:
            raise ValueError('is no dotted path; an example: extra."Root cause"')
        quoted, plain, dot = found.groups()
        try:
            parts.append(plain if quoted is None else json.loads(f'"{quoted}"'))
        except ValueError:
            raise ValueError("holds a quoted key that is no JSON text") from None
        at = found.end()
        if not dot:
            return tuple(parts)


def format_path(path: Path) -> str:
    """The path as `parse_path` and JMESPath both read it."""
    return ".".join(
        part if re.fullmatch(r"[A-Za-z_]\w*", part, re.ASCII) else json.dumps(part) for part in path
    )


def put(body: dict[str, object], path: Path, value: object) -> None:
    """Set the value, making the objects on the way to it. `clash` tells when that is unsafe.

    Raises ValueError where something else is in the way: it would be thrown away.

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
    """Two paths of which one would overwrite the other, if there are such."""
    listed = sorted(paths)
    for one, next_ in pairwise(listed):
        if next_[: len(one)] == one:
            return one, next_
    return None
