"""Reading the mirror's records with another mapping: what becomes of bases and observations."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from syncd.cmms.load import find_adapter
from syncd.cmms.port import with_defaults
from syncd.core.case import Hold
from syncd.core.planning.pair import UNREAD
from syncd.core.work_order import CmmsRecord, Field, Side, Status, Value
from syncd.engine.read_anew import follow_mapping
from syncd.errors import ConfigurationError
from syncd.mirror import natives, state
from syncd.mirror.attention import orders_needing_attention
from syncd.mirror.db.database import Mirror
from syncd.mirror.decided.bases import save_bases
from syncd.mirror.decided.holds import put_hold
from tests.edges.test_mirror_cases import case_of, link
from tests.edges.test_mirror_observations import order, save, save_records
from tests.stories.mapped_cmms import MappedCmms

STATES = {"OPEN": "ASSIGNED", "WAIT": "ON_HOLD"}


def adapter(states: Mapping[str, str] = STATES, *, cause: bool = False) -> MappedCmms:
    return MappedCmms("unused.db", {"states": dict(states), "cause": cause})


def native(number: int = 7, state_: str = "WAIT", wo: str | None = "wo_1") -> dict[str, Any]:
    return {"no": number, "wo": wo, "name": "Pump", "state": state_, "cause": "Wear"}


def met(mirror: Mirror, read_by: MappedCmms, told: dict[str, Any]) -> CmmsRecord:
    """A linked pair in step, read with this mapping."""
    record = read_by.read_native(told)
    save(mirror, order(status=Status.ON_HOLD))
    save_records(mirror, record)
    link(mirror)
    fields = {name: record.fields[name] for name in (Field.TITLE, Field.STATUS)}
    with mirror.transaction() as tx:
        state.set_state(tx, state.CMMS_MAPPING, read_by.mapping_hash)
        save_bases(tx, "wo_1", fields, fields, native=told, mapping_hash=read_by.mapping_hash)
    return record


def base_row(mirror: Mirror) -> Any:
    with mirror.read() as tx:
        pair = natives.linked_order(tx, "7")
    assert pair is not None
    return pair.base


def test_record_and_base_are_read_anew_together(mirror: Mirror) -> None:
    met(mirror, adapter(), native())
    changed = adapter({"OPEN": "ASSIGNED", "WAIT": "IN_PROGRESS"})
    follow_mapping(mirror, with_defaults(changed))
    case = case_of(mirror)
    assert case.cmms is not None
    assert case.cmms.fields[Field.STATUS] is Status.IN_PROGRESS
    assert case.base_cmms[Field.STATUS] is Status.IN_PROGRESS
    assert case.base_s2e[Field.STATUS] is Status.ON_HOLD
    row = base_row(mirror)
    assert (row.mapping_hash, row.native) == (changed.mapping_hash, native())
    with mirror.read() as tx:
        assert natives.remapped_fields(tx) == {"wo_1": frozenset({Field.STATUS})}


def test_an_edit_that_was_not_across_keeps_its_base(mirror: Mirror) -> None:
    met(mirror, adapter(), native(state_="OPEN"))
    save_records(mirror, adapter().read_native(native(state_="WAIT")))  # edited, not across yet
    follow_mapping(mirror, with_defaults(adapter({"OPEN": "ASSIGNED", "WAIT": "IN_PROGRESS"})))
    case = case_of(mirror)
    assert case.base_cmms[Field.STATUS] is Status.ASSIGNED
    assert case.cmms is not None
    assert case.cmms.fields[Field.STATUS] is Status.IN_PROGRESS
    with mirror.read() as tx:
        assert natives.remapped_fields(tx) == {}


def test_a_field_read_for_the_first_time_has_bases_on_both_sides(mirror: Mirror) -> None:
    met(mirror, adapter(), native())
    follow_mapping(mirror, with_defaults(adapter(cause=True)))
    case = case_of(mirror)
    assert (case.base_s2e[Field.ROOT_CAUSE], case.base_cmms[Field.ROOT_CAUSE]) == (None, "Wear")


def test_a_pair_that_has_not_met_and_records_without_a_link_are_only_read(mirror: Mirror) -> None:
    read_by = adapter()
    save(mirror, order())
    save_records(mirror, *(read_by.read_native(native(n, wo=None)) for n in range(1, 500)))
    link(mirror)
    follow_mapping(mirror, with_defaults(adapter({"WAIT": "CANCELLED"}, cause=True)))
    assert case_of(mirror).base_cmms == {}
    with mirror.read() as tx:
        rows = natives.records_after(tx, "", 1000)
    assert len(rows) == 499
    assert {row.fields["status"] for row in rows} == {"CANCELLED"}


def test_the_same_mapping_reads_nothing_and_a_break_goes_on(mirror: Mirror) -> None:
    read_by = adapter()
    met(mirror, read_by, native())
    before = base_row(mirror)
    follow_mapping(mirror, with_defaults(read_by))
    assert base_row(mirror) == before
    with mirror.transaction() as tx:
        state.set_state(tx, state.CMMS_MAPPING, None)  # as a break leaves it: not said to be over
    follow_mapping(mirror, with_defaults(read_by))
    assert base_row(mirror) == before
    with mirror.read() as tx:
        assert state.get_state(tx, state.CMMS_MAPPING) == read_by.mapping_hash


def test_an_adapter_without_a_mapping_is_never_read_anew(mirror: Mirror) -> None:
    class Plain:
        name = "plain"

    plain: Any = Plain()
    met(mirror, adapter(), native())
    follow_mapping(mirror, with_defaults(plain))
    assert case_of(mirror).base_cmms[Field.STATUS] is Status.ON_HOLD


def test_what_the_cmms_has_refused_is_tried_again_with_a_changed_mapping(mirror: Mirror) -> None:
    read_by = adapter()
    met(mirror, read_by, native())
    why = {
        Field.TITLE: (Side.CMMS, "refused"),
        Field.STATUS: (Side.CMMS, "ignored"),
        Field.PRIORITY: (Side.CMMS, "not_kept"),
        Field.ROOT_CAUSE: (Side.S2E, "refused"),  # by Scan2Evolve, which the mapping is not about
        Field.LOCATION: (Side.CMMS, "dropped"),  # by a person
        None: (Side.CMMS, "refused"),
    }
    with mirror.transaction() as tx:
        for name, (side, reason) in why.items():
            put_hold(tx, "wo_1", Hold(side, name, reason, "value"))
    follow_mapping(mirror, with_defaults(read_by))
    assert len(case_of(mirror).holds) == len(why)
    follow_mapping(mirror, with_defaults(adapter({"WAIT": "ON_HOLD"})))
    stay = case_of(mirror).holds
    assert {(hold.field, hold.reason) for hold in stay} == {
        (Field.ROOT_CAUSE, "refused"),
        (Field.LOCATION, "dropped"),
    }
    with mirror.read() as tx:
        assert orders_needing_attention(tx) == {"wo_1"}


class Forgetful(MappedCmms):
    """Its records do not tell the cause: an older version did not keep it."""

    def read_native(self, native: Mapping[str, object]) -> CmmsRecord:
        record = super().read_native({"cause": None, **native})
        if "cause" in native:
            return record
        fields: dict[Field, Value] = {**record.fields}
        del fields[Field.ROOT_CAUSE]
        return replace(record, fields=fields)


def forgetful(states: Mapping[str, str] = STATES) -> Any:
    return with_defaults(Forgetful("unused.db", {"states": dict(states), "cause": True}))


@pytest.mark.parametrize("known", [True, False])
def test_a_field_that_a_record_does_not_tell_is_read_whole_or_stays(
    mirror: Mirror, known: bool
) -> None:
    """It stays where no mapping was known before: that program kept less of a record."""
    read_by = adapter(cause=True)
    record = met(mirror, read_by, native())
    told = {key: value for key, value in native().items() if key != "cause"}
    save_records(mirror, replace(record, native=told))
    fields = {Field.ROOT_CAUSE: "Wear"}
    with mirror.transaction() as tx:
        save_bases(tx, "wo_1", fields, fields, native=told, mapping_hash=read_by.mapping_hash)
        state.set_moment(tx, state.CMMS_FULL_READ_AT, tx.now)
        if not known:
            state.set_state(tx, state.CMMS_MAPPING, None)
    follow_mapping(mirror, forgetful({"WAIT": "ON_HOLD"}))
    case = case_of(mirror)
    assert case.cmms is not None
    with mirror.read() as tx:
        read_whole = state.get_moment(tx, state.CMMS_FULL_READ_AT) is None
    assert read_whole is known
    assert case.base_cmms[Field.ROOT_CAUSE] == (UNREAD if known else "Wear")
    assert (Field.ROOT_CAUSE in case.cmms.fields) is not known


class NoReader(MappedCmms):
    read_native = None  # type: ignore[assignment]


def test_an_adapter_that_names_a_mapping_can_read_its_own_values() -> None:
    with pytest.raises(ConfigurationError, match="it lacks read_native"):
        find_adapter(f"{__name__}:NoReader")
    found: object = find_adapter("tests.stories.mapped_cmms:MappedCmms")
    assert found is MappedCmms
