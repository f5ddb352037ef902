"""The first schema: observations, links, bases, intents, what waits, the journal."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not imported: a migration keeps its meaning when the tables move on.
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bases",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("native", JSON, nullable=False),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("moved_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "s2e_id", "side", name=op.f("pk_bases")),
    )
    op.create_table(
        "cmms_records",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("cmms_id", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("asset_code", sa.Text(), nullable=True),
        sa.Column("asset_name", sa.Text(), nullable=True),
        sa.Column("site_code", sa.Text(), nullable=True),
        sa.Column("assigned_to", sa.Text(), nullable=True),
        sa.Column("assigned_to_group", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("source_inspection", sa.Text(), nullable=True),
        sa.Column("due_date", TIME, nullable=True),
        sa.Column("estimated_hours", sa.Double(), nullable=True),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("root_cause", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("closure_note", sa.Text(), nullable=True),
        sa.Column("completed_at", TIME, nullable=True),
        sa.Column("actual_hours", sa.Double(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("external_status", sa.Text(), nullable=True),
        sa.Column("external_url", sa.Text(), nullable=True),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("native", JSON, nullable=False),
        sa.Column("equivalents", JSON, nullable=False),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("first_seen_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("needs_look", sa.Boolean(), nullable=False),
        sa.Column("look_since", TIME, nullable=True),
        sa.PrimaryKeyConstraint("connection", "cmms_id", name=op.f("pk_cmms_records")),
    )
    op.create_index(
        op.f("ix_cmms_records_connection_needs_look"),
        "cmms_records",
        ["connection", "needs_look"],
        unique=False,
    )
    op.create_index(
        op.f("ix_cmms_records_connection_s2e_id"),
        "cmms_records",
        ["connection", "s2e_id"],
        unique=False,
    )
    op.create_table(
        "conflicts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("s2e_value", JSON, nullable=True),
        sa.Column("cmms_value", JSON, nullable=True),
        sa.Column("winner", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("found_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME, nullable=True),
        sa.Column("cycle_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
    )
    op.create_index(
        op.f("ix_conflicts_connection_s2e_id"), "conflicts", ["connection", "s2e_id"], unique=False
    )
    op.create_table(
        "cycles",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("cycle_id", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("report", JSON, nullable=True),
        sa.PrimaryKeyConstraint("connection", "cycle_id", name=op.f("pk_cycles")),
    )
    op.create_table(
        "drifts",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", JSON, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "s2e_id", "side", "field", name=op.f("pk_drifts")),
    )
    op.create_table(
        "guards",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("guard", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("latched_at", TIME, nullable=False),
        sa.Column("released_at", TIME, nullable=True),
        sa.Column("spent_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guards")),
    )
    op.create_index(
        op.f("ix_guards_connection_guard"), "guards", ["connection", "guard"], unique=False
    )
    op.create_table(
        "intents",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("cmms_id", sa.Text(), nullable=True),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("writes", JSON, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("answered_at", TIME, nullable=True),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("last_synced_before", TIME, nullable=True),
        sa.Column("cycle_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intents")),
    )
    op.create_index(
        op.f("ix_intents_connection_s2e_id"), "intents", ["connection", "s2e_id"], unique=False
    )
    op.create_index(
        op.f("ix_intents_connection_state"), "intents", ["connection", "state"], unique=False
    )
    op.create_table(
        "journal",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("cycle_id", sa.Text(), nullable=True),
        sa.Column("s2e_id", sa.Text(), nullable=True),
        sa.Column("cmms_id", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("detail", JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    op.create_index(op.f("ix_journal_connection_at"), "journal", ["connection", "at"], unique=False)
    op.create_index(
        op.f("ix_journal_connection_s2e_id"), "journal", ["connection", "s2e_id"], unique=False
    )
    op.create_table(
        "leases",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("acquired_at", TIME, nullable=True),
        sa.Column("renewed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_leases")),
    )
    op.create_table(
        "links",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("cmms_id", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("missing_cycle", sa.Text(), nullable=True),
        sa.Column("missing_cycles", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "s2e_id", name=op.f("pk_links")),
        sa.UniqueConstraint("connection", "cmms_id", name=op.f("uq_links_connection_cmms_id")),
    )
    op.create_table(
        "parked",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("value", JSON, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("until", TIME, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked")),
        sa.UniqueConstraint(
            "connection",
            "s2e_id",
            "side",
            "field",
            name=op.f("uq_parked_connection_s2e_id_side_field"),
        ),
    )
    op.create_table(
        "s2e_orders",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("asset_code", sa.Text(), nullable=True),
        sa.Column("asset_name", sa.Text(), nullable=True),
        sa.Column("site_code", sa.Text(), nullable=True),
        sa.Column("assigned_to", sa.Text(), nullable=True),
        sa.Column("assigned_to_group", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("source_inspection", sa.Text(), nullable=True),
        sa.Column("due_date", TIME, nullable=True),
        sa.Column("estimated_hours", sa.Double(), nullable=True),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("root_cause", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("closure_note", sa.Text(), nullable=True),
        sa.Column("completed_at", TIME, nullable=True),
        sa.Column("actual_hours", sa.Double(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("external_status", sa.Text(), nullable=True),
        sa.Column("external_url", sa.Text(), nullable=True),
        sa.Column("sync_status", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=True),
        sa.Column("asset_id", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("last_synced_at", TIME, nullable=True),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("raw", JSON, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("first_seen_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("needs_look", sa.Boolean(), nullable=False),
        sa.Column("look_since", TIME, nullable=True),
        sa.Column("out_of_scope", sa.Text(), nullable=True),
        sa.Column("not_found_cycle", sa.Text(), nullable=True),
        sa.Column("tombstone_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("connection", "s2e_id", name=op.f("pk_s2e_orders")),
    )
    op.create_index(
        op.f("ix_s2e_orders_connection_needs_look"),
        "s2e_orders",
        ["connection", "needs_look"],
        unique=False,
    )
    op.create_index(
        op.f("ix_s2e_orders_connection_status"),
        "s2e_orders",
        ["connection", "status"],
        unique=False,
    )
    op.create_index(
        op.f("ix_s2e_orders_connection_sync_status"),
        "s2e_orders",
        ["connection", "sync_status"],
        unique=False,
    )
    op.create_table(
        "state",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", JSON, nullable=True),
        sa.PrimaryKeyConstraint("connection", "key", name=op.f("pk_state")),
    )
    op.create_table(
        "sweeps",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("cycle_id", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    op.create_index(
        op.f("ix_sweeps_connection_started_at"),
        "sweeps",
        ["connection", "started_at"],
        unique=False,
    )
