"""Run by Alembic: hands it the connection, and so the transaction, that `migrations` opened."""

from alembic import context

from aiprod_server.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite too: its transactions are our own BEGIN, which holds DDL as well
)
context.run_migrations()
