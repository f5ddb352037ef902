"""The form in which a value can be written to a side, or why it cannot be written there.

Lengths are UTF-16 units, since the API's "characters" are counted by a JavaScript server
(docs/decisions.md, 7).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

import regex

from syncd.core.policy import Overflow, Policy
from syncd.core.work_order import Field, Side, Unreadable, Unwritable, Value

# UTF-16 units; longer is a 400 (the sync call's documented limits).
TEXT_LIMITS: Mapping[Field, int] = MappingProxyType(
    {Field.ROOT_CAUSE: 500, Field.RESOLUTION: 2000, Field.CLOSURE_NOTE: 2000}
)
CUT_MARK = "…"


def utf16_units(text: str) -> int:
    """
    >>> utf16_units("é"), utf16_units("🔧")
    (1, 2)
    """
    return len(text) + sum(ch > "\uffff" for ch in text)


def cut_text(text: str, limit: int, size: Callable[[str], int] = utf16_units) -> str:
    """The text itself if it fits, else its beginning with a visible mark.

    Cut between grapheme clusters, so that no emoji or accented letter is torn. `size` measures.

    >>> cut_text("abcdef", 4)
    'abc…'
    """
    if size(text) <= limit:
        return text
    room = limit - size(CUT_MARK)
    kept, used = [], 0
    for cluster in regex.findall(r"\X", text):
        used += size(cluster)
        if used > room:
            break
        kept.append(cluster)
    return "".join(kept).rstrip() + CUT_MARK


def fit(name: Field, value: Value, side: Side, policy: Policy) -> Value | Unwritable:
    """The value as it may be sent to `side`, or why it may not be sent."""
    if isinstance(value, Unreadable):
        return Unwritable("unreadable", f"{value.raw!r} {value.why}")
    if value is None:
        return value
    if side is Side.CMMS:
        kept = policy.cmms_keeps(name, value)
        return kept if isinstance(kept, Unwritable) else value
    limit = TEXT_LIMITS.get(name)
    if limit is not None and isinstance(value, str) and utf16_units(value) > limit:
        if policy.overflow is Overflow.PARK:
            return Unwritable(
                "text_too_long", f"{utf16_units(value)} of at most {limit} UTF-16 units"
            )
        return cut_text(value, limit)
    if name is Field.EXTERNAL_URL and isinstance(value, str) and not _is_web_url(value):
        return Unwritable("invalid", "is not an http or https URL")
    return value


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in text
