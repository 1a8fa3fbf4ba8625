"""What networks' clients see beyond the boot path: descriptions, tags, revisions, subnet pools, quotas.

Revises 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

DESCRIBED = ("networks", "subnets", "ports", "security_group_rules")
TAGGED = ("networks", "subnets", "ports", "security_groups")
DATED = ("security_groups", "security_group_rules")
REVISED = ("networks", "subnets", "ports", "security_groups", "security_group_rules")


def upgrade() -> None:
    for table in REVISED:
        columns = _columns(table)
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.alter_column(column.name, server_default=None)  # it was for the rows that are there
    op.create_table(
        "subnet_pools",
        sa.Column("id", sa.String(), nullable=False, primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("prefixes", sa.JSON(), nullable=False),
        sa.Column("default_prefixlen", sa.BigInteger(), nullable=False),
        sa.Column("min_prefixlen", sa.BigInteger(), nullable=False),
        sa.Column("max_prefixlen", sa.BigInteger(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "network_quotas",
        sa.Column("id", sa.String(), nullable=False, primary_key=True),
        sa.Column("limits", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("network_quotas")
    op.drop_table("subnet_pools")
    for table in REVISED:
        with op.batch_alter_table(table) as batch:
            for column in _columns(table):
                batch.drop_column(column.name)


def _columns(table: str) -> list[sa.Column[object]]:
    columns: list[sa.Column[object]] = []
    if table == "subnets":
        columns.append(sa.Column("subnetpool_id", sa.String(), nullable=False, server_default=""))
    if table in DESCRIBED:
        columns.append(sa.Column("description", sa.String(), nullable=False, server_default=""))
    if table in TAGGED:
        columns.append(sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
    if table in DATED:
        columns.append(sa.Column("created_at", sa.Float(), nullable=False, server_default="0"))
    columns.append(sa.Column("updated_at", sa.Float(), nullable=False, server_default="0"))
    columns.append(sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    return columns
