"""Making a record, once: look first, then ask for it, then look at it."""

from collections.abc import Callable
from urllib.parse import unquote

from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.read_record import HeldRecord, RecordReader
from syncd.cmms.rest.reply import SIDE, Reply
from syncd.cmms.rest.schema import CreateCall
from syncd.cmms.rest.update import RecordUpdater, WriteProgress
from syncd.cmms.rest.write_body import assignments, confirm, create_request
from syncd.core.work_order import CmmsRecord, Field, Fields
from syncd.errors import Changed, NotFound, Refused, UnexpectedContent


class RecordCreator:
    """The mapping's `create`.

    Args:
        find: the records that carry an id.

    Attributes:
        takes: what the first call writes; the rest is written afterwards.
    """

    def __init__(
        self,
        client: Client,
        said: CreateCall,
        records: RecordReader,
        record_map: RecordMap,
        writer: RecordUpdater,
        find: Callable[[str], list[CmmsRecord]],
    ) -> None:
        self._client = client
        self._said = said
        self._records = records
        self._map = record_map
        self._writer = writer
        self._find = find
        self._success = None if said.success is None else Expression.parse(said.success)
        self._item = Expression.parse(said.item)
        named = said.fields
        chosen = writer.plain_fields if named is None else frozenset(map(Field, named))
        self.takes = chosen | {Field.S2E_ID} | (frozenset() if named else record_map.writes_once)

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """See `port.create`. What the first call cannot take is written afterwards."""
        progress = WriteProgress()
        with progress.honest(f"the record of {s2e_id}"):
            found = self._find(s2e_id)
            if found:
                return found[0]
            wanted = {name: value for name, value in fields.items() if value is not None}
            wanted[Field.S2E_ID] = s2e_id
            placed = {name: wanted[name] for name in wanted if name in self._map.writes}
            assignments(self._map, placed, {})  # refused before anything is made
            first = {name: value for name, value in wanted.items() if name in self.takes}
            rest = {name: value for name, value in wanted.items() if name not in self.takes}
            try:
                with progress.call():
                    reply = self._make(first, s2e_id)
            except Changed as error:
                return self._was_there(s2e_id, error)
            confirm(self._success, reply)
            held = self._made(reply)
            if held.record.s2e_id != s2e_id:
                raise reply.unexpected(
                    f"made a record that does not carry {s2e_id} where fields.s2e_id reads it"
                )
            record = self._writer.bring(held, rest, progress)
            return self._map.recognised(record, wanted)

    def _make(self, first: Fields, s2e_id: str) -> Reply:
        done = assignments(self._map, first, {})
        try:
            return self._client.write(create_request(self._said, done, {"s2e_id": s2e_id}))
        except NotFound as error:
            raise UnexpectedContent(
                f"{error}; is this the path where records are made?",
                side=SIDE,
                status=error.status,
                may_have_applied=False,
            ) from None

    def _was_there(self, s2e_id: str, error: Changed) -> CmmsRecord:
        """It was refused as a conflict: somebody has made the same record just now."""
        for found in self._find(s2e_id):
            return found
        raise Refused(str(error), side=SIDE, status=error.status) from error

    def _made(self, reply: Reply) -> HeldRecord:
        if self._said.then == "item":
            native = reply.look(self._item)
            if not isinstance(native, dict):
                raise reply.unexpected(f"holds no record at {self._said.item}")
            return self._records.held(reply, native)
        return self._records.read(self._new_id(reply))

    def _new_id(self, reply: Reply) -> str:
        said = self._said.id
        found = reply.read(said)
        text = native_key(found) if not isinstance(found, str) else found
        if said.header is not None:
            text = text.partition("?")[0].rstrip("/")
        if said.after is not None:
            text = text.rpartition(said.after)[2]
        if said.until is not None:
            text = text.partition(said.until)[0]
        if said.header is not None:
            text = unquote(text)
        if not text or isinstance(found, bool | dict | list):
            raise reply.unexpected("does not tell the new record's id where the mapping reads it")
        return text
