"""What went wrong with volumes after their requests were answered.

Revises 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

TEXTS = ("project_id", "volume_id", "event", "request_id")


def upgrade() -> None:
    op.create_table(
        "volume_messages",
        sa.Column("id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        sa.Column("created_at", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("volume_messages")
