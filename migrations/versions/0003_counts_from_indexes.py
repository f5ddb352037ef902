"""Indexes from which a quiet cycle counts, where it would read every order whole."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_s2e_orders_connection_out_of_scope", "s2e_orders", ["connection", "out_of_scope"]
    )
    for column in ("external_id", "tombstone_at", "not_found_cycle"):
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_s2e_orders_connection_{column}",
            "s2e_orders",
            ["connection", column],
            sqlite_where=there,
            postgresql_where=there,
        )
