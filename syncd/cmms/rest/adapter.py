"""The `rest` adapter: a CMMS with an HTTP and JSON API, connected by a mapping file alone."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Option

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.file import MappingFile, load_mapping
from syncd.cmms.mapping.records import notes, unmapped
from syncd.cmms.mapping.values.precedence import misread
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.times import TimeFormat
from syncd.cmms.port import AdapterBase, Capabilities
from syncd.cmms.rest.check.mapping import zone_of
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.create import RecordCreator
from syncd.cmms.rest.file import read_rest
from syncd.cmms.rest.list_and_find import FindQuery, ListQuery, SinceBound, require_named
from syncd.cmms.rest.locking import WriteLock
from syncd.cmms.rest.probe import Finding, Probe
from syncd.cmms.rest.read_record import RecordReader
from syncd.cmms.rest.schema import FindCall, RestMapping
from syncd.cmms.rest.update import RecordUpdater
from syncd.core.case import WriteEffects
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import ConfigurationError, NotFound, Refused, RemoteError, UnexpectedContent

_WARNED_OF = 50  # records in which `check` looks for what may be wrong
_EXAMPLE = "SYNCD_CMMS_MAPPING=acme.yaml, or preset:NAME"


class RestAdapter(AdapterBase):
    """A CMMS as its mapping file describes it. It raises what `syncd.cmms.port` names.

    Attributes:
        notes: what the mapping cannot do, for the one who writes it.
        unread: the errors of single records that the last `fetch` could not read, by id.
        nameless: the rows that it listed without an id, see `AdapterBase`.
    """

    class Options(BaseModel):
        """SYNCD_CMMS_MAPPING: the mapping. SYNCD_CMMS_URL: the address, if the mapping has no
        base_url."""

        model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
        url: str | None = Option(None, repr=False)
        mapping: str | None = None

    name = "rest"
    verified = "mapping"

    def __init__(
        self, mapping: MappingFile[RestMapping], client: Client, context: AdapterContext
    ) -> None:
        spec, record_map = mapping.own, mapping.records
        self.mapping_hash = mapping.digest
        self.mapping_trust = mapping.trust
        self.notes = notes(record_map)
        self.host = client.host
        self._spec = spec
        self._map = record_map
        self.client = client
        self.unread: dict[str, RemoteError] = {}
        self.nameless: Mapping[str, str] = {}
        self._may_write = context.may_write
        self._utcnow = context.utcnow
        lock = WriteLock(spec.lock)
        self._reader = RecordReader(client, spec, record_map, lock)
        id_of = self._reader.id_of
        self._since = _since_bound(spec, record_map)
        self._list = ListQuery(client, spec.list_, self._since, id_of)
        self._search: FindQuery | None = None
        if isinstance(spec.find, FindCall):
            self._search = FindQuery(client, spec.find, id_of)
        self._updater = RecordUpdater(client, spec, self._reader, record_map, lock)
        self._creator: RecordCreator | None = None
        self.capabilities = _capabilities(mapping)
        if spec.create is not None:
            self._creator = RecordCreator(
                client, spec.create, self._reader, record_map, self._updater, self.find
            )
            self.capabilities = replace(
                self.capabilities, creates_with=frozenset(self._creator.takes)
            )

    @classmethod
    def from_options(cls, options: "RestAdapter.Options", context: AdapterContext) -> "RestAdapter":
        """Make the adapter. Nothing is asked of the CMMS yet.

        Raises ConfigurationError naming every problem of the mapping with its line.
        """
        if options.mapping is None:
            raise ConfigurationError(
                f"SYNCD_CMMS_MAPPING is not set; the rest adapter needs it: {_EXAMPLE}"
            )
        mapping = load_mapping(options.mapping, "rest/1", context.environ, read_rest)
        for secret in mapping.secrets:
            context.hide(secret)
        base_url = mapping.own.base_url or options.url
        if not base_url:
            raise ConfigurationError(
                f"{options.mapping} has no base_url, and SYNCD_CMMS_URL is not set; set one"
            )
        client = Client(base_url, mapping.own, context, sorted(mapping.secrets))
        return cls(mapping, client, context)

    # ── the port ──────────────────────────────────────────────────────────────────────────

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """See `port.fetch`. Nothing is yielded of a page that fails, and the error is raised.

        One record that cannot be read is one bad record (`unread`, `nameless`). If a whole read
        shows none that can, the mapping is wrong, and that is an error.
        """
        whole = self._spec.list_.then == "get"
        self.unread, self.nameless = {}, {}
        stamped = unstamped = 0
        for native in self._list.read(changed_since):
            try:
                if not self._reader.is_ours(native):
                    continue
                record = self._reader.record(native)
                if whole:
                    record = self._reader.read(record.cmms_id).record
            except NotFound:  # deleted since it was listed
                continue
            except RemoteError as error:
                if not error.is_about_one:
                    raise
                self.unread[str(self._reader.id_of(native))] = error
                continue
            stamped += record.updated_at is not None
            unstamped += record.updated_at is None
            yield record
        self.nameless = self._list.nameless
        if changed_since is None:
            self._require_readable(stamped, unstamped)

    def _require_readable(self, stamped: int, unstamped: int) -> None:
        """Raise where a whole read shows that the mapping reads every record wrongly.

        Args:
            stamped, unstamped: the records that were read, with a time of change and without.
        """
        if not stamped and not unstamped:
            for error in () if self._spec.list_.then == "get" else self.unread.values():
                raise error
            require_named(self.nameless)
        if unstamped > 1 and not stamped and self._since is not None:
            # syncd could never ask for changes only.
            raise UnexpectedContent(
                f"no record has a time at fields.updated_at that can be read ({self._map.where})",
                side="cmms",
                may_have_applied=False,
            )

    def get(self, cmms_id: str) -> CmmsRecord:
        """See `port.get`."""
        return self._reader.read(cmms_id).record

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """See `port.find`.

        Of the hits of the search only those count that carry exactly this id. The whole list is
        read where there is no search, or where it cannot ask for this id: a quote, for example,
        would end its expression.
        """
        if self._spec.find == "none":
            return []
        hits = None if self._search is None else self._search.hits(s2e_id)
        if self._search is None or hits is None:
            return self._find_in_list(s2e_id)
        records = {}
        whole = isinstance(self._spec.find, FindCall) and self._spec.find.then == "get"
        for native in hits:
            if self._reader.is_gone(native):
                continue
            record = self._reader.record(native)
            if whole:
                try:
                    record = self._reader.read(record.cmms_id).record
                except NotFound:
                    continue
            if record.s2e_id == s2e_id:
                records[record.cmms_id] = record
        self._search.require_exact(s2e_id, len(hits), len(records))
        return list(records.values())

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        """Read a native record, which syncd has kept, by this mapping."""
        return self._reader.record(dict(native))

    def _find_in_list(self, s2e_id: str) -> list[CmmsRecord]:
        """Raises for a record that cannot be read, since it may be the wanted one."""
        records = [record for record in self.fetch(None) if record.s2e_id == s2e_id]
        for error in self.unread.values():
            raise error
        require_named(self.nameless)
        return records

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """See `port.create`."""
        self._require_write()
        if self._creator is None:
            raise Refused(
                "the mapping has no create: records can only be made in the CMMS", side="cmms"
            )
        return self._creator.create(s2e_id, fields)

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """See `port.update`.

        `expected` is compared with a read just before the write. Without the mapping's `lock`, an
        edit in the moment between the two goes unseen.
        """
        self._require_write()
        return self._updater.update(cmms_id, fields, expected)

    def update_carrying(
        self, s2e_ids: Collection[str | None], cmms_id: str, fields: Fields, expected: Fields
    ) -> CmmsRecord:
        """See `port.update_carrying`: the same read shows the record's id."""
        self._require_write()
        return self._updater.update(cmms_id, fields, expected, s2e_ids)

    def effects_of(self, fields: Fields, record: CmmsRecord | None) -> WriteEffects:
        """See `port.effects_of`: what the mapping's steps touch, and the moves on the way."""
        return self._updater.effects_of(fields, record)

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """See `AdapterBase.settled`."""
        return self._map.settled(name, value)

    def now(self) -> datetime | None:
        """See `AdapterBase.now`."""
        return self.client.server_now()

    def check(self) -> str:
        """The line of `syncd check`: the host, and the first record of the list."""
        first = next(iter(self.fetch(None)), None)
        seen = "no record yet" if first is None else f"the first record is {first.cmms_id!s:.60}"
        return f"{self.client.host}: the list answers; {seen}{self._first_nameless()}"

    def _first_nameless(self) -> str:
        """What to say of rows without an id, as far as the list was read; "" if there are none."""
        for what, where in self._list.nameless.items():
            return f"; {where} has no id that can be read, and is left out: {what}"
        return ""

    def warnings(self) -> Iterator[str]:
        """See `port.warnings`: fields that read nothing since their expressions bind otherwise than
        they look, and values that no table has."""
        records = list(islice(self.fetch(None), _WARNED_OF))
        yield from misread(self._map.fields.values(), records)
        yield from unmapped(self._map, records)

    def probe(self) -> Iterator[Finding]:
        """The lines of `syncd probe`: all that can be learned by reading."""
        return Probe(
            self._spec,
            self._map,
            self.client,
            self._list,
            self._reader,
            self.find if self._search is not None else None,
            self._utcnow,
        ).run()

    def close(self) -> None:
        self.client.close()

    def _require_write(self) -> None:
        if not self._may_write:
            raise Refused("nothing is written: this is a dry run", side="cmms")


def _since_bound(spec: RestMapping, record_map: RecordMap) -> SinceBound | None:
    """How the list is asked for what has changed; None: it cannot be asked for that."""
    since = spec.list_.since
    if since is None or record_map.stamp is None:
        return None
    own = record_map.stamp.form
    zone, _ = zone_of(since.zone, own.zone)
    return SinceBound(since, TimeFormat(since.format or own.form, zone))


def _capabilities(mapping: MappingFile[RestMapping]) -> Capabilities:
    spec, record_map = mapping.own, mapping.records
    named = {Field(name) for step in spec.update for name in step.fields} - record_map.writes_once
    once = record_map.writes_once if spec.create is not None else frozenset()
    writes = frozenset(named | once) & record_map.reads
    needs: Mapping[str, frozenset[Field]] = {
        status: frozenset(map(Field, fields)) for status, fields in spec.status_needs.items()
    }
    return Capabilities(
        reads=record_map.reads,
        writes=writes,
        writes_once=once & writes,
        clears=(record_map.clears & writes) - once,
        creates=spec.create is not None,
        finds=spec.find != "none",
        filters_changes=spec.list_.since is not None,
        change_resolution_s=None if spec.list_.since is None else spec.list_.since.resolution_s,
        index_lag_s=mapping.index_lag_s,
        read_lag_s=mapping.read_lag_s,
        longest_request_s=spec.longest_request_s or spec.deadline_s,
        optimistic_lock=spec.lock is not None,
        status_needs=needs or None,
    )
