"""Volumes that are offered to other projects.

Revises 0021.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

TEXTS = ("volume_id", "name", "project_id", "salt", "key_hash")


def upgrade() -> None:
    op.create_table(
        "volume_transfers",
        sa.Column("id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        sa.Column("no_snapshots", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("volume_transfers")
