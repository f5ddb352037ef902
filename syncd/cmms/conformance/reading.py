"""Rules of `fetch` and `get`: too many records rather than too few, and never a short list."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from syncd.cmms.conformance.bench import Bench, BenchFault, BreaksRows, BreaksValues
from syncd.cmms.conformance.suite import Requests, Suite, keeps, live, reads_fail, when
from syncd.cmms.port import with_defaults
from syncd.core.work_order import Field, Unreadable
from syncd.errors import NotFound, Refused, RemoteError

# No record's id is spelled like this, but a URL or a query may take it for another record's id.
ODD_IDS = (
    "",
    " ",
    "0",
    "-1",
    "007",
    "1.5",
    ".",
    "..",
    "no such",
    "a/b",
    "../1",
    "1?x=y",
    "1#x",
    "%2e%2e",
    "1,2",
    "1 or 1=1",
    "é",
    "١",
    "null",
    "9" * 40,
    "x" * 2000,
)
_OLD = datetime(2020, 1, 1, tzinfo=UTC)
_KOLKATA = timezone(timedelta(hours=5, minutes=30))


def _narrows(suite: type[Suite]) -> bool:
    return suite.capabilities.filters_changes


def _breaks_values(suite: type[Suite]) -> bool:
    return "value" in suite.breaks


def _breaks_rows(suite: type[Suite]) -> bool:
    return "row" in suite.breaks


class Reading(Suite):
    """`fetch` and `get`."""

    def fetched(self, bench: Bench, since: datetime | None = None) -> list[str]:
        """The ids of what a fetch yields, each once."""
        return sorted({it.cmms_id for it in bench.adapter.fetch(since)})

    def fill(self, bench: Bench, pages: int = 2, more: int = 1) -> list[str]:
        """Make records as people do, `pages` full pages and `more`; return their ids."""
        return [bench.add(self.order()) for _ in range(pages * bench.page_size + more)]

    def test_an_empty_cmms_yields_nothing(self, bench: Bench) -> None:
        """An empty CMMS is not an error."""
        assert self.fetched(bench) == []

    def test_every_record_is_fetched(self, bench: Bench) -> None:
        """Ours, and those that people made and that carry no Scan2Evolve id."""
        theirs, ours = bench.add(self.order()), self.made(bench)
        assert self.fetched(bench) == sorted({theirs, ours.cmms_id})
        by_id = {it.cmms_id: it for it in bench.adapter.fetch(None)}
        assert by_id[theirs].s2e_id is None
        assert by_id[ours.cmms_id].s2e_id == ours.s2e_id

    def test_what_is_fetched_is_what_get_returns(self, bench: Bench) -> None:
        """A list that shows less of a record than `get` would be taken for an edit."""
        made = self.made(bench, self.everything())
        (fetched,) = bench.adapter.fetch(None)
        got = bench.adapter.get(made.cmms_id)
        assert fetched.fields == got.fields
        assert (fetched.cmms_id, fetched.s2e_id) == (got.cmms_id, got.s2e_id)

    def test_a_persons_edit_is_read(self, bench: Bench) -> None:
        """By every way of reading."""
        made = self.made(bench, self.everything())
        before = made.fields.get(self.other)
        bench.edit(made.cmms_id, self.other, self.sample(self.other, 1))
        got = bench.adapter.get(made.cmms_id)
        assert got.fields.get(self.other) != before
        (fetched,) = bench.adapter.fetch(None)
        assert fetched.fields == got.fields

    @when(_breaks_values)
    def test_a_value_that_cannot_be_read_is_one_unreadable_field(self, bench: BreaksValues) -> None:
        """Its record is read, and the other records are: one bad value is one bad value."""
        bad, good = self.made(bench, self.everything()), self.made(bench)
        name = bench.spoil(bad.cmms_id)
        fetched = {it.cmms_id: it for it in bench.adapter.fetch(None)}
        assert fetched.keys() == {bad.cmms_id, good.cmms_id}
        for record in (fetched[bad.cmms_id], bench.adapter.get(bad.cmms_id)):
            assert isinstance(record.fields[name], Unreadable)
            others = {self.plain, Field.S2E_ID} & bad.fields.keys() - {name}
            assert {it: record.fields[it] for it in others} == {it: bad.fields[it] for it in others}

    @when(_breaks_values)
    def test_the_other_fields_of_such_a_record_are_written(self, bench: BreaksValues) -> None:
        """Only what cannot be read is parked."""
        made = self.made(bench, self.everything())
        name = bench.spoil(made.cmms_id)
        after = self.change(bench, made.cmms_id)()
        assert keeps(self.plain, self.sample(self.plain, 1), after)
        assert isinstance(after.fields[name], Unreadable)

    @when(_breaks_rows)
    def test_a_row_without_an_id_is_named_and_the_records_are_read(self, bench: BreaksRows) -> None:
        """By what it holds and where it stands, for a person to find it."""
        ids = self.fill(bench, pages=1)
        bench.add_broken()
        assert self.fetched(bench) == sorted(ids)
        nameless = with_defaults(bench.adapter).nameless
        assert nameless
        assert "" not in {*nameless, *nameless.values()}

    def test_more_than_two_pages_are_read_to_the_end(self, bench: Bench) -> None:
        """The last page, which is shorter, counts too."""
        ids = self.fill(bench)
        assert self.fetched(bench) == sorted(ids)

    def test_a_last_page_that_is_full_ends_the_list(self, bench: Bench) -> None:
        """No page follows it. That is neither an error nor a reason to read the list again."""
        ids = self.fill(bench, more=0)
        assert self.fetched(bench) == sorted(ids)

    def test_a_page_that_is_edited_between_requests_hides_nothing(self, bench: Bench) -> None:
        """In a list ordered by change time, an edit moves its record, and others change page."""
        ids = self.fill(bench)

        def edit(number: int, _writes: bool) -> BenchFault | None:
            for cmms_id in ids[(number - 1) * 3 : number * 3]:
                bench.edit(cmms_id, self.other, self.sample(self.other, 1))
            return None

        with Requests(bench, edit) as seen:
            ids_read = self.fetched(bench)
        assert seen.all > 2, (
            "these records should fill three pages; is the bench's page_size right?"
        )
        assert sorted(set(ids) - set(ids_read)) == []

    def test_a_fetch_under_deletions_hides_nothing_else(self, bench: Bench) -> None:
        """With pages by offset, each deleted row hides one row of the next page."""
        ids = self.fill(bench)
        gone: list[str] = []

        def delete(number: int, _writes: bool) -> BenchFault | None:
            if number > 1 and number <= len(ids) // 2:
                gone.append(ids[number - 2])
                bench.delete(gone[-1])
            return None

        with Requests(bench, delete):
            ids_read = self.fetched(bench)
        assert gone
        assert sorted(set(ids) - set(gone) - set(ids_read)) == []

    def test_a_fetch_under_insertions_hides_nothing(self, bench: Bench) -> None:
        """Records that were there all the time are read; new ones may be. And the fetch ends."""
        ids = self.fill(bench)

        def insert(number: int, _writes: bool) -> BenchFault | None:
            if number <= len(ids):
                bench.add(self.order())
            return None

        with Requests(bench, insert):
            ids_read = self.fetched(bench)
        assert sorted(set(ids) - set(ids_read)) == []

    def test_a_page_that_fails_raises(self, bench: Bench, page_fault: str) -> None:
        """The first page arrived, the second did not: a short list is never taken for complete."""
        self.fill(bench)
        with reads_fail(bench, BenchFault(page_fault), after=1), pytest.raises(RemoteError):
            list(bench.adapter.fetch(None))

    def test_a_fetch_that_is_given_up_holds_nothing(self, bench: Bench) -> None:
        """A deadline ended the fetch after one record. The next call works as usual."""
        ids = self.fill(bench)
        next(iter(bench.adapter.fetch(None)))
        assert self.change(bench, ids[0])().cmms_id == ids[0]
        assert self.fetched(bench) == sorted(ids)

    # ── since ─────────────────────────────────────────────────────────────────────────────

    def test_what_changed_since_long_ago_is_everything(self, bench: Bench) -> None:
        """Records that were never edited belong to it."""
        ids = [self.made(bench).cmms_id, bench.add(self.order())]
        assert self.fetched(bench, _OLD) == sorted(ids)

    def test_a_time_to_come_is_no_error(self, bench: Bench) -> None:
        """Our watermark may lie in the future of a CMMS whose clock was set back."""
        made = self.made(bench)
        ahead = self.fetched(bench, datetime.now(UTC) + timedelta(days=400))
        assert set(ahead) <= {made.cmms_id}

    @when(_narrows)
    def test_who_narrows_by_change_time_tells_it(self, bench: Bench) -> None:
        """Without `updated_at` the watermark could not move, and every fetch would read all."""
        made = self.made(bench)
        assert made.updated_at is not None
        (fetched,) = bench.adapter.fetch(None)
        assert fetched.updated_at is not None

    @when(_narrows)
    def test_a_record_changed_at_that_very_moment_is_fetched(self, bench: Bench) -> None:
        """At or after: with `>`, what was saved in the same moment would be lost."""
        ids = {self.made(bench).cmms_id, bench.add(self.order())}
        for record in list(bench.adapter.fetch(None)):
            assert record.updated_at is not None
            assert record.cmms_id in self.fetched(bench, record.updated_at)
        assert len(ids) == 2

    @when(_narrows)
    def test_a_record_changed_within_the_resolution_is_fetched(self, bench: Bench) -> None:
        """A time that is cut to the second stands for every moment of that second."""
        made = self.made(bench)
        stamp = bench.adapter.get(made.cmms_id).updated_at
        assert stamp is not None
        resolution = self.capabilities.change_resolution_s or 0
        within = stamp + timedelta(seconds=resolution * 0.9)
        assert made.cmms_id in self.fetched(bench, within)

    @when(_narrows)
    def test_the_moment_counts_and_not_its_zone(self, bench: Bench) -> None:
        """The same instant, spelled in the time of Kolkata, narrows the fetch in the same way."""
        made = self.made(bench)
        stamp = bench.adapter.get(made.cmms_id).updated_at
        assert stamp is not None
        assert made.cmms_id in self.fetched(bench, stamp.astimezone(_KOLKATA))

    @when(_narrows)
    def test_an_edit_since_the_watermark_is_fetched(self, bench: Bench) -> None:
        """An edit of a person, a write of ours, and a new record: all come after the watermark."""
        first = self.made(bench)
        mark = bench.adapter.get(first.cmms_id).updated_at
        ours, theirs = self.made(bench), bench.add(self.order())
        bench.edit(first.cmms_id, self.other, self.sample(self.other, 1))
        assert set(self.fetched(bench, mark)) >= {first.cmms_id, ours.cmms_id, theirs}

    @when(_narrows)
    def test_more_than_two_pages_of_changes_are_read_to_the_end(self, bench: Bench) -> None:
        """The filter has to be sent with every page."""
        ids = self.fill(bench)
        stamps = [it.updated_at for it in bench.adapter.fetch(None) if it.updated_at is not None]
        assert self.fetched(bench, min(stamps)) == sorted(ids)

    # ── one record ───────────────────────────────────────────────────────────────────────────────

    def test_an_id_that_is_unknown_is_not_found(self, bench: Bench) -> None:
        """The record was there, and a person deleted it."""
        made, stays = self.made(bench), self.made(bench)
        bench.delete(made.cmms_id)
        with pytest.raises(NotFound):
            bench.adapter.get(made.cmms_id)
        assert bench.adapter.get(stays.cmms_id).fields == stays.fields

    def test_an_update_of_an_unknown_id_is_not_found(self, bench: Bench) -> None:
        """And no record is made."""
        made, _stays = self.made(bench), self.made(bench)
        bench.delete(made.cmms_id)
        before = bench.records()
        with pytest.raises(NotFound) as caught:
            self.change(bench, made.cmms_id)()
        assert not caught.value.may_have_applied
        assert bench.records() == before

    @live
    @pytest.mark.parametrize("odd", ODD_IDS, ids=[f"{it[:12]!a}" for it in ODD_IDS])
    def test_an_id_that_is_no_id_reaches_no_record(self, bench: Bench, odd: str) -> None:
        """For example another system's externalId. It may not lead to some other record or page."""
        self.made(bench)
        with pytest.raises((NotFound, Refused)):
            bench.adapter.get(odd)

    @pytest.mark.parametrize("odd", ODD_IDS, ids=[f"{it[:12]!a}" for it in ODD_IDS])
    def test_an_id_that_is_no_id_changes_no_record(self, bench: Bench, odd: str) -> None:
        """And no record is made for it."""
        self.made(bench)
        before = bench.records()
        with pytest.raises((NotFound, Refused)):
            self.change(bench, odd)()
        assert bench.records() == before

    @live
    def test_a_record_is_read_by_the_id_that_it_was_told_by(self, bench: Bench) -> None:
        """`get` takes the `cmms_id` of a record."""
        made = self.made(bench)
        assert made.cmms_id
        assert bench.adapter.get(made.cmms_id).cmms_id == made.cmms_id
        if Field.EXTERNAL_ID in self.capabilities.reads:
            assert made.fields[Field.EXTERNAL_ID]
