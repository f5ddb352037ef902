"""The counts that the guards judge a plan by."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from syncd.core.planning.guards import MET, FieldHours, Guard, GuardCounts
from syncd.core.work_order import Field, Side
from syncd.mirror import links, state
from syncd.mirror.db.database import Tx, own
from syncd.mirror.db.tables import guards, journal
from syncd.mirror.intents import recent_writes
from syncd.mirror.journal import DECIDED

_HOUR = timedelta(hours=1)  # the window of the guards against dangerous and sudden changes
_DAYS = timedelta(days=7)  # what is usual is what was usual so long
_GUARDS = select(guards).where(own(guards), guards.c.spent_at.is_(None))


def is_released(tx: Tx, guard: Guard) -> bool:
    """Whether a person has released the guard, and the release still holds."""
    return any(row.guard == guard and row.released_at is not None for row in tx.run(_GUARDS))


def load_hours(
    tx: Tx, now: datetime, keys: Iterable[tuple[Side, Field]]
) -> dict[tuple[Side, Field], FieldHours]:
    """How these fields were written in the last hour, and in the hours of the last seven days.

    From the journal, which knows by which rule: first meetings are left out.
    """
    wanted = set(keys)
    written: dict[tuple[Side, Field], set[str]] = {key: set() for key in wanted}
    hours: dict[tuple[Side, Field], dict[int, set[str]]] = {key: {} for key in wanted}
    names = {name.value for _, name in wanted}
    rows = tx.conn.execute(
        select(journal.c.at, journal.c.s2e_id, journal.c.field, journal.c.detail).where(
            journal.c.connection == tx.connection,
            journal.c.event == DECIDED,
            journal.c.at >= now - _DAYS,
            journal.c.field.in_(names),
            journal.c.rule.not_like(f"{MET}%"),
        )
    )
    for at, s2e_id, name, detail in rows:
        key = Side(detail["side"]), Field(name)
        if key not in wanted:
            continue
        if at >= now - _HOUR:
            written[key].add(s2e_id)
        else:
            hours[key].setdefault((now - at) // _HOUR, set()).add(s2e_id)
    return {key: FieldHours(frozenset(written[key]), _second(hours[key])) for key in wanted}


def _second(hours: Mapping[int, set[str]]) -> int:
    busiest = sorted((len(ids) for ids in hours.values()), reverse=True)
    return busiest[1] if len(busiest) > 1 else 0


def load_counts(tx: Tx, now: datetime) -> GuardCounts:
    """What is linked, created and written lately, and which guards wait or were released."""
    latched: set[tuple[Guard, Side | None]] = set()
    allowed: dict[tuple[Guard, Side | None], int] = {}
    for row in tx.run(_GUARDS):
        key = (Guard(row.guard), Side(row.side) if row.side else None)
        if row.released_at is None:
            latched.add(key)
        else:
            allowed[key] = max(allowed.get(key, 0), row.counted)
    return GuardCounts(
        linked=links.linked_count(tx),
        first_sync_open=not state.get_state(tx, state.FIRST_SYNC_OVER),
        created=links.created_count(tx),
        latched=frozenset(latched),
        allowed=allowed,
        recent={side: recent_writes(tx, side, now - _HOUR) for side in Side},
    )
