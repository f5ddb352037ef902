"""Nothing is overwritten that we have not seen: what the CMMS itself checks on a write."""

from datetime import datetime
from email.utils import format_datetime
from typing import Any

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.reply import Reply, look
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
        """What this read of a record is told by; None without a lock.

        Raises UnexpectedContent where the record has none: without it nothing is written.
        """
        lock = self._lock
        if lock is None:
            return None
        if lock.unmodified_since is not None:
            if isinstance(updated_at, datetime):
                return format_datetime(updated_at.replace(microsecond=0), usegmt=True)
            raise reply.unexpected("has no time of change that can be read, which the lock needs")
        if self._read is None:
            found: Any = reply.headers.get("etag")
        else:
            found = look(self._read, native, reply.where)
        if found is None or native_key(found) == "":
            what = "ETag" if lock.etag is not None else "version"
            raise reply.unexpected(f"has no {what}, which the lock needs")
        return found

    def put(self, request: PreparedRequest, token: Any) -> PreparedRequest:
        """The write, good only for the record as it was read."""
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
            f"the CMMS's {name} holds what a header cannot hold", side="cmms",
            may_have_applied=False,
        )  # fmt: skip
    return request.merged({}, {name: value}, None, None)
