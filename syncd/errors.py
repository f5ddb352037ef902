"""What can go wrong, by what the daemon does about it.

    SyncdError
    ├── ConfigurationError          stop; a person mends a setting                (78)
    ├── InputError                  stop; a person mends the command's words      (64)
    ├── InputContentError           stop; a file that a command was given is wrong    (65)
    ├── MirrorContentError          stop; the mirror's schema or content is wrong (65)
    ├── MirrorUnavailable           no write to either side until it is back      (74)
    ├── LeaseHeld, LeaseLost        another process writes for this connection    (75)
    └── RemoteError                 a side did not do what was asked
        ├── Unreachable             try again later; the side is down             (69)
        ├── UnexpectedContent       the same: what answered is not the API        (69)
        ├── Throttled               try again after `wait_s`                      (75)
        ├── CredentialsRefused      stop this kind of call; a person acts (401)   (77)
        │   └── AccessRefused       not with this record, or not at all (403)     (77)
        ├── IntegrationInactive     the same, for the downstream call (403)       (77)
        ├── NotFound                no such record; absence is not deletion
        ├── Refused                 this record, with these values, never again unchanged
        └── Changed                 the record is no longer as we read it: read it again

Only clients and adapters choose the class; `engine/cycle.py` acts on it. `may_have_applied` says
what a write that ended so has left behind: False only when it certainly had no effect.
"""

from typing import ClassVar


class SyncdError(Exception):
    """Base of everything syncd raises on purpose. Its text is for the operator."""

    exit_code: ClassVar[int] = 70


class ConfigurationError(SyncdError):
    """A setting is missing, malformed or contradicts another; the text names it and the remedy."""

    exit_code = 78


class InputError(SyncdError):
    """A command's argument cannot be used; the text names it and the remedy."""

    exit_code = 64


class InputContentError(SyncdError):
    """A file that a command was given cannot be used; the text names the line and what is wrong."""

    exit_code = 65


class MirrorContentError(SyncdError):
    """The mirror is not one this version can read: damaged, foreign, or of a newer schema."""

    exit_code = 65


class MirrorUnavailable(SyncdError):
    """The mirror cannot be opened, reached or written just now."""

    exit_code = 74


class LeaseHeld(SyncdError):
    """Another process holds the lease of this connection; the text names it."""

    exit_code = 75


class LeaseLost(SyncdError):
    """The lease was taken over by another process: nothing more may be written."""

    exit_code = 75


class RemoteError(SyncdError):
    """A side failed, refused or answered something else than what its API promises.

    Attributes:
        side: "s2e" or "cmms".
        status: the HTTP status, where there was one.
        request_id: the side's own name for the request, for its support.
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
        """Whether it would meet any other order, too, so that the next one need not be tried."""
        return False

    @property
    def is_about_one(self) -> bool:
        """Whether it was answered about one record, and says nothing of the others."""
        return self.status is not None and not self.is_about_the_side


class Unreachable(RemoteError):
    """The side did not answer, or answered with a server error (5xx, 408, 425)."""


class UnexpectedContent(RemoteError):
    """What answered does not speak the API: HTML, truncated, not JSON, not the promised shape."""


class Throttled(RemoteError):
    """The side asked for fewer requests (429)."""

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
        """One that was never sent has found that the wait is longer than the cycle; one that was
        answered delays the next request, which waits for it by itself."""
        return not self.may_have_applied

    @property
    def is_about_one(self) -> bool:
        return False


class ClearRefusal(RemoteError):
    """The side understood and said no: nothing was changed."""

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
    """The credentials hold, and may not do this: with this record, or with any (403)."""

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
    """No such record, or it belongs to another organisation (404)."""


class Refused(ClearRefusal):
    """These values are not accepted for this record (400 and other 4xx)."""


class Changed(ClearRefusal):
    """The record no longer holds what we expected; nothing was written."""
