"""The CMMS's own guard: it refuses a write to a record that is not as we read it."""

from datetime import datetime
from email.utils import format_datetime
from typing import Any

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.reply import Reply, search
from syncd.cmms.rest.request import PreparedRequest
from syncd.cmms.rest.schema import Lock
from syncd.errors import UnexpectedContent


class WriteLock:
    """The mapping's `lock`. Without one, nothing is added to a write."""

    def __init__(self, lock: Lock | None) -> None:
        self._lock = lock
        self._read: Expression | None = None
        if lock is not None and lock.etag is not None and lock.etag.read is not None:
            self._read = Expression.parse(lock.etag.read)
        if lock is not None and lock.version is not None:
            self._read = Expression.parse(lock.version.read)

    @property
    def locks(self) -> bool:
        """Whether the CMMS checks each write."""
        return self._lock is not None

    def token(self, reply: Reply, native: Any, updated_at: object) -> Any:
        """The version, ETag or time by which the CMMS knows the record as it was read; None
        without a lock.

        Args:
            reply: the answer that brought the record.
            native: the record in it.

        Raises UnexpectedContent where the record has none: nothing is written without it.
        """
        lock = self._lock
        if lock is None:
            return None
        if lock.unmodified_since is not None:
            if isinstance(updated_at, datetime):
                return format_datetime(updated_at.replace(microsecond=0), usegmt=True)
            raise reply.unexpected("has no time of change that can be read, which the lock needs")
        if self._read is None:
            token: Any = reply.headers.get("etag")
        else:
            token = search(self._read, native, reply.where)
        if token is None or native_key(token) == "":
            what = "ETag" if lock.etag is not None else "version"
            raise reply.unexpected(f"has no {what}, which the lock needs")
        return token

    def add_to(self, request: PreparedRequest, token: Any) -> PreparedRequest:
        """The write, which the CMMS then does only to the record of this token."""
        lock = self._lock
        if lock is None:
            return request
        if lock.etag is not None:
            return _with_header(request, lock.etag.send, str(token))
        if lock.version is not None:
            return request.sending(lock.version.send, token)
        return _with_header(request, "If-Unmodified-Since", str(token))


def _with_header(request: PreparedRequest, name: str, value: str) -> PreparedRequest:
    if not value.isascii() or not value.isprintable():
        raise UnexpectedContent(
            f"the value for the header {name} holds characters that no header can hold; "
            "the CMMS sent it as the record's version", side="cmms",
            may_have_applied=False,
        )  # fmt: skip
    return request.merged({}, {name: value}, None, None)
