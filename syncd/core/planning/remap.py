"""A mapping has changed: what its records read as now, and which differences that makes.

A changed mapping is no edit. Where a record reads differently only because the mapping has
changed, the new reading becomes its base, and nothing is written. A person is shown the differences
between the sides that come of it, and may have them written as at a first meeting.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.core.case import Case
from syncd.core.decision import Decision
from syncd.core.equality import agrees, is_at, same
from syncd.core.planning.pair import UNREAD
from syncd.core.planning.plan import decide
from syncd.core.policy import Policy
from syncd.core.work_order import (
    WRITABLE_ON_S2E,
    CmmsRecord,
    Field,
    Fields,
    S2eOrder,
    Side,
    Value,
)

RULE = "remapped"


@dataclass(slots=True)
class ReadAnew:
    """The bases to keep, and what reads differently: (before, now) of each field."""

    base_s2e: dict[Field, Value] = field(default_factory=dict)
    base_cmms: dict[Field, Value] = field(default_factory=dict)
    changed: dict[Field, tuple[Value, Value]] = field(default_factory=dict)


def read_anew(
    before: Fields,
    now: Fields,
    base_cmms: Fields,
    order: S2eOrder | None,
    *,
    untold: Collection[Field] = (),
) -> ReadAnew:
    """The bases of a linked pair whose unchanged record the changed mapping reads as `now`.

    A field that the CMMS had changed since its base keeps that base: it still is an edit. For a
    field that is read for the first time, what both sides hold becomes the bases.

    Args:
        before: how the record read with the mapping of `base_cmms`.
        untold: fields that its own values do not tell, and the changed mapping reads. What the
            record shows there at its next read becomes the base.
    """
    anew = ReadAnew()
    for name, value in now.items():
        if name not in before:
            upstream = _upstream(order, name)
            if upstream is not None:
                anew.base_s2e[name], anew.base_cmms[name] = upstream[0], value
                anew.changed[name] = (None, value)
        elif name in base_cmms and same(base_cmms[name], before[name]):
            anew.base_cmms[name] = value
            if not same(before[name], value):
                anew.changed[name] = (before[name], value)
    for name in untold:
        if name in base_cmms and same(base_cmms[name], before[name]):
            anew.base_cmms[name] = UNREAD
            anew.changed[name] = (before[name], UNREAD)
    return anew


def _upstream(order: S2eOrder | None, name: Field) -> tuple[Value] | None:
    """What Scan2Evolve holds, as a tuple of one; None: unknown. It may leave out empty fields."""
    if order is None:
        return None
    if name in order.fields:
        return (order.fields[name],)
    return (None,) if name in WRITABLE_ON_S2E else None


def remap(case: Case, fields: Collection[Field], policy: Policy, now: datetime) -> Decision:
    """The differences that a changed mapping makes in these fields, as writes.

    Which side gives way is decided as at a first meeting. A field that somebody has edited since
    is left to the next cycle.
    """
    planned = decide(case, policy, now)
    read_again = planned.read_again or planned.writes
    nothing = replace(planned, create=None, changes=(), read_again=read_again)
    if case.link is None or case.s2e is None or case.cmms is None or planned.out_of_scope:
        return nothing
    s2e, cmms = dict(case.base_s2e), dict(case.base_cmms)
    for move in planned.base_moves:
        s2e[move.field], cmms[move.field] = move.s2e, move.cmms
    bases = {Side.S2E: s2e, Side.CMMS: cmms}
    wanted = {
        name
        for name in fields
        if name not in planned.waiting and _differs(name, case.s2e, case.cmms, bases, policy)
    }
    met = decide(
        replace(
            case,
            base_s2e={name: value for name, value in s2e.items() if name not in wanted},
            base_cmms={name: value for name, value in cmms.items() if name not in wanted},
        ),
        policy,
        now,
    )
    changes = [replace(change, rule=RULE) for change in met.changes if change.field in wanted]
    lost = [one for one in met.conflicts if one.field in wanted and one.winner is not None]
    return replace(nothing, changes=tuple(changes), conflicts=(*planned.conflicts, *lost))


def _differs(
    name: Field,
    order: S2eOrder,
    record: CmmsRecord,
    bases: Mapping[Side, Mapping[Field, Value]],
    policy: Policy,
) -> bool:
    """Whether the sides hold different values, each of which is its base."""
    here = _upstream(order, name)
    if here is None or name not in record.fields:
        return False
    there = record.fields[name]
    at_base = all(
        is_at(bases[side], name, value) for side, value in ((Side.S2E, here[0]), (Side.CMMS, there))
    )
    return at_base and not agrees(name, here[0], there, record.equivalents, policy)
