"""Routers and floating IPs, the networks that are external, and what physical networks agents have devices for.

Revises 0027.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

STANDARD = {
    "created_at": sa.Float,
    "description": sa.String,
    "tags": sa.JSON,
    "updated_at": sa.Float,
    "revision": sa.BigInteger,
}
ROUTERS = {
    "name": sa.String,
    "project_id": sa.String,
    "admin_state_up": sa.Boolean,
    "host": sa.String,
    "external_network_id": sa.String,
    "enable_snat": sa.Boolean,
    "routes": sa.JSON,
}
FLOATING_IPS = {
    "project_id": sa.String,
    "network_id": sa.String,
    "address": sa.String,
    "port_id": sa.String,
    "fixed_ip": sa.String,
    "router_id": sa.String,
}


def upgrade() -> None:
    _add("networks", sa.Column("external", sa.Boolean(), nullable=False, server_default=sa.false()))
    _add("network_agents", sa.Column("physical_networks", sa.JSON(), nullable=False, server_default="[]"))
    for table, columns in (("routers", ROUTERS), ("floating_ips", FLOATING_IPS)):
        plain = [sa.Column(name, kind(), nullable=False) for name, kind in (columns | STANDARD).items()]
        op.create_table(table, sa.Column("id", sa.String(), nullable=False, primary_key=True), *plain)


def downgrade() -> None:
    op.drop_table("floating_ips")
    op.drop_table("routers")
    for table, column in (("network_agents", "physical_networks"), ("networks", "external")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


def _add(table: str, column: sa.Column[object]) -> None:
    with op.batch_alter_table(table) as batch:
        batch.add_column(column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, server_default=None)  # it was for the rows that are there
