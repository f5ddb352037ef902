"""What a mapping has to keep, tried on values before it is used.

    a value that is written         reads back as itself, or as what the mapping's own limits
                                    (a length, whole minutes, a date) make of it
    the value that is read back     is written the same way again: nothing swings to and fro
    a native value of a table       that is read is written as itself, or as one that reads alike
    empty                           reads back as empty

A value that was read and has not changed needs no law: the merge never writes it. Every run tries
the same values, so that a mapping that keeps the laws once keeps them always.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from syncd.cmms.mapping.values.converters import (
    PARK,
    Hours,
    HoursWithUnit,
    Mapped,
    Natives,
    SplitTime,
    Text,
    Time,
)
from syncd.cmms.mapping.values.hours import UNITS
from syncd.cmms.mapping.values.paths import put
from syncd.cmms.mapping.values.record_map import FieldMap, RecordMap
from syncd.core.equality import is_normalisation, same
from syncd.core.values import encode_value, show_value
from syncd.core.work_order import (
    Field,
    Priority,
    Status,
    Unreadable,
    Unwritable,
    Value,
    ValueKind,
    kind_of,
)

_MINUTE = Decimal(1) / 60
_GRAINS = {"h": Decimal(0), "s": Decimal(1) / 3600, "ms": Decimal(1) / 3600}


def broken_laws(records: RecordMap) -> list[str]:
    """Find the laws that the mapping breaks: line, field and value of each."""
    return [problem for one in records.fields.values() for problem in _broken(one)]


def _broken(one: FieldMap) -> list[str]:
    problems: list[str] = []
    if not one.writes:
        return problems
    for value in samples(one.field):
        problem = _problem(one, value)
        if problem is not None:
            problems.append(f"{one.where}: fields.{one.field}: {show_value(value)!r} {problem}")
            if kind_of(one.field) not in {ValueKind.STATUS, ValueKind.PRIORITY}:
                break  # one of some two hundred values is enough to see what is wrong
    if one.clears:
        meaning = one.meaning((one.empty,) * len(one.writes))
        if meaning.value is not None:
            problems.append(
                f"{one.where}: fields.{one.field}: empty is written as {one.empty!r}, which reads "
                f"back as {show_value(meaning.value)!r}; add it to absent: [{one.empty!r}]"
            )
    if isinstance(one.convert, Mapped):
        problems += _broken_entries(one, one.convert)
    return problems


def _problem(one: FieldMap, value: Value) -> str | None:
    """Say which law this value breaks, if it breaks one."""
    natives = one.natives(value)
    if isinstance(natives, Unwritable):
        # Not a broken law: a value that a table leaves out is refused when it comes, and `notes`
        # names it at the start.
        return None
    seen = _read_back(one, natives)
    if isinstance(seen, Unreadable):
        return f"is written as {_spelled(natives)}, which cannot be read: it {seen.why}"
    if not _is_near(one, value, seen) and not _stands_for(one, natives, value):
        return f"is written as {_spelled(natives)} and reads back as {show_value(seen)!r}"
    again = one.natives(seen) if seen is not None or one.clears else natives
    if again != natives:
        text = again.detail if isinstance(again, Unwritable) else _spelled(again)
        return (
            f"swings: it is written as {_spelled(natives)}, read back as {show_value(seen)!r} "
            f"and that is written as {text}"
        )
    return None


def _read_back(one: FieldMap, natives: Natives) -> Value:
    if not one.round_trip:
        return one.meaning(natives).value
    body: dict[str, object] = {}
    for path, native in zip(one.writes, natives, strict=True):
        put(body, path, native)
    meaning = one.read(body)
    return None if meaning is None else meaning.value


def _stands_for(one: FieldMap, natives: Natives, value: Value) -> bool:
    return str(encode_value(value)) in one.meaning(natives).equivalents


def _is_near(one: FieldMap, value: Value, seen: Value) -> bool:
    """Whether `seen` is the value, or what the mapping's own limits make of it."""
    if same(value, seen):
        return True
    convert = one.convert
    if isinstance(convert, Mapped):
        return convert.missing != PARK and convert.table.write(str(encode_value(value))) is None
    if isinstance(convert, Time | SplitTime) and isinstance(value, datetime):
        return isinstance(seen, datetime) and abs(seen - value) <= convert.grain
    if isinstance(convert, Hours | HoursWithUnit) and isinstance(value, Decimal):
        grain = _GRAINS.get(convert.written, _MINUTE)
        if convert.spelled is not None and UNITS[convert.written] == 1:
            grain = convert.spelled.grain
        return abs((seen if isinstance(seen, Decimal) else Decimal(0)) - value) <= grain
    if isinstance(convert, Text) and isinstance(value, str):
        cut = convert.most is not None and isinstance(seen, str) and seen != value
        return cut or (convert.html and is_normalisation(value, seen))
    return False


def _broken_entries(one: FieldMap, convert: Mapped) -> Iterator[str]:
    """Find native values that are read as a value of ours that is written as another one."""
    for entry in convert.table:
        read = one.meaning((entry.native,)).value
        if read is None or isinstance(read, Unreadable):
            continue  # a value of `absent` means empty
        written = one.natives(read)
        if isinstance(written, Unwritable):
            continue
        again = one.meaning(written)
        if not same(again.value, read) and str(encode_value(read)) not in again.equivalents:
            yield (
                f"{entry.where}: {entry.native!r} is read as {read}, which is written as "
                f"{_spelled(written)} and then read as {show_value(again.value)}"
            )


def _spelled(natives: Natives) -> str:
    return " and ".join(repr(native)[:80] for native in natives)


# ── values ────────────────────────────────────────────────────────────────────────────────


def samples(name: Field) -> list[Value]:
    """The values that a field is tried on: all there are, or some two hundred."""
    match kind_of(name):
        case ValueKind.STATUS:
            return list(Status)
        case ValueKind.PRIORITY:
            return list(Priority)
        case ValueKind.HOURS:
            return [*_HOURS]
        case ValueKind.TIME:
            return [*_TIMES]
    return [*_S2E_IDS] if name is Field.S2E_ID else [*_TEXTS]


def _mixed(number: int, below: int) -> int:
    """A number that looks random and is the same in every run (Knuth's multiplicative hash)."""
    return number * 2_654_435_761 % 2**32 % below


_HOURS = tuple(
    Decimal(text)
    for text in (
        *("0.25", "0.5", "1", "1.75", "4.5", "8", "24", "25.1", "100", "1000.5", "0.0167"),
        *(f"{_mixed(n, 100_000) / 100:g}" for n in range(1, 100)),
        *(f"{_mixed(n, 40_000) / 10_000:g}" for n in range(100, 190)),
    )
    if Decimal(text) > 0
)
_TIMES = tuple(
    datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=_mixed(n, 2**32) * 270)
    for n in range(1, 170)
) + tuple(
    datetime(2026, month, day, hour, minute, tzinfo=UTC)
    for month, day in ((1, 1), (2, 28), (3, 29), (6, 30), (10, 25), (12, 31))
    for hour, minute in ((0, 0), (0, 30), (1, 30), (12, 0), (23, 59))
)
_WORDS = (
    *("Pump leaks", "ä", "Ölwanne", "漏れ", "🔧", "<b>", "a & b", "it's", '"so"', "C:\\x", "%s"),
    *(
        "{id}",
        "${X}",
        "line\nbreak",
        "tab\there",
        "  two  spaces ",
        "null",
        "0",
        "false",
        "e\u0301",
    ),
)
_TEXTS = (
    *_WORDS,
    "x" * 65,
    "word " * 60,
    "🔧" * 130,
    "Ö" * 300,
    "a line of some length\n" * 40,
    "x" * 2500,
    *(
        " ".join(_WORDS[_mixed(n * 31 + k, len(_WORDS))] for k in range(1 + n % 9)).strip()
        for n in range(170)
    ),
)
_S2E_IDS = ("wo_def456", "wo_0", "wo_ABC-1", "wo_01HQZX3V9K2M4N6P8R0S2T4V6W")
