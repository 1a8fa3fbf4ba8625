"""What Alembic runs: the versions, inside the transaction of the connection that `upgrade` hands over."""

from __future__ import annotations

from alembic import context

from actors.conductor.migrations import VERSION_TABLE
from actors.conductor.tables import TABLES

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=next(iter(TABLES.values())).metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
