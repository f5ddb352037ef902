"""A side that is down: logged when it starts and when it ends, and tried less often between."""

from dataclasses import dataclass

import structlog

from syncd.errors import CredentialsRefused, IntegrationInactive, RemoteError, UnexpectedContent

_LONGEST_WAIT_S = 300.0
_CREDENTIALS_WAIT_S = 900.0  # a person has to act; tried again four times an hour


@dataclass(slots=True)
class Outage:
    """Whether one side (or one kind of call to it) is down, from cycle to cycle.

    Attributes:
        name: "s2e", "cmms", or "pushes" for writing upstream.
        error: its last failure; None while it works.
        retry_at: the monotonic time before which it is left alone.
    """

    name: str
    error: RemoteError | None = None
    since: float = 0.0
    retry_at: float = 0.0
    failures: int = 0

    def met(self, error: RemoteError, now: float) -> None:
        """The side failed. Log it if it worked until now, or if it fails in another way."""
        if self.error is None:
            self.since = now
        if self.error is None or type(self.error) is not type(error):
            self._log_start(error)
        self.error = error
        self.failures += 1
        if isinstance(error, CredentialsRefused | IntegrationInactive):
            wait_s = _CREDENTIALS_WAIT_S
        else:
            # The first failure costs no tick: most outages are over by the next.
            wait_s = min(2.0**self.failures, _LONGEST_WAIT_S)
        self.retry_at = now + wait_s

    def _log_start(self, error: RemoteError) -> None:
        if isinstance(error, CredentialsRefused | IntegrationInactive):
            event = "auth.failed"
        elif isinstance(error, UnexpectedContent):
            event = "api.unexpected_content"
        else:
            event = f"{error.side}.unreachable"
        structlog.get_logger().error(
            event,
            what=self.name,
            error=f"{type(error).__name__}: {error}",
            request_id=error.request_id,
        )

    def over(self, now: float) -> None:
        """The side works. Log it if it did not until now."""
        if self.error is None:
            return
        structlog.get_logger().info(
            f"{self.error.side}.recovered", what=self.name, down_s=round(now - self.since)
        )
        self.error, self.failures, self.retry_at = None, 0, 0.0
