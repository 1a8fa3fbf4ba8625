"""A security group rule for any port says -1, as 0 is an ICMP type and an ICMP code of its own.

Revises 0009.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

RULES = "security_group_rules"
ICMP = "('icmp', 'icmpv6', 'ipv6-icmp', '1', '58')"


def upgrade() -> None:
    op.execute(f"UPDATE {RULES} SET port_max = -1 WHERE port_max = 0 AND (port_min = 0 OR protocol IN {ICMP})")
    op.execute(f"UPDATE {RULES} SET port_min = -1 WHERE port_min = 0 AND port_max = -1")


def downgrade() -> None:
    op.execute(f"UPDATE {RULES} SET port_max = 0 WHERE port_max = -1")
    op.execute(f"UPDATE {RULES} SET port_min = 0 WHERE port_min = -1")
