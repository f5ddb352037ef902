"""Make a record, and make it only once.

search for the id       it is there already?     it is returned, nothing is made
make the record         with the fields that the mapping's `create` takes
read it                 it has to carry the Scan2Evolve id
write what is left      by the steps of `update`; the record exists, whatever becomes of these
"""

from collections.abc import Callable
from urllib.parse import unquote

from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.port import PartlyWritten
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.read_record import HeldRecord, RecordReader
from syncd.cmms.rest.reply import SIDE, Reply
from syncd.cmms.rest.schema import CreateCall
from syncd.cmms.rest.update import RecordUpdater, WriteProgress
from syncd.cmms.rest.write_body import assignments, create_request, require_success
from syncd.core.work_order import CmmsRecord, Field, Fields
from syncd.errors import Changed, NotFound, Refused, RemoteError, UnexpectedContent


class RecordCreator:
    """The mapping's `create`.

    Args:
        find: the records that carry a Scan2Evolve id.

    Attributes:
        takes: the fields that the call which makes the record writes. All others are written
            afterwards.
    """

    def __init__(
        self,
        client: Client,
        spec: CreateCall,
        reader: RecordReader,
        record_map: RecordMap,
        updater: RecordUpdater,
        find: Callable[[str], list[CmmsRecord]],
    ) -> None:
        self._client = client
        self._spec = spec
        self._reader = reader
        self._map = record_map
        self._updater = updater
        self._find = find
        self._success = None if spec.success is None else Expression.parse(spec.success)
        self._item = Expression.parse(spec.item)
        named = spec.fields
        chosen = updater.plain_fields if named is None else frozenset(map(Field, named))
        self.takes = chosen | {Field.S2E_ID} | (frozenset() if named else record_map.writes_once)

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """See `port.create`."""
        progress = WriteProgress()
        with progress.honest(f"the record of {s2e_id}"):
            existing = self._find(s2e_id)
            if existing:
                return existing[0]
            wanted = {name: value for name, value in fields.items() if value is not None}
            wanted[Field.S2E_ID] = s2e_id
            placed = {name: wanted[name] for name in wanted if name in self._map.writes}
            assignments(self._map, placed, {})  # raises Refused before anything is made
            first = {name: value for name, value in wanted.items() if name in self.takes}
            rest = {name: value for name, value in wanted.items() if name not in self.takes}
            try:
                with progress.call():
                    reply = self._make(first, s2e_id)
            except Changed as error:
                return self._made_by_another(s2e_id, error)
            require_success(self._success, reply)
            held = self._made(reply)
            if held.record.s2e_id != s2e_id:
                raise reply.unexpected(
                    f"made a record that does not carry {s2e_id} where fields.s2e_id reads it"
                )
            try:
                record = self._updater.bring(held, rest, progress)
            except RemoteError as error:
                error.may_have_applied = True
                record = PartlyWritten.of(held.record, in_doubt=dict.fromkeys(rest, error))
            return self._map.recognised(record, wanted)

    def _make(self, first: Fields, s2e_id: str) -> Reply:
        assigned = assignments(self._map, first, {})
        try:
            return self._client.write(create_request(self._spec, assigned, {"s2e_id": s2e_id}))
        except NotFound as error:
            raise UnexpectedContent(
                f"{error}; is this the path where records are made?",
                side=SIDE,
                status=error.status,
                may_have_applied=False,
            ) from None

    def _made_by_another(self, s2e_id: str, error: Changed) -> CmmsRecord:
        """The record that somebody else has just made, which the CMMS reported as a conflict."""
        for record in self._find(s2e_id):
            return record
        raise Refused(str(error), side=SIDE, status=error.status) from error

    def _made(self, reply: Reply) -> HeldRecord:
        if self._spec.then == "item":
            native = reply.search(self._item)
            if not isinstance(native, dict):
                raise reply.unexpected(f"holds no record at {self._spec.item}")
            return self._reader.held(reply, native)
        return self._reader.read(self._new_id(reply))

    def _new_id(self, reply: Reply) -> str:
        place = self._spec.id
        value = reply.read(place)
        text = native_key(value) if not isinstance(value, str) else value
        if place.header is not None:
            text = text.partition("?")[0].rstrip("/")
        if place.after is not None:
            text = text.rpartition(place.after)[2]
        if place.until is not None:
            text = text.partition(place.until)[0]
        if place.header is not None:
            text = unquote(text)
        if not text or isinstance(value, bool | dict | list):
            raise reply.unexpected("has no id of the new record where the mapping reads it")
        return text
