"""What the API accepts, what it refuses, and how it spells times."""

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

STATUSES = ("DRAFT", "ASSIGNED", "IN_PROGRESS", "ON_HOLD", "COMPLETED", "CANCELLED")
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
SYNC_STATUSES = ("PENDING", "SYNCED", "FAILED")
LIMITS = {"rootCause": 500, "resolution": 2000, "closureNote": 2000}  # UTF-16 units
SYNC_FIELDS = (
    "externalId",
    "status",
    "externalStatus",
    "externalUrl",
    "rootCause",
    "resolution",
    "closureNote",
    "completedAt",
    "actualHours",
)
PAGE_LIMIT = 200  # orders; a larger `limit` is refused
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f]")
_DIGITS = 4000  # of a whole number; Python refuses to read more than 4300


class Refusal(Exception):
    """An answer other than success: its status, its text, and for a 405 the allowed method."""

    def __init__(self, status: int, text: str, allow: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.allow = allow


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def checked_query(query: Mapping[str, str]) -> tuple[int, int]:
    """Return limit and offset of a list request. Raises Refusal(400), for bad filters too."""
    for name, allowed in (
        ("status", STATUSES),
        ("priority", PRIORITIES),
        ("syncStatus", SYNC_STATUSES),
    ):
        if name in query and query[name] not in allowed:
            raise Refusal(400, f"Invalid {name}")
    limit = _whole(query, "limit", 50)
    if not 1 <= limit <= PAGE_LIMIT:
        raise Refusal(400, "Invalid limit")
    return limit, _whole(query, "offset", 0)


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS:
        raise Refusal(400, f"Invalid {name}")
    return int(text)


def checked_sync(body: Any) -> dict[str, Any]:
    """Return the values of a sync body as they are stored. Raises Refusal(400).

    A limit counts UTF-16 units, as JavaScript does: an emoji is two. What the documentation does
    not promise to accept is refused: null, an unknown field, a time without its zone.
    """
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object")
    return {name: _checked(name, value) for name, value in body.items()}


def _checked(name: str, value: Any) -> Any:
    if name not in SYNC_FIELDS:
        raise Refusal(400, f"Unknown field {name[:40]}")
    if name == "actualHours":
        return _checked_hours(value)
    if not isinstance(value, str):
        raise Refusal(400, f"{name} must be a string")
    if name == "status" and value not in STATUSES:
        raise Refusal(400, "Invalid status")
    if name == "externalUrl" and not is_url(value):
        raise Refusal(400, "externalUrl must be a URL")
    if name == "completedAt":
        return _checked_time(value)
    units = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if units > LIMITS.get(name, units):
        raise Refusal(400, f"{name} is longer than {LIMITS[name]} characters")
    return value


def _checked_hours(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(400, "actualHours must be a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:  # an integer that no double holds
        finite = False
    if not finite or value < 0:
        raise Refusal(400, "actualHours must be a finite number, 0 or more")
    return value


def _checked_time(text: str) -> str:
    try:
        # fromisoformat alone accepts more than the API promises: a space for T, week dates.
        moment = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
        if moment is not None:
            return format_time(moment)
    except (ValueError, OverflowError):
        pass
    raise Refusal(400, "completedAt must be an ISO 8601 datetime with its zone")


def is_url(text: str) -> bool:
    """Whether this is an http or https URL with a host."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  (read because it raises ValueError for a bad port)
    except ValueError:
        return False
    known = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return known and _NOT_IN_A_URL.search(text) is None


def normalised(name: str, value: Any) -> Any:
    """The value as a tidy server would keep it: trimmed, NFC, two decimals, whole seconds."""
    if name == "actualHours":
        return round(value, 2)
    if name == "completedAt":
        return f"{value.partition('.')[0]}.000Z"
    return unicodedata.normalize("NFC", value).strip()
