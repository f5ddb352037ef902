"""A link knows that its record has carried the order's id; a write knows what it does on its way.

A record that is linked now and carries the id has carried it.
"""

import sqlalchemy as sa
from alembic import op

from syncd.mirror.db.columns import Json

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CARRYING = """
UPDATE links SET carried = {true} WHERE EXISTS (
    SELECT 1 FROM cmms_records AS record
    WHERE record.connection = links.connection
        AND record.cmms_id = links.cmms_id AND record.s2e_id = links.s2e_id
)
"""


def upgrade() -> None:
    op.add_column(
        "links", sa.Column("carried", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("intents", sa.Column("effects", Json))
    sqlite = op.get_context().dialect.name == "sqlite"
    op.execute(CARRYING.format(true="1" if sqlite else "true"))
