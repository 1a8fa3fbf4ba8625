"""Placement's providers that are no hosts of this cloud, the names they are described by, and who holds what of them.

Revises 0012.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

TEXT, NESTED, WHOLE = sa.String(), sa.JSON(), sa.BigInteger()
MADE: dict[str, Sequence[tuple[str, Any]]] = {
    "resource_providers": (
        ("name", TEXT),
        ("parent_id", TEXT),
        ("generation", WHOLE),
        ("inventories", NESTED),
        ("traits", NESTED),
        ("aggregates", NESTED),
    ),
    "placement_names": (("kind", TEXT), ("name", TEXT)),
    "consumers": (
        ("project_id", TEXT),
        ("user_id", TEXT),
        ("generation", WHOLE),
        ("type", TEXT),
        ("allocations", NESTED),
    ),
}


def upgrade() -> None:
    for table, made in MADE.items():
        plain = (sa.Column(name, kind, nullable=False) for name, kind in made)
        op.create_table(table, sa.Column("id", TEXT, nullable=False, primary_key=True), *plain)


def downgrade() -> None:
    for table in MADE:
        op.drop_table(table)
