"""The acme adapter: work orders of Acme over its API."""

from collections.abc import Iterator
from datetime import datetime

from syncd.cmms.http import JsonApi, JsonObject, TokenOptions, refuse_blanks
from syncd.cmms.load import AdapterContext
from syncd.cmms.port import AdapterBase, Capabilities
from syncd.core import values
from syncd.core.work_order import CmmsRecord, Field, Fields, Status, Unreadable

NAMES = {  # our field: its name there
    Field.S2E_ID: "external_ref",
    Field.TITLE: "name",
    Field.PRIORITY: "priority",
    Field.STATUS: "state",
    Field.RESOLUTION: "solution",
    Field.COMPLETED_AT: "done_at",
    Field.ACTUAL_HOURS: "hours",
}
STATES = {  # their state: ours; of several, the first is the one that is read
    "open": (Status.ASSIGNED, Status.DRAFT),
    "working": (Status.IN_PROGRESS, Status.ON_HOLD),
    "done": (Status.COMPLETED, Status.CANCELLED),
}


class AcmeAdapter(AdapterBase):
    Options = TokenOptions  # SYNCD_CMMS_URL, SYNCD_CMMS_TOKEN; others need a `mapping_hash`
    name, verified = "acme", "docs"  # verified against: live, spec or docs
    capabilities = Capabilities(
        reads=frozenset(NAMES),
        writes=frozenset(NAMES),
        clears=frozenset({Field.RESOLUTION, Field.COMPLETED_AT, Field.ACTUAL_HOURS}),
        filters_changes=True,
        change_resolution_s=0.001,
        index_lag_s=5,  # so long its search may miss a new record
    )

    def __init__(self, options: TokenOptions, context: AdapterContext) -> None:
        self._api = JsonApi(options, context, error_key="error")

    @classmethod
    def from_options(cls, options: TokenOptions, context: AdapterContext) -> "AcmeAdapter":
        return cls(options, context)

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        query = {"since": values.format_time(changed_since)} if changed_since else {}
        after: str | None = ""  # pages by id, so that edits meanwhile hide nothing
        while after is not None:
            records, after = self._api.call(_page, "GET", "orders", query={**query, "after": after})
            yield from records

    def get(self, cmms_id: str) -> CmmsRecord:
        return self._api.call(_read, "GET", "orders", cmms_id)

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        hits, _ = self._api.call(_page, "GET", "orders", query={"search": s2e_id})
        return [record for record in hits if record.s2e_id == s2e_id]  # it searches loosely

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        for record in self.find(s2e_id):
            return record
        return self._api.call(_read, "POST", "orders", body=_body({**fields, Field.S2E_ID: s2e_id}))

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        if not fields:
            return self.get(cmms_id)
        refuse_blanks(fields, self.capabilities.clears)
        return self._api.call(_read, "PATCH", "orders", cmms_id, body=_body(fields))

    def close(self) -> None:
        self._api.close()


def _body(fields: Fields) -> dict[str, object]:  # what is cut or rounded: say so in `settled`
    body = {NAMES[name]: values.encode_value(value) for name, value in fields.items()}
    if Field.STATUS in fields:
        body["state"] = next(it for it, ours in STATES.items() if fields[Field.STATUS] in ours)
    return body


def _page(answer: JsonObject) -> tuple[list[CmmsRecord], str | None]:
    return [_read(row) for row in answer["items"]], answer["next"]


def _read(row: JsonObject) -> CmmsRecord:
    fields = {name: values.parse_value(name, row.get(there)) for name, there in NAMES.items()}
    ours = STATES.get(row["state"], ())
    fields[Field.STATUS] = ours[0] if ours else Unreadable(row["state"], "is no known state")
    return CmmsRecord(
        cmms_id=row["id"],
        s2e_id=row.get("external_ref") or None,
        fields=fields,
        native=row,
        equivalents={Field.STATUS: frozenset(ours)} if ours else {},
        updated_at=values.canonical_time(datetime.fromisoformat(row["updated_at"])),
    )
