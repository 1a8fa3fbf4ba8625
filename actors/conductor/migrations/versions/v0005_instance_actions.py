"""What is done to servers that have been booted: instance actions, locks.

Revises 0004.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXT, REAL, NESTED, WHOLE = sa.String(), sa.Float(), sa.JSON(), sa.BigInteger()
ADDED: Sequence[tuple[str, Any, Any]] = (
    ("locked_by", TEXT, ""),
    ("locked_reason", TEXT, ""),
    ("updated_at", REAL, "0"),
    ("interfaces_added", WHOLE, "0"),
)  # to instances, with what those that are there already get
ACTIONS: Sequence[tuple[str, Any]] = (
    ("instance_id", TEXT),
    ("project_id", TEXT),
    ("user_id", TEXT),
    ("request_id", TEXT),
    ("name", TEXT),
    ("started_at", REAL),
    ("updated_at", REAL),
    ("finished_at", REAL),
    ("message", TEXT),
    ("act", NESTED),
    ("events", NESTED),
)


def upgrade() -> None:
    with op.batch_alter_table("instances") as table:
        for name, kind, default in ADDED:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=default))
    with op.batch_alter_table("instances") as table:
        for name, _, _ in ADDED:
            table.alter_column(name, server_default=None)
    plain = (sa.Column(name, kind, nullable=False) for name, kind in ACTIONS)
    op.create_table("instance_actions", sa.Column("id", TEXT, nullable=False, primary_key=True), *plain)
    op.create_index("ix_instance_actions_instance_id", "instance_actions", ["instance_id"])


def downgrade() -> None:
    op.drop_table("instance_actions")
    with op.batch_alter_table("instances") as table:
        for name, _, _ in ADDED:
            table.drop_column(name)
