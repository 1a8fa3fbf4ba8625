"""Worker nodes that are drained.

Revises 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("compute_nodes") as table:
        table.add_column(sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("compute_nodes") as table:
        table.alter_column("enabled", server_default=None)  # it was for the rows that are there


def downgrade() -> None:
    with op.batch_alter_table("compute_nodes") as table:
        table.drop_column("enabled")
