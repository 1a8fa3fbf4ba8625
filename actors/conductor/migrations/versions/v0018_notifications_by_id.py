"""Notifications are found by their id, which is their number: they need no second index.

Revises 0017.
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.drop_index("ix_notifications_sequence", "notifications")


def downgrade() -> None:
    op.create_index("ix_notifications_sequence", "notifications", ["sequence"])
