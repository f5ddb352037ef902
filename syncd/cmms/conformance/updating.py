"""Rules of updating: what was asked, nothing else, and what came of it."""

from decimal import Decimal

import pytest

from syncd.cmms.conformance.bench import Bench, Fault
from syncd.cmms.conformance.samples import CONTROLS, TEXTS
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
from syncd.core.work_order import CmmsRecord, Field, Fields, Priority, Status, Value
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
        """As it was, as the CMMS stores it (cut, trimmed, rounded), or as is declared."""
        made = self.made(bench, self.everything())
        sent = self.sample(written, 1)
        told = bench.adapter.update(made.cmms_id, {written: sent}, {})
        assert keeps(written, sent, told), f"sent {sent!r}, read {told.fields.get(written)!r}"
        again = bench.adapter.get(made.cmms_id)
        assert again.fields == told.fields

    def test_a_written_field_reaches_the_cmms(self, bench: Bench, written: Field) -> None:
        """Seen from the CMMS, and alone: no other field of the record has changed."""
        made = self.made(bench, self.everything())
        before = dict(bench.records()[made.cmms_id])
        told = bench.adapter.update(made.cmms_id, {written: self.sample(written, 1)}, {})
        after = dict(bench.records()[made.cmms_id])
        derived = {Field.EXTERNAL_STATUS, Field.EXTERNAL_URL, Field.COMPLETED_AT, Field.STARTED_AT}
        allowed = {str(written)} | (
            {str(it) for it in derived} if written is Field.STATUS else set()
        )
        assert str(written) in differing(before, after)
        assert differing(before, after) <= allowed
        assert told.cmms_id == made.cmms_id

    @live
    def test_an_update_leaves_absent_fields_alone(self, bench: Bench) -> None:
        """A PUT of the whole record would empty them, or bring back what a person has changed."""
        made = self.made(bench, self.everything())
        told = self.change(bench, made.cmms_id)()
        for name in self.capabilities.reads - {self.plain, Field.EXTERNAL_STATUS}:
            assert told.fields.get(name) == made.fields.get(name), name

    @when(_two_fields)
    def test_an_update_leaves_a_persons_edit_of_another_field(self, bench: Bench) -> None:
        """It was made after we last read the record, so we could not know of it."""
        made = self.made(bench, self.everything())
        edited = self.sample(self.other, 1)
        bench.edit(made.cmms_id, self.other, edited)
        before = dict(bench.records()[made.cmms_id])
        told = self.change(bench, made.cmms_id)()
        assert differing(before, bench.records()[made.cmms_id]) == {str(self.plain)}
        assert keeps(self.other, edited, told), "what was returned is not the record as it is"

    def test_no_field_outside_writes_is_ever_sent(self, bench: Bench) -> None:
        """Also not as a default, when a record is written in full."""
        made = self.made(bench)
        before = dict(bench.records()[made.cmms_id])
        bench.adapter.update(made.cmms_id, self.everything(), {})
        changed = differing(before, bench.records()[made.cmms_id])
        derived = {str(Field.EXTERNAL_STATUS), str(Field.EXTERNAL_URL)}
        assert changed & {str(name) for name in Field} - derived <= {
            str(name) for name in self.capabilities.writes
        }

    def test_an_update_touches_no_other_record(self, bench: Bench) -> None:
        """Its neighbours hold what they held."""
        made, neighbour = self.made(bench), self.made(bench)
        before = dict(bench.records()[neighbour.cmms_id])
        self.change(bench, made.cmms_id)()
        assert dict(bench.records()[neighbour.cmms_id]) == before

    def test_an_empty_changeset_writes_nothing(self, bench: Bench) -> None:
        """It may look, since it returns the record."""
        made = self.made(bench)
        before = bench.records()
        with Requests(bench) as seen:
            told = bench.adapter.update(made.cmms_id, {}, {})
        assert seen.writes == 0
        assert bench.records() == before
        assert told.fields == made.fields

    @live
    def test_writing_the_same_value_again_changes_nothing(self, bench: Bench) -> None:
        """Our own write that comes back is no edit."""
        made = self.made(bench, self.everything())
        again = bench.adapter.update(made.cmms_id, {self.plain: self.sample(self.plain)}, {})
        assert again.fields == made.fields

    @live
    def test_every_status_comes_back_or_is_declared_lossy(self, bench: Bench, status: str) -> None:
        """Where one of theirs stands for several of ours, `equivalents` says so; else DRAFT, OPEN,
        ASSIGNED, DRAFT would go round for ever."""
        told = self._to_status(bench, Status(status))
        assert keeps(Field.STATUS, Status(status), told), (
            f"sent {status}, read {told.fields.get(Field.STATUS)!r}, which is declared to stand "
            f"for {sorted(told.equivalents.get(Field.STATUS, ()))}"
        )

    @live
    def test_every_priority_comes_back_or_is_declared_lossy(
        self, bench: Bench, priority: str
    ) -> None:
        """The same for priorities."""
        made = self.made(bench)
        told = bench.adapter.update(made.cmms_id, {Field.PRIORITY: Priority(priority)}, {})
        assert keeps(Field.PRIORITY, Priority(priority), told), (
            f"sent {priority}, read {told.fields.get(Field.PRIORITY)!r}"
        )

    @live
    def test_what_a_value_stands_for_holds_the_value_itself(
        self, bench: Bench, status: str
    ) -> None:
        """`equivalents` names our values, and the one that the record shows is one of them."""
        told = self._to_status(bench, Status(status))
        for name, values in told.equivalents.items():
            words = {Field.STATUS: Status.__members__, Field.PRIORITY: Priority.__members__}
            assert set(values) <= set(words.get(name, values))
            assert str(told.fields.get(name)) in values

    def test_a_value_that_the_cmms_has_not_is_refused(self, bench: Bench, unsupported: str) -> None:
        """Refused says it to a person; a value nearby would be a guess."""
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
        """A record in this status, with what the change needs."""
        made = self.made(bench)
        needs = (self.capabilities.status_needs or {}).get(status, frozenset())
        fields: dict[Field, Value] = {name: self.sample(name) for name in needs}
        return bench.adapter.update(made.cmms_id, {**fields, Field.STATUS: status}, {})

    @live
    def test_none_clears_where_declared(self, bench: Bench, cleared: Field) -> None:
        """None is empty, and stays so."""
        made = self.made(bench, self.everything())
        assert made.fields.get(cleared) is not None
        told = bench.adapter.update(made.cmms_id, {cleared: None}, {})
        assert told.fields.get(cleared) is None
        assert bench.adapter.get(made.cmms_id).fields.get(cleared) is None
        for name in self.capabilities.reads - {cleared}:
            assert told.fields.get(name) == made.fields.get(name), name

    def test_none_empties_no_other_field(self, bench: Bench, kept: Field) -> None:
        """We never ask for it. Whoever does is refused, or the field stays as it was."""
        made = self.made(bench, self.everything())
        before = bench.records()
        try:
            told = bench.adapter.update(made.cmms_id, {kept: None}, {})
        except Refused:
            assert bench.records() == before
        else:
            assert told.fields.get(kept) == made.fields.get(kept)
            assert bench.records()[made.cmms_id].get(kept) == before[made.cmms_id].get(kept)

    @live
    def test_text_comes_back(self, bench: Bench, text: str) -> None:
        """The words that a technician typed, in every field that takes free text."""
        made = self.made(bench, self.everything())
        for name in FREE_TEXT:
            if name not in self.capabilities.writes:
                continue
            told = bench.adapter.update(made.cmms_id, {name: TEXTS[text]}, {})
            assert keeps(name, TEXTS[text], told), f"{name}: {told.fields.get(name)!r}"
            assert bench.adapter.get(made.cmms_id).fields == told.fields

    @live
    @when(lambda suite: bool(set(FREE_TEXT) & suite.capabilities.writes))
    def test_control_characters_are_kept_or_left_out(self, bench: Bench) -> None:
        """They come with pasted text. The rest of the text survives, or the write is refused."""
        made = self.made(bench)
        try:
            told = bench.adapter.update(made.cmms_id, {self.plain: CONTROLS}, {})
        except Refused:
            assert bench.adapter.get(made.cmms_id).fields == made.fields
            return
        held = str(told.fields.get(self.plain))
        assert "".join(filter(str.isprintable, held)).startswith("before")
        assert held.endswith("after")

    @live
    @when(lambda suite: bool(HOURS & suite.capabilities.writes))
    def test_hours_keep_their_hundredths(self, bench: Bench) -> None:
        """0.1 is no 0.09999: hours become a Decimal and never pass through a float's spelling."""
        for name in sorted(HOURS & self.capabilities.writes):
            made = self.made(bench)
            # Upwards, since some only add to them; down to nothing where they can be emptied.
            nothing = [Decimal(0)] if name in self.capabilities.clears else []
            for sent in (Decimal("0.1"), Decimal("2.25"), Decimal(1000), *nothing):
                told = bench.adapter.update(made.cmms_id, {name: sent}, {})
                assert keeps(name, sent, told), f"{name}: {told.fields.get(name)!r} for {sent}"

    @when(shows(Fault.IGNORED))
    def test_a_write_that_was_ignored_shows_in_what_is_returned(self, bench: Bench) -> None:
        """The CMMS said 200 and kept nothing: a read-only field, a closed record."""
        made = self.made(bench)
        held = bench.records()
        with writes_fail(bench, Fault.IGNORED):
            try:
                told: CmmsRecord | None = self.change(bench, made.cmms_id)()
            except RemoteError:
                told = None
        assert bench.records() == held, "the bench did not ignore it"
        assert told is None or told.fields == made.fields

    @when(_locks)
    def test_a_record_that_changed_meanwhile_is_not_written(self, bench: Bench) -> None:
        """Changed: the record no longer holds what we decided upon."""
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
        """With every field that is written expected, as it was read."""
        made = self.made(bench, self.everything())
        sent = {name: self.sample(name, 1) for name in (self.plain, self.other)}
        wanted: Fields = {
            name: value for name, value in sent.items() if name in self.capabilities.writes
        }
        expected: Fields = {name: made.fields.get(name) for name in self.everything()}
        told = bench.adapter.update(made.cmms_id, wanted, expected)
        for name, value in wanted.items():
            assert keeps(name, value, told), name

    @when(lambda suite: _locks(suite) and _two_fields(suite))
    def test_another_field_that_changed_meanwhile_does_not_lock(self, bench: Bench) -> None:
        """Only the fields in `expected` are compared."""
        made = self.made(bench, self.everything())
        bench.edit(made.cmms_id, self.other, self.sample(self.other, 1))
        wanted: Fields = {self.plain: self.sample(self.plain, 1)}
        told = bench.adapter.update(made.cmms_id, wanted, {self.plain: made.fields[self.plain]})
        assert keeps(self.plain, self.sample(self.plain, 1), told)
