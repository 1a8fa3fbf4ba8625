"""Trusts: users who act for others.

Revises 0031.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    texts = ("trustor_user_id", "trustee_user_id", "project_id", "redelegated_trust_id")
    op.create_table(
        "trusts",
        sa.Column("id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        sa.Column("impersonation", sa.Boolean(), nullable=False),
        sa.Column("role_ids", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("remaining_uses", "redelegation_count")),
    )


def downgrade() -> None:
    op.drop_table("trusts")
