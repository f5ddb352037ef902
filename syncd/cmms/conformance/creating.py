"""Rules of `create` and `find`: one order is one record, whatever happens in between."""

import pytest

from syncd.cmms.conformance.bench import Bench, BenchFault
from syncd.cmms.conformance.suite import (
    Requests,
    Suite,
    keeps,
    live,
    reads_fail,
    shows,
    when,
    writes_fail,
)
from syncd.core.equality import same
from syncd.core.work_order import Field
from syncd.errors import RemoteError

_LAG_KNOWN = shows(BenchFault.LAGGING, BenchFault.RESET_APPLIED)
# Ids that a careless search takes for the one that ends with a1: it compares a prefix or a part,
# ignores case or accents, or reads % and _ as wildcards.
_TAIL = "a1"
_NEIGHBOURS = (
    "a",
    "a11",
    "a1 ",
    " a1",
    "A1",
    "á1",
    "a%",
    "_1",
    "%",
    "a*",
    "a.",
    "a1'",
    'a1"',
    "a1\\",
    "x'a1",
    "a1' or '1'='1",
    "a1&x=y",
    "a1/../a1",
    "a1#",
    "1",
)


def _creates(suite: type[Suite]) -> bool:
    return suite.capabilities.creates


def _finds(suite: type[Suite]) -> bool:
    return suite.capabilities.finds


def _both(suite: type[Suite]) -> bool:
    return _creates(suite) and _finds(suite)


class Creating(Suite):
    """`create` and `find`."""

    @live
    @when(_creates)
    def test_creating_twice_makes_one_record(self, bench: Bench) -> None:
        """We call again after a crash: we do not know that the first call was carried out."""
        s2e_id = self.new_id()
        first = bench.adapter.create(s2e_id, self.order())
        second = bench.adapter.create(s2e_id, self.order())
        assert second.cmms_id == first.cmms_id

    @when(_creates)
    def test_creating_twice_makes_one_record_in_the_cmms(self, bench: Bench) -> None:
        """Seen from the CMMS, and with another title: the order has been renamed in between."""
        s2e_id = self.new_id()
        first = bench.adapter.create(s2e_id, self.order())
        changed = {**self.order(), self.plain: self.sample(self.plain, 1)}
        assert bench.adapter.create(s2e_id, changed).cmms_id == first.cmms_id
        assert list(bench.records()) == [first.cmms_id]

    @when(_creates)
    def test_creating_returns_what_a_person_has_made_of_the_record(self, bench: Bench) -> None:
        """A person edited the record between the two calls. The second call keeps that edit."""
        made = self.made(bench)
        assert made.s2e_id is not None
        edited = self.sample(self.other, 1)
        bench.edit(made.cmms_id, self.other, edited)
        again = bench.adapter.create(made.s2e_id, self.order())
        assert again.cmms_id == made.cmms_id
        assert keeps(self.other, edited, again)

    @when(lambda suite: _creates(suite) and Field.S2E_ID in suite.capabilities.reads)
    def test_a_record_that_a_person_gave_the_id_is_not_made_again(self, bench: Bench) -> None:
        """A person typed the id into a record of the CMMS before we called."""
        s2e_id = self.new_id()
        theirs = bench.add({**self.order(), Field.S2E_ID: s2e_id})
        assert bench.adapter.create(s2e_id, self.order()).cmms_id == theirs
        assert list(bench.records()) == [theirs]

    @when(lambda suite: _creates(suite) and shows(BenchFault.RESET_APPLIED)(suite))
    def test_creating_again_after_a_lost_answer_makes_one_record(self, bench: Bench) -> None:
        """The CMMS made the record, and its answer never arrived."""
        s2e_id = self.new_id()
        with writes_fail(bench, BenchFault.RESET_APPLIED), pytest.raises(RemoteError) as caught:
            bench.adapter.create(s2e_id, self.order())
        assert caught.value.may_have_applied
        made = bench.adapter.create(s2e_id, self.order())
        assert list(bench.records()) == [made.cmms_id]

    @when(lambda suite: _creates(suite) and shows(BenchFault.UNAVAILABLE)(suite))
    def test_a_create_that_cannot_look_first_makes_nothing(self, bench: Bench) -> None:
        """Without a search nobody knows whether the record is there. None is better than two."""
        searches_fail = Requests(
            bench, lambda _n, writes: None if writes else BenchFault.UNAVAILABLE
        )
        with searches_fail, pytest.raises(RemoteError):
            bench.adapter.create(self.new_id(), self.order())
        assert bench.records() == {}

    @live
    @when(_creates)
    def test_a_created_record_carries_its_s2e_id(self, bench: Bench) -> None:
        """The record holds the link, so that a lost mirror can be rebuilt from it."""
        s2e_id = self.new_id()
        made = bench.adapter.create(s2e_id, self.order())
        assert made.s2e_id == s2e_id
        assert bench.adapter.get(made.cmms_id).s2e_id == s2e_id

    @live
    @when(_both)
    def test_a_created_record_is_found_by_its_s2e_id(self, bench: Bench) -> None:
        """A create whose answer was lost is decided by this search."""
        made = self.made(bench)
        assert made.s2e_id is not None
        assert [it.cmms_id for it in bench.adapter.find(made.s2e_id)] == [made.cmms_id]

    @live
    @when(_finds)
    def test_an_id_that_no_record_carries_finds_none(self, bench: Bench) -> None:
        """An empty result is an answer and not an error."""
        assert bench.adapter.find(self.new_id()) == []

    @live
    @when(_both)
    def test_a_record_is_found_by_its_own_id_and_nothing_like_it(self, bench: Bench) -> None:
        """CMMSs search by prefix, ignore case, know wildcards: the adapter checks every hit."""
        base = self.new_id()
        made = bench.adapter.create(base + _TAIL, self.order())
        for neighbour in _NEIGHBOURS:
            ids = [it.s2e_id for it in bench.adapter.find(base + neighbour)]
            assert ids == [], f"{base + neighbour!r} finds {ids}"
        assert [it.cmms_id for it in bench.adapter.find(base + _TAIL)] == [made.cmms_id]

    @when(_both)
    def test_records_with_ids_much_alike_are_records_of_their_own(self, bench: Bench) -> None:
        """`create` searches first, and may not take a similar id for the one that it searches."""
        base = self.new_id()
        ids = [base + tail for tail in (_TAIL, "a", "a11", "A1", "a%", "a_")]
        made = {it: bench.adapter.create(it, self.order()).cmms_id for it in ids}
        assert len(bench.records()) == len(ids)
        for s2e_id, cmms_id in made.items():
            assert [it.cmms_id for it in bench.adapter.find(s2e_id)] == [cmms_id]

    @live
    @when(_creates)
    def test_what_was_created_is_what_is_read(self, bench: Bench) -> None:
        """Every way of reading returns the same values."""
        made = self.made(bench, self.everything())
        assert bench.adapter.get(made.cmms_id).fields == made.fields
        for name, sent in self.everything().items():
            assert keeps(name, sent, made), f"{name} was {sent!r}, is {made.fields.get(name)!r}"

    @when(_creates)
    def test_a_field_that_was_not_given_is_not_made_up(self, bench: Bench) -> None:
        """An adapter decides nothing. A field that was not sent holds what the CMMS puts into a new
        record, as for a person."""
        made = bench.adapter.create(self.new_id(), self.order())
        usual = bench.adapter.get(bench.add(self.order()))
        own = {Field.S2E_ID, Field.EXTERNAL_ID, Field.EXTERNAL_URL}
        for name in self.capabilities.reads - self.order().keys() - own:
            assert same(made.fields.get(name), usual.fields.get(name)), name

    @when(_both)
    def test_a_record_that_a_person_deleted_is_not_found(self, bench: Bench) -> None:
        """Nor is a record in a waste bin that the CMMS still lists."""
        made = self.made(bench)
        assert made.s2e_id is not None
        bench.delete(made.cmms_id)
        assert bench.adapter.find(made.s2e_id) == []

    @when(_both)
    def test_looking_for_a_record_writes_nothing(self, bench: Bench) -> None:
        """`syncd check` and `syncd plan` read, and may not change anything."""
        made = self.made(bench)
        before = bench.records()
        with Requests(bench) as seen:
            bench.adapter.find(made.s2e_id or "")
            bench.adapter.get(made.cmms_id)
            list(bench.adapter.fetch(None))
        assert seen.writes == 0
        assert bench.records() == before

    @when(lambda suite: _both(suite) and _LAG_KNOWN(suite))
    def test_a_create_in_doubt_is_settled_once_the_index_has_caught_up(self, bench: Bench) -> None:
        """The answer was lost, and for a while the search does not return the record. `find` may
        miss it for `index_lag_s`; then it is found, and not made again."""
        s2e_id = self.new_id()
        with writes_fail(bench, BenchFault.RESET_APPLIED), pytest.raises(RemoteError):
            bench.adapter.create(s2e_id, self.order())
        with reads_fail(bench, BenchFault.LAGGING):
            assert len(bench.adapter.find(s2e_id)) <= 1
        assert len(bench.adapter.find(s2e_id)) == 1
        assert bench.adapter.create(s2e_id, self.order()).s2e_id == s2e_id
        assert len(bench.records()) == 1

    @when(lambda suite: _both(suite) and shows(BenchFault.LAGGING)(suite))
    def test_an_index_that_lags_is_declared(self, bench: Bench) -> None:
        """We wait for `index_lag_s` before a create in doubt is repeated."""
        made = self.made(bench)
        with reads_fail(bench, BenchFault.LAGGING):
            records = bench.adapter.find(made.s2e_id or "")
        assert records or bench.adapter.capabilities.index_lag_s > 0
