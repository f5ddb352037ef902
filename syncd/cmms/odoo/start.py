"""Make the connection from the options. It sends nothing yet."""

from syncd.cmms.http import open_http
from syncd.cmms.load import AdapterContext
from syncd.cmms.odoo.options import OdooOptions
from syncd.cmms.odoo.rpc import Json2, JsonRpc, Rpc
from syncd.errors import ConfigurationError
from syncd.http import DEADLINE_S


def open_rpc(
    options: OdooOptions, context: AdapterContext, *, deadline_s: float = DEADLINE_S
) -> Rpc:
    """Make the connection that the options describe.

    Args:
        deadline_s: seconds for one whole request.

    Raises ConfigurationError.
    """
    key = options.key()
    http = open_http(_url(options), context)
    user_context = {"lang": options.language} if options.language else {}
    if options.protocol == "json2":
        return Json2(
            http,
            database=options.database,
            key=key,
            context=user_context,
            deadline_s=deadline_s,
        )
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
        context=user_context,
        deadline_s=deadline_s,
    )


def _url(options: OdooOptions) -> str:
    if not options.url:
        raise ConfigurationError(
            "SYNCD_CMMS_URL is not set; the odoo adapter needs Odoo's address, for example "
            "https://odoo.example.com"
        )
    return options.url
