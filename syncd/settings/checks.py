"""Which values contradict each other, and which settings a command needs. Pure."""

import ipaddress
import re
from collections.abc import Collection
from enum import StrEnum
from urllib.parse import urlsplit

from syncd.settings.environment import PREFIX, SECRETS, Environment, SecretName

_SYNC_PAIR: tuple[SecretName, ...] = ("s2e_sync_token", "s2e_sync_api_key")
_CLIENT_PAIR: tuple[SecretName, ...] = ("s2e_client_id", "s2e_client_secret")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class Need(StrEnum):
    """What a command uses."""

    S2E = "s2e"  # reading Scan2Evolve
    SYNC = "sync"  # writing to it
    CMMS = "cmms"


def problems_of(settings: Environment, needs: Collection[Need]) -> list[str]:
    """Return a line for each problem. It names the setting and the remedy, never a value."""
    problems = [
        f"{PREFIX}{name.upper()} holds a space, line break or control character; "
        "copy it again without"
        for name in sorted(SECRETS)
        if not _can_be_sent(settings.reveal(name))
    ]
    problems += _check_s2e_url(settings)
    if Need.S2E in needs:
        problems += _check_reading_pair(settings)
    if Need.SYNC in needs and not settings.dry_run:
        problems += [
            f"{PREFIX}{name.upper()} is not set; it is in Scan2Evolve, Admin → Settings → "
            "Downstream Integration (or set SYNCD_DRY_RUN=1 to write nothing)"
            for name in _SYNC_PAIR
            if not settings.reveal(name)
        ]
    if Need.CMMS in needs and settings.cmms_adapter is None:
        problems.append(
            "SYNCD_CMMS_ADAPTER is not set; name the CMMS's adapter, for example "
            "SYNCD_CMMS_ADAPTER=sql with SYNCD_CMMS_URL=sqlite:///cmms.db"
        )
    return problems


def _can_be_sent(secret: str) -> bool:
    """Whether a header can hold it."""
    return secret.isascii() and _CONTROL.search(secret) is None


def _check_s2e_url(settings: Environment) -> list[str]:
    name = "SYNCD_S2E_URL"
    try:
        parts = urlsplit(settings.s2e_url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return [f"{name} is not a URL; an example: https://api.scan2evolve.com"]
    if parts.scheme not in {"http", "https"} or not host:
        return [f"{name} is not an http or https URL; an example: https://api.scan2evolve.com"]
    if parts.username or parts.password or parts.query:
        return [f"{name} holds credentials or a query; they belong into settings of their own"]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is not None and address.is_link_local:
        return [f"{name} is a link-local address, which is never Scan2Evolve's"]
    loopback = host == "localhost" or (address is not None and address.is_loopback)
    if parts.scheme == "http" and not loopback and not settings.allow_http:
        return [f"{name} is http, which shows the credentials to the network; use https"]
    return []


def _check_reading_pair(settings: Environment) -> list[str]:
    missing = [f"{PREFIX}{name.upper()}" for name in _CLIENT_PAIR if not settings.reveal(name)]
    if settings.s2e_auth == "bearer" or (
        settings.s2e_auth == "auto" and len(missing) == len(_CLIENT_PAIR)
    ):
        if settings.s2e_token is None:
            pair_too = "SYNCD_S2E_CLIENT_ID and SYNCD_S2E_CLIENT_SECRET"
            return [f"SYNCD_S2E_TOKEN is not set; set it, or {pair_too}"]
        return []
    if settings.s2e_auth == "auto" and settings.s2e_token is not None:
        return []
    return [f"{name} is not set; SYNCD_S2E_AUTH={settings.s2e_auth} needs it" for name in missing]
