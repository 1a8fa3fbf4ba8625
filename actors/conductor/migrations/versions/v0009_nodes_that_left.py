"""Worker nodes that left the cluster, and are fenced until they come back.

Revises 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("compute_nodes") as table:
        table.add_column(sa.Column("gone", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("compute_nodes") as table:
        table.alter_column("gone", server_default=None)  # it was for the rows that are there


def downgrade() -> None:
    with op.batch_alter_table("compute_nodes") as table:
        table.drop_column("gone")
