"""Sign requests: with fixed credentials, or with a token that is fetched and renewed.

A token is renewed before its life ends, where that is known, and once when it is refused. While
the CMMS refuses to give a token, we ask more and more rarely, so that it does not lock the account.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol
from urllib.parse import unquote_plus

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.blocks import Auth, LoginCall, NamedValue, Oauth2, SendPlace, TokenPlace
from syncd.cmms.rest.mask import Mask
from syncd.cmms.rest.reply import Reply
from syncd.cmms.rest.request import PreparedRequest, prepare
from syncd.errors import CredentialsRefused

_EARLY_S = 30.0  # a token is renewed so long before it dies, or a tenth of its life if shorter
_HOLD_S = 60.0  # no token is asked for so long after a refusal; doubled at each
_LONGEST_HOLD_S = 900.0

Exchange = Callable[[PreparedRequest], Reply]


class RequestCredentials(Protocol):
    """The credentials that go with every request."""

    def add_to(self, request: PreparedRequest) -> PreparedRequest:
        """The request with the credentials. Raises RemoteError where there are none to be had."""

    def renew(self) -> bool:
        """Get others, since these were refused. True: there are others; try once more."""


class FixedCredentials:
    """Credentials that never change.

    Args:
        place: where they go; None: there are none.
    """

    def __init__(self, place: SendPlace | None = None, value: str = "") -> None:
        self._place = place
        self._value = value

    def add_to(self, request: PreparedRequest) -> PreparedRequest:
        return request if self._place is None else _with(request, self._place, self._value)

    def renew(self) -> bool:
        return False


def _with(request: PreparedRequest, place: SendPlace, value: str) -> PreparedRequest:
    """The request with a credential at this place.

    A query parameter of this name that the call's own `query` holds stays. One in the path is
    replaced: a link to the next page may hold the token of the request before.
    """
    if place.query is None:
        return request.sending(place, value)
    if any(name == place.query for name, _ in request.query):
        return request
    path, sign, query = request.path.partition("?")
    kept = [it for it in query.split("&") if unquote_plus(it.partition("=")[0]) != place.query]
    request = replace(request, path=f"{path}{sign}{'&'.join(kept)}".rstrip("?"))
    return request.sending(place, value)


class TokenCredentials:
    """A token that is fetched when it is needed, and renewed.

    Args:
        exchange: asks for a token; returns it and its life in seconds, None where that is unknown.
        send: how the token is sent.
    """

    def __init__(
        self,
        exchange: Callable[[], tuple[str, float | None]],
        send: TokenPlace,
        monotonic: Callable[[], float],
        mask: Mask,
    ) -> None:
        self._exchange = exchange
        self._place = send.place
        self._value = send.text
        self._monotonic = monotonic
        self._mask = mask
        self._token: str | None = None
        self._renew_at: float | None = None
        self._refused: CredentialsRefused | None = None
        self._in_vain = 0
        self._not_before = 0.0

    def add_to(self, request: PreparedRequest) -> PreparedRequest:
        return _with(request, self._place, self._value.replace("{token}", self._present()))

    def renew(self) -> bool:
        self._token = None
        self._present()
        return True

    def _present(self) -> str:
        if self._renew_at is not None and self._monotonic() >= self._renew_at:
            self._token = None
        if self._token is None:
            self._token = self._fetch()
        return self._token

    def _fetch(self) -> str:
        if self._refused is not None and self._monotonic() < self._not_before:
            raise self._refused
        try:
            token, life_s = self._exchange()
        except CredentialsRefused as error:
            hold_s = min(_HOLD_S * (1 << min(self._in_vain, 10)), _LONGEST_HOLD_S)
            self._in_vain += 1
            self._refused, self._not_before = error, self._monotonic() + hold_s
            raise
        self._refused, self._in_vain = None, 0
        self._mask.add(token)
        if life_s is not None:
            self._renew_at = self._monotonic() + life_s - min(_EARLY_S, life_s / 10)
        else:
            self._renew_at = None
        return token


def make_credentials(
    auth: Auth | None, exchange: Exchange, monotonic: Callable[[], float], mask: Mask
) -> RequestCredentials:
    """The credentials of the mapping's `auth`.

    Args:
        exchange: sends a request without credentials.
    """
    if auth is None:
        return FixedCredentials()
    authorization = SendPlace.model_validate({"header": "Authorization"})
    if auth.bearer is not None:
        return FixedCredentials(authorization, f"Bearer {auth.bearer}")
    if auth.basic is not None:
        return FixedCredentials(authorization, _basic(auth.basic.user, auth.basic.password))
    kind, spec = auth.chosen
    if isinstance(spec, NamedValue):
        place = SendPlace.model_validate({kind.strip("_"): spec.name})
        return FixedCredentials(place, spec.value)
    if auth.oauth2 is not None:
        grant = Grant(auth.oauth2, exchange, mask)
        return TokenCredentials(grant.ask, auth.oauth2.send_token, monotonic, mask)
    if auth.login is None:
        raise ValueError("auth without a kind")  # the schema refuses it at load
    login = auth.login

    def sign_in() -> tuple[str, float | None]:
        return _token_of(login, exchange(prepare(login, {})))

    return TokenCredentials(sign_in, login.send, monotonic, mask)


class Grant:
    """Gets tokens from an OAuth2 server.

    Where the server replaces the refresh token with every exchange, the new one is used from then
    on. It is kept in memory only.
    """

    def __init__(self, spec: Oauth2, exchange: Exchange, mask: Mask) -> None:
        self._spec = spec
        self._exchange = exchange
        self._mask = mask
        self._refresh_token = spec.refresh_token

    def ask(self) -> tuple[str, float | None]:
        """A new token, and its life in seconds; None where the server does not say it."""
        spec = self._spec
        form: dict[str, str] = {"grant_type": spec.grant}
        headers = {"Accept": "application/json"}
        if spec.send == "basic":
            headers["Authorization"] = _basic(spec.client_id, spec.client_secret or "")
        else:
            form |= {"client_id": spec.client_id, "client_secret": spec.client_secret or ""}
        form |= {
            "refresh_token": self._refresh_token or "",
            "username": spec.username or "",
            "password": spec.password or "",
            "scope": spec.scope or "",
            "audience": spec.audience or "",
            **spec.extra,
        }
        sent = {name: value for name, value in form.items() if value}
        reply = self._exchange(PreparedRequest("POST", spec.token_url, headers=headers, form=sent))
        body = reply.body if isinstance(reply.body, dict) else {}
        rotated = body.get("refresh_token")
        if spec.grant == "refresh_token" and isinstance(rotated, str) and rotated:
            self._refresh_token = rotated
            self._mask.add(rotated)
        return _usable(reply, body.get("access_token")), _seconds(body.get("expires_in"))


def _token_of(login: LoginCall, reply: Reply) -> tuple[str, float | None]:
    """The token of a sign-in, and its life in seconds; None where that is unknown."""
    if login.text:
        token: object = reply.response.body.decode("utf-8", "replace").strip().strip('"')
    elif login.token_header is not None:
        token = reply.headers.get(login.token_header.lower())
    else:
        token = reply.search(Expression.parse(login.token or ""))
    life_s = login.lifetime_s
    if login.expires_in is not None:
        answered_s = _seconds(reply.search(Expression.parse(login.expires_in)))
        life_s = answered_s if answered_s is not None else life_s
    return _usable(reply, token), life_s


def _usable(reply: Reply, token: object) -> str:
    """The token, as a text that can be sent. The error for any other does not quote it."""
    if isinstance(token, int) and not isinstance(token, bool):
        token = str(token)
    if isinstance(token, str) and token and token.isascii() and token.isprintable():
        return token
    raise reply.unexpected("answered without a token that can be sent")


def _seconds(value: object) -> float | None:
    try:
        life_s = float(str(value))
    except ValueError:
        return None
    return life_s if 0 < life_s < 1e9 else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def secrets_of(auth: Auth | None) -> list[str]:
    """The values in `auth` that are never shown."""
    if auth is None:
        return []
    secrets = [auth.bearer]
    if auth.basic is not None:
        secrets += [auth.basic.password, _basic(auth.basic.user, auth.basic.password)[6:]]
    named = (auth.header, auth.query, auth.json_)
    secrets += [it.value for it in named if it is not None]
    secrets += [it.value.rpartition(" ")[2] for it in named if it is not None]
    if auth.oauth2 is not None:
        spec = auth.oauth2
        secrets += [spec.client_secret, spec.refresh_token, spec.password, *spec.extra.values()]
    if auth.login is not None:
        secrets += _leaves([auth.login.json_, auth.login.form])
        secrets += [*auth.login.headers.values()]
    return [text for text in secrets if text]


def _leaves(value: object) -> list[str]:
    """All texts in a JSON value."""
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _leaves(item)]
    if isinstance(value, list):
        return [text for item in value for text in _leaves(item)]
    return [value] if isinstance(value, str) else []
