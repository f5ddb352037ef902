"""Column types that mean the same on SQLite and PostgreSQL, and take any value that a side sends.

PostgreSQL stores neither a NUL character nor half of a surrogate pair, and its JSON holds no NaN.
A CMMS may send values that JSON cannot express, such as dates and bytes. All such values are
replaced before they are stored, on SQLite too, so that a mirror reads the same on either.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import repeat
from operator import contains
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

_HALF_PAIR = re.compile("[\ud800-\udfff]")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime; on SQLite sortable ISO 8601 text."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(27))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        if dialect.name == "sqlite":
            # isoformat, since strftime writes the year 970 with three digits.
            return utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        utc: datetime = moment.astimezone(UTC)
        return utc


class PlainText(TypeDecorator[str]):
    """Text as `plain_text` makes it, both when it is stored and when it is searched."""

    impl = sa.Text()
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else plain_text(value)


Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def plain_text(value: str) -> str:
    """The text without NUL characters; half a surrogate pair becomes a replacement character."""
    if value.isascii():
        return value.replace("\x00", "")
    return _HALF_PAIR.sub("\N{REPLACEMENT CHARACTER}", value.replace("\x00", ""))


def plain_json(value: Any) -> Any:
    """The value as JSON that both databases take. What JSON cannot express becomes text."""
    if isinstance(value, str):
        return plain_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return {plain_text(str(key)): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain_json(item) for item in value), key=str)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return plain_text(str(value))


def _number(value: Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    return int(value) if value == value.to_integral_value() else float(value)


class JsonText(str):
    """JSON text that `json_text` has made; it is stored as it is."""

    __slots__ = ()


def json_text(value: Any) -> JsonText:
    """The value as JSON text that both databases take."""
    return JsonText(kept_json(value)[1].decode())


def kept_json(value: Any) -> tuple[Any, bytes]:
    """The value as both databases take it, and the same as JSON text in UTF-8.

    Most values pass unchanged, in one step; only the others go through `plain_json`.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:  # a value that JSON cannot express, or half a surrogate pair
        pass
    else:
        if b"\\u0000" not in text:
            return value, text
    clean = plain_json(value)
    return clean, dump_json(clean).encode()


def kept_jsons(values: Sequence[Any]) -> list[tuple[Any, bytes]]:
    """`kept_json` of many values, faster than one by one."""
    try:
        texts = list(map(orjson.dumps, values))
    except TypeError:
        return [kept_json(value) for value in values]
    if any(map(contains, texts, repeat(b"\\u0000"))):
        return [kept_json(value) for value in values]
    return list(zip(values, texts, strict=True))


def dump_json(value: Any) -> str:
    """The JSON text for a column, as both databases take it."""
    if isinstance(value, JsonText):
        return str(value)
    return json.dumps(plain_json(value), ensure_ascii=False, separators=(",", ":"))
