"""What the compute API shows and rules over: described flavors and who may use them, kinds of keys, zones, quotas.

Revises 0006.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# What rows that are there already get, by table and column; new columns have no default of their own.
TEXT, REAL, FLAG, NESTED, WHOLE = sa.String(), sa.Float(), sa.Boolean(), sa.JSON(), sa.BigInteger()
ADDED: dict[str, Sequence[tuple[str, Any, Any]]] = {
    "flavors": (("description", TEXT, ""), ("rxtx_factor", REAL, "1")),
    "keypairs": (("type", TEXT, "ssh"), ("created_at", REAL, "0")),
    "instances": (("availability_zone", TEXT, ""),),
    "compute_nodes": (("disabled_reason", TEXT, ""), ("forced_down", FLAG, sa.false())),
}
MADE: dict[str, Sequence[tuple[str, Any]]] = {
    "flavor_accesses": (("flavor_id", TEXT), ("project_id", TEXT)),
    "aggregates": (
        ("number", WHOLE),
        ("name", TEXT),
        ("hosts", NESTED),
        ("properties", NESTED),
        ("created_at", REAL),
        ("updated_at", REAL),
    ),
    "compute_quotas": (("limits", NESTED),),
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        with op.batch_alter_table(table) as altered:
            for name, kind, default in columns:
                altered.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        with op.batch_alter_table(table) as altered:
            for name, _, _ in columns:
                altered.alter_column(name, server_default=None)
    for table, made in MADE.items():
        plain = (sa.Column(name, kind, nullable=False) for name, kind in made)
        op.create_table(table, sa.Column("id", TEXT, nullable=False, primary_key=True), *plain)


def downgrade() -> None:
    for table in MADE:
        op.drop_table(table)
    for table, columns in ADDED.items():
        with op.batch_alter_table(table) as altered:
            for name, _, _ in columns:
                altered.drop_column(name)
