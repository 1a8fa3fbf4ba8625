"""Roles of one domain, and roles that the projects below inherit.

Revises 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    with op.batch_alter_table("roles") as table:
        table.add_column(sa.Column("domain_id", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("role_assignments") as table:
        table.add_column(sa.Column("inherited", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    with op.batch_alter_table("roles") as table:
        table.alter_column("domain_id", server_default=None)  # it was for the rows that are there
    with op.batch_alter_table("role_assignments") as table:
        table.alter_column("inherited", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("role_assignments") as table:
        table.drop_column("inherited")
    with op.batch_alter_table("roles") as table:
        table.drop_column("domain_id")
