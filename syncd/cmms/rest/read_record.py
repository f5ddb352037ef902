"""Read one record by its id, with what is needed to write to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd.cmms.mapping.records import to_record
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Expression, Source
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.get_more import MoreReader
from syncd.cmms.rest.locking import WriteLock
from syncd.cmms.rest.reply import SIDE, Reply, holds
from syncd.cmms.rest.request import prepare
from syncd.cmms.rest.schema import RestMapping
from syncd.core.work_order import CmmsRecord, Fields
from syncd.errors import NotFound, UnexpectedContent


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record as it was just read.

    Attributes:
        native: the CMMS's own JSON, with the answers of `get.more` in it.
        own: the same without these answers. Only this may be sent back to the CMMS.
        address: what {address} stands for.
        record: the record in our words.
        token: what the lock knows this state of the record by; None without a lock.
    """

    native: dict[str, Any]
    own: dict[str, Any]
    address: str
    record: CmmsRecord
    token: Any

    @property
    def fields(self) -> Fields:
        return self.record.fields

    def values(self) -> dict[str, Any]:
        """What the placeholders of a call about this record stand for."""
        s2e_id = self.record.s2e_id or ""
        return {"id": self.record.cmms_id, "address": self.address, "s2e_id": s2e_id}


class RecordReader:
    """The mapping's `get`, and what the mapping says of a record that was read."""

    def __init__(
        self, client: Client, spec: RestMapping, record_map: RecordMap, lock: WriteLock
    ) -> None:
        self._client = client
        self._spec = spec.get
        self._more = MoreReader(client, spec.get.more)
        self._map = record_map
        self._lock = lock
        self._item = Expression.parse(spec.get.item if spec.get.items is None else spec.get.items)
        self._where = None if spec.list_.where is None else Expression.parse(spec.list_.where)
        self._deleted = None if spec.deleted is None else Expression.parse(spec.deleted)

    def id_of(self, native: Mapping[str, Any]) -> str | None:
        """The id of a native record; None if it has none."""
        return _text_at(self._map.id, native)

    def require_id(self, reply: Reply, native: Mapping[str, Any]) -> str:
        """The id of a native record. Raises UnexpectedContent if it has none.

        Args:
            reply: the answer that brought the record.
        """
        cmms_id = self.id_of(native)
        if cmms_id is None:
            raise reply.unexpected("holds a record without an id, as fields.id reads it")
        return cmms_id

    def read(self, cmms_id: str) -> HeldRecord:
        """The record with this id, to the letter. Raises NotFound."""
        if cmms_id in {"", ".", ".."} or "\x00" in cmms_id:
            raise _no_record(cmms_id)
        reply = self._client.read(prepare(self._spec, {"id": cmms_id}))
        native = self._record_in(reply, cmms_id)
        answered_id = self.require_id(reply, native)
        if answered_id != cmms_id:
            if _coerced(answered_id) == _coerced(cmms_id):
                raise _no_record(cmms_id)  # 007 is not the record 7, whatever the CMMS makes of it
            raise reply.unexpected(
                f"holds the record {answered_id!s:.60}, and {cmms_id!s:.60} was asked for"
            )
        if self.is_gone(native):
            raise _no_record(cmms_id)
        return self.held(reply, native)

    def _record_in(self, reply: Reply, cmms_id: str) -> dict[str, Any]:
        if self._spec.items is not None:
            hits = [it for it in reply.list_at(self._item) if self._is(it, cmms_id)]
            if not hits:
                raise _no_record(cmms_id)
            native = hits[0]
        else:
            native = None if reply.empty else reply.search(self._item)
        if not isinstance(native, dict) or not native:
            raise reply.unexpected(f"holds no record at {self._item.text}")
        return native

    def _is(self, item: Any, cmms_id: str) -> bool:
        return isinstance(item, dict) and self.id_of(item) == cmms_id

    def held(self, reply: Reply, native: dict[str, Any]) -> HeldRecord:
        """This record, made ready to be written to.

        Args:
            reply: the answer that brought the record.
        """
        address = None if self._map.address is None else self._map.address.take(native)
        known = {"id": self.id_of(native), "address": address or self.id_of(native)}
        whole = self._more.added_to(reply, native, known)
        record = self.record(whole)
        text = _text_at(self._map.address, whole)
        if self._map.address is not None and text is None:
            raise reply.unexpected("holds a record without an address, as fields.address reads it")
        token = self._lock.token(reply, native, record.updated_at)
        return HeldRecord(whole, native, text or record.cmms_id, record, token)

    def record(self, native: Mapping[str, Any]) -> CmmsRecord:
        """A native record in our words, with all of its own JSON: another mapping may read more of
        it. Raises UnexpectedContent if it has no id."""
        return to_record(self._map, native)

    def is_gone(self, native: dict[str, Any]) -> bool:
        """Whether the record is deleted, by the mapping's `deleted`."""
        return self._deleted is not None and _holds(self._deleted, native, "deleted")

    def is_ours(self, native: dict[str, Any]) -> bool:
        """Whether a listed record concerns syncd, by the mapping's `list.where`."""
        return not self.is_gone(native) and (
            self._where is None or _holds(self._where, native, "where")
        )


def _holds(expression: Expression, native: Mapping[str, Any], where: str) -> bool:
    """Whether the condition is true of a record. What fails there is about this record alone."""
    try:
        return holds(expression, native, where)
    except UnexpectedContent as error:
        raise UnexpectedContent(str(error), side=SIDE, status=200, may_have_applied=False) from None


def _text_at(source: Source | None, native: Mapping[str, Any]) -> str | None:
    value = None if source is None else source.take(native)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return None
    return value if isinstance(value, str) else native_key(value)


def _coerced(cmms_id: str) -> str:
    """The id as a CMMS may understand it that is not exact: without case, blanks and zeros."""
    return cmms_id.strip().casefold().lstrip("0+").removesuffix(".0")


def _no_record(cmms_id: str) -> NotFound:
    return NotFound(f"there is no record {cmms_id!s:.100} in the CMMS", side=SIDE)
