"""Scan2Evolve's two pairs of credentials, which never meet.

The v1 pair reads; the downstream pair (a token and an API key) writes. Each has its own HTTP
client and its own headers. Secrets come as callables, so that a file rotated under us is read
again when the old one is refused.
"""

import base64
import json
import threading
from collections.abc import Callable
from typing import Protocol

from syncd.errors import CredentialsRefused, UnexpectedContent
from syncd.http import HttpClient, Response, parse_json_object

Secret = Callable[[], str]
EXCHANGE_PATH = "/api/v1/auth/token"


class V1Auth(Protocol):
    """Makes the Authorization header of v1 calls."""

    def header(self) -> str: ...

    def refresh(self, refused: str) -> bool:
        """`refused` was answered 401. True: `header` gives another now; try once more."""


class BearerAuth:
    def __init__(self, token: Secret) -> None:
        self._token = token

    def header(self) -> str:
        return f"Bearer {self._token()}"

    def refresh(self, refused: str) -> bool:
        return self.header() != refused


class BasicAuth:
    def __init__(self, client_id: Secret, client_secret: Secret) -> None:
        self._client_id = client_id
        self._client_secret = client_secret

    def header(self) -> str:
        pair = f"{self._client_id()}:{self._client_secret()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def refresh(self, refused: str) -> bool:
        return self.header() != refused


class ClientCredentials:
    """Exchanges client id and secret for a Bearer token, and again when it has died.

    The token dies after a day without use. Any number of threads that meet a 401 with the same
    token cost one exchange.
    """

    def __init__(
        self,
        http: HttpClient,
        client_id: Secret,
        client_secret: Secret,
        checked: Callable[[Response], None],
    ) -> None:
        self._http = http
        self._client_id = client_id
        self._client_secret = client_secret
        self._checked = checked
        self._lock = threading.Lock()
        self._token: str | None = None

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

    def _exchange(self) -> str:
        body = {
            "client_id": self._client_id(),
            "client_secret": self._client_secret(),
            "grant_type": "client_credentials",
        }
        response = self._http.request("POST", EXCHANGE_PATH, json_body=json.dumps(body).encode())
        self._checked(response)
        parsed = parse_json_object(response, side="s2e", where=f"POST {EXCHANGE_PATH}")
        for key in ("access_token", "token"):
            token = parsed.get(key)
            if isinstance(token, str) and token:
                return token
        raise UnexpectedContent(
            f"POST {EXCHANGE_PATH} answered without a token", side="s2e", status=response.status
        )


class DownstreamAuth:
    """The pair of Admin → Settings → Downstream Integration, for the sync call alone."""

    def __init__(self, token: Secret, api_key: Secret) -> None:
        self._token = token
        self._api_key = api_key

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}", "X-API-KEY": self._api_key()}


def v1_refused(request_id: str | None) -> CredentialsRefused:
    return CredentialsRefused(
        "Scan2Evolve refused the credentials for reading (401); check SYNCD_S2E_TOKEN, or "
        "SYNCD_S2E_CLIENT_ID and SYNCD_S2E_CLIENT_SECRET",
        side="s2e",
        status=401,
        request_id=request_id,
    )


def downstream_refused(request_id: str | None) -> CredentialsRefused:
    return CredentialsRefused(
        "Scan2Evolve refused the credentials for writing (401); check SYNCD_S2E_SYNC_TOKEN and "
        "SYNCD_S2E_SYNC_API_KEY against Admin → Settings → Downstream Integration",
        side="s2e",
        status=401,
        request_id=request_id,
    )
