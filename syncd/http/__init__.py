"""HTTP with a limit on time, size and reach. The only importer of httpx.

    client      HttpClient: requests to one origin, under one deadline each
    response    an answer, and the JSON in it
    status      what an answer's status means: one table from a status to an error
    sockets     sockets that keep the deadline of the request

What httpx leaves to its caller, and what is done about it here (docs/decisions.md, 6):

    its timeouts are per read              one deadline for DNS, connect, headers and body
    it inflates a whole read at once       raw bytes, inflated under a cap
    it offers what is installed            only gzip and identity are offered
    it keeps X-API-KEY on a redirect       redirects are never followed
    it trusts the environment's proxies    only the proxy that is set is used
    its loggers print URLs                 they are quiet
    some of its errors have no text        the error's type is shown
    its errors quote header values         such a value is not shown
"""

from syncd.http.client import DEADLINE_S, HttpClient
from syncd.http.response import MAX_BODY, Response, parse_json, parse_json_object, snippet
from syncd.http.status import Deviations, StatusMeaning, error_of, meaning_of

__all__ = [
    "DEADLINE_S",
    "MAX_BODY",
    "Deviations",
    "HttpClient",
    "Response",
    "StatusMeaning",
    "error_of",
    "meaning_of",
    "parse_json",
    "parse_json_object",
    "snippet",
]
