"""Further requests for each record: the mapping's `get.more`.

Some CMMSs keep parts of a record, such as its comments, in other resources. Each name in
`get.more` is one such request. Its answer is put into the record under this name, and a field
reads it there like any other part of the record.
"""

from collections.abc import Mapping
from typing import Any

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.reply import SIDE, Reply
from syncd.cmms.rest.request import PreparedRequest, prepare
from syncd.cmms.rest.schema import MoreCall
from syncd.errors import NotFound, Refused, UnexpectedContent


class MoreReader:
    """The mapping's `get.more`."""

    def __init__(self, client: Client, spec: Mapping[str, MoreCall]) -> None:
        self._client = client
        self._calls = {
            name: (more, Expression.parse(more.at if more.items is None else more.items))
            for name, more in spec.items()
        }

    def added_to(
        self, reply: Reply, native: dict[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The record with the answers of all further requests in it.

        Args:
            reply: the answer that brought the record.
            values: what the placeholders stand for, beside {record}.

        Raises RemoteError, but never NotFound: the record itself is there.
        """
        if not self._calls:
            return native
        whole = dict(native)
        for name, (more, at) in self._calls.items():
            if name in native:
                raise reply.unexpected(
                    f"holds a {name} of its own; give get.more.{name} another name"
                )
            try:
                request = prepare(more, {**values, "record": native})
            except Refused as error:
                raise reply.unexpected(f"cannot be asked get.more.{name} about: {error}") from None
            whole[name] = self._ask(name, more, at, request)
        return whole

    def _ask(self, name: str, more: MoreCall, at: Expression, request: PreparedRequest) -> Any:
        nothing: list[Any] | None = [] if more.items is not None else None
        try:
            reply = self._client.read(request)
        except NotFound as error:
            if more.missing == "empty":
                return nothing
            raise UnexpectedContent(
                f"{error}; where a record has none, say missing: empty in get.more.{name}",
                side=SIDE,
                status=error.status,
                request_id=error.request_id,
                may_have_applied=False,
            ) from error
        if more.items is not None:
            return reply.list_at(at)
        return None if reply.empty else reply.search(at)
