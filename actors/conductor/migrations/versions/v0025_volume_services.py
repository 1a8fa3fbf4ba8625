"""What an administrator has said of hosts of volumes.

Revises 0024.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "volume_services",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("volume_services")
