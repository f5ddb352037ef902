"""Rules of failing: the class of an error says what we do, so it has to be the right one; and
whether a write may have applied decides whether it may be repeated."""

import logging
from collections.abc import Callable

import pytest

from syncd.cmms.conformance.bench import THROTTLE_S, THROTTLE_UNTIL_S, Bench, Fault
from syncd.cmms.conformance.suite import (
    SECRETS,
    Requests,
    Suite,
    reads_fail,
    shows,
    when,
    writes_fail,
)
from syncd.cmms.port import with_defaults
from syncd.errors import (
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    SyncdError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)

# Which classes say what happened. Several, where an adapter may know more than another.
EXPECTED: dict[Fault, tuple[type[RemoteError], ...]] = {
    Fault.UNAUTHORIZED: (CredentialsRefused,),
    Fault.FORBIDDEN: (CredentialsRefused, Refused),
    Fault.THROTTLED: (Throttled,),
    Fault.THROTTLED_UNTIL: (Throttled,),
    Fault.REFUSED: (Refused,),
    Fault.SERVER_ERROR: (Unreachable,),
    Fault.UNAVAILABLE: (Unreachable,),
    Fault.BAD_GATEWAY: (Unreachable,),
    Fault.TIMEOUT: (Unreachable,),
    Fault.TIMEOUT_APPLIED: (Unreachable,),
    Fault.RESET: (Unreachable,),
    Fault.RESET_APPLIED: (Unreachable,),
    Fault.TRUNCATED: (UnexpectedContent, Unreachable),
    Fault.HTML: (UnexpectedContent,),
    Fault.STRANGE: (UnexpectedContent,),
    Fault.ERROR_IN_200: (Refused, CredentialsRefused, Unreachable, UnexpectedContent),
}


class Failing(Suite):
    """Errors of every method."""

    def reads(self, bench: Bench, reading: str, cmms_id: str) -> Callable[[], object]:
        """One way of reading."""
        return {
            "get": lambda: bench.adapter.get(cmms_id),
            "find": lambda: bench.adapter.find(self.new_id()),
            "fetch": lambda: list(bench.adapter.fetch(None)),
            # Without a check of its own, the first record tells whether the CMMS is there.
            "check": lambda: (
                with_defaults(bench.adapter).check() or next(iter(bench.adapter.fetch(None)))
            ),
        }[reading]

    def writes(self, bench: Bench, writing: str, cmms_id: str) -> Callable[[], object]:
        """One way of writing, of a value that shows."""
        if writing == "create":
            return lambda: bench.adapter.create(self.new_id(), self.order())
        return self.change(bench, cmms_id)

    def test_a_read_that_fails_raises_what_happened(
        self, bench: Bench, reading: str, read_fault: str
    ) -> None:
        """Retry, ask a person, or park: the class decides. Never an empty answer, never absence."""
        fault = Fault(read_fault)
        call = self.reads(bench, reading, self.made(bench).cmms_id)
        before = bench.records()
        with reads_fail(bench, fault) as seen, pytest.raises(RemoteError) as caught:
            call()
        assert seen.all > 0
        assert isinstance(caught.value, EXPECTED[fault]), repr(caught.value)
        assert not isinstance(caught.value, NotFound)
        assert caught.value.side == "cmms"
        assert str(caught.value)
        assert bench.records() == before
        call()  # and once the trouble is over, all is as before

    def test_a_write_that_fails_raises_what_happened(
        self, bench: Bench, writing: str, write_fault: str
    ) -> None:
        """The same for writes. What has left a trace says that it may have."""
        fault = Fault(write_fault)
        call = self.writes(bench, writing, self.made(bench).cmms_id)
        before = bench.records()
        with writes_fail(bench, fault) as seen, pytest.raises(RemoteError) as caught:
            call()
        assert seen.writes > 0
        assert isinstance(caught.value, EXPECTED[fault]), repr(caught.value)
        assert not isinstance(caught.value, NotFound)
        assert caught.value.side == "cmms"
        call()
        assert len(bench.records()) <= len(before) + 2

    def test_a_write_that_may_have_applied_says_so(
        self, bench: Bench, writing: str, write_fault: str
    ) -> None:
        """`may_have_applied` is False only when the write certainly had no effect: a lie here
        doubles a record, or loses an edit."""
        call = self.writes(bench, writing, self.made(bench).cmms_id)
        before = bench.records()
        with writes_fail(bench, Fault(write_fault)), pytest.raises(RemoteError) as caught:
            call()
        applied = bench.records() != before
        assert caught.value.may_have_applied or not applied

    @when(shows(Fault.UNAVAILABLE))
    def test_a_write_that_cannot_be_read_back_says_that_it_may_have_applied(
        self, bench: Bench, writing: str
    ) -> None:
        """The write was answered, and then the CMMS went away."""
        call = self.writes(bench, writing, self.made(bench).cmms_id)
        before = bench.records()
        written = False

        def fails(_number: int, writes: bool) -> Fault | None:
            nonlocal written
            lost = written and not writes
            written = written or writes
            return Fault.UNAVAILABLE if lost else None

        error: RemoteError | None = None
        with Requests(bench, fails):
            try:
                call()
            except RemoteError as caught:
                error = caught
        assert written
        assert error is not None or bench.records() != before
        assert error is None or error.may_have_applied or bench.records() == before

    @when(shows(Fault.UNAVAILABLE))
    def test_a_write_that_ends_halfway_says_that_it_may_have_applied(self, bench: Bench) -> None:
        """Where one write takes several requests, the second one failed."""
        made = self.made(bench)
        before = bench.records()
        writes_seen = 0

        def fails(_number: int, writes: bool) -> Fault | None:
            nonlocal writes_seen
            writes_seen += writes
            return Fault.UNAVAILABLE if writes and writes_seen > 1 else None

        error: RemoteError | None = None
        with Requests(bench, fails):
            try:
                bench.adapter.update(made.cmms_id, self.everything(), {})
            except RemoteError as caught:
                error = caught
        assert error is not None or bench.records() != before
        assert error is None or error.may_have_applied or bench.records() == before

    @when(shows(Fault.THROTTLED))
    def test_how_long_to_wait_is_told_in_seconds(self, bench: Bench, reading: str) -> None:
        """Retry-After: 7."""
        call = self.reads(bench, reading, self.made(bench).cmms_id)
        with reads_fail(bench, Fault.THROTTLED), pytest.raises(Throttled) as caught:
            call()
        assert THROTTLE_S - 1 <= caught.value.wait_s <= THROTTLE_S + 1

    @when(shows(Fault.THROTTLED_UNTIL))
    def test_a_date_to_wait_for_becomes_seconds(self, bench: Bench, reading: str) -> None:
        """Retry-After: Wed, 21 Oct 2026 07:28:00 GMT."""
        call = self.reads(bench, reading, self.made(bench).cmms_id)
        with reads_fail(bench, Fault.THROTTLED_UNTIL), pytest.raises(Throttled) as caught:
            call()
        assert THROTTLE_UNTIL_S - 10 <= caught.value.wait_s <= THROTTLE_UNTIL_S + 2

    @when(lambda suite: SECRETS not in suite.cannot)
    def test_no_secret_is_told_by_an_error(
        self,
        bench: Bench,
        write_fault: str,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Nor by what it was raised from, nor by a line that was logged or printed."""
        caplog.set_level(logging.DEBUG)
        made = self.made(bench)
        told: list[str] = []
        fault = Fault(write_fault)
        for call, fails in (
            (lambda: list(bench.adapter.fetch(None)), reads_fail),
            (self.change(bench, made.cmms_id), writes_fail),
        ):
            with fails(bench, fault):
                try:
                    call()
                except SyncdError as error:
                    told += _said(error)
        told += [caplog.text, *capfd.readouterr()]
        assert len(told) > 3
        assert self._secrets_in(told) == []

    @when(lambda suite: SECRETS not in suite.cannot)
    def test_no_secret_is_shown_by_the_adapter(
        self,
        bench: Bench,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """When it is printed, when it is asked how it is, and at work."""
        caplog.set_level(logging.DEBUG)
        made = self.made(bench)
        self.change(bench, made.cmms_id)()
        list(bench.adapter.fetch(None))
        adapter = bench.adapter
        told = [repr(adapter), str(adapter), repr(adapter.capabilities)]
        told += [with_defaults(adapter).check() or "", repr(made), caplog.text, *capfd.readouterr()]
        assert self._secrets_in(told) == []

    def _secrets_in(self, told: list[str]) -> list[str]:
        assert self.secrets, "say `secrets`: what the adapter of the bench was given"
        return [text for text in told if any(secret in text for secret in self.secrets)]


def _said(error: BaseException) -> list[str]:
    """What an error and all that it was raised from say."""
    told: list[str] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None:
            told += [str(one), repr(one), *getattr(one, "__notes__", [])]
            waiting += [one.__cause__, None if one.__suppress_context__ else one.__context__]
    return told
