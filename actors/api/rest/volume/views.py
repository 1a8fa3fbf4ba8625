"""What Cinder's interface says of volumes, snapshots, attachments, types and quotas: pure, from the rows.

Each body has exactly the fields of the microversion that is spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from actors.api.rest.microversions import Version
from actors.records import VolumeSnapshot, VolumeType
from actors.volume.messages import AttachmentView, QuotaView, VolumeView, shown_id
from actors.volume.rules import BACKEND_HOST

POOL = f"{BACKEND_HOST}#qcow2"


def time_of(at: float) -> str | None:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") if at else None


def volume_body(view: VolumeView, spoken: Version, is_admin: bool) -> dict[str, Any]:
    """Without links."""
    volume = view.volume
    body: dict[str, Any] = {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size_gib,
        "availability_zone": volume.availability_zone,
        "created_at": time_of(volume.created_at),
        "updated_at": time_of(volume.updated_at),
        "name": volume.name or None,
        "description": volume.description or None,
        "volume_type": view.type.name,
        "snapshot_id": volume.snapshot_id or None,
        "source_volid": volume.source_volume_id or None,
        "metadata": volume.user_metadata | ({"readonly": str(volume.readonly)} if volume.readonly_told else {}),
        "user_id": volume.user_id,
        "bootable": str(volume.bootable).lower(),
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": False,
        "attachments": _attachments(view, is_admin),
    }
    if is_admin:
        body["migration_status"] = None
    return body | _newer(view, spoken, is_admin)


def _newer(view: VolumeView, spoken: Version, is_admin: bool) -> dict[str, Any]:
    since: tuple[tuple[int, bool, str, Any], ...] = (
        (13, False, "group_id", None),
        (21, True, "provider_id", None),
        (48, False, "shared_targets", False),
        (48, False, "service_uuid", None),
        (61, True, "cluster_name", None),
        (63, False, "volume_type_id", view.type.id),
        (65, False, "consumes_quota", True),
    )
    return {
        name: value for minor, for_admins, name, value in since if spoken >= (3, minor) and (is_admin or not for_admins)
    }


def shown_extras(view: VolumeView, is_admin: bool) -> dict[str, Any]:
    """What only showing a volume adds, not making one."""
    extras: dict[str, Any] = {"os-vol-tenant-attr:tenant_id": view.volume.project_id}
    if is_admin:
        extras |= {
            "os-vol-host-attr:host": POOL,
            "os-vol-mig-status-attr:migstat": None,
            "os-vol-mig-status-attr:name_id": None,
        }
    if view.volume.image_metadata:
        extras["volume_image_metadata"] = view.volume.image_metadata
    return extras


def _attachments(view: VolumeView, is_admin: bool) -> list[dict[str, Any]]:
    row = view.attachment
    if row is None or row.attach_status != "attached":
        return []
    return [
        {
            "id": row.volume_id,
            "attachment_id": shown_id(row),
            "volume_id": row.volume_id,
            "server_id": row.instance_id or None,
            "host_name": row.host if is_admin else None,
            "device": row.device or None,
            "attached_at": time_of(row.attached_at),
        }
    ]


def snapshot_body(row: VolumeSnapshot, spoken: Version, detailed: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": row.id,
        "name": row.name or None,
        "description": row.description or None,
        "created_at": time_of(row.created_at),
        "updated_at": time_of(row.updated_at),
        "status": row.status,
        "size": row.size_gib,
        "volume_id": row.volume_id,
        "metadata": row.user_metadata,
    }
    if detailed:
        progress = row.progress or ("100%" if row.status == "available" else "0%")
        body["os-extended-snapshot-attributes:progress"] = progress
        body["os-extended-snapshot-attributes:project_id"] = row.project_id
    if detailed and spoken >= (3, 14):
        body["group_snapshot_id"] = None
    if spoken >= (3, 41):
        body["user_id"] = row.user_id
    if spoken >= (3, 65):
        body["consumes_quota"] = True
    return body


def attachment_body(view: AttachmentView, detailed: bool = True) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": view.id,
        "status": view.row.attach_status,
        "instance": view.row.instance_id or None,
        "volume_id": view.row.volume_id,
    }
    if detailed:
        body |= {
            "attached_at": time_of(view.row.attached_at) or "",
            "detached_at": "",
            "attach_mode": view.row.mode,
            "connection_info": view.connection,
        }
    return body


def type_body(kind: VolumeType, is_admin: bool) -> dict[str, Any]:
    """As it is shown; the answers to making and changing one have less of it."""
    body: dict[str, Any] = {
        "id": kind.id,
        "name": kind.name,
        "description": kind.description or None,
        "is_public": kind.is_public,
        "os-volume-type-access:is_public": kind.is_public,
        "extra_specs": kind.extra_specs,
    }
    if is_admin:
        body["qos_specs_id"] = kind.qos_id or None
    return body


def quota_body(view: QuotaView, with_usage: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"id": view.project_id}
    for name, limit in view.limits.items():
        body[name] = {"limit": limit, "in_use": view.used[name], "reserved": 0} if with_usage else limit
    return body


def limits_body(view: QuotaView) -> dict[str, Any]:
    limits, used = view.limits, view.used
    absolute: Mapping[str, int] = {
        "maxTotalVolumes": limits["volumes"],
        "maxTotalSnapshots": limits["snapshots"],
        "maxTotalVolumeGigabytes": limits["gigabytes"],
        "maxTotalBackups": limits["backups"],
        "maxTotalBackupGigabytes": limits["backup_gigabytes"],
        "totalVolumesUsed": used["volumes"],
        "totalSnapshotsUsed": used["snapshots"],
        "totalGigabytesUsed": used["gigabytes"],
        "totalBackupsUsed": used["backups"],
        "totalBackupGigabytesUsed": used["backup_gigabytes"],
    }
    return {"limits": {"rate": [], "absolute": absolute}}
