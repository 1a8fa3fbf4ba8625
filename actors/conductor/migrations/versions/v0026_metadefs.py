"""Definitions of metadata.

Revises 0025.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

TEXTS = ("namespace", "project_id", "display_name", "description", "visibility")
PARTS = ("associations", "properties", "objects", "tags")


def upgrade() -> None:
    op.create_table(
        "metadef_namespaces",
        sa.Column("id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        sa.Column("protected", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in PARTS),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "metadef_resource_types",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("created_at", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("metadef_resource_types")
    op.drop_table("metadef_namespaces")
