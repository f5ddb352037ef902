"""Rules of what an adapter says about itself, and of what its records look like."""

import json
import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel

from syncd.cmms.conformance.bench import Bench, BenchFault
from syncd.cmms.conformance.suite import (
    CONNECTION_OPTIONS,
    FULL_BENCH,
    MAPPING_HASH,
    SECRETS,
    Suite,
    live,
    number_of_tests,
)
from syncd.cmms.port import AdapterBase, CmmsAdapter, with_defaults
from syncd.core.work_order import (
    CmmsRecord,
    Field,
    Priority,
    Status,
    Unreadable,
    ValueKind,
    kind_of,
)

_TYPES: dict[ValueKind, type] = {
    ValueKind.TEXT: str,
    ValueKind.HOURS: Decimal,
    ValueKind.TIME: datetime,
    ValueKind.STATUS: Status,
    ValueKind.PRIORITY: Priority,
}


class Promising(Suite):
    """`name`, `capabilities`, `check`, `version`, `close`, and the records."""

    def test_a_full_bench_runs_at_least_sixty_tests(self) -> None:
        """What the bench cannot show is declared, and each declaration is a test of its own."""
        number = number_of_tests(type(self))
        if not self.cannot:
            assert number >= FULL_BENCH
        assert number > len(self.cannot)

    def test_what_cannot_be_shown_is_known_and_has_a_reason(self, lacking: str) -> None:
        """The report shows its name and the reason."""
        key, _, reason = lacking.partition(": ")
        known: set[str] = {
            SECRETS,
            MAPPING_HASH,
            *map(str, BenchFault),
            *map(str, Status),
            *map(str, Priority),
        }
        assert key in known, f"{key} is none of {', '.join(sorted(known))}"
        assert len(reason.split()) > 2, f"give the reason why the bench cannot show {key}"

    @live
    def test_it_is_an_adapter(self, bench: Bench) -> None:
        """It has all seven members of the port, and a name to show."""
        assert isinstance(bench.adapter, CmmsAdapter)
        assert bench.adapter.name.strip()

    @live
    def test_what_it_can_is_what_was_said(self, bench: Bench) -> None:
        """The suite's `capabilities`, which chose the tests, are the adapter's own."""
        assert bench.adapter.capabilities == self.capabilities

    def test_a_write_is_confirmed_by_reading(self) -> None:
        """So every field that is written is also read, and one that is cleared is also written."""
        can = self.capabilities
        assert can.writes <= can.reads
        assert can.clears <= can.writes

    def test_capabilities_make_sense(self) -> None:
        """Lags and the longest request are seconds. An adapter that narrows says how finely; one
        that creates writes."""
        can = self.capabilities
        assert all(isinstance(name, Field) for name in can.reads | can.writes | can.clears)
        assert can.reads
        for seconds in (can.longest_request_s, can.index_lag_s, can.read_lag_s):
            assert math.isfinite(seconds)
            assert seconds >= 0
        assert can.change_resolution_s is None or 0 < can.change_resolution_s < math.inf
        assert not can.filters_changes or can.change_resolution_s is not None
        assert not can.creates or can.writes
        for status, needs in (can.status_needs or {}).items():
            assert status in set(Status)
            assert needs <= can.writes

    def test_a_record_without_an_order_has_no_s2e_id(self, bench: Bench) -> None:
        """It is None. An empty text would be an id that many records carry."""
        theirs = bench.add(self.order())
        record = bench.adapter.get(theirs)
        assert record.s2e_id is None
        assert record.fields.get(Field.S2E_ID) is None

    def shown(self, bench: Bench) -> list[CmmsRecord]:
        """A full record and a bare one, from every call that returns records."""
        full = self.made(bench, self.everything())
        bare = self.made(bench)
        got = [bench.adapter.get(full.cmms_id), bench.adapter.get(bare.cmms_id)]
        if self.capabilities.finds and bare.s2e_id is not None:
            got += bench.adapter.find(bare.s2e_id)
        return [full, bare, *got, self.change(bench, full.cmms_id)()]

    @live
    def test_records_hold_the_fields_that_are_declared(self, bench: Bench) -> None:
        """No other fields; and all of them, after they were written."""
        for record in self.shown(bench):
            assert record.fields.keys() <= self.capabilities.reads
        written = self.made(bench, self.everything())
        assert written.fields.keys() >= self.everything().keys()

    @live
    def test_values_are_of_the_fields_type(self, bench: Bench) -> None:
        """A status is a Status, hours are a Decimal; an empty field is None, not an empty text."""
        for record in self.shown(bench):
            for name, value in record.fields.items():
                if value is not None and not isinstance(value, Unreadable):
                    kind = _TYPES[kind_of(name)]
                    assert isinstance(value, kind), f"{name} is a {type(value).__name__}"
                    assert value != "", name

    @live
    def test_hours_are_decimals(self, bench: Bench) -> None:
        """A float would not be equal to the Decimal that was written."""
        for record in self.shown(bench):
            for name, value in record.fields.items():
                if kind_of(name) is ValueKind.HOURS and not isinstance(value, Unreadable):
                    assert value is None or isinstance(value, Decimal), name

    @live
    def test_times_are_aware_and_utc(self, bench: Bench) -> None:
        """A time without a zone is another instant on every machine."""
        for record in self.shown(bench):
            times = [record.updated_at, *record.fields.values()]
            for moment in times:
                if isinstance(moment, datetime):
                    assert moment.tzinfo is UTC, f"{moment!r} in record {record.cmms_id}"

    @live
    def test_the_cmms_own_values_can_be_kept(self, bench: Bench) -> None:
        """The mirror keeps `native` as JSON."""
        for record in self.shown(bench):
            assert json.loads(json.dumps(dict(record.native))) is not None
            assert all(isinstance(key, str) and not isinstance(key, StrEnum | int)
                       for key in record.native)  # fmt: skip

    @live
    def test_a_record_is_read_the_same_from_its_own_values(self, bench: Bench) -> None:
        """With a `mapping_hash`: `read_native` reads what the mirror has kept as JSON. A changed
        mapping would else read every record as edited."""
        adapter = with_defaults(bench.adapter)
        for record in self.shown(bench):
            if adapter.mapping_hash:
                again = adapter.read_native(json.loads(json.dumps(dict(record.native))))
                assert (again.s2e_id, again.fields, again.equivalents) == (
                    record.s2e_id, record.fields, record.equivalents,
                )  # fmt: skip

    @live
    def test_what_was_learned_can_be_pinned_again(self, bench: Bench) -> None:
        """It is kept as JSON, and given back when the daemon starts: records read as before."""
        adapter = with_defaults(bench.adapter)
        made = self.made(bench, self.everything())
        learned = adapter.learn()
        adapter.pin(learned)
        before, mapping = adapter.get(made.cmms_id), adapter.mapping_hash
        kept = json.loads(json.dumps(dict(learned)))
        assert adapter.meanings(kept) == adapter.meanings(learned)
        adapter.pin(kept)
        assert (adapter.get(made.cmms_id), adapter.mapping_hash) == (before, mapping)

    def test_options_that_may_bear_on_records_are_in_the_mapping_hash(self, bench: Bench) -> None:
        """A changed option is no edit. An adapter with more options than those of a connection
        has a `mapping_hash`, or `cannot` says why none of them bears on a record."""
        self.made(bench)
        options: type[BaseModel] = type(bench.adapter).Options  # type: ignore[attr-defined]
        more = sorted(options.model_fields.keys() - CONNECTION_OPTIONS)
        has_hash = bool(with_defaults(bench.adapter).mapping_hash)
        assert has_hash or not more or MAPPING_HASH in self.cannot, (
            f"the adapter has the options {', '.join(more)} and no mapping_hash"
        )

    @live
    def test_reading_twice_tells_the_same(self, bench: Bench) -> None:
        """No value depends on when the record is read: that would be taken for an edit."""
        made = self.made(bench, self.everything())
        assert bench.adapter.get(made.cmms_id) == bench.adapter.get(made.cmms_id)

    @live
    def test_check_says_something(self, bench: Bench) -> None:
        """An adapter with a `check` returns one line for the operator."""
        check = with_defaults(bench.adapter).check
        line = check()
        if getattr(check, "__func__", check) is AdapterBase.check:
            assert line is None
        else:
            assert line is not None
            assert line.strip()
            assert "\n" not in line

    def test_a_version_changes_with_every_edit(self, bench: Bench) -> None:
        """An edit by a person or by us, a new record, a deleted one. None: it cannot tell."""
        made = self.made(bench)
        seen = [with_defaults(bench.adapter).version()]
        acts: list[Callable[[], object]] = [
            lambda: bench.edit(made.cmms_id, self.other, self.sample(self.other, 1)),
            self.change(bench, made.cmms_id),
            lambda: bench.add(self.order()),
            lambda: bench.delete(made.cmms_id),
        ]
        for act in acts:
            act()
            seen.append(with_defaults(bench.adapter).version())
        assert seen == [None] * len(seen) or (None not in seen and len(set(seen)) == len(seen))

    @live
    def test_it_works_from_another_thread(self, bench: Bench) -> None:
        """The cycle runs in a worker thread, `syncd check` in the first. One calls at a time."""
        results: list[object] = []

        def work() -> None:
            try:
                made = self.made(bench)
                results.append(bench.adapter.get(made.cmms_id).fields == made.fields)
            except BaseException as error:  # noqa: BLE001 - carried to the test
                results.append(error)

        made = self.made(bench)
        for _ in range(2):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        assert results == [True, True]
        assert bench.adapter.get(made.cmms_id).fields == made.fields

    def test_closing_twice_is_no_error(self, bench: Bench) -> None:
        """A command that fails may close what is closed already."""
        self.made(bench)
        adapter = with_defaults(bench.adapter)
        adapter.close()
        adapter.close()

    def test_it_can_be_made_from_settings(self, bench: Bench) -> None:
        """SYNCD_CMMS_ADAPTER names its class; `from_options` makes it from its `Options`."""
        adapter_class = type(bench.adapter)
        assert callable(getattr(adapter_class, "from_options", None))
        assert issubclass(getattr(adapter_class, "Options", object), BaseModel)
