"""The mirror's tables. Every row belongs to a connection.

A Scan2Evolve order is kept as the JSON that came, beside the few columns that syncd searches; the
view `s2e_work_orders` (view.py) shows people the rest. A CMMS record is kept twice: each shared
field in a typed column, for people, and all of them in `fields`, from which syncd reads.

All times are UTC. "Observation" in a comment means what the last read of that side showed.
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
    false,
    text,
)

from syncd.core.work_order import Field, ValueKind, kind_of
from syncd.mirror.db.columns import Id, Json, PlainText, UtcTime

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
    return Column(name.value, PlainText)


def _of_few(column: str, sqlite: str = "IS NOT NULL", postgresql: str = "IS NOT NULL") -> Index:
    """An index of the few orders that have a value in this column."""
    return Index(
        f"ix_s2e_orders_connection_{column}",
        "connection",
        column,
        sqlite_where=text(f"{column} {sqlite}"),
        postgresql_where=text(f"{column} {postgresql}"),
    )


s2e_orders = Table(
    "s2e_orders",  # observations of Scan2Evolve; written by observations.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("s2e_id", PlainText, primary_key=True),  # wo_…
    Column("status", PlainText),  # null: none, or one we cannot read
    Column("external_id", PlainText),  # null: none
    Column("sync_status", PlainText, nullable=False),  # PENDING, SYNCED, FAILED, or what came
    Column("raw", Json, nullable=False),  # the JSON object as it came, all fields in it
    Column("digest", PlainText, nullable=False),  # of `raw` without tasks and of syncd's version
    Column("first_seen_at", UtcTime, nullable=False),  # when the first read of it began
    Column("seen_at", UtcTime, nullable=False),  # when the last read of it began
    Column("changed_at", UtcTime, nullable=False),  # when a read first showed this content
    Column("needs_attention", Boolean, nullable=False),  # it has to be decided about (attention.py)
    Column("attention_since", UtcTime),  # since when; null: nothing has to be decided
    Column("out_of_scope", PlainText),  # why it is not synced; null: it is synced
    Column("not_found_cycle", PlainText),  # the cycle of the first 404; null: none
    Column("tombstone_at", UtcTime),  # when a second cycle got a 404, too; null: it is live
    Column("swept", Integer),  # the last sweep that read it or asked for it by id
    Index(None, "connection", "status"),
    Index(None, "connection", "sync_status"),
    # A query uses such an index only if its condition is written in the same way.
    _of_few("needs_attention", "= 1", ""),
    _of_few("out_of_scope"),
    _of_few("external_id"),
    _of_few("tombstone_at"),
    _of_few("not_found_cycle"),
)

cmms_records = Table(
    "cmms_records",  # observations of the CMMS; written by observations.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("cmms_id", PlainText, primary_key=True),
    *(_typed(name) for name in Field),  # s2e_id: the Scan2Evolve id that the record carries
    Column("fields", Json, nullable=False),  # field -> value, as core/values.py encodes it
    Column("native", Json, nullable=False),  # the record in the CMMS's own words
    Column("equivalents", Json, nullable=False),  # field -> all our values that its value means
    Column("updated_at", UtcTime),  # the CMMS's own stamp; null: it has none
    Column("digest", PlainText, nullable=False),  # of fields, native, equivalents and s2e_id
    Column("first_seen_at", UtcTime, nullable=False),  # this and the next four: as in s2e_orders
    Column("seen_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("needs_attention", Boolean, nullable=False),
    Column("attention_since", UtcTime),
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "needs_attention"),
)

links = Table(
    "links",  # this order is that record; written by links.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("s2e_id", PlainText, primary_key=True),
    Column("cmms_id", PlainText, nullable=False),
    Column("how", PlainText, nullable=False),  # adopted, reference, created, relinked
    Column("made_at", UtcTime, nullable=False),
    Column("missing_cycle", PlainText),  # the last cycle in which no record had this cmms_id
    Column("missing_cycles", Integer, nullable=False, default=0),  # how many such in a row
    Column("carried", Boolean, nullable=False, server_default=false()),  # it was seen with the id
    UniqueConstraint("connection", "cmms_id"),
)

bases = Table(
    "bases",  # what a side held when the two last agreed, per field; written by links.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("s2e_id", PlainText, primary_key=True),
    Column("side", PlainText, primary_key=True),  # s2e, cmms
    Column("fields", Json, nullable=False),  # field -> value; a field that never agreed is absent
    Column("native", Json, nullable=False),  # the CMMS's own record then; empty for s2e
    Column("mapping_hash", PlainText, nullable=False),  # of the mapping that it was read with
    Column("moved_at", UtcTime, nullable=False),  # when any field of it was last kept
)

intents = Table(
    "intents",  # writes, each committed before it is sent; written by intents.py
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", PlainText, nullable=False),
    Column("s2e_id", PlainText, nullable=False),
    Column("cmms_id", PlainText),  # null: a create that no record is known of
    Column("side", PlainText, nullable=False),  # the side that is written
    Column("kind", PlainText, nullable=False),  # create, update
    Column("state", PlainText, nullable=False),  # IntentState, see core/case.py
    Column("writes", Json, nullable=False),  # field -> before, sent, source, verdict
    Column("effects", Json),  # what it does beside them: touches, passes; null: nothing
    Column("started_at", UtcTime, nullable=False),  # just before it was sent
    Column(
        "answered_at", UtcTime
    ),  # of a success; with an error: when nobody waited any more; null: neither
    Column("settled_at", UtcTime),  # when it came to its last state; null: it is open
    Column("last_synced_before", UtcTime),  # Scan2Evolve's lastSyncedAt when it was planned
    Column("cycle_id", PlainText, nullable=False),  # the cycle that sent it
    Column("token", Integer, nullable=False),  # of the lease under which it was sent
    Column("request_id", PlainText),  # by which the written side knows the request
    Column("error", PlainText),  # the error that came, as text; null: none
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "state"),
)

parked = Table(
    "parked",  # holds: writes not tried now, a person's answers on a link; written by holds.py
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", PlainText, nullable=False),
    Column("s2e_id", PlainText, nullable=False),
    Column("side", PlainText, nullable=False),  # the side that is not written
    Column("field", PlainText, nullable=False),  # empty: the whole order
    Column("reason", PlainText, nullable=False),  # the rule that parked it; dropped: by a person
    Column("value", Json),  # what is not written; another value lifts the hold
    Column("tries", Integer, nullable=False),  # how often this value was tried
    Column("until", UtcTime),  # tried again by itself then; null: a person has to act
    Column("detail", PlainText, nullable=False),  # for people, such as the error; may be empty
    Column("since", UtcTime, nullable=False),  # when this row was written
    UniqueConstraint("connection", "s2e_id", "side", "field"),
)

conflicts = Table(
    "conflicts",  # both sides changed a field; the losing value stays here; by conflicts.py
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", PlainText, nullable=False),
    Column("s2e_id", PlainText, nullable=False),
    Column("field", PlainText, nullable=False),
    Column("s2e_value", Json),  # what each side held, encoded
    Column("cmms_value", Json),
    Column("winner", PlainText),  # s2e, cmms: by a rule; null: a person decides
    Column("answer", PlainText),  # s2e, cmms: the side that a person chose; null: none yet
    Column("found_at", UtcTime, nullable=False),  # when it was first seen
    Column("resolved_at", UtcTime),  # when it was over; null: it waits
    Column("cycle_id", PlainText, nullable=False),  # that saw it; empty: an answer about a link
    Index(None, "connection", "s2e_id"),
)

drifts = Table(
    "drifts",  # changes that the other side cannot or may not take; written by drift.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("s2e_id", PlainText, primary_key=True),
    Column("side", PlainText, primary_key=True),  # where the change was made
    Column("field", PlainText, primary_key=True),
    Column("value", Json),  # the changed value, encoded; null: the field was cleared
    Column("reason", PlainText, nullable=False),  # not_writable, cannot_clear
    Column("since", UtcTime, nullable=False),  # when this value was first seen
)

guards = Table(
    "guards",  # plans that are refused until a person lets them through; written by guards.py
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", PlainText, nullable=False),
    Column("guard", PlainText, nullable=False),  # Guard, see core/planning/guards.py
    Column("side", PlainText, nullable=False),  # the side that is not written; empty: both
    Column("counted", Integer, nullable=False),  # the largest count of a refused plan
    Column("allowed", Integer, nullable=False),  # the limit that it was over
    Column("detail", PlainText, nullable=False),  # the count and the limit in a sentence
    Column("latched_at", UtcTime, nullable=False),  # when the first plan was refused
    Column("released_at", UtcTime),  # when a person let it through; null: it waits
    Column("spent_at", UtcTime),  # when that release was no longer needed; null: it still counts
    Index(None, "connection", "guard"),
)

sweeps = Table(
    "sweeps",  # passes over Scan2Evolve's list; written by state.py
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", PlainText, nullable=False),
    Column("cycle_id", PlainText, nullable=False),  # the cycle that began it
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),  # null: it is running
    Column("result", PlainText, nullable=False),  # running, complete, partial
    Column("reason", PlainText),  # why it is partial
    Column("pages", Integer, nullable=False),  # how many were read
    Column("orders", Integer, nullable=False),  # how many distinct ids it has shown
    Column("total", Integer),  # the list's length, as its last answer gave it; null: it gave none
    Column("progress", Json),  # where the next cycle goes on; null: it has ended
    Column("certificate", Json),  # what a complete one has proved, see core/paging/pages.py
    Index(None, "connection", "started_at"),
)

cycles = Table(
    "cycles",  # written by state.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("cycle_id", PlainText, primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),  # null: it is running, or was cut off
    Column("result", PlainText),  # complete, partial, failed; null as above
    Column("report", Json),  # the document of `once --json`
)

journal = Table(
    "journal",  # what was seen, decided and done, in this order; written by journal.py
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("connection", PlainText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("cycle_id", PlainText),  # this and the next three are null where they do not apply
    Column("s2e_id", PlainText),
    Column("cmms_id", PlainText),
    Column("field", PlainText),
    Column("event", PlainText, nullable=False),  # what happened, such as link.created
    Column("rule", PlainText),  # which rule decided, or what a person chose
    Column("detail", Json),  # an object; its keys depend on the event
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "at"),
)

state = Table(
    "state",  # single values of a connection; the keys are those of state.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("key", PlainText, primary_key=True),
    Column("value", Json),
)

leases = Table(
    "leases",  # who may write for a connection; written by lease.py
    metadata,
    Column("connection", PlainText, primary_key=True),
    Column("token", Integer, nullable=False),  # one more with each holder
    Column("holder", PlainText),  # host and pid; null: nobody
    Column("acquired_at", UtcTime),
    Column("renewed_at", UtcTime),  # when the holder last showed that it is alive
)
