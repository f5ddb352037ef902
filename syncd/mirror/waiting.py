"""What waits: holds, conflicts, drift and guards, and what a person has answered."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from syncd.core.case import RELEASED, Conflict, Hold
from syncd.core.decision import Drift
from syncd.core.planning.oscillation import OSCILLATION
from syncd.core.planning.plan import Guard, Latch
from syncd.core.planning.unlinked import CREATE_IN_DOUBT, RECREATE, UNLINKED
from syncd.core.work_order import Field, Side, encode_value
from syncd.mirror.attention import mark_attention
from syncd.mirror.db.columns import plain_json
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import conflicts, drifts, guards, links, parked
from syncd.mirror.journal import give_up_creates
from syncd.mirror.state import FIRST_SYNC_OVER, set_state

# ── holds ─────────────────────────────────────────────────────────────────────────────────


_HOLD = delete(parked).where(
    own(parked),
    parked.c.s2e_id == bindparam("of"),
    parked.c.side == bindparam("held_side"),
    parked.c.field == bindparam("held_field"),
)


def put_hold(tx: Tx, s2e_id: str, hold: Hold) -> None:
    """Keep that a write is not tried now; it replaces an older hold of the same field."""
    lift_hold(tx, s2e_id, hold.side, hold.field)
    tx.insert(
        parked,
        s2e_id=s2e_id,
        side=hold.side.value,
        field=hold.field.value if hold.field is not None else "",
        reason=hold.reason,
        value=hold.value,
        tries=hold.tries,
        until=hold.until,
        detail=hold.detail,
        since=tx.now,
    )


def lift_hold(tx: Tx, s2e_id: str, side: Side, name: Field | None) -> None:
    field = name.value if name is not None else ""
    tx.run(_HOLD, of=s2e_id, held_side=side.value, held_field=field)


def release_holds(tx: Tx, s2e_id: str, name: str | None, *, drop: bool) -> int:
    """A person's answer to what is parked; return how many holds it met.

    Retry forgets the hold, so that the next cycle tries again. Of a create in doubt it says that
    the person has looked, and that there is no such record; of a field that went to and fro, that
    it may be written once more. Drop keeps it as `dropped`: the same
    value is never tried again and no longer counts as parked.
    """
    # What a person has said about the link is not parked, and stays.
    about_link = parked.c.reason.in_((UNLINKED, RECREATE))
    here = [parked.c.connection == tx.connection, parked.c.s2e_id == s2e_id, ~about_link]
    if name is not None:
        here.append(parked.c.field == name)
    if drop:
        values = {"reason": "dropped", "until": None}
        return int(tx.conn.execute(update(parked).where(*here).values(**values)).rowcount)
    mark_attention(tx, [s2e_id])
    doubted = select(parked.c.id).where(*here, parked.c.reason == CREATE_IN_DOUBT)
    if tx.conn.execute(doubted).first() is not None:
        give_up_creates(tx, s2e_id)
    swinging = update(parked).where(*here, parked.c.reason == OSCILLATION)
    again = tx.conn.execute(swinging.values(reason=RELEASED, until=tx.now)).rowcount
    gone = tx.conn.execute(delete(parked).where(*here, parked.c.reason != RELEASED)).rowcount
    return int(again + gone)


# ── conflicts ─────────────────────────────────────────────────────────────────────────────


_OF_FIELD = (
    own(conflicts),
    conflicts.c.s2e_id == bindparam("of"),
    conflicts.c.field == bindparam("named"),
)
_LAST_CONFLICT = select(conflicts).where(*_OF_FIELD).order_by(conflicts.c.id.desc()).limit(1)
_CONFLICT = update(conflicts).where(conflicts.c.id == bindparam("of"))
_OPEN_CONFLICT = update(conflicts).where(
    *_OF_FIELD, conflicts.c.winner.is_(None), conflicts.c.resolved_at.is_(None)
)


def put_conflict(tx: Tx, s2e_id: str, conflict: Conflict, *, cycle_id: str) -> bool:
    """Keep a conflict with both values. False: exactly this one was the last to be kept."""
    values = {
        "s2e_value": plain_json(encode_value(conflict.s2e)),
        "cmms_value": plain_json(encode_value(conflict.cmms)),
        "winner": conflict.winner.value if conflict.winner is not None else None,
    }
    last = tx.run(_LAST_CONFLICT, of=s2e_id, named=conflict.field.value).one_or_none()
    if last is not None:
        same = last.s2e_value == values["s2e_value"] and last.cmms_value == values["cmms_value"]
        waits = last.resolved_at is None and last.winner is None
        if same and (waits or last.winner == values["winner"]):
            return False
        if waits:  # the values have moved on, the question is still open
            tx.run(_CONFLICT, of=last.id, **values)
            return True
    tx.insert(
        conflicts,
        s2e_id=s2e_id,
        field=conflict.field.value,
        found_at=tx.now,
        resolved_at=tx.now if conflict.winner is not None else None,
        cycle_id=cycle_id,
        **values,
    )
    return True


def answer_conflict(tx: Tx, s2e_id: str, name: Field, side: Side) -> bool:
    """Keep a person's choice; the next cycle acts on it. False: no such conflict waits."""
    done = tx.run(_OPEN_CONFLICT, of=s2e_id, named=name.value, answer=side.value)
    return bool(done.rowcount)


def settle_conflict(tx: Tx, s2e_id: str, name: Field) -> bool:
    """The sides agree again. False: no such conflict waited."""
    done = tx.run(_OPEN_CONFLICT, of=s2e_id, named=name.value, resolved_at=tx.now)
    return bool(done.rowcount)


# ── drift ─────────────────────────────────────────────────────────────────────────────────


_DRIFT_KEY = (
    own(drifts),
    drifts.c.s2e_id == bindparam("of"),
    drifts.c.side == bindparam("changed_side"),
    drifts.c.field == bindparam("named"),
)
_DRIFT = select(drifts).where(*_DRIFT_KEY)
_NO_DRIFT = delete(drifts).where(*_DRIFT_KEY)
_DRIFTING = select(drifts.c.side, drifts.c.field).where(
    own(drifts), drifts.c.s2e_id == bindparam("of")
)


def put_drift(tx: Tx, s2e_id: str, drift: Drift) -> bool:
    """Keep a change we cannot write back. False: it was known with this value."""
    value = plain_json(encode_value(drift.value))
    key = {"of": s2e_id, "changed_side": drift.side.value, "named": drift.field.value}
    known = tx.run(_DRIFT, **key).one_or_none()
    if known is not None and known.value == value and known.reason == drift.reason:
        return False
    clear_drift(tx, s2e_id, drift.side, drift.field)
    tx.insert(
        drifts,
        s2e_id=s2e_id,
        side=drift.side.value,
        field=drift.field.value,
        value=value,
        reason=drift.reason,
        since=tx.now,
    )
    return True


def clear_drift(tx: Tx, s2e_id: str, side: Side, name: Field) -> None:
    tx.run(_NO_DRIFT, of=s2e_id, changed_side=side.value, named=name.value)


def drifting(tx: Tx, s2e_id: str) -> set[tuple[Side, Field]]:
    """Where this order drifts."""
    return {(Side(row.side), Field(row.field)) for row in tx.run(_DRIFTING, of=s2e_id)}


# ── guards ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """Guards that wait, and per guard the count that a person has released."""

    latched: set[tuple[Guard, Side | None]] = field(default_factory=set)
    released: dict[tuple[Guard, Side | None], int] = field(default_factory=dict)


_GUARDS = select(guards).where(own(guards), guards.c.spent_at.is_(None))


def guard_facts(tx: Tx) -> GuardFacts:
    facts = GuardFacts()
    rows = tx.run(_GUARDS)
    for row in rows:
        key = (Guard(row.guard), Side(row.side) if row.side else None)
        if row.released_at is None:
            facts.latched.add(key)
        else:
            facts.released[key] = max(facts.released.get(key, 0), row.counted)
    return facts


def latch_guard(tx: Tx, latch: Latch) -> bool:
    """Keep that a plan was refused. False: this guard waits already, and now names this count."""
    here = _guard(tx, latch.guard, latch.side)
    waits = (*here, guards.c.released_at.is_(None), guards.c.spent_at.is_(None))
    known = tx.conn.execute(select(guards.c.id, guards.c.counted).where(*waits)).one_or_none()
    if known is not None:
        if latch.count > known.counted:
            values = {"counted": latch.count, "allowed": latch.limit, "detail": latch.detail}
            tx.conn.execute(update(guards).where(guards.c.id == known.id).values(**values))
        return False
    spend_guard(tx, latch.guard, latch.side)
    tx.insert(
        guards,
        guard=latch.guard.value,
        side=latch.side.value if latch.side is not None else "",
        counted=latch.count,
        allowed=latch.limit,
        detail=latch.detail,
        latched_at=tx.now,
    )
    return True


def release_guard(tx: Tx, guard: str | None) -> list[str]:
    """A person lets the refused plan through, up to the count it named; return the guards.

    Guards against 404s have nothing to let through: they are over once released.
    """
    here = [
        guards.c.connection == tx.connection,
        guards.c.released_at.is_(None),
        guards.c.spent_at.is_(None),
    ]
    if guard is not None:
        here.append(guards.c.guard == guard)
    names = list(tx.conn.execute(select(guards.c.guard).where(*here)).scalars())
    tx.conn.execute(update(guards).where(*here).values(released_at=tx.now))
    if Guard.NOT_FOUND.value in names:
        spend_guard(tx, Guard.NOT_FOUND, None)
    if Guard.FIRST_SYNC.value in names:
        set_state(tx, FIRST_SYNC_OVER, True)  # creations are no longer counted
    return names


def spend_guard(tx: Tx, guard: Guard, side: Side | None) -> None:
    """A released guard is no longer needed: the next plan over the limit latches anew."""
    here = _guard(tx, guard, side)
    used = (*here, guards.c.released_at.is_not(None), guards.c.spent_at.is_(None))
    tx.conn.execute(update(guards).where(*used).values(spent_at=tx.now))


def _guard(tx: Tx, guard: Guard, side: Side | None) -> tuple[Any, ...]:
    return (
        guards.c.connection == tx.connection,
        guards.c.guard == guard.value,
        guards.c.side == (side.value if side is not None else ""),
    )


_CREATED = select(func.count()).select_from(links).where(own(links), links.c.how == "created")


def created_count(tx: Tx) -> int:
    """Records that syncd has created for this connection."""
    count: int = tx.run(_CREATED).scalar_one()
    return count
