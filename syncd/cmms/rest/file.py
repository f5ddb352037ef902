"""Read the part of a mapping file that only rest/1 has, and check it as a whole.

Every problem names the file and the line of the key that it is about.
"""

from syncd.cmms.mapping.document import Document
from syncd.cmms.mapping.validation import Loc
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.rest.check.mapping import Checks
from syncd.cmms.rest.schema import RestMapping

_KEY = 12  # characters; a value of the environment of this length or more may be an API key
# These values are never shown. They come from the environment and never stand in a mapping.
_SECRETS: tuple[Loc, ...] = (
    ("auth", "bearer"),
    ("auth", "basic", "password"),
    ("auth", "header", "value"),
    ("auth", "query", "value"),
    ("auth", "json", "value"),
    ("auth", "oauth2", "client_secret"),
    ("auth", "oauth2", "refresh_token"),
    ("auth", "oauth2", "password"),
)


def read_rest(document: Document, records: RecordMap) -> RestMapping:
    """Read the rest part of the mapping; what is wrong with it is a problem of the document."""
    _hide_secrets(document)
    spec = document.validate(RestMapping, strict=True)
    if spec is None:
        document.fail()
    Checks(spec, records, document.problem).run()
    _, lag = document.find(("read_lag_s",))
    for number, step in enumerate(spec.update):
        if step.append is not None and lag is not None and lag.value not in (0, 0.0, "0"):
            document.problem(
                ("update", number, "append"),
                "adds the hours that a read shows to be missing. A read that lags (read_lag_s) "
                "misses some that are there, so the same hours would be added twice",
            )
    return spec


def _hide_secrets(document: Document) -> None:
    """Note the values to be masked. A secret that stands in the file itself is a problem."""
    for loc in _SECRETS:
        document.check_secret(loc)
    document.hide(("auth",))
    for loc in (("headers",), ("query",)):  # an API key may stand there; other values are short
        document.hide(loc, from_length=_KEY)
