"""What comes back: bodies under a cap, and JSON that is what it should be."""

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from syncd.errors import UnexpectedContent

MAX_BODY = 8 * 1024 * 1024  # decoded bytes
# JSON of a few bytes a value can grow thirtyfold in memory. A page of the API holds some ten
# thousand values, six levels deep.
_MAX_COMMAS = 500_000
_MAX_DEPTH = 100
_MAX_DIGITS = 400  # of one number; Python's own limit raises beyond 4300
_SNIPPET = 200  # characters of an unexpected body that are told
_GZIP = 31  # zlib's window bits for a gzip stream
_OK = range(200, 300)
_NO_SIGNS = bytes(set(range(256)) - set(b"[]{},"))


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whole. Header names are lower case; the body is decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status in _OK


def read_body(chunks: Iterable[bytes], encoding: str) -> bytes:
    """The decoded body. Never holds more than the cap and one network read.

    Raises ValueError or zlib.error for a body that is too large, damaged, cut off, or encoded
    as was not offered.
    """
    if encoding not in {"identity", "gzip", ""}:
        raise ValueError(f"the answer is encoded as {encoding[:20]!r}, which was not offered")
    inflater = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        part = chunk
        if inflater is not None:
            if inflater.eof:  # zlib would keep all that follows
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
    """The head of a body in one printable line, for a person."""
    text = " ".join(body[:_SNIPPET].decode("utf-8", "replace").split())
    return repr(text) if text else "(empty)"


# ── JSON ──────────────────────────────────────────────────────────────────────────────────


def parse_json_object(response: Response, *, side: str, where: str) -> dict[str, Any]:
    """The JSON object in the body; see `parse_json`. Raises UnexpectedContent also for JSON that
    is not an object."""
    parsed = parse_json(response, side=side, where=where)
    if isinstance(parsed, dict):
        return parsed
    raise _unexpected(response, side, where, "JSON that is not an object")


def parse_json(response: Response, *, side: str, where: str) -> Any:
    """The JSON in the body, made of plain values; of keys that come twice the last counts.
    Half a surrogate pair, which is no character, becomes U+FFFD; a number beyond what a float
    holds becomes its text.

    Raises UnexpectedContent for anything else: HTML, truncated text, NaN, too deep, too large
    a number.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        what = f"{kind[:40] or 'no content type'}, not JSON"
        raise _unexpected(response, side, where, what)
    signs = response.body.translate(None, _NO_SIGNS)
    if signs.count(b",") > _MAX_COMMAS:
        raise _unexpected(response, side, where, "more values than any page holds")
    if not _may_be_deep(signs):
        # Good JSON of a usual depth is read fast; the careful parser finds out what else it is.
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(response.body)
    try:
        text = response.body.decode("utf-8", "surrogatepass").removeprefix("\ufeff")
        parsed = json.loads(text, parse_float=_float, parse_int=_int, parse_constant=_no_constant)
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
    """Whether it nests deeper than is taken, as far as its brackets tell; those inside texts may
    make it look so."""
    brackets = signs.replace(b",", b"")
    for _ in range(_MAX_DEPTH):
        inner = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return bool(brackets)


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float | str:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    number = float(digits)
    return number if math.isfinite(number) else digits


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _clean(value: Any, depth: int = 0) -> Any:
    """The same value without lone surrogates. Raises ValueError where it is too deep.

    How deep json itself goes differs between versions of Python; what reads the result must
    not depend on that.
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
