"""Rules of `update`: it writes the given fields and no others, and returns what came of it."""

from contextlib import suppress
from decimal import Decimal

import pytest

from syncd.cmms.conformance.bench import Bench, BenchFault
from syncd.cmms.conformance.samples import CONTROLS, FINE, TEXTS
from syncd.cmms.conformance.suite import (
    FREE_TEXT,
    Requests,
    Suite,
    differing,
    keeps,
    live,
    shows,
    when,
    writes_fail,
)
from syncd.cmms.port import with_defaults
from syncd.core.equality import same, stands_for
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Fields,
    Priority,
    Status,
    Unwritable,
    Value,
    ValueKind,
    kind_of,
)
from syncd.errors import Changed, Refused, RemoteError

HOURS = frozenset({Field.ACTUAL_HOURS, Field.ESTIMATED_HOURS})


def _two_fields(suite: type[Suite]) -> bool:
    return len(suite.capabilities.reads & {*FREE_TEXT, Field.STATUS, Field.PRIORITY}) > 1


def _locks(suite: type[Suite]) -> bool:
    return suite.capabilities.optimistic_lock


class Updating(Suite):
    """`update`."""

    @live
    def test_a_written_field_comes_back(self, bench: Bench, written: Field) -> None:
        """As it was sent, or cut, trimmed or rounded by the CMMS, or as `equivalents` says."""
        made = self.made(bench, self.everything())
        sent = self.sample(written, 1)
        record = bench.adapter.update(made.cmms_id, {written: sent}, {})
        assert keeps(written, sent, record), f"sent {sent!r}, read {record.fields.get(written)!r}"
        again = bench.adapter.get(made.cmms_id)
        assert again.fields == record.fields

    def test_what_is_kept_was_declared(self, bench: Bench, written: Field) -> None:
        """A CMMS that keeps something else than it is sent, whole seconds or cut text, is fine; the
        adapter says so with `settled` or `equivalents`. Else every first meeting rewrites it."""
        made = self.made(bench, self.everything())
        settled = with_defaults(bench.adapter).settled
        kind = kind_of(written)
        fine = FINE.get(kind, ()) if kind is not ValueKind.TEXT or written in FREE_TEXT else ()
        for sent in fine:
            wanted = settled(written, sent)
            if isinstance(wanted, Unwritable):
                continue
            with suppress(Refused):
                bench.adapter.update(made.cmms_id, {written: sent}, {})
                record = bench.adapter.get(made.cmms_id)
                held = record.fields.get(written)
                classes = record.equivalents.get(written, frozenset())
                assert same(held, sent) or same(held, wanted) or stands_for(sent, classes), (
                    f"sent {sent!r}, kept {held!r}; `settled` says {wanted!r}"
                )

    def test_a_written_field_reaches_the_cmms(self, bench: Bench, written: Field) -> None:
        """Seen from the CMMS: this field has changed, and no other one of the record."""
        made = self.made(bench, self.everything())
        before = dict(bench.records()[made.cmms_id])
        record = bench.adapter.update(made.cmms_id, {written: self.sample(written, 1)}, {})
        after = dict(bench.records()[made.cmms_id])
        derived = {Field.EXTERNAL_STATUS, Field.EXTERNAL_URL, Field.COMPLETED_AT, Field.STARTED_AT}
        allowed = {str(written)} | (
            {str(it) for it in derived} if written is Field.STATUS else set()
        )
        assert str(written) in differing(before, after)
        assert differing(before, after) <= allowed
        assert record.cmms_id == made.cmms_id

    @live
    def test_an_update_leaves_absent_fields_alone(self, bench: Bench) -> None:
        """A PUT of the whole record would empty them, or undo what a person has changed."""
        made = self.made(bench, self.everything())
        record = self.change(bench, made.cmms_id)()
        for name in self.capabilities.reads - {self.plain, Field.EXTERNAL_STATUS}:
            assert record.fields.get(name) == made.fields.get(name), name

    @when(_two_fields)
    def test_an_update_leaves_a_persons_edit_of_another_field(self, bench: Bench) -> None:
        """The edit came after our last read of the record, so we could not know of it."""
        made = self.made(bench, self.everything())
        edited = self.sample(self.other, 1)
        bench.edit(made.cmms_id, self.other, edited)
        before = dict(bench.records()[made.cmms_id])
        record = self.change(bench, made.cmms_id)()
        assert differing(before, bench.records()[made.cmms_id]) == {str(self.plain)}
        assert keeps(self.other, edited, record), "what was returned is not the record as it is"

    def test_no_field_outside_writes_is_ever_sent(self, bench: Bench) -> None:
        """Not even as a default, when a record is written in full."""
        made = self.made(bench)
        before = dict(bench.records()[made.cmms_id])
        bench.adapter.update(made.cmms_id, self.everything(), {})
        changed = differing(before, bench.records()[made.cmms_id])
        derived = {str(Field.EXTERNAL_STATUS), str(Field.EXTERNAL_URL)}
        assert changed & {str(name) for name in Field} - derived <= {
            str(name) for name in self.capabilities.writes
        }

    def test_an_update_touches_no_other_record(self, bench: Bench) -> None:
        """Every other record holds what it held before."""
        made, neighbour = self.made(bench), self.made(bench)
        before = dict(bench.records()[neighbour.cmms_id])
        self.change(bench, made.cmms_id)()
        assert dict(bench.records()[neighbour.cmms_id]) == before

    def test_an_empty_changeset_writes_nothing(self, bench: Bench) -> None:
        """It may read, since it returns the record."""
        made = self.made(bench)
        before = bench.records()
        with Requests(bench) as seen:
            record = bench.adapter.update(made.cmms_id, {}, {})
        assert seen.writes == 0
        assert bench.records() == before
        assert record.fields == made.fields

    @live
    def test_writing_the_same_value_again_changes_nothing(self, bench: Bench) -> None:
        """Our own write that comes back does not count as an edit."""
        made = self.made(bench, self.everything())
        again = bench.adapter.update(made.cmms_id, {self.plain: self.sample(self.plain)}, {})
        assert again.fields == made.fields

    @live
    def test_every_status_comes_back_or_is_declared_lossy(self, bench: Bench, status: str) -> None:
        """For example, their OPEN stands for our ASSIGNED and DRAFT: then `equivalents` says so.
        Otherwise DRAFT would be written as OPEN, read as ASSIGNED, and corrected for ever."""
        record = self._to_status(bench, Status(status))
        assert keeps(Field.STATUS, Status(status), record), (
            f"sent {status}, read {record.fields.get(Field.STATUS)!r}, which is declared to stand "
            f"for {sorted(record.equivalents.get(Field.STATUS, ()))}"
        )

    @live
    def test_every_priority_comes_back_or_is_declared_lossy(
        self, bench: Bench, priority: str
    ) -> None:
        """The same rule for priorities."""
        made = self.made(bench)
        record = bench.adapter.update(made.cmms_id, {Field.PRIORITY: Priority(priority)}, {})
        assert keeps(Field.PRIORITY, Priority(priority), record), (
            f"sent {priority}, read {record.fields.get(Field.PRIORITY)!r}"
        )

    @live
    def test_what_a_value_stands_for_holds_the_value_itself(
        self, bench: Bench, status: str
    ) -> None:
        """`equivalents` lists values of ours, and the record's own value is one of them."""
        record = self._to_status(bench, Status(status))
        for name, values in record.equivalents.items():
            words = {Field.STATUS: Status.__members__, Field.PRIORITY: Priority.__members__}
            assert set(values) <= set(words.get(name, values))
            assert str(record.fields.get(name)) in values

    def test_a_value_that_the_cmms_has_not_is_refused(self, bench: Bench, unsupported: str) -> None:
        """A person learns of it by the error. To write a similar value instead would be a guess."""
        value: Status | Priority
        if unsupported in Status.__members__:
            name, value = Field.STATUS, Status(unsupported)
        else:
            name, value = Field.PRIORITY, Priority(unsupported)
        made = self.made(bench)
        before = bench.records()
        with pytest.raises(Refused):
            bench.adapter.update(made.cmms_id, {name: value}, {})
        assert bench.records() == before

    def _to_status(self, bench: Bench, status: Status) -> CmmsRecord:
        """A record in this status. The fields that the status needs are written with it."""
        made = self.made(bench)
        needs = (self.capabilities.status_needs or {}).get(status, frozenset())
        fields: dict[Field, Value] = {name: self.sample(name) for name in needs}
        return bench.adapter.update(made.cmms_id, {**fields, Field.STATUS: status}, {})

    @live
    def test_none_clears_where_declared(self, bench: Bench, cleared: Field) -> None:
        """None empties the field, and it stays empty."""
        made = self.made(bench, self.everything())
        assert made.fields.get(cleared) is not None
        record = bench.adapter.update(made.cmms_id, {cleared: None}, {})
        assert record.fields.get(cleared) is None
        assert bench.adapter.get(made.cmms_id).fields.get(cleared) is None
        for name in self.capabilities.reads - {cleared}:
            assert record.fields.get(name) == made.fields.get(name), name

    def test_none_empties_no_other_field(self, bench: Bench, kept: Field) -> None:
        """syncd never asks for it. Such an update is refused, or the field stays as it was."""
        made = self.made(bench, self.everything())
        before = bench.records()
        try:
            record = bench.adapter.update(made.cmms_id, {kept: None}, {})
        except Refused:
            assert bench.records() == before
        else:
            assert record.fields.get(kept) == made.fields.get(kept)
            assert bench.records()[made.cmms_id].get(kept) == before[made.cmms_id].get(kept)

    @live
    def test_text_comes_back(self, bench: Bench, text: str) -> None:
        """Whatever a technician has typed, in every field that takes free text."""
        made = self.made(bench, self.everything())
        for name in FREE_TEXT:
            if name not in self.capabilities.writes:
                continue
            record = bench.adapter.update(made.cmms_id, {name: TEXTS[text]}, {})
            assert keeps(name, TEXTS[text], record), f"{name}: {record.fields.get(name)!r}"
            assert bench.adapter.get(made.cmms_id).fields == record.fields

    @live
    @when(lambda suite: bool(set(FREE_TEXT) & suite.capabilities.writes))
    def test_control_characters_are_kept_or_left_out(self, bench: Bench) -> None:
        """They come with pasted text. The rest of the text is kept, or the write is refused."""
        made = self.made(bench)
        try:
            record = bench.adapter.update(made.cmms_id, {self.plain: CONTROLS}, {})
        except Refused:
            assert bench.adapter.get(made.cmms_id).fields == made.fields
            return
        held = str(record.fields.get(self.plain))
        assert "".join(filter(str.isprintable, held)).startswith("before")
        assert held.endswith("after")

    @live
    @when(lambda suite: bool(HOURS & suite.capabilities.writes))
    def test_hours_keep_their_hundredths(self, bench: Bench) -> None:
        """0.1 may not become 0.09999: hours are Decimals, and no float is spelled in between."""
        for name in sorted(HOURS & self.capabilities.writes):
            made = self.made(bench)
            # Upwards, since some CMMSs only add hours; then 0, where hours can be emptied.
            zero = [Decimal(0)] if name in self.capabilities.clears else []
            for sent in (Decimal("0.1"), Decimal("2.25"), Decimal(1000), *zero):
                record = bench.adapter.update(made.cmms_id, {name: sent}, {})
                assert keeps(name, sent, record), f"{name}: {record.fields.get(name)!r} for {sent}"

    @when(shows(BenchFault.IGNORED))
    def test_a_write_that_was_ignored_shows_in_what_is_returned(self, bench: Bench) -> None:
        """The CMMS answered 200 and stored nothing: a read-only field, a closed record."""
        made = self.made(bench)
        held = bench.records()
        with writes_fail(bench, BenchFault.IGNORED):
            try:
                record: CmmsRecord | None = self.change(bench, made.cmms_id)()
            except RemoteError:
                record = None
        assert bench.records() == held, "the bench did not ignore it"
        assert record is None or record.fields == made.fields

    @when(_locks)
    def test_a_record_that_changed_meanwhile_is_not_written(self, bench: Bench) -> None:
        """It raises Changed: the record no longer holds what our decision was based on."""
        made = self.made(bench, self.everything())
        bench.edit(made.cmms_id, self.plain, self.sample(self.plain, 1))
        before = bench.records()
        wanted: Fields = {self.plain: self.sample(self.plain)}
        with pytest.raises(Changed) as caught:
            bench.adapter.update(made.cmms_id, wanted, {self.plain: made.fields[self.plain]})
        assert not caught.value.may_have_applied
        assert bench.records() == before

    @live
    def test_a_record_that_is_as_expected_is_written(self, bench: Bench) -> None:
        """`expected` holds every field as it was read, so that a lock lets the update through."""
        made = self.made(bench, self.everything())
        sent = {name: self.sample(name, 1) for name in (self.plain, self.other)}
        wanted: Fields = {
            name: value for name, value in sent.items() if name in self.capabilities.writes
        }
        expected: Fields = {name: made.fields.get(name) for name in self.everything()}
        record = bench.adapter.update(made.cmms_id, wanted, expected)
        for name, value in wanted.items():
            assert keeps(name, value, record), name

    @when(lambda suite: _locks(suite) and _two_fields(suite))
    def test_another_field_that_changed_meanwhile_does_not_lock(self, bench: Bench) -> None:
        """Only the fields in `expected` are compared."""
        made = self.made(bench, self.everything())
        bench.edit(made.cmms_id, self.other, self.sample(self.other, 1))
        wanted: Fields = {self.plain: self.sample(self.plain, 1)}
        record = bench.adapter.update(made.cmms_id, wanted, {self.plain: made.fields[self.plain]})
        assert keeps(self.plain, self.sample(self.plain, 1), record)
