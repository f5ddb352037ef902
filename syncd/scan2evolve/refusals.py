"""What an answer of Scan2Evolve means: its status sorted into a class of `syncd.errors`.

400, other 4xx   Refused               401            CredentialsRefused
403 downstream   IntegrationInactive   403 elsewhere  CredentialsRefused
404              NotFound              408, 425, 5xx  Unreachable
429              Throttled             below 400      UnexpectedContent, but for 2xx
"""

from collections.abc import Callable
from typing import Any

from syncd.errors import (
    CredentialsRefused,
    IntegrationInactive,
    NotFound,
    Refused,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import Response, parse_json_object

DOWNSTREAM = "/api/downstream/work-orders/"
RefusedBy = Callable[[str | None], CredentialsRefused]
_TEXT = 300  # characters of the answer's error text that are shown
_OUTAGES = {408, 425}


def raise_for(response: Response, where: str, refused: RefusedBy, wait_s: float) -> None:
    """Raise the error for this answer's status, with its text and requestId; nothing for 2xx.

    Args:
        where: method and path, for the error's text.
        refused: makes the error of a 401; it names the settings to check.
        wait_s: seconds to wait after a 429.
    """
    if response.ok:
        return
    status, text = response.status, _error_text(response)
    more: dict[str, Any] = {"side": "s2e", "status": status, "request_id": request_id(response)}
    message = f"{where} answered {status}{f': {text}' if text else ''}"
    if status < 400:
        raise UnexpectedContent(message, **more)
    if status == 429:
        raise Throttled(message, wait_s=wait_s, **more)
    if status >= 500 or status in _OUTAGES:
        raise Unreachable(message, **more)
    if status == 401:
        raise refused(request_id(response))
    if status == 403 and DOWNSTREAM in where:
        raise IntegrationInactive(
            f"{message}. The downstream integration is not active: "
            "Scan2Evolve, Admin → Settings → Downstream Integration",
            **more,
        )
    if status == 403:
        raise CredentialsRefused(message, **more)
    if status == 404:
        raise NotFound(message, **more)
    raise Refused(message, **more)


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
