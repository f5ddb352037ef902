"""Our credentials, taken out of what a server says before it is shown or logged."""

import json
import re
from collections.abc import Callable, Collection
from urllib.parse import quote, quote_plus

SHOWN = 200  # characters of a server's text in a message
_SHORTEST = 4  # characters; a shorter secret would be masked within words
# Control characters, line ends, and marks that change the direction of text: with them a server
# could forge a line of our log.
_FORGING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


class Mask:
    """Replaces our credentials by ***, in all forms that a server may quote them in.

    Args:
        hide: is called with each of them, so that the logs mask it too.
    """

    def __init__(
        self, secrets: Collection[str], hide: Callable[[str], None] = lambda _secret: None
    ) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._hide = hide
        for secret in self._secrets:
            hide(secret)

    def add(self, secret: str) -> None:
        """Mask this one from now on: a token that was given to us. The oldest are forgotten."""
        self._hide(secret)
        self._secrets = [*self._secrets[-50:], secret]

    def text(self, text: str) -> str:
        """The text with every credential replaced."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST:
                forms = {secret, quote(secret, safe=""), quote_plus(secret)}
                for form in forms | {json.dumps(secret)[1:-1]}:
                    text = text.replace(form, "***")
        return text

    def shown(self, text: str) -> str:
        """The text as one line of at most SHOWN characters, without credentials."""
        line = " ".join(_FORGING.sub(" ", self.text(text)).split())
        return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
