"""What an answer means: a table of the mapping's rules, and of defaults behind them.

    answer                        means          a write may have taken effect
    ───────────────────────────   ────────────   ─────────────────────────────
    2xx                           ok             yes
    401                           expired, then credentials    no
    403                           forbidden      no
    404, 410                      not_found      no
    409, 412                      changed        no
    429                           throttled      no
    408, 425, 5xx                 unreachable    yes
    other 4xx                     refused        no
    no connection                 unreachable    no
    no answer, reset, cut off     unreachable    yes

What an answer says is shown in one line of at most 200 characters, without our credentials.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from jmespath.exceptions import JMESPathError

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import ReadPlace, Rule, TotalPlace, Until
from syncd.errors import (
    AccessRefused,
    Changed,
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import Response, parse_json

SIDE = "cmms"
_SHOWN = 200  # characters of an answer's text
_SHORTEST = 4  # characters of a secret that are looked for in what a server says
_FORGING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_UNREACHABLE = frozenset({408, 425})
_GONE = frozenset({404, 410})
_CONFLICT = frozenset({409, 412})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that means success.

    Attributes:
        body: the JSON, None for an empty body.
        empty: a rule says that this answer stands for an empty list.
    """

    where: str
    response: Response
    body: Any
    empty: bool = False

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    def look(self, expression: Expression) -> Any:
        """What the expression finds in the body. Raises UnexpectedContent if it fails there."""
        return look(expression, self.body, self.where)

    def read(self, place: ReadPlace | TotalPlace) -> Any:
        """The value at a place of the mapping; None if it is not there."""
        name, at = place.chosen
        if name == "json_":
            return self.look(Expression.parse(at))
        if name == "header":
            return self.headers.get(at.lower())
        _, _, total = self.headers.get("content-range", "").rpartition("/")
        return total if total.isdigit() else None

    def unexpected(self, what: str) -> UnexpectedContent:
        return UnexpectedContent(
            f"{self.where} {what}", side=SIDE, status=self.response.status, may_have_applied=False
        )


def holds(expression: Expression, document: Any, where: str) -> bool:
    """Whether a condition of the mapping is true. Null, 0 and what is empty are false; a text is
    neither ("false" is one, too), and raises UnexpectedContent."""
    found = look(expression, document, where)
    if isinstance(found, str) and found:
        raise UnexpectedContent(
            f"{where}: {expression.text} tells {found!r:.40} instead of true or false; compare it",
            side=SIDE,
            may_have_applied=False,
        )
    return bool(found)


def look(expression: Expression, document: Any, where: str) -> Any:
    try:
        return expression.search(document)
    except JMESPathError as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UnexpectedContent(
            f"{where}: {expression.text} fails on what was answered: {why[:_SHOWN]}",
            side=SIDE,
            may_have_applied=False,
        ) from None


class Mask:
    """Replaces our credentials, in the forms that a server may quote them in.

    Args:
        hide: told each of them, for the logs.
    """

    def __init__(
        self, secrets: Collection[str], hide: Callable[[str], None] = lambda _secret: None
    ) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._hide = hide
        for secret in self._secrets:
            hide(secret)

    def add(self, secret: str) -> None:
        """Mask this one too: a token that was given out. The last few are kept."""
        self._hide(secret)
        self._secrets = [*self._secrets[-50:], secret]

    def text(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST:
                forms = {secret, quote(secret, safe=""), quote_plus(secret)}
                for form in forms | {json.dumps(secret)[1:-1]}:
                    text = text.replace(form, "***")
        return text

    def shown(self, text: str) -> str:
        """One line of at most so many characters."""
        line = " ".join(_FORGING.sub(" ", self.text(text)).split())
        return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


class CompiledRule:
    """One rule, compiled."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._when = None if rule.when is None else Expression.parse(rule.when)
        self._code = None if rule.code is None else Expression.parse(rule.code.at)
        self._codes = {native_key(it) for it in rule.code.is_} if rule.code else set()
        self.message = None if rule.message is None else Expression.parse(rule.message)
        self._wait = None if rule.wait is None else Expression.parse(rule.wait.at)

    def wait(self, response: Response) -> tuple[object, Until] | None:
        """What the body says of how long to wait, and how that is meant; None: nothing."""
        if self._wait is None or self.rule.wait is None:
            return None
        try:
            return self._wait.search(_json_or_none(response)), self.rule.wait.as_
        except JMESPathError:
            return None

    def fits(self, response: Response, body: Any) -> bool:
        if self.rule.status and response.status not in self.rule.status:
            return False
        if self.rule.body is not None:
            text = response.body.decode("utf-8", "replace")
            if self.rule.body.casefold() not in text.casefold():
                return False
        if (self._code or self._when) and body is None and response.body.strip():
            return False  # nothing is true of what is no JSON: a token as plain text, a page
        try:
            if self._code is not None and native_key(self._code.search(body)) not in self._codes:
                return False
            return self._when is None or bool(self._when.search(body))
        except JMESPathError:
            return False


class AnswerRules:
    """Sorts answers into success and `syncd.errors`.

    Args:
        expired: statuses after which a token is renewed.
    """

    def __init__(
        self, rules: Sequence[Rule], message: str | None, expired: Collection[int], mask: Mask
    ) -> None:
        self._rules = [CompiledRule(rule) for rule in rules]
        self._message = None if message is None else Expression.parse(message)
        self._expired = frozenset(expired)
        self.mask = mask

    def of(self, response: Response) -> tuple[str, CompiledRule | None]:
        """The meaning, and the rule it comes from."""
        body = _json_or_none(response)
        for matcher in self._rules:
            if matcher.fits(response, body):
                return matcher.rule.as_, matcher
        status = response.status
        if status in self._expired and not response.ok:
            return "expired", None
        if response.ok:
            return "ok", None
        if status == 401:
            return "credentials", None
        if status == 403:
            return "forbidden", None
        if status in _GONE:
            return "not_found", None
        if status in _CONFLICT:
            return "changed", None
        if status == 429:
            return "throttled", None
        if status in _UNREACHABLE or status >= 500 or status < 200:
            return "unreachable", None
        return "refused", None

    def error(
        self, meaning: str, rule: CompiledRule | None, where: str, response: Response, wait_s: float
    ) -> RemoteError:
        """The error that this meaning is."""
        told = self._said(rule, response)
        text = f"{where} answered {response.status}{': ' + told if told else ''}"
        request_id = response.headers.get("x-request-id")
        more: dict[str, Any] = {"side": SIDE, "status": response.status, "request_id": request_id}
        match meaning:
            case "expired" | "credentials":
                return CredentialsRefused(
                    f"{text}; the CMMS refuses the credentials of the mapping's auth", **more
                )
            case "expired again":
                return CredentialsRefused(
                    f"{text}; a new token was refused, too: is it sent where the CMMS looks for it "
                    "(the mapping's auth.login.send, auth.oauth2.send_token)?",
                    **more,
                )
            case "forbidden":
                return AccessRefused(text, **more)
            case "not_found":
                return NotFound(text, **more)
            case "changed":
                return Changed(text, **more)
            case "throttled":
                return Throttled(text, wait_s=wait_s, may_have_applied=False, **more)
            case "unreachable":
                applied = rule is None or rule.rule.applied is not False
                return Unreachable(text, may_have_applied=applied, **more)
            case "refused":
                return Refused(text, **more)
        return UnexpectedContent(text, may_have_applied=False, **more)

    def _said(self, rule: CompiledRule | None, response: Response) -> str:
        """What the answer says of itself, for a person."""
        body = _json_or_none(response)
        for expression in (rule.message if rule else None, self._message):
            if expression is None or body is None:
                continue
            try:
                found = expression.search(body)
            except JMESPathError:
                continue
            if found:
                return self.mask.shown(found if isinstance(found, str) else json.dumps(found))
        return self.mask.shown(response.body[: 4 * _SHOWN].decode("utf-8", "replace"))


def success(response: Response, where: str, mask: Mask, *, needs_json: bool = True) -> Reply:
    """The answer with its JSON. An empty body is None.

    Raises UnexpectedContent for what is not JSON: a sign-in page with status 200 is no success.
    """
    if not response.body.strip():
        return Reply(where, response, None)
    if not needs_json:
        return Reply(where, response, _json_or_none(response))
    try:
        return Reply(where, response, parse_json(response, side=SIDE, where=where))
    except UnexpectedContent as error:
        raise UnexpectedContent(
            mask.text(str(error)), side=SIDE, status=error.status, request_id=error.request_id
        ) from None


def _json_or_none(response: Response) -> Any:
    if not response.body.strip():
        return None
    try:
        return parse_json(response, side=SIDE, where="")
    except UnexpectedContent:
        return None
