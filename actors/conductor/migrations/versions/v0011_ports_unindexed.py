"""Ports are looked for in the network room's memory only, and each index cost every boot three writes.

Revises 0010.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

INDEXED = ("network_id", "device_id")


def upgrade() -> None:
    for column in INDEXED:
        op.drop_index(op.f(f"ix_ports_{column}"), table_name="ports")


def downgrade() -> None:
    for column in INDEXED:
        op.create_index(op.f(f"ix_ports_{column}"), "ports", [column])
