"""Column types that mean the same on SQLite and PostgreSQL, and take whatever a side sends.

PostgreSQL stores no NUL character and no half of a surrogate pair, its JSON no NaN; and a CMMS
hands out what JSON has no word for. Both databases get the same, so that a mirror reads alike on
either.
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


class Text(TypeDecorator[str]):
    """Text without what no database takes, when it is stored and when it is looked for."""

    impl = sa.Text()
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else plain_text(value)


Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def plain_text(value: str) -> str:
    """The text without NUL characters; half a surrogate pair shows as a replacement character."""
    if value.isascii():
        return value.replace("\x00", "")
    return _HALF_PAIR.sub("\N{REPLACEMENT CHARACTER}", value.replace("\x00", ""))


def plain_json(value: Any) -> Any:
    """The value as JSON that both databases take. What JSON has no word for becomes text."""
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
    """JSON that is text already, and clean."""

    __slots__ = ()


def json_text(value: Any) -> JsonText:
    """The value as clean JSON text."""
    return JsonText(kept_json(value)[1].decode())


def kept_json(value: Any) -> tuple[Any, bytes]:
    """The value as a database can keep it, and that as JSON in UTF-8: plain values at once,
    others by way of `plain_json`."""
    try:
        text = orjson.dumps(value)
    except TypeError:  # what JSON has no word for, or half a surrogate pair
        pass
    else:
        if b"\\u0000" not in text:
            return value, text
    clean = plain_json(value)
    return clean, dump_json(clean).encode()


def kept_jsons(values: Sequence[Any]) -> list[tuple[Any, bytes]]:
    """`kept_json` of each of many."""
    try:
        texts = list(map(orjson.dumps, values))
    except TypeError:
        return [kept_json(value) for value in values]
    if any(map(contains, texts, repeat(b"\\u0000"))):
        return [kept_json(value) for value in values]
    return list(zip(values, texts, strict=True))


def dump_json(value: Any) -> str:
    """JSON text for a column, cleaned."""
    if isinstance(value, JsonText):
        return str(value)
    return json.dumps(plain_json(value), ensure_ascii=False, separators=(",", ":"))
