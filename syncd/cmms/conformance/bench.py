"""What the suite asks of an adapter's author: the adapter, and a hand in its CMMS."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from syncd.cmms.port import CmmsAdapter
from syncd.core.work_order import Field, Fields, Value

THROTTLE_S = 7.0  # what Fault.THROTTLED asks to wait
THROTTLE_UNTIL_S = 90.0  # how far ahead the date of Fault.THROTTLED_UNTIL lies


class Fault(StrEnum):
    """How one request fails. "Applied": the write takes effect before the answer goes wrong."""

    UNAUTHORIZED = "unauthorized"  # 401
    FORBIDDEN = "forbidden"  # 403, or no right to do that
    THROTTLED = "throttled"  # 429 with Retry-After: 7
    THROTTLED_UNTIL = "throttled_until"  # 429 with Retry-After as a date in 90 s
    REFUSED = "refused"  # 400, 422, a constraint: these values are not taken; writes only
    SERVER_ERROR = "server_error"  # 500
    UNAVAILABLE = "unavailable"  # 503, or gone away
    BAD_GATEWAY = "bad_gateway"  # 502, applied
    TIMEOUT = "timeout"  # no answer
    TIMEOUT_APPLIED = "timeout_applied"  # no answer, applied
    RESET = "reset"  # the connection ends before an answer
    RESET_APPLIED = "reset_applied"  # the same, applied
    TRUNCATED = "truncated"  # the answer ends in the middle, applied
    HTML = "html"  # 200 with a page for people: a login, a proxy
    ERROR_IN_200 = "error_in_200"  # 200, and the body says that it failed
    STRANGE = "strange"  # 200 with JSON that is not what was promised, applied
    IGNORED = "ignored"  # answered as done, and nothing kept; writes only
    LAGGING = "lagging"  # the newest record is not yet in the index; reads only


class Bench(Protocol):
    """An adapter and its CMMS, a real one or a fake. Each test gets a new one, and empty.

    Attributes:
        adapter: the adapter under test. It may write, and its clock is the real one.
        on_request: the suite sets it; the bench calls it with each request of the adapter's
            before the request has any effect: True for one that may write. What it returns is
            how this request fails. What the adapter's CMMS does not know as requests
            (connecting, BEGIN) may be left out.
        page_size: so many records the adapter gets by one request of a fetch.
    """

    adapter: CmmsAdapter
    on_request: Callable[[bool], Fault | None]
    page_size: int

    def records(self) -> Mapping[str, Mapping[str, object]]:
        """What the CMMS really holds, as people see it: by id, then by name.

        A field's name is our word for it, where there is one; its value is as the CMMS spells
        it. Stamps of change are left out.
        """

    def edit(self, cmms_id: str, name: Field, value: Value) -> None:
        """A person sets a field."""

    def add(self, fields: Fields) -> str:
        """A person makes a record; its id."""

    def delete(self, cmms_id: str) -> None:
        """A person deletes a record."""


def no_fault(_writes: bool) -> Fault | None:
    """`on_request` as long as nothing is to happen."""
    return None
