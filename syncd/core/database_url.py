"""Database URLs with an @ where none may stand, before any part of them is shown.

A URL's host begins after its first @. In postgresql://me:top@secret/x@host/db that is the @ of the
password: the host would be `secret`, and `x@host/db` the database, and messages show both.

    >>> stray_at("postgresql://me:top@secret/x@host/db")
    'write an @ in the user or the password as %40'
    >>> stray_at("postgresql://me:top%40secret@host/db") is None
    True
    >>> stray_at("sqlite:////srv/a@b/c@d.db") is None
    True
"""

_REMEDY = "write an @ in the user or the password as %40"


def stray_at(url: str) -> str | None:
    """What to do about an @ that is not the one before the host; None: there is none.

    The whole URL counts, since an @ after the host cannot be told from one in the password. A
    URL that names a file has neither.
    """
    _, _, rest = url.partition("://")
    return _REMEDY if not rest.startswith("/") and rest.count("@") > 1 else None
