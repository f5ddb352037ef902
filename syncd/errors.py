"""What can go wrong, by what the daemon does about it.

    SyncdError                      base of all; raised itself, it is a bug              (70)
    ├── ConfigurationError          stop; a person corrects a setting                    (78)
    ├── InputError                  stop; a person corrects a command's argument         (64)
    ├── InputContentError           stop; a person corrects a file given to a command    (65)
    ├── MirrorContentError          stop; the mirror's schema or content is wrong        (65)
    ├── MirrorUnavailable           write to neither side until it is back               (74)
    ├── LeaseHeld                   wait; another process writes for this connection     (75)
    ├── LeaseLost                   stop; another process has taken over                 (75)
    └── RemoteError                 a side failed or refused                             (69)
        ├── Unreachable             try again later; the side is down                    (69)
        ├── UnexpectedContent       try again later; the answer is not the API's         (69)
        ├── Throttled               try again after `wait_s` (429)                       (75)
        └── ClearRefusal            nothing was changed, and the answer says why         (69)
            ├── CredentialsRefused  stop this kind of call; a person acts (401)          (77)
            │   └── AccessRefused   the credentials hold, but not for this call (403)    (77)
            ├── IntegrationInactive stop writing to Scan2Evolve; a person acts (403)     (77)
            ├── NotFound            no such record; that alone deletes nothing (404)     (69)
            ├── Refused             park what was written until it changes (other 4xx)   (69)
            └── Changed             read the record again; it is not as we read it       (69)

The number at the end is the exit code. `syncd.http.status` turns an HTTP status into a class.

Only clients and adapters choose the class; `syncd/engine` acts on it. `may_have_applied` says
what a write that failed has left behind: it is False only when the write certainly had no effect.
"""

from typing import ClassVar


class SyncdError(Exception):
    """Base of everything that syncd raises on purpose. Its text is for the operator."""

    exit_code: ClassVar[int] = 70


class ConfigurationError(SyncdError):
    """A setting is missing, malformed or contradicts another; the text names it and the remedy."""

    exit_code = 78


class InputError(SyncdError):
    """A command's argument cannot be used; the text names it and the remedy."""

    exit_code = 64


class InputContentError(SyncdError):
    """A file given to a command cannot be used; the text names the line and the fault."""

    exit_code = 65


class MirrorContentError(SyncdError):
    """This version cannot read the mirror: it is damaged, foreign, or of a newer schema."""

    exit_code = 65


class MirrorUnavailable(SyncdError):
    """The mirror cannot be opened, reached or written at the moment."""

    exit_code = 74


class LeaseHeld(SyncdError):
    """Another process holds the lease of this connection; the text names it."""

    exit_code = 75


class LeaseLost(SyncdError):
    """Another process has taken over the lease: nothing more may be written."""

    exit_code = 75


class RemoteError(SyncdError):
    """A side failed, refused, or answered something that its API does not promise.

    Attributes:
        side: "s2e" or "cmms".
        status: the HTTP status of the answer; None without one.
        request_id: the server's id of the request, for that side's support; None without one.
        may_have_applied: for a write, whether it may have taken effect.
    """

    exit_code = 69

    def __init__(
        self,
        message: str,
        *,
        side: str,
        status: int | None = None,
        request_id: str | None = None,
        may_have_applied: bool = True,
    ) -> None:
        super().__init__(message)
        self.side = side
        self.status = status
        self.request_id = request_id
        self.may_have_applied = may_have_applied

    @property
    def is_about_the_side(self) -> bool:
        """Whether every other order would fail in the same way, so that none need be tried."""
        return False

    @property
    def is_about_one(self) -> bool:
        """Whether it is an answer about one record that says nothing about the others."""
        return self.status is not None and not self.is_about_the_side


class Unreachable(RemoteError):
    """The side did not answer, or answered with a server error (5xx, 408, 425)."""


class UnexpectedContent(RemoteError):
    """The answer is not the API's: HTML, cut off, not JSON, or JSON of another shape."""


class Throttled(RemoteError):
    """The side asks for fewer requests (429); the next one may be sent after `wait_s` seconds."""

    exit_code = 75

    def __init__(
        self,
        message: str,
        *,
        side: str,
        wait_s: float,
        status: int | None = None,
        request_id: str | None = None,
        may_have_applied: bool = True,
    ) -> None:
        super().__init__(
            message,
            side=side,
            status=status,
            request_id=request_id,
            may_have_applied=may_have_applied,
        )
        self.wait_s = wait_s

    @property
    def is_about_the_side(self) -> bool:
        """True where nothing can have applied, for example where the request was not sent since
        the wait is longer than the cycle. Else the next request waits by itself."""
        return not self.may_have_applied

    @property
    def is_about_one(self) -> bool:
        return False


class ClearRefusal(RemoteError):
    """The side understood the request and refused it: nothing was changed."""

    def __init__(
        self, message: str, *, side: str, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(
            message, side=side, status=status, request_id=request_id, may_have_applied=False
        )


class CredentialsRefused(ClearRefusal):
    """Missing or invalid credentials (401)."""

    exit_code = 77

    @property
    def is_about_the_side(self) -> bool:
        return True


class AccessRefused(CredentialsRefused):
    """The credentials are valid, but do not allow this: for this record, or for any (403)."""

    @property
    def is_about_the_side(self) -> bool:
        return False


class IntegrationInactive(ClearRefusal):
    """The downstream integration is not active in Scan2Evolve (403)."""

    exit_code = 77

    @property
    def is_about_the_side(self) -> bool:
        return True


class NotFound(ClearRefusal):
    """There is no such record, or it belongs to another organisation (404)."""


class Refused(ClearRefusal):
    """The side does not accept these values for this record (400 and other 4xx)."""


class Changed(ClearRefusal):
    """The record no longer holds what we expected, so nothing was written (409, 412)."""
