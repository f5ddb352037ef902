"""Rules of errors. The class of an error decides what syncd does, so it has to be the right one.
`may_have_applied` decides whether a write may be repeated."""

import logging
from collections.abc import Callable

import pytest

from syncd.cmms.conformance.bench import THROTTLE_S, THROTTLE_UNTIL_S, Bench, BenchFault
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

# The right classes for each fault. Several, where one adapter may know more than another.
EXPECTED: dict[BenchFault, tuple[type[RemoteError], ...]] = {
    BenchFault.UNAUTHORIZED: (CredentialsRefused,),
    BenchFault.FORBIDDEN: (CredentialsRefused, Refused),
    BenchFault.THROTTLED: (Throttled,),
    BenchFault.THROTTLED_UNTIL: (Throttled,),
    BenchFault.REFUSED: (Refused,),
    BenchFault.SERVER_ERROR: (Unreachable,),
    BenchFault.UNAVAILABLE: (Unreachable,),
    BenchFault.BAD_GATEWAY: (Unreachable,),
    BenchFault.TIMEOUT: (Unreachable,),
    BenchFault.TIMEOUT_APPLIED: (Unreachable,),
    BenchFault.RESET: (Unreachable,),
    BenchFault.RESET_APPLIED: (Unreachable,),
    BenchFault.TRUNCATED: (UnexpectedContent, Unreachable),
    BenchFault.HTML: (UnexpectedContent,),
    BenchFault.STRANGE: (UnexpectedContent,),
    BenchFault.ERROR_IN_200: (Refused, CredentialsRefused, Unreachable, UnexpectedContent),
}


class Failing(Suite):
    """Errors of every method."""

    def reads(self, bench: Bench, reading: str, cmms_id: str) -> Callable[[], object]:
        """One way of reading."""
        return {
            "get": lambda: bench.adapter.get(cmms_id),
            "find": lambda: bench.adapter.find(self.new_id()),
            "fetch": lambda: list(bench.adapter.fetch(None)),
            # An adapter without a check: the first record shows whether the CMMS is there.
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
        """The class decides: retry, ask a person, or park. A failed read is never an empty result,
        and never means that a record is gone."""
        fault = BenchFault(read_fault)
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
        call()  # once the fault is over, all is as before

    def test_a_write_that_fails_raises_what_happened(
        self, bench: Bench, writing: str, write_fault: str
    ) -> None:
        """The same for writes."""
        fault = BenchFault(write_fault)
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
        """`may_have_applied` is False only when the write certainly had no effect. A wrong False
        makes a record twice, or loses an edit."""
        call = self.writes(bench, writing, self.made(bench).cmms_id)
        before = bench.records()
        with writes_fail(bench, BenchFault(write_fault)), pytest.raises(RemoteError) as caught:
            call()
        applied = bench.records() != before
        assert caught.value.may_have_applied or not applied

    @when(shows(BenchFault.UNAVAILABLE))
    def test_a_write_that_cannot_be_read_back_says_that_it_may_have_applied(
        self, bench: Bench, writing: str
    ) -> None:
        """The write was answered; then the CMMS became unreachable."""
        call = self.writes(bench, writing, self.made(bench).cmms_id)
        before = bench.records()
        written = False

        def fails(_number: int, writes: bool) -> BenchFault | None:
            nonlocal written
            lost = written and not writes
            written = written or writes
            return BenchFault.UNAVAILABLE if lost else None

        error: RemoteError | None = None
        with Requests(bench, fails):
            try:
                call()
            except RemoteError as caught:
                error = caught
        assert written
        assert error is not None or bench.records() != before
        assert error is None or error.may_have_applied or bench.records() == before

    @when(shows(BenchFault.UNAVAILABLE))
    def test_a_write_that_ends_halfway_says_that_it_may_have_applied(self, bench: Bench) -> None:
        """The adapter writes by several requests, and the second one failed."""
        made = self.made(bench)
        before = bench.records()
        writes_seen = 0

        def fails(_number: int, writes: bool) -> BenchFault | None:
            nonlocal writes_seen
            writes_seen += writes
            return BenchFault.UNAVAILABLE if writes and writes_seen > 1 else None

        error: RemoteError | None = None
        with Requests(bench, fails):
            try:
                bench.adapter.update(made.cmms_id, self.everything(), {})
            except RemoteError as caught:
                error = caught
        assert error is not None or bench.records() != before
        assert error is None or error.may_have_applied or bench.records() == before

    @when(shows(BenchFault.THROTTLED))
    def test_how_long_to_wait_is_told_in_seconds(self, bench: Bench, reading: str) -> None:
        """For example `Retry-After: 7`."""
        call = self.reads(bench, reading, self.made(bench).cmms_id)
        with reads_fail(bench, BenchFault.THROTTLED), pytest.raises(Throttled) as caught:
            call()
        assert THROTTLE_S - 1 <= caught.value.wait_s <= THROTTLE_S + 1

    @when(shows(BenchFault.THROTTLED_UNTIL))
    def test_a_date_to_wait_for_becomes_seconds(self, bench: Bench, reading: str) -> None:
        """For example `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT`."""
        call = self.reads(bench, reading, self.made(bench).cmms_id)
        with reads_fail(bench, BenchFault.THROTTLED_UNTIL), pytest.raises(Throttled) as caught:
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
        """Nor by an error that it was raised from, nor by a line that was logged or printed."""
        caplog.set_level(logging.DEBUG)
        made = self.made(bench)
        texts: list[str] = []
        fault = BenchFault(write_fault)
        for call, fails in (
            (lambda: list(bench.adapter.fetch(None)), reads_fail),
            (self.change(bench, made.cmms_id), writes_fail),
        ):
            with fails(bench, fault):
                try:
                    call()
                except SyncdError as error:
                    texts += _texts_of(error)
        texts += [caplog.text, *capfd.readouterr()]
        assert len(texts) > 3
        assert self._secrets_in(texts) == []

    @when(lambda suite: SECRETS not in suite.cannot)
    def test_no_secret_is_shown_by_the_adapter(
        self,
        bench: Bench,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Not when it is printed, not by its check, and not while it works."""
        caplog.set_level(logging.DEBUG)
        made = self.made(bench)
        self.change(bench, made.cmms_id)()
        list(bench.adapter.fetch(None))
        adapter = bench.adapter
        texts = [repr(adapter), str(adapter), repr(adapter.capabilities)]
        texts += [with_defaults(adapter).check() or "", repr(made)]
        texts += [caplog.text, *capfd.readouterr()]
        assert self._secrets_in(texts) == []

    def _secrets_in(self, texts: list[str]) -> list[str]:
        assert self.secrets, "set `secrets` to what the adapter of the bench was given"
        return [text for text in texts if any(secret in text for secret in self.secrets)]


def _texts_of(error: BaseException) -> list[str]:
    """The texts of an error and of all that it was raised from."""
    texts: list[str] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None:
            texts += [str(one), repr(one), *getattr(one, "__notes__", [])]
            waiting += [one.__cause__, None if one.__suppress_context__ else one.__context__]
    return texts
