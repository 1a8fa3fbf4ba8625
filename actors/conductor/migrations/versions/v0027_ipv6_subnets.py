"""How guests come to their addresses in subnets of IPv6.

Revises 0026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

ADDED = ("ipv6_ra_mode", "ipv6_address_mode")


def upgrade() -> None:
    with op.batch_alter_table("subnets") as batch:
        for name in ADDED:
            batch.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("subnets") as batch:
        for name in ADDED:
            batch.alter_column(name, server_default=None)  # it was for the rows that are there


def downgrade() -> None:
    with op.batch_alter_table("subnets") as batch:
        for name in ADDED:
            batch.drop_column(name)
