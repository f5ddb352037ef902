"""A changed mapping: bases read anew, and the differences as writes where a person wants them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from syncd.core.case import Case
from syncd.core.planning.pair import UNREAD
from syncd.core.planning.plan import decide
from syncd.core.planning.remap import read_anew, remap
from syncd.core.policy import Policy
from syncd.core.work_order import Field, Fields, Side, Status, Value
from tests.core.builders import NOW, make_policy, order, pair

POLICY = make_policy()
OLD: Fields = {Field.STATUS: Status.ON_HOLD, Field.TITLE: "Pump"}
NEW: Fields = {Field.STATUS: Status.IN_PROGRESS, Field.TITLE: "Pump"}


def test_what_reads_differently_though_unchanged_is_its_base() -> None:
    told = read_anew(OLD, NEW, OLD, order(OLD))
    assert told.base_cmms == NEW
    assert told.base_s2e == {}
    assert told.changed == {Field.STATUS: (Status.ON_HOLD, Status.IN_PROGRESS)}


def test_after_it_nothing_is_planned() -> None:
    told = read_anew(OLD, NEW, OLD, order(OLD))
    case = pair(OLD, NEW, base_s2e={**OLD, **told.base_s2e}, base_cmms=told.base_cmms)
    assert not decide(case, POLICY, NOW).writes


def test_an_edit_that_was_not_across_yet_stays_one() -> None:
    base: Fields = {Field.STATUS: Status.ASSIGNED, Field.TITLE: "Pump"}
    told = read_anew(OLD, NEW, base, order(base))
    assert Field.STATUS not in told.base_cmms
    case = pair(base, NEW, base_s2e=base, base_cmms={**base, **told.base_cmms})
    (change,) = decide(case, POLICY, NOW).changes
    assert (change.side, change.value) == (Side.S2E, Status.IN_PROGRESS)


def test_a_field_that_has_not_met_yet_still_has_to_meet() -> None:
    told = read_anew(OLD, NEW, {Field.TITLE: "Pump"}, order(OLD))
    assert told.base_cmms == {Field.TITLE: "Pump"}
    assert told.changed == {}


@pytest.mark.parametrize(
    ("name", "upstream", "base"),
    [
        (Field.ROOT_CAUSE, {Field.ROOT_CAUSE: "Rust"}, {Field.ROOT_CAUSE: "Rust"}),
        (Field.ROOT_CAUSE, {}, {Field.ROOT_CAUSE: None}),  # left out, because it is empty
        (Field.LOCATION, {}, None),
    ],
)
def test_a_field_that_is_read_for_the_first_time_begins_from_what_there_is(
    name: Field, upstream: Fields, base: Fields | None
) -> None:
    told = read_anew(OLD, {**OLD, name: "Wear"}, OLD, order({**OLD, **upstream}))
    if base is None:
        assert (name in told.base_cmms, told.base_s2e, told.changed) == (False, {}, {})
    else:
        assert (told.base_cmms[name], told.base_s2e) == ("Wear", base)
        assert told.changed == {name: (None, "Wear")}


def test_an_order_that_was_never_seen_upstream_has_no_base_for_it() -> None:
    assert read_anew({}, {Field.TITLE: "Pump"}, {}, None).base_cmms == {}


def test_a_field_whose_place_was_not_kept_begins_from_what_is_read_next() -> None:
    """A changed option reads it in another place: the next read is no edit, what came since is."""
    cause = Field.ROOT_CAUSE
    before: Fields = {cause: "Wear", Field.TITLE: "Pump"}
    told = read_anew(before, {Field.TITLE: "Pump"}, before, order(before), untold={cause})
    assert told.changed == {cause: ("Wear", UNREAD)}
    kept = {**before, **told.base_cmms}
    case = pair(before, {Field.TITLE: "Pump"}, base_s2e=before, base_cmms=kept)
    unread = decide(case, POLICY, NOW)
    assert not unread.writes
    assert not unread.base_moves

    case = pair(before, {**before, cause: "Rust"}, base_s2e=before, base_cmms=kept)
    (move,) = decide(case, POLICY, NOW).base_moves
    assert (move.field, move.s2e, move.cmms, move.rule) == (cause, "Wear", "Rust", "remapped")
    assert not decide(case, POLICY, NOW).writes

    upstream = replace(case, s2e=order({**before, cause: "Edited"}))
    (change,) = decide(upstream, POLICY, NOW).changes
    assert (change.side, change.value, change.before) == (Side.CMMS, "Edited", "Rust")


def test_an_edit_that_waits_is_not_forgotten_for_a_place_that_was_not_kept() -> None:
    cause = Field.ROOT_CAUSE
    told = read_anew({cause: "Edited"}, {}, {cause: "Wear"}, order({cause: "Wear"}), untold={cause})
    assert (told.base_cmms, told.changed) == ({}, {})


# ── the differences, as writes ────────────────────────────────────────────────────────────


def planned(
    case: Case, *names: Field, policy: Policy = POLICY
) -> dict[tuple[Side, Field], tuple[Value, str]]:
    decision = remap(case, names, policy, NOW)
    assert decision.create is None
    return {(c.side, c.field): (c.value, c.rule) for c in decision.changes}


def at_rest(s2e: Mapping[Field, Value], cmms: Mapping[Field, Value]) -> Case:
    return pair(s2e, cmms, base_s2e=s2e, base_cmms=cmms)


def test_the_owner_of_a_field_wins_and_only_the_fields_asked_for_are_written() -> None:
    case = at_rest({**OLD, Field.RESOLUTION: "a"}, {**NEW, Field.RESOLUTION: "b"})
    wanted = {(Side.S2E, Field.STATUS): (Status.IN_PROGRESS, "remapped")}
    assert planned(case, Field.STATUS, Field.TITLE) == wanted
    other = make_policy(owner=Side.S2E)
    assert planned(case, Field.STATUS, policy=other) == {
        (Side.CMMS, Field.STATUS): (Status.ON_HOLD, "remapped")
    }
    assert planned(case, Field.STATUS, policy=make_policy(owner=None)) == {}


def test_the_losing_value_is_kept_in_the_conflict_log() -> None:
    decision = remap(at_rest(OLD, NEW), [Field.STATUS], POLICY, NOW)
    (lost,) = decision.conflicts
    assert (lost.s2e, lost.cmms, lost.winner) == (Status.ON_HOLD, Status.IN_PROGRESS, Side.CMMS)


def test_no_reopening_is_derived() -> None:
    done = {Field.STATUS: Status.COMPLETED}
    assert planned(at_rest(done, NEW), Field.STATUS) == {}


def test_what_somebody_has_edited_since_is_left_to_the_cycles() -> None:
    case = pair(
        {Field.STATUS: Status.CANCELLED}, NEW,
        base_s2e=OLD, base_cmms=NEW,
    )  # fmt: skip
    decision = remap(case, [Field.STATUS], POLICY, NOW)
    assert decision.changes == ()
    assert decision.read_again


def test_sides_that_agree_and_orders_that_take_no_part_are_not_written() -> None:
    assert planned(at_rest(NEW, NEW), Field.STATUS) == {}
    assert planned(replace(at_rest(OLD, NEW), tombstone=True), Field.STATUS) == {}
    assert planned(replace(at_rest(OLD, NEW), link=None), Field.STATUS) == {}
    assert planned(at_rest(OLD, NEW), Field.LOCATION) == {}
