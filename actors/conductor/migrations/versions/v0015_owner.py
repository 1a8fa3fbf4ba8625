"""A database belongs to a cloud: whose it is, where that cloud is, and when its conductor gave a sign of life.

Revises 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    with op.batch_alter_table("writer") as table:
        table.add_column(sa.Column("cloud", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("place", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("seen", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("writer") as table:
        for column in ("cloud", "place", "seen"):
            table.alter_column(column, server_default=None)  # it was for the row that is there


def downgrade() -> None:
    with op.batch_alter_table("writer") as table:
        for column in ("cloud", "place", "seen"):
            table.drop_column(column)
