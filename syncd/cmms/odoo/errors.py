"""The error class of an exception in Odoo, or of an HTTP status, and the text that people see.

The body of an error holds a traceback (`debug`), which is neither shown nor logged. In both
protocols each call is one transaction: an exception that is raised inside it undoes it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from syncd.core.budget import parse_http_date, retry_after_s
from syncd.errors import (
    AccessRefused,
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import (
    Deviations,
    Response,
    StatusMeaning,
    error_of,
    meaning_of,
    parse_json_object,
)

SIDE = "cmms"
_LONGEST = 300  # characters of Odoo's text that are shown
_WAIT_S, _LONGEST_WAIT_S = 60.0, 3600.0  # after a 429 without, and with, a Retry-After

# A status without an exception's name does not come from a method of a model. Any 4xx but these
# says that the address or the database is wrong, and nothing about a record.
_AS_EVERYWHERE = {400, 401, 403, 408, 422, 425, 429}
_DEVIATIONS: Deviations = MappingProxyType(
    dict.fromkeys(set(range(400, 500)) - _AS_EVERYWHERE, StatusMeaning.UNEXPECTED)
)

# The last part of an exception's name; the first part differs between versions. The server had no
# room or no lock: the call was undone, and can be repeated.
_NOT_NOW = frozenset({
    "SerializationFailure", "LockNotAvailable", "DeadlockDetected", "ConcurrencyError",
    "LockError", "PoolError", "TooManyConnections",
})  # fmt: skip
# The connection to the database was lost, or worse: the transaction may have been committed.
_UNKNOWN_END = frozenset({
    "OperationalError", "InterfaceError", "AdminShutdown", "CannotConnectNow", "QueryCanceled",
    "QueryCanceledError", "MemoryError", "RegistryError", "ConnectionResetError",
})  # fmt: skip


@contextmanager
def unwritten() -> Iterator[None]:
    """Around what comes before a write: every error says that nothing was changed."""
    try:
        yield
    except RemoteError as error:
        error.may_have_applied = False
        raise


@contextmanager
def written(what: str) -> Iterator[None]:
    """Around what comes after a write: no error says that nothing was changed."""
    try:
        yield
    except RemoteError as error:
        if error.may_have_applied:
            raise
        raise UnexpectedContent(
            f"{what} was written, but not wholly, or not read back: {error}",
            side=SIDE,
            status=error.status,
        ) from error


def by_name(error: object, what: str, key: str, status: int = 200) -> RemoteError:
    """The error for an exception that was raised inside the call, by its name.

    Args:
        error: JSON-RPC's `error`; JSON-2's body as its `data`.
        what: the model and the method.
        key: the API key, which the text may not show.
    """
    envelope = error if isinstance(error, dict) else {}
    about = envelope.get("data")
    data = about if isinstance(about, dict) else {}
    name = str(data.get("name") or "")
    text = _shown(what, str(data.get("message") or envelope.get("message") or ""), key)
    last = name.rpartition(".")[2]
    if last == "AccessDenied":
        return CredentialsRefused(
            f"{text}; Odoo does not take this key: it may have ended, make a new one and set "
            "SYNCD_CMMS_API_KEY",
            side=SIDE,
            status=status,
        )
    if last == "AccessError":
        return AccessRefused(f"{text}; give the user the right", side=SIDE, status=status)
    if last == "MissingError":
        return NotFound(text, side=SIDE, status=status)
    if last in _NOT_NOW:
        return Unreachable(text, side=SIDE, status=status, may_have_applied=False)
    if last in _UNKNOWN_END:
        if "does not exist" in text:
            text += "; check SYNCD_CMMS_DATABASE"
        return Unreachable(text, side=SIDE, status=status)
    if not last or last in {"NotFound", "SessionExpiredException"}:
        return UnexpectedContent(text, side=SIDE, status=status)
    return Refused(f"{text} ({last})", side=SIDE, status=status)


def by_status(response: Response, what: str, message: str, key: str) -> RemoteError:
    """The error for an answer that names no exception, by its HTTP status."""
    status = response.status
    meaning = meaning_of(status, _DEVIATIONS)
    text = _shown(what, message, key) + f" ({status})"
    if meaning is StatusMeaning.CREDENTIALS:
        text += "; the key is not taken or has ended: check SYNCD_CMMS_API_KEY"
    if meaning is StatusMeaning.UNEXPECTED:
        text += "; is SYNCD_CMMS_URL Odoo's own address, and the Maintenance app installed?"
    return error_of(
        meaning, text, side=SIDE, status=status, wait_s=_wait_s(response), may_have_applied=True
    )


def _shown(what: str, message: str, key: str) -> str:
    """Odoo's own words in one line, without the key, which they might quote."""
    line = " ".join(message.split())
    line = line.replace(key, "***") if key else line
    return f"{what}: {line[:_LONGEST] or 'Odoo gave no reason'}"


def error_body(response: Response, what: str) -> dict[str, Any] | None:
    """The JSON object of an answer; None if it is not one."""
    try:
        return parse_json_object(response, side=SIDE, where=what)
    except UnexpectedContent:
        return None


def _wait_s(response: Response) -> float:
    """Seconds that a Retry-After asks for; a date is measured against the answer's own."""
    date = parse_http_date(response.headers.get("date"))
    asked_s = retry_after_s(response.headers.get("retry-after"), date, _LONGEST_WAIT_S)
    return _WAIT_S if asked_s is None else asked_s


def read_version(raw: object) -> str:
    """The server's version from its answer. Raises UnexpectedContent."""
    if not isinstance(raw, str) or not raw:
        raise UnexpectedContent("the server does not tell its version", side=SIDE)
    return raw
