"""The `rest` adapter: a CMMS with an HTTP and JSON API, connected by a mapping file alone."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Option

from syncd.cmms.load import AdapterContext
from syncd.cmms.mapping.file import MappingFile, load_mapping
from syncd.cmms.mapping.mapped import notes
from syncd.cmms.mapping.values.record_map import RecordMap
from syncd.cmms.mapping.values.times import TimeFormat
from syncd.cmms.port import Capabilities
from syncd.cmms.rest.check.mapping import zone_of
from syncd.cmms.rest.client import Client
from syncd.cmms.rest.create import RecordCreator
from syncd.cmms.rest.file import read_rest
from syncd.cmms.rest.list_and_find import FindQuery, ListQuery, SinceBound
from syncd.cmms.rest.locking import WriteLock
from syncd.cmms.rest.probe import Finding, Probe
from syncd.cmms.rest.read_record import RecordReader
from syncd.cmms.rest.schema import FindCall, RestMapping
from syncd.cmms.rest.update import RecordUpdater
from syncd.core.work_order import CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import ConfigurationError, NotFound, Refused, RemoteError, UnexpectedContent

_EXAMPLE = "SYNCD_CMMS_MAPPING=acme.yaml, or preset:NAME"


class RestAdapter:
    """See the module text; errors as in `syncd.cmms.port`."""

    class Options(BaseModel):
        """SYNCD_CMMS_MAPPING: the mapping; SYNCD_CMMS_URL: base_url, where it has none."""

        model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
        url: str | None = Option(None, repr=False)
        mapping: str | None = None

    name: ClassVar[str] = "rest"
    verified: ClassVar[str] = "mapping"
    capabilities: Capabilities

    def __init__(
        self, mapping: MappingFile[RestMapping], client: Client, context: AdapterContext
    ) -> None:
        told, records = mapping.own, mapping.records
        self.mapping_hash = mapping.digest
        self.mapping_trust = mapping.trust
        self.notes = notes(records)
        self.host = client.host
        self._told = told
        self._map = records
        self.client = client
        self.unread: dict[str, RemoteError] = {}
        self._may_write = context.may_write
        self._utcnow = context.utcnow
        guard = WriteLock(told.lock)
        self._records = RecordReader(
            client, told.get, records, guard, told.list_.where, told.deleted
        )
        id_of = self._records.id_of
        self._since = since_bound(told, records)
        self._listing = ListQuery(client, told.list_, self._since, id_of)
        self._search = (
            FindQuery(client, told.find, id_of) if isinstance(told.find, FindCall) else None
        )
        self._writer = RecordUpdater(
            client,
            told.update,
            self._records,
            records,
            guard,
            create=told.create,
            verify=told.verify,
        )
        self._creator: RecordCreator | None = None
        if told.create is not None:
            self._creator = RecordCreator(
                client, told.create, self._records, records, self._writer, self.find
            )
        self.capabilities = _capabilities(mapping)
        if self._creator is not None:
            self.capabilities = replace(
                self.capabilities, creates_with=frozenset(self._creator.takes)
            )

    @classmethod
    def from_options(cls, options: "RestAdapter.Options", context: AdapterContext) -> "RestAdapter":
        """The adapter; nothing is asked yet. Raises ConfigurationError naming every problem of
        the mapping with its line."""
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
        """See `port.fetch`. Nothing is yielded of a page that fails, and the error is raised."""
        whole = self._told.list_.then == "get"
        self.unread = {}
        stamped = unreadable = 0
        for native in self._listing.read(changed_since):
            if not self._records.is_ours(native):
                continue
            record = self._records.record(native)
            if whole:
                try:
                    record = self._records.read(record.cmms_id).record
                except NotFound:  # deleted since it was listed
                    continue
                except RemoteError as error:
                    if not error.is_about_one:
                        raise
                    self.unread[record.cmms_id] = error
                    continue
            stamped += record.updated_at is not None
            unreadable += record.updated_at is None
            yield record
        if unreadable and not stamped and self._since is not None:
            # Of one record it says little; of all, that nobody would ever ask for changes only.
            raise UnexpectedContent(
                f"no record has a time at fields.updated_at that can be read ({self._map.where})",
                side="cmms",
                may_have_applied=False,
            )

    def get(self, cmms_id: str) -> CmmsRecord:
        """See `port.get`."""
        return self._records.read(cmms_id).record

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """See `port.find`. What the search answers is looked at again: only records that carry
        exactly this id count. Where there is no search, or it cannot ask for this id (a quote
        would end its expression), the whole list is looked through."""
        if self._told.find == "none":
            return []
        hits = None if self._search is None else self._search.hits(s2e_id)
        if self._search is None or hits is None:
            return self._find_in_list(s2e_id)
        records = {}
        whole = isinstance(self._told.find, FindCall) and self._told.find.then == "get"
        for native in hits:
            if self._records.is_gone(native):
                continue
            record = self._records.record(native)
            if whole:
                try:
                    record = self._records.read(record.cmms_id).record
                except NotFound:
                    continue
            if record.s2e_id == s2e_id:
                records[record.cmms_id] = record
        self._search.exact(s2e_id, len(hits), len(records))
        return list(records.values())

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        """What a record that was kept means under this mapping."""
        return self._records.record(dict(native))

    def _find_in_list(self, s2e_id: str) -> list[CmmsRecord]:
        """Raises the error of a record that cannot be read: it may be the one."""
        found = [record for record in self.fetch(None) if record.s2e_id == s2e_id]
        for error in self.unread.values():
            raise error
        return found

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """See `port.create`."""
        self._require_write()
        if self._creator is None:
            raise Refused("the mapping has no create: records are made in the CMMS", side="cmms")
        return self._creator.create(s2e_id, fields)

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """See `port.update`. Without a lock of the CMMS's own, `expected` is compared with a read
        just before the write, which leaves a moment in between."""
        self._require_write()
        return self._writer.update(cmms_id, fields, expected)

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """See `port.settled`."""
        return self._map.settled(name, value)

    def check(self) -> str:
        """What `syncd check` says: where, and whether the list can be read."""
        first = next(iter(self.fetch(None)), None)
        seen = "no record yet" if first is None else f"the first record is {first.cmms_id!s:.60}"
        return f"{self.client.host}: the list answers; {seen}"

    def probe(self) -> Iterator[Finding]:
        """What `syncd probe` says: what can be learned by reading alone."""
        return Probe(
            self._told,
            self._map,
            self.client,
            self._listing,
            self._records,
            self.find if self._search is not None else None,
            self._utcnow,
        ).run()

    def close(self) -> None:
        self.client.close()

    def _require_write(self) -> None:
        if not self._may_write:
            raise Refused("nothing is written: this is a dry run", side="cmms")


def since_bound(told: RestMapping, records: RecordMap) -> SinceBound | None:
    """How the list is asked for what has changed; None: it cannot be."""
    since = told.list_.since
    if since is None or records.stamp is None:
        return None
    own = records.stamp.form
    zone, _ = zone_of(since.zone, own.zone)
    return SinceBound(since, TimeFormat(since.format or own.form, zone))


def _capabilities(mapping: MappingFile[RestMapping]) -> Capabilities:
    told, records = mapping.own, mapping.records
    named = {Field(name) for op in told.update for name in op.fields} - records.writes_once
    once = records.writes_once if told.create is not None else frozenset()
    writes = frozenset(named | once) & records.reads
    needs: Mapping[str, frozenset[Field]] = {
        status: frozenset(map(Field, fields)) for status, fields in told.status_needs.items()
    }
    return Capabilities(
        reads=records.reads,
        writes=writes,
        writes_once=once & writes,
        clears=(records.clears & writes) - once,
        creates=told.create is not None,
        finds=told.find != "none",
        filters_changes=told.list_.since is not None,
        change_resolution_s=None if told.list_.since is None else told.list_.since.resolution_s,
        index_lag_s=mapping.index_lag_s,
        read_lag_s=mapping.read_lag_s,
        optimistic_lock=told.lock is not None,
        status_needs=needs or None,
    )
