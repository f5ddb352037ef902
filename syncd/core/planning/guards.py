"""Guards: what looks like an accident is not sent before a person has released it.

guard              latches when one plan                                       stops
────────────────   ─────────────────────────────────────────────────────────   ──────────────
first_sync         would create more records than SYNCD_FIRST_SYNC_MAX,        creations
                   those of earlier cycles counted
mass_change        changes more of one side than SYNCD_GUARD_CHANGES_… allow   that side
dangerous_change   cancels, blanks or sets to one value more than 10 % and     that side
                   at least 20 of the linked records, with the last hour's
sudden_change      changes one field of more records than is usual, with the  that side
                   last hour's, and many of them at once
meaning_changed    (the CMMS's server) says that its words mean something    differences in
                   else than what is pinned (`core/meaning.py`)               these fields
not_found          (a cycle) meets so many 404 that the credentials are wrong  both sides

People change records one after the other, all day long; a rule, an import or a word that has come
to mean something else changes them all in one cycle. So a sudden change is counted per field and
hour, and compared with the last seven days; first meetings, creations and our own bookkeeping do
not count, and neither does what comes by ones and twos.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from syncd.core.decision import Change, Decision
from syncd.core.policy import Policy
from syncd.core.values import encode_value
from syncd.core.work_order import CMMS_OWNED, Field, Side, Status, Value

_DANGEROUS_PERCENT, _DANGEROUS_MIN = 10, 20  # of the linked records within an hour; fixed
_AT_ONCE, _SUDDEN_MIN = 10, 20  # of the linked records in one plan, and within an hour
_NOT_FOUND_PERCENT, _NOT_FOUND_MIN = 10, 5  # of the live orders in one cycle; fixed
MET = "met"  # how the rules of a first meeting begin
GuardKey = tuple["Guard", Side | None]


class Guard(StrEnum):
    FIRST_SYNC = "first_sync"  # more creations than SYNCD_FIRST_SYNC_MAX before a release
    MASS_CHANGE = "mass_change"  # too much of one side would change at once
    DANGEROUS = "dangerous_change"  # many cancelled, blanked or set to one value in an hour
    MEANING = "meaning_changed"  # words of the CMMS mean something else on its server
    SUDDEN = "sudden_change"  # one field of many records changes at once, which is not usual
    NOT_FOUND = "not_found"  # so many 404 that the credentials must be wrong


@dataclass(frozen=True, slots=True)
class Latch:
    """A guard that refuses part of a plan until a person releases it.

    Attributes:
        side: the side that is not written; None: neither.
        count, limit: what the plan would do, and what is allowed.
        detail: for the operator, one sentence.
        remedy: what the operator can do.
    """

    guard: Guard
    side: Side | None
    count: int
    limit: int
    detail: str
    remedy: str = "look at `syncd plan`, then `syncd guard release`"


@dataclass(frozen=True, slots=True)
class FieldHours:
    """How one field of one side was written lately.

    Attributes:
        written: the orders of which it was written in the last hour.
        usual: of how many orders in the second busiest hour of the last seven days. The busiest
            may have been the accident that a person released.
    """

    written: frozenset[str] = frozenset()
    usual: int = 0


@dataclass(frozen=True, slots=True)
class GuardCounts:
    """Counts from the mirror that the guards need.

    Attributes:
        linked: linked work orders.
        first_sync_open: creations are still counted.
        created: creations of all cycles while they are counted.
        latched: guards that wait for a person.
        allowed: per guard and side the count a person has released.
        recent: writes of the last hour, by side: (s2e_id, field, value sent), without our own
            bookkeeping.
        hours: of the fields that a plan changes suddenly, see `sudden_fields`.
    """

    linked: int = 0
    first_sync_open: bool = True
    created: int = 0
    latched: frozenset[tuple[Guard, Side | None]] = frozenset()
    allowed: Mapping[tuple[Guard, Side | None], int] = field(default_factory=dict)
    recent: Mapping[Side, Sequence[tuple[str, Field, Value]]] = field(default_factory=dict)
    hours: Mapping[tuple[Side, Field], FieldHours] = field(default_factory=dict)


def judge_guards(
    decisions: Sequence[Decision], policy: Policy, counts: GuardCounts
) -> tuple[tuple[Latch, ...], tuple[GuardKey, ...]]:
    """The guards that refuse part of this plan, and the releases that are no longer needed."""
    latches: list[Latch] = []
    spent: list[GuardKey] = []
    measured = [_first_sync(decisions, policy, counts)]
    for side in Side:
        measured.append(_mass_change(decisions, side, policy, counts))
        measured.append(_dangerous(decisions, side, counts))
        measured.append(_sudden(decisions, side, policy, counts))
    for latch in measured:
        key = (latch.guard, latch.side)
        allowed = counts.allowed.get(key)
        if latch.count > latch.limit:
            if allowed is None or latch.count > allowed:
                latches.append(latch)
        else:
            if allowed is not None and latch.guard is not Guard.FIRST_SYNC:
                spent.append(key)
            if key in counts.latched:
                latches.append(latch)
    latches += [
        Latch(guard, side, 0, 0, "a person has to release it")
        for guard, side in sorted(counts.latched)
        if guard is Guard.NOT_FOUND
    ]
    return tuple(latches), tuple(spent)


def _first_sync(decisions: Sequence[Decision], policy: Policy, counts: GuardCounts) -> Latch:
    planned = sum(decision.create is not None for decision in decisions)
    total = counts.created + planned
    limit = policy.first_sync_max
    if not counts.first_sync_open or not planned:
        total = 0
    return Latch(
        Guard.FIRST_SYNC,
        Side.CMMS,
        total,
        limit,
        f"{total} records would be created in the CMMS; SYNCD_FIRST_SYNC_MAX is {limit}",
    )


def _counted(decision: Decision, side: Side) -> list[Change]:
    """Changes that the mass-change guards count: not our own bookkeeping."""
    return [change for change in decision.changes_on(side) if change.field not in CMMS_OWNED]


def _mass_change(
    decisions: Sequence[Decision], side: Side, policy: Policy, counts: GuardCounts
) -> Latch:
    count = sum(bool(_counted(decision, side)) for decision in decisions)
    limit = max(policy.guard_min, counts.linked * policy.guard_percent // 100)
    return Latch(
        Guard.MASS_CHANGE,
        side,
        count,
        limit,
        f"{count} of {counts.linked} linked work orders would change on {side}; "
        f"{limit} are allowed at once",
    )


def _dangerous(decisions: Sequence[Decision], side: Side, counts: GuardCounts) -> Latch:
    writes: list[tuple[str, Field, Value]] = list(counts.recent.get(side, ()))
    for decision in decisions:
        writes += [(decision.s2e_id, c.field, c.value) for c in _counted(decision, side)]
    limit = max(_DANGEROUS_MIN - 1, counts.linked * _DANGEROUS_PERCENT // 100)
    worst, what = 0, "nothing"
    for label, ids in _dangerous_groups(writes):
        if len(ids) > worst:
            worst, what = len(ids), label
    if not any(_counted(decision, side) for decision in decisions):
        worst = 0
    return Latch(
        Guard.DANGEROUS,
        side,
        worst,
        limit,
        f"{worst} of {counts.linked} linked work orders on {side} within an hour: {what}; "
        f"{limit} are allowed",
    )


def _dangerous_groups(
    writes: Collection[tuple[str, Field, Value]],
) -> Iterable[tuple[str, set[str]]]:
    yield (
        "set to CANCELLED",
        {s2e_id for s2e_id, _, value in writes if value is Status.CANCELLED},
    )
    yield "blanked", {s2e_id for s2e_id, _, value in writes if value is None}
    # One value on many orders is normal for a status or a priority, but not for a title.
    of_field: dict[Field, Counter[str]] = {}
    for _, name, value in writes:
        if name not in {Field.STATUS, Field.PRIORITY}:
            of_field.setdefault(name, Counter())[str(encode_value(value))] += 1
    for name, values in of_field.items():
        if len(values) == 1:
            yield f"one {name} on all", {s2e_id for s2e_id, written, _ in writes if written is name}


def sudden_fields(
    decisions: Iterable[Decision], policy: Policy
) -> dict[tuple[Side, Field], set[str]]:
    """The fields that these decisions change on many orders at once, with these orders.

    Many are more than 10, and more than a fifth of SYNCD_GUARD_CHANGES_MIN. A first meeting changes
    nothing: it brings together what two sides have held all along.
    """
    changed: dict[tuple[Side, Field], set[str]] = {}
    for decision in decisions:
        for side in Side:
            for change in _counted(decision, side):
                if not change.rule.startswith(MET):
                    changed.setdefault((side, change.field), set()).add(decision.s2e_id)
    return {
        key: ids for key, ids in changed.items() if len(ids) > max(_AT_ONCE, policy.guard_min // 5)
    }


def _sudden(
    decisions: Sequence[Decision], side: Side, policy: Policy, counts: GuardCounts
) -> Latch:
    """Allowed is the largest of: 20; two fifths of SYNCD_GUARD_CHANGES_MIN; a third of
    SYNCD_GUARD_CHANGES_PERCENT, so 10 %, of the linked records; and twice what is usual.
    """
    share = counts.linked * policy.guard_percent // 300
    allowed = max(_SUDDEN_MIN, policy.guard_min * 2 // 5, share)
    worst = Latch(Guard.SUDDEN, side, 0, allowed, "nothing is changed suddenly")
    for (of, name), ids in sudden_fields(decisions, policy).items():
        hours = counts.hours.get((of, name))
        if of is not side or hours is None:
            continue
        count, limit = len(ids | hours.written), max(allowed, 2 * hours.usual)
        if count - limit > worst.count - worst.limit:
            detail = (
                f"{name} would change on {count} of {counts.linked} linked work orders on {side} "
                f"within an hour, {len(ids)} of them at once; {hours.usual} are usual, "
                f"{limit} are allowed"
            )
            worst = Latch(Guard.SUDDEN, side, count, limit, detail)
    return worst


def not_found_latch(not_found: int, live: int) -> Latch | None:
    """The guard against wrong credentials: a work order of another organisation is a 404, too."""
    limit = max(_NOT_FOUND_MIN, live * _NOT_FOUND_PERCENT // 100)
    if not_found <= limit:
        return None
    return Latch(
        Guard.NOT_FOUND,
        None,
        not_found,
        limit,
        f"{not_found} of {live} known work orders answered 404 in one cycle; "
        f"the credentials may belong to another organisation",
    )
