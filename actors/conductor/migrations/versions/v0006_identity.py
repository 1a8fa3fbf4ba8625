"""Domains, groups, implied roles, the service catalog and application credentials.

Revises 0005.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0006"
down_revision = "0005"

TABLES: dict[str, tuple[str, ...]] = {  # columns of text; those of other types are below
    "domains": ("name", "description"),
    "user_groups": ("name", "domain_id", "description"),
    "implied_roles": ("prior_role_id", "implied_role_id"),
    "catalog_regions": ("description", "parent_region_id"),
    "catalog_services": ("type", "name", "description"),
    "catalog_endpoints": ("service_id", "interface", "url", "region_id"),
    "application_credentials": ("name", "user_id", "project_id", "secret_hash", "description"),
}
OTHERS: dict[str, dict[str, Any]] = {
    "domains": {"enabled": sa.Boolean},
    "user_groups": {"user_ids": sa.JSON},
    "catalog_services": {"enabled": sa.Boolean},
    "catalog_endpoints": {"enabled": sa.Boolean},
    "application_credentials": {"role_ids": sa.JSON, "unrestricted": sa.Boolean, "expires_at": sa.Float},
}
ADDED: dict[str, dict[str, tuple[Any, Any]]] = {  # to rows that are there already: type and value
    "projects": {"parent_id": (AutoString, ""), "tags": (sa.JSON, "[]")},
    "users": {"description": (AutoString, ""), "email": (AutoString, "")},
    "roles": {"description": (AutoString, "")},
    "role_assignments": {
        "group_id": (AutoString, ""),
        "domain_id": (AutoString, ""),
        "system": (sa.Boolean, sa.false()),
    },
}


def upgrade() -> None:
    for name, texts in TABLES.items():
        columns: list[Any] = [sa.Column(text, AutoString(), nullable=False) for text in texts]
        others = [sa.Column(column, kind(), nullable=False) for column, kind in OTHERS.get(name, {}).items()]
        op.create_table(name, sa.Column("id", AutoString(), primary_key=True, nullable=False), *columns, *others)
    for name, columns_added in ADDED.items():
        with op.batch_alter_table(name) as table:
            for column, (kind, value) in columns_added.items():
                table.add_column(sa.Column(column, kind(), nullable=False, server_default=value))
        with op.batch_alter_table(name) as table:
            for column in columns_added:
                table.alter_column(column, server_default=None)  # it was for the rows that are there


def downgrade() -> None:
    for name in TABLES:
        op.drop_table(name)
    for name, columns_added in ADDED.items():
        with op.batch_alter_table(name) as table:
            for column in columns_added:
                table.drop_column(column)
