"""What an answer means: the mapping's rules come first, then the table of `syncd.http.status`.

The table applies but for these:

    answer                        means                     a write may have taken effect
    ───────────────────────────   ───────────────────────   ─────────────────────────────
    a status of `login_again`     expired: the token is     no
                                  renewed, once
    407                           refused                   no
    1xx                           unreachable               yes
    no connection                 unreachable               no
    no answer, reset, cut off     unreachable               yes

An error shows what the answer says in one line of at most 200 characters, without our credentials.
"""

import json
from collections.abc import Collection, Sequence
from types import MappingProxyType
from typing import Any

from jmespath.exceptions import JMESPathError

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.mapping.values.value_map import native_key
from syncd.cmms.rest.blocks import AnswerRule, Until
from syncd.cmms.rest.mask import SHOWN, Mask
from syncd.cmms.rest.reply import SIDE, json_or_none
from syncd.errors import RemoteError
from syncd.http import Deviations, Response, StatusMeaning, error_of, meaning_of

_DEVIATIONS: Deviations = MappingProxyType(
    {
        407: StatusMeaning.REFUSED,
        **dict.fromkeys(range(100, 200), StatusMeaning.UNREACHABLE),
    }
)


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
        if response.status in self._expired and not response.ok:
            return "expired"
        return meaning_of(response.status, _DEVIATIONS)

    def error(
        self, meaning: str, rule: CompiledRule | None, where: str, response: Response, wait_s: float
    ) -> RemoteError:
        """The error for an answer of this meaning."""
        answer_text = self._text_of(rule, response)
        text = f"{where} answered {response.status}{': ' + answer_text if answer_text else ''}"
        applied: bool | None = None
        match meaning:
            case "expired" | "credentials":
                meaning = StatusMeaning.CREDENTIALS
                text += "; the CMMS refuses the credentials of the mapping's auth"
            case "expired again":
                meaning = StatusMeaning.CREDENTIALS
                text += (
                    "; a new token was refused, too: is it sent where the CMMS expects it "
                    "(the mapping's auth.login.send, auth.oauth2.send_token)?"
                )
            case "unreachable":
                applied = None if rule is None else rule.rule.applied
        return error_of(
            StatusMeaning(meaning),
            text,
            side=SIDE,
            status=response.status,
            request_id=response.headers.get("x-request-id"),
            wait_s=wait_s,
            may_have_applied=applied,
        )

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
