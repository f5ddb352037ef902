"""One record: read by its id, told in our words, and with what guards a write to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.cmms.mapping.values.record_map import RecordMap, Told
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.get_more import MoreReader
from syncd.cmms.rest.locking import WriteLock
from syncd.cmms.rest.reply import SIDE, Reply, holds
from syncd.cmms.rest.request import prepare
from syncd.cmms.rest.schema import GetCall
from syncd.core.work_order import CmmsRecord, Fields
from syncd.errors import NotFound, UnexpectedContent


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record as it was just read.

    Attributes:
        native: the CMMS's own JSON, with what `get.more` has put into it.
        own: the same without that: what may be sent back.
        token: what guards a write to it; None without a lock.
    """

    native: dict[str, Any]
    own: dict[str, Any]
    told: Told
    record: CmmsRecord
    token: Any

    @property
    def fields(self) -> Fields:
        return self.record.fields

    def values(self) -> dict[str, Any]:
        """What the placeholders of a call on it stand for."""
        told = {"id": self.record.cmms_id, "address": self.told.address or self.record.cmms_id}
        return told | {"s2e_id": self.record.s2e_id or ""}


class RecordReader:
    """Reads records by id.

    Args:
        where: the mapping's `list.where`.
        deleted: the mapping's `deleted`.
    """

    def __init__(
        self,
        client: Client,
        said: GetCall,
        records: RecordMap,
        guard: WriteLock,
        where: str | None,
        deleted: str | None,
    ) -> None:
        self._client = client
        self._said = said
        self._more = MoreReader(client, said.more)
        self._map = records
        self._guard = guard
        self._item = Expression.parse(said.item if said.items is None else said.items)
        self._where = None if where is None else Expression.parse(where)
        self._deleted = None if deleted is None else Expression.parse(deleted)

    def id_of(self, native: Mapping[str, Any]) -> str | None:
        """The id of a native record; None if it has none."""
        found = self._map.id.take(native)
        if isinstance(found, bool) or not isinstance(found, str | int | float) or found == "":
            return None
        return found if isinstance(found, str) else native_key(found)

    def read(self, cmms_id: str) -> HeldRecord:
        """The record with this id. Raises NotFound."""
        if cmms_id in {"", ".", ".."} or "\x00" in cmms_id:
            raise _none(cmms_id)
        reply = self._client.read(prepare(self._said, {"id": cmms_id}))
        native = self._one(reply, cmms_id)
        found = self.id_of(native) or self.record(native).cmms_id
        if found != cmms_id:
            raise reply.unexpected(
                f"holds the record {found!s:.60}, and {cmms_id!s:.60} was asked for"
            )
        if self.is_gone(native):
            raise _none(cmms_id)
        return self.held(reply, native)

    def _one(self, reply: Reply, cmms_id: str) -> dict[str, Any]:
        found = None if reply.empty else reply.look(self._item)
        if self._said.items is not None:
            if not isinstance(found, list) and not reply.empty:
                raise reply.unexpected(f"holds no list at {self._said.items}")
            hits = [it for it in found or [] if self._is(it, cmms_id)]
            if not hits:
                raise _none(cmms_id)
            found = hits[0]
        if not isinstance(found, dict) or not found:
            raise reply.unexpected(f"holds no record at {self._item.text}")
        return found

    def _is(self, item: Any, cmms_id: str) -> bool:
        return isinstance(item, dict) and self.id_of(item) == cmms_id

    def held(self, reply: Reply, native: dict[str, Any]) -> HeldRecord:
        """This record, which `reply` has brought, as it is to be written to."""
        address = None if self._map.address is None else self._map.address.take(native)
        known = {"id": self.id_of(native), "address": address or self.id_of(native)}
        whole = self._more.added_to(reply, native, known)
        told = self._map.read(whole)
        record = self.record(whole, told)
        if self._map.address is not None and told.address is None:
            raise reply.unexpected("holds a record without an address, as fields.address reads it")
        return HeldRecord(
            whole, native, told, record, self._guard.token(reply, native, told.updated_at)
        )

    def record(self, native: dict[str, Any], told: Told | None = None) -> CmmsRecord:
        """This native record in our words, and whole beside them: another mapping may find more
        in it. Raises UnexpectedContent if it has no id."""
        told = told or self._map.read(native)
        if told.cmms_id is None:
            raise UnexpectedContent(
                "the CMMS sent a record without an id, as fields.id reads it",
                side=SIDE,
                may_have_applied=False,
            )
        stamp = told.updated_at
        return CmmsRecord(
            cmms_id=told.cmms_id,
            s2e_id=told.s2e_id,
            fields=told.fields,
            native=native,
            equivalents=told.equivalents,
            updated_at=stamp if isinstance(stamp, datetime) else None,
        )

    def is_gone(self, native: dict[str, Any]) -> bool:
        """Whether the mapping's `deleted` says so."""
        return self._deleted is not None and holds(self._deleted, native, "deleted")

    def is_ours(self, native: dict[str, Any]) -> bool:
        """Whether a listed record is one to look at."""
        return not self.is_gone(native) and (
            self._where is None or holds(self._where, native, "where")
        )


def _none(cmms_id: str) -> NotFound:
    return NotFound(f"there is no record {cmms_id!s:.100} in the CMMS", side=SIDE)
