"""Whether anybody said that a volume is, or is not, to be read only; how far a snapshot is, as its maker said.

Revises 0019.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

ADDED = (("volumes", "readonly_told", sa.Boolean(), sa.false()), ("volume_snapshots", "progress", sa.String(), ""))


def upgrade() -> None:
    for table, name, kind, default in ADDED:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        with op.batch_alter_table(table) as batch:
            batch.alter_column(name, server_default=None)  # it was for the rows that are there
    op.execute(sa.text("UPDATE volumes SET readonly_told = readonly"))


def downgrade() -> None:
    for table, name, _, _ in ADDED:
        with op.batch_alter_table(table) as batch:
            batch.drop_column(name)
