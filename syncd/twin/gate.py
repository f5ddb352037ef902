"""Who may call, and how often: credentials and the rate limit."""

import base64
import binascii
import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from syncd.twin.checks import Refusal
from syncd.twin.model import TwinConfig

_PLENTY = 100_000  # the limit in the headers where there is none


class KnownCredentials:
    """The two pairs, and the tokens that were issued. The caller holds the twin's lock."""

    def __init__(self, config: TwinConfig) -> None:
        self._config = config
        self._tokens: dict[str, float] = {}  # by token: its last use, unix seconds
        self._issued = 0

    def issue(self, body: Any) -> dict[str, Any]:
        """Exchange client id and secret for a token. Raises Refusal(400 or 401)."""
        form = body if isinstance(body, dict) else {}
        names = ("client_id", "client_secret", "grant_type")
        if not all(isinstance(form.get(name), str) for name in names):
            raise Refusal(400, "client_id, client_secret and grant_type are required")
        if form["grant_type"] != "client_credentials":
            raise Refusal(400, "grant_type must be client_credentials")
        pair = (self._config.client_id, self._config.client_secret)
        if (form["client_id"], form["client_secret"]) != pair:
            raise Refusal(401, "Invalid client credentials")
        self._issued += 1
        token = f"twin-issued-{self._config.seed}-{self._issued}"
        self._tokens[token] = self._now()
        seconds = math.ceil(self._config.token_idle_s)
        return {"access_token": token, "token_type": "Bearer", "expires_in": seconds}

    def expire(self) -> None:
        """Make every issued token invalid."""
        self._tokens.clear()

    def presented(self, headers: Mapping[str, str]) -> str | None:
        """Name the known credential of these headers, or return None.

        It may be the wrong one for the path. An invalid token is not known.
        """
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        credential = credential.strip()
        if scheme.lower() == "basic":
            pair = f"{self._config.client_id}:{self._config.client_secret}"
            return "basic" if _decoded(credential) == pair else None
        if scheme.lower() != "bearer":
            return None
        if credential == self._config.v1_token:
            return "v1"
        if credential == self._config.downstream_token:
            return "downstream"
        return "token" if self._is_valid(credential) else None

    def admit(self, headers: Mapping[str, str], *, downstream: bool) -> None:
        """Raise Refusal(401) unless the credential is the right one for this kind of call."""
        credential = self.presented(headers)
        if downstream:
            right = credential == "downstream"
            right = right and headers.get("x-api-key") == self._config.downstream_key
        else:
            right = credential in {"v1", "basic", "token"}
        if not right:
            raise Refusal(401, "Missing or invalid API key / token")
        if credential == "token":
            self._tokens[headers["authorization"].partition(" ")[2].strip()] = self._now()

    def _is_valid(self, token: str) -> bool:
        used = self._tokens.get(token)
        if used is not None and self._now() - used > self._config.token_idle_s:
            del self._tokens[token]
            return False
        return used is not None

    def _now(self) -> float:
        return self._config.clock().timestamp()


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


class Budget:
    """The requests that are left in this window. The caller holds the twin's lock."""

    def __init__(self, config: TwinConfig) -> None:
        self._config = config
        self._windows: dict[str, tuple[int, int]] = {}  # its end (unix s), requests spent

    def spend(self, *, downstream: bool) -> tuple[dict[str, str], bool]:
        """Count one request; return its answer's headers, and whether it is over the limit.

        A request over the limit is not counted.
        """
        now = self._config.clock()
        seconds = now.timestamp()
        name = "downstream" if downstream and not self._config.shared_budget else "v1"
        ends, spent = self._windows.get(name, (0, 0))
        ahead = seconds + self._config.rate_window_s
        # A window that ends later than `ahead` began before the clock was set back.
        if seconds >= ends or ends > math.ceil(ahead):
            ends, spent = math.ceil(ahead), 0
        limit = self._config.rate_limit
        over = limit is not None and spent >= limit
        spent += 0 if over else 1
        self._windows[name] = (ends, spent)
        shown = _PLENTY if limit is None else limit
        headers = {
            "Date": format_datetime(now.astimezone(UTC), usegmt=True),
            "X-RateLimit-Limit": str(shown),
            "X-RateLimit-Remaining": str(max(shown - spent, 0)),
            "X-RateLimit-Reset": str(ends),
        }
        if over and self._config.retry_after:
            headers["Retry-After"] = str(max(math.ceil(ends - seconds), 1))
        return headers, over
