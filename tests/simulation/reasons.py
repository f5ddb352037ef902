"""The reasons that the mirror gives for what is not in step, and what counts as the same."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from syncd.mirror.db.tables import conflicts, drifts, links, parked, s2e_orders
from tests.simulation.cmms import NATIVE_STATUS, altered, normalised, whole_day
from tests.simulation.ledger import Plain, plain
from tests.simulation.world import World

BOOKKEEPING = {"external_id", "external_status"}


@dataclass(slots=True)
class Reasons:
    """What the mirror says: links, and why something is not in step."""

    links: dict[str, str]
    relinked: set[str]  # orders that were linked to another record before
    scope: dict[str, str]
    tombstones: set[str]
    held: set[tuple[str, str]]  # (order, field); "" is the whole order
    conflicts: set[tuple[str, str, str, Plain]]  # (order, field, side, that side's value)

    def __init__(self, world: World) -> None:
        with world.mirror.read() as tx:
            rows = tx.conn.execute
            linked = list(rows(select(links)))
            self.links = {row.s2e_id: row.cmms_id for row in linked}
            self.relinked = {row.s2e_id for row in linked if row.how == "relinked"}
            orders = list(rows(select(s2e_orders)))
            self.scope = {row.s2e_id: row.out_of_scope for row in orders if row.out_of_scope}
            self.tombstones = {row.s2e_id for row in orders if row.tombstone_at is not None}
            self.held = {(row.s2e_id, row.field) for row in rows(select(parked))}
            self.held |= {(row.s2e_id, row.field) for row in rows(select(drifts))}
            self.conflicts = set()
            for row in rows(select(conflicts)):
                for side, value in (("s2e", row.s2e_value), ("cmms", row.cmms_value)):
                    spelled = plain(row.field, value)
                    self.conflicts.add((row.s2e_id, row.field, side, spelled))
                if row.winner is None and row.resolved_at is None:
                    self.held.add((row.s2e_id, row.field))

    def excuses(self, s2e_id: str, name: str) -> bool:
        return (s2e_id, name) in self.held or (s2e_id, "") in self.held


def is_logged(world: World, told: Reasons, s2e_id: str, name: str, side: str, value: Plain) -> bool:
    """Whether the log of conflicts has this value of a side; as days, where syncd may read days."""
    if not world.setup.traits.options:
        return (s2e_id, name, side, value) in told.conflicts
    logged = {
        it
        for order, of, held_by, it in told.conflicts
        if (order, of, held_by) == (s2e_id, name, side)
    }
    return whole_day(name, value) in {whole_day(name, it) for it in logged}


def equal(world: World, name: str, upstream: Plain, below: Plain) -> bool:
    """Whether nothing has to be written to make the two the same."""
    if upstream == below:
        return True
    if name == "status":
        native = [NATIVE_STATUS[str(value)] for value in (upstream, below)]
        return world.setup.traits.lossy and native[0] == native[1]
    return tidy(world, name, upstream) == tidy(world, name, below)


def tidy(world: World, name: str, value: Plain) -> Plain:
    """The value after both sides have made of it what they make of values."""
    if value is None or name in {"status", *BOOKKEEPING}:
        return value
    if world.setup.s2e_normalises:
        if name == "actual_hours":
            value = plain(name, round(Decimal(value), 2))
        elif name in {"completed_at", "due_date"}:
            value = plain(name, datetime.fromisoformat(str(value)).replace(microsecond=0))
        else:
            value = unicodedata.normalize("NFC", value).strip() or None
    if world.setup.traits.options:
        value = whole_day(name, value)  # as it was perhaps read
    if world.setup.traits.normalises:
        value = normalised(name, value)
    if world.setup.traits.alters and name == "actual_hours":
        return altered(name, value)  # rounded; of a text it keeps something else
    return value
