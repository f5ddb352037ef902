"""When two values are the same, and whether a side holds what was sent to it.

Instants are compared, not their texts; 4.5 is 4.50; text is compared after Unicode NFC and with
one kind of line end. A system may store another form of what it was sent. `match_sent` alone says
whether that is still what was sent:

    match        the side holds                                              e.g. of "Pump  7"
    ──────────   ─────────────────────────────────────────────────────────   ─────────────────
    EQUAL        the value                                                    Pump  7
    EQUIVALENT   a value that stands for it: a lossy map, or what the         (ASSIGNED for DRAFT)
                 adapter's `settled` says that the CMMS makes of it
    NORMALISED   what a system makes of it by trimming, rounding, cutting     Pump 7
    OTHER        anything else                                                Pump 8
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum

from syncd.core.fitting import CUT_MARK, fit, utf16_units
from syncd.core.policy import Policy
from syncd.core.values import encode_value
from syncd.core.work_order import CmmsRecord, Field, S2eOrder, Side, Unwritable, Value

# Where what was sent begins with what a side holds, and that is shorter than this, a person has
# edited it: no CMMS we know cuts a field below this length.
SHORTEST_CUT = 64  # UTF-16 units


class Match(StrEnum):
    """How what a side holds relates to what was sent to it."""

    EQUAL = "equal"
    EQUIVALENT = "equivalent"
    NORMALISED = "normalised"
    OTHER = "other"


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
    """Whether `sent` is among the values that a record's native value stands for."""
    return bool(equivalents) and encode_value(sent) in equivalents


def match_sent(
    name: Field, sent: Value, seen: Value, holder: S2eOrder | CmmsRecord | None, policy: Policy
) -> Match:
    """Whether `seen` is `sent`, in whatever form the side keeps it.

    Args:
        holder: the order or record that holds `seen`; only a record may have equivalents.
    """
    if same(seen, sent):
        return Match.EQUAL
    if isinstance(holder, CmmsRecord) and (
        stands_for(sent, holder.equivalents.get(name, frozenset()))
        or _keeps(name, sent, seen, policy)
    ):
        return Match.EQUIVALENT
    return Match.NORMALISED if is_normalisation(sent, seen) else Match.OTHER


def agrees(
    name: Field,
    s2e: Value,
    cmms: Value,
    equivalents: Mapping[Field, frozenset[str]],
    policy: Policy,
) -> bool:
    """Whether the two sides hold the same: nothing would have to be written to either.

    Values that differ agree where the CMMS value stands for several of ours and this is one of
    them, where it is what the CMMS makes of ours when we write it, or a coarser form of ours,
    which the CMMS cannot hold as fine; or where ours is the CMMS's text, cut at the limit that
    Scan2Evolve documents.
    """
    if same(s2e, cmms):
        return True
    if isinstance(s2e, str) and s2e in equivalents.get(name, ()):
        return True
    if _keeps(name, s2e, cmms, policy) or _is_coarser(name, s2e, cmms, policy):
        return True
    fitted = fit(name, cmms, Side.S2E, policy)
    return not isinstance(fitted, Unwritable) and same(s2e, fitted)


def is_at(base: Mapping[Field, Value], name: Field, value: Value) -> bool:
    """Whether the value is this side's base: what it held when the two last agreed."""
    return name in base and same(base[name], value)


def _keeps(name: Field, sent: Value, seen: Value, policy: Policy) -> bool:
    kept = policy.cmms_keeps(name, sent)
    return not isinstance(kept, Unwritable) and same(kept, seen)


def _is_coarser(name: Field, fine: Value, coarse: Value, policy: Policy) -> bool:
    """Whether the CMMS cannot hold `fine` as it is, and `coarse` is what may be left of it there.

    Another program may have written it, and cut where we round: 10:00:00 is 10:00:00.7 in a CMMS
    of whole seconds, 1.2 is 1.26 in one of tenths. And where the CMMS makes the same of both, a
    write would change nothing.
    """
    kept = policy.cmms_keeps(name, fine)
    if isinstance(kept, Unwritable) or coarse is None or same(kept, fine):
        return False
    if _keeps(name, coarse, kept, policy):
        return True
    if isinstance(fine, datetime) and isinstance(coarse, datetime):
        return abs(fine - coarse) < timedelta(seconds=1) and not coarse.microsecond
    if isinstance(fine, Decimal) and isinstance(coarse, Decimal) and isinstance(kept, Decimal):
        places = max(-int(kept.normalize().as_tuple().exponent), 0)
        return coarse in _rounded(fine, places)
    return False


def _rounded(hours: Decimal, places: int) -> set[Decimal]:
    step = Decimal(1).scaleb(-places)
    return {hours.quantize(step, how) for how in (ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_DOWN)}


def is_normalisation(sent: Value, seen: Value) -> bool:
    """Whether `seen` is what a system may make of `sent` when it stores it.

    Trimmed or respaced text, text that is all in capitals or all in small letters now, text cut
    at a length, rounded hours, a time cut to the second, the minute or the day.
    """
    if isinstance(sent, datetime) and isinstance(seen, datetime):
        return _is_retimed(sent, seen)
    if isinstance(sent, Decimal) and isinstance(seen, Decimal):
        return any(seen in _rounded(sent, places) for places in range(6))
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
