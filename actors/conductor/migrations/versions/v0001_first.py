"""The first schema: every table of the walking skeleton, and the columns that rows are looked for by.

Revises nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "projects",
        text("id", primary_key=True),
        text("name"),
        text("domain_id"),
        flag("enabled"),
        text("description"),
    )
    op.create_table(
        "users",
        text("id", primary_key=True),
        text("name"),
        text("password_hash"),
        text("domain_id"),
        text("default_project_id"),
        flag("enabled"),
    )
    op.create_table(
        "roles",
        text("id", primary_key=True),
        text("name"),
    )
    op.create_table(
        "role_assignments",
        text("id", primary_key=True),
        text("role_id"),
        text("user_id"),
        text("project_id"),
    )
    op.create_table(
        "signing_keys",
        text("id", primary_key=True),
        text("private_pem"),
        text("public_pem"),
        real("created_at"),
    )
    op.create_table(
        "revoked_tokens",
        text("id", primary_key=True),
        real("expires_at"),
    )
    op.create_table(
        "flavors",
        text("id", primary_key=True),
        text("name"),
        whole("vcpus"),
        whole("ram_mib"),
        whole("disk_gib"),
        whole("ephemeral_gib"),
        whole("swap_mib"),
        nested("extra_specs"),
        flag("is_public"),
    )
    op.create_table(
        "keypairs",
        text("id", primary_key=True),
        text("user_id"),
        text("name"),
        text("public_key"),
    )
    op.create_table(
        "instances",
        text("id", primary_key=True),
        text("name"),
        text("project_id"),
        text("user_id"),
        text("vm_state"),
        text("task_state"),
        text("power_state"),
        nested("flavor"),
        blob("order"),
        text("host"),
        text("node"),
        whole("attempt"),
        nested("failed_hosts"),
        text("request_id"),
        text("idempotency_key"),
        real("created_at"),
        real("launched_at"),
        real("deleted_at"),
        nested("fault"),
        nested("addresses"),
        text("root_device"),
        flag("deleting"),
    )
    op.create_index("ix_instances_project_id", "instances", ["project_id"])
    op.create_table(
        "stories",
        text("id", primary_key=True),
        blob("lines"),
    )
    op.create_table(
        "compute_nodes",
        text("id", primary_key=True),
        whole("epoch"),
        nested("hosts"),
    )
    op.create_table(
        "notifications",
        text("id", primary_key=True),
        whole("sequence"),
        text("event_type"),
        text("instance_id"),
        text("project_id"),
        real("at"),
        nested("payload"),
    )
    op.create_index("ix_notifications_sequence", "notifications", ["sequence"])
    op.create_table(
        "images",
        text("id", primary_key=True),
        text("name"),
        text("project_id"),
        text("status"),
        text("visibility"),
        text("disk_format"),
        text("container_format"),
        whole("size"),
        whole("virtual_size"),
        text("checksum"),
        text("os_hash_algo"),
        text("os_hash_value"),
        whole("min_disk_gib"),
        whole("min_ram_mib"),
        nested("properties"),
        real("created_at"),
    )
    op.create_table(
        "networks",
        text("id", primary_key=True),
        text("name"),
        text("project_id"),
        text("network_type"),
        whole("segmentation_id"),
        text("physical_network"),
        whole("mtu"),
        flag("shared"),
        flag("admin_state_up"),
        flag("port_security_enabled"),
        text("dhcp_host"),
        real("created_at"),
    )
    op.create_table(
        "subnets",
        text("id", primary_key=True),
        text("name"),
        text("network_id"),
        text("project_id"),
        text("cidr"),
        text("gateway_ip"),
        nested("pools"),
        nested("dns_servers"),
        nested("host_routes"),
        flag("enable_dhcp"),
        real("created_at"),
    )
    op.create_table(
        "ports",
        text("id", primary_key=True),
        text("network_id"),
        text("project_id"),
        text("mac_address"),
        nested("fixed_ips"),
        text("name"),
        text("device_id"),
        text("device_owner"),
        text("host"),
        text("status"),
        flag("admin_state_up"),
        nested("security_groups"),
        flag("port_security_enabled"),
        nested("allowed_address_pairs"),
        text("vnic_type"),
        nested("profile"),
        text("dns_name"),
        text("made_for"),
        real("created_at"),
    )
    op.create_index("ix_ports_device_id", "ports", ["device_id"])
    op.create_index("ix_ports_network_id", "ports", ["network_id"])
    op.create_table(
        "security_groups",
        text("id", primary_key=True),
        text("name"),
        text("project_id"),
        text("description"),
    )
    op.create_table(
        "security_group_rules",
        text("id", primary_key=True),
        text("security_group_id"),
        text("project_id"),
        text("direction"),
        text("ethertype"),
        text("protocol"),
        whole("port_min"),
        whole("port_max"),
        text("remote_ip_prefix"),
        text("remote_group_id"),
    )
    op.create_table(
        "network_agents",
        text("id", primary_key=True),
        text("underlay_ip"),
        real("started_at"),
    )
    op.create_table(
        "volumes",
        text("id", primary_key=True),
        text("name"),
        text("project_id"),
        whole("size_gib"),
        text("status"),
        flag("bootable"),
        text("image_id"),
        text("snapshot_id"),
        text("host"),
        text("made_for"),
        flag("delete_on_termination"),
        real("created_at"),
    )
    op.create_table(
        "volume_snapshots",
        text("id", primary_key=True),
        text("name"),
        text("project_id"),
        text("volume_id"),
        whole("size_gib"),
        text("status"),
        real("created_at"),
    )
    op.create_table(
        "volume_attachments",
        text("id", primary_key=True),
        text("volume_id"),
        text("instance_id"),
        text("host"),
        whole("attempt"),
        text("device"),
    )
    op.create_index("ix_volume_attachments_instance_id", "volume_attachments", ["instance_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def text(name: str, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, primary_key=primary_key)


def whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def real(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=False)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def nested(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


TABLES = (
    "projects",
    "users",
    "roles",
    "role_assignments",
    "signing_keys",
    "revoked_tokens",
    "flavors",
    "keypairs",
    "instances",
    "stories",
    "compute_nodes",
    "notifications",
    "images",
    "networks",
    "subnets",
    "ports",
    "security_groups",
    "security_group_rules",
    "network_agents",
    "volumes",
    "volume_snapshots",
    "volume_attachments",
)
