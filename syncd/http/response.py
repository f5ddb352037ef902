"""An answer: its body, of limited size, and the JSON in it."""

import json
import math
import re
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from syncd.errors import UnexpectedContent

MAX_BODY = 8 * 1024 * 1024  # decoded bytes
# JSON with values of a few bytes takes thirty times its size in memory. A page of Scan2Evolve holds
# some ten thousand values, six levels deep.
_MAX_COMMAS = 500_000
_MAX_DEPTH = 100
_MAX_DIGITS = 400  # of one number; Python itself raises beyond 4300
_LONG_NUMBER = re.compile(rb"[0-9.]{17}")  # or a text with such a run: one that a float may round
_SNIPPET = 200  # characters of an unexpected body that are shown
_GZIP = 31  # zlib's window bits for a gzip stream
_OK = range(200, 300)
_NO_SIGNS = bytes(set(range(256)) - set(b"[]{},"))


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. Header names are lower case; the body is decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status in _OK


def read_body(chunks: Iterable[bytes], encoding: str) -> bytes:
    """Decode a body. It never holds more than `MAX_BODY` and one network read in memory.

    Raises ValueError or zlib.error for a body that is too large, damaged or cut off, and for an
    encoding that was not offered.
    """
    if encoding not in {"identity", "gzip", ""}:
        raise ValueError(f"the answer is encoded as {encoding[:20]!r}, which was not offered")
    inflater = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        part = chunk
        if inflater is not None:
            if inflater.eof:  # else zlib would keep everything that follows, without a limit
                raise ValueError("the compressed answer goes on after its end")
            part = inflater.decompress(chunk, MAX_BODY - size + 1)
        size += len(part)
        if size > MAX_BODY:
            raise ValueError(f"the answer is larger than {MAX_BODY // 1024 // 1024} MiB")
        parts.append(part)
    if inflater is not None and parts and not inflater.eof:
        raise ValueError("the compressed answer is cut off")
    return b"".join(parts)


def snippet(body: bytes) -> str:
    """The beginning of a body in one printable line, for people."""
    text = " ".join(body[:_SNIPPET].decode("utf-8", "replace").split())
    return repr(text) if text else "(empty)"


# ── JSON ──────────────────────────────────────────────────────────────────────────────────


def parse_json_object(response: Response, *, side: str, where: str) -> dict[str, Any]:
    """The JSON object in the body; see `parse_json`. Raises UnexpectedContent for all else."""
    parsed = parse_json(response, side=side, where=where)
    if isinstance(parsed, dict):
        return parsed
    raise _unexpected(response, side, where, "JSON that is not an object")


def parse_json(response: Response, *, side: str, where: str) -> Any:
    """The JSON in the body, as plain Python values.

    Of a key that comes twice, the last value counts. Half a surrogate pair, which is no
    character, becomes U+FFFD. Whole numbers are exact, however long they are, since they may be
    ids; a number that no float can hold becomes its text. NaN, Infinity and a number with too
    many digits become an object, from which no field can be read: one bad value is one bad value.

    Raises UnexpectedContent for HTML, truncated text, and JSON that is nested too deeply or holds
    too many values.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        what = f"{kind[:40] or 'no content type'}, not JSON"
        raise _unexpected(response, side, where, what)
    signs = response.body.translate(None, _NO_SIGNS)
    if signs.count(b",") > _MAX_COMMAS:
        raise _unexpected(response, side, where, "more values than any page holds")
    if not _may_be_deep(signs) and not _LONG_NUMBER.search(response.body):
        # The fast parser for valid JSON of a usual depth; the careful one below for all else.
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(response.body)
    try:
        text = response.body.decode("utf-8", "surrogatepass").removeprefix("\ufeff")
        parsed = json.loads(text, parse_float=_float, parse_int=_int, parse_constant=_no_number)
        return _clean(parsed)
    except RecursionError:
        raise _unexpected(response, side, where, "JSON nested too deeply") from None
    except ValueError as error:
        what = f"what is not JSON ({str(error)[:80]})"
        raise _unexpected(response, side, where, what) from None


def _unexpected(response: Response, side: str, where: str, what: str) -> UnexpectedContent:
    return UnexpectedContent(
        f"{where} answered {response.status} with {what}: {snippet(response.body)}",
        side=side,
        status=response.status,
        request_id=response.headers.get("x-request-id"),
    )


def _may_be_deep(signs: bytes) -> bool:
    """Whether the JSON may be nested too deeply, judging by its brackets and commas alone.
    Brackets inside texts may make it True without cause."""
    brackets = signs.replace(b",", b"")
    for _ in range(_MAX_DEPTH):
        inner = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return bool(brackets)


def _int(digits: str) -> int | dict[str, str]:
    return int(digits) if len(digits) <= _MAX_DIGITS else _no_number(digits)


def _float(digits: str) -> float | int | str | dict[str, str]:
    if len(digits) > _MAX_DIGITS:
        return _no_number(digits)
    number = float(digits)
    if not math.isfinite(number):
        return digits
    exact = Decimal(digits)
    if not number.is_integer() or exact == Decimal(repr(number)):
        return number
    return int(exact) if exact == exact.to_integral_value() else digits


def _no_number(spelled: str) -> dict[str, str]:
    """What stands in the place of a number that is none."""
    many = len(spelled) > _MAX_DIGITS
    return {"no_number": f"{spelled[:20]}… ({len(spelled)} digits)" if many else spelled}


def _clean(value: Any, depth: int = 0) -> Any:
    """The same value without lone surrogates. Raises ValueError for one that is nested too deeply.

    The depth that Python's own parser takes differs between its versions; ours does not.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested more than {_MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        return {_text(key): _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
