"""Servers' moves: resizes, cold migrations and evacuations, as administrators list them.

Revises 0028.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

TEXTS = (
    "project_id",
    "user_id",
    "kind",
    "status",
    "source_host",
    "source_node",
    "target_host",
    "target_node",
    "old_flavor",
    "new_flavor",
)


def upgrade() -> None:
    op.create_table(
        "moves",
        sa.Column("id", sa.String(), nullable=False, primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
    )
    op.create_index("ix_moves_instance_id", "moves", ["instance_id"])


def downgrade() -> None:
    op.drop_table("moves")
