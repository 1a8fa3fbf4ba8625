"""One conductor writes: each takes a number when it opens the database, and writes only while that is the last.

Revises 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    writer = op.create_table(
        "writer",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("life", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(writer, [{"id": 1, "life": 0}])


def downgrade() -> None:
    op.drop_table("writer")
