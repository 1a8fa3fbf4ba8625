"""Credentials of users, sealed.

Revises 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    fields = [sa.Column(name, sa.String(), nullable=False) for name in ("user_id", "type", "sealed", "project_id")]
    op.create_table("credentials", sa.Column("id", sa.String(), nullable=False, primary_key=True), *fields)


def downgrade() -> None:
    op.drop_table("credentials")
