"""What an answer of Scan2Evolve means: its error, by the table of `syncd.http.status`.

The API documents its statuses, so here a few mean something else:

    403 downstream          IntegrationInactive
    403 elsewhere           CredentialsRefused: a v1 token is refused as a whole
    400, 403 of a token     CredentialsRefused, see `Scan2EvolveClient.check_token_answer`
    407, 409, 410, 412      Refused
    429                     Throttled that may have applied: the next request waits by itself, so
                            the others need not be stopped
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from syncd.errors import CredentialsRefused, IntegrationInactive, UnexpectedContent
from syncd.http import (
    Deviations,
    Response,
    StatusMeaning,
    error_of,
    meaning_of,
    parse_json_object,
)

DOWNSTREAM = "/api/downstream/work-orders/"
RefusedBy = Callable[[str | None], CredentialsRefused]
_TEXT = 300  # characters of the answer's error text that are shown
_DEVIATIONS: Deviations = MappingProxyType(
    {
        403: StatusMeaning.CREDENTIALS,
        **dict.fromkeys((407, 409, 410, 412), StatusMeaning.REFUSED),
    }
)


def raise_for(response: Response, where: str, refused: RefusedBy, wait_s: float) -> None:
    """Raise the error for this answer's status, with its text and requestId; nothing for 2xx.

    Args:
        where: method and path, for the error's text.
        refused: makes the error of a 401; it names the settings to check.
        wait_s: seconds to wait after a 429.
    """
    meaning = meaning_of(response.status, _DEVIATIONS)
    if meaning is StatusMeaning.OK:
        return
    status, text = response.status, _error_text(response)
    message = f"{where} answered {status}{f': {text}' if text else ''}"
    if status == 401:
        raise refused(request_id(response))
    if status == 403 and DOWNSTREAM in where:
        raise IntegrationInactive(
            f"{message}. The downstream integration is not active: "
            "Scan2Evolve, Admin → Settings → Downstream Integration",
            side="s2e",
            status=status,
            request_id=request_id(response),
        )
    raise error_of(
        meaning,
        message,
        side="s2e",
        status=status,
        request_id=request_id(response),
        wait_s=wait_s,
        may_have_applied=True,
    )


def request_id(response: Response) -> str | None:
    """The server's id of the request, for Scan2Evolve's support; None if it gave none."""
    raw = _parsed(response).get("requestId") or response.headers.get("x-request-id")
    return _printable(str(raw))[:100] if raw else None


def _error_text(response: Response) -> str:
    return _printable(str(_parsed(response).get("error", "")))[:_TEXT]


def _parsed(response: Response) -> dict[str, Any]:
    try:
        return parse_json_object(response, side="s2e", where="")
    except UnexpectedContent:
        return {}


def _printable(text: str) -> str:
    """One line without control characters, for logs and terminals."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
