"""What many instances were ordered with is kept once; the rows that are there keep their orders whole.

Revises 0016.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

OWN = ("name", "hostname", "admin_password", "reservation_id", "launch_index")  # what a row's order had beside it


def upgrade() -> None:
    op.create_table(
        "order_templates",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("instances") as table:
        table.add_column(sa.Column("template", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("instances") as table:
        table.alter_column("template", server_default=None)  # it was for the rows that are there


def downgrade() -> None:
    _make_whole(op.get_bind())
    with op.batch_alter_table("instances") as table:
        table.drop_column("template")
    op.drop_table("order_templates")


def _make_whole(connection: sa.Connection) -> None:
    instances = sa.table("instances", *map(sa.column, ("id", "order", "template", "request_id", "idempotency_key")))
    kept = connection.execute(sa.text("SELECT id, spec FROM order_templates")).all()
    for template_id, spec in kept:
        common = msgspec.msgpack.decode(spec)
        rows = connection.execute(sa.select(instances).where(instances.c.template == template_id)).mappings().all()
        for row in rows:
            own = dict(zip(OWN, msgspec.msgpack.decode(row["order"]), strict=True))
            said = {field: row[field] for field in ("request_id", "idempotency_key")}
            order = msgspec.msgpack.encode({**common, **own, **said})
            connection.execute(instances.update().where(instances.c.id == row["id"]).values(order=order))
