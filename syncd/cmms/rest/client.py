"""Send a request: at the CMMS's pace, with our credentials, each failure as the error that it is.

A request is sent again where the first one had no effect for certain, or was only a read:

    the token has expired   any request, once, with a new token
    too many requests       any request, after the wait that the CMMS asks for
    no whole answer         reads only, a few times
"""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from syncd.cmms.http import open_http
from syncd.cmms.load import AdapterContext
from syncd.cmms.rest.auth import make_credentials, secrets_of
from syncd.cmms.rest.limits import Pace
from syncd.cmms.rest.mask import Mask
from syncd.cmms.rest.meaning import AnswerRules, CompiledRule
from syncd.cmms.rest.placeholders import fill_text
from syncd.cmms.rest.reply import SIDE, Reply, success
from syncd.cmms.rest.request import PreparedRequest, filled, pairs_of
from syncd.cmms.rest.schema import RestMapping
from syncd.errors import (
    ClearRefusal,
    ConfigurationError,
    CredentialsRefused,
    RemoteError,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import HttpClient, Response

_ATTEMPTS = 3  # of a read that gets no answer, and of any request that is asked to wait
_DELAY_S = 0.5  # before the second attempt; doubled


class Client:
    """One CMMS over HTTP.

    Args:
        secrets: values that are never shown, beside those in `auth`.

    Attributes:
        clock: the Date of the last answer; None: there was none yet.
    """

    def __init__(
        self,
        base_url: str,
        spec: RestMapping,
        context: AdapterContext,
        secrets: list[str],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._origin = _origin(base_url)
        self._context = context
        self._spec = spec
        self._query = filled(spec.query, {})
        self._headers = {name: fill_text(text, {}) for name, text in spec.headers.items()}
        self.mask = Mask([*secrets, *secrets_of(spec.auth)], context.hide)
        self._rules = AnswerRules(spec.errors, spec.message, spec.login_again, self.mask)
        self._pace = Pace(
            spec.limits,
            wait=context.wait,
            monotonic=context.monotonic,
            left_s=context.left_s,
            utcnow=context.utcnow,
        )
        self._http = self._open(self._base_url)
        self._tokens: HttpClient | None = None
        login = spec.auth.login if spec.auth else None
        self._text_login = login is not None and (login.text or login.token_header is not None)
        self._credentials = make_credentials(
            spec.auth, self._exchange, context.monotonic, self.mask
        )
        self.clock: str | None = None

    @property
    def host(self) -> str:
        """The CMMS's host, for people."""
        return urlsplit(self._base_url).hostname or self._base_url

    def read(self, prepared: PreparedRequest) -> Reply:
        """Send a request that changes nothing. It is repeated where no answer comes."""
        attempt = 0
        while True:
            try:
                return self._send(prepared, needs_json=True)
            except RemoteError as error:
                error.may_have_applied = False
                attempt += 1
                if attempt == _ATTEMPTS or not isinstance(error, Unreachable):
                    raise
                if not self._pace.may_sleep(_DELAY_S * (1 << attempt)):
                    raise

    def write(self, prepared: PreparedRequest, *, needs_json: bool = True) -> Reply:
        """Send a request that changes something. It is never repeated where no answer comes."""
        sent = prepared.overridden(self._spec.method_override)
        return self._send(sent, needs_json=needs_json)

    def link(self, text: str, base: str) -> str:
        """The whole address of a link that stood in the answer of `base`.

        Raises UnexpectedContent where it leads to another origin: our credentials go nowhere else.
        """
        below = base if "://" in base else f"{self._base_url}/{base.lstrip('/')}"
        whole = urljoin(below, text)
        if _origin(whole) != self._origin:
            raise UnexpectedContent(
                f"the CMMS links to another host, {self.mask.shown(whole.partition('?')[0])}; "
                "only links to the host of base_url are followed",
                side=SIDE,
                may_have_applied=False,
            )
        return whole

    def server_now(self) -> datetime | None:
        """The CMMS's clock now, by its last answer; None: it tells none."""
        return self._http.server_now()

    def close(self) -> None:
        self._http.close()
        if self._tokens is not None:
            self._tokens.close()

    # ── sending ───────────────────────────────────────────────────────────────────────────

    def _send(self, prepared: PreparedRequest, *, needs_json: bool) -> Reply:
        if prepared.address or "://" in prepared.path:
            prepared = replace(prepared, path=self.link(prepared.path, ""))
        renewed = False
        for attempt in range(_ATTEMPTS):
            self._pace.take_turn()
            try:
                sent = self._with_common_query(self._credentials.add_to(prepared))
            except RemoteError as error:
                error.may_have_applied = False
                raise
            response = self._answer(self._http, sent)
            meaning, rule = self._rules.meaning_of(response)
            wait_s = self._observed(meaning, rule, response)
            where = f"{prepared.method} {self._http.shown(prepared.path)}"
            if meaning in {"ok", "empty"}:
                reply = success(response, where, self.mask, needs_json=needs_json)
                return replace(reply, empty=meaning == "empty")
            reason = "expired again" if meaning == "expired" and renewed else meaning
            failed = self._rules.error(reason, rule, where, response, wait_s)
            if meaning == "expired" and not renewed and self._renewed():
                renewed = True
            elif meaning != "throttled" or attempt == _ATTEMPTS - 1:
                break
        raise failed

    def _observed(self, meaning: str, rule: CompiledRule | None, response: Response) -> float:
        """Seconds to wait before the next request, by this answer."""
        throttled = meaning == "throttled"
        body_wait = rule.wait(response) if throttled and rule is not None else None
        return self._pace.observe(response, throttled=throttled, body_wait=body_wait)

    def _renewed(self) -> bool:
        try:
            return self._credentials.renew()
        except RemoteError as error:
            error.may_have_applied = False
            raise

    def _with_common_query(self, prepared: PreparedRequest) -> PreparedRequest:
        """The request with the mapping's own `query`. A link that the CMMS gave has its own."""
        names = {name for name, _ in prepared.query}
        more = {} if prepared.verbatim else self._query
        kept = {name: value for name, value in more.items() if name not in names}
        return replace(prepared, query=(*pairs_of(kept), *prepared.query))

    def _answer(self, http: HttpClient, whole: PreparedRequest) -> Response:
        headers = {"Accept": "application/json", **self._headers, **whole.headers}
        try:
            response = http.request(
                whole.method,
                whole.target,
                body=whole.body,
                headers={name: value for name, value in headers.items() if value},
                deadline_s=self._spec.deadline_s,
            )
        except RemoteError as error:
            error.args = (self.mask.text(str(error)),)
            raise
        self.clock = response.headers.get("date", self.clock)
        return response

    def _exchange(self, prepared: PreparedRequest) -> Reply:
        """Ask for a token, without credentials. The token's server may be on another host."""
        http = self._http
        if "://" in prepared.path and _origin(prepared.path) != self._origin:
            if self._tokens is None:
                self._tokens = self._open(_origin(prepared.path))
            http = self._tokens
        response = self._answer(http, self._with_common_query(prepared))
        where = f"{prepared.method} {http.shown(prepared.path)}"
        meaning, rule = self._rules.meaning_of(response)
        if meaning in {"ok", "empty"}:
            return success(response, where, self.mask, needs_json=not self._text_login)
        wait_s = self._observed(meaning, rule, response)
        error = self._rules.error(meaning, rule, where, response, wait_s)
        if isinstance(error, ClearRefusal) and type(error) is not CredentialsRefused:
            raise CredentialsRefused(
                f"{error}; no token was given for the mapping's auth",
                side=SIDE,
                status=response.status,
            )
        raise error

    def _open(self, url: str) -> HttpClient:
        # With an @ its host may be a part of a password; such a URL is refused.
        origin = "" if "@" in url else f", {_origin(url)},"
        return open_http(url, self._context, f"base_url or token_url{origin}")


def _origin(url: str) -> str:
    """Scheme, host and port, in one spelling. Raises ConfigurationError for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise ConfigurationError("base_url: this is not a URL") from None
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"
