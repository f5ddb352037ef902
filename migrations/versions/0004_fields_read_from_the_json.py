"""Orders of Scan2Evolve keep their JSON and what is looked for; a view shows people the rest.

The indexes on needs_look and out_of_scope come to hold the orders of which these are so alone.

Every value that goes with a column stands in the JSON of its row, where it came from.
"""

import sqlalchemy as sa
from alembic import op

from syncd.mirror.db.view import create_view

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DROPPED = (
    *("title", "description", "priority", "location", "asset_code", "asset_name", "site_code"),
    *("assigned_to", "assigned_to_group", "created_by", "source_inspection", "due_date"),
    *("estimated_hours", "started_at", "root_cause", "resolution", "closure_note"),
    *("completed_at", "actual_hours", "external_status", "external_url"),
    *("site_id", "asset_id", "created_at", "updated_at", "last_synced_at", "fields"),
)


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    if dialect == "sqlite":
        _copy()
    else:
        dropped = ", ".join(f"DROP COLUMN {name}" for name in DROPPED)
        op.execute(f"ALTER TABLE s2e_orders {dropped}")
        for column in ("needs_look", "out_of_scope"):
            op.drop_index(f"ix_s2e_orders_connection_{column}", "s2e_orders")
        _index("needs_look", "needs_look")
        _index("out_of_scope", "out_of_scope IS NOT NULL")
    # Not written out here: a view holds nothing, and a migration that changes it makes it anew.
    # SQLite lets no column or table go while a view stands that cannot be read without it.
    op.execute(create_view(dialect))


def _copy() -> None:
    """SQLite would write the whole table anew for each column that is dropped."""
    op.create_table(
        "new_orders",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("s2e_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("sync_status", sa.Text(), nullable=False),
        sa.Column("raw", sa.JSON(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.String(27), nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.Column("changed_at", sa.String(27), nullable=False),
        sa.Column("needs_look", sa.Boolean(), nullable=False),
        sa.Column("look_since", sa.String(27), nullable=True),
        sa.Column("out_of_scope", sa.Text(), nullable=True),
        sa.Column("not_found_cycle", sa.Text(), nullable=True),
        sa.Column("tombstone_at", sa.String(27), nullable=True),
        sa.Column("swept", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "s2e_id", name="pk_s2e_orders"),
    )
    kept = (
        "connection, s2e_id, status, external_id, sync_status, raw, digest, first_seen_at, seen_at,"
        " changed_at, needs_look, look_since, out_of_scope, not_found_cycle, tombstone_at, swept"
    )
    op.execute(f"INSERT INTO new_orders ({kept}) SELECT {kept} FROM s2e_orders")
    op.execute("DROP TABLE s2e_orders")
    op.rename_table("new_orders", "s2e_orders")
    _index("status", None)
    _index("sync_status", None)
    _index("needs_look", "needs_look = 1")
    for column in ("out_of_scope", "external_id", "tombstone_at", "not_found_cycle"):
        _index(column, f"{column} IS NOT NULL")


def _index(column: str, where: str | None) -> None:
    there = None if where is None else sa.text(where)
    op.create_index(
        f"ix_s2e_orders_connection_{column}",
        "s2e_orders",
        ["connection", column],
        sqlite_where=there,
        postgresql_where=there,
    )
