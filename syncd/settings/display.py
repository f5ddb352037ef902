"""The settings as people may see them: secrets and the secret parts of URLs masked."""

import re

from syncd.settings.environment import PREFIX, SECRETS, URLS, Environment
from syncd.settings.load import ADAPTERS_PREFIX, Settings


def shown(settings: Settings) -> list[tuple[str, str, str]]:
    """Return name, value and origin of every setting, in the order of the reference."""
    urls = {str(name): settings.reveal(name) for name in URLS}
    rows = []
    for key in Environment.model_fields:
        value: object = getattr(settings, key)
        if value is None or value == ():
            text = ""
        elif key in SECRETS:
            text = "***"
        elif key in urls:
            text = masked_url(urls[key])
        elif isinstance(value, bool):
            text = "1" if value else "0"
        elif isinstance(value, tuple):
            text = ",".join(value)
        else:
            text = f"{value:g}" if isinstance(value, float) else str(value)
        rows.append((f"{PREFIX}{key.upper()}", text, settings.origins.get(key, "default")))
    rows += [
        (f"{ADAPTERS_PREFIX}{key.upper()}", "***", "environment") for key in settings.cmms_options
    ]
    return rows


def masked_url(url: str) -> str:
    """Return a URL without its user, password, query and fragment, which may be secret.

    A password may hold what it should not, such as / and @: all before the last @ is left out.
    """
    shorter = re.sub(r"(?s)//.*@", "//***@", url)
    return re.sub(r"[?#].*$", "?***", shorter)
