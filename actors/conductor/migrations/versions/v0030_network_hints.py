"""What networks and routers were asked to be near and are called by, and how much of a subnet pool a project may have.

Revises 0029.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.alter_column(column.name, server_default=None)  # it was for the rows that are there


def downgrade() -> None:
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column.name)


def _columns() -> dict[str, list[sa.Column[object]]]:
    domain: sa.Column[object] = sa.Column("dns_domain", sa.String(), nullable=False, server_default="")
    quota: sa.Column[object] = sa.Column("default_quota", sa.BigInteger(), nullable=False, server_default="-1")
    return {"networks": [_hints(), domain], "routers": [_hints()], "subnet_pools": [quota]}


def _hints() -> sa.Column[object]:
    return sa.Column("zone_hints", sa.JSON(), nullable=False, server_default="[]")
