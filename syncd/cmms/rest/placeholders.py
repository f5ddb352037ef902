"""Fill in the placeholders of a mapping: `{id}` and other names from a fixed list.

A template that is exactly one placeholder keeps the value's own type. In a path and in a query
the value is percent-encoded. In a query a placeholder with text around it (`name="{s2e_id}"`)
stands in an expression: there a value with a quote is refused, since it could end the
expression's own quotes and ask for something else.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from syncd.errors import Refused

_NAME = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*(?:\.[A-Za-z0-9_.]+)?)\}")
_WHOLE = re.compile(r"\{([a-z_][a-z0-9_]*(?:\.[A-Za-z0-9_.]+)?)\}")
_GLUED = re.compile(r"\w\{([a-z_][a-z0-9_.]*)\}")
_BRACED = re.compile(r"\{([^{}\[\"\s:,]+)\}")
# These characters end or escape a quoted text in the query languages of CMMSs (OData, SOQL, OSLC,
# encoded queries), or end a line.
_BREAKS_OUT = re.compile("[\"'\\\\^`\x00-\x1f\x7f]")
_DOTS = frozenset({"", ".", ".."})

Values = Mapping[str, Any]


def names_in(template: Any) -> set[str]:
    """The placeholders anywhere in a template, which is a text or JSON that holds texts. Of
    `{child.x}` it is only `child`."""
    return {name.partition(".")[0] for text in _texts(template) for name in _names(text)}


def braced_in(template: Any) -> set[str]:
    """All that stands in single braces and is not JSON. Where nothing is filled in, it is a
    mistake."""
    return {name for text in _texts(template) for name in _BRACED.findall(_doubled(text))}


def glued_in(template: Any) -> set[str]:
    """Placeholders right behind a letter, in a text that has doubled braces too.

    In GraphQL, for example, `order{id}` means the field `id` and not the record's id.
    """
    texts = (text.replace("{{", "((") for text in _texts(template) if "{{" in text)
    return {match.group(1) for text in texts for match in _GLUED.finditer(text)}


def _doubled(text: str) -> str:
    """The text without its {{ and }}."""
    return text.replace("{{", "").replace("}}", "") if "{{" in text else text


def _names(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        if match.group(1):
            yield match.group(1)


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for key, item in template.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(template, list | tuple):
        for item in template:
            yield from _texts(item)


def fill(template: Any, values: Values) -> Any:
    """Fill a template, which is a text or JSON. `"{value}"` alone becomes the value itself, of its
    own type.

    Raises Refused for a value that the template cannot hold.
    """
    if isinstance(template, Mapping):
        return {fill(key, values): fill(item, values) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [fill(item, values) for item in template]
    if not isinstance(template, str):
        return template
    whole = _WHOLE.fullmatch(template)
    return _value(whole.group(1), values) if whole else _put(template, values, expression=False)


def fill_text(template: str, values: Values) -> str:
    """Fill a text of a query or a header. JSON inside of it (`[["name",">","{last}"]]`) stays JSON;
    other text around a value is taken for an expression."""
    if _WHOLE.fullmatch(template):
        return text_of(fill(template, values))
    if template[:1] in {"[", "{"} and any(True for _ in _names(template)):
        try:
            inner = json.loads(template)
        except ValueError:
            pass
        else:
            return json.dumps(fill(inner, values), ensure_ascii=False, separators=(",", ":"))
    return _put(template, values, expression=True)


def _put(template: str, values: Values, *, expression: bool) -> str:
    def put(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group()[0]
        text = text_of(_value(name, values))
        within = expression or template[: match.start()].endswith(('"', "'"))
        if within and _BREAKS_OUT.search(text):
            raise _refused(f"{{{name}}} holds a quote or the like, which {template!r} cannot hold")
        return text

    if "{{" not in template and not any(True for _ in _names(template)):
        return template  # JSON may end in }}
    return _NAME.sub(put, template)


def fill_path(template: str, values: Values) -> str:
    """Fill a path, each value percent-encoded as one segment. `{address}` alone stays as the CMMS
    sent it."""
    if template == "{address}":
        return text_of(_value("address", values))

    def put(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group()[0]
        text = text_of(_value(name, values))
        if text in _DOTS:
            raise _refused(f"{{{name}}} is {text!r}, which no path can hold")
        if template[: match.start()].count("'") % 2 and "'" in text:
            raise _refused(f"{{{name}}} holds a quote, which {template!r} cannot hold")
        return quote(text, safe="")

    return _NAME.sub(put, template)


def text_of(value: Any) -> str:
    """Spell a value as text for a path, a query or a header. What is not text is spelled as in
    JSON; None is an empty text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _value(name: str, values: Values) -> Any:
    if name in values:
        return values[name]
    head, _, rest = name.partition(".")
    inner = values[head]
    for key in rest.split("."):
        if not isinstance(inner, Mapping) or inner.get(key) is None:
            raise _refused(f"there is no {{{name}}} in what was read")
        inner = inner[key]
    return inner


def _refused(why: str) -> Refused:
    return Refused(f"the mapping cannot say this: {why}", side="cmms")
