"""Check `auth`."""

from collections.abc import Iterable

from pydantic import BaseModel

from syncd.cmms.mapping.values.paths import parse_path
from syncd.cmms.rest.blocks import Auth, CallSpec, TokenPlace
from syncd.cmms.rest.check.updates import Loc, Problem
from syncd.cmms.rest.placeholders import braced_in
from syncd.cmms.rest.request import split_request

_NEEDS = {
    "client_credentials": ("client_secret",),
    "refresh_token": ("refresh_token",),
    "password": ("username", "password"),
}


def check_auth(auth: Auth, blocks: Iterable[tuple[Loc, BaseModel]], problem: Problem) -> None:
    """Report what is wrong with it.

    Args:
        blocks: every block of the mapping with its place.
    """
    if auth.login is not None:
        ways = [auth.login.token is not None, auth.login.text, auth.login.token_header]
        if sum(bool(way) for way in ways) != 1:
            problem(("auth", "login"), "needs exactly one of token, text, token_header")
        _token(("auth", "login", "send"), auth.login.send, problem)
        _body(("auth", "login", "send"), auth.login.send.json_, blocks, problem)
    if auth.oauth2 is not None:
        for key in _NEEDS[auth.oauth2.grant]:
            if getattr(auth.oauth2, key) is None:
                problem(("auth", "oauth2"), f"grant {auth.oauth2.grant} needs {key}")
        _token(("auth", "oauth2", "send_token"), auth.oauth2.send_token, problem)
        _body(("auth", "oauth2", "send_token"), auth.oauth2.send_token.json_, blocks, problem)
    if auth.json_ is not None:
        _body(("auth", "json"), auth.json_.name, blocks, problem)


def _token(loc: Loc, send: TokenPlace, problem: Problem) -> None:
    if "{token}" not in send.text:
        problem(loc, "has no {token} in its value")
    for name in sorted(braced_in(send.text) - {"token"}):
        problem(loc, f"there is no {{{name}}} here; there is {{token}}")


def _body(
    loc: Loc, path: str | None, blocks: Iterable[tuple[Loc, BaseModel]], problem: Problem
) -> None:
    """A value that goes into the JSON body of every call needs a JSON body in every call."""
    if path is None:
        return
    try:
        parse_path(path)
    except ValueError as error:
        problem(loc, f"{path!r} {error}")
    for where, block in blocks:
        if not isinstance(block, CallSpec) or where[:1] == ("auth",):
            continue
        method, _ = split_request(block.request) or ("", "")
        if method in {"GET", "DELETE"}:
            why = f"is {method}, which has no body"
        elif block.form is not None:
            why = "has a form, and no JSON body"
        elif block.json_ is not None and not isinstance(block.json_, dict):
            why = "has a JSON body that is no object"
        else:
            continue
        problem(
            where, f"{why}, and {'.'.join(map(str, loc))} goes into the JSON body of every call"
        )
