"""Adapters with one mistake each, and the rules that have to find it.

Not collected with the other tests: test_conformance_finds.py runs it, and it has to fail.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from syncd.cmms.conformance import AdapterConformance, Bench
from syncd.cmms.conformance.fake import CmmsRequest, FakeBench, FakeCmms
from syncd.cmms.http import TokenOptions
from syncd.cmms.load import AdapterContext
from syncd.cmms.port import Capabilities
from syncd.core.meaning import Meanings
from syncd.core.values import encode_value
from syncd.core.work_order import CmmsRecord, Field, Fields, Unreadable, Unwritable, Value
from syncd.errors import NotFound, Refused, RemoteError, Throttled, UnexpectedContent, Unreachable
from tests.cmms.acme import NAMES, AcmeAdapter, _body, _page, _read
from tests.cmms.acme_test import TOKEN, FakeAcme, spell


class Broken(AdapterConformance):
    """An adapter with a mistake, on the fake of the sound one.

    Attributes:
        rules: the rules that find it; each of them fails at least once.
    """

    capabilities = AcmeAdapter.capabilities
    secrets = (TOKEN,)
    breaks = frozenset({"value"})
    adapter: ClassVar[type[AcmeAdapter]] = AcmeAdapter
    fake: ClassVar[type[FakeCmms]] = FakeAcme
    rules: ClassVar[tuple[str, ...]]

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        context = AdapterContext(may_write=True, utcnow=lambda: datetime.now(UTC))
        with self.fake() as fake:
            told = {"url": fake.url, "token": TOKEN, "timeout_s": 1.5}
            options = AcmeAdapter.Options.model_validate(told)
            with closing(self.adapter(options, context)) as adapter:
                yield FakeBench(adapter, fake, page_size=3, names=NAMES, spell=spell)


class Bent(AcmeAdapter):
    """Every record that is returned is bent."""

    def bend(self, record: CmmsRecord) -> CmmsRecord:
        return record

    def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
        return map(self.bend, super().fetch(changed_since))

    def get(self, cmms_id: str) -> CmmsRecord:
        return self.bend(super().get(cmms_id))

    def find(self, s2e_id: str) -> list[CmmsRecord]:
        return [self.bend(record) for record in super().find(s2e_id)]

    def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
        return self.bend(super().create(s2e_id, fields))

    def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
        return self.bend(super().update(cmms_id, fields, expected))


# ── creating and finding ──────────────────────────────────────────────────────────────────


class TestCreatesWithoutLooking(Broken):
    rules = (
        "test_creating_twice_makes_one_record",
        "test_creating_twice_makes_one_record_in_the_cmms",
        "test_creating_again_after_a_lost_answer_makes_one_record",
        "test_a_record_that_a_person_gave_the_id_is_not_made_again",
        "test_a_create_in_doubt_is_settled_once_the_index_has_caught_up",
    )

    class adapter(AcmeAdapter):  # noqa: N801 - stands for the attribute
        def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
            body = _body({**fields, Field.S2E_ID: s2e_id})
            return self._api.call(_read, "POST", "orders", body=body)


class TestFindsLoosely(Broken):
    rules = (
        "test_a_record_is_found_by_its_own_id_and_nothing_like_it",
        "test_records_with_ids_much_alike_are_records_of_their_own",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def find(self, s2e_id: str) -> list[CmmsRecord]:
            return self._api.call(_page, "GET", "orders", query={"search": s2e_id})[0]


class TestFindsNothingWhenItFails(Broken):
    rules = (
        "test_a_read_that_fails_raises_what_happened[server_error-find]",
        "test_a_create_that_cannot_look_first_makes_nothing",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def find(self, s2e_id: str) -> list[CmmsRecord]:
            try:
                return super().find(s2e_id)
            except RemoteError:
                return []

        def create(self, s2e_id: str, fields: Fields) -> CmmsRecord:
            try:
                return super().create(s2e_id, fields)
            except RemoteError:  # perhaps it could be read back no more
                body = _body({**fields, Field.S2E_ID: s2e_id})
                return self._api.call(_read, "POST", "orders", body=body)


# ── reading ───────────────────────────────────────────────────────────────────────────────


class TestStopsAtOneValue(Broken):
    rules = (
        "test_a_value_that_cannot_be_read_is_one_unreadable_field",
        "test_the_other_fields_of_such_a_record_are_written",
    )

    class adapter(Bent):  # noqa: N801
        def bend(self, record: CmmsRecord) -> CmmsRecord:
            for value in record.fields.values():
                if isinstance(value, Unreadable):
                    raise UnexpectedContent("what is that?", side="cmms")
            return record


class TestGuessesAValue(Broken):
    rules = ("test_a_value_that_cannot_be_read_is_one_unreadable_field",)

    class adapter(Bent):  # noqa: N801
        def bend(self, record: CmmsRecord) -> CmmsRecord:
            guessed = {
                name: None if isinstance(value, Unreadable) else value
                for name, value in record.fields.items()
            }
            return replace(record, fields=guessed)


# ── updating ──────────────────────────────────────────────────────────────────────────────


class TestSendsEverything(Broken):
    rules = (
        "test_an_update_leaves_absent_fields_alone",
        "test_an_update_leaves_a_persons_edit_of_another_field",
        "test_a_written_field_reaches_the_cmms",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            whole = dict.fromkeys(self.capabilities.clears) | dict(fields)
            return super().update(cmms_id, whole, expected)


class TestReturnsWhatWasSent(Broken):
    rules = ("test_a_write_that_was_ignored_shows_in_what_is_returned",)

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            told = super().update(cmms_id, fields, expected)
            return replace(told, fields={**told.fields, **fields})


class TestDoesNotClear(Broken):
    rules = ("test_none_clears_where_declared",)

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            told = {name: value for name, value in fields.items() if value is not None}
            return super().update(cmms_id, told, expected)


class TestEmptiesWhatIsNeverEmpty(Broken):
    rules = ("test_none_empties_no_other_field",)

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            if Field.STATUS in fields or not fields:
                return super().update(cmms_id, fields, expected)
            return self._api.call(_read, "PATCH", "orders", cmms_id, body=_body(fields))


class TestSendsAnEmptyChangeset(Broken):
    rules = ("test_an_empty_changeset_writes_nothing",)

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            return self._api.call(_read, "PATCH", "orders", cmms_id, body=_body(fields))


class TestHidesItsLosses(Broken):
    rules = ("test_every_status_comes_back_or_is_declared_lossy[DRAFT]",)

    class adapter(Bent):  # noqa: N801
        def bend(self, record: CmmsRecord) -> CmmsRecord:
            return replace(record, equivalents={})


class TestStripsMarkup(Broken):
    rules = ("test_text_comes_back[html]",)

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            text = fields.get(Field.RESOLUTION)
            if isinstance(text, str):
                fields = {**fields, Field.RESOLUTION: text.replace("<", "").replace(">", "")}
            return super().update(cmms_id, fields, expected)


# ── reading ───────────────────────────────────────────────────────────────────────────────


class TestNaiveTimes(Broken):
    rules = ("test_times_are_aware_and_utc",)

    class adapter(Bent):  # noqa: N801
        def bend(self, record: CmmsRecord) -> CmmsRecord:
            done = record.fields[Field.COMPLETED_AT]
            if not isinstance(done, datetime):
                return record
            naive = {Field.COMPLETED_AT: done.replace(tzinfo=None)}
            return replace(record, fields={**record.fields, **naive})


class TestFloatHours(Broken):
    rules = ("test_hours_are_decimals", "test_values_are_of_the_fields_type")

    class adapter(Bent):  # noqa: N801
        def bend(self, record: CmmsRecord) -> CmmsRecord:
            hours = record.fields[Field.ACTUAL_HOURS]
            told: Any = float(hours) if isinstance(hours, Decimal) else hours
            return replace(record, fields={**record.fields, Field.ACTUAL_HOURS: told})


class TestSwallowsAFailedPage(Broken):
    rules = ("test_a_page_that_fails_raises[unavailable]",)

    class adapter(AcmeAdapter):  # noqa: N801
        def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
            try:
                yield from super().fetch(changed_since)
            except RemoteError:
                return


class TestDropsTheLastPage(Broken):
    rules = (
        "test_more_than_two_pages_are_read_to_the_end",
        "test_more_than_two_pages_of_changes_are_read_to_the_end",
        "test_every_record_is_fetched",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
            query = {"since": encode(changed_since)} if changed_since else {}
            while True:
                records, after = self._api.call(_page, "GET", "orders", query=query)
                if after is None:
                    return
                yield from records
                query["after"] = after


class FakeByOffset(FakeAcme):
    """The page that begins at an offset, newest change first, as many CMMSs have it."""

    def answer(self, call: CmmsRequest) -> tuple[int, object]:
        if "offset" not in call.query:
            return super().answer(call)
        rows = sorted(self.rows.values(), key=lambda row: str(row["updated_at"]))
        start = int(call.query["offset"])
        left = len(rows) > start + 3
        return 200, {"items": rows[start : start + 3], "next": start + 3 if left else None}


class TestPagesByOffset(Broken):
    rules = (
        "test_a_page_that_is_edited_between_requests_hides_nothing",
        "test_a_fetch_under_deletions_hides_nothing_else",
    )
    fake = FakeByOffset

    class adapter(AcmeAdapter):  # noqa: N801
        def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
            offset: Any = 0
            while offset is not None:
                query = {"offset": str(offset)}
                records, offset = self._api.call(_page, "GET", "orders", query=query)
                yield from records


class TestLosesTheVeryMoment(Broken):
    rules = ("test_a_record_changed_at_that_very_moment_is_fetched",)

    class adapter(AcmeAdapter):  # noqa: N801
        def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
            later = changed_since and changed_since + timedelta(milliseconds=1)
            return super().fetch(later)


class TestForgetsTheZone(Broken):
    rules = ("test_the_moment_counts_and_not_its_zone",)

    class adapter(AcmeAdapter):  # noqa: N801
        def fetch(self, changed_since: datetime | None) -> Iterator[CmmsRecord]:
            taken = changed_since and changed_since.replace(tzinfo=UTC)
            return super().fetch(taken)


class TestInventsWhatIsUnknown(Broken):
    rules = (
        "test_an_id_that_is_unknown_is_not_found",
        "test_an_id_that_is_no_id_reaches_no_record['no such']",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def get(self, cmms_id: str) -> CmmsRecord:
            try:
                return super().get(cmms_id)
            except NotFound:
                return CmmsRecord(cmms_id, None, {})


class TestVersionStandsStill(Broken):
    rules = ("test_a_version_changes_with_every_edit",)

    class adapter(AcmeAdapter):  # noqa: N801
        def version(self) -> str:
            return "1"


# ── failing ───────────────────────────────────────────────────────────────────────────────


class TestRefusesOnServerErrors(Broken):
    rules = (
        "test_a_write_that_fails_raises_what_happened[server_error-update]",
        "test_a_write_that_may_have_applied_says_so[bad_gateway-update]",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            try:
                return super().update(cmms_id, fields, expected)
            except Unreachable as error:
                raise Refused(str(error), side="cmms") from error


class TestSaysThatNothingApplied(Broken):
    rules = (
        "test_a_write_that_may_have_applied_says_so[timeout_applied-update]",
        "test_a_write_that_may_have_applied_says_so[reset_applied-update]",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            try:
                return super().update(cmms_id, fields, expected)
            except Unreachable as error:
                error.may_have_applied = False
                raise


class TestWaitsAMinute(Broken):
    rules = (
        "test_how_long_to_wait_is_told_in_seconds[get]",
        "test_a_date_to_wait_for_becomes_seconds[get]",
    )

    class adapter(AcmeAdapter):  # noqa: N801
        def get(self, cmms_id: str) -> CmmsRecord:
            try:
                return super().get(cmms_id)
            except Throttled as error:
                error.wait_s = 60
                raise


class TestTellsTheToken(Broken):
    rules = ("test_no_secret_is_told_by_an_error[unavailable]",)

    class adapter(AcmeAdapter):  # noqa: N801
        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            try:
                return super().update(cmms_id, fields, expected)
            except Unreachable as error:
                raise Unreachable(f"{error} (with {TOKEN})", side="cmms") from error


class TestLogsTheToken(Broken):
    rules = ("test_no_secret_is_shown_by_the_adapter",)

    class adapter(AcmeAdapter):  # noqa: N801
        def get(self, cmms_id: str) -> CmmsRecord:
            return super().get(cmms_id)

        def update(self, cmms_id: str, fields: Fields, expected: Fields) -> CmmsRecord:
            logging.getLogger("acme").debug("PATCH with Bearer %s", TOKEN)
            return super().update(cmms_id, fields, expected)


# ── promising ─────────────────────────────────────────────────────────────────────────────


class TestWritesWhatItDoesNotRead(Broken):
    rules = ("test_a_write_is_confirmed_by_reading", "test_what_it_can_is_what_was_said")
    capabilities = replace(
        AcmeAdapter.capabilities, reads=AcmeAdapter.capabilities.reads - {Field.ACTUAL_HOURS}
    )


class TestHidesThatItsIndexLags(Broken):
    rules = ("test_an_index_that_lags_is_declared",)
    capabilities = replace(AcmeAdapter.capabilities, index_lag_s=0)

    class adapter(AcmeAdapter):  # noqa: N801
        capabilities: Capabilities = replace(AcmeAdapter.capabilities, index_lag_s=0)


# ── what it says of itself ────────────────────────────────────────────────────────────────


class TestKeepsWholeSecondsAndDoesNotSay(Broken):
    rules = ("test_what_is_kept_was_declared[completed_at]",)

    class adapter(Bent):  # noqa: N801
        def bend(self, record: CmmsRecord) -> CmmsRecord:
            done = record.fields[Field.COMPLETED_AT]
            if isinstance(done, datetime):
                done = done.replace(microsecond=0)
            return replace(record, fields={**record.fields, Field.COMPLETED_AT: done})


class TestRoundsHoursOtherwiseThanItSays(Broken):
    rules = ("test_what_is_kept_was_declared[actual_hours]",)

    class adapter(Bent):  # noqa: N801
        def settled(self, name: Field, value: Value) -> Value | Unwritable:
            return value.quantize(Decimal("0.1")) if isinstance(value, Decimal) else value

        def bend(self, record: CmmsRecord) -> CmmsRecord:
            hours = record.fields[Field.ACTUAL_HOURS]
            if isinstance(hours, Decimal):
                hours = hours.quantize(Decimal("0.25"))
            return replace(record, fields={**record.fields, Field.ACTUAL_HOURS: hours})


class ManyOptions(TokenOptions):
    hours_in: str = "hours"


class TestHasOptionsAndNoMappingHash(Broken):
    rules = ("test_options_that_may_bear_on_records_are_in_the_mapping_hash",)

    class adapter(AcmeAdapter):  # noqa: N801
        Options = ManyOptions


class TestReadsItsOwnValuesOtherwise(Broken):
    rules = ("test_a_record_is_read_the_same_from_its_own_values",)

    class adapter(AcmeAdapter):  # noqa: N801
        mapping_hash = "1"

        def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
            return _read({**native, "hours": None})


class TestLearnsWhatJsonCannotHold(Broken):
    rules = ("test_what_was_learned_can_be_pinned_again",)

    class adapter(AcmeAdapter):  # noqa: N801
        def learn(self) -> Mapping[str, Any]:
            return {"states": {1: "ASSIGNED"}}

        def meanings(self, learned: Mapping[str, Any]) -> Meanings:
            return {Field.STATUS: {"1": str(learned["states"].get(1))}}


class TestGivesNoReason(Broken):
    rules = ("test_what_cannot_be_shown_is_known_and_has_a_reason",)
    cannot: ClassVar[dict[str, str]] = {"lagging": "no", "weather": "it may well rain tomorrow"}


def encode(moment: datetime) -> str:
    """As the API wants it."""
    return str(encode_value(moment))
