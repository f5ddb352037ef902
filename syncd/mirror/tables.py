"""The mirror's tables. The comment of each column is its documentation: what it means, in
which unit, and who writes it. PostgreSQL keeps the comments with the tables.

Every row belongs to a connection. A value that could not be read is null in its typed column
and is found, as it came, in `fields`.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

from syncd.core.work_order import Field, Kind, kind_of
from syncd.mirror.columns import Hours, Json, RowId, Utc

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

_TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {Kind.TIME: Utc(), Kind.HOURS: Hours()}
_UNITS = {Kind.TIME: ", UTC", Kind.HOURS: ", hours"}


def field_columns(side: str) -> list[Column[Any]]:
    """One typed column for each shared attribute but the Scan2Evolve id, a column of its own."""
    return [
        Column(
            name.value,
            _TYPES.get(kind_of(name), Text()),
            comment=f"{name.value} as {side} last showed it{_UNITS.get(kind_of(name), '')}",
        )
        for name in Field
        if name is not Field.S2E_ID
    ]


def _connection(primary_key: bool = False) -> Column[str]:
    return Column(
        "connection",
        Text,
        primary_key=primary_key,
        nullable=False,
        comment="the connection that the row belongs to",
    )


def _id() -> Column[int]:
    return Column("id", RowId, primary_key=True, comment="a number, never used twice")


def _s2e_id(primary_key: bool = False, **kwargs: Any) -> Column[str]:
    return Column(
        "s2e_id", Text, primary_key=primary_key, comment="the work order in Scan2Evolve", **kwargs
    )


def _look() -> list[Column[Any]]:
    return [
        Column(
            "needs_look",
            Boolean,
            nullable=False,
            comment="the planner has to look at it; set by polls and writes, cleared by the cycle",
        ),
        Column("look_since", Utc, comment="since when needs_look is set, UTC"),
    ]


s2e_orders = Table(
    "s2e_orders",
    metadata,
    _connection(primary_key=True),
    _s2e_id(primary_key=True),
    *field_columns("Scan2Evolve"),
    Column("sync_status", Text, comment="Scan2Evolve's own syncStatus"),
    Column("site_id", Text, comment="the site's id in Scan2Evolve"),
    Column("asset_id", Text, comment="the asset's id in Scan2Evolve"),
    Column("created_at", Utc, comment="createdAt by Scan2Evolve's clock, UTC"),
    Column("updated_at", Utc, comment="updatedAt by Scan2Evolve's clock, UTC"),
    Column("last_synced_at", Utc, comment="lastSyncedAt by Scan2Evolve's clock, UTC"),
    Column("fields", Json, nullable=False, comment="all shared attributes, encoded"),
    Column("raw", Json, nullable=False, comment="the JSON object as it came, unknown keys too"),
    Column("digest", Text, nullable=False, comment="hash of all that was seen, to find changes"),
    Column("first_seen_at", Utc, nullable=False, comment="start of the first read, UTC"),
    Column("seen_at", Utc, nullable=False, comment="start of the last read that showed it, UTC"),
    Column("changed_at", Utc, nullable=False, comment="last read that showed another value, UTC"),
    *_look(),
    Column("not_found_cycle", Text, comment="the last cycle in which a get answered 404"),
    Column(
        "not_found_count",
        Integer,
        nullable=False,
        comment="different cycles in a row in which a get answered 404",
    ),
    Column("tombstone_at", Utc, comment="when the second such cycle made it a tombstone, UTC"),
    Column("in_scope_reason", Text, comment="why it is out of scope; null: it is synced"),
    Index(None, "connection", "needs_look"),
    Index(None, "connection", "status"),
    Index(None, "connection", "sync_status"),
    Index(None, "connection", "external_id"),
    comment="work orders as Scan2Evolve last showed them",
)

cmms_records = Table(
    "cmms_records",
    metadata,
    _connection(primary_key=True),
    Column("cmms_id", Text, primary_key=True, comment="the record in the CMMS"),
    Column("s2e_id", Text, comment="the Scan2Evolve id that the record carries"),
    *field_columns("the CMMS"),
    Column("fields", Json, nullable=False, comment="the shared attributes it reads, encoded"),
    Column("native", Json, nullable=False, comment="the CMMS's own values"),
    Column("equivalents", Json, nullable=False, comment="field -> all our values it stands for"),
    Column("digest", Text, nullable=False, comment="hash of all that was seen, to find changes"),
    Column("updated_at", Utc, comment="the CMMS's own change time, UTC"),
    Column("seen_at", Utc, nullable=False, comment="start of the last read that showed it, UTC"),
    Column("changed_at", Utc, nullable=False, comment="last read that showed another value, UTC"),
    *_look(),
    Column("missing_cycle", Text, comment="the last cycle in which a get found none"),
    Column("missing_cycles", Integer, nullable=False, comment="different such cycles in a row"),
    Column("gone_at", Utc, comment="when the second such cycle took it for gone, UTC"),
    Column("asked_at", Utc, comment="when Scan2Evolve last answered 404 for the s2e_id, UTC"),
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "needs_look"),
    comment="records as the CMMS last showed them",
)

links = Table(
    "links",
    metadata,
    _connection(primary_key=True),
    _s2e_id(primary_key=True),
    Column("cmms_id", Text, nullable=False, comment="the record in the CMMS"),
    Column("made_at", Utc, nullable=False, comment="when the link was made, UTC"),
    Column("how", Text, nullable=False, comment="adopted, reference, created, or by a person"),
    Column("missing_cycles", Integer, nullable=False, comment="cycles in which get found none"),
    Column("missing_since", Utc, comment="the first of them, UTC"),
    Column("last_missing_cycle", Text, comment="the last of them"),
    UniqueConstraint("connection", "cmms_id"),
    comment="this work order is that record",
)

bases = Table(
    "bases",
    metadata,
    _connection(primary_key=True),
    _s2e_id(primary_key=True),
    Column("side", Text, primary_key=True, comment="s2e or cmms"),
    Column("fields", Json, nullable=False, comment="what the side held when the two last agreed"),
    Column("native", Json, comment="the CMMS's own values then; null for s2e"),
    Column("mapping_hash", Text, comment="the mapping through which the CMMS was read"),
    Column("moved_at", Utc, nullable=False, comment="when a field last moved, UTC"),
    comment="per side, what it held when the two last agreed",
)

intents = Table(
    "intents",
    metadata,
    _id(),
    _connection(),
    _s2e_id(nullable=False),
    Column("cmms_id", Text, comment="the record in the CMMS; null for a create without answer"),
    Column("side", Text, nullable=False, comment="the side that is written: s2e or cmms"),
    Column("kind", Text, nullable=False, comment="create or update"),
    Column("state", Text, nullable=False, comment="started, answered, in_doubt, confirmed, …"),
    Column("writes", Json, nullable=False, comment="field -> before, sent, source, verdict"),
    Column("started_at", Utc, nullable=False, comment="committed before it was sent, UTC"),
    Column("answered_at", Utc, comment="when a clear answer came, UTC"),
    Column("settled_at", Utc, comment="when the outcome was known, UTC"),
    Column("last_synced_before", Utc, comment="lastSyncedAt when it was planned, UTC"),
    Column("cycle_id", Text, nullable=False, comment="the cycle that sent it"),
    Column("token", RowId, nullable=False, comment="the lease's fencing token"),
    Column("request_id", Text, comment="the side's own name for the request"),
    Column("error", Text, comment="what went wrong"),
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "state"),
    Index(None, "connection", "started_at"),
    comment="writes journalled before they were sent",
    sqlite_autoincrement=True,
)

_STILL_HELD = sa.text("released_at IS NULL")
parked = Table(
    "parked",
    metadata,
    _id(),
    _connection(),
    _s2e_id(nullable=False),
    Column("side", Text, nullable=False, comment="the side that is not written"),
    Column("field", Text, nullable=False, comment="the field; empty: the whole order"),
    Column("reason", Text, nullable=False, comment="one word why"),
    Column("value", Json, comment="the encoded value not written; another one lifts the hold"),
    Column("tries", Integer, nullable=False, comment="how often it was tried"),
    Column("until", Utc, comment="tried again by itself then, UTC; null: waits for a person"),
    Column("since", Utc, nullable=False, comment="when it was first held for this reason, UTC"),
    Column("detail", Text, nullable=False, comment="for people"),
    Column("released_at", Utc, comment="when the hold ended, UTC; null: it holds"),
    Column("released_by", Text, comment="syncd, or who released it"),
    Index(
        "uq_parked_active",
        "connection",
        "s2e_id",
        "side",
        "field",
        unique=True,
        sqlite_where=_STILL_HELD,
        postgresql_where=_STILL_HELD,
    ),
    comment="writes that are not tried now",
    sqlite_autoincrement=True,
)

conflicts = Table(
    "conflicts",
    metadata,
    _id(),
    _connection(),
    _s2e_id(nullable=False),
    Column("field", Text, nullable=False, comment="the field"),
    Column("s2e_value", Json, comment="what Scan2Evolve held, encoded"),
    Column("cmms_value", Json, comment="what the CMMS held, encoded"),
    Column("winner", Text, comment="s2e or cmms by the owner; null: a person decides"),
    Column("found_at", Utc, nullable=False, comment="when it was found, UTC"),
    Column("resolved_at", Utc, comment="when it was over, UTC"),
    Column("answer", Text, comment="the side that a person chose"),
    Column("answered_at", Utc, comment="when, UTC"),
    Column("cycle_id", Text, nullable=False, comment="the cycle that found it"),
    Column("lost_value", Json, comment="the encoded value that lost; it can be restored"),
    Index(None, "connection", "s2e_id"),
    comment="fields that both sides changed, to different values",
    sqlite_autoincrement=True,
)

drifts = Table(
    "drifts",
    metadata,
    _connection(primary_key=True),
    _s2e_id(primary_key=True),
    Column("side", Text, primary_key=True, comment="the side that holds the value"),
    Column("field", Text, primary_key=True, comment="the field"),
    Column("value", Json, comment="the encoded value that cannot be carried over"),
    Column("reason", Text, nullable=False, comment="one word why"),
    Column("since", Utc, nullable=False, comment="when it was found, UTC"),
    comment="changes that the other side cannot or may not take",
)

guards = Table(
    "guards",
    metadata,
    _id(),
    _connection(),
    Column("kind", Text, nullable=False, comment="first_sync, mass_change, …"),
    Column("side", Text, comment="the side that is not written; null: neither"),
    Column("latched_at", Utc, nullable=False, comment="when it latched, UTC"),
    Column("count", Integer, nullable=False, comment="what the plan would have done"),
    Column("limit_", Integer, nullable=False, comment="what is allowed"),
    Column("detail", Text, nullable=False, comment="for people"),
    Column("released_at", Utc, comment="when a person released it, UTC"),
    Column("released_by", Text, comment="who"),
    Column("spent_at", Utc, comment="when the release was no longer needed, UTC"),
    Index(None, "connection", "kind"),
    comment="guards that refuse part of a plan until a person releases them",
    sqlite_autoincrement=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    _id(),
    _connection(),
    Column("lane", Text, nullable=False, comment="hot or cold"),
    Column("cycle_id", Text, nullable=False, comment="the cycle that began it"),
    Column("started_at", Utc, nullable=False, comment="UTC"),
    Column("ended_at", Utc, comment="UTC; null: it runs, or was cut off"),
    Column("result", Text, nullable=False, comment="complete, partial or running"),
    Column("reason", Text, comment="why it is partial"),
    Column("certificate", Json, comment="what a complete sweep rests on"),
    Column("pages", Integer, nullable=False, comment="pages read"),
    Column("orders", Integer, nullable=False, comment="different work orders met"),
    Column("total", Integer, comment="what Scan2Evolve said there are"),
    Index(None, "connection", "lane", "ended_at"),
    comment="passes over Scan2Evolve's list",
    sqlite_autoincrement=True,
)

cycles = Table(
    "cycles",
    metadata,
    _connection(primary_key=True),
    Column("cycle_id", Text, primary_key=True, comment="its name in logs and in `syncd undo`"),
    Column("started_at", Utc, nullable=False, comment="UTC"),
    Column("ended_at", Utc, comment="UTC; null: it runs, or was cut off"),
    Column("result", Text, comment="complete, partial or failed"),
    Column("report", Json, comment="the document of `once --json`"),
    Index(None, "connection", "started_at"),
    comment="cycles and what they did",
)

journal = Table(
    "journal",
    metadata,
    _id(),
    _connection(),
    Column("at", Utc, nullable=False, comment="UTC"),
    Column("cycle_id", Text, comment="the cycle in which it happened"),
    _s2e_id(),
    Column("cmms_id", Text, comment="the record in the CMMS"),
    Column("field", Text, comment="the field"),
    Column("event", Text, nullable=False, comment="the event's name, as in the log"),
    Column("rule", Text, comment="the rule that decided"),
    Column("detail", Json, comment="what else the log line said"),
    Index(None, "connection", "s2e_id"),
    Index(None, "connection", "at"),
    comment="what happened to each work order",
    sqlite_autoincrement=True,
)

state = Table(
    "state",
    metadata,
    _connection(primary_key=True),
    Column("key", Text, primary_key=True, comment="paused, cmms_watermark, first_sync_over, …"),
    Column("value", Json, comment="JSON"),
    comment="single facts about a connection",
)

leases = Table(
    "leases",
    metadata,
    _connection(primary_key=True),
    Column("token", RowId, nullable=False, comment="grows with each acquisition"),
    Column("holder", Text, nullable=False, comment="host and pid; empty: nobody"),
    Column("acquired_at", Utc, nullable=False, comment="UTC"),
    Column("renewed_at", Utc, nullable=False, comment="UTC"),
    comment="who may write for a connection",
)
