"""When two values are the same, and what a value becomes where it has to fit.

Instants are compared, not their texts; 4.5 is 4.50; text is compared after Unicode NFC and
with one kind of line end. Lengths are UTF-16 units, since the API's "characters" are counted
by a JavaScript server (decisions.md, 7).
"""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from types import MappingProxyType
from urllib.parse import urlsplit

import regex

from syncd.core.policy import Overflow, Policy
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Side,
    Unreadable,
    Unwritable,
    Value,
    encode_value,
)

# UTF-16 units; longer is a 400 (the sync call's documented limits).
TEXT_LIMITS: Mapping[Field, int] = MappingProxyType(
    {Field.ROOT_CAUSE: 500, Field.RESOLUTION: 2000, Field.CLOSURE_NOTE: 2000}
)
CUT_MARK = "…"

# A text shorter than this that is the head of what was sent is taken for a person's edit, not
# for a server that cuts: no field of any CMMS we know is cut below it.
SHORTEST_CUT = 64  # UTF-16 units


def canonical_text(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def same(a: Value, b: Value) -> bool:
    """Whether two values of one field mean the same.

    >>> same(Decimal("4.50"), Decimal("4.5")), same("a\\r\\nb", "a\\nb"), same(None, "a")
    (True, True, False)
    """
    if isinstance(a, str) and isinstance(b, str):
        return a == b or canonical_text(a) == canonical_text(b)
    return a == b


def stands_for(sent: Value, equivalents: frozenset[str]) -> bool:
    """Whether a record says that what it holds stands for this value, too."""
    return bool(equivalents) and encode_value(sent) in equivalents


def utf16_units(text: str) -> int:
    """
    >>> utf16_units("é"), utf16_units("🔧")
    (1, 2)
    """
    return len(text) + sum(ch > "\uffff" for ch in text)


def cut_text(text: str, limit: int, size: Callable[[str], int] = utf16_units) -> str:
    """The text itself if it fits, else its head with a visible mark.

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
    """What may be sent to `side` for this value, or why nothing may."""
    if isinstance(value, Unreadable):
        return Unwritable("unreadable", f"{value.raw!r} {value.why}")
    if value is None:
        return value
    if side is Side.CMMS:
        settled = policy.cmms_settles(name, value)
        return settled if isinstance(settled, Unwritable) else value
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


def agrees(
    name: Field,
    s2e: Value,
    cmms: Value,
    equivalents: Mapping[Field, frozenset[str]],
    policy: Policy,
) -> bool:
    """Whether the two sides hold the same: nothing would have to be written to either.

    A CMMS value that stands for several of ours agrees with each of them, and one that is what
    our own writing makes of a value agrees with that; a text over the documented limit agrees
    with its cut.
    """
    if same(s2e, cmms):
        return True
    if isinstance(s2e, str) and s2e in equivalents.get(name, ()):
        return True
    if _settles(name, s2e, cmms, policy):
        return True
    fitted = fit(name, cmms, Side.S2E, policy)
    return not isinstance(fitted, Unwritable) and same(s2e, fitted)


def equivalents(name: Field, sent: Value, record: CmmsRecord, policy: Policy) -> frozenset[str]:
    """All that the record's value stands for: `sent` too, where it is what our own writing makes
    of it, such as the day of a time or a text that was cut to fit."""
    told = record.equivalents.get(name, frozenset())
    if name not in record.fields or same(record.fields[name], sent):
        return told
    kept = _settles(name, sent, record.fields[name], policy)
    return told | {str(encode_value(sent))} if kept else told


def _settles(name: Field, sent: Value, seen: Value, policy: Policy) -> bool:
    settled = policy.cmms_settles(name, sent)
    return not isinstance(settled, Unwritable) and same(settled, seen)


def is_normalisation(sent: Value, seen: Value) -> bool:
    """Whether `seen` is what a system may make of `sent` when it stores it.

    Trimmed or respaced text, text that is all in capitals or all in small letters now, text cut
    at a length, rounded hours, a time cut to the second, the minute or the day.
    """
    if isinstance(sent, datetime) and isinstance(seen, datetime):
        return _is_retimed(sent, seen)
    if isinstance(sent, Decimal) and isinstance(seen, Decimal):
        return any(
            seen == sent.quantize(Decimal(1).scaleb(-places), rounding)
            for places in range(6)
            for rounding in (ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_DOWN)
        )
    if isinstance(sent, str) and (seen is None or isinstance(seen, str)):
        plain_sent, plain_seen = _plain(sent), _plain(seen or "")
        if plain_seen in {plain_sent, plain_sent.upper(), plain_sent.lower()}:
            return True
        head = plain_seen.removesuffix("...").removesuffix(CUT_MARK).rstrip()
        return utf16_units(head) >= SHORTEST_CUT and plain_sent.startswith(head)
    return False


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _is_retimed(sent: datetime, seen: datetime) -> bool:
    if abs(sent - seen) < timedelta(seconds=1) and seen.microsecond == 0:
        return True
    minute = sent.replace(second=0, microsecond=0)
    day = sent.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return seen in (minute, day)
