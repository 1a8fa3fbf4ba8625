"""What volume types say of their volumes: encryption, and QoS specs.

Revises 0022.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

ADDED = (("encryption", sa.JSON(), "[]"), ("qos_id", sa.String(), ""))


def upgrade() -> None:
    op.create_table(
        "volume_qos_specs",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("specs", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
    )
    with op.batch_alter_table("volume_types") as batch:
        for name, kind, default in ADDED:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=default))
    with op.batch_alter_table("volume_types") as batch:
        for name, _, _ in ADDED:
            batch.alter_column(name, server_default=None)  # it was for the rows that are there


def downgrade() -> None:
    with op.batch_alter_table("volume_types") as batch:
        for name, _, _ in ADDED:
            batch.drop_column(name)
    op.drop_table("volume_qos_specs")
