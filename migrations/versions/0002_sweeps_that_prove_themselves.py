"""Sweeps that prove themselves: who was met, how far it got, and the certificate."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("s2e_orders", sa.Column("swept", sa.Integer(), nullable=True))
    op.add_column("sweeps", sa.Column("progress", JSON, nullable=True))
    op.add_column("sweeps", sa.Column("certificate", JSON, nullable=True))
    # A sweep that an older version left behind cannot be resumed: it kept no place.
    op.execute(
        "UPDATE sweeps SET result = 'partial', reason = 'interrupted' WHERE result = 'running'"
    )
