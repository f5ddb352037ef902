"""Who we are: fixed credentials, or a token that is fetched, dies and is fetched again.

A token is renewed before it dies, as far as its life is known, and once when it is refused. While
the exchange itself is refused it becomes rare, so that no account is locked by our trying.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol
from urllib.parse import unquote_plus

from syncd.cmms.mapping.values.source import Expression
from syncd.cmms.rest.blocks import Auth, LoginCall, NamedValue, Oauth2, SendPlace, TokenPlace
from syncd.cmms.rest.reply import Mask, Reply
from syncd.cmms.rest.request import PreparedRequest, prepare
from syncd.errors import CredentialsRefused

_EARLY_S = 30.0  # a token is renewed so long before it dies, or a tenth of its life
_HOLD_S = 60.0  # after a refused exchange; doubled each time
_LONGEST_HOLD_S = 900.0

Exchange = Callable[[PreparedRequest], Reply]


class RequestCredentials(Protocol):
    """What goes with every call."""

    def put(self, request: PreparedRequest) -> PreparedRequest:
        """The call with them. Raises RemoteError where they cannot be had."""

    def renew(self) -> bool:
        """They were refused. True: there are others now; try once more."""


class FixedCredentials:
    """Credentials that never change, in one place of every call; None: there are none."""

    def __init__(self, place: SendPlace | None = None, value: str = "") -> None:
        self._place = place
        self._value = value

    def put(self, request: PreparedRequest) -> PreparedRequest:
        return request if self._place is None else _with(request, self._place, self._value)

    def renew(self) -> bool:
        return False


def _with(request: PreparedRequest, place: SendPlace, value: str) -> PreparedRequest:
    """The call with a credential. What the call itself says in a query stays; a link that was
    followed may hold the token of the call before."""
    if place.query is None:
        return request.sending(place, value)
    if any(name == place.query for name, _ in request.query):
        return request
    path, sign, told = request.path.partition("?")
    kept = [it for it in told.split("&") if unquote_plus(it.partition("=")[0]) != place.query]
    request = replace(request, path=f"{path}{sign}{'&'.join(kept)}".rstrip("?"))
    return request.sending(place, value)


class TokenCredentials:
    """A token that is exchanged for something, and how it is sent.

    Args:
        exchange: asks for a token; returns it and its life in seconds, if it is known.
        send: how it is sent.
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

    def put(self, request: PreparedRequest) -> PreparedRequest:
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
    """What the mapping's `auth` says.

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
    kind, said = auth.chosen
    if isinstance(said, NamedValue):
        place = SendPlace.model_validate({kind.strip("_"): said.name})
        return FixedCredentials(place, said.value)
    if auth.oauth2 is not None:
        grant = Grant(auth.oauth2, exchange, mask)
        return TokenCredentials(grant.ask, auth.oauth2.send_token, monotonic, mask)
    if auth.login is None:
        raise ValueError("auth without a kind")  # the schema has told so before
    login = auth.login

    def sign_in() -> tuple[str, float | None]:
        return _token_of(login, exchange(prepare(login, {})))

    return TokenCredentials(sign_in, login.send, monotonic, mask)


class Grant:
    """An OAuth2 exchange. A server that hands out a new refresh token with each is followed; it
    is kept in memory only."""

    def __init__(self, said: Oauth2, exchange: Exchange, mask: Mask) -> None:
        self._said = said
        self._exchange = exchange
        self._mask = mask
        self._refresh_token = said.refresh_token

    def ask(self) -> tuple[str, float | None]:
        """A new token and its life in seconds."""
        said = self._said
        form: dict[str, str] = {"grant_type": said.grant}
        headers = {"Accept": "application/json"}
        if said.send == "basic":
            headers["Authorization"] = _basic(said.client_id, said.client_secret or "")
        else:
            form |= {"client_id": said.client_id, "client_secret": said.client_secret or ""}
        form |= {
            "refresh_token": self._refresh_token or "",
            "username": said.username or "",
            "password": said.password or "",
            "scope": said.scope or "",
            "audience": said.audience or "",
            **said.extra,
        }
        sent = {name: value for name, value in form.items() if value}
        reply = self._exchange(PreparedRequest("POST", said.token_url, headers=headers, form=sent))
        body = reply.body if isinstance(reply.body, dict) else {}
        rotated = body.get("refresh_token")
        if said.grant == "refresh_token" and isinstance(rotated, str) and rotated:
            self._refresh_token = rotated
            self._mask.add(rotated)
        return _usable(reply, body.get("access_token")), _seconds(body.get("expires_in"))


def _token_of(login: LoginCall, reply: Reply) -> tuple[str, float | None]:
    if login.text:
        found: object = reply.response.body.decode("utf-8", "replace").strip().strip('"')
    elif login.token_header is not None:
        found = reply.headers.get(login.token_header.lower())
    else:
        found = reply.look(Expression.parse(login.token or ""))
    life_s = login.lifetime_s
    if login.expires_in is not None:
        told = _seconds(reply.look(Expression.parse(login.expires_in)))
        life_s = told if told is not None else life_s
    return _usable(reply, found), life_s


def _usable(reply: Reply, token: object) -> str:
    """The token; it is never quoted where it cannot be used."""
    if isinstance(token, int) and not isinstance(token, bool):
        token = str(token)
    if isinstance(token, str) and token and token.isascii() and token.isprintable():
        return token
    raise reply.unexpected("answered without a token that can be sent")


def _seconds(told: object) -> float | None:
    try:
        life_s = float(str(told))
    except ValueError:
        return None
    return life_s if 0 < life_s < 1e9 else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def secrets_of(auth: Auth | None) -> list[str]:
    """The values in `auth` that are never shown."""
    if auth is None:
        return []
    found = [auth.bearer]
    if auth.basic is not None:
        found += [auth.basic.password, _basic(auth.basic.user, auth.basic.password)[6:]]
    named = (auth.header, auth.query, auth.json_)
    found += [it.value for it in named if it is not None]
    found += [it.value.rpartition(" ")[2] for it in named if it is not None]
    if auth.oauth2 is not None:
        said = auth.oauth2
        found += [said.client_secret, said.refresh_token, said.password, *said.extra.values()]
    if auth.login is not None:
        found += _leaves([auth.login.json_, auth.login.form])
        found += [*auth.login.headers.values()]
    return [text for text in found if text]


def _leaves(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _leaves(item)]
    if isinstance(value, list):
        return [text for item in value for text in _leaves(item)]
    return [value] if isinstance(value, str) else []
