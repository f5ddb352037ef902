"""The smaller blocks of a mapping of kind rest/1: places, calls, credentials, limits, pages.

A block that stands in several places of a mapping, such as a call, is one class here. The whole
mapping is in `schema`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from syncd.cmms.mapping.blocks import Part, spelled

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Query = dict[str, Any]
Headers = dict[str, str]


class Choice(Part):
    """A block of which exactly one key is given."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self.model_fields_set
        if len(given) != 1:
            keys = ", ".join(spelled(type(self)))
            raise ValueError(
                f"give exactly one of {keys}" + (f", not {len(given)}" if given else "")
            )
        return self

    @property
    def chosen(self) -> tuple[str, Any]:
        """The attribute that is given, and its value."""
        (name,) = self.model_fields_set
        return name, getattr(self, name)


def short(given: Any) -> Any:
    """Take a bare text, where a place is expected, for a JMESPath into the body."""
    return {"json": given} if isinstance(given, str) else given


class ReadPlace(Choice):
    """Where an answer holds a value."""

    json_: str | None = Field(None, alias="json", description="JMESPath into the body")
    header: str | None = Field(None, description="a header's name")


class TotalPlace(Choice):
    """Where the answer of a list holds the number of all its records."""

    json_: str | None = Field(None, alias="json", description="JMESPath into the body")
    header: str | None = Field(None, description="a header's name")
    content_range: bool | None = Field(
        None, description="the number after the slash of Content-Range"
    )


ReadPlaceHere = Annotated[ReadPlace, BeforeValidator(short)]
TotalPlaceHere = Annotated[TotalPlace, BeforeValidator(short)]


class SendPlace(Choice):
    """Where a value goes in a request."""

    query: str | None = Field(None, description="a query parameter's name")
    json_: str | None = Field(None, alias="json", description="dotted path in the JSON body")
    form: str | None = Field(None, description="a form field's name")
    header: str | None = Field(None, description="a header's name")


class CallSpec(Part):
    """One request. Its texts may hold placeholders; which ones depends on where it stands."""

    request: str = Field(description="method and path, for example GET /workorders/{id}")
    query: Query = Field({}, description="query parameters; a list repeats the parameter")
    headers: Headers = Field(
        {}, description="headers, Content-Type and Accept too; an empty one is left out"
    )
    json_: Any = Field(None, alias="json", description="JSON body")
    form: Query | None = Field(None, description="form body")


# ── who we are ────────────────────────────────────────────────────────────────────────────


class Basic(Part):
    user: str = Field(description="user name or client id")
    password: str = Field(description="password or secret")


class NamedValue(Part):
    name: str = Field(description="the header's or parameter's name; json: its dotted path")
    value: str = Field(description="its value")


class TokenPlace(Part):
    """Where a token goes in every call. It goes to one of three places."""

    header: str | None = Field(
        None, description="the header that carries the token; default: Authorization"
    )
    query: str | None = Field(None, description="the query parameter that carries the token")
    json_: str | None = Field(
        None, alias="json", description="the token's dotted path in the JSON body of every call"
    )
    value: str | None = Field(
        None, description="what is sent; default: Bearer {token} in a header, else {token}"
    )

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if len(self.model_fields_set & {"header", "query", "json_"}) > 1:
            raise ValueError("give exactly one of header, query, json")
        return self

    @property
    def place(self) -> SendPlace:
        if self.query is not None:
            return SendPlace.model_validate({"query": self.query})
        if self.json_ is not None:
            return SendPlace.model_validate({"json": self.json_})
        return SendPlace.model_validate({"header": self.header or "Authorization"})

    @property
    def text(self) -> str:
        """The text that is sent, with {token} in it."""
        bare = self.query is not None or self.json_ is not None
        return self.value if self.value is not None else "{token}" if bare else "Bearer {token}"


_BEARER = TokenPlace.model_validate({})


class Oauth2(Part):
    token_url: str = Field(
        description="where tokens come from: a whole address, or a path below base_url"
    )
    grant: Literal["client_credentials", "refresh_token", "password"] = Field(
        description="the kind of exchange"
    )
    client_id: str = Field(description="the client's id")
    client_secret: str | None = Field(None, description="the client's secret")
    refresh_token: str | None = Field(None, description="for grant: refresh_token")
    username: str | None = Field(None, description="for grant: password")
    password: str | None = Field(None, description="for grant: password")
    scope: str | None = Field(None, description="the scope that is asked for")
    audience: str | None = Field(None, description="the audience that is asked for")
    send: Literal["body", "basic"] = Field(
        "body", description="whether the client's id and secret go into the form or a Basic header"
    )
    extra: dict[str, str] = Field({}, description="more fields of the form")
    send_token: TokenPlace = Field(_BEARER, description="how the token is sent")


class LoginCall(CallSpec):
    token: str | None = Field(None, description="JMESPath of the token in the answer")
    text: bool = Field(False, description="the answer's text is the token")
    token_header: str | None = Field(None, description="the answer's header that is the token")
    expires_in: str | None = Field(
        None,
        description="JMESPath of the token's life in seconds; where the answer holds the moment "
        "of its end, use lifetime_s",
    )
    lifetime_s: Seconds | None = Field(
        None, description="the token's life in seconds, where the answer does not hold it"
    )
    send: TokenPlace = Field(_BEARER, description="how the token is sent")


class Auth(Choice):
    bearer: str | None = Field(None, description="sent as Authorization: Bearer …")
    basic: Basic | None = Field(None, description="user and password")
    header: NamedValue | None = Field(None, description="any header")
    query: NamedValue | None = Field(None, description="a query parameter")
    json_: NamedValue | None = Field(
        None, alias="json", description="a value in the JSON body of every call"
    )
    oauth2: Oauth2 | None = Field(None, description="tokens of an OAuth2 server")
    login: LoginCall | None = Field(None, description="a request that answers with a token")


# ── how fast, and what an answer means ────────────────────────────────────────────────────


Until = Literal["seconds", "ms", "epoch", "epoch_ms", "date"]


class Reset(Part):
    header: str = Field(description="the header that says when the window ends")
    as_: Until = Field(
        alias="as", description="what it holds: the time that is left, or the moment of the end"
    )


class RateWindow(Part):
    """One rate limit."""

    per_minute: int | None = Field(None, ge=1, description="the most requests in a minute")
    remaining: str | None = Field(
        None, description="the header that says how many requests are left"
    )
    reset: Reset | None = Field(None, description="when the window ends")
    keep: int = Field(1, ge=0, description="how many requests are left to others")


def listed(given: Any) -> Any:
    """Take what is no list for a list of one."""
    return given if isinstance(given, list) else [given]


class BodyCode(Part):
    at: str = Field(description="JMESPath into the body")
    is_: Annotated[list[Any], BeforeValidator(listed)] = Field(
        alias="is", description="the value, or several"
    )


class BodyWait(Part):
    at: str = Field(description="JMESPath into the body")
    as_: Until = Field(
        alias="as", description="what it holds: the time that is left, or the moment of the end"
    )


Meaning = Literal[
    "ok",
    "empty",
    "expired",
    "credentials",
    "forbidden",
    "not_found",
    "changed",
    "throttled",
    "unreachable",
    "refused",
]


class AnswerRule(Part):
    """What an answer means. All conditions that are given have to be true of it."""

    status: Annotated[list[int], BeforeValidator(listed)] = Field(
        [], description="status code, or several"
    )
    body: str | None = Field(None, description="text that the body contains")
    code: BodyCode | None = Field(None, description="a value in the body")
    when: str | None = Field(
        None, description="JMESPath that is true; null, 0 and what is empty are not"
    )
    as_: Meaning = Field(alias="as", description="what it means")
    message: str | None = Field(None, description="JMESPath of the text to show")
    applied: bool | None = Field(
        None, description="for unreachable: whether a write may have taken effect (default: yes)"
    )
    wait: BodyWait | None = Field(None, description="for throttled: where the body says how long")


# ── lists ─────────────────────────────────────────────────────────────────────────────────

Advance = Literal["items", "size"]


class OffsetPaging(Part):
    send: SendPlace = Field(description="where the offset goes")
    value: str = Field("{offset}", description="what is sent: {offset}, or {from}-{to}")
    size: int = Field(ge=1, description="records in a page, as asked for in query")
    step: Advance = Field(
        "items",
        description="how far the offset moves: by the records that came, or by size (where pages "
        "are filtered)",
    )
    total: TotalPlaceHere | None = Field(None, description="where the total is")
    end: Literal["total", "short", "empty"] = Field(description="what ends the list")


class NumberPaging(Part):
    send: SendPlace = Field(description="where the page's number goes")
    first: int = Field(1, description="the first page's number")
    size: int | None = Field(None, ge=1, description="records in a page")
    more: str | None = Field(None, description="JMESPath: whether there are more pages")
    last: ReadPlaceHere | None = Field(None, description="where the number of pages is")
    total: TotalPlaceHere | None = Field(None, description="where the total is")
    end: Literal["more", "last", "total", "short", "empty"] = Field(
        description="what ends the list"
    )


class NextPaging(Part):
    """Pages that each name the next one."""

    read: ReadPlaceHere = Field(description="where the next page is named")
    size: int | None = Field(None, ge=1, description="records in a page")
    total: TotalPlaceHere | None = Field(None, description="where the total is")
    end: Literal["none", "short"] = Field(
        "none",
        description="what ends the list; none: a page that names no next one; short: such a page "
        "that is not full",
    )


class CursorPaging(NextPaging):
    send: SendPlace = Field(description="where the cursor goes")
    read: ReadPlaceHere = Field(description="where the next cursor is")
    more: str | None = Field(None, description="JMESPath: whether there are more pages")


class LinkPaging(NextPaging):
    read: ReadPlaceHere = Field(
        description="where the next address is; in the header Link: rel=next"
    )


class KeysetPaging(Part):
    by: str = Field(
        description="JMESPath of a record's id, which never changes and orders the list"
    )
    query: Query = Field({}, description="parameters with {last} (and {since})")
    json_: Any = Field(None, alias="json", description="merged into the body, with {last}")
    start: Any = Field("", description="what {last} is for the first page")
    size: int | None = Field(None, ge=1, description="records in a page")
    end: Literal["short", "empty"] = Field("empty", description="what ends the list")


class Paging(Choice):
    offset: OffsetPaging | None = Field(None, description="by offset")
    number: NumberPaging | None = Field(None, description="by page number")
    cursor: CursorPaging | None = Field(None, description="by an opaque cursor")
    link: LinkPaging | None = Field(
        None,
        description="by the next page's address (same origin only), which is asked for with the "
        "list's own method and body",
    )
    keyset: KeysetPaging | None = Field(None, description="by an id that never changes")
    none: bool | None = Field(None, description="true: the whole list comes in one answer")
