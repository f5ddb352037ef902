"""One request: a call of the mapping with every placeholder filled in, ready to be sent."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from syncd.cmms.mapping.values.paths import parse_path, put
from syncd.cmms.rest.blocks import CallSpec, SendPlace
from syncd.cmms.rest.placeholders import Values, fill, fill_path, fill_text, text_of
from syncd.errors import ConfigurationError

_REQUEST = re.compile(r"(GET|POST|PUT|PATCH|DELETE|QUERY) (\S.*)")
_OVERRIDDEN = frozenset({"PUT", "PATCH", "DELETE"})


def split_request(text: str) -> tuple[str, str] | None:
    """Split `GET /workorders` into method and path; None: the text is no request."""
    match = _REQUEST.fullmatch(text.strip())
    return None if match is None else (match.group(1), match.group(2).strip())


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request with every placeholder filled in.

    Attributes:
        path: percent-encoded; it may hold a query of its own, or be a whole URL.
        query: (name, text), in order; a name may come twice.
        json: the JSON body; None for none. It is not sent where there is a `form`.
        verbatim: whether the path is a link that the CMMS gave, whose query is complete.
        address: whether the path is an address that the CMMS gave: whole, or from its root.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] | None = None
    verbatim: bool = False
    address: bool = False

    @property
    def target(self) -> str:
        """Path and query, as they are sent."""
        if not self.query:
            return self.path
        sign = "&" if "?" in self.path else "?"
        return f"{self.path}{sign}{urlencode(self.query, quote_via=quote, safe='')}"

    @property
    def body(self) -> tuple[str, bytes] | None:
        """The body's content type and bytes; None: there is no body."""
        if self.form is not None:
            pairs = [(key, text) for key, value in self.form.items() for text in _all(value)]
            return "application/x-www-form-urlencoded", urlencode(pairs).encode()
        if self.json is None:
            return None
        return "application/json", json.dumps(self.json, ensure_ascii=False).encode()

    def sending(self, send: SendPlace, value: Any) -> "PreparedRequest":
        """The same request with a value at this place."""
        where, name = send.chosen
        match where:
            case "query":
                kept = tuple(pair for pair in self.query if pair[0] != name)
                return replace(self, query=(*kept, (name, text_of(value))))
            case "header":
                return replace(self, headers={**self.headers, name: text_of(value)})
            case "form":
                return replace(self, form={**(self.form or {}), name: value})
        return replace(self, json=with_value(self.json, name, value))

    def merged(
        self, query: Mapping[str, Any], headers: Mapping[str, str], body: Any, form: Any
    ) -> "PreparedRequest":
        """The same request with more of everything. JSON objects are merged key by key, lists are
        joined."""
        names = set(query)
        kept = tuple(pair for pair in self.query if pair[0] not in names)
        return replace(
            self,
            query=(*kept, *pairs_of(query)),
            headers={**self.headers, **headers},
            json=self.json if body is None else merge(self.json, body),
            form=self.form if form is None else {**(self.form or {}), **form},
        )

    def overridden(self, header: str | None) -> "PreparedRequest":
        """The same request sent as POST, with its own method in this header.

        It stays as it is where there is no such header, or where the method is GET or POST.
        """
        if header is None or self.method not in _OVERRIDDEN:
            return self
        return replace(self, method="POST", headers={**self.headers, header: self.method})


def prepare(call: CallSpec, values: Values) -> PreparedRequest:
    """Fill in a call of the mapping. Raises Refused for a value that it cannot hold."""
    parts = split_request(call.request)
    if parts is None:
        raise ValueError(f"{call.request!r} is no request")  # `check.mapping` refuses it at load
    method, path = parts
    return PreparedRequest(
        method=method,
        path=fill_path(path, values),
        address=path == "{address}",
        query=pairs_of(filled(call.query, values)),
        headers={name: fill_text(text, values) for name, text in call.headers.items()},
        json=fill(call.json_, values),
        form=None if call.form is None else filled(call.form, values),
    )


def filled(query: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """Fill in a query or a form. Every value becomes a list of texts."""
    return {
        fill_text(name, values): [fill_text(text_of(item), values) for item in _all(value)]
        for name, value in query.items()
    }


def pairs_of(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The query as (name, text). A list becomes several of one name."""
    return tuple((name, text_of(item)) for name, value in query.items() for item in _all(value))


def _all(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def merge(one: Any, other: Any) -> Any:
    """Put two JSON values into one: objects key by key, lists one after the other. Of anything
    else the second counts.

    >>> merge({"a": [1], "b": 1}, {"a": [2], "b": 2})
    {'a': [1, 2], 'b': 2}
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return {
            **one,
            **{key: merge(one[key], item) if key in one else item for key, item in other.items()},
        }
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other


def overlay(one: Any, other: Any) -> Any:
    """Lay one JSON value over another: objects key by key. Of anything else, lists too, the second
    counts.

    >>> overlay({"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}})
    {'a': {'b': 1, 'c': [2]}}
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return {**one, **{key: overlay(one.get(key), item) for key, item in other.items()}}
    return other


def with_value(body: Any, path: str, value: Any) -> Any:
    """A copy of the body with a value at this dotted path.

    Raises ConfigurationError where the body holds a list or a value in the way.
    """
    made: dict[str, Any] = deepcopy(body) if isinstance(body, dict) else {}
    try:
        put(made, parse_path(path), value)
    except ValueError as error:
        raise ConfigurationError(f"the mapping: {error}") from None
    return made
