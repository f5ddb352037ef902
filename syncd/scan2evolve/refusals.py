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
_TEXT = 300  # characters of their error text that are told
_OUTAGES = {408, 425}


def raise_for(response: Response, where: str, refused: RefusedBy, wait_s: float) -> None:
    """Raise what this answer's status means, with their text and requestId; nothing for 2xx.

    Args:
        where: method and path, for the error's text.
        refused: makes the error of a 401, which names the settings to look at.
        wait_s: how long a 429 asks us to wait.
    """
    if response.ok:
        return
    status, text = response.status, _error_text(response)
    told: dict[str, Any] = {"side": "s2e", "status": status, "request_id": request_id(response)}
    said = f"{where} answered {status}{f': {text}' if text else ''}"
    if status < 400:
        raise UnexpectedContent(said, **told)
    if status == 429:
        raise Throttled(said, wait_s=wait_s, **told)
    if status >= 500 or status in _OUTAGES:
        raise Unreachable(said, **told)
    if status == 401:
        raise refused(request_id(response))
    if status == 403 and DOWNSTREAM in where:
        raise IntegrationInactive(
            f"{said}. The downstream integration is not active: "
            "Scan2Evolve, Admin → Settings → Downstream Integration",
            **told,
        )
    if status == 403:
        raise CredentialsRefused(said, **told)
    if status == 404:
        raise NotFound(said, **told)
    raise Refused(said, **told)


def request_id(response: Response) -> str | None:
    """Their own name for the request, for their support."""
    told = _parsed(response).get("requestId") or response.headers.get("x-request-id")
    return _printable(str(told))[:100] if told else None


def _error_text(response: Response) -> str:
    return _printable(str(_parsed(response).get("error", "")))[:_TEXT]


def _parsed(response: Response) -> dict[str, Any]:
    try:
        return parse_json_object(response, side="s2e", where="")
    except UnexpectedContent:
        return {}


def _printable(text: str) -> str:
    """One line without controls, for logs and terminals."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
