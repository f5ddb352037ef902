"""The `odoo` adapter: maintenance requests of Odoo's Maintenance app.

Reading what changed: one lower bound on `write_date`, and pages by id. With pages by change time,
a record that is edited in the meantime could be missed. `write_date` is the time at which a
transaction began: a long one commits records that are older than records which were read before.
So each fetch begins earlier by an overlap.

Writing: Odoo has no conditional write. A record is read, compared with `expected`, then written.
An edit within these milliseconds is overwritten; so `optimistic_lock` is False. Only fields that
differ are written, since Odoo changes `write_date` even where no value changes.

Stages and fields are read by what was pinned, see `model.py`. A record's `native` holds all that a
changed option may read it by: the row, and the names of the person and the equipment that it refers
to, which are other records.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

from syncd.cmms.load import AdapterContext
from syncd.cmms.odoo.errors import unwritten, written
from syncd.cmms.odoo.lookup import Lookup, asset_field
from syncd.cmms.odoo.mapping import (
    BESIDE,
    Row,
    fields_held,
    kept_row,
    kept_value,
    read_changed,
    read_fields,
    read_status,
    reference,
    wire_time,
)
from syncd.cmms.odoo.model import (
    NEEDED,
    REQUEST,
    STAGE,
    OdooModel,
    learn,
    mapping_hash,
    model_of,
    rows_of,
    split_rows,
)
from syncd.cmms.odoo.options import OdooOptions
from syncd.cmms.odoo.rpc import Rpc
from syncd.cmms.odoo.start import open_rpc
from syncd.cmms.odoo.write import RequestWriter
from syncd.cmms.port import NO_LEARNED, AdapterBase, Capabilities, Learned, require_identity
from syncd.core.case import WriteEffects
from syncd.core.equality import same
from syncd.core.meaning import Meanings
from syncd.core.work_order import CMMS_OWNED, CmmsRecord, Field, Fields, Unwritable, Value
from syncd.errors import AccessRefused, Changed, NotFound, Refused, RemoteError, UnexpectedContent

_ALWAYS = frozenset({
    Field.S2E_ID, Field.TITLE, Field.DESCRIPTION, Field.PRIORITY, Field.STATUS,
    Field.ASSIGNED_TO, Field.DUE_DATE, Field.COMPLETED_AT, Field.ASSET_CODE, Field.ASSET_NAME,
}) | CMMS_OWNED  # fmt: skip
_ASSETS = frozenset({Field.ASSET_CODE, Field.ASSET_NAME})
_NEVER_BLANK = frozenset({Field.S2E_ID, Field.TITLE, Field.STATUS})
_NUMBER, _MAX_ID = re.compile(r"[1-9][0-9]{0,9}", re.ASCII), 2**31 - 1
_NO_CODE = {"", "/", "New"}  # what Odoo's sequences put in before there is a number


def capabilities(options: OdooOptions) -> Capabilities:
    """What can be read and written with these options."""
    asset = asset_field(options)
    reads = _ALWAYS | options.named().keys()
    if asset is not None:
        # A write of the one changes the other, too. If both were read, that would be reported as
        # drift.
        reads -= _ASSETS - {asset}
    writes = reads - CMMS_OWNED - (_ASSETS - {asset}) - set(options.read_only)
    return Capabilities(
        reads=reads,
        writes=writes,
        clears=writes - _NEVER_BLANK,
        creates=Field.S2E_ID in writes,
        creates_with=reads - {Field.COMPLETED_AT},  # it may need a second call
        filters_changes=True,
        change_resolution_s=1.0,
        longest_request_s=options.longest_call_s,
    )


class OdooAdapter(AdapterBase):
    """Odoo's maintenance requests. See the module text; errors as in `syncd.cmms.port`."""

    Options: ClassVar[type[OdooOptions]] = OdooOptions
    name = "odoo"
    verified = "live"  # Odoo 18, over JSON-RPC; JSON-2 only with a fake

    def __init__(self, rpc: Rpc, options: OdooOptions, base_url: str) -> None:
        self._rpc = rpc
        self.options = options
        self._base_url = base_url.rstrip("/")
        self._lookup = Lookup(rpc, options)
        by_identifier = options.field_s2e_id is None
        self._writer = RequestWriter(rpc, self._lookup, by_identifier=by_identifier)
        self._overlap = timedelta(minutes=options.overlap_minutes)
        self._learned: Learned = NO_LEARNED
        self._model: OdooModel | None = None
        self.unread: dict[str, RemoteError] = {}
        self.nameless: dict[str, str] = {}
        self.capabilities = capabilities(options)

    @classmethod
    def from_options(cls, options: OdooOptions, context: AdapterContext) -> "OdooAdapter":
        """Make the adapter. It sends nothing yet. Raises ConfigurationError."""
        return cls(open_rpc(options, context), options, options.url or "")

    # ── the port ──────────────────────────────────────────────────────────────────────────

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        """Yield records written at or after `changed_since` less the overlap, sorted by id.

        Where an answer is too large to be read, the page is requested again with fewer records.
        The end is an empty page, not a short one: Odoo leaves out of a page what was deleted
        while it was read.
        """
        self.unread, self.nameless = {}, {}
        since: list[Any] = []
        if changed_since is not None:
            since = [["write_date", ">=", wire_time(changed_since - self._overlap)]]
        last, size = 0, self.options.page_size
        numbers: dict[str, str] = {}  # by the id that people use
        while True:
            try:
                rows = self._page([*since, ["id", ">", last]], size)
            except UnexpectedContent as error:
                if size == 1 or error.status != 200:
                    raise
                size = max(size // 4, 1)
                continue
            if not rows:
                return
            ids = [last, *(row["id"] for row in rows)]
            if any(after <= before for before, after in pairwise(ids)):
                raise UnexpectedContent("Odoo does not sort requests by id", side="cmms")
            last = rows[-1]["id"]
            for record in self._records(rows):
                number = str(record.native["id"])
                if numbers.setdefault(record.cmms_id, number) == number:
                    yield record
                    continue
                self.unread[record.cmms_id] = self._not_unique(
                    f"requests {numbers[record.cmms_id]} and {number} are both called "
                    f"{record.cmms_id}"
                )

    def _not_unique(self, what: str) -> UnexpectedContent:
        """The error of several requests with one name. It is about these, and not about others."""
        return UnexpectedContent(
            f"{what}; {self.options.field_external_id} has to be unique",
            side="cmms",
            status=200,
            may_have_applied=False,
        )

    def get(self, cmms_id: str) -> CmmsRecord:
        """Read one record by its id, or by the number that people use. Raises NotFound."""
        return self._records([self._row(cmms_id)])[0]

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        """Read the records with this Scan2Evolve id; several where people have copied one."""
        self._opened()
        return self._records(self._rows(self._lookup.having(s2e_id)))

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        """Make the request, or return the one that carries this id already."""
        with unwritten():
            model = self._opened()
            for record in self.find(s2e_id):
                return record
        number = self._writer.create(s2e_id, fields, model)
        with written(f"request {number}"):
            return self._records([self._by_number(number)])[0]

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        """Write `fields` if the record still holds `expected`. See the module text.

        Raises Changed, NotFound.
        """
        return self._update(None, cmms_id, fields, expected)

    def update_carrying(
        self, s2e_ids: Collection[str | None], cmms_id: str, fields: Fields, expected: Fields
    ) -> CmmsRecord:
        """See `port.update_carrying`: the read before the write shows the id."""
        return self._update(s2e_ids, cmms_id, fields, expected)

    def effects_of(self, fields: Fields, record: CmmsRecord | None) -> WriteEffects:
        """See `port.effects_of`: a request that comes to a done stage gets its close date."""
        stamped = Field.STATUS in fields and Field.COMPLETED_AT in self.capabilities.reads
        return WriteEffects(frozenset({Field.COMPLETED_AT} if stamped else ()))

    def _update(
        self,
        s2e_ids: Collection[str | None] | None,
        cmms_id: str,
        fields: Fields,
        expected: Fields,
    ) -> CmmsRecord:
        can = self.capabilities
        beyond = {
            name for name, value in fields.items() if value is None and name not in can.clears
        }
        beyond |= fields.keys() - can.writes
        if beyond:
            raise Refused(f"{', '.join(sorted(beyond))} cannot be written so here", side="cmms")
        with unwritten():
            row = self._row(cmms_id)
            (held,) = self._records([row])
            if s2e_ids is not None:
                require_identity(held, s2e_ids)
        moved = [name for name in expected if not same(held.fields.get(name), expected[name])]
        if moved:
            raise Changed(
                f"request {cmms_id} has another {', '.join(moved)} than we read", side="cmms"
            )
        if not self._writer.update(row, fields, held.s2e_id, self._opened()):
            return held
        with written(f"request {cmms_id}"):
            return self._records([self._by_number(row["id"])])[0]

    def now(self) -> datetime | None:
        """See `AdapterBase.now`."""
        return self._rpc.now()

    def check(self) -> str:
        """The line of `syncd check`: server, database and stages. Raises AccessRefused for a
        missing right."""
        version = self._rpc.version()
        stages = model_of(self.learn(), self.options).stages
        for operation in ("read", "write", *(["create"] if self.capabilities.creates else [])):
            if not self._rpc.may(REQUEST, operation):
                raise AccessRefused(
                    f"the user may not {operation} maintenance requests; give it the group "
                    "Maintenance: Equipment Manager",
                    side="cmms",
                )
        line = f"Odoo {version}, {self._rpc.where()}; stages: {stages.described()}"
        if not self._rpc.may(STAGE, "write"):
            line += (
                "; the user is no Maintenance: Equipment Manager, and sees only the requests it "
                "made, follows or is assigned to"
            )
        return line

    def close(self) -> None:
        self._rpc.close()

    # ── what was learned, and what depends on it ──────────────────────────────────────────

    @property
    def mapping_hash(self) -> str:  # type: ignore[override]
        """See `AdapterBase`. Of the options, and of what the pinned stages stand for."""
        return "" if self._model is None else mapping_hash(self.options, self._model)

    def learn(self) -> Learned:
        """See `AdapterBase.learn`."""
        self._learned = learn(self._rpc, self.options, self.capabilities.writes)
        return self._learned

    def meanings(self, learned: Learned) -> Meanings:
        """See `AdapterBase.meanings`: what each stage is read as, and which one is written."""
        return {Field.STATUS: model_of(learned, self.options).stages.meanings()}

    def pin(self, learned: Learned) -> None:
        """See `AdapterBase.pin`. The types of fields are taken as the server has them now: an
        option may name one that was not read before."""
        types = {**learned["fields"], **self._learned.get("fields", {})}
        self._model = model_of({**learned, "fields": types}, self.options)

    def settled(self, name: Field, value: Value) -> Value | Unwritable:
        """See `AdapterBase.settled`."""
        return value if self._model is None else kept_value(name, value, self._model)

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        """See `AdapterBase.read_native`. Before syncd kept what stands beside a request, a record
        did not tell that."""
        model = self._opened()
        record = self._record(native, model)
        held = fields_held(native, model)
        if self.options.field_external_id in {None, *native}:
            held.add(Field.EXTERNAL_ID)
        beside = native.get(BESIDE)
        if isinstance(beside, Mapping):
            held |= {Field.S2E_ID, Field.ASSIGNED_TO, Field.ASSET_NAME, Field.EXTERNAL_URL}
            equipment = beside["equipment"]
            if equipment is None or self._lookup.code in equipment:
                held.add(Field.ASSET_CODE)
            if beside["language"] != self.options.language:
                held.discard(Field.EXTERNAL_STATUS)  # the stage's name is of that language
            if beside["ids_in"] != self.options.field_s2e_id:
                held.discard(Field.S2E_ID)
        return replace(
            record, fields={name: it for name, it in record.fields.items() if name in held}
        )

    # ── reading ───────────────────────────────────────────────────────────────────────────

    def _opened(self) -> OdooModel:
        """What is pinned; in the hands of a command that pins nothing, what the server says."""
        if self._model is None:
            self.pin(self.learn())
        return self._model  # type: ignore[return-value]

    def _page(self, domain: list[Any], limit: int) -> list[dict[str, Any]]:
        """The rows of a page; what among them has no id is kept as nameless."""
        rows, bad = split_rows(self._search(domain, limit))
        for row in bad:
            self.nameless[f"{row!r:.80}"] = f"{REQUEST}, in the order of id"
        return rows

    def _rows(self, domain: list[Any], limit: int | None = None) -> list[dict[str, Any]]:
        return rows_of(self._search(domain, limit))

    def _search(self, domain: list[Any], limit: int | None) -> Any:
        return self._rpc.call(
            REQUEST,
            "search_read",
            domain=domain,
            fields=sorted({*NEEDED, *self._opened().types}),
            limit=limit,
            order="id asc",
            context={"active_test": False},
        )

    def _by_number(self, number: int) -> dict[str, Any]:
        rows = self._rows([["id", "=", number]])
        if not rows:
            raise NotFound(f"there is no request {number} in Odoo", side="cmms")
        return rows[0]

    def _row(self, cmms_id: str) -> dict[str, Any]:
        field = self.options.field_external_id
        if field is not None:
            rows = self._rows([[field, "=", cmms_id]], 2)
            if len(rows) > 1:
                raise self._not_unique(f"several requests are called {cmms_id}")
            if rows and self._called(rows[0]) == cmms_id:
                return rows[0]
        if _NUMBER.fullmatch(cmms_id) and int(cmms_id) <= _MAX_ID:
            row = self._by_number(int(cmms_id))
            if self._called(row) == cmms_id:
                return row
        raise NotFound(f"there is no request {cmms_id} in Odoo", side="cmms")

    def _called(self, row: Row) -> str:
        field = self.options.field_external_id
        code = str(row.get(field) or "").strip() if field is not None else ""
        return str(row["id"]) if code in _NO_CODE else code

    def _records(self, rows: Sequence[Row]) -> list[CmmsRecord]:
        model = self._opened()
        ids = self._lookup.s2e_ids(rows)
        users, equipment = self._lookup.referred(rows)
        records = []
        for row in rows:
            user, asset = reference(row.get("user_id")), reference(row.get("equipment_id"))
            beside = {
                "s2e_id": ids.get(row["id"]),
                "person": users.get(user) if user is not None else None,
                "equipment": equipment.get(asset) if asset is not None else None,
                "language": self.options.language,
                "ids_in": self.options.field_s2e_id,
                "url": self._base_url,
            }
            record = self._record(kept_row(row, model, beside), model)
            records.append(replace(record, updated_at=read_changed(row)))
        return records

    def _record(self, native: Row, model: OdooModel) -> CmmsRecord:
        """A record from its native values; nobody is asked."""
        beside = native.get(BESIDE, {})
        person, spelled = self._lookup.person(beside.get("person"))
        fields = read_fields(native, model)
        fields |= self._lookup.asset(beside.get("equipment"))
        fields[Field.S2E_ID] = beside.get("s2e_id")
        fields[Field.ASSIGNED_TO] = person
        fields[Field.EXTERNAL_ID] = self._called(native)
        fields[Field.EXTERNAL_URL] = (
            f"{beside.get('url')}/web#id={native['id']}&model={REQUEST}&view_type=form"
        )
        classes = {Field.STATUS: read_status(native, model)[1], Field.ASSIGNED_TO: spelled}
        return CmmsRecord(
            cmms_id=self._called(native),
            s2e_id=beside.get("s2e_id"),
            fields={name: fields[name] for name in fields if name in self.capabilities.reads},
            native=native,
            equivalents={name: names for name, names in classes.items() if names},
        )
