"""What an HTTP status means: the one table from a status to an error, for both sides.

    status           meaning        error                 a write may have taken effect
    ──────────────   ────────────   ───────────────────   ─────────────────────────────
    2xx              ok             none
    401, 407         credentials    CredentialsRefused    no
    403              forbidden      AccessRefused         no
    404, 410         not_found      NotFound              no
    409, 412         changed        Changed               no
    429              throttled      Throttled             no
    other 4xx        refused        Refused               no
    408, 425, 5xx    unreachable    Unreachable           yes
    1xx, 3xx         unexpected     UnexpectedContent     yes

`syncd.errors` says what the daemon does about each error: for example, a 423 is Refused, which
parks what was written. A change here changes Scan2Evolve and every CMMS, adapters that use
`cmms/http.py` included. Who deviates from the table says so by `deviations`: Scan2Evolve in
`scan2evolve/refusals.py`, Odoo in `cmms/odoo/errors.py` (a 423 is unexpected there), mappings in
`cmms/rest/meaning.py`, where the mapping's own rules come first.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from syncd.errors import (
    AccessRefused,
    Changed,
    ClearRefusal,
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)


class StatusMeaning(StrEnum):
    """What an answer means. A mapping's rules use the same words."""

    OK = "ok"
    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CHANGED = "changed"
    THROTTLED = "throttled"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNEXPECTED = "unexpected"


Deviations = Mapping[int, StatusMeaning]
_NONE: Deviations = MappingProxyType({})
_MEANINGS: Mapping[int, StatusMeaning] = MappingProxyType(
    {
        401: StatusMeaning.CREDENTIALS,
        403: StatusMeaning.FORBIDDEN,
        404: StatusMeaning.NOT_FOUND,
        407: StatusMeaning.CREDENTIALS,
        408: StatusMeaning.UNREACHABLE,
        409: StatusMeaning.CHANGED,
        410: StatusMeaning.NOT_FOUND,
        412: StatusMeaning.CHANGED,
        425: StatusMeaning.UNREACHABLE,
        429: StatusMeaning.THROTTLED,
    }
)
_REFUSALS: Mapping[StatusMeaning, type[ClearRefusal]] = MappingProxyType(
    {
        StatusMeaning.CREDENTIALS: CredentialsRefused,
        StatusMeaning.FORBIDDEN: AccessRefused,
        StatusMeaning.NOT_FOUND: NotFound,
        StatusMeaning.CHANGED: Changed,
        StatusMeaning.REFUSED: Refused,
    }
)


def meaning_of(status: int, deviations: Deviations = _NONE) -> StatusMeaning:
    """What a status means, by `deviations` where they name it, else by the table."""
    meaning = deviations.get(status) or _MEANINGS.get(status)
    if meaning is not None:
        return meaning
    if status >= 500:
        return StatusMeaning.UNREACHABLE
    if status >= 400:
        return StatusMeaning.REFUSED
    return StatusMeaning.OK if 200 <= status < 300 else StatusMeaning.UNEXPECTED


def error_of(
    meaning: StatusMeaning,
    message: str,
    *,
    side: str,
    status: int | None,
    request_id: str | None = None,
    wait_s: float = 0.0,
    may_have_applied: bool | None = None,
) -> RemoteError:
    """The error for a meaning other than OK.

    Args:
        wait_s: for Throttled, the seconds to wait.
        may_have_applied: for Throttled, Unreachable and UnexpectedContent, another answer than
            the table's. The others certainly had no effect.
    """
    more: dict[str, Any] = {"side": side, "status": status, "request_id": request_id}
    if meaning in _REFUSALS:
        return _REFUSALS[meaning](message, **more)
    if may_have_applied is None:
        may_have_applied = meaning is not StatusMeaning.THROTTLED
    more["may_have_applied"] = may_have_applied
    if meaning is StatusMeaning.THROTTLED:
        return Throttled(message, wait_s=wait_s, **more)
    if meaning is StatusMeaning.UNREACHABLE:
        return Unreachable(message, **more)
    return UnexpectedContent(message, **more)
