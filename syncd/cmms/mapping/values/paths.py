"""Where a value is written: a dotted path, such as `extra.room`, into a body of nested objects.

A part may name one entry of a list by a key of it: `custom_fields[id=7].value`.
"""

import json
import re
from collections.abc import Iterable
from itertools import pairwise


class Entry(str):
    """The entry of a list in which this key has this value; 7 and "7" name the same one.

    It is a part of a path, and as text it is spelled as there: `[id=7]`.

    Attributes:
        value: as a new entry gets it.
    """

    key: str
    value: str | int

    def __new__(cls, key: str, value: str | int) -> "Entry":
        made = super().__new__(cls, f"[{key}={json.dumps(value)}]")
        made.key, made.value = key, value
        return made

    def __getnewargs__(self) -> tuple[str, str | int]:  # type: ignore[override]
        return self.key, self.value

    def of(self, items: object) -> dict[str, object] | None:
        """The entry in this list; None: it has none, or is no list."""
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and str(item.get(self.key)) == str(self.value):
                return item
        return None


Path = tuple[str, ...]

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PART = re.compile(rf"\s*(?:{_QUOTED}|([\w@$#:/-]+))\s*")
_ENTRY = re.compile(rf"\[\s*([A-Za-z_]\w*)\s*=\s*(?:{_QUOTED}|([\w@$#:/-]+))\s*\]\s*")
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")


def parse_path(text: str) -> Path:
    """Split a dotted path into its parts. Raises ValueError with what is wrong with the path.

    >>> parse_path('extra."Root cause"')
    ('extra', 'Root cause')
    >>> parse_path("custom_fields[id=7].value")
    ('custom_fields', '[id=7]', 'value')
    """
    parts: list[str] = []
    at = 0
    while True:
        part = _PART.match(text, at)
        if part is None:
            raise ValueError('is no dotted path; an example: extra."Root cause"')
        parts.append(_unquoted(part[1]) if part[2] is None else part[2])
        at = part.end()
        entry = _ENTRY.match(text, at)
        if entry is not None:
            parts.append(Entry(entry[1], _entry_value(entry[2], entry[3])))
            at = entry.end()
        if at == len(text) and entry is not None:
            raise ValueError("names an entry and no value in it; an example: extra[id=7].value")
        if at == len(text):
            return tuple(parts)
        if text[at] == "[":
            raise ValueError(
                "is no path that can be written: a list has no fixed places; an entry is named by "
                "a key of it, as in custom_fields[id=7].value"
            )
        if text[at] != ".":
            raise ValueError('is no dotted path; an example: extra."Root cause"')
        at += 1


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        raise ValueError("holds a quoted key that is no JSON text") from None


def _entry_value(quoted: str | None, plain: str | None) -> str | int:
    if plain is None:
        return _unquoted(quoted or "")
    return int(plain) if _NUMBER.fullmatch(plain) else plain


def format_path(path: Path) -> str:
    """Spell the path so that `parse_path` reads it."""
    spelled = (part if isinstance(part, Entry) else f".{_spelled(part)}" for part in path)
    return "".join(spelled).removeprefix(".")


def as_jmespath(path: Path) -> str:
    """The JMESPath expression that reads the value at this path.

    >>> as_jmespath(parse_path("extra.room"))
    'extra.room'
    """
    spelled = ""
    for part in path:
        if isinstance(part, Entry):
            value = str(part.value).replace("\\", "\\\\").replace("'", "\\'")
            spelled = f"({spelled}[?to_string({part.key})=='{value}'] | [0])"
        else:
            spelled = f"{spelled}.{_spelled(part)}" if spelled else _spelled(part)
    return spelled


def _spelled(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_]\w*", key, re.ASCII) else json.dumps(key)


def put(body: dict[str, object], path: Path, value: object) -> None:
    """Set the value in the body, and make the objects and entries on the way to it.

    Raises ValueError where the way leads through something else, which would be lost.

    >>> body = {"a": {"b": 1}, "rows": [{"id": 7, "v": 1}]}
    >>> put(body, ("a", "c"), 2)
    >>> put(body, ("rows", Entry("id", 7), "v"), 3); put(body, ("rows", Entry("id", 8), "v"), 4)
    >>> body
    {'a': {'b': 1, 'c': 2}, 'rows': [{'id': 7, 'v': 3}, {'id': 8, 'v': 4}]}
    """
    *way, last = path
    at: dict[str, object] = body
    for number, part in enumerate(way):
        if isinstance(part, Entry):
            continue  # with the list before it
        then = way[number + 1] if number + 1 < len(way) else None
        at = _entered(at, part, then, path)
    at[last] = value


def _entered(at: dict[str, object], key: str, then: str | None, path: Path) -> dict[str, object]:
    """The object at this key, or the entry of the list there; it is made where there is none."""
    if at.get(key) is None:
        at[key] = [] if isinstance(then, Entry) else {}
    inner = at[key]
    if isinstance(then, Entry) and isinstance(inner, list):
        entry = then.of(inner)
        if entry is None:
            entry = {then.key: then.value}
            inner.append(entry)
        return entry
    if not isinstance(inner, dict) or isinstance(then, Entry):
        what = "a list" if isinstance(inner, list) else "a value"
        what = "an object" if isinstance(inner, dict) else what
        wanted = "list" if isinstance(then, Entry) else "object"
        raise ValueError(f"{format_path(path)} cannot be set: {what} is at {key}, and no {wanted}")
    return inner


def clash(paths: Iterable[Path]) -> tuple[Path, Path] | None:
    """Find two paths of which one would overwrite the other, such as `a` and `a.b`."""
    listed = sorted(paths)
    for one, next_ in pairwise(listed):
        if next_[: len(one)] == one:
            return one, next_
    return None
