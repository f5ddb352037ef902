"""All that a mapping of kind rest/1 can hold.

The tables of docs/reference/mapping-rest.md are written from here.
The modules of `check` tell whether the parts of a mapping go together.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from syncd.cmms.mapping.blocks import Part
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import (
    AnswerRule,
    Auth,
    CallSpec,
    Choice,
    Headers,
    Paging,
    Query,
    RateWindow,
    ReadPlace,
    ReadPlaceHere,
    Seconds,
    SendPlace,
    listed,
    short,
)


class Since(Part):
    query: Query = Field({}, description="parameters with {since}")
    headers: Headers = Field({}, description="headers with {since}")
    json_: Any = Field(None, alias="json", description="merged into the body, with {since}")
    form: Query | None = Field(None, description="form fields with {since}")
    format: str | None = Field(
        None, description="how {since} is spelled; default: as fields.updated_at"
    )
    zone: str | None = Field(
        None,
        description="the zone of a {since} without an offset; default: as fields.updated_at",
    )
    overlap_s: Seconds = Field(
        0, description="seconds that {since} lies before the newest change that was seen"
    )
    resolution_s: Seconds = Field(
        1, description="seconds: how finely the CMMS stamps and compares changes"
    )
    everything: str | None = Field(
        None, description="{since} of a whole read, where the list cannot be asked without it"
    )


class ListCall(CallSpec):
    items: str = Field(description='JMESPath of the records; "@" for a bare list')
    items_missing: Literal["error", "empty"] = Field(
        "error", description="empty: an answer without a list holds no records"
    )
    page: Paging = Field(description="how the list comes in pages")
    since: Since | None = Field(
        None, description="how to ask for what changed; default: every read is a whole one"
    )
    where: str | None = Field(
        None, description="JMESPath that is true of the records that concern syncd"
    )
    then: Literal["item", "get"] = Field(
        "item", description="get: each listed record is read again by its id"
    )


class MoreCall(CallSpec):
    at: str = Field("@", description="JMESPath of what is put under its name")
    items: str | None = Field(None, description="JMESPath of a list, instead of at")
    missing: Literal["error", "empty"] = Field(
        "error", description="what a 404 means; empty: the record has none"
    )


class GetCall(CallSpec):
    item: str = Field(
        "@",
        description="JMESPath of the record; where null means that there is none, say so in errors",
    )
    items: str | None = Field(None, description="JMESPath of a list of one, instead of item")
    more: dict[str, MoreCall] = Field(
        {},
        max_length=5,
        description="name: another request for each record, whose answer is put under that name; "
        "{id}, {address}, {record.x}",
    )


class FindCall(CallSpec):
    items: str = Field(description='JMESPath of the hits; "@" for a bare list')
    items_missing: Literal["error", "empty"] = Field(
        "error", description="empty: an answer without a list holds no hits"
    )
    page: Paging | None = Field(
        None, description="how the hits come in pages, where the search is not exact"
    )
    then: Literal["item", "get"] = Field("item", description="get: each hit is read by its id")


# ── writes ────────────────────────────────────────────────────────────────────────────────


class NewId(ReadPlace):
    after: str | None = Field(
        None, description="the id begins after the last occurrence of this text"
    )
    until: str | None = Field(
        None, description="the id ends before the first occurrence of this text"
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.json_ is None) == (self.header is None):
            raise ValueError("give exactly one of json, header")
        return self

    @property
    def chosen(self) -> tuple[str, Any]:
        return ("json_", self.json_) if self.json_ is not None else ("header", self.header)


NewIdHere = Annotated[NewId, BeforeValidator(short)]


class WriteCall(CallSpec):
    """What a create and a step of an update have in common."""

    under: str | None = Field(
        None, description="dotted path that the fields go below; json stays outside of it"
    )
    set: dict[str, Any] = Field(
        {},
        description="values by dotted path, below under; may hold {s2e_id}, and {id} in an update",
    )
    success: str | None = Field(
        None, description="JMESPath that is true in the answer to a write that was done"
    )


class CreateCall(WriteCall):
    fields: list[str] | None = Field(
        None,
        description="the fields it takes; default: those of plain steps; all others are written "
        "afterwards by their steps",
    )
    id: NewIdHere = Field(description="where the new record's id is")
    address: ReadPlaceHere | None = Field(
        None, description="where its address is, if that is not the id"
    )
    then: Literal["get", "item"] = Field("get", description="item: the answer holds the record")
    item: str = Field("@", description="JMESPath of the record in the answer")


class WholeRecord(Part):
    take: str = Field("@", description="JMESPath of what is sent back, from the record")
    drop: list[str] = Field([], description="dotted paths that are not sent back")


def _whole(given: Any) -> Any:
    return {} if given is True else None if given is False else given


def _moves(given: Any) -> Any:
    """Take a number for the same value as its text."""
    if not isinstance(given, dict):
        return given
    return {
        start: [native_key(it) if _is_number(it) else it for it in targets]
        if isinstance(targets, list)
        else targets
        for start, targets in given.items()
    }


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


class AppendedRow(Part):
    json_: Any = Field(None, alias="json", description="the new row, with {delta}")
    form: Query | None = Field(None, description="the new row as a form")


class RowsCall(CallSpec):
    items: str = Field(description="JMESPath of the rows")
    where: str | None = Field(None, description="JMESPath that is true of the rows to write to")
    make: CallSpec | None = Field(
        None, description="the call that makes the row where there is none, with {value}"
    )


class UpdateStep(WriteCall):
    """One step of an update."""

    fields: list[str] = Field(min_length=1, description="the fields it writes")
    carry: dict[str, str] = Field(
        {},
        description="dotted path below under: JMESPath of a part of the record; it is sent along "
        "as it was read with every call of the step, where the CMMS would lose it otherwise",
    )
    touches: list[str] = Field(
        [],
        description="fields that the CMMS then sets by itself, also those that are only read; "
        "a later step may write them",
    )
    whole: Annotated[WholeRecord | None, BeforeValidator(_whole)] = Field(
        None, description="the whole record is sent back with the changes in it"
    )
    moves: Annotated[dict[str, list[str] | dict[str, Any]] | None, BeforeValidator(_moves)] = Field(
        None,
        description="legal moves by native value, first the one that records begin with: "
        "[target], or {target: name of the move}, which is {move}",
    )
    by_value: dict[str, CallSpec] | None = Field(
        None, description="of a status or a priority: a call of its own for each of our values"
    )
    append: AppendedRow | None = Field(
        None, description="hours as a new row: {delta}, never negative"
    )
    rows: RowsCall | None = Field(
        None,
        alias="for_each",
        description="lists the rows; the step's own request is made for each, {child.x}",
    )
    item: str | None = Field(
        None, description="JMESPath of the record in the answer, for verify: reply"
    )
    lock: bool | None = Field(
        None, description="whether the lock guards it; default: true, but for append and for_each"
    )
    reply: Literal["json", "any"] = Field("json", description="any: the answer need not be JSON")

    request: str = Field("", description="method and path; not with by_value")


class VersionLock(Part):
    read: str = Field(description="JMESPath of the version in the record")
    send: SendPlace = Field(description="where it goes")


class EtagLock(Part):
    send: str = Field("If-Match", description="the header that it is sent in")
    read: str | None = Field(
        None, description="JMESPath of the ETag in the record; default: the header of the answer"
    )


def _etag(given: Any) -> Any:
    return {"send": given} if isinstance(given, str) else given


class Lock(Choice):
    etag: Annotated[EtagLock | None, BeforeValidator(_etag)] = Field(
        None, description="the ETag of a read, sent in this header: If-Match"
    )
    version: VersionLock | None = Field(None, description="a version in the record")
    unmodified_since: Literal["updated_at"] | None = Field(
        None, description="the time of change, sent as If-Unmodified-Since"
    )


class RestMapping(Part):
    """The keys of a rest/1 mapping beside those that all mappings share."""

    base_url: str | None = Field(None, description="where the API is; default: SYNCD_CMMS_URL")
    auth: Auth | None = Field(None, description="how syncd signs in; exactly one kind")
    headers: Headers = Field({}, description="headers of every call; an empty one is left out")
    query: Query = Field({}, description="query parameters of every call")
    limits: Annotated[list[RateWindow], BeforeValidator(listed)] = Field(
        [], description="rate limits, one or several; Retry-After is always honoured"
    )
    errors: list[AnswerRule] = Field(
        [], description="rules for what an answer means; the first that fits counts"
    )
    message: str | None = Field(None, description="JMESPath of an error's text")
    login_again: list[int] = Field(
        [401], description="statuses after which the token is renewed once"
    )
    list_: ListCall = Field(alias="list", description="how records are listed")
    get: GetCall = Field(description="how a record is read by its id")
    find: FindCall | Literal["none", "scan"] = Field(
        description="how a record is found by its s2e_id; none: it cannot be; scan: the whole "
        "list is read"
    )
    create: CreateCall | None = Field(
        None, description="how a record is made; default: syncd makes none"
    )
    update: list[UpdateStep] = Field([], description="the steps of a change, in order")
    lock: Lock | None = Field(None, description="the CMMS's own guard against lost updates")
    verify: Literal["get", "reply"] = Field(
        "get",
        description="where the record after an update is taken from; get: it is read again; "
        "reply: the answer",
    )
    deleted: str | None = Field(None, description="JMESPath that is true of a deleted record")
    status_needs: dict[str, list[str]] = Field(
        {}, description="fields that a status must be written with"
    )
    method_override: str | None = Field(
        None, description="header that holds PATCH, PUT or DELETE; the request is sent as POST"
    )
    deadline_s: float = Field(30, gt=0, le=600, description="seconds for one whole request")
    longest_request_s: float | None = Field(
        None,
        gt=0,
        le=86400,
        description="seconds for which the CMMS may work on a request although nobody waits for "
        "its answer any more; at least deadline_s, and that if it is left out",
    )
