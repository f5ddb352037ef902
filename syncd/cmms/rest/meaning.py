"""What an answer means: the rules of the mapping come first, and this table after them.

    answer                        means                     a write may have taken effect
    ───────────────────────────   ───────────────────────   ─────────────────────────────
    2xx                           ok                        yes
    401                           expired or credentials    no
    403                           forbidden                 no
    404, 410                      not_found                 no
    409, 412                      changed                   no
    429                           throttled                 no
    408, 425, 5xx                 unreachable               yes
    other 4xx                     refused                   no
    no connection                 unreachable               no
    no answer, reset, cut off     unreachable               yes

A 401 means `expired` as long as it is listed in `login_again`: the token is renewed then.
An error shows what the answer says in one line of at most 200 characters, without our credentials.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from jmespath.exceptions import JMESPathError

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import AnswerRule, Until
from syncd.cmms.rest.mask import SHOWN, Mask
from syncd.cmms.rest.reply import SIDE, json_or_none
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
from syncd.http import Response

_UNREACHABLE = frozenset({408, 425})
_GONE = frozenset({404, 410})
_CONFLICT = frozenset({409, 412})


class CompiledRule:
    """One rule of `errors`, its expressions compiled."""

    def __init__(self, rule: AnswerRule) -> None:
        self.rule = rule
        self._when = None if rule.when is None else Expression.parse(rule.when)
        self._code = None if rule.code is None else Expression.parse(rule.code.at)
        self._codes = {native_key(it) for it in rule.code.is_} if rule.code else set()
        self.message = None if rule.message is None else Expression.parse(rule.message)
        self._wait = None if rule.wait is None else Expression.parse(rule.wait.at)

    def wait(self, response: Response) -> tuple[object, Until] | None:
        """How long the body asks to wait, as it stands there, with the unit of it; None: it
        does not say."""
        if self._wait is None or self.rule.wait is None:
            return None
        try:
            return self._wait.search(json_or_none(response)), self.rule.wait.as_
        except JMESPathError:
            return None

    def fits(self, response: Response, body: Any) -> bool:
        """Whether all conditions of the rule are true of this answer.

        Args:
            body: the JSON of the answer; None if there is none.
        """
        if self.rule.status and response.status not in self.rule.status:
            return False
        if self.rule.body is not None:
            text = response.body.decode("utf-8", "replace")
            if self.rule.body.casefold() not in text.casefold():
                return False
        if (self._code or self._when) and body is None and response.body.strip():
            return False  # a body without JSON, such as a token or a page, has no values
        try:
            if self._code is not None and native_key(self._code.search(body)) not in self._codes:
                return False
            return self._when is None or bool(self._when.search(body))
        except JMESPathError:
            return False


class AnswerRules:
    """Tells what an answer means, and makes the error that it is. See the module text.

    Args:
        expired: statuses after which a token is renewed.
    """

    def __init__(
        self, rules: Sequence[AnswerRule], message: str | None, expired: Collection[int], mask: Mask
    ) -> None:
        self._rules = [CompiledRule(rule) for rule in rules]
        self._message = None if message is None else Expression.parse(message)
        self._expired = frozenset(expired)
        self.mask = mask

    def meaning_of(self, response: Response) -> tuple[str, CompiledRule | None]:
        """The meaning, and the rule that it comes from; None: it comes from the table."""
        body = json_or_none(response)
        for rule in self._rules:
            if rule.fits(response, body):
                return rule.rule.as_, rule
        return self._by_status(response), None

    def _by_status(self, response: Response) -> str:
        status = response.status
        if status in self._expired and not response.ok:
            return "expired"
        if response.ok:
            return "ok"
        if status == 401:
            return "credentials"
        if status == 403:
            return "forbidden"
        if status in _GONE:
            return "not_found"
        if status in _CONFLICT:
            return "changed"
        if status == 429:
            return "throttled"
        if status in _UNREACHABLE or status >= 500 or status < 200:
            return "unreachable"
        return "refused"

    def error(
        self, meaning: str, rule: CompiledRule | None, where: str, response: Response, wait_s: float
    ) -> RemoteError:
        """The error for an answer of this meaning."""
        answer_text = self._text_of(rule, response)
        text = f"{where} answered {response.status}{': ' + answer_text if answer_text else ''}"
        request_id = response.headers.get("x-request-id")
        more: dict[str, Any] = {"side": SIDE, "status": response.status, "request_id": request_id}
        match meaning:
            case "expired" | "credentials":
                return CredentialsRefused(
                    f"{text}; the CMMS refuses the credentials of the mapping's auth", **more
                )
            case "expired again":
                return CredentialsRefused(
                    f"{text}; a new token was refused, too: is it sent where the CMMS expects it "
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

    def _text_of(self, rule: CompiledRule | None, response: Response) -> str:
        """The answer's own words for a person: from the rule's `message`, from the mapping's, or
        else the beginning of the body."""
        body = json_or_none(response)
        for expression in (rule.message if rule else None, self._message):
            if expression is None or body is None:
                continue
            try:
                message = expression.search(body)
            except JMESPathError:
                continue
            if message:
                return self.mask.shown(message if isinstance(message, str) else json.dumps(message))
        return self.mask.shown(response.body[: 4 * SHOWN].decode("utf-8", "replace"))
