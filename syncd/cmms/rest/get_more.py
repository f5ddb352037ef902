"""What a record's own answer does not hold: more requests for each record that is read.

Each is asked once, with what the record tells, and its answer is put under a name of the
mapping's. A field reads it there like anything else of the record.
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

    def __init__(self, client: Client, said: Mapping[str, MoreCall]) -> None:
        self._client = client
        self._said = {
            name: (more, Expression.parse(more.at if more.items is None else more.items))
            for name, more in said.items()
        }

    def added_to(
        self, reply: Reply, native: dict[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The record, which `reply` has brought, with them. Raises RemoteError, but never NotFound:
        the record is there.

        Args:
            values: what the placeholders stand for, beside {record}.
        """
        if not self._said:
            return native
        whole = dict(native)
        for name, (more, at) in self._said.items():
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
        return nothing if reply.empty else self._found(reply, more, at)

    def _found(self, reply: Reply, more: MoreCall, at: Expression) -> Any:
        found = reply.look(at)
        if more.items is not None and not isinstance(found, list):
            raise reply.unexpected(f"holds no list at {at.text}")
        return found
