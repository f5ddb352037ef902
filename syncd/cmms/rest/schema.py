"""What a mapping of kind rest/1 can say. `docs/rest.md` is written from these descriptions.

Whether the parts go together is told by `checks`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import (
    Auth,
    CallSpec,
    Choice,
    Headers,
    Paging,
    Part,
    Query,
    ReadPlace,
    ReadPlaceHere,
    Rule,
    Seconds,
    SendPlace,
    Window,
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
        None, description="the zone of a naive one; default: as fields.updated_at"
    )
    overlap_s: Seconds = Field(0, description="asked for so much earlier than the newest seen")
    resolution_s: Seconds = Field(1, description="how finely the CMMS stamps and compares")
    everything: str | None = Field(
        None, description="{since} of a whole read, where the list cannot do without"
    )


class ListCall(CallSpec):
    items: str = Field(description='JMESPath of the records; "@" for a bare list')
    items_missing: Literal["error", "empty"] = Field(
        "error", description="empty: an answer without them has none"
    )
    page: Paging = Field(description="how it comes in pages")
    since: Since | None = Field(None, description="how to ask for what changed; none: all, always")
    where: str | None = Field(None, description="JMESPath: records that are ours to look at")
    then: Literal["item", "get"] = Field(
        "item", description="get: each listed record is read again by its id"
    )


class MoreCall(CallSpec):
    at: str = Field("@", description="JMESPath of what is put under its name")
    items: str | None = Field(None, description="JMESPath of a list, instead of at")
    missing: Literal["error", "empty"] = Field(
        "error", description="empty: where there is nothing (404), the record has none"
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
        "error", description="empty: an answer without them has none"
    )
    page: Paging | None = Field(None, description="where the search is not exact, how it goes on")
    then: Literal["item", "get"] = Field("item", description="get: each hit is read by its id")


# ── writes ────────────────────────────────────────────────────────────────────────────────


class NewId(ReadPlace):
    after: str | None = Field(None, description="only what comes after the last of this text")
    until: str | None = Field(None, description="and before the first of this one")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.json_ is None) == (self.header is None):
            raise ValueError("give exactly one of json, header")
        return self

    @property
    def chosen(self) -> tuple[str, Any]:
        return ("json_", self.json_) if self.json_ is not None else ("header", self.header)


NewIdHere = Annotated[NewId, BeforeValidator(short)]


class CreateCall(CallSpec):
    fields: list[str] | None = Field(
        None,
        description="the fields it takes; default: those of plain steps; the others follow "
        "by their own",
    )
    under: str | None = Field(
        None, description="dotted path that the fields go below; json stays outside of it"
    )
    set: dict[str, Any] = Field(
        {}, description="values by dotted path, below under; may hold {s2e_id}"
    )
    id: NewIdHere = Field(description="where the new record's id is")
    address: ReadPlaceHere | None = Field(None, description="where its address is, if not the id")
    success: str | None = Field(
        None, description="JMESPath that is true in the answer to a create that was done"
    )
    then: Literal["get", "item"] = Field("get", description="item: the answer holds the record")
    item: str = Field("@", description="JMESPath of the record in the answer")


class WholeRecord(Part):
    take: str = Field("@", description="JMESPath of what is sent back, from the record")
    drop: list[str] = Field([], description="dotted paths that are not sent back")


def _whole(given: Any) -> Any:
    return {} if given is True else None if given is False else given


def _moves(given: Any) -> Any:
    """A number names the same value as its text."""
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
    form: Query | None = Field(None, description="the same, as a form")


class RowsCall(CallSpec):
    items: str = Field(description="JMESPath of the rows")
    where: str | None = Field(None, description="JMESPath: the rows that are written to")
    make: CallSpec | None = Field(
        None, description="the call that makes the row where there is none, with {value}"
    )


class UpdateStep(CallSpec):
    """One step of an update."""

    fields: list[str] = Field(min_length=1, description="the fields it writes")
    under: str | None = Field(
        None, description="dotted path that the fields go below; json stays outside of it"
    )
    set: dict[str, Any] = Field({}, description="values by dotted path, below under; may hold {id}")
    success: str | None = Field(
        None, description="JMESPath that is true in the answer to a write that was done"
    )
    carry: dict[str, str] = Field(
        {},
        description="dotted path below under: JMESPath; sent with every call of the step as the "
        "record holds it, or lost",
    )
    touches: list[str] = Field(
        [],
        description="fields that the CMMS sets by itself then, read-only ones too; "
        "a later step may write them",
    )
    whole: Annotated[WholeRecord | None, BeforeValidator(_whole)] = Field(
        None, description="the whole record is sent back with the changes in it"
    )
    moves: Annotated[dict[str, list[str] | dict[str, Any]] | None, BeforeValidator(_moves)] = Field(
        None,
        description="legal moves by native value, first where records begin: [target], or "
        "{target: name of the move}, which is {move}",
    )
    by_value: dict[str, CallSpec] | None = Field(
        None, description="of a status or a priority: an own call for each of our values"
    )
    append: AppendedRow | None = Field(
        None, description="hours as a new row: {delta}, never negative"
    )
    for_each: RowsCall | None = Field(
        None, description="lists the rows; the step's own request is made for each, {child.x}"
    )
    item: str | None = Field(None, description="for verify: reply, the record in the answer")
    lock: bool | None = Field(
        None, description="whether the lock guards it; default: not rows (append, for_each)"
    )
    reply: Literal["json", "any"] = Field("json", description="any: the answer need not be JSON")

    request: str = Field("", description="method and path; not with by_value")


class VersionLock(Part):
    read: str = Field(description="JMESPath of the version in the record")
    send: SendPlace = Field(description="where it goes")


class EtagLock(Part):
    send: str = Field("If-Match", description="the header that it is sent in")
    read: str | None = Field(None, description="JMESPath, where the record holds it")


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
    auth: Auth | None = Field(None, description="who we are; exactly one kind")
    headers: Headers = Field({}, description="on every call; an empty one is left out")
    query: Query = Field({}, description="on every call")
    limits: Annotated[list[Window], BeforeValidator(listed)] = Field(
        [], description="rate limits, one or several; Retry-After is always honoured"
    )
    errors: list[Rule] = Field([], description="what answers mean; the first that fits")
    message: str | None = Field(None, description="JMESPath of an error's text")
    login_again: list[int] = Field(
        [401], description="statuses after which the token is renewed once"
    )
    list_: ListCall = Field(alias="list", description="how records are listed")
    get: GetCall = Field(description="how one is read by its id")
    find: FindCall | Literal["none", "scan"] = Field(
        description="by its s2e_id; none: cannot; scan: the whole list is looked through"
    )
    create: CreateCall | None = Field(None, description="how one is made; without: none is")
    update: list[UpdateStep] = Field([], description="the steps of a change, in order")
    lock: Lock | None = Field(None, description="the CMMS's own guard against lost updates")
    verify: Literal["get", "reply"] = Field(
        "get", description="what update returns: the record read again, or as answered"
    )
    deleted: str | None = Field(None, description="JMESPath: reads as gone")
    status_needs: dict[str, list[str]] = Field(
        {}, description="fields that a status must be written with"
    )
    method_override: str | None = Field(
        None, description="header that carries PATCH, PUT, DELETE; sent as POST"
    )
    deadline_s: float = Field(30, gt=0, le=600, description="for one request, whole")
