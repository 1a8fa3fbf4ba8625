"""Ids of images that were deleted, which nobody may give again.

Revises 0030.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "deleted_images",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("deleted_at", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("deleted_images")
