"""Scan2Evolve's two pairs of credentials, which are never sent together.

The v1 pair reads; the downstream pair (a token and an API key) writes. Each has an HTTP client
and headers of its own. A secret is a function: when Scan2Evolve refuses it, the function reads
its file again, which may have been replaced.
"""

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from syncd.errors import CredentialsRefused, UnexpectedContent
from syncd.http import HttpClient, Response, parse_json_object

Secret = Callable[[], str]
TOKEN_PATH = "/api/v1/auth/token"  # noqa: S105  (a path, not a secret)
_HOLD_S = 60.0  # after a second token in a row was refused; doubled each time
_LONGEST_HOLD_S = 900.0
_SHORTEST = 8  # characters; shorter secrets are not masked in answers


class V1Auth(Protocol):
    """Makes the Authorization header of v1 calls. Safe to use from several threads."""

    def header(self) -> str: ...

    def refresh(self, refused: str) -> bool:
        """Take note that a call with the header `refused` was answered 401.

        Returns whether `header` now returns another one, with which to try once more.
        """

    def accepted(self) -> None:
        """Take note that a call with the header has just worked."""


class BearerAuth:
    def __init__(self, token: Secret) -> None:
        self._token = token

    def header(self) -> str:
        return f"Bearer {self._token()}"

    def refresh(self, refused: str) -> bool:
        return self.header() != refused

    def accepted(self) -> None:
        return


class BasicAuth:
    def __init__(self, client_id: Secret, client_secret: Secret) -> None:
        self._client_id = client_id
        self._client_secret = client_secret

    def header(self) -> str:
        pair = f"{self._client_id()}:{self._client_secret()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def refresh(self, refused: str) -> bool:
        return self.header() != refused

    def accepted(self) -> None:
        return


class ClientCredentials:
    """Exchanges client id and secret for a Bearer token, and again when the token has expired.

    A token expires after a day without use. When several threads get a 401 for the same token,
    only one exchange is made. While new tokens or the pair itself are refused, exchanges become
    rarer, down to one in 15 minutes, until a token works or the pair is replaced.

    Args:
        check_answer: raises the error for the status of an answer; nothing for 2xx.
    """

    def __init__(
        self,
        http: HttpClient,
        client_id: Secret,
        client_secret: Secret,
        check_answer: Callable[[Response], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._client_id = client_id
        self._client_secret = client_secret
        self._check_answer = check_answer
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: str | None = None
        self._pair: tuple[str, str] | None = None
        self._exchanges_in_vain = 0  # since a token last worked
        self._not_before = 0.0

    def header(self) -> str:
        with self._lock:
            if self._token is None:
                self._token = self._exchange()
            return f"Bearer {self._token}"

    def refresh(self, refused: str) -> bool:
        with self._lock:
            if self._token is None or f"Bearer {self._token}" == refused:
                self._token = self._exchange()
            return True

    def accepted(self) -> None:
        with self._lock:
            self._exchanges_in_vain = 0

    def _exchange(self) -> str:
        pair = (self._client_id(), self._client_secret())
        if pair != self._pair:
            self._pair, self._exchanges_in_vain = pair, 0
        if self._exchanges_in_vain >= 2 and self._monotonic() < self._not_before:
            raise v1_refused(None)
        try:
            token = self._ask(*pair)
        except CredentialsRefused:
            self._count()
            raise
        self._count()  # until the token is accepted
        return token

    def _count(self) -> None:
        self._exchanges_in_vain += 1
        hold_s = min(_HOLD_S * (1 << min(max(self._exchanges_in_vain - 2, 0), 10)), _LONGEST_HOLD_S)
        self._not_before = self._monotonic() + hold_s

    def _ask(self, client_id: str, client_secret: str) -> str:
        body = {
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "client_credentials",
        }
        answer = self._http.request("POST", TOKEN_PATH, json_body=json.dumps(body).encode())
        response = unechoed(answer, client_id, client_secret)
        self._check_answer(response)
        parsed = parse_json_object(response, side="s2e", where=f"POST {TOKEN_PATH}")
        for key in ("access_token", "token"):
            token = parsed.get(key)
            if isinstance(token, str) and token and _fits_a_header(token):
                return token
        raise UnexpectedContent(
            f"POST {TOKEN_PATH} answered without a token", side="s2e", status=response.status
        )


class DownstreamAuth:
    """The pair of Admin → Settings → Downstream Integration, for the sync call only."""

    def __init__(self, token: Secret, api_key: Secret) -> None:
        self._token = token
        self._api_key = api_key

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}", "X-API-KEY": self._api_key()}


def _fits_a_header(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token


def unechoed(response: Response, *credentials: str) -> Response:
    """The same answer, with our credentials masked where it quotes them.

    Logs and messages show parts of the answer that this returns. A successful answer of the API
    stays as it is.

    Args:
        credentials: secrets, or whole values of Authorization headers.
    """
    if response.ok and "json" in response.headers.get("content-type", ""):
        return response
    body = response.body
    for credential in credentials:
        scheme, _, value = credential.rpartition(" ")
        secrets = {value}
        if scheme == "Basic":
            secrets |= set(base64.b64decode(value).decode().partition(":"))
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                body = body.replace(secret.encode(), b"***")
    return replace(response, body=body)


def v1_refused(request_id: str | None, status: int = 401) -> CredentialsRefused:
    """The error for a refusal of the v1 pair; it names the settings to check."""
    return CredentialsRefused(
        f"Scan2Evolve refused the credentials for reading ({status}); check SYNCD_S2E_TOKEN, or "
        "SYNCD_S2E_CLIENT_ID and SYNCD_S2E_CLIENT_SECRET",
        side="s2e",
        status=status,
        request_id=request_id,
    )


def downstream_refused(request_id: str | None) -> CredentialsRefused:
    """The error for a refusal of the downstream pair; it names the settings to check."""
    return CredentialsRefused(
        "Scan2Evolve refused the credentials for writing (401); check SYNCD_S2E_SYNC_TOKEN and "
        "SYNCD_S2E_SYNC_API_KEY against Admin → Settings → Downstream Integration",
        side="s2e",
        status=401,
        request_id=request_id,
    )
