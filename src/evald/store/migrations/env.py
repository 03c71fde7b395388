"""Alembic's entry: run the migrations on the connection that `store/migrate.py` hands over."""

from alembic import context

from evald.store.index_tables import metadata

connection = context.config.attributes["connection"]
# Batch mode: SQLite cannot alter a table in place.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
