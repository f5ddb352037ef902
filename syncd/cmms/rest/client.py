"""Sends what was prepared: at the CMMS's pace, with our credentials, every failure sorted.

What is sent again, because it certainly had no effect or because nothing was asked to change:

    expired token       any call, once, with a new token
    too many requests   any call, after the wait that was asked for
    no whole answer     reads only, a few times
"""

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from syncd.cmms.http import open_http
from syncd.cmms.load import AdapterContext
from syncd.cmms.rest.auth import make_credentials, secrets_of
from syncd.cmms.rest.limits import Pace
from syncd.cmms.rest.placeholders import fill_text
from syncd.cmms.rest.reply import SIDE, AnswerRules, CompiledRule, Mask, Reply, success
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

_ATTEMPTS = 3  # of a read that finds nobody, and of any call that is asked to wait
_DELAY_S = 0.5  # before the second attempt; doubled


class Client:
    """One CMMS over HTTP.

    Args:
        secrets: values that are never shown, beside those in `auth`.
    """

    def __init__(
        self,
        base_url: str,
        said: RestMapping,
        context: AdapterContext,
        secrets: list[str],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._origin = _origin(base_url)
        self._context = context
        self._said = said
        self._query = filled(said.query, {})
        self._headers = {name: fill_text(text, {}) for name, text in said.headers.items()}
        self.mask = Mask([*secrets, *secrets_of(said.auth)], context.hide)
        self._meanings = AnswerRules(said.errors, said.message, said.login_again, self.mask)
        self._pace = Pace(
            said.limits,
            wait=context.wait,
            monotonic=context.monotonic,
            left_s=context.left_s,
            utcnow=context.utcnow,
        )
        self._http = self._open(self._base_url)
        self._tokens: HttpClient | None = None
        login = said.auth.login if said.auth else None
        self._text_login = login is not None and (login.text or login.token_header is not None)
        self._credentials = make_credentials(
            said.auth, self._exchange, context.monotonic, self.mask
        )
        self.clock: str | None = None  # the Date of the last answer

    @property
    def host(self) -> str:
        """Where it is, for people."""
        return urlsplit(self._base_url).hostname or self._base_url

    def read(self, prepared: PreparedRequest) -> Reply:
        """Send what changes nothing; it is repeated when nobody answers."""
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
        """Send what changes something, once."""
        sent = prepared.overridden(self._said.method_override)
        return self._send(sent, needs_json=needs_json)

    def link(self, text: str, base: str) -> str:
        """The whole address of a link that was read at `base`. Raises UnexpectedContent where it
        leads to another origin: our credentials go nowhere else."""
        below = base if "://" in base else f"{self._base_url}/{base.lstrip('/')}"
        whole = urljoin(below, text)
        if _origin(whole) != self._origin:
            raise UnexpectedContent(
                f"the CMMS links to another host, {self.mask.shown(whole.partition('?')[0])}; "
                "only links to base_url's own are followed",
                side=SIDE,
                may_have_applied=False,
            )
        return whole

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
                sent = self._always(self._credentials.put(prepared))
            except RemoteError as error:
                error.may_have_applied = False
                raise
            response = self._answer(self._http, sent)
            meaning, rule = self._meanings.of(response)
            wait_s = self._observed(meaning, rule, response)
            where = f"{prepared.method} {self._http.shown(prepared.path)}"
            if meaning in {"ok", "empty"}:
                reply = success(response, where, self.mask, needs_json=needs_json)
                return replace(reply, empty=meaning == "empty")
            told = "expired again" if meaning == "expired" and renewed else meaning
            failed = self._meanings.error(told, rule, where, response, wait_s)
            if meaning == "expired" and not renewed and self._renewed():
                renewed = True
            elif meaning != "throttled" or attempt == _ATTEMPTS - 1:
                break
        raise failed

    def _observed(self, meaning: str, rule: CompiledRule | None, response: Response) -> float:
        """How long to wait before the next request."""
        throttled = meaning == "throttled"
        told = rule.wait(response) if throttled and rule is not None else None
        return self._pace.observe(response, throttled=throttled, told=told)

    def _renewed(self) -> bool:
        try:
            return self._credentials.renew()
        except RemoteError as error:
            error.may_have_applied = False
            raise

    def _always(self, prepared: PreparedRequest) -> PreparedRequest:
        """The call with the query that every call has; a link that was followed has its own."""
        names = {name for name, _ in prepared.query}
        more = {} if prepared.verbatim else self._query
        kept = {name: value for name, value in more.items() if name not in names}
        return replace(prepared, query=(*pairs_of(kept), *prepared.query))

    def _answer(self, http: HttpClient, whole: PreparedRequest) -> Response:
        told = {"Accept": "application/json", **self._headers, **whole.headers}
        try:
            response = http.request(
                whole.method,
                whole.target,
                body=whole.body,
                headers={name: value for name, value in told.items() if value},
                deadline_s=self._said.deadline_s,
            )
        except RemoteError as error:
            error.args = (self.mask.text(str(error)),)
            raise
        self.clock = response.headers.get("date", self.clock)
        return response

    def _exchange(self, prepared: PreparedRequest) -> Reply:
        """Ask for a token, without credentials; wherever that is."""
        http = self._http
        if "://" in prepared.path and _origin(prepared.path) != self._origin:
            if self._tokens is None:
                self._tokens = self._open(_origin(prepared.path))
            http = self._tokens
        response = self._answer(http, self._always(prepared))
        where = f"{prepared.method} {http.shown(prepared.path)}"
        meaning, rule = self._meanings.of(response)
        if meaning in {"ok", "empty"}:
            return success(response, where, self.mask, needs_json=not self._text_login)
        wait_s = self._observed(meaning, rule, response)
        error = self._meanings.error(meaning, rule, where, response, wait_s)
        if isinstance(error, ClearRefusal) and type(error) is not CredentialsRefused:
            raise CredentialsRefused(
                f"{error}; no token was given for the mapping's auth",
                side=SIDE,
                status=response.status,
            )
        raise error

    def _open(self, url: str) -> HttpClient:
        return open_http(url, self._context, f"base_url or token_url, {_origin(url)},")


def _origin(url: str) -> str:
    """Scheme, host and port, spelled the same for the same."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise ConfigurationError("base_url: this is not a URL") from None
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"
