"""Images with members, tags and protection; volumes with types, metadata and quotas, as their REST APIs show them.

Revises 0003.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# What rows that are there already get, by table and column; new columns have no default of their own.
TEXT, REAL, FLAG, NESTED = sa.String(), sa.Float(), sa.Boolean(), sa.JSON()
ADDED: dict[str, Sequence[tuple[str, Any, Any]]] = {
    "images": (
        ("protected", FLAG, sa.false()),
        ("os_hidden", FLAG, sa.false()),
        ("tags", NESTED, "[]"),
        ("updated_at", REAL, "0"),
    ),
    "volumes": (
        ("user_id", TEXT, ""),
        ("description", TEXT, ""),
        ("user_metadata", NESTED, "{}"),
        ("image_metadata", NESTED, "{}"),
        ("volume_type", TEXT, ""),
        ("availability_zone", TEXT, "nova"),
        ("source_volume_id", TEXT, ""),
        ("readonly", FLAG, sa.false()),
        ("updated_at", REAL, "0"),
    ),
    "volume_snapshots": (
        ("user_id", TEXT, ""),
        ("description", TEXT, ""),
        ("user_metadata", NESTED, "{}"),
        ("updated_at", REAL, "0"),
    ),
    "volume_attachments": (
        ("of_server", FLAG, sa.true()),
        ("attach_status", TEXT, "attached"),
        ("mode", TEXT, "rw"),
        ("connector", NESTED, "{}"),
        ("attached_at", REAL, "0"),
    ),
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        with op.batch_alter_table(table) as altered:
            for name, kind, default in columns:
                altered.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        with op.batch_alter_table(table) as altered:
            for name, _, _ in columns:
                altered.alter_column(name, server_default=None)
    op.create_table(
        "image_members",
        sa.Column("id", TEXT, nullable=False, primary_key=True),
        sa.Column("image_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", REAL, nullable=False),
        sa.Column("updated_at", REAL, nullable=False),
    )
    op.create_table(
        "volume_types",
        sa.Column("id", TEXT, nullable=False, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("is_public", FLAG, nullable=False),
        sa.Column("extra_specs", NESTED, nullable=False),
        sa.Column("projects", NESTED, nullable=False),
        sa.Column("created_at", REAL, nullable=False),
        sa.Column("updated_at", REAL, nullable=False),
    )
    op.create_table(
        "volume_quotas",
        sa.Column("id", TEXT, nullable=False, primary_key=True),
        sa.Column("limits", NESTED, nullable=False),
    )


def downgrade() -> None:
    for table in ("volume_quotas", "volume_types", "image_members"):
        op.drop_table(table)
    for table, columns in ADDED.items():
        with op.batch_alter_table(table) as altered:
            for name, _, _ in columns:
                altered.drop_column(name)
