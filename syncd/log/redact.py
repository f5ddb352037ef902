"""Redaction: no secret is left in a text or a value, in whatever form it stands there.

Example: with the secret `s3cr/t`, the text `token=s3cr%2Ft` becomes `token=***`.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, quote_plus

_MASK = "***"
_SHORTEST = 4  # characters; searching for a shorter secret would mask half the log
_PATTERNS = (
    re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic)?\s*)[^\s'\",]+"),
    re.compile(r"(?i)\b((?:bearer|basic)\s+)[a-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)(x-api-key['\"]?\s*[:=]\s*['\"]?)[^\s'\",]+"),
    re.compile(r"(?i)(://)[^\s/@]+(?=@)"),
    re.compile(r"(?i)([?&;][a-z_-]*(?:token|secret|key|password)[a-z_-]*=)[^&\s'\"]+"),
)


class Redactor:
    """Replaces secrets by ***: the known ones in every form, and what looks like a credential."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = set(secrets)
        self._known = self._compiled()

    def hide(self, secret: str) -> None:
        """Add a secret."""
        self._secrets.add(secret)
        self._known = self._compiled()

    def _compiled(self) -> re.Pattern[str] | None:
        secrets = self._secrets
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        pattern = "|".join(re.escape(form) for form in longest_first)
        return re.compile(pattern) if pattern else None

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known is not None:
            text = self._known.sub(_MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{_MASK}", text)
        return text

    def value(self, value: Any) -> Any:
        """Return the value as JSON can hold it, with no secret in any of its parts."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if value - value == 0 else str(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        return self.text(str(value))

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Return a log record without secrets: a processor of structlog."""
        return {self.text(str(key)): self.value(item) for key, item in event.items()}


def _forms(secret: str) -> set[str]:
    """Return how the secret may appear: plain, in a URL, in JSON, in base64 at any offset."""
    raw = secret.encode()
    forms = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    forms.add(repr(secret)[1:-1])
    for shift in range(3):
        # Cut off the characters that depend on what stands before or after the secret.
        coded = base64.b64encode(b"\x00" * shift + raw).decode().rstrip("=")
        start = (0, 2, 3)[shift]
        core = coded[start : len(coded) - (1 if (shift + len(raw)) % 3 else 0)]
        if len(core) >= 2 * _SHORTEST:
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= _SHORTEST}
