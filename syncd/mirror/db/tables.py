"""The mirror's tables. Every row belongs to a connection.

Of a Scan2Evolve order the JSON is kept as it came, with the few columns that syncd looks for; the
view `s2e_work_orders` (view.py) shows people the rest. Of a CMMS record each shared field is kept
in a typed column, for people, and in `fields` (the canonical encoding), from which syncd reads.
Times are aware UTC.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from syncd.core.work_order import Field, ValueKind, kind_of
from syncd.mirror.db.columns import Id, Json, Text, UtcTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _typed(name: Field) -> Column[Any]:
    kind = kind_of(name)
    if kind is ValueKind.TIME:
        return Column(name.value, UtcTime)
    if kind is ValueKind.HOURS:
        return Column(name.value, Double)
    return Column(name.value, Text)


def _of_few(column: str, sqlite: str = "IS NOT NULL", postgresql: str = "IS NOT NULL") -> Index:
    """An index of the few orders that have something in this column."""
    return Index(
        f"ix_s2e_orders_connection_{column}",
        "connection",
        column,
        sqlite_where=text(f"{column} {sqlite}"),
        postgresql_where=text(f"{column} {postgresql}"),
    )


s2e_orders = Table(
    "s2e_orders",  # what Scan2Evolve was last seen to hold
    metadata,
    Column("connection", Text, primary_key=True),
    Column("s2e_id", Text, primary_key=True),  # wo_…
    Column("status", Text),  # null: none, or one we cannot read
    Column("external_id", Text),
    Column("sync_status", Text, nullable=False),  # PENDING, SYNCED, FAILED, or what came
    Column("raw", Json, nullable=False),  # the JSON object as it came, all fields in it
    Column("digest", Text, nullable=False),  # of `raw` and of syncd's version
    Column("first_seen_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),  # when the last read began that showed it
    Column("changed_at", UtcTime, nullable=False),  # when a read first showed this content
    Column("needs_look", Boolean, nullable=False),  # the planner has not settled this content
    Column("look_since", UtcTime),  # since when; null: it is settled
    Column("out_of_scope", Text),  # why it is not synced; null: it is
    Column("not_found_cycle", Text),  # the cycle of the first 404; null: none
    Column("tombstone_at", UtcTime),  # when a second cycle answered 404
    Column("swept", Integer),  # the last sweep that met it
    Index(None, "connection", "status"),
    Index(None, "connection", "sync_status"),
    # A condition of a query uses an index like these where it is spelled the same.
    _of_few("needs_look", "= 1", ""),
    _of_few("out_of_scope"),
    _of_few("external_id"),
    _of_few("tombstone_at"),
    _of_few("not_found_cycle"),
)

cmms_records = Table(
    "cmms_records",  # what the CMMS was last seen to hold
    metadata,
    Column("connection", Text, primary_key=True),
    Column("cmms_id", Text, primary_key=True),
    *(_typed(name) for name in Field),  # s2e_id: the Scan2Evolve id that the record carries
    Column("fields", Json, nullable=False),
    Column("native", Json, nullable=False),  # the CMMS's own values
    Column("equivalents", Json, nullable=False),  # lossy values: all of ours they stand for
    Column("updated_at", UtcTime),  # the CMMS's own stamp
    Column("digest", Text, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("needs_look", Boolean, nullable=False),
    Column("look_since", UtcTime),
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "needs_look"),
)

links = Table(
    "links",  # this order is that record
    metadata,
    Column("connection", Text, primary_key=True),
    Column("s2e_id", Text, primary_key=True),
    Column("cmms_id", Text, nullable=False),
    Column("how", Text, nullable=False),  # adopted, reference, created, relinked
    Column("made_at", UtcTime, nullable=False),
    Column("missing_cycle", Text),  # the last cycle in which get by id found no record
    Column("missing_cycles", Integer, nullable=False, default=0),  # how many such in a row
    UniqueConstraint("connection", "cmms_id"),
)

bases = Table(
    "bases",  # what a side held when the two last agreed, per field
    metadata,
    Column("connection", Text, primary_key=True),
    Column("s2e_id", Text, primary_key=True),
    Column("side", Text, primary_key=True),  # s2e, cmms
    Column("fields", Json, nullable=False),
    Column("native", Json, nullable=False),  # the CMMS's own record then; empty for s2e
    Column("mapping_hash", Text, nullable=False),  # of the mapping it was read through
    Column("moved_at", UtcTime, nullable=False),
)

intents = Table(
    "intents",  # writes, committed before they are sent
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("s2e_id", Text, nullable=False),
    Column("cmms_id", Text),
    Column("side", Text, nullable=False),  # the side that is written
    Column("kind", Text, nullable=False),  # create, update
    Column("state", Text, nullable=False),  # see core/case.py
    Column("writes", Json, nullable=False),  # field -> before, sent, source, verdict
    Column("started_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("settled_at", UtcTime),
    Column("last_synced_before", UtcTime),  # Scan2Evolve's lastSyncedAt when planned
    Column("cycle_id", Text, nullable=False),
    Column("token", Integer, nullable=False),  # of the lease under which it was sent
    Column("request_id", Text),  # theirs
    Column("error", Text),
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "state"),
)

parked = Table(
    "parked",  # writes that are not tried now
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("s2e_id", Text, nullable=False),
    Column("side", Text, nullable=False),  # the side that is not written
    Column("field", Text, nullable=False),  # empty: the whole order
    Column("reason", Text, nullable=False),
    Column("value", Json),  # what is not written; another value lifts the hold
    Column("tries", Integer, nullable=False),
    Column("until", UtcTime),  # tried again by itself then; null: a person has to act
    Column("detail", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    UniqueConstraint("connection", "s2e_id", "side", "field"),
)

conflicts = Table(
    "conflicts",  # both sides changed a field; the losing value is kept here
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("s2e_id", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("s2e_value", Json),
    Column("cmms_value", Json),
    Column("winner", Text),  # s2e, cmms; null: a person decides
    Column("answer", Text),  # what a person chose
    Column("found_at", UtcTime, nullable=False),
    Column("resolved_at", UtcTime),
    Column("cycle_id", Text, nullable=False),
    Index(None, "connection", "s2e_id"),
)

drifts = Table(
    "drifts",  # changes that the other side cannot or may not take
    metadata,
    Column("connection", Text, primary_key=True),
    Column("s2e_id", Text, primary_key=True),
    Column("side", Text, primary_key=True),  # where the change was made
    Column("field", Text, primary_key=True),
    Column("value", Json),
    Column("reason", Text, nullable=False),  # not_writable, cannot_clear
    Column("since", UtcTime, nullable=False),
)

guards = Table(
    "guards",  # plans that were refused until a person looked
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("guard", Text, nullable=False),
    Column("side", Text, nullable=False),  # empty: both
    Column("counted", Integer, nullable=False),  # what the plan would have done
    Column("allowed", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("latched_at", UtcTime, nullable=False),
    Column("released_at", UtcTime),
    Column("spent_at", UtcTime),  # the release is no longer needed
    Index(None, "connection", "guard"),
)

sweeps = Table(
    "sweeps",  # passes over the list
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("cycle_id", Text, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("result", Text, nullable=False),  # running, complete, partial
    Column("reason", Text),
    Column("pages", Integer, nullable=False),
    Column("orders", Integer, nullable=False),  # distinct ids met
    Column("total", Integer),  # as the list itself said last
    Column("progress", Json),  # where to go on, while it is running
    Column("certificate", Json),  # what a complete one has proved
    Index(None, "connection", "started_at"),
)

cycles = Table(
    "cycles",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("cycle_id", Text, primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("result", Text),  # complete, partial, failed; null: cut off
    Column("report", Json),  # the document of `once --json`
)

journal = Table(
    "journal",  # what was seen, decided and done, in order
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("cycle_id", Text),
    Column("s2e_id", Text),
    Column("cmms_id", Text),
    Column("field", Text),
    Column("event", Text, nullable=False),
    Column("rule", Text),  # which rule decided
    Column("detail", Json),
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "at"),
)

state = Table(
    "state",  # single values of a connection
    metadata,
    Column("connection", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Json),
)

leases = Table(
    "leases",  # who may write for a connection; the token only grows
    metadata,
    Column("connection", Text, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("holder", Text),  # host and pid; null: free
    Column("acquired_at", UtcTime),
    Column("renewed_at", UtcTime),
)
