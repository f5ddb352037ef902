"""An answer that means success: its JSON, and what the mapping's expressions find in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jmespath.exceptions import JMESPathError

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.blocks import ReadPlace, TotalPlace
from syncd.cmms.rest.mask import SHOWN, Mask
from syncd.errors import UnexpectedContent
from syncd.http import Response, parse_json

SIDE = "cmms"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that means success.

    Attributes:
        where: the request, for error messages: `GET acme.example/wo/1`.
        body: the JSON; None for an empty body.
        empty: whether a rule of the mapping takes this answer for an empty list.
    """

    where: str
    response: Response
    body: Any
    empty: bool = False

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    def search(self, expression: Expression) -> Any:
        """What the expression finds in the body. Raises UnexpectedContent if it fails there."""
        return search(expression, self.body, self.where)

    def read(self, place: ReadPlace | TotalPlace) -> Any:
        """The value at a place of the mapping; None if there is none."""
        name, at = place.chosen
        if name == "json_":
            return self.search(Expression.parse(at))
        if name == "header":
            return self.headers.get(at.lower())
        _, _, total = self.headers.get("content-range", "").rpartition("/")
        return total if total.isdigit() else None

    def list_at(self, expression: Expression, *, null_is_empty: bool = False) -> list[Any]:
        """The list that the expression finds. Raises UnexpectedContent where that is no list."""
        if self.empty:
            return []
        rows = self.search(expression)
        if rows is None and null_is_empty:
            return []
        if not isinstance(rows, list):
            raise self.unexpected(f"holds no list at {expression.text}")
        return rows

    def unexpected(self, what: str) -> UnexpectedContent:
        """The error for an answer that cannot be right. `what` goes on after the request."""
        return UnexpectedContent(
            f"{self.where} {what}", side=SIDE, status=self.response.status, may_have_applied=False
        )


def success(response: Response, where: str, mask: Mask, *, needs_json: bool = True) -> Reply:
    """The reply that this answer is.

    Raises UnexpectedContent for what is neither empty nor JSON: a sign-in page with status 200 is
    no success.
    """
    if not response.body.strip():
        return Reply(where, response, None)
    if not needs_json:
        return Reply(where, response, json_or_none(response))
    try:
        return Reply(where, response, parse_json(response, side=SIDE, where=where))
    except UnexpectedContent as error:
        raise UnexpectedContent(
            mask.text(str(error)), side=SIDE, status=error.status, request_id=error.request_id
        ) from None


def json_or_none(response: Response) -> Any:
    """The JSON of an answer; None where it is empty or no JSON."""
    if not response.body.strip():
        return None
    try:
        return parse_json(response, side=SIDE, where="")
    except UnexpectedContent:
        return None


def search(expression: Expression, document: Any, where: str) -> Any:
    """What the expression finds in a document. Raises UnexpectedContent if it fails there.

    Args:
        where: what the document is, for the message.
    """
    try:
        return expression.search(document)
    except JMESPathError as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UnexpectedContent(
            f"{where}: {expression.text} fails on what was answered: {why[:SHOWN]}",
            side=SIDE,
            may_have_applied=False,
        ) from None


def holds(expression: Expression, document: Any, where: str) -> bool:
    """Whether a condition of the mapping is true. Null, 0 and what is empty are false.

    Raises UnexpectedContent for a text, which is neither true nor false: it could be "false".
    """
    value = search(expression, document, where)
    if isinstance(value, str) and value:
        raise UnexpectedContent(
            f"{where}: {expression.text} is {value!r:.40} instead of true or false; compare it "
            "with something",
            side=SIDE,
            may_have_applied=False,
        )
    return bool(value)
