"""The marks of orders and records that have to be decided about are called by that word."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RENAMED = {"needs_look": "needs_attention", "look_since": "attention_since"}


def upgrade() -> None:
    sqlite = op.get_context().dialect.name == "sqlite"
    for table in ("s2e_orders", "cmms_records"):
        op.drop_index(f"ix_{table}_connection_needs_look", table)
        for old, new in RENAMED.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    few = sa.text("needs_attention = 1" if sqlite else "needs_attention")
    op.create_index(
        "ix_s2e_orders_connection_needs_attention",
        "s2e_orders",
        ["connection", "needs_attention"],
        sqlite_where=few,
        postgresql_where=few,
    )
    op.create_index(
        "ix_cmms_records_connection_needs_attention",
        "cmms_records",
        ["connection", "needs_attention"],
    )
