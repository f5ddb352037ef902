"""What an adapter's author provides: the adapter, and a way to see and edit its CMMS."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from syncd.cmms.port import CmmsAdapter
from syncd.core.work_order import Field, Fields, Value

THROTTLE_S = 7.0  # what BenchFault.THROTTLED asks to wait
THROTTLE_UNTIL_S = 90.0  # how far ahead the date of BenchFault.THROTTLED_UNTIL lies


class BenchFault(StrEnum):
    """How one request fails. "Applied": the write takes effect, and then the answer goes wrong."""

    UNAUTHORIZED = "unauthorized"  # 401
    FORBIDDEN = "forbidden"  # 403, or no right to do that
    THROTTLED = "throttled"  # 429 with Retry-After: 7
    THROTTLED_UNTIL = "throttled_until"  # 429 with Retry-After as a date in 90 s
    REFUSED = "refused"  # 400, 422, a constraint: the values are refused; writes only
    SERVER_ERROR = "server_error"  # 500
    UNAVAILABLE = "unavailable"  # 503, or gone away
    BAD_GATEWAY = "bad_gateway"  # 502, applied
    TIMEOUT = "timeout"  # no answer
    TIMEOUT_APPLIED = "timeout_applied"  # no answer, applied
    RESET = "reset"  # the connection is reset before an answer
    RESET_APPLIED = "reset_applied"  # the same, applied
    TRUNCATED = "truncated"  # the answer ends in the middle, applied
    HTML = "html"  # 200 with a web page: a sign-in form, a proxy's error
    ERROR_IN_200 = "error_in_200"  # 200, and the body reports an error
    STRANGE = "strange"  # 200 with JSON of another shape, applied
    IGNORED = "ignored"  # answered as a success, and nothing was stored; writes only
    LAGGING = "lagging"  # the newest record is not yet in the index; reads only


class Bench(Protocol):
    """An adapter and its CMMS, a real one or a fake. Each test gets a new one without records.

    Attributes:
        adapter: the adapter under test. It may write, and its clock is the real one.
        on_request: the suite sets it. The bench calls it for every request of the adapter, before
            the request has any effect; the argument is True if the request may write. It returns
            how this request fails; None: it does not. What the CMMS does not count as a request
            (connecting, BEGIN) may be left out.
        page_size: how many records one request of a fetch returns.
    """

    adapter: CmmsAdapter
    on_request: Callable[[bool], BenchFault | None]
    page_size: int

    def records(self) -> Mapping[str, Mapping[str, object]]:
        """What the CMMS really holds, as people see it: values by name, by record id.

        A name is our name of the field, where there is one. A value is as the CMMS spells it.
        Times of change are left out.
        """

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        """Set a field, as a person does."""

    def add(self, fields: Fields) -> str:
        """Make a record, as a person does; return its id."""

    def delete(self, cmms_id: str) -> None:
        """Delete a record, as a person does."""


class BreaksValues(Bench, Protocol):
    """A bench that can show a value which cannot be read; `Suite.breaks` has "value" then."""

    def spoil(self, cmms_id: str) -> Field:
        """Put into one field of the record what nobody can read, as a bad import does; return
        the field."""


class BreaksRows(Bench, Protocol):
    """A bench that can show a row without an id; `Suite.breaks` has "row" then."""

    def add_broken(self) -> None:
        """Put a row without an id, null for example, among those that a fetch meets."""


def no_fault(_writes: bool) -> BenchFault | None:
    """The `on_request` of a bench on which nothing fails."""
    return None
