"""Alembic runs inside the transaction that `syncd.mirror.db.schema.upgrade` has begun."""

from alembic import context

from syncd.mirror.db.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
