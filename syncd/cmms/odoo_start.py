"""From the options to a connection. Nothing is asked yet."""

import ipaddress
from urllib.parse import urlsplit

from syncd.cmms.load import AdapterContext
from syncd.cmms.odoo_options import OdooOptions
from syncd.cmms.odoo_rpc import Json2, JsonRpc, Rpc
from syncd.errors import ConfigurationError
from syncd.http import DEADLINE_S, HttpClient


def open_rpc(
    options: OdooOptions, context: AdapterContext, *, deadline_s: float = DEADLINE_S
) -> Rpc:
    """The connection that the options describe; `deadline_s` is for one request, whole. Raises
    ConfigurationError."""
    key = options.key()
    http = HttpClient(
        _url(options, context), side="cmms", ca_bundle=context.ca_bundle, proxy=context.proxy
    )
    told = {"lang": options.language} if options.language else {}
    if options.protocol == "json2":
        return Json2(http, database=options.database, key=key, context=told, deadline_s=deadline_s)
    if options.database is None or options.login is None:
        missing = "SYNCD_CMMS_DATABASE" if options.database is None else "SYNCD_CMMS_LOGIN"
        raise ConfigurationError(
            f"{missing} is not set; JSON-RPC needs the database and the user's login "
            "(from Odoo 19, SYNCD_CMMS_PROTOCOL=json2 needs the key alone)"
        )
    return JsonRpc(
        http,
        database=options.database,
        login=options.login,
        key=key,
        context=told,
        deadline_s=deadline_s,
    )


def _url(options: OdooOptions, context: AdapterContext) -> str:
    if not options.url:
        raise ConfigurationError(
            "SYNCD_CMMS_URL is not set; the odoo adapter needs Odoo's address, for example "
            "https://odoo.example.com"
        )
    try:
        parts = urlsplit(options.url)
        host = parts.hostname or ""
    except ValueError:
        return options.url  # what is wrong with it, the client says
    if parts.scheme == "http" and not context.allow_http and not _is_loopback(host):
        raise ConfigurationError(
            "SYNCD_CMMS_URL is http, which shows the API key to the network; use https, or set "
            "SYNCD_ALLOW_HTTP=1"
        )
    return options.url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
